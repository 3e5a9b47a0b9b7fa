//! Tianditu layers, one tile at a time on a client's request: never a bulk download.
//!
//! The service tells key types apart by User-Agent, allows so many requests a day, and blocks addresses that look like
//! crawlers. So: an honest, stable User-Agent (a server key is needed), a daily budget counted on disk,
//! tiles kept on disk, and silence for a while after a refusal. The key never reaches a log, an error or a client.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use catalog::{Catalog, Slug, TiandituSource};
use chrono::{DateTime, Days, FixedOffset, NaiveDate, TimeDelta, Utc};
use futures::future::BoxFuture;
use geodesy::grid::{TileCoord, TileMatrixSet};
use tokio::sync::Mutex;

use super::{Answer, Origin, Source, Wanted};
use crate::app::Settings;
use crate::payload::Payload;
use crate::problem::Problem;

mod refusal;
mod shelf;

use refusal::Refusal;
use shelf::Shelf;

/// Names the program; the service takes whatever does not start with `Mozilla/5.0` for a server.
const USER_AGENT: &str = concat!("shikong-server/", env!("CARGO_PKG_VERSION"));
/// A tile takes this long at most.
const FETCH_TIMEOUT: Duration = Duration::from_secs(15);
/// No tile is larger.
const MAX_TILE_BYTES: usize = 4 << 20;
/// The service's days end at midnight in China.
const CHINA_SECONDS_EAST: i32 = 8 * 3_600;

/// The proxy.
pub(super) struct Tianditu {
    key: Option<String>,
    now: fn() -> DateTime<Utc>,
    folder: PathBuf,
    client: Option<reqwest::Client>,
    shelf: Shelf,
    accounts: Mutex<std::collections::BTreeMap<Slug, Account>>,
}

/// What was asked of one layer today, and until when it is left in peace.
#[derive(Debug, Clone)]
struct Account {
    day: NaiveDate,
    asked: u32,
    silent_until: Option<(DateTime<Utc>, Refusal)>,
}

impl Tianditu {
    pub(super) fn new(settings: &Settings) -> Self {
        let folder = settings.cache_dir.join("tianditu");
        // reqwest is built without a default; another part of the process may have chosen already, and that is as well.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            drop(rustls::crypto::ring::default_provider().install_default());
        }
        let client = reqwest::Client::builder().user_agent(USER_AGENT).timeout(FETCH_TIMEOUT).build();
        if let Err(error) = &client {
            tracing::error!(%error, "no HTTP client, Tianditu layers will not be served");
        }
        Self {
            key: settings.tianditu_key.clone(),
            now: settings.now,
            shelf: Shelf::new(folder.join("tiles")),
            folder,
            client: client.ok(),
            accounts: Mutex::default(),
        }
    }

    async fn tile(
        &self,
        slug: &Slug,
        source: &TiandituSource,
        grid: TileMatrixSet,
        coord: TileCoord,
    ) -> Result<Payload, Problem> {
        if !(source.min_zoom..=source.max_zoom).contains(&coord.z) {
            return Err(Problem::no_tile());
        }
        let now = (self.now)();
        let name = format!("{slug}/{}/{}/{}/{}", grid.letter(), coord.z, coord.x, coord.y);
        if let Some(bytes) = self.shelf.take(&name, now).await {
            return picture(bytes).ok_or_else(|| Problem::internal("a kept tile is no picture"));
        }
        let key = self.key.as_deref().ok_or_else(|| {
            Problem::new(
                axum::http::StatusCode::SERVICE_UNAVAILABLE,
                "服务器没有配置天地图密钥，请管理员用 --tianditu-key-file 提供服务端密钥",
                "The server has no Tianditu key; the administrator gives one with --tianditu-key-file.",
            )
        })?;
        self.spend(slug, source, now).await?;
        match self.fetch(source, grid, coord, key).await {
            Ok(bytes) => {
                self.shelf.keep(&name, &bytes, now).await;
                picture(bytes).ok_or_else(|| Refusal::NoPicture.problem())
            }
            Err(refusal) => {
                if let Some(pause) = refusal.pause() {
                    let mut accounts = self.accounts.lock().await;
                    if let Some(account) = accounts.get_mut(slug) {
                        account.silent_until = Some((now + pause, refusal.clone()));
                    }
                }
                Err(refusal.problem())
            }
        }
    }

    /// Takes one request off the day's budget, or says why there is none.
    async fn spend(&self, slug: &Slug, source: &TiandituSource, now: DateTime<Utc>) -> Result<(), Problem> {
        let today = china_day(now);
        let path = self.folder.join(format!("{slug}.budget"));
        let mut accounts = self.accounts.lock().await;
        let account = match accounts.get_mut(slug) {
            Some(account) => account,
            None => accounts.entry(slug.clone()).or_insert(account_of_file(&path, today)),
        };
        if account.day != today {
            *account = Account { day: today, asked: 0, silent_until: account.silent_until.take() };
        }
        if let Some((until, refusal)) = &account.silent_until {
            if now < *until {
                return Err(refusal.problem().retry_after((*until - now).num_seconds().unsigned_abs()));
            }
            account.silent_until = None;
        }
        if account.asked >= source.daily_budget {
            return Err(Refusal::Budget.problem().retry_after(seconds_to_midnight(now)));
        }
        account.asked += 1;
        let line = format!("{today} {}\n", account.asked);
        // Written before the request is sent: a crash must not make us ask more than the budget.
        let written = match tokio::fs::create_dir_all(&self.folder).await {
            Ok(()) => tokio::fs::write(&path, line).await,
            Err(error) => Err(error),
        };
        drop(accounts);
        written.map_err(Problem::internal)
    }

    async fn fetch(
        &self,
        source: &TiandituSource,
        grid: TileMatrixSet,
        coord: TileCoord,
        key: &str,
    ) -> Result<Bytes, Refusal> {
        let client = self.client.as_ref().ok_or(Refusal::Unreachable)?;
        let url = tile_url(source, grid, coord, key);
        // The error of a failed request holds the URL and with it the key.
        let response = client.get(url).send().await.map_err(|error| Refusal::unreachable(&error.without_url()))?;
        let status = response.status().as_u16();
        if response.content_length().is_some_and(|length| length > MAX_TILE_BYTES as u64) {
            return Err(Refusal::NoPicture);
        }
        let mut response = response;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| Refusal::unreachable(&error.without_url()))? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_TILE_BYTES {
                return Err(Refusal::NoPicture);
            }
        }
        if status == 200 && media_type_of(&body).is_some() {
            return Ok(Bytes::from(body));
        }
        Err(Refusal::of_answer(status, &body))
    }
}

impl Source for Tianditu {
    fn name(&self) -> &'static str {
        "tianditu"
    }

    fn answers(&self, origin: &Origin, wanted: &Wanted) -> bool {
        matches!((origin, wanted), (Origin::Tianditu(..), Wanted::Tile(..)))
    }

    fn get<'a>(
        &'a self,
        _: &'a Catalog,
        origin: &'a Origin,
        wanted: &'a Wanted,
    ) -> BoxFuture<'a, Result<Answer, Problem>> {
        Box::pin(async move {
            match (origin, wanted) {
                (Origin::Tianditu(slug, source), Wanted::Tile(grid, coord, extension))
                    if matches!(extension.as_str(), "png" | "jpg" | "webp") =>
                {
                    self.tile(slug, source, *grid, *coord).await.map(Answer::Payload)
                }
                _ => Err(Problem::no_tile()),
            }
        })
    }
}

/// The WMTS address of a tile. One host per column, so that caches on the way see one address per tile.
fn tile_url(source: &TiandituSource, grid: TileMatrixSet, coord: TileCoord, key: &str) -> String {
    let (layer, set) = (source.layer, grid.letter());
    let host = source.base_url.trim_end_matches('/').replace("{s}", &(coord.x % 8).to_string());
    format!(
        "{host}/{layer}_{set}/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER={layer}&STYLE=default\
         &TILEMATRIXSET={set}&FORMAT=tiles&TileCol={}&TileRow={}&TileMatrix={}&tk={key}",
        coord.x, coord.y, coord.z
    )
}

/// By its first bytes: what the service says of itself is not always so.
fn media_type_of(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

fn picture(bytes: Bytes) -> Option<Payload> {
    let media_type = media_type_of(&bytes)?;
    Some(Payload::picture(bytes, media_type))
}

fn china_time(now: DateTime<Utc>) -> chrono::NaiveDateTime {
    FixedOffset::east_opt(CHINA_SECONDS_EAST).map_or(now.naive_utc(), |offset| now.with_timezone(&offset).naive_local())
}

fn china_day(now: DateTime<Utc>) -> NaiveDate {
    china_time(now).date()
}

fn seconds_to_midnight(now: DateTime<Utc>) -> u64 {
    let local = china_time(now);
    let midnight = local.date().checked_add_days(Days::new(1)).map(|day| day.and_time(chrono::NaiveTime::MIN));
    midnight.map_or(TimeDelta::days(1), |midnight| midnight - local).num_seconds().unsigned_abs()
}

fn account_of_file(path: &Path, today: NaiveDate) -> Account {
    let fresh = Account { day: today, asked: 0, silent_until: None };
    let Ok(text) = std::fs::read_to_string(path) else { return fresh };
    let read = text.split_once(' ').and_then(|(day, asked)| {
        let day: NaiveDate = day.parse().ok()?;
        Some(Account { day, asked: asked.trim().parse().ok()?, silent_until: None })
    });
    read.unwrap_or(fresh)
}

#[cfg(test)]
mod tests {
    use catalog::TiandituLayer;

    use super::*;

    #[test]
    fn addresses_are_those_of_the_service() {
        let source = TiandituSource::public(TiandituLayer::Cva);
        let url = tile_url(&source, TileMatrixSet::Cgcs2000C, TileCoord::new(12, 3291, 703), "secret");
        assert_eq!(
            url,
            "https://t3.tianditu.gov.cn/cva_c/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER=cva&STYLE=default\
             &TILEMATRIXSET=c&FORMAT=tiles&TileCol=3291&TileRow=703&TileMatrix=12&tk=secret"
        );
    }

    #[test]
    fn the_budget_runs_by_the_chinese_day() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).expect("an instant").to_utc();
        assert_eq!(china_day(at("2024-05-01T15:59:59Z")).to_string(), "2024-05-01");
        assert_eq!(china_day(at("2024-05-01T16:00:00Z")).to_string(), "2024-05-02");
        assert_eq!(seconds_to_midnight(at("2024-05-01T15:59:00Z")), 60);
    }
}
