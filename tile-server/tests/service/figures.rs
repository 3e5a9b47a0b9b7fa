//! Map figures: what carto makes of real features, through the service.

use axum::http::{StatusCode, header};
use catalog::DatasetKind;

use crate::harness::{Service, parcels};

#[tokio::test]
async fn a_figure_shows_the_features_where_they_are() {
    let service = Service::new().await;
    service.publish("dlg", DatasetKind::Features, "r1", "2023-01-01", parcels).await;
    // The first parcel alone: 100 m, a thousandth of a degree, with a hole of 20 m in its middle.
    let path = "/maps/polygon.png?dataset=dlg&bbox=111.0,27.996014,111.001017,27.996915&size=400x400";
    let reply = service.get(path).await;
    assert_eq!((reply.status, reply.header(header::CONTENT_TYPE)), (StatusCode::OK, "image/png"));
    let picture = image::load_from_memory(&reply.body).expect("a picture").to_rgba8();
    assert_eq!(picture.dimensions(), (400, 400));
    let drawn = picture.pixels().filter(|pixel| pixel[3] > 0).count();
    assert!(drawn > 100_000, "{drawn} pixels are drawn");
    let [ink, hole] = [(100, 100), (200, 200)].map(|(x, y)| picture.get_pixel(x, y)[3]);
    assert!(ink > 0 && hole == 0, "ink {ink}, hole {hole}");
    let of_style = service.get("/maps/polygon.png").await;
    assert_eq!(of_style.status, StatusCode::OK, "without dataset= every dataset of the style is drawn");
    assert_eq!(service.get("/maps/polygon.png?dataset=dlg&datetime=1999").await.status, StatusCode::NOT_FOUND);
    for (bad, status) in [
        ("none.png", 404),
        ("polygon.jpg", 404),
        ("polygon.png?size=9999x1", 400),
        ("polygon.png?size=0x1", 400),
        ("dltb.png", 404),
    ] {
        assert_eq!(service.get(&format!("/maps/{bad}")).await.status.as_u16(), status, "{bad}");
    }
}

#[tokio::test]
async fn a_figure_lies_on_the_paper_asked_for() {
    let service = Service::new().await;
    service.publish("dlg", DatasetKind::Features, "r1", "2023-01-01", parcels).await;
    for (asked, corner) in [
        ("", [0, 0, 0, 0]),
        ("&background=white", [255, 255, 255, 255]),
        ("&background=%23102030", [16, 32, 48, 255]),
        ("&background=102030", [16, 32, 48, 255]),
        ("&background=transparent", [0, 0, 0, 0]),
    ] {
        let path = format!("/maps/polygon.png?dataset=dlg&bbox=111.0,27.996,111.001,27.997&size=200x100{asked}");
        let reply = service.get(&path).await;
        assert_eq!(reply.status, StatusCode::OK, "{asked}");
        let picture = image::load_from_memory(&reply.body).expect("a picture").to_rgba8();
        assert_eq!(picture.get_pixel(2, 2).0, corner, "{asked}");
        assert_ne!(picture.get_pixel(70, 30).0, corner, "{asked}: the parcel is on it");
    }
    let bad = service.get("/maps/polygon.png?dataset=dlg&background=paper").await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_sprite_sheet_is_where_styles_say() {
    let service = Service::new().await;
    assert!(service.get("/sprites/shikong.json").await.json()["hatch-gold"]["width"].is_number());
    for file in ["shikong.png", "shikong@2x.png"] {
        let reply = service.get(&format!("/sprites/{file}")).await;
        assert!(reply.body.starts_with(&[0x89, b'P', b'N', b'G']), "{file}");
    }
    assert_eq!(service.get("/sprites/other.json").await.status, StatusCode::NOT_FOUND);
}
