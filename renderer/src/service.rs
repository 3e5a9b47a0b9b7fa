//! What the viewer knows of a Shikong server: its list of datasets and the URLs of their tiles.
//!
//! Only the contract's JSON is read here, leniently: an unknown field is ignored, a missing one has a plain default, so an
//! older viewer still opens a newer server. Positions are longitude and latitude in degrees, heights metres as delivered.

use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::error::ViewError;
use crate::fetch::{self, Source};
use crate::packed::{Packed, Packer};
use crate::session::{Credentials, Parcel, Session};

/// Features asked for at a time.
const PAGE: usize = 1_000;
/// How the names of datasets that analyses made begin.
pub(crate) const RESULT: &str = "result-";
/// Name of the areas of a result.
const AREAS: &str = "areas";
/// Analyses that say what became of buildings.
const JUDGES_BUILDINGS: [&str; 2] = ["disaster", "terrain-change"];
/// More of one collection are not drawn.
const MOST_FEATURES: usize = 100_000;

/// A server and the moment its data are wanted for.
#[derive(Clone, Debug)]
pub struct Service {
    /// The address all links are relative to; its path ends with a slash.
    pub base: Url,
    source: Source,
}

/// The answer of `/datasets`.
#[derive(Clone, Debug, Deserialize)]
struct DatasetList {
    datasets: Vec<Dataset>,
}

/// One dataset, with the revision that answers the request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Dataset {
    /// Its name in URLs.
    pub slug: String,
    /// Its title, usually Chinese.
    pub title: String,
    /// Its English title, if it has one.
    pub title_en: Option<String>,
    /// Its kind, in kebab-case.
    pub kind: String,
    /// A live source has no revisions.
    pub live: bool,
    /// West, south, east, north in degrees.
    pub bounds: Option<[f64; 4]>,
    /// The revision that answers.
    pub revision: Option<Revision>,
    /// All revisions.
    pub revisions: Vec<Revision>,
    /// What the importer noted.
    pub properties: Value,
    /// Where its tiles are.
    pub links: Links,
}

/// One revision of a dataset.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Revision {
    /// Its identity in URLs.
    pub id: Value,
    /// When the ground or the law began to look like this, RFC 3339 or a date.
    pub valid_from: Option<String>,
    /// When it ceased to.
    pub valid_to: Option<String>,
    /// When the catalogue was told.
    pub recorded: Option<String>,
    /// Lowest and highest height in metres.
    pub height_range_m: Option<[f64; 2]>,
    /// The height datum, a name or an object with one.
    pub height_datum: Value,
}

/// What an assessment published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assessment {
    /// Name of the dataset of its areas.
    pub slug: String,
    /// The job that found them.
    pub job: String,
    /// Its title.
    pub title: String,
    /// When it was published: day, hour and minute in China.
    pub recorded: String,
}

/// Links relative to the service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Links {
    /// Image or vector tiles.
    pub tilejson: Option<String>,
    /// Terrain tiles.
    pub terrain: Option<String>,
    /// 3D Tiles.
    pub tileset: Option<String>,
    /// Features as GeoJSON.
    pub features: Option<String>,
    /// Style of the features.
    pub style: Option<String>,
}

impl Dataset {
    /// The title in the wanted language.
    #[must_use]
    pub fn title_in(&self, chinese: bool) -> &str {
        match &self.title_en {
            Some(english) if !chinese => english,
            _ if self.title.is_empty() => &self.slug,
            _ => &self.title,
        }
    }

    /// The height datum's name as the catalogue writes it, `unknown` when nothing is said.
    #[must_use]
    pub fn height_datum(&self) -> &str {
        let value = self.revision.as_ref().map_or(&Value::Null, |revision| &revision.height_datum);
        let named = ["datum", "name", "kind"].iter().find_map(|field| value.get(field).and_then(Value::as_str));
        value.as_str().or(named).unwrap_or("unknown")
    }

    /// When the catalogue was told of the revision, RFC 3339.
    #[must_use]
    pub fn recorded(&self) -> Option<&str> {
        self.revision.as_ref()?.recorded.as_deref()
    }

    /// A number the importer noted.
    #[must_use]
    pub fn number(&self, property: &str) -> Option<f64> {
        self.properties.get(property).and_then(Value::as_f64)
    }

    /// The revision's lowest and highest height in metres, if noted.
    #[must_use]
    pub fn height_range_m(&self) -> Option<[f64; 2]> {
        let stated = self.revision.as_ref().and_then(|revision| revision.height_range_m);
        stated.or_else(|| Some([self.number("min_height_m")?, self.number("max_height_m")?]))
    }
}

/// A TileJSON 3 document, as far as the viewer reads it.
#[derive(Clone, Debug, Deserialize)]
struct TileJson {
    tiles: Vec<String>,
    #[serde(default)]
    minzoom: u8,
    #[serde(default = "default_max_zoom")]
    maxzoom: u8,
    #[serde(default)]
    bounds: Option<[f64; 4]>,
}

fn default_max_zoom() -> u8 {
    22
}

/// A pyramid of tiles on the Web Mercator grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Pyramid {
    /// URL with `{z}`, `{x}`, `{y}`.
    pub template: String,
    /// Coarsest zoom with tiles.
    pub min_zoom: u8,
    /// Finest zoom with tiles.
    pub max_zoom: u8,
    /// West, south, east, north in degrees.
    pub bounds_lon_lat_deg: [f64; 4],
}

impl Pyramid {
    /// Reads a TileJSON document that came from `url`.
    pub fn from_tile_json(body: &[u8], url: &Url) -> Result<Self, ViewError> {
        let parsed: TileJson =
            serde_json::from_slice(body).map_err(|source| ViewError::Json { url: url.to_string(), source })?;
        let link = parsed.tiles.into_iter().next().unwrap_or_default();
        // The braces must survive joining, which would percent-encode them.
        let absolute = url.join(&link).map_err(|source| ViewError::Link { link, source })?;
        let template = absolute.as_str().replace("%7B", "{").replace("%7D", "}");
        Ok(Self {
            template,
            min_zoom: parsed.minzoom.min(24),
            max_zoom: parsed.maxzoom.clamp(parsed.minzoom.min(24), 24),
            bounds_lon_lat_deg: parsed.bounds.unwrap_or([-180.0, -85.06, 180.0, 85.06]),
        })
    }

    /// The URL of a tile.
    pub fn url(&self, z: u8, x: u32, y: u32) -> Result<Url, ViewError> {
        let link =
            self.template.replace("{z}", &z.to_string()).replace("{x}", &x.to_string()).replace("{y}", &y.to_string());
        Url::parse(&link).map_err(|source| ViewError::Link { link, source })
    }

    /// Whether a longitude-latitude box in degrees touches the pyramid's own.
    #[must_use]
    pub fn touches(&self, [west, south, east, north]: [f64; 4]) -> bool {
        let [own_west, own_south, own_east, own_north] = self.bounds_lon_lat_deg;
        west < own_east && east > own_west && south < own_north && north > own_south
    }
}

impl Service {
    /// A service at an address.
    pub fn new(mut base: Url) -> Result<Self, ViewError> {
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        base.set_query(None);
        base.set_fragment(None);
        // The client panics without a TLS provider, and a test or another program may have set one already.
        if rustls::crypto::CryptoProvider::get_default().is_none()
            && rustls::crypto::ring::default_provider().install_default().is_err()
        {
            tracing::debug!("another thread set the TLS provider first");
        }
        let client = reqwest::blocking::Client::builder()
            .user_agent(concat!("shikong-view/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(std::time::Duration::from_secs(10))
            .timeout(std::time::Duration::from_mins(2))
            .pool_max_idle_per_host(fetch::WORKERS)
            .build()
            .map_err(|source| ViewError::Client { source })?;
        Ok(Self { base, source: Source::Server { client, session: None, recorder: None } })
    }

    /// The same service, asked by a person with an account.
    pub fn sign_in(&mut self, credentials: &Credentials) -> Result<(), ViewError> {
        let sessions = self.link("sessions", None)?;
        if let Source::Server { client, session, .. } = &mut self.source {
            *session = Some(Arc::new(Session::open(client, &sessions, credentials)?));
        }
        Ok(())
    }

    /// The answers a service gave when they were packed into a folder; `base` is where it was.
    pub fn packed(base: Url, packed: Packed) -> Result<Self, ViewError> {
        Ok(Self { source: Source::Folder(Arc::new(packed)), ..Self::new(base)? })
    }

    /// Keeps every answer from now on.
    pub fn record(&mut self, into: Arc<Mutex<Packer>>) {
        if let Source::Server { recorder, .. } = &mut self.source {
            *recorder = Some(into);
        }
    }

    /// Where answers come from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Whether nothing is asked of a server.
    #[must_use]
    pub fn is_packed(&self) -> bool {
        matches!(self.source, Source::Folder(_))
    }

    /// Who is signed in.
    #[must_use]
    pub fn person(&self) -> Option<&str> {
        match &self.source {
            Source::Server { session: Some(session), .. } => Some(&session.display_name),
            _ => None,
        }
    }

    /// JSON behind a link; `None` where the server (or the packed folder) has nothing.
    pub fn json(&self, link: &str) -> Result<Option<Value>, ViewError> {
        let url = self.link(link, None)?;
        let fetched = match fetch::fetch(&self.source, &url) {
            Err(ViewError::NotPacked { .. }) => return Ok(None),
            other => other?,
        };
        if !fetched.found || fetched.body.is_empty() {
            return Ok(None);
        }
        serde_json::from_slice(&fetched.body)
            .map(Some)
            .map_err(|source| ViewError::Json { url: url.to_string(), source })
    }

    /// All pages of a `GeoJSON` collection as one; none where the server has no such.
    pub fn collection(&self, link: &str) -> Result<Option<Value>, ViewError> {
        let mut features = Vec::new();
        loop {
            let url = format!("{link}?limit={PAGE}&offset={}", features.len());
            let page = self.json(&url)?;
            if page.is_none() && features.is_empty() {
                return Ok(None);
            }
            let mut page = page.unwrap_or_default();
            // A page may end before its limit where shapes are large, and then names the next.
            let goes_on = page["links"].as_array().into_iter().flatten().any(|link| link["rel"] == "next");
            let Value::Array(found) = page["features"].take() else { break };
            let goes_on = !found.is_empty() && (goes_on || found.len() == PAGE);
            features.extend(found);
            if features.len() > MOST_FEATURES {
                return Err(ViewError::TooManyFeatures { url, most: MOST_FEATURES });
            }
            if !goes_on {
                break;
            }
        }
        Ok(Some(json!({ "type": "FeatureCollection", "features": features })))
    }

    /// Sends something; a packed folder takes nothing.
    pub fn send(&self, method: reqwest::Method, link: &str, key: &str, parcel: Parcel<'_>) -> Result<Value, ViewError> {
        let url = self.link(link, None)?;
        match &self.source {
            Source::Server { client, session, .. } => {
                crate::session::send((client, session.as_deref()), method, &url, key, parcel)
            }
            Source::Folder(_) => Err(ViewError::NotPacked { url: url.to_string() }),
        }
    }

    /// A link of the service made absolute, with `datetime` added when a moment is wanted.
    pub fn link(&self, link: &str, datetime: Option<&str>) -> Result<Url, ViewError> {
        // Links are relative to the service even where a base path precedes it and they begin with a slash.
        let relative = link.trim_start_matches('/');
        let base_path = self.base.path().trim_start_matches('/');
        let relative =
            if base_path.is_empty() { relative } else { relative.strip_prefix(base_path).unwrap_or(relative) };
        let mut url = self.base.join(relative).map_err(|source| ViewError::Link { link: link.to_owned(), source })?;
        if let Some(datetime) = datetime {
            url.query_pairs_mut().append_pair("datetime", datetime);
        }
        Ok(url)
    }

    /// The datasets valid at a moment (RFC 3339 or a date), or now.
    pub fn dataset_list(&self, datetime: Option<&str>) -> Result<Vec<Dataset>, ViewError> {
        let mut datasets = self.everything(datetime)?;
        // What an analysis made (a difference, depths of water) is no ground to stand on.
        datasets.retain(|dataset| dataset.properties.get("result_of").is_none());
        Ok(datasets)
    }

    /// What assessments published of the places that they found, the newest first.
    pub fn assessments(&self) -> Result<Vec<Assessment>, ViewError> {
        let of = |dataset: &Dataset, field: &str| -> Option<String> {
            Some(dataset.properties.get("result_of")?.get(field)?.as_str()?.to_owned())
        };
        let mut found: Vec<Dataset> = self.everything(None)?;
        found.retain(|dataset| {
            of(dataset, "name").as_deref() == Some(AREAS)
                && of(dataset, "analysis").is_some_and(|name| JUDGES_BUILDINGS.contains(&name.as_str()))
        });
        found.sort_by_key(|dataset| std::cmp::Reverse(dataset.recorded().map(str::to_owned)));
        let assessment = |dataset: Dataset| Assessment {
            recorded: dataset.recorded().and_then(minute_in_china).unwrap_or_default(),
            job: of(&dataset, "job").unwrap_or_default(),
            title: dataset.title.clone(),
            slug: dataset.slug,
        };
        Ok(found.into_iter().map(assessment).collect())
    }

    fn everything(&self, datetime: Option<&str>) -> Result<Vec<Dataset>, ViewError> {
        let url = self.link("datasets", datetime)?;
        let fetched = fetch::fetch(&self.source, &url)?;
        if !fetched.found {
            return Err(ViewError::Status { url: url.to_string(), status: 404 });
        }
        let list: Result<DatasetList, _> = serde_json::from_slice(&fetched.body);
        list.map(|list| list.datasets).map_err(|source| ViewError::Json { url: url.to_string(), source })
    }
}

/// Day, hour and minute of an RFC 3339 time on the clocks of China.
fn minute_in_china(text: &str) -> Option<String> {
    let clock = chrono::FixedOffset::east_opt(8 * 3_600)?;
    let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.with_timezone(&clock).format("%Y-%m-%d %H:%M").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_clocks_in_china() {
        assert_eq!(minute_in_china("2024-07-20T18:05:59Z").as_deref(), Some("2024-07-21 02:05"));
        assert_eq!(minute_in_china("soon"), None);
    }

    #[test]
    fn tile_templates_keep_their_braces_and_become_absolute() {
        let url = Url::parse("http://127.0.0.1:80/base/tiles/ortho?datetime=2024").expect("a URL");
        let body = br#"{"tilejson":"3.0.0","tiles":["/base/tiles/ortho@r1/{z}/{x}/{y}.webp"],"minzoom":3,"maxzoom":19,"bounds":[1,2,3,4]}"#;
        let pyramid = Pyramid::from_tile_json(body, &url).expect("reads");
        assert_eq!(pyramid.url(5, 6, 7).expect("a URL").as_str(), "http://127.0.0.1/base/tiles/ortho@r1/5/6/7.webp");
        assert!(pyramid.touches([2.0, 3.0, 9.0, 9.0]) && !pyramid.touches([3.5, 3.0, 9.0, 9.0]));
    }

    #[test]
    fn links_stay_under_the_base_path_however_they_are_written() {
        let service = Service::new(Url::parse("http://127.0.0.1/x").expect("a URL")).expect("a client");
        for link in ["tiles/a", "/tiles/a", "/x/tiles/a", "http://127.0.0.1/x/tiles/a"] {
            assert_eq!(service.link(link, None).expect("a URL").as_str(), "http://127.0.0.1/x/tiles/a");
        }
        let dated = service.link("datasets", Some("2020-01-01T00:00:00+08:00")).expect("a URL");
        assert_eq!(dated.query(), Some("datetime=2020-01-01T00%3A00%3A00%2B08%3A00"));
    }

    #[test]
    fn a_dataset_with_half_its_fields_is_still_read() {
        let dataset: Dataset = serde_json::from_str(r#"{"slug":"dltb","kind":"features","new":1}"#).expect("reads");
        assert_eq!(dataset.title_in(true), "dltb");
        assert_eq!(dataset.height_datum(), "unknown");
    }
}
