//! `shikong-server`: reads the command line, the environment and the clock, and serves.

mod analyse_command;

use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use chrono::TimeDelta;
use clap::{Parser, Subcommand};
use tile_server::ground_views::ViewerProgram;
use tile_server::package::SigningKey;
use tile_server::people::{FirstStart, PeopleSettings, first_start};
use tile_server::push::PushSettings;
use tile_server::{App, JobSettings, Settings, WorkLimits, jobs, router};
use tracing_subscriber::EnvFilter;

/// How often the leftovers of crashed imports are looked for.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// How long an answer is kept for who asks the same again.
const ANSWERS_KEPT: TimeDelta = TimeDelta::days(7);

/// 时空信息云平台服务：把目录中的数据以瓦片、要素、三维、地形与网页提供出来。
/// Serves a catalogue as tiles, features, 3D tiles, terrain and a web page.
#[derive(Debug, Parser)]
#[command(name = "shikong-server", version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
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
    /// 演示：没有账号时不需登录，只限本机地址；已有账号时不起作用；demonstration without log-in, loopback only, no effect where there are accounts.
    #[arg(long)]
    open: bool,
    /// 会话空闲多少分钟后须重新登录；minutes after which an unused session ends.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(i64).range(1..=1_440))]
    session_idle_minutes: i64,
    /// 会话最长小时数；hours after which any session ends.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(i64).range(1..=168))]
    session_hours: i64,
    /// 省级平台接收地址：办结的项目自动推送签名数据包；where decided projects are pushed as signed packages.
    #[arg(long, requires = "push_key_file")]
    push_url: Option<url::Url>,
    /// 推送与导出签名用的密钥文件，至少 32 字节；file with the key that signs what is pushed.
    #[arg(long)]
    push_key_file: Option<PathBuf>,
    /// 为该账号生成一次性密码并解锁，打印后退出；print a one-time password for this account, unlock it and exit.
    #[arg(long, value_name = "NAME")]
    reset_password: Option<String>,
    /// 打印接口说明后退出；print openapi.json and exit.
    #[arg(long)]
    print_openapi: bool,
}

/// What else the program does.
#[derive(Debug, Subcommand)]
enum Command {
    /// 对数据目录做一次分析，供脚本使用；answers one analysis over a catalogue's folder, for scripts.
    Analyse(analyse_command::AnalyseArguments),
}

fn main() -> anyhow::Result<()> {
    let mut arguments = Arguments::parse();
    if arguments.print_openapi {
        std::io::stdout().write_all(tile_server::openapi::text().as_bytes())?;
        return Ok(());
    }
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_unset| EnvFilter::new("info")))
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match arguments.command.take() {
        Some(Command::Analyse(question)) => runtime.block_on(analyse_command::run(&question)),
        None => runtime.block_on(serve(arguments)),
    }
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
    let now = chrono::Utc::now;
    if let Some(name) = arguments.reset_password {
        let password = tile_server::people::reset_password(&catalog, &name, now())
            .await?
            .with_context(|| format!("没有账号 {name} / there is no account {name}"))?;
        writeln!(std::io::stdout(), "{}", one_time(&name, &password))?;
        catalog.close().await;
        return Ok(());
    }
    anyhow::ensure!(
        !arguments.open || arguments.listen.ip().is_loopback(),
        "--open 只能用于本机地址（127.0.0.1）/ --open is for a loopback address only"
    );
    let open = arguments.open && catalog.account_count().await? == 0;
    if arguments.open && !open {
        tracing::warn!("there are accounts, so --open has no effect: people log in");
    }
    let listener = tokio::net::TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("无法监听 / cannot listen on {}", arguments.listen))?;
    let address = listener.local_addr()?;
    let own_program = std::env::current_exe().ok();
    let settings = Settings {
        base_path: base_path.clone(),
        now,
        cache_dir: catalog.root().join("cache"),
        tianditu_key: tianditu_key(arguments.tianditu_key_file)?,
        work: WorkLimits::of_cores(std::thread::available_parallelism().map_or(1, std::num::NonZero::get)),
        people: PeopleSettings {
            open,
            session_idle: TimeDelta::minutes(arguments.session_idle_minutes),
            session_longest: TimeDelta::hours(arguments.session_hours),
            ..PeopleSettings::default()
        },
        jobs: JobSettings {
            importer: own_program.as_deref().map(tile_server::importer_program::beside),
            ..JobSettings::default()
        },
        push: push_settings(arguments.push_url, arguments.push_key_file)?,
        viewer: own_program
            .as_deref()
            .map(|program| ViewerProgram::beside(program, format!("http://{}{base_path}", reached_at(address)))),
    };
    // The first line of stdout is the URL, for whoever started us on port 0. The password goes with it in one piece:
    // it is shown here, once, and never in the log.
    let mut greeting = format!("http://{address}{base_path}\n");
    if !open && let FirstStart::Made { one_time_password } = first_start(&catalog, now()).await? {
        greeting.push_str(&one_time("admin", &one_time_password));
        greeting.push('\n');
    }
    let mut stdout = std::io::stdout();
    stdout.write_all(greeting.as_bytes()).and_then(|()| stdout.flush())?;
    let sweeping = tokio::spawn(sweep(catalog.clone()));
    let app = App::new(catalog.clone(), settings);
    let workers = jobs::start(&app);
    let telling = tokio::spawn(tile_server::push::run(std::sync::Arc::clone(&app)));
    axum::serve(listener, router(app)).with_graceful_shutdown(stop_asked()).await?;
    // Jobs that run now are begun again at the next start.
    drop(workers);
    telling.abort();
    sweeping.abort();
    catalog.close().await;
    Ok(())
}

/// Where a program on this machine reaches us.
fn reached_at(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    address
}

fn one_time(name: &str, password: &str) -> String {
    format!("账号 / account: {name}   一次性密码 / one-time password: {password}")
}

/// Clears what crashed imports left, now and every hour.
async fn sweep(catalog: catalog::Catalog) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = catalog.kept_answers_forget(chrono::Utc::now() - ANSWERS_KEPT).await {
            tracing::warn!(%error, "old answers could not be forgotten");
        }
        match catalog.sweep(chrono::Utc::now()).await {
            Ok(report) if report.removed.is_empty() => {}
            Ok(report) => tracing::info!(removed = ?report.removed, "swept what crashed imports left"),
            Err(error) => tracing::warn!(%error, "the sweep failed"),
        }
    }
}

/// The provincial platform, where one is named.
fn push_settings(url: Option<url::Url>, key_file: Option<PathBuf>) -> anyhow::Result<Option<PushSettings>> {
    let Some((url, path)) = url.zip(key_file) else { return Ok(None) };
    anyhow::ensure!(matches!(url.scheme(), "http" | "https"), "--push-url: http(s)");
    let key = SigningKey::read(&path)
        .with_context(|| format!("无法读取密钥文件 / cannot read the key file {}", path.display()))?;
    Ok(Some(PushSettings { url: url.into(), key }))
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
