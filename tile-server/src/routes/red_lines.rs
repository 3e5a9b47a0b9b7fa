//! `/projects/{id}/red-lines`: the applicant's red line, every version of it, as delivered and on the map.
//!
//! Boundary-point texts, Excel tables and GeoJSON are read here; what needs GDAL is read by the importer's child.

use analysis::red_line::RedLine;
use analysis::rounding::{decimal_of, round_half_away};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Path, RawQuery, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use geodesy::crs::Crs;
use geodesy::gauss_kruger::{Zone, ZoneWidth};
use review::RedLineVersion;
use serde_json::{Value, json};

use super::query_value;
use crate::app::Shared;
use crate::asked::Asked;
use crate::desk::Beside;
use crate::outline::{self, refused};
use crate::password::sha256;
use crate::people::Actor;
use crate::problem::Problem;
use crate::route::{Route, Verb, parameter::CRS, parameters};

parameters! {
    PROJECT = Path "id" "string" "项目标识；project";
    VERSION = Path "version" "integer" "红线版本，从 1 起；version of the red line, from 1";
}

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Post,
        path: "/projects/{id}/red-lines",
        tag: "review",
        about: "上传拟用地红线（界址点 TXT、XLSX、DXF、shapefile ZIP、GeoPackage、GeoJSON，或 JSON）；crs= 为文件未注明时的坐标系；brings a version of the red line",
        parameters: &[PROJECT, CRS],
        takes: &["multipart/form-data", "application/json"],
        media_types: &["application/json"],
        handler: || post(bring).layer(DefaultBodyLimit::max(MAX_BYTES + (1 << 20))),
    },
    Route {
        verb: Verb::Get,
        path: "/projects/{id}/red-lines/{version}",
        tag: "review",
        about: "一版红线，GeoJSON；crs=delivered 取原坐标；a version of the red line",
        parameters: &[PROJECT, VERSION, CRS],
        takes: &[],
        media_types: &["application/geo+json"],
        handler: || get(one),
    },
];

/// Largest file.
const MAX_BYTES: usize = 32 << 20;
/// What a red line that came without a file is called.
const DRAWN: &str = "在线绘制";

/// A file from a form: its name and bytes.
pub(crate) async fn file_of(request: Request, most: usize) -> Result<(String, String, Bytes, Asked), Problem> {
    let (parts, body) = request.into_parts();
    let unreadable = || {
        Problem::new(
            StatusCode::BAD_REQUEST,
            format!("请以表单上传一个文件（字段 file，不超过 {} MB）", most >> 20),
            format!("Send one file in a form (field `file`, at most {} MB).", most >> 20),
        )
    };
    let request = Request::from_parts(parts.clone(), body);
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| unreadable().because(error))?;
    while let Some(field) = form.next_field().await.map_err(|error| unreadable().because(error))? {
        if field.name() != Some("file") {
            continue;
        }
        let name = field.file_name().unwrap_or_default();
        // Only the last part of a name: old browsers send whole paths.
        let name: String =
            name.rsplit(['/', '\\']).next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
        let media_type = field.content_type().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(|error| unreadable().because(error))?;
        if name.is_empty() || bytes.is_empty() || bytes.len() > most {
            return Err(unreadable());
        }
        let asked = Asked::new(&parts, &bytes)?;
        return Ok((name, media_type, bytes, asked));
    }
    Err(unreadable())
}

async fn bring(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    let said_crs = query_value(query.as_deref(), "crs");
    // Told before a long upload is read.
    review::may(&app.project(&id).await?, "red_line", &actor, None)?;
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_file = !content_type.unwrap_or_default().starts_with("application/json");
    let (name, bytes, asked) = if is_file {
        let (name, _, bytes, asked) = file_of(request, MAX_BYTES).await?;
        (name, bytes, asked)
    } else {
        let (parts, body) = request.into_parts();
        let bytes = axum::body::to_bytes(body, MAX_BYTES).await.map_err(|error| {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "红线过大", "The red line is too large.").because(error)
        })?;
        let asked = Asked::new(&parts, &bytes)?;
        ("red-line.json".to_owned(), bytes, asked)
    };
    let source = json!({ "name": if is_file { name.as_str() } else { DRAWN }, "sha256": sha256(&bytes) });
    let red_line = outline::read(&app, bytes, &name, said_crs.as_deref()).await?;
    let read = app.work.run(move |_| described(&red_line)).await??;
    let mut beside = Beside {
        answer: vec![("red_line", read.facts.clone()), ("warnings", read.warnings.clone())],
        ..Beside::default()
    };
    // Versions of one project are counted by the project, so the number is settled where the step is.
    let newest = app.project(&id).await?.red_lines.len();
    let version = u32::try_from(newest + 1).map_err(Problem::internal)?;
    if let Some((_, facts)) = beside.answer.first_mut() {
        facts["version"] = version.into();
        facts["source"] = source.clone();
    }
    beside.red_line = Some((version, json!({ "delivered": read.delivered, "lon_lat": read.lon_lat })));
    app.step_or_stale(
        &id,
        &actor,
        &asked,
        &beside,
        None,
        |project| project.red_lines.len() != newest,
        |project, here| {
            let red_line = RedLineVersion {
                version,
                source: source.clone(),
                crs: read.crs.clone(),
                plane_m2: read.facts["plane_m2"].clone(),
                ellipsoidal_m2: read.facts["ellipsoidal_m2"].clone(),
                bounds_lon_lat_deg: read.bounds_lon_lat_deg,
                at: here.now,
                by: actor.account.clone(),
            };
            review::bring_red_line(project, red_line, &actor, here)
        },
    )
    .await
}

async fn one(
    State(app): State<Shared>,
    _: Actor,
    Path((id, version)): Path<(String, u32)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let missing = || Problem::missing("该项目没有这一版红线", "This project has no such version of a red line.");
    let stored = app.catalog.project_red_line(&id, version).await?.ok_or_else(missing)?;
    let body = match query_value(query.as_deref(), "crs").as_deref() {
        None | Some("CRS84" | "EPSG:4490" | "EPSG:4326") => stored["lon_lat"].clone(),
        Some("delivered") => {
            let delivered = stored["delivered"].clone();
            app.work
                .run(move |_| RedLine::from_json(&delivered).map(|red_line| geojson(&red_line, true)))
                .await?
                .map_err(Problem::internal)?
        }
        Some(_) => return Err(Problem::bad_parameter("crs", "应为 CRS84 或 delivered", "must be CRS84 or delivered")),
    };
    let headers = [(header::CONTENT_TYPE, "application/geo+json"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, body.to_string()).into_response())
}

/// A red line read and measured.
struct Described {
    crs: String,
    facts: Value,
    warnings: Value,
    delivered: Value,
    lon_lat: Value,
    bounds_lon_lat_deg: [f64; 4],
}

fn described(red_line: &RedLine) -> Result<Described, Problem> {
    let bounds_lon_lat_deg = red_line.bounds_lon_lat_deg().map_err(refused)?;
    // A line of degrees has no plane of its own; the check lays it into the 3-degree zone of where it is.
    let zone = if red_line.crs.is_projected() { None } else { zone_of(bounds_lon_lat_deg) };
    let in_zone = zone.map(|zone| red_line.in_plane(&zone)).transpose().map_err(refused)?;
    let measured = in_zone.as_ref().unwrap_or(red_line);
    let mut sums = [Some(0.0), Some(0.0)];
    for (parcel, laid) in red_line.parcels.iter().zip(&measured.parcels) {
        let ellipsoidal_m2 = parcel.areas(&red_line.crs).map_err(refused)?.ellipsoidal_m2;
        let plane_m2 = laid.areas(&measured.crs).map_err(refused)?.plane_m2;
        for (sum, area) in sums.iter_mut().zip([plane_m2, ellipsoidal_m2]) {
            *sum = sum.zip(area).map(|(sum, area)| sum + area);
        }
    }
    let hundredths = |area: Option<f64>| -> Value {
        let rounded = area.and_then(decimal_of).map(|area| round_half_away(area, 2).to_string());
        rounded.and_then(|text| text.parse::<f64>().ok()).map_or(Value::Null, Value::from)
    };
    let lon_lat = geojson(&red_line.in_plane(&Crs::cgcs2000()).map_err(refused)?, false);
    let delivered = red_line.to_json();
    let crs = delivered["crs"].as_str().unwrap_or_default().to_owned();
    let facts = json!({
        "crs": crs,
        "parcels": red_line.parcels.len(),
        "plane_m2": hundredths(sums[0]),
        "ellipsoidal_m2": hundredths(sums[1]),
        "bounds_lon_lat_deg": bounds_lon_lat_deg,
    });
    let warnings = json!(red_line.warnings);
    Ok(Described { crs, facts, warnings, delivered, lon_lat, bounds_lon_lat_deg })
}

/// The 3-degree zone at the middle of a box of degrees.
fn zone_of([west, _, east, _]: [f64; 4]) -> Option<Crs> {
    let zone = Zone::at_longitude(f64::midpoint(west, east), ZoneWidth::Three)?;
    Crs::cgcs2000_zone(zone, false).ok()
}

/// A feature a parcel, rings closed and wound as RFC 7946 wants them.
fn geojson(red_line: &RedLine, delivered: bool) -> Value {
    let closed = |ring: &[[f64; 2]], counterclockwise: bool| {
        let mut ring: Vec<[f64; 2]> = ring.to_vec();
        if ring.first() != ring.last() {
            ring.extend(ring.first().copied());
        }
        let doubled: f64 = ring.windows(2).map(|edge| edge[0][0] * edge[1][1] - edge[1][0] * edge[0][1]).sum();
        if (doubled > 0.0) != counterclockwise {
            ring.reverse();
        }
        if !delivered {
            // A tenth of a millimetre.
            ring.iter_mut().flatten().for_each(|degrees| *degrees = (*degrees * 1e9).round() / 1e9);
        }
        ring
    };
    let features: Vec<Value> = red_line
        .parcels
        .iter()
        .map(|parcel| {
            let polygons: Vec<Vec<Vec<[f64; 2]>>> = parcel
                .polygons
                .iter()
                .map(|polygon| {
                    let holes = polygon.holes.iter().map(|hole| closed(hole, false));
                    std::iter::once(closed(&polygon.exterior, true)).chain(holes).collect()
                })
                .collect();
            json!({
                "type": "Feature",
                "properties": { "name": parcel.name, "number": parcel.number, "land_use": parcel.land_use },
                "geometry": { "type": "MultiPolygon", "coordinates": polygons },
            })
        })
        .collect();
    let mut collection = json!({ "type": "FeatureCollection", "features": features });
    if delivered {
        let name = red_line
            .crs
            .epsg()
            .map_or_else(|| red_line.crs.name().to_owned(), |code| format!("urn:ogc:def:crs:EPSG::{code}"));
        collection["crs"] = json!({ "type": "name", "properties": { "name": name } });
    }
    collection
}
