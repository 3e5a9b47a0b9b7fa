//! `/features`: GeoJSON (RFC 7946) by box, paged, and one by id. Coordinates are CGCS2000 longitude and latitude.

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use catalog::{DatasetKind, Revision};
use geodesy::crs::Crs;
use serde_json::{Map, Value, json};

use super::datasets::escaped;
use super::{query_bbox, query_count};
use crate::app::{App, Shared};
use crate::feature_file::{self, FeatureFileError, Next, PlacedFeature, Selection, Shape};
use crate::locate::{Located, dated_name};
use crate::payload::{Payload, dated, dated_not_modified};
use crate::problem::Problem;
use crate::source::feature_path;

/// Features of one page unless asked otherwise, and at most.
const PAGE: (usize, usize) = (1_000, 10_000);
/// Furthest page.
const MAX_OFFSET: usize = 100_000_000;
/// Vertices of one page: some 100 MB of text.
const MAX_PAGE_VERTICES: usize = 2_000_000;
/// Nine digits of a degree are a tenth of a millimetre.
const DEGREE_DIGITS: f64 = 1e9;

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
    let bbox = query_bbox(query.as_deref())?;
    let limit = query_count(query.as_deref(), "limit", PAGE.0, PAGE.1)?.max(1);
    let offset = query_count(query.as_deref(), "offset", 0, MAX_OFFSET)?;
    if let Some(response) = dated_not_modified(&headers, &revision) {
        return Ok(response);
    }
    let selection = bbox.map_or(Some(Selection::All), |bbox| Selection::within(bbox, revision.bounds_lon_lat_deg));
    let page = read_page(&app, &revision, selection, offset, limit).await?;
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
    if page.more {
        let bbox = bbox.map(|b| format!("bbox={},{},{},{}&", b[0], b[1], b[2], b[3])).unwrap_or_default();
        let next = offset + page.returned;
        // Without the host: this answer may be cached for ever, and who asks chooses the host.
        let root = &app.settings.base_path;
        let href = format!("{root}/features/{}?{bbox}limit={limit}&offset={next}", dated_name(&revision));
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
    if let Some(response) = dated_not_modified(&headers, &revision) {
        return Ok(response);
    }
    let page = read_page(&app, &revision, Some(Selection::Id(id)), 0, 1).await?;
    let feature = page.features.into_iter().next().ok_or_else(missing)?;
    dated(&headers, &revision, &Payload::text(feature.to_string(), "application/geo+json"))
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
    let read = move || {
        let mut page = Page::default();
        let (mut skipped, mut vertices) = (0, 0);
        feature_file::read(&path, &crs, &Crs::cgcs2000(), selection, geodesy::densify::MAX_SAGITTA_M, &mut |feature| {
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
            page.features.push(geojson(feature));
            if matches!(selection, Selection::Id(_)) { Next::Stop } else { Next::More }
        })
        .map(|outcome| {
            page.matched = matches!(selection, Selection::All).then_some(outcome.in_file);
            page
        })
    };
    tokio::task::spawn_blocking(read).await.map_err(Problem::internal)?.map_err(unreadable)
}

/// What a client is told where features cannot be read.
pub(crate) fn unreadable(error: FeatureFileError) -> Problem {
    match error {
        FeatureFileError::Place { .. } => Problem::new(
            StatusCode::NOT_IMPLEMENTED,
            "该数据集的坐标系统缺少转换参数，服务器不能转换",
            "The server lacks the parameters to place this dataset.",
        )
        .because(error),
        other => Problem::internal(other),
    }
}

fn geojson(feature: PlacedFeature) -> Value {
    json!({
        "type": "Feature",
        "id": feature.id,
        "geometry": geometry(feature.shape),
        "properties": Value::Object(feature.properties.into_iter().collect::<Map<_, _>>()),
    })
}

fn geometry(shape: Shape) -> Value {
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

fn rounded(degrees: f64) -> f64 {
    (degrees * DEGREE_DIGITS).round() / DEGREE_DIGITS
}

/// RFC 7946, section 3.1.6: outer rings run counterclockwise, holes clockwise.
fn wound(mut ring: Vec<[f64; 2]>, counterclockwise: bool) -> Vec<[f64; 2]> {
    let doubled: f64 = ring.windows(2).map(|edge| edge[0][0] * edge[1][1] - edge[1][0] * edge[0][1]).sum();
    if (doubled > 0.0) != counterclockwise {
        ring.reverse();
    }
    ring
}
