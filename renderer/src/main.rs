//! `shikong-view`: reads the command line, finds or starts the server, and opens the window or takes the picture.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser as _;
use renderer::ViewError;
use renderer::arguments::Arguments;
use renderer::desk::Desk;
use renderer::headless::{self, Order};
use renderer::local_server::LocalServer;
use renderer::service::Service;
use renderer::viewer::Viewer;
use renderer::window;
use tracing_subscriber::EnvFilter;
use url::Url;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("SHIKONG_LOG").unwrap_or_else(|_error| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is where a person looks; if even that is closed there is nobody to tell.
            drop(writeln!(std::io::stderr(), "错误 (error): {error:#}"));
            ExitCode::from(5)
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (url, server) = find_server(&arguments.address)?;
    let service = Service::new(url)?;
    if arguments.headless {
        let viewer =
            Viewer::open(service, arguments.datetime.clone(), &(Arc::new(|| {}) as Arc<dyn Fn() + Send + Sync>))?;
        shoot(arguments, viewer)?;
    } else {
        window::run(arguments, service)?;
    }
    drop(server);
    Ok(())
}

fn find_server(address: &str) -> anyhow::Result<(Url, Option<LocalServer>)> {
    if let Ok(url) = Url::parse(address)
        && matches!(url.scheme(), "http" | "https")
    {
        return Ok((url, None));
    }
    let folder = Path::new(address);
    if !folder.is_dir() {
        return Err(ViewError::Address { given: address.to_owned() }.into());
    }
    let own = std::env::current_exe().context("找不到自身位置 (own location unknown)")?;
    let program = own.with_file_name(format!("shikong-server{}", std::env::consts::EXE_SUFFIX));
    let server = LocalServer::start(&program, folder)?;
    Ok((server.url.clone(), Some(server)))
}

fn shoot(arguments: &Arguments, mut viewer: Viewer) -> anyhow::Result<()> {
    viewer.budget_bytes = arguments.budget_mib << 20;
    let mut desk = Desk::new(viewer, arguments.lang, arguments.panels);
    let order = Order {
        camera: arguments.camera,
        size_px: arguments.size.0,
        layers: arguments.layers.clone(),
        out: arguments.out.clone().unwrap_or_else(|| "shot.png".into()),
        backend: arguments.backend,
        pixels_per_point: arguments.scale,
    };
    let report = headless::take(&mut desk, &order)?;
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
    Ok(())
}
