//! `shikong-server`: reads the command line, the environment and the clock, and serves.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use tile_server::{App, Settings, WorkLimits, router};
use tracing_subscriber::EnvFilter;

/// How often the leftovers of crashed imports are looked for.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// 时空信息云平台服务：把目录中的数据以瓦片、要素、三维、地形与网页提供出来。
/// Serves a catalogue as tiles, features, 3D tiles, terrain and a web page.
#[derive(Debug, Parser)]
#[command(name = "shikong-server", version)]
struct Arguments {
    /// 数据目录（shikong-import 的 --data）；the catalogue's folder.
    #[arg(long, required_unless_present = "print_openapi")]
    data: Option<PathBuf>,
    /// 监听地址，端口 0 为任选；address to listen on, port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// 所有地址的前缀，如 /gis；prefix of every URL.
    #[arg(long, default_value = "")]
    base_path: String,
    /// 天地图密钥文件；没有时取环境变量 `SHIKONG_TIANDITU_KEY`；file with the Tianditu key.
    #[arg(long)]
    tianditu_key_file: Option<PathBuf>,
    /// 打印接口说明后退出；print openapi.json and exit.
    #[arg(long)]
    print_openapi: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.print_openapi {
        std::io::stdout().write_all(tile_server::openapi::text().as_bytes())?;
        return Ok(());
    }
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_unset| EnvFilter::new("info")))
        .init();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(arguments))
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let data = arguments.data.context("--data")?;
    let base_path = arguments.base_path.trim_end_matches('/').to_owned();
    let well_formed = base_path.is_empty()
        || base_path.starts_with('/') && base_path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.".contains(&b));
    anyhow::ensure!(well_formed, "--base-path 应形如 /gis / must look like /gis");
    let catalog = catalog::Catalog::open(&data)
        .await
        .with_context(|| format!("无法打开数据目录 / cannot open the data folder {}", data.display()))?;
    let settings = Settings {
        base_path: base_path.clone(),
        now: chrono::Utc::now,
        cache_dir: catalog.root().join("cache"),
        tianditu_key: tianditu_key(arguments.tianditu_key_file)?,
        work: WorkLimits::of_cores(std::thread::available_parallelism().map_or(1, std::num::NonZero::get)),
    };
    let listener = tokio::net::TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("无法监听 / cannot listen on {}", arguments.listen))?;
    let address = listener.local_addr()?;
    // The first line of stdout is the URL, for whoever started us on port 0.
    let mut stdout = std::io::stdout();
    writeln!(stdout, "http://{address}{base_path}").and_then(|()| stdout.flush())?;
    let sweeping = tokio::spawn(sweep(catalog.clone()));
    axum::serve(listener, router(App::new(catalog.clone(), settings))).with_graceful_shutdown(stop_asked()).await?;
    sweeping.abort();
    catalog.close().await;
    Ok(())
}

/// Clears what crashed imports left, now and every hour.
async fn sweep(catalog: catalog::Catalog) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    loop {
        ticks.tick().await;
        match catalog.sweep(chrono::Utc::now()).await {
            Ok(report) if report.removed.is_empty() => {}
            Ok(report) => tracing::info!(removed = ?report.removed, "swept what crashed imports left"),
            Err(error) => tracing::warn!(%error, "the sweep failed"),
        }
    }
}

/// The key from the file, else from the environment. It is a secret: it is never logged.
fn tianditu_key(file: Option<PathBuf>) -> anyhow::Result<Option<String>> {
    let text = match file {
        Some(path) => Some(
            std::fs::read_to_string(&path)
                .with_context(|| format!("无法读取天地图密钥文件 / cannot read the key file {}", path.display()))?,
        ),
        None => std::env::var("SHIKONG_TIANDITU_KEY").ok(),
    };
    let key = text.map(|text| text.trim().to_owned()).filter(|key| !key.is_empty());
    let well_formed = key.as_ref().is_none_or(|key| key.bytes().all(|b| b.is_ascii_alphanumeric()));
    // A key with blanks inside is answered with 418 and may get the address blocked.
    anyhow::ensure!(well_formed, "天地图密钥只应含字母和数字 / the Tianditu key must be letters and digits");
    Ok(key)
}

/// Ctrl-C or SIGTERM: running answers are finished.
async fn stop_asked() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_cannot_listen) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = interrupted => {}
        () = terminated => {}
    }
    tracing::info!("stopping");
}
