//! The only folder that names GDAL: reading rasters and vector layers as delivered.
//!
//! GDAL decides no coordinates here: rasters give samples and their affine, vectors give native
//! coordinates, and both give the CRS as text for `geodesy` to judge. Only named drivers are
//! opened, so that a `.tif` that is really a VRT or a URL reaches no other file and no network.

mod linear;
pub mod raster;
pub mod vector;
pub mod vector_write;

use std::sync::{Mutex, PoisonError};

/// Messages kept between two calls of [`take_messages`].
const MOST_MESSAGES: usize = 16;

static MESSAGES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps GDAL's messages for [`take_messages`] instead of letting it print them.
///
/// Call once at the start of the process that reads.
///
/// # Panics
///
/// Never: the option is a literal without a NUL byte.
pub fn quiet() {
    gdal::config::set_error_handler(|_, _, message| {
        let mut messages = MESSAGES.lock().unwrap_or_else(PoisonError::into_inner);
        if messages.len() < MOST_MESSAGES {
            messages.push(message.to_owned());
        }
    });
    // The child's memory is limited, and the default takes 5 % of the machine whatever the limit.
    gdal::config::set_config_option("GDAL_CACHEMAX", "256").expect("literals hold no NUL byte");
}

/// What GDAL said since the last call, oldest first.
#[must_use]
pub fn take_messages() -> Vec<String> {
    std::mem::take(&mut *MESSAGES.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Version of the `SQLite` inside GDAL, for the test that no symbol of ours reached it.
pub fn sqlite_version() -> Result<String, GdalFailure> {
    use gdal::vector::LayerAccess as _;
    let during = "ask SQLite for its version";
    let driver = gdal::DriverManager::get_driver_by_name("Memory").map_err(GdalFailure::during(during))?;
    let dataset = driver.create_vector_only("").map_err(GdalFailure::during(during))?;
    let rows = dataset
        .execute_sql("SELECT sqlite_version() AS version", None, gdal::vector::sql::Dialect::SQLITE)
        .map_err(GdalFailure::during(during))?;
    let mut rows = rows.ok_or(GdalFailure::Empty { during })?;
    let row = rows.features().next().ok_or(GdalFailure::Empty { during })?;
    let version = row.field_as_string(0).map_err(GdalFailure::during(during))?;
    version.ok_or(GdalFailure::Empty { during })
}

/// GDAL could not do something.
#[derive(Debug, thiserror::Error)]
pub enum GdalFailure {
    /// GDAL said so.
    #[error("GDAL could not {during}")]
    Said {
        /// What was being done.
        during: &'static str,
        /// What it said.
        #[source]
        source: gdal::errors::GdalError,
    },
    /// GDAL gave nothing where something was expected.
    #[error("GDAL gave no answer on trying to {during}")]
    Empty {
        /// What was being done.
        during: &'static str,
    },
    /// A file whose own figures can't be.
    #[error("impossible figures in the file: {what}")]
    Impossible {
        /// Which.
        what: String,
    },
}

impl GdalFailure {
    fn during(during: &'static str) -> impl FnOnce(gdal::errors::GdalError) -> Self {
        move |source| Self::Said { during, source }
    }
}
