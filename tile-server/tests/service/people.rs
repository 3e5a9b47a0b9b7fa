//! Accounts, sessions, units: who may log in, who is turned away, and what the administrator can do.

use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};
use tile_server::people::{FirstStart, first_start};

use crate::harness::{Reply, Service, now};

/// A service with accounts; its administrator has chosen a password.
pub(crate) async fn with_accounts() -> (Service, Person) {
    with_accounts_and(|_| {}).await
}

/// The same with other settings.
pub(crate) async fn with_accounts_and(change: impl FnOnce(&mut tile_server::Settings)) -> (Service, Person) {
    let service = Service::with(|settings| {
        settings.people.open = false;
        change(settings);
    })
    .await;
    let FirstStart::Made { one_time_password } = first_start(&service.catalog, now()).await.expect("started") else {
        panic!("there are no accounts yet");
    };
    let admin = Person::enter(&service, "admin", &one_time_password).await;
    (service, admin)
}

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: String,
    cookie: String,
}

impl Person {
    /// Logs in with the one-time password and changes it.
    pub(crate) async fn enter(service: &Service, name: &str, one_time: &str) -> Self {
        let person = Self::log_in(service, name, one_time).await;
        let change = json!({ "old": one_time, "new": "Wuling 2024!" });
        let reply = person.send(service, Method::PUT, "/me/password", &change).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.json());
        person
    }

    pub(crate) async fn log_in(service: &Service, name: &str, password: &str) -> Self {
        let reply = try_log_in(service, name, password).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.json());
        let cookie = reply.header(header::SET_COOKIE).split(';').next().unwrap_or_default().to_owned();
        Self { id: reply.json()["account"]["id"].as_str().expect("an id").to_owned(), cookie }
    }

    pub(crate) async fn get(&self, service: &Service, path: &str) -> Reply {
        service.get_with(path, &[(header::COOKIE, &self.cookie)]).await
    }

    pub(crate) async fn send(&self, service: &Service, method: Method, path: &str, body: &Value) -> Reply {
        service.send(method, path, &[(header::COOKIE, &self.cookie)], body).await
    }

    pub(crate) async fn send_keyed(&self, service: &Service, path: &str, key: &str, body: &Value) -> Reply {
        let key_name = header::HeaderName::from_static("idempotency-key");
        service.send(Method::POST, path, &[(header::COOKIE, &self.cookie), (key_name, key)], body).await
    }

    pub(crate) fn cookie(&self) -> &str {
        &self.cookie
    }
}

async fn try_log_in(service: &Service, name: &str, password: &str) -> Reply {
    service.send(Method::POST, "/sessions", &[], &json!({ "name": name, "password": password })).await
}

/// A unit and one person in it, logged in.
pub(crate) async fn hire(service: &Service, admin: &Person, unit: &str, name: &str, roles: &[&str]) -> Person {
    admin
        .send(service, Method::POST, "/units", &json!({ "id": unit, "name": format!("单位{unit}"), "parent": "root" }))
        .await;
    let account = json!({ "name": name, "display_name": format!("人员{name}"), "unit": unit, "roles": roles });
    let reply = admin.send(service, Method::POST, "/accounts", &account).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.json());
    let one_time = reply.json()["one_time_password"].as_str().expect("shown once").to_owned();
    Person::enter(service, name, &one_time).await
}

#[tokio::test]
async fn the_first_password_opens_one_door_only_until_it_is_changed() {
    let service = Service::with(|settings| settings.people.open = false).await;
    let FirstStart::Made { one_time_password } = first_start(&service.catalog, now()).await.expect("started") else {
        panic!("there are no accounts yet");
    };
    assert_eq!(first_start(&service.catalog, now()).await.expect("started"), FirstStart::Known);
    let person = Person::log_in(&service, "admin", &one_time_password).await;
    let me = person.get(&service, "/me").await.json();
    assert_eq!((me["account"]["must_change_password"].clone(), me["open"].clone()), (json!(true), json!(false)));
    assert_eq!(person.get(&service, "/units").await.status, StatusCode::FORBIDDEN);
    for (old, new, status) in [
        ("wrong", "Wuling 2024!", StatusCode::FORBIDDEN),
        (one_time_password.as_str(), "short", StatusCode::UNPROCESSABLE_ENTITY),
        (one_time_password.as_str(), "My-Admin-2024", StatusCode::UNPROCESSABLE_ENTITY),
        (one_time_password.as_str(), "Wuling 2024!", StatusCode::OK),
    ] {
        let reply = person.send(&service, Method::PUT, "/me/password", &json!({ "old": old, "new": new })).await;
        assert_eq!(reply.status, status, "{new}: {}", reply.json());
    }
    assert_eq!(person.get(&service, "/units").await.status, StatusCode::OK);
    assert_eq!(try_log_in(&service, "admin", &one_time_password).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn without_a_session_maps_are_open_and_people_are_not() {
    let (service, admin) = with_accounts().await;
    assert_eq!(service.get("/datasets").await.status, StatusCode::OK);
    assert_eq!(service.get("/me").await.json(), json!({ "account": null, "open": false }));
    for path in ["/units", "/accounts", "/administration"] {
        let reply = service.get(path).await;
        assert_eq!(
            (reply.status, reply.header(header::CONTENT_TYPE)),
            (StatusCode::UNAUTHORIZED, "application/problem+json")
        );
        assert_eq!(admin.get(&service, path).await.status, StatusCode::OK, "{path}");
        assert_eq!(admin.get(&service, path).await.header(header::CACHE_CONTROL), "no-store");
    }
    let reply = service.ask(Method::DELETE, "/sessions/current", &[(header::COOKIE, admin.cookie())]).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.get(&service, "/units").await.status, StatusCode::UNAUTHORIZED, "the token is worth nothing now");
}

#[tokio::test]
async fn the_demonstration_says_that_it_is_open() {
    let service = Service::new().await;
    let me = service.get("/me").await.json();
    assert_eq!((me["open"].clone(), me["account"]["display_name"].clone()), (json!(true), json!("演示")));
    let account = json!({ "name": "li", "display_name": "李", "unit": "root", "roles": ["officer"] });
    assert_eq!(service.send(Method::POST, "/accounts", &[], &account).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn wrong_passwords_lock_the_account_and_the_administrator_unlocks_it() {
    let (service, admin) = with_accounts().await;
    let officer = hire(&service, &admin, "nongye", "wang", &["officer"]).await;
    for _ in 0..5 {
        assert_eq!(try_log_in(&service, "wang", "Guess 2024!").await.status, StatusCode::UNAUTHORIZED);
    }
    let locked = try_log_in(&service, "wang", "Wuling 2024!").await;
    assert_eq!(locked.status, StatusCode::FORBIDDEN);
    assert_eq!(locked.header(header::RETRY_AFTER), "900");
    let listed = admin.get(&service, "/accounts").await.json();
    let account =
        listed["accounts"].as_array().expect("a list").iter().find(|one| one["name"] == "wang").expect("there");
    assert_eq!(account["locked"], true);
    let path = format!("/accounts/{}", officer.id);
    let unlock = json!({ "version": account["version"], "unlock": true });
    assert_eq!(admin.send(&service, Method::PATCH, &path, &unlock).await.status, StatusCode::OK);
    assert_eq!(try_log_in(&service, "wang", "Wuling 2024!").await.status, StatusCode::OK);
    assert_eq!(officer.send(&service, Method::PATCH, &path, &unlock).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_closed_account_is_out_at_once_and_a_late_change_is_told_what_is_there() {
    let (service, admin) = with_accounts().await;
    let officer = hire(&service, &admin, "nongye", "wang", &["officer"]).await;
    assert_eq!(officer.get(&service, "/units").await.status, StatusCode::OK);
    let path = format!("/accounts/{}", officer.id);
    let late = json!({ "version": 1, "display_name": "王" });
    let reply = admin.send(&service, Method::PATCH, &path, &late).await;
    assert_eq!(reply.status, StatusCode::CONFLICT);
    let version = reply.json()["current"]["version"].clone();
    let close = json!({ "version": version, "active": false });
    assert_eq!(admin.send(&service, Method::PATCH, &path, &close).await.status, StatusCode::OK);
    assert_eq!(officer.get(&service, "/units").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(try_log_in(&service, "wang", "Wuling 2024!").await.status, StatusCode::UNAUTHORIZED);
    let own = json!({ "version": 2, "active": false });
    let reply = admin.send(&service, Method::PATCH, &format!("/accounts/{}", admin.id), &own).await;
    assert_eq!(reply.status, StatusCode::CONFLICT, "the last administrator stays");
}

#[tokio::test]
async fn a_request_with_a_key_is_done_once() {
    let (service, admin) = with_accounts().await;
    let unit = json!({ "id": "shuili", "name": "水利局", "parent": "root" });
    let first = admin.send_keyed(&service, "/units", "k1", &unit).await;
    let again = admin.send_keyed(&service, "/units", "k1", &unit).await;
    assert_eq!((first.status, again.status), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(first.json(), again.json());
    assert_eq!(again.headers.get("idempotent-replayed").map(header::HeaderValue::as_bytes), Some(b"true".as_slice()));
    let other = json!({ "id": "jiaotong", "name": "交通局", "parent": "root" });
    assert_eq!(admin.send_keyed(&service, "/units", "k1", &other).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(admin.send_keyed(&service, "/units", "k2", &unit).await.status, StatusCode::CONFLICT);
    let ring = json!({ "version": 1, "parent": "shuili" });
    assert_eq!(admin.send(&service, Method::PATCH, "/units/root", &ring).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn writes_from_another_site_and_bodies_that_are_no_json_are_refused() {
    let (service, admin) = with_accounts().await;
    let unit = json!({ "name": "水利局" });
    let headers = [(header::COOKIE, admin.cookie()), (header::ORIGIN, "http://evil.example")];
    let reply = service.send(Method::POST, "/units", &headers, &unit).await;
    assert_eq!((reply.status, reply.json()["status"].clone()), (StatusCode::FORBIDDEN, json!(403)));
    let headers = [(header::COOKIE, admin.cookie()), (header::CONTENT_TYPE, "text/plain")];
    assert_eq!(service.ask(Method::POST, "/units", &headers).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let reply = admin.send(&service, Method::POST, "/units", &json!({ "nam": "水利局" })).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
}
