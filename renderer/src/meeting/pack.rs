//! Packing a meeting: every answer its scene needs, kept in a folder that opens without a server.
//!
//! First the meeting is looked at as it will be held, from its camera and every bookmark with every scheme, and whatever
//! was asked for is kept; then the finest data round the project are added, tile by tile, so that one can also look
//! closer. Both are bounded: a folder is for a project, not for a county.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tiles::tileset::{Tile, Tileset};
use url::Url;

use super::Shows;
use super::file::{MeetingFile, PACKED_NAME};
use crate::desk::Desk;
use crate::error::ViewError;
use crate::fetch::{self, Source};
use crate::headless;
use crate::packed::Packer;
use crate::panel::Panels;
use crate::panel::words::Language;
use crate::scene::place;
use crate::scene::tileset::volume_in_ecef;
use crate::service::{Pyramid, Service};
use crate::session::Credentials;
use crate::viewer::Viewer;

/// The size of the looks that decide what is needed.
const LOOK_PX: [u32; 2] = [1_920, 1_080];
/// More than this is no meeting any more.
const MOST_ANSWERS: usize = 40_000;
const MOST_BYTES: u64 = 2 << 30;
/// Simultaneous requests.
const WORKERS: usize = 8;
/// Metres of a degree of latitude, near enough for a margin.
const DEGREE_M: f64 = 111_320.0;

/// What packing came to.
#[derive(Clone, Debug, Serialize)]
pub struct Packing {
    /// Answers kept.
    pub answers: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Requests that failed and are missing.
    pub missing: usize,
}

/// Packs a meeting's file into a new folder, with the finest data `margin_m` metres round the project.
pub fn pack(path: &Path, out: &Path, margin_m: f64, credentials: Option<&Credentials>) -> Result<Packing, ViewError> {
    let file = MeetingFile::open(path)?;
    let wrong = |reason: String| ViewError::MeetingFile { path: path.to_owned(), reason };
    let packer = Arc::new(Mutex::new(Packer::begin(out)?));
    let mut service = Service::new(file.server_url().map_err(wrong)?)?;
    if let Some(credentials) = credentials {
        service.sign_in(credentials)?;
    }
    service.record(Arc::clone(&packer));
    let quiet: Arc<dyn Fn() + Send + Sync> = Arc::new(|| {});
    let mut viewer = Viewer::open(service.clone(), file.datetime.clone(), &quiet)?;
    if let Some(project) = &file.project {
        viewer.set_meeting(super::client::read(&service, project)?);
    }
    viewer.meeting_folder = path.parent().map(Path::to_owned);
    let mut desk = Desk::new(viewer, Language::Zh, Panels::None);
    desk.restore(&file);
    look(&mut desk)?;
    let bounds = desk.viewer.meeting.as_ref().and_then(super::Meeting::bounds);
    let [lon, lat, _] = desk.viewer.camera.lon_lat_height_deg;
    let area = widened(bounds.unwrap_or([lon, lat, lon, lat]), margin_m);
    let mut missing = 0;
    for pyramid in desk.viewer.pyramids() {
        missing += fetch_all(service.source(), tiles_over(&pyramid, area)?, &packer)?;
    }
    for url in desk.viewer.tileset_links() {
        missing += walk(service.source(), url, area, &packer)?;
    }
    copy_models(&file, path, out)?;
    file.save(&out.join(PACKED_NAME))?;
    // Threads that are still reading have a handle to the packer: they are gone with the viewer.
    drop(desk);
    let packing = {
        let packer = packer.lock().unwrap_or_else(PoisonError::into_inner);
        Packing { answers: packer.len(), bytes: packer.bytes, missing }
    };
    packer.lock().unwrap_or_else(PoisonError::into_inner).finish()?;
    Ok(packing)
}

/// Looks from everywhere the meeting looks from, with every scheme.
fn look(desk: &mut Desk) -> Result<(), ViewError> {
    let own = desk.viewer.camera;
    headless::settle(desk, LOOK_PX, headless::PATIENCE)?;
    let (bookmarks, schemes) = desk
        .viewer
        .meeting
        .as_ref()
        .map_or((0, 0), |meeting| (meeting.scene.bookmarks.len(), meeting.scene.schemes.len()));
    if desk.viewer.meeting.is_some() {
        desk.viewer.camera = desk.framing_project(LOOK_PX);
    }
    for scheme in 0..schemes {
        if let Some(meeting) = &mut desk.viewer.meeting {
            meeting.shows = Shows::One(scheme);
        }
        headless::settle(desk, LOOK_PX, headless::PATIENCE)?;
    }
    headless::settle(desk, LOOK_PX, headless::PATIENCE)?;
    for bookmark in 0..bookmarks {
        desk.goto_bookmark(bookmark, false);
        headless::settle(desk, LOOK_PX, headless::PATIENCE)?;
    }
    desk.viewer.camera = own;
    Ok(())
}

fn widened([west, south, east, north]: [f64; 4], margin_m: f64) -> [f64; 4] {
    let high = margin_m / DEGREE_M;
    let wide = high / f64::midpoint(south, north).to_radians().cos().max(0.1);
    [west - wide, south - high, east + wide, north + high]
}

/// Addresses of a pyramid's tiles over an area; at every zoom one more tile to all sides, so that the rest fades out.
fn tiles_over(pyramid: &Pyramid, [west, south, east, north]: [f64; 4]) -> Result<Vec<Url>, ViewError> {
    let mut urls = Vec::new();
    let [x_0, y_0] = place::square_from_lon_lat_deg(west, north);
    let [x_1, y_1] = place::square_from_lon_lat_deg(east, south);
    for z in pyramid.min_zoom..=pyramid.max_zoom {
        let tiles = 2_f64.powi(i32::from(z));
        let range = |low: f64, high: f64| {
            let last = tiles - 1.0;
            (
                ((low * tiles).floor() - 1.0).clamp(0.0, last) as u32,
                ((high * tiles).floor() + 1.0).clamp(0.0, last) as u32,
            )
        };
        let ((left, right), (top, bottom)) = (range(x_0, x_1), range(y_0, y_1));
        let count = u64::from(right - left + 1) * u64::from(bottom - top + 1);
        if count > MOST_ANSWERS as u64 {
            return Err(ViewError::TooMuch { what: format!("{count} 瓦片 (tiles)") });
        }
        for x in left..=right {
            for y in top..=bottom {
                let bounds = crate::scene::ground::bounds_lon_lat_deg((z, x, y));
                if pyramid.touches(bounds) {
                    urls.push(pyramid.url(z, x, y)?);
                }
            }
        }
    }
    Ok(urls)
}

/// Fetches what is not kept yet; gives back how much of it failed.
fn fetch_all(source: &Source, urls: Vec<Url>, packer: &Mutex<Packer>) -> Result<usize, ViewError> {
    let held = |url: &Url| packer.lock().unwrap_or_else(PoisonError::into_inner).holds(url);
    let queue = Mutex::new(urls.into_iter().filter(|url| !held(url)).collect::<Vec<_>>());
    let failed = Mutex::new(0_usize);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let Some(url) = queue.lock().unwrap_or_else(PoisonError::into_inner).pop() else { return };
                    if is_too_much(packer).is_some() {
                        return;
                    }
                    if let Err(error) = fetch::fetch(source, &url) {
                        tracing::warn!(error = %crate::viewer::chain(&error), "not packed");
                        *failed.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                    }
                }
            });
        }
    });
    match is_too_much(packer) {
        Some(what) => Err(ViewError::TooMuch { what }),
        None => Ok(failed.into_inner().unwrap_or_else(PoisonError::into_inner)),
    }
}

fn is_too_much(packer: &Mutex<Packer>) -> Option<String> {
    let packer = packer.lock().unwrap_or_else(PoisonError::into_inner);
    let (answers, bytes) = (packer.len(), packer.bytes);
    (answers > MOST_ANSWERS || bytes > MOST_BYTES).then(|| format!("{answers} 个文件 (files), {} MiB", bytes >> 20))
}

/// Fetches a tileset's contents over an area, and those of the tilesets within it.
fn walk(source: &Source, root: Url, area: [f64; 4], packer: &Mutex<Packer>) -> Result<usize, ViewError> {
    let middle = place::ecef([f64::midpoint(area[0], area[2]), f64::midpoint(area[1], area[3]), 0.0]);
    let corner = place::ecef([area[0], area[1], 0.0]);
    // Heights are not known here: a kilometre more up and down than to the sides does no harm.
    let reach_m = (corner - middle).length() + 1_000.0;
    let (mut waiting, mut seen, mut missing) = (vec![root], BTreeSet::new(), 0);
    while let Some(url) = waiting.pop() {
        if !seen.insert(url.to_string()) || seen.len() > MOST_ANSWERS {
            continue;
        }
        let parsed = fetch::fetch(source, &url).and_then(|fetched| {
            let parsed = Tileset::parse(&fetched.body)
                .map_err(|error| ViewError::Tile { url: url.to_string(), reason: error.to_string() })?;
            Ok((parsed, fetched.url))
        });
        let Ok((tileset, base)) = parsed else {
            missing += 1;
            continue;
        };
        let mut contents = Vec::new();
        let mut tiles: Vec<(&Tile, glam::DMat4)> = vec![(&tileset.root, glam::DMat4::IDENTITY)];
        while let Some((tile, parent)) = tiles.pop() {
            let ecef_from_tile = parent * glam::DMat4::from_cols_array(&tile.parent_from_tile());
            if volume_in_ecef(&tile.bounding_volume, &ecef_from_tile).distance_m(middle) > reach_m {
                continue;
            }
            for content in tile.all_contents() {
                let Ok(url) = base.join(&content.uri) else { continue };
                if content.is_tileset() { waiting.push(url) } else { contents.push(url) }
            }
            tiles.extend(tile.children.iter().map(|child| (child, ecef_from_tile)));
        }
        missing += fetch_all(source, contents, packer)?;
    }
    Ok(missing)
}

/// Models that lie beside the meeting's file go along.
fn copy_models(file: &MeetingFile, path: &Path, out: &Path) -> Result<(), ViewError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let models = file.schemes.iter().flat_map(|scheme| &scheme.models);
    for model in models.filter(|model| !model.glb.starts_with('/')) {
        let to = out.join(&model.glb);
        let failed = |source| ViewError::File { path: to.clone(), source };
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        std::fs::copy(folder.join(&model.glb), &to).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_round_a_project_are_few_at_every_zoom_and_a_county_is_refused() {
        let pyramid = Pyramid {
            template: "http://h/{z}/{x}/{y}".to_owned(),
            min_zoom: 6,
            max_zoom: 18,
            bounds_lon_lat_deg: [109.0, 28.0, 110.0, 29.0],
        };
        let area = widened([109.74, 28.31, 109.743, 28.313], 600.0);
        let urls = tiles_over(&pyramid, area).expect("few");
        assert!((100..1_500).contains(&urls.len()), "{}", urls.len());
        let unique: BTreeSet<_> = urls.iter().map(Url::as_str).collect();
        assert_eq!(unique.len(), urls.len());
        assert!(matches!(tiles_over(&pyramid, [109.0, 28.0, 110.0, 29.0]), Err(ViewError::TooMuch { .. })));
    }

    #[test]
    fn a_margin_is_as_wide_as_it_is_high_on_the_ground() {
        let [west, south, east, north] = widened([109.74, 28.31, 109.74, 28.31], 1_000.0);
        let wide_m = geodesy::distance::geodesic_m([west, 28.31], [east, 28.31]);
        let high_m = geodesy::distance::geodesic_m([109.74, south], [109.74, north]);
        assert!((wide_m - 2_000.0).abs() < 20.0 && (high_m - 2_000.0).abs() < 20.0, "{wide_m} {high_m}");
    }
}
