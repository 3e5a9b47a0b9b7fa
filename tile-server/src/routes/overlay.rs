//! `/overlay`: two feature datasets laid over each other, areas by pair of classes. Computed by the analysis crate,
//! in the Gauss-Kruger zone of the area; this file only reads the layers and writes the answer.

use std::path::PathBuf;
use std::sync::Arc;

use analysis::{OverlayOptions, Parcel, ParcelLayer, Polygon, overlay};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use catalog::{DatasetKind, Revision};
use geodesy::crs::Crs;
use geodesy::gauss_kruger::{Zone, ZoneWidth};
use serde_json::{Value, json};

use super::{query_bbox, query_value};
use crate::app::{App, Shared};
use crate::asset::feature_path;
use crate::feature_file::{self, Next, Selection, Shape};
use crate::locate::{Located, dated_name};
use crate::payload::{Payload, changing};
use crate::problem::Problem;
use crate::route::{
    Route, Verb,
    parameter::{BBOX, DATETIME, FIRST, FIRST_FIELD, RECORDED, SECOND, SECOND_FIELD},
};
use crate::work::Stop;
use axum::routing::get;

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[Route {
    verb: Verb::Get,
    path: "/overlay",
    tag: "analysis",
    about: "两个图层叠加，按分类对汇总椭球面积与平面面积；overlay of two layers, areas by pair of classes",
    parameters: &[FIRST, SECOND, FIRST_FIELD, SECOND_FIELD, BBOX, DATETIME, RECORDED],
    takes: &[],
    media_types: &["application/json"],
    handler: || get(one),
}];

/// Features of one layer; larger areas are for the jobs that partition them.
const MAX_FEATURES: usize = 100_000;

/// One side of the question.
struct Side {
    revision: Arc<Revision>,
    path: PathBuf,
    selection: Option<Selection>,
    /// The field of the classes; empty text where the dataset has none.
    class_field: Option<String>,
}

/// The overlay of `first=` and `second=`.
pub(crate) async fn one(
    State(app): State<Shared>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = query.as_deref();
    let bbox = query_bbox(query)?;
    let first = side(&app, query, "first", bbox).await?;
    let second = side(&app, query, "second", bbox).await?;
    let body = app.work.run(move |stop| answer(&first, &second, stop)).await??;
    changing(&headers, &Payload::json(&body))
}

async fn side(app: &App, query: Option<&str>, name: &str, bbox: Option<[f64; 4]>) -> Result<Side, Problem> {
    let part =
        query_value(query, name).ok_or_else(|| Problem::bad_parameter(name, "请给出数据集标识", "name a dataset"))?;
    let (Located::Dated(revision) | Located::Undated(revision)) = app.locate(&part, query).await? else {
        return Err(Problem::no_dataset());
    };
    if app.kind_of(&revision).await? != DatasetKind::Features {
        return Err(Problem::bad_parameter(name, "不是矢量数据集", "not a dataset of features"));
    }
    let class_field = query_value(query, &format!("{name}_field"))
        .or_else(|| revision.properties.pointer("/classes/field").and_then(Value::as_str).map(str::to_owned));
    let selection = bbox.map_or(Some(Selection::All), |bbox| Selection::within(bbox, revision.bounds_lon_lat_deg));
    Ok(Side { path: feature_path(&app.catalog, &revision)?, revision, selection, class_field })
}

fn answer(first: &Side, second: &Side, stop: &Stop) -> Result<Value, Problem> {
    let plane = plane_of(&first.revision)?;
    let layers = [layer(first, &plane, stop)?, layer(second, &plane, stop)?];
    let options = OverlayOptions { keep_geometry: false, ..OverlayOptions::default() };
    let found = overlay(&layers[0], &layers[1], &options).map_err(|error| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "两个图层无法叠加", "The two layers cannot be overlaid.")
            .because(error)
    })?;
    let matrix: Vec<Value> = found
        .matrix
        .iter()
        .map(|((first, second), totals)| json!({ "first": first, "second": second, "totals": totals }))
        .collect();
    Ok(json!({
        "rule": found.rule,
        "options": found.options,
        "crs": plane.name(),
        "first": found.first,
        "second": found.second,
        "patches": found.patches.len(),
        "matrix": matrix,
    }))
}

/// The 3-degree zone at the middle of the first layer; elsewhere than in China the layer's own plane.
fn plane_of(revision: &Revision) -> Result<Crs, Problem> {
    let middle = f64::midpoint(revision.bounds_lon_lat_deg[0], revision.bounds_lon_lat_deg[2]);
    if let Some(zone) = Zone::at_longitude(middle, ZoneWidth::Three) {
        return Crs::cgcs2000_zone(zone, false).map_err(Problem::internal);
    }
    Crs::from_user_input(&revision.crs).ok().filter(Crs::is_projected).ok_or_else(|| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "数据在高斯投影带之外，且自身不是投影坐标，无法量算",
            "The data lie outside the Gauss-Kruger zones and are not in a plane of their own.",
        )
    })
}

fn layer(side: &Side, plane: &Crs, stop: &Stop) -> Result<ParcelLayer, Problem> {
    let mut features = Vec::new();
    let mut whole = true;
    if let Some(selection) = side.selection {
        let field = side.class_field.as_deref();
        let max_sagitta_m = geodesy::densify::MAX_SAGITTA_M;
        whole =
            feature_file::read(&side.path, &side.revision.crs, Some(plane), selection, max_sagitta_m, &mut |feature| {
                if features.len() == MAX_FEATURES || stop.asked() {
                    return Next::Stop;
                }
                let class = field
                    .and_then(|field| feature.properties.get(field))
                    .map_or_else(String::new, |value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
                if let Shape::Polygons(polygons) = feature.shape {
                    let polygons = polygons.into_iter().map(polygon).collect();
                    features.push(Parcel { id: feature.id.to_string(), class, polygons, ..Parcel::default() });
                }
                Next::More
            })
            .map_err(Problem::from)?
            .whole;
    }
    if !whole {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("图层 {} 在此范围内要素过多，请缩小 bbox", side.revision.slug),
            "Too many features in this area; give a smaller bbox.",
        ));
    }
    let code_system = side.revision.properties.get("code_system").and_then(Value::as_str).unwrap_or("unknown");
    Ok(ParcelLayer {
        source: dated_name(&side.revision),
        code_system: code_system.to_owned(),
        crs: plane.clone(),
        parcels: features,
    })
}

fn polygon(rings: Vec<Vec<[f64; 2]>>) -> Polygon {
    let mut rings = rings.into_iter();
    Polygon { exterior: rings.next().unwrap_or_default(), holes: rings.collect() }
}
