//! `add`: converts every unit of a delivery in a limited process and publishes each as a revision.
//!
//! The parent alone touches the catalogue. A unit that fails takes nothing else with it: the
//! others are published, and the exit code says that some were not.

use std::path::Path;
use std::time::{Duration, Instant};

use catalog::{
    Catalog, CatalogError, Classification, DatasetKind, NewAsset, NewDataset, NewRevision, Provenance, RevisionId,
    Slug, SourceFile, Staging, Stewardship,
};
use chrono::{DateTime, Utc};
use importers::delivery::{self, Slugs, Unit};
use importers::importer::{Conversion, Job, Options, Severity, Text, Warning};
use importers::sandbox::parent::Outcome;
use importers::sandbox::{Failure, FailureClass, Task};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::args::AddArgs;
use super::report::{Failed, Published, Report};
use super::screen::Screen;
use super::{Exit, Worker, WrongCall, absolute, open_delivery, report, scratch_folder, wrong_answer};

/// Between two signs of life to the catalogue; its lease is half an hour.
const RENEW_EVERY: Duration = Duration::from_mins(5);

/// What is said once for the whole delivery.
struct Statement {
    title: Option<String>,
    title_en: Option<String>,
    description: Option<String>,
    kind: Option<DatasetKind>,
    valid_from: DateTime<Utc>,
    valid_to: Option<DateTime<Utc>>,
    /// True where nobody said since when it is valid.
    undated: bool,
    stewardship: Stewardship,
    operator: Option<String>,
}

/// One dataset to be made: a unit, or one layer of it.
struct Part {
    unit: Unit,
    slug: Slug,
    title: Option<String>,
    options: Options,
    sources: Vec<SourceFile>,
    bytes: u64,
}

/// Runs the command.
pub(crate) fn run(args: &AddArgs) -> Result<Exit, WrongCall> {
    let prefix = Slug::parse(&args.dataset).map_err(|error| wrong("--dataset", &error))?;
    let statement = statement(args)?;
    let mut found = open_delivery(&args.path, args.reading.importer.as_deref())?;
    let worker = Worker::new(args.limits.clone())?;
    let screen = Screen::new(args.json);
    let mut report = Report {
        delivery: args.path.display().to_string(),
        unclaimed: std::mem::take(&mut found.unclaimed),
        ..Report::default()
    };

    let options = args.reading.options();
    let parts = parts(found.units, &prefix, &options, &worker, &screen, &mut report);
    if !parts.is_empty() {
        runtime()?.block_on(async {
            match Catalog::open(&args.data).await {
                Ok(catalog) => {
                    // What an import that was killed left behind goes now; running ones hold a lease.
                    if let Err(error) = catalog.sweep(Utc::now()).await {
                        tracing::warn!(%error, "remains of killed imports were not swept");
                    }
                    for (number, part) in parts.iter().enumerate() {
                        screen.unit(number + 1, parts.len(), &part.unit.name);
                        match add_part(&catalog, &worker, &screen, &statement, part).await {
                            Ok(published) => report.published.push(published),
                            Err(failure) => report.failed.push(Failed { unit: part.unit.name.clone(), failure }),
                        }
                    }
                    catalog.close().await;
                }
                Err(error) => report.failed.push(Failed {
                    unit: args.data.display().to_string(),
                    failure: catalog_failure(&args.data, &error),
                }),
            }
        });
    }
    screen.clear();
    let exit = report.exit();
    report.exit_code = exit as u8;
    if args.json {
        report::print_json(&report);
    } else {
        report::print(&report.summary());
    }
    Ok(exit)
}

/// Units of a delivery as datasets: a container of several layers becomes one for each.
fn parts(
    units: Vec<Unit>,
    prefix: &Slug,
    options: &Options,
    worker: &Worker,
    screen: &Screen,
    report: &mut Report,
) -> Vec<Part> {
    let alone = units.len() == 1;
    let mut slugs = Slugs::default();
    let mut parts = Vec::new();
    for (number, unit) in units.into_iter().enumerate() {
        screen.unit(number + 1, 0, &unit.name);
        let mut fail = |unit: &Unit, failure| {
            report.failed.push(Failed { unit: unit.name.clone(), failure });
        };
        let sources = match fingerprints(&unit.path) {
            Ok(sources) => sources,
            Err(error) => {
                fail(&unit, unreadable(&unit.path, &error));
                continue;
            }
        };
        let bytes = sources.iter().map(|source| source.bytes).sum();
        let layers = if options.layer.is_some() || !unit.claim.importer.may_hold_layers(&unit.path) {
            Vec::new()
        } else {
            match worker.inspect(&unit, options, bytes, screen) {
                Ok(inspection) => inspection.layers,
                Err(failure) => {
                    fail(&unit, failure);
                    continue;
                }
            }
        };
        let names: Vec<Option<String>> =
            if layers.len() > 1 { layers.into_iter().map(Some).collect() } else { vec![None] };
        let several = !alone || names.len() > 1;
        for layer in names {
            let name = match (&layer, alone) {
                (Some(layer), true) => layer.clone(),
                (Some(layer), false) => format!("{}/{layer}", unit.name),
                (None, _) => unit.name.clone(),
            };
            let slug = if several { slugs.under(prefix.as_str(), &name) } else { prefix.to_string() };
            let slug = match Slug::parse(&slug) {
                Ok(slug) => slug,
                Err(error) => {
                    fail(&unit, catalog_failure(&unit.path, &error));
                    continue;
                }
            };
            parts.push(Part {
                slug,
                title: several.then(|| title_of(&name)),
                options: Options { layer: layer.or_else(|| options.layer.clone()), ..options.clone() },
                sources: sources.clone(),
                bytes,
                unit: Unit { name, ..unit.clone() },
            });
        }
    }
    parts
}

/// The last part of a path without its extension: what the deliverer called it.
fn title_of(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    last.rsplit_once('.').map_or(last, |(stem, _)| stem).to_owned()
}

async fn add_part(
    catalog: &Catalog,
    worker: &Worker,
    screen: &Screen,
    statement: &Statement,
    part: &Part,
) -> Result<Published, Failure> {
    let started = Instant::now();
    let path = &part.unit.path;
    let kind = part.unit.claim.importer.kind();
    if let Some(wanted) = statement.kind.filter(|wanted| *wanted != kind) {
        return Err(refused(
            path,
            Text::new(
                format!("这是 {kind},不是 --kind 指定的 {wanted}"),
                format!("this is {kind}, not {wanted} as --kind says"),
            ),
        ));
    }
    let now = Utc::now();
    let random = uuid::Uuid::new_v4().as_fields().0;
    let id = RevisionId::from_time(now, random);
    let said = |error: CatalogError| catalog_failure(path, &error);
    let staging = catalog.staging_open(&part.slug, &id, now).await.map_err(said)?;

    let converted = match convert(catalog, worker, screen, part, &staging) {
        Ok(conversion) => publish(catalog, statement, part, &staging, conversion).await,
        Err(failure) => Err(failure),
    };
    match converted {
        Ok(mut published) => {
            published.seconds = started.elapsed().as_secs_f64();
            Ok(published)
        }
        Err(failure) => {
            // The first failure is the one to tell; what can't be discarded now, the sweep takes.
            if let Err(error) = catalog.staging_discard(staging).await {
                tracing::warn!(%error, "staging folder left to the sweep");
            }
            Err(failure)
        }
    }
}

/// Runs the conversion beside a heartbeat for the staging lease.
fn convert(
    catalog: &Catalog,
    worker: &Worker,
    screen: &Screen,
    part: &Part,
    staging: &Staging,
) -> Result<Conversion, Failure> {
    let path = &part.unit.path;
    let scratch = scratch_folder(path)?;
    let task = Task::Convert(Job {
        path: absolute(path),
        out: staging.path().to_owned(),
        scratch: scratch.path().to_owned(),
        slug: part.slug.to_string(),
        options: part.options.clone(),
    });
    let heartbeat = async {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            if let Err(error) = catalog.staging_renew(staging, Utc::now()).await {
                break error;
            }
        }
    };
    let conversion = tokio::task::block_in_place(|| {
        let handle = tokio::runtime::Handle::current();
        std::thread::scope(|threads| {
            let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
            threads.spawn(move || {
                handle.block_on(async {
                    tokio::select! {
                        _ = stopped => {}
                        // A lost lease shows again, with its reason, when the revision is published.
                        error = heartbeat => tracing::warn!(%error, "lease not renewed"),
                    }
                });
            });
            let outcome = worker.run(&part.unit, task, part.bytes, scratch.path(), screen);
            drop(stop);
            outcome
        })
    })?;
    match conversion {
        Outcome::Converted(conversion) => Ok(conversion),
        _ => Err(wrong_answer(path)),
    }
}

async fn publish(
    catalog: &Catalog,
    statement: &Statement,
    part: &Part,
    staging: &Staging,
    mut conversion: Conversion,
) -> Result<Published, Failure> {
    if statement.undated {
        conversion.warnings.push(Warning::new(
            "validity-assumed",
            Severity::Note,
            "",
            Text::new(
                "未给出现势日期,以入库当日为起;请用 --valid-from 指定",
                "no date of validity given, today is taken; say it with --valid-from",
            ),
        ));
    }
    let mut dataset = NewDataset::new(part.slug.clone(), conversion.kind);
    dataset.title = part.title.clone().or_else(|| statement.title.clone());
    dataset.title_en.clone_from(&statement.title_en);
    dataset.description.clone_from(&statement.description);
    let (west, south, east, north) = {
        let [west, south, east, north] = conversion.bounds_lon_lat_deg;
        (west.max(-180.0), south.max(-90.0), east.min(180.0), north.min(90.0))
    };
    let mut revision = NewRevision::new(statement.valid_from, &conversion.crs, [west, south, east, north]);
    revision.valid_to = statement.valid_to;
    revision.stewardship = statement.stewardship.clone();
    revision.height_range_m = conversion.height_range_m;
    if let Some(height) = &conversion.height {
        revision.height = height.clone();
    }
    revision.provenance = Provenance {
        sources: part.sources.clone(),
        operator: statement.operator.clone(),
        software: Some(concat!("shikong-import ", env!("CARGO_PKG_VERSION")).to_owned()),
        parameters: parameters(&part.options),
        report: json!({ "warnings": conversion.warnings, "notes": conversion.notes }),
    };
    // A part (the tiles beside a tileset.json) is published with its folder; nothing addresses it by its role.
    revision.assets = conversion
        .assets
        .iter()
        .filter(|asset| asset.role != "part")
        .map(|asset| NewAsset::new(&asset.path, &asset.role, media_type(&asset.path)))
        .collect();
    revision.properties = conversion.properties.clone();
    let published = catalog
        .publish(staging, &dataset, &revision, Utc::now())
        .await
        .map_err(|error| catalog_failure(&part.unit.path, &error))?;
    Ok(Published {
        unit: part.unit.name.clone(),
        dataset: part.slug.to_string(),
        revision: published.id.to_string(),
        kind: conversion.kind.to_string(),
        crs: conversion.crs,
        height_range_m: conversion.height_range_m,
        height_datum: conversion.height.map(|height| height.datum_name.unwrap_or(height.datum)),
        bounds_lon_lat_deg: published.bounds_lon_lat_deg,
        properties: conversion.properties,
        bytes: published.total_bytes,
        files: published.file_count,
        seconds: 0.0,
        warnings: conversion.warnings,
    })
}

/// The options as provenance: that datum parameters were used is kept, what they are is not.
fn parameters(options: &Options) -> serde_json::Value {
    let mut value = serde_json::to_value(options).expect("options are plain data with string keys");
    if let Some(map) = value.as_object_mut() {
        let stated = options.datum_parameters.is_some();
        map.retain(|_, value| !value.is_null() && *value != serde_json::Value::Bool(false));
        if stated {
            map.insert("datum_parameters".to_owned(), json!("given"));
        }
    }
    value
}

fn media_type(path: &str) -> &'static str {
    match Path::new(path).extension().and_then(|extension| extension.to_str()) {
        Some("tif") => "image/tiff; application=geotiff; profile=cloud-optimized",
        Some("laz") => "application/vnd.laszip+copc",
        Some("fgb") => "application/vnd.flatgeobuf",
        Some("pmtiles") => "application/vnd.pmtiles",
        Some("json") => "application/json",
        Some("glb") => "model/gltf-binary",
        _ => "application/octet-stream",
    }
}

fn statement(args: &AddArgs) -> Result<Statement, WrongCall> {
    let instant = |flag: &str, text: &Option<String>| match text {
        Some(text) => catalog::instant_at_start(text).map(Some).map_err(|error| wrong(flag, &error)),
        None => Ok(None),
    };
    let kind = match &args.kind {
        Some(name) => Some(DatasetKind::from_name(name).ok_or_else(|| {
            let kinds: Vec<&str> = DatasetKind::ALL.iter().map(|kind| kind.as_str()).collect();
            WrongCall(Text::new(
                format!("--kind 应为 {}", kinds.join("、")),
                format!("--kind must be one of {}", kinds.join(", ")),
            ))
        })?),
        None => None,
    };
    let classification = match &args.classification {
        Some(name) => Classification::from_name(name).ok_or_else(|| {
            WrongCall(Text::new(
                "--classification 应为 公开、内部、秘密、机密、绝密",
                "--classification must be public, internal, secret, highly-secret or top-secret",
            ))
        })?,
        None => Classification::default(),
    };
    let valid_from = instant("--valid-from", &args.valid_from)?;
    Ok(Statement {
        title: args.title.clone(),
        title_en: args.title_en.clone(),
        description: args.description.clone(),
        kind,
        valid_from: valid_from.unwrap_or_else(Utc::now),
        valid_to: instant("--valid-to", &args.valid_to)?,
        undated: valid_from.is_none(),
        stewardship: Stewardship {
            responsible_unit: args.responsible_unit.clone(),
            classification,
            update_cycle: args.update_cycle.clone(),
            source: args.source.clone(),
            contact: args.contact.clone(),
            licence: args.licence.clone(),
            map_approval_number: args.map_approval_number.clone(),
        },
        operator: args.operator.clone(),
    })
}

/// Name, size and SHA-256 of every file of a unit.
fn fingerprints(path: &Path) -> std::io::Result<Vec<SourceFile>> {
    let base = path.parent().unwrap_or(path);
    delivery::files_of(path)?
        .into_iter()
        .map(|file| {
            let mut hasher = Sha256::new();
            let bytes = std::io::copy(&mut std::fs::File::open(&file)?, &mut hasher)?;
            Ok(SourceFile {
                name: file.strip_prefix(base).unwrap_or(&file).to_string_lossy().into_owned(),
                bytes,
                sha256: format!("{:x}", hasher.finalize()),
            })
        })
        .collect()
}

/// The runtime the catalogue runs on.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, WrongCall> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|error| {
        WrongCall(Text::new(format!("无法启动运行时:{error}"), format!("the runtime could not be started: {error}")))
    })
}

fn wrong(flag: &str, error: &CatalogError) -> WrongCall {
    WrongCall(Text::new(format!("{flag}:{error}"), format!("{flag}: see above")))
}

fn refused(path: &Path, text: Text) -> Failure {
    Failure { class: FailureClass::Refused, path: path.to_owned(), text, causes: Vec::new() }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure {
        class: FailureClass::Refused,
        path: path.to_owned(),
        text: Text::new("文件无法读取", "the file can't be read"),
        causes: vec![error.to_string()],
    }
}

/// A catalogue error as a failure of a unit.
pub(crate) fn catalog_failure(path: &Path, error: &CatalogError) -> Failure {
    let mut causes = vec![error.to_string()];
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    let class = match error {
        CatalogError::KindConflict { .. } | CatalogError::BadName { .. } => FailureClass::Refused,
        _ => FailureClass::Failed,
    };
    Failure {
        class,
        path: path.to_owned(),
        text: Text::new("未能写入目录,未发布", "the catalogue did not take it; nothing was published"),
        causes,
    }
}
