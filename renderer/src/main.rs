//! `shikong-view`: reads the command line, finds or starts the server, and opens the window or takes the picture.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser as _;
use renderer::ViewError;
use renderer::arguments::{Arguments, Command};
use renderer::desk::Desk;
use renderer::gpu::{Gpu, Shot};
use renderer::headless::{self, Order};
use renderer::local_server::LocalServer;
use renderer::meeting::file::MeetingFile;
use renderer::meeting::{client, pack};
use renderer::packed::Packed;
use renderer::script::{self, Script};
use renderer::service::Service;
use renderer::session::Credentials;
use renderer::viewer::Viewer;
use renderer::window::{self, Opened};
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
    let credentials = credentials();
    if let Some(Command::Pack { meeting, out, margin }) = &arguments.command {
        let packing = pack::pack(meeting, out, *margin, credentials.as_ref())?;
        writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&packing)?)?;
        return Ok(());
    }
    let address = arguments.address.as_deref().unwrap_or_default();
    let (mut service, file, server) = find_service(address)?;
    if let (Some(credentials), false) = (&credentials, service.is_packed()) {
        service.sign_in(credentials)?;
    }
    let project = file.as_ref().and_then(|(file, _)| file.project.as_deref());
    let meeting = match (&arguments.project, project) {
        (Some(wanted), _) => Some(client::open(&service, wanted)?),
        (None, Some(id)) => Some(client::read(&service, id)?),
        (None, None) => None,
    };
    let datetime = arguments.datetime.clone().or_else(|| file.as_ref().and_then(|(file, _)| file.datetime.clone()));
    let arguments = Arguments { datetime, ..arguments.clone() };
    let opened = Opened { meeting, file };
    if arguments.headless || arguments.script.is_some() {
        let quiet = Arc::new(|| {}) as Arc<dyn Fn() + Send + Sync>;
        let viewer = Viewer::open(service, arguments.datetime.clone(), &quiet)?;
        draw(&arguments, viewer, opened)?;
    } else {
        window::run(&arguments, service, opened)?;
    }
    drop(server);
    Ok(())
}

/// Name and password from the environment, where both are set.
fn credentials() -> Option<Credentials> {
    let name = std::env::var("SHIKONG_USER").ok().filter(|name| !name.is_empty())?;
    let password = std::env::var("SHIKONG_PASSWORD").ok()?;
    Some(Credentials { name, password })
}

/// A service, the saved meeting that names it, and the server that was started for it.
type Found = (Service, Option<(MeetingFile, PathBuf)>, Option<LocalServer>);

fn find_service(address: &str) -> anyhow::Result<Found> {
    let path = Path::new(address);
    if path.extension().is_some_and(|extension| extension == "skv") && path.is_file() {
        let file = MeetingFile::open(path)?;
        let base = file.server_url().map_err(|reason| ViewError::MeetingFile { path: path.to_owned(), reason })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let service =
            if Packed::is_there(folder) { Service::packed(base, Packed::open(folder)?)? } else { Service::new(base)? };
        return Ok((service, Some((file, path.to_owned())), None));
    }
    let (url, server) = find_server(address)?;
    Ok((Service::new(url)?, None, server))
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

/// Draws without a window: the pictures of a script, or one.
fn draw(arguments: &Arguments, mut viewer: Viewer, opened: Opened) -> anyhow::Result<()> {
    viewer.budget_bytes = arguments.budget_mib << 20;
    let mut desk = Desk::new(viewer, arguments.lang, arguments.panels);
    let has_view = opened.meeting.is_some() || opened.file.is_some();
    if has_view {
        opened.put_on(&mut desk, arguments.camera, arguments.size.0, arguments.scale);
    }
    if let Some(path) = &arguments.script {
        let script = Script::open(path)?;
        if let Some(slugs) = &arguments.layers {
            desk.viewer.show_only(slugs);
        }
        let mut shot = Shot::new(Gpu::headless(arguments.backend)?, 4);
        let folder = arguments.out_dir.clone().unwrap_or_else(|| ".".into());
        let done = script::follow(&mut desk, &mut shot, &script, (&folder, arguments.size.0))?;
        writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&done)?)?;
        return Ok(());
    }
    let order = Order {
        camera: arguments.camera.or_else(|| has_view.then_some(desk.viewer.camera)),
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
