//! `/features`: GeoJSON (RFC 7946) by box, paged, and one by id. Coordinates are CGCS2000 longitude and latitude, or what
//! `crs=` asks for: another CRS, or `delivered`, the very numbers of the delivery, also where its datum is one that nobody
//! here can leave. Such an answer names its CRS in the member `crs`, as GDAL and QGIS read it; x is east, y north.

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use catalog::{DatasetKind, Revision};
use geodesy::crs::Crs;
use serde_json::{Map, Value, json};

use super::datasets::escaped;
use super::{query_bbox, query_box, query_count, query_value};
use crate::app::{App, Shared};
use crate::asset::feature_path;
use crate::feature_file::{self, Next, PlacedFeature, Selection, Shape};
use crate::locate::{Located, dated_name};
use crate::payload::{Payload, dated, dated_not_modified};
use crate::problem::Problem;
use crate::route::{
    Route, Verb,
    parameter::{BBOX, BBOX_CRS, CRS, DATASET, DATETIME, FID, LIMIT, OFFSET, RECORDED},
};
use crate::work::Stop;
use axum::routing::get;

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/features/{dataset}",
        tag: "features",
        about: "要素，GeoJSON，按范围分页；features by box, paged",
        parameters: &[DATASET, BBOX, BBOX_CRS, CRS, LIMIT, OFFSET, DATETIME, RECORDED],
        takes: &[],
        media_types: &["application/geo+json"],
        handler: || get(list),
    },
    Route {
        verb: Verb::Get,
        path: "/features/{dataset}/{fid}",
        tag: "features",
        about: "一个要素；one feature",
        parameters: &[DATASET, FID, CRS, DATETIME, RECORDED],
        takes: &[],
        media_types: &["application/geo+json"],
        handler: || get(one),
    },
];

/// Features of one page unless asked otherwise, and at most.
const PAGE: (usize, usize) = (1_000, 10_000);
/// Furthest page.
const MAX_OFFSET: usize = 100_000_000;
/// Vertices of one page: some 100 MB of text.
const MAX_PAGE_VERTICES: usize = 2_000_000;
/// Nine digits of a degree are a tenth of a millimetre.
pub(crate) const DEGREE_DIGITS: f64 = 1e9;
/// Four digits of a metre, too.
const LENGTH_DIGITS: f64 = 1e4;

/// The coordinates of an answer.
#[derive(Debug, Clone)]
enum Output {
    LonLat,
    Delivered,
    Crs(Crs),
}

impl Output {
    /// `crs=`.
    fn from_query(query: Option<&str>) -> Result<Self, Problem> {
        let Some(text) = query_value(query, "crs") else { return Ok(Self::LonLat) };
        let code = text.strip_prefix("EPSG:").unwrap_or(&text);
        match (text.as_str(), code.parse::<u32>()) {
            ("CRS84", _) | (_, Ok(4490 | 4326)) => Ok(Self::LonLat),
            ("delivered", _) => Ok(Self::Delivered),
            (_, code) => code
                .ok()
                .and_then(|code| Crs::from_epsg(code).ok())
                .filter(|crs| crs.is_geographic() || crs.is_projected())
                .map(Self::Crs)
                .ok_or_else(|| {
                    Problem::bad_parameter(
                        "crs",
                        "应为 CRS84、EPSG 代码（如 EPSG:4546）或 delivered",
                        "must be CRS84, an EPSG code such as EPSG:4546, or delivered",
                    )
                }),
        }
    }

    fn target(&self) -> Option<Crs> {
        match self {
            Self::LonLat => Some(Crs::cgcs2000()),
            Self::Delivered => None,
            Self::Crs(crs) => Some(crs.clone()),
        }
    }

    /// Digits that are written, as a factor; delivered numbers are written as they are.
    fn digits(&self) -> Option<f64> {
        match self {
            Self::Delivered => None,
            Self::Crs(crs) if crs.is_projected() => Some(LENGTH_DIGITS),
            Self::LonLat | Self::Crs(_) => Some(DEGREE_DIGITS),
        }
    }

    /// The member that names the CRS: that of `GeoJSON` 2008, which RFC 7946 leaves to prior arrangement.
    fn member(&self, revision: &Revision) -> Option<Value> {
        let crs = match self {
            Self::LonLat => return None,
            Self::Delivered => Crs::from_user_input(&revision.crs).ok()?,
            Self::Crs(crs) => crs.clone(),
        };
        let name = crs.epsg().map_or_else(|| crs.name().to_owned(), |code| format!("urn:ogc:def:crs:EPSG::{code}"));
        Some(json!({ "type": "name", "properties": { "name": name } }))
    }
}

/// `bbox=` in degrees or, with `bbox-crs=delivered`, in the delivered coordinates.
fn selected(query: Option<&str>, revision: &Revision) -> Result<Option<Selection>, Problem> {
    match query_value(query, "bbox-crs").as_deref() {
        None | Some("CRS84") => Ok(query_bbox(query)?
            .map_or(Some(Selection::All), |bbox| Selection::within(bbox, revision.bounds_lon_lat_deg))),
        Some("delivered") => Ok(Some(query_box(query, "bbox")?.map_or(Selection::All, Selection::DeliveredBox))),
        Some(_) => Err(Problem::bad_parameter("bbox-crs", "应为 CRS84 或 delivered", "must be CRS84 or delivered")),
    }
}

/// Features by box.
pub(crate) async fn list(
    State(app): State<Shared>,
    Path(part): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let revision = match app.locate(&part, query.as_deref()).await? {
        Located::Dated(revision) => revision,
        Located::Undated(revision) => {
            return Ok(app.redirect(&format!("/features/{}", dated_name(&revision)), query.as_deref()));
        }
        Located::Live(_) => return Err(no_features()),
    };
    let output = Output::from_query(query.as_deref())?;
    let selection = selected(query.as_deref(), &revision)?;
    let limit = query_count(query.as_deref(), "limit", PAGE.0, PAGE.1)?.max(1);
    let offset = query_count(query.as_deref(), "offset", 0, MAX_OFFSET)?;
    if let Some(response) = dated_not_modified(&headers, &revision) {
        return Ok(response);
    }
    let page = read_page(&app, &revision, &output, selection, offset, limit).await?;
    let mut collection = json!({
        "type": "FeatureCollection",
        "dataset": revision.slug,
        "revision": revision.id,
        "numberReturned": page.features.len(),
        "features": page.features,
    });
    if let (Some(fields), Some(matched)) = (collection.as_object_mut(), page.matched) {
        fields.insert("numberMatched".to_owned(), matched.into());
    }
    name_crs(&mut collection, &output, &revision);
    if page.more {
        let mut asked = url::form_urlencoded::Serializer::new(String::new());
        for name in ["bbox", "bbox-crs", "crs"] {
            if let Some(value) = query_value(query.as_deref(), name) {
                asked.append_pair(name, &value);
            }
        }
        let next = (offset + page.returned).to_string();
        let asked = asked.append_pair("limit", &limit.to_string()).append_pair("offset", &next).finish();
        // Without the host: this answer may be cached for ever, and who asks chooses the host.
        let root = &app.settings.base_path;
        let href = format!("{root}/features/{}?{asked}", dated_name(&revision));
        if let Some(fields) = collection.as_object_mut() {
            fields.insert("links".to_owned(), json!([{ "rel": "next", "type": "application/geo+json", "href": href }]));
        }
    }
    dated(&headers, &revision, &Payload::text(collection.to_string(), "application/geo+json"))
}

/// One feature.
pub(crate) async fn one(
    State(app): State<Shared>,
    Path((part, fid)): Path<(String, String)>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let revision = match app.locate(&part, query.as_deref()).await? {
        Located::Dated(revision) => revision,
        Located::Undated(revision) => {
            return Ok(
                app.redirect(&format!("/features/{}/{}", dated_name(&revision), escaped(&fid)), query.as_deref())
            );
        }
        Located::Live(_) => return Err(no_features()),
    };
    let missing = || Problem::missing("该版本没有这个编号的要素", "This revision has no feature of this id.");
    let id = fid.parse::<u64>().map_err(|_not_a_number| missing())?;
    let output = Output::from_query(query.as_deref())?;
    if let Some(response) = dated_not_modified(&headers, &revision) {
        return Ok(response);
    }
    let page = read_page(&app, &revision, &output, Some(Selection::Id(id)), 0, 1).await?;
    let mut feature = page.features.into_iter().next().ok_or_else(missing)?;
    name_crs(&mut feature, &output, &revision);
    dated(&headers, &revision, &Payload::text(feature.to_string(), "application/geo+json"))
}

fn name_crs(document: &mut Value, output: &Output, revision: &Revision) {
    if let (Some(fields), Some(crs)) = (document.as_object_mut(), output.member(revision)) {
        fields.insert("crs".to_owned(), crs);
    }
}

fn no_features() -> Problem {
    Problem::missing("该数据集没有矢量要素", "This dataset has no features.")
}

/// A page of features as GeoJSON.
#[derive(Default)]
struct Page {
    features: Vec<Value>,
    /// Features read past the offset, to go on from.
    returned: usize,
    more: bool,
    /// Features on all pages, where that is known without reading them all.
    matched: Option<u64>,
}

async fn read_page(
    app: &App,
    revision: &Revision,
    output: &Output,
    selection: Option<Selection>,
    offset: usize,
    limit: usize,
) -> Result<Page, Problem> {
    if app.kind_of(revision).await? != DatasetKind::Features {
        return Err(no_features());
    }
    let Some(selection) = selection else { return Ok(Page::default()) };
    let path = feature_path(&app.catalog, revision)?;
    let crs = revision.crs.clone();
    let (target, digits) = (output.target(), output.digits());
    let private = private_fields(revision);
    let read = move |stop: &Stop| {
        let mut page = Page::default();
        let (mut skipped, mut vertices) = (0, 0);
        feature_file::read(&path, &crs, target.as_ref(), selection, geodesy::densify::MAX_SAGITTA_M, &mut |feature| {
            if stop.asked() {
                return Next::Stop;
            }
            if skipped < offset {
                skipped += 1;
                return Next::More;
            }
            // One feature too many shows that there is a next page.
            vertices += feature.shape.vertices().count();
            if page.returned == limit || vertices > MAX_PAGE_VERTICES && page.returned > 0 {
                page.more = true;
                return Next::Stop;
            }
            page.returned += 1;
            page.features.push(geojson(feature, digits, &private));
            if matches!(selection, Selection::Id(_)) { Next::Stop } else { Next::More }
        })
        .map(|outcome| {
            page.matched = matches!(selection, Selection::All).then_some(outcome.in_file);
            page
        })
    };
    app.work.run(read).await?.map_err(Problem::from)
}

/// Fields of a revision that are shown to nobody but those with the right to them.
pub(crate) fn private_fields(revision: &Revision) -> Vec<String> {
    let names = revision.properties.get("private_fields").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

fn geojson(mut feature: PlacedFeature, digits: Option<f64>, private: &[String]) -> Value {
    feature.properties.retain(|name, _| !private.contains(name));
    json!({
        "type": "Feature",
        "id": feature.id,
        "geometry": geometry(feature.shape, digits),
        "properties": Value::Object(feature.properties.into_iter().collect::<Map<_, _>>()),
    })
}

/// A shape as `GeoJSON`, its numbers rounded to 1 / `digits`.
pub(crate) fn geometry(shape: Shape, digits: Option<f64>) -> Value {
    let rounded = |v: f64| digits.map_or(v, |digits| (v * digits).round() / digits);
    let point = |[x, y]: [f64; 2]| json!([rounded(x), rounded(y)]);
    let line = |line: Vec<[f64; 2]>| Value::Array(line.into_iter().map(point).collect());
    let (single, parts): (&str, Vec<Value>) = match shape {
        Shape::Points(points) => ("Point", points.into_iter().map(point).collect()),
        Shape::Lines(lines) => ("LineString", lines.into_iter().map(line).collect()),
        Shape::Polygons(polygons) => {
            let polygon = |rings: Vec<Vec<[f64; 2]>>| {
                Value::Array(rings.into_iter().enumerate().map(|(n, ring)| line(wound(ring, n == 0))).collect())
            };
            ("Polygon", polygons.into_iter().map(polygon).collect())
        }
    };
    match <[Value; 1]>::try_from(parts) {
        Ok([part]) => json!({ "type": single, "coordinates": part }),
        Err(parts) => json!({ "type": format!("Multi{single}"), "coordinates": parts }),
    }
}

/// RFC 7946, section 3.1.6: outer rings run counterclockwise, holes clockwise.
fn wound(mut ring: Vec<[f64; 2]>, counterclockwise: bool) -> Vec<[f64; 2]> {
    let doubled: f64 = ring.windows(2).map(|edge| edge[0][0] * edge[1][1] - edge[1][0] * edge[0][1]).sum();
    if (doubled > 0.0) != counterclockwise {
        ring.reverse();
    }
    ring
}
