//! A catalogue with something in it, a service over it, and requests to it.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use bytes::Bytes;
use catalog::{Catalog, DatasetKind, NewAsset, NewDataset, NewRevision, Revision, RevisionId, Slug, instant_at_start};
use chrono::{DateTime, Utc};
use serde_json::Value;
use tile_server::app::Shared;
use tile_server::people::PeopleSettings;
use tile_server::{App, JobSettings, Settings, WorkLimits, router};
use tower::ServiceExt as _;

/// The service, its catalogue and the folder they live in.
pub(crate) struct Service {
    pub(crate) catalog: Catalog,
    pub(crate) app: Shared,
    pub(crate) router: Router,
    pub(crate) folder: tempfile::TempDir,
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// The service's clock stands still.
pub(crate) fn now() -> DateTime<Utc> {
    day("2024-06-01")
}

pub(crate) fn day(text: &str) -> DateTime<Utc> {
    instant_at_start(text).expect("a date")
}

pub(crate) fn slug(text: &str) -> Slug {
    Slug::parse(text).expect("a slug")
}

impl Service {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let catalog = Catalog::open(folder.path()).await.expect("opens");
        let mut settings = Settings {
            base_path: String::new(),
            now,
            cache_dir: folder.path().join("cache"),
            tianditu_key: None,
            work: WorkLimits { running: 4, waiting: 1_000 },
            people: PeopleSettings { open: true, ..PeopleSettings::default() },
            jobs: JobSettings::default(),
            push: None,
            viewer: None,
        };
        change(&mut settings);
        let app = App::new(catalog.clone(), settings);
        Self { router: router(Arc::clone(&app)), app, catalog, folder }
    }

    /// Publishes what `fill` puts into the folder.
    pub(crate) async fn publish(
        &self,
        name: &str,
        kind: DatasetKind,
        id: &str,
        valid_from: &str,
        fill: impl FnOnce(&Path, &mut NewRevision),
    ) -> Revision {
        let dataset = NewDataset { title: Some(format!("数据 {name}")), ..NewDataset::new(slug(name), kind) };
        let staging = self
            .catalog
            .staging_open(&dataset.slug, &RevisionId::parse(id).expect("an id"), day(valid_from))
            .await
            .expect("staging");
        let mut revision = NewRevision::new(day(valid_from), "EPSG:4546", [110.9, 27.9, 111.1, 28.1]);
        fill(staging.path(), &mut revision);
        self.catalog.publish(&staging, &dataset, &revision, day(valid_from)).await.expect("published")
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.ask(Method::GET, path, &[]).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(header::HeaderName, &str)]) -> Reply {
        self.ask(Method::GET, path, headers).await
    }

    /// Sends JSON.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(header::HeaderName, &str)],
        body: &Value,
    ) -> Reply {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "gis.example:8080")
            .header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        self.answer(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    pub(crate) async fn answer(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
        Reply { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, headers: &[(header::HeaderName, &str)]) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "gis.example:8080");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        self.answer(request.body(Body::empty()).expect("a request")).await
    }
}

/// A small mesh revision.
pub(crate) fn mesh(folder: &Path, revision: &mut NewRevision) {
    std::fs::create_dir_all(folder.join("Data/瓦片 1")).expect("made");
    std::fs::write(folder.join("tileset.json"), r#"{"asset":{"version":"1.1"}}"#).expect("written");
    std::fs::write(folder.join("Data/瓦片 1/a.glb"), b"glTF0123456789").expect("written");
    revision.assets.push(NewAsset::new("tileset.json", "tileset", "application/json"));
}

/// Parcels in a Gauss-Kruger zone: a row of squares of 100 m, ids from 101, the first with a hole.
pub(crate) const PARCELS: u32 = 40;

/// Corner of a parcel, EPSG:4546 (central meridian 111 E).
pub(crate) fn parcel_corner(number: u32) -> [f64; 2] {
    [500_000.0 + 110.0 * f64::from(number), 3_098_000.0]
}

/// Publishes the parcels as importers do: the `FlatGeobuf` as delivered, the PMTiles on the Web Mercator grid.
pub(crate) fn parcels(folder: &Path, revision: &mut NewRevision) {
    use std::sync::Arc;

    use flatgeobuf::{ColumnType, FgbWriter, GeometryType};
    use geo::{LineString, Polygon};
    use geodesy::crs::Crs;
    use geodesy::grid::TileMatrixSet;
    use geodesy::transform::Transform;
    use geozero::{ColumnValue, PropertyProcessor as _};
    use tiles::archive::write_features;
    use tiles::mvt::{CutOptions, Feature, FeatureSet, Geometry, Value};

    let ring = |[x, y]: [f64; 2], size: f64| vec![[x, y], [x + size, y], [x + size, y + size], [x, y + size], [x, y]];
    let rings = |number: u32| {
        let corner = parcel_corner(number);
        let hole = (number == 0).then(|| ring([corner[0] + 40.0, corner[1] + 40.0], 20.0));
        std::iter::once(ring(corner, 100.0)).chain(hole).collect::<Vec<_>>()
    };
    let mut writer = FgbWriter::create("parcels", GeometryType::Polygon).expect("a writer");
    writer.add_column("fid", ColumnType::ULong, |_, _| {});
    writer.add_column("地类编码", ColumnType::String, |_, _| {});
    writer.add_column("面积", ColumnType::Double, |_, _| {});
    for number in 0..PARCELS {
        let mut lines = rings(number).into_iter().map(LineString::from);
        let polygon = Polygon::new(lines.next().expect("an outer ring"), lines.collect());
        writer
            .add_feature_geom(geo::Geometry::Polygon(polygon), |feature| {
                feature.property(0, "fid", &ColumnValue::ULong(u64::from(101 + number))).expect("written");
                feature.property(1, "地类编码", &ColumnValue::String("0601")).expect("written");
                feature.property(2, "面积", &ColumnValue::Double(f64::from(number) + 0.5)).expect("written");
            })
            .expect("added");
    }
    let file = std::fs::File::create(folder.join("features.fgb")).expect("created");
    writer.write(std::io::BufWriter::new(file)).expect("written");

    let to_w = Transform::new(&Crs::from_epsg(4546).expect("known"), &Crs::web_mercator()).expect("planned");
    let features = (0..PARCELS).map(|number| {
        let mut rings = rings(number);
        for ring in &mut rings {
            to_w.points(ring).expect("placed");
        }
        let properties = Arc::from([(Arc::from("地类编码"), Value::Text("0601".into()))]);
        Feature { id: Some(u64::from(101 + number)), properties, geometry: Geometry::Polygons(vec![rings]) }
    });
    let set = FeatureSet::new(TileMatrixSet::WebMercatorQuad, 15, features);
    let bounds = [110.999, 27.99, 111.05, 28.01];
    write_features(&folder.join("tiles.pmtiles"), &set, "dlg", 8..=15, bounds, &CutOptions::default())
        .expect("written");

    revision.bounds_lon_lat_deg = bounds;
    revision.assets.push(NewAsset::new("features.fgb", "flatgeobuf", "application/vnd.flatgeobuf"));
    revision.assets.push(NewAsset::new("tiles.pmtiles", "pmtiles", "application/vnd.pmtiles"));
    revision.properties = serde_json::json!({
        "geometry": "polygon", "count": PARCELS, "min_zoom": 8, "max_zoom": 15, "style": "polygon",
        "fields": [{ "name": "地类编码", "type": "String" }],
    });
}
