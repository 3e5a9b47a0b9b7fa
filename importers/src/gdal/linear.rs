//! Arcs to straight lines: the one place that calls GDAL's C interface.
//!
//! The `gdal` crate has no safe way to a linear geometry, and `geo` knows no arcs.

#![expect(unsafe_code, reason = "OGR_G_GetLinearGeometry has no safe wrapper in the gdal crate")]

use gdal::vector::Geometry;

/// `geometry` with every arc replaced by chords that deviate from it by at most `sagitta` (in the
/// unit of the coordinates); a linear geometry comes back as it is.
pub(super) fn linearised(geometry: &Geometry, sagitta: f64) -> Option<Geometry> {
    // SAFETY: the handle is valid for the life of `geometry`, and the function only reads it.
    let curved = unsafe { gdal_sys::OGR_G_HasCurveGeometry(geometry.c_geometry(), 0) } != 0;
    if !curved {
        return Some(geometry.clone());
    }
    let envelope = geometry.envelope();
    let radius = (envelope.MaxX - envelope.MinX).hypot(envelope.MaxY - envelope.MinY).max(sagitta);
    // The sagitta of a chord over the angle a on radius r is r (1 - cos(a/2)). The diagonal of the
    // box bounds the radius of every arc but flat slivers, whose steps are small anyway.
    let step_deg = (2.0 * (1.0 - sagitta / radius).clamp(-1.0, 1.0).acos()).to_degrees().clamp(0.05, 8.0);
    // SAFETY: `geometry` is only read and the new geometry is ours; the option list may be null.
    // `linear` is used only when not null and destroyed once, after its last use; the buffer has
    // the size that OGR asked for. WKB carries f64 exactly.
    let bytes = unsafe {
        let linear = gdal_sys::OGR_G_GetLinearGeometry(geometry.c_geometry(), step_deg, std::ptr::null_mut());
        if linear.is_null() {
            return None;
        }
        let mut bytes = vec![0_u8; usize::try_from(gdal_sys::OGR_G_WkbSize(linear)).unwrap_or(0)];
        let done = gdal_sys::OGR_G_ExportToWkb(linear, gdal_sys::OGRwkbByteOrder::wkbNDR, bytes.as_mut_ptr());
        gdal_sys::OGR_G_DestroyGeometry(linear);
        (done == gdal_sys::OGRErr::OGRERR_NONE).then_some(bytes)?
    };
    Geometry::from_wkb(&bytes).ok()
}
