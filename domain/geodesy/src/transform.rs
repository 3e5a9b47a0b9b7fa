//! Operations between coordinate systems, planned here and carried out by PROJ. The only file that calls PROJ.
//!
//! A plan is a PROJ pipeline in three parts: source plane to longitude and latitude, one datum to another by the
//! product's own rules ([`crate::datum`]), longitude and latitude to target plane. PROJ is asked for the first and
//! last part (conversions, exact) and for a datum operation only between modern datums, where a ballpark one is
//! refused. Heights pass through: [`crate::height`] moves them, on purpose. Geocentric coordinates are computed in
//! closed form ([`crate::frame`]), because the binding carries two coordinates only.
//!
//! A PROJ object is not `Sync` and its destructor clears caches that all threads share. Therefore objects live in
//! a cache per thread, and creating and dropping one is done under one lock; converting takes none.

use std::{
    cell::RefCell,
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

use proj::Proj;

use crate::{
    GeodesyError,
    crs::Crs,
    datum::{Datum, DatumParameters},
    frame::{ecef_on, lon_lat_height_deg_on},
    pipeline::Steps,
};

/// PROJ objects kept per thread; a server uses a handful.
const CACHED_PER_THREAD: usize = 64;
/// Points handed to PROJ at once.
const CHUNK: usize = 4096;

/// Plans remembered for all threads; those with parameters are not.
const REMEMBERED: usize = 256;

static PLANS: LazyLock<Mutex<HashMap<(String, String), Transform>>> = LazyLock::new(Mutex::default);
static PROJ_LOCK: Mutex<()> = Mutex::new(());

thread_local! {
    static CACHE: RefCell<HashMap<Arc<str>, Cached>> = RefCell::new(HashMap::new());
}

/// A planned operation from one coordinate system to another. Cheap to clone, usable from any thread.
#[derive(Clone)]
pub struct Transform {
    plan: Arc<Plan>,
}

struct Plan {
    from: Crs,
    to: Crs,
    /// From the source (longitude, latitude of its own datum where it is geocentric) to the target (same).
    pipeline: Arc<str>,
    identity: bool,
    accuracy_m: Option<f64>,
    /// Whether a secret went into the pipeline.
    with_parameters: bool,
}

impl Transform {
    /// Plans an operation by the datum rules, without parameters.
    pub fn new(from: &Crs, to: &Crs) -> Result<Self, GeodesyError> {
        let key = (from.definition().to_owned(), to.definition().to_owned());
        let plans = || PLANS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = plans().get(&key) {
            return Ok(known.clone());
        }
        let transform = Self::with_parameters(from, to, None)?;
        let mut plans = plans();
        if plans.len() >= REMEMBERED {
            plans.clear();
        }
        plans.insert(key, transform.clone());
        Ok(transform)
    }

    /// Plans an operation; `parameters` open the way from (or to) an old or local datum. They are not used where
    /// neither side needs them.
    pub fn with_parameters(from: &Crs, to: &Crs, parameters: Option<&DatumParameters>) -> Result<Self, GeodesyError> {
        let mut accuracy_m = Some(0.0);
        let mut with_parameters = false;
        let datum_steps = if same_datum(from, to) {
            Steps::default()
        } else {
            let leave = leave_datum(from, to, parameters)?;
            let enter = leave_datum(to, from, parameters)?;
            with_parameters = leave.secret || enter.secret;
            accuracy_m = leave.accuracy_m.zip(enter.accuracy_m).map(|(a, b)| a + b);
            leave.steps.then(enter.steps.inverted())
        };
        let steps = Steps::parse(&from.lon_lat_from_native_steps())
            .then(datum_steps)
            .then(Steps::parse(&to.native_from_lon_lat_steps()));
        let transform = Self {
            plan: Arc::new(Plan {
                from: from.clone(),
                to: to.clone(),
                identity: steps.is_identity(),
                pipeline: steps.to_string().into(),
                accuracy_m,
                with_parameters,
            }),
        };
        // A pipeline that PROJ rejects is found now, not at the first point.
        transform.with_proj(|_| Ok(()))?;
        Ok(transform)
    }

    /// Source.
    #[must_use]
    pub fn from(&self) -> &Crs {
        &self.plan.from
    }

    /// Target.
    #[must_use]
    pub fn to(&self) -> &Crs {
        &self.plan.to
    }

    /// The operation as a PROJ pipeline in the axis order of both systems' authorities, as GDAL wants it in
    /// `COORDINATE_OPERATION` beside `SRC_SRS` = `from().definition()` and `DST_SRS` = `to().definition()`.
    /// Where [`Self::is_secret`], it must be neither logged nor stored.
    #[must_use]
    pub fn pipeline(&self) -> String {
        let swap = |crs: &Crs| Steps::parse(if crs.is_northing_first() { "+proj=axisswap +order=2,1" } else { "" });
        let cart = |crs: &Crs| {
            Steps::parse(&if crs.is_geocentric() {
                format!(
                    "+step +inv +proj=cart {} +step +proj=unitconvert +xy_in=rad +xy_out=deg",
                    crs.ellipsoid().proj_terms()
                )
            } else {
                String::new()
            })
        };
        swap(self.from())
            .then(cart(self.from()))
            .then(Steps::parse(&self.plan.pipeline))
            .then(cart(self.to()).inverted())
            .then(swap(self.to()))
            .to_string()
    }

    /// Whether the pipeline holds datum parameters.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.plan.with_parameters
    }

    /// Metres that the datum operation is said to be good for: 0 within one datum, none where nobody says.
    #[must_use]
    pub fn accuracy_m(&self) -> Option<f64> {
        self.plan.accuracy_m
    }

    /// Converts points in place: x (easting or longitude) first, degrees or the system's own length unit.
    /// After an error the contents are a mixture and must not be used.
    pub fn points(&self, points: &mut [[f64; 2]]) -> Result<(), GeodesyError> {
        if self.from().is_geocentric() || self.to().is_geocentric() {
            return Err(GeodesyError::NeedsHeight);
        }
        self.plane(points, |point| *point, |point, xy| *point = xy)
    }

    /// Converts points with height in place. The height is in the source's vertical unit where it states one, else
    /// metres, and comes out likewise; its datum stays what it was. Geocentric systems take and give X, Y, Z metres.
    pub fn points_3d(&self, points: &mut [[f64; 3]]) -> Result<(), GeodesyError> {
        let (from, to) = (self.from(), self.to());
        if from.is_geocentric() && to.is_geocentric() && self.plan.identity {
            return Ok(());
        }
        if from.is_geocentric() {
            for point in points.iter_mut() {
                *point = lon_lat_height_deg_on(from.ellipsoid(), *point);
            }
        }
        self.plane(points, |point| [point[0], point[1]], |point, [x, y]| *point = [x, y, point[2]])?;
        let scale = from.vertical_unit_m().unwrap_or(1.0) / to.vertical_unit_m().unwrap_or(1.0);
        if (scale - 1.0).abs() > f64::EPSILON {
            for point in points.iter_mut() {
                point[2] *= scale;
            }
        }
        if to.is_geocentric() {
            for point in points.iter_mut() {
                *point = ecef_on(to.ellipsoid(), *point);
            }
        }
        Ok(())
    }

    /// Runs the pipeline over two coordinates of each item.
    fn plane<T>(
        &self,
        items: &mut [T],
        get: impl Fn(&T) -> [f64; 2],
        set: impl Fn(&mut T, [f64; 2]),
    ) -> Result<(), GeodesyError> {
        if self.plan.identity {
            return match items.iter().position(|item| !get(item).iter().all(|v| v.is_finite())) {
                Some(index) => Err(self.outside(index, get(&items[index]))),
                None => Ok(()),
            };
        }
        self.with_proj(|proj| {
            let mut pairs: Vec<(f64, f64)> = Vec::with_capacity(CHUNK.min(items.len()));
            for (number, chunk) in items.chunks_mut(CHUNK).enumerate() {
                pairs.clear();
                pairs.extend(chunk.iter().map(|item| <(f64, f64)>::from(get(item))));
                let whole = proj.convert_array(&mut pairs).is_ok();
                let bad = if whole {
                    pairs.iter().position(|(x, y)| !x.is_finite() || !y.is_finite())
                } else {
                    // PROJ names no index: look for it.
                    chunk.iter().position(|item| {
                        let [x, y] = get(item);
                        !matches!(proj.convert((x, y)), Ok((x, y)) if x.is_finite() && y.is_finite())
                    })
                };
                match bad {
                    Some(at) => return Err(self.outside(number * CHUNK + at, get(&chunk[at]))),
                    None if !whole => return Err(self.outside(number * CHUNK, get(&chunk[0]))),
                    None => {}
                }
                for (item, (x, y)) in chunk.iter_mut().zip(&pairs) {
                    set(item, [*x, *y]);
                }
            }
            Ok(())
        })
    }

    fn outside(&self, index: usize, [x, y]: [f64; 2]) -> GeodesyError {
        GeodesyError::PointOutside { index, x, y, from: self.from().name().to_owned(), to: self.to().name().to_owned() }
    }

    /// This thread's PROJ object for the pipeline.
    fn with_proj<R>(&self, work: impl FnOnce(&Proj) -> Result<R, GeodesyError>) -> Result<R, GeodesyError> {
        CACHE.with_borrow_mut(|cache| {
            if !cache.contains_key(&self.plan.pipeline) {
                if cache.len() >= CACHED_PER_THREAD {
                    cache.clear();
                }
                let made = Cached::new(&self.plan.pipeline, &self.plan.from, &self.plan.to)?;
                cache.insert(Arc::clone(&self.plan.pipeline), made);
            }
            let cached = &cache[&self.plan.pipeline];
            work(cached.0.as_ref().expect("it is taken out only when dropped"))
        })
    }
}

impl fmt::Debug for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Transform");
        shown.field("from", &self.from().name()).field("to", &self.to().name());
        if !self.is_secret() {
            shown.field("pipeline", &self.plan.pipeline);
        }
        shown.finish_non_exhaustive()
    }
}

/// A PROJ object that is dropped under the lock.
struct Cached(Option<Proj>);

impl Cached {
    fn new(pipeline: &str, from: &Crs, to: &Crs) -> Result<Self, GeodesyError> {
        let _guard = lock();
        match Proj::new(pipeline) {
            Ok(proj) => Ok(Self(Some(proj))),
            Err(error) => {
                Err(GeodesyError::Proj { what: format!("{} → {}", from.name(), to.name()), source: Box::new(error) })
            }
        }
    }
}

impl Drop for Cached {
    fn drop(&mut self) {
        let _guard = lock();
        drop(self.0.take());
    }
}

fn lock() -> MutexGuard<'static, ()> {
    // The lock guards no data: a panic elsewhere leaves nothing half done.
    PROJ_LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether no datum lies between two systems.
fn same_datum(from: &Crs, to: &Crs) -> bool {
    let (a, b) = (from.datum(), to.datum());
    (a.is_cgcs2000_by_identity() && b.is_cgcs2000_by_identity())
        || (a == b
            && !matches!(a, Datum::Unknown(_))
            && from.is_greenwich_degrees()
            && to.is_greenwich_degrees()
            && from.ellipsoid().is_nearly(to.ellipsoid()))
        || from == to
}

/// From a system's longitude and latitude to those of CGCS2000.
struct Leave {
    steps: Steps,
    accuracy_m: Option<f64>,
    secret: bool,
}

fn leave_datum(crs: &Crs, other: &Crs, parameters: Option<&DatumParameters>) -> Result<Leave, GeodesyError> {
    let datum = crs.datum();
    if datum.is_cgcs2000_by_identity() {
        return Ok(Leave { steps: Steps::default(), accuracy_m: Some(0.0), secret: false });
    }
    if !datum.needs_parameters() {
        return proj_to_wgs84(crs, other);
    }
    match parameters {
        Some(parameters) if parameters.leaves(&datum) => {
            Ok(Leave { steps: Steps::parse(&parameters.steps(crs.ellipsoid())), accuracy_m: None, secret: true })
        }
        Some(parameters) => Err(GeodesyError::ParametersDoNotApply {
            parameters: parameters.leaves_name().to_owned(),
            crs: crs.name().to_owned(),
            datum: datum.to_string(),
        }),
        None => Err(GeodesyError::DatumRefused { crs: crs.name().to_owned(), datum: datum.to_string() }),
    }
}

/// PROJ's best operation from a modern datum to WGS 84, unless it is a ballpark one.
fn proj_to_wgs84(crs: &Crs, other: &Crs) -> Result<Leave, GeodesyError> {
    let found = operation(crs.base_definition(), "EPSG:4326", &crs.places_lon_lat_deg(), crs.name())?;
    match found {
        Some(Operation { steps, accuracy_m }) => Ok(Leave {
            steps: Steps::parse(&steps),
            accuracy_m: (accuracy_m >= 0.0).then_some(accuracy_m),
            secret: false,
        }),
        None => Err(GeodesyError::OnlyBallpark { from: crs.name().to_owned(), to: other.name().to_owned() }),
    }
}

/// A coordinate system as PROJJSON; none where PROJ cannot read it.
pub(crate) fn projjson(definition: &str) -> Option<String> {
    let _guard = lock();
    let proj = Proj::new(definition).ok()?;
    proj.to_projjson(Some(false), None, None).ok()
}

/// A coordinate system that PROJ has read before, as WKT2.
pub(crate) fn wkt2(projjson_text: &str) -> Option<String> {
    let _guard = lock();
    let proj = Proj::new(projjson_text).ok()?;
    proj.as_wkt(None, None).ok()
}

/// A coordinate system as WKT 1 in one line; none where WKT 1 cannot say it (three-dimensional degrees, for one).
pub(crate) fn wkt1(definition: &str) -> Option<String> {
    let _guard = lock();
    let proj = Proj::new(definition).ok()?;
    // proj 0.31 asserts that PROJ has an answer.
    let ask = || proj.as_wkt(Some(proj::wkt::WktVersion::Wkt1_Gdal), None).ok();
    let text = std::panic::catch_unwind(std::panic::AssertUnwindSafe(ask)).ok().flatten()?;
    Some(text.lines().map(str::trim).collect())
}

/// What PROJ would do.
pub(crate) struct Operation {
    /// PROJ's definition.
    pub(crate) steps: String,
    /// Metres; negative where nobody says.
    pub(crate) accuracy_m: f64,
}

/// PROJ's operation between two systems in longitude/latitude and easting/northing order, none where it knows only
/// a ballpark one. Where it knows several, the first of `places` (in degrees) that it can convert with certainty
/// chooses. `name` is for the error only.
pub(crate) fn operation(
    from: &str,
    to: &str,
    places: &[[f64; 2]],
    name: &str,
) -> Result<Option<Operation>, GeodesyError> {
    let _guard = lock();
    let proj = Proj::new_known_crs(from, to, None)
        .map_err(|error| GeodesyError::Proj { what: name.to_owned(), source: Box::new(error) })?;
    let certain = || {
        let info = proj.proj_info();
        let description = info.description.unwrap_or_default().to_lowercase();
        let steps = info.definition.filter(|text| text.contains("proj="))?;
        (!description.contains("ballpark")).then_some(Operation { steps, accuracy_m: info.accuracy })
    };
    // A single operation shows itself at once, one of several only after a point has been through it.
    Ok(certain().or_else(|| {
        let mut places = places.iter();
        places.find_map(|[lon, lat]| proj.convert((*lon, *lat)).ok().and_then(|_| certain()))
    }))
}
