//! `/incidents/{id}/photos`: what a phone took on the spot, with where and when. A photo that knows its own place is put
//! there; another one where somebody says it was taken.

use axum::extract::{DefaultBodyLimit, Path, RawQuery, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use catalog::{PhotoRow, Written};
use serde_json::{Value, json};

use super::query_value;
use super::red_lines::file_of;
use crate::app::Shared;
use crate::asked::private;
use crate::password::sha256;
use crate::people::Actor;
use crate::problem::Problem;
use crate::route::{Route, Verb, parameters};

parameters! {
    INCIDENT = Path "id" "string" "灾情标识；incident";
    PHOTO = Path "photo" "string" "照片标识；photo";
    LON = Query "lon" "number" "经度（度），照片自带位置时可省；longitude in degrees";
    LAT = Query "lat" "number" "纬度（度）；latitude in degrees";
    NOTE = Query "note" "string" "说明；what it shows";
}

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Post,
        path: "/incidents/{id}/photos",
        tag: "incidents",
        about: "上传现场照片（字段 file，JPEG 或 PNG，不超过 20 MB）；brings a photo",
        parameters: &[INCIDENT, LON, LAT, NOTE],
        takes: &["multipart/form-data"],
        media_types: &["application/json"],
        handler: || post(bring).layer(DefaultBodyLimit::max(MAX_BYTES + (1 << 20))),
    },
    Route {
        verb: Verb::Get,
        path: "/incidents/{id}/photos/{photo}",
        tag: "incidents",
        about: "现场照片；one photo",
        parameters: &[INCIDENT, PHOTO],
        takes: &[],
        media_types: &["image/jpeg", "image/png"],
        handler: || get(show),
    },
];

/// Largest photo.
const MAX_BYTES: usize = 20 << 20;
/// Most photos of one incident.
const MAX_PHOTOS: usize = 1_000;
/// Longest note.
const MAX_NOTE: usize = 500;

/// What the photo itself says of where and when it was taken.
#[derive(Debug, Default, PartialEq)]
struct Taken {
    lon_lat_deg: Option<[f64; 2]>,
    bearing_deg: Option<f64>,
    /// As the phone wrote it: local time without a zone.
    local_time: Option<String>,
}

fn taken(bytes: &[u8]) -> Taken {
    use exif::{In, Tag, Value as Exif};
    let Ok(read) = exif::Reader::new().read_from_container(&mut std::io::Cursor::new(bytes)) else {
        return Taken::default();
    };
    let rationals = |tag: Tag| match &read.get_field(tag, In::PRIMARY)?.value {
        Exif::Rational(parts) => Some(parts.iter().map(exif::Rational::to_f64).collect::<Vec<f64>>()),
        _ => None,
    };
    let word = |tag: Tag| match &read.get_field(tag, In::PRIMARY)?.value {
        Exif::Ascii(words) => words.first().map(|word| String::from_utf8_lossy(word).trim().to_owned()),
        _ => None,
    };
    let degrees = |tag: Tag, side: Tag, negative: &str, most: f64| {
        let parts = rationals(tag)?;
        let [d, m, s] = *parts.as_slice() else { return None };
        let value = d + m / 60.0 + s / 3600.0;
        let signed = if word(side)? == negative { -value } else { value };
        (signed.is_finite() && signed.abs() <= most).then_some(signed)
    };
    let lon = degrees(Tag::GPSLongitude, Tag::GPSLongitudeRef, "W", 180.0);
    let lat = degrees(Tag::GPSLatitude, Tag::GPSLatitudeRef, "S", 90.0);
    // A receiver without a fix writes noughts.
    let place = lon.zip(lat).filter(|(lon, lat)| lon.abs() > 1e-9 || lat.abs() > 1e-9);
    Taken {
        lon_lat_deg: place.map(|(lon, lat)| [lon, lat]),
        bearing_deg: rationals(Tag::GPSImgDirection)
            .and_then(|parts| parts.first().copied())
            .filter(|deg| (0.0..=360.0).contains(deg)),
        local_time: word(Tag::DateTimeOriginal).filter(|time| time.len() == 19 && time.is_ascii()),
    }
}

async fn bring(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    super::analyses::may_run(&actor)?;
    let query = query.as_deref();
    let said = place_said(query)?;
    let note = query_value(query, "note").unwrap_or_default();
    if note.chars().count() > MAX_NOTE {
        return Err(Problem::bad_parameter("note", "说明过长", "the note is too long"));
    }
    let incident = app.incident(&id).await?;
    let (name, _, bytes, asked) = file_of(request, MAX_BYTES).await?;
    if let Some(response) = asked.earlier(&app, &actor.account.id).await? {
        return Ok(response);
    }
    let media_type = match image::guess_format(&bytes) {
        Ok(image::ImageFormat::Jpeg) => "image/jpeg",
        Ok(image::ImageFormat::Png) => "image/png",
        _ => {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "现场照片应为 JPEG 或 PNG",
                "A photo is a JPEG or a PNG.",
            ));
        }
    };
    let found = taken(&bytes);
    // What somebody says on the spot counts more than what the phone wrote.
    let (place, place_from) = match (said, found.lon_lat_deg) {
        (Some(place), _) => (place, "stated"),
        (None, Some(place)) => (place, "exif"),
        (None, None) => {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "照片没有位置信息，请在地图上点出拍摄位置后再传",
                "The photo does not say where it was taken: point at the place on the map (lon, lat).",
            ));
        }
    };
    if app.catalog.photo_list(&id).await?.len() >= MAX_PHOTOS {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "照片数量已达上限",
            "The incident has as many photos as it may.",
        ));
    }
    let now = (app.settings.now)();
    let row = PhotoRow {
        id: uuid::Uuid::now_v7().to_string(),
        incident: incident.id,
        name,
        media_type: media_type.to_owned(),
        bytes: bytes.len() as u64,
        sha256: sha256(&bytes),
        at: now,
        body: json!({
            "lon_lat_deg": place, "place_from": place_from, "bearing_deg": found.bearing_deg,
            "local_time": found.local_time, "note": note.trim(), "by": actor.account,
        }),
    };
    let answer = json!({ "photo": photo_json(&row) });
    let keep = asked.keep(&actor.account.id, StatusCode::CREATED, &answer);
    let event = json!({ "at": now, "by": actor.account, "unit": actor.unit, "detail": photo_json(&row) });
    match app.catalog.photo_add(&row, bytes, &event, keep.as_ref()).await? {
        Written::Done => Ok(private(StatusCode::CREATED, &answer)),
        Written::Repeated | Written::Stale | Written::Taken => {
            asked.earlier(&app, &actor.account.id).await?.ok_or_else(Problem::vanished)
        }
    }
}

/// `lon` and `lat` of the query, both or neither.
fn place_said(query: Option<&str>) -> Result<Option<[f64; 2]>, Problem> {
    let number = |name: &str, most: f64| match query_value(query, name) {
        None => Ok(None),
        Some(text) => text
            .parse::<f64>()
            .ok()
            .filter(|v| v.is_finite() && v.abs() <= most)
            .map(Some)
            .ok_or_else(|| Problem::bad_parameter(name, "应为度数", "must be degrees")),
    };
    match (number("lon", 180.0)?, number("lat", 90.0)?) {
        (Some(lon), Some(lat)) => Ok(Some([lon, lat])),
        (None, None) => Ok(None),
        _ => Err(Problem::bad_parameter("lon, lat", "经纬度应同时给出", "both or neither")),
    }
}

async fn show(
    State(app): State<Shared>,
    _: Actor,
    Path((id, photo)): Path<(String, String)>,
) -> Result<Response, Problem> {
    app.incident(&id).await?;
    let missing = || Problem::missing("没有这张照片", "There is no such photo.");
    let rows = app.catalog.photo_list(&id).await?;
    let row = rows.into_iter().find(|row| row.id == photo).ok_or_else(missing)?;
    let bytes = app.catalog.attachment_bytes(&row.id).await?;
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::try_from(row.media_type).map_err(Problem::internal)?);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=86400, immutable"));
    Ok(response)
}

pub(crate) fn photo_json(row: &PhotoRow) -> Value {
    let mut told = row.body.clone();
    for (key, value) in [
        ("id", json!(row.id)),
        ("name", json!(row.name)),
        ("media_type", json!(row.media_type)),
        ("bytes", json!(row.bytes)),
        ("at", json!(row.at)),
    ] {
        told[key] = value;
    }
    told
}
