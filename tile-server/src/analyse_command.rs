//! `shikong-server analyse`: one analysis over a catalogue's folder, by the same mechanism as the service's jobs.
//!
//! The same request over the same catalogue writes the same bytes where it says `datetime` and `recorded`; without them it
//! is answered as of now.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use tile_server::jobs::{Answer, JobWatch, Kept, answer};
use tile_server::people::PeopleSettings;
use tile_server::problem::Problem;
use tile_server::{App, JobSettings, Settings, WorkLimits};

/// Arguments of `analyse`.
#[derive(Debug, Args)]
pub(crate) struct AnalyseArguments {
    /// 分析名称；name of the analysis.
    name: String,
    /// 数据目录；the catalogue's folder.
    #[arg(long)]
    data: PathBuf,
    /// 请求文件（JSON）；the request, JSON.
    #[arg(long, value_name = "FILE.json")]
    input: PathBuf,
    /// 结果写到；where the result goes.
    #[arg(long, value_name = "FILE.json")]
    out: PathBuf,
    /// 图斑写到（GeoJSON，投影坐标原数值）；where the patches go, `GeoJSON` in the numbers of the plane.
    #[arg(long, value_name = "FILE.geojson")]
    patches: Option<PathBuf>,
    /// 栅格成果写到的文件夹（如高差、水深）；the folder for grids that are made, such as differences or depths.
    #[arg(long, value_name = "FOLDER")]
    grids: Option<PathBuf>,
}

/// Runs the command.
pub(crate) async fn run(arguments: &AnalyseArguments) -> anyhow::Result<()> {
    let input = &arguments.input;
    let request = std::fs::read(input).with_context(|| format!("无法读取 / cannot read {}", input.display()))?;
    let request: Value = serde_json::from_slice(&request)
        .with_context(|| format!("请求文件不是 JSON / the request is not JSON: {}", input.display()))?;
    let data = &arguments.data;
    anyhow::ensure!(data.is_dir(), "没有数据目录 / there is no folder {}", data.display());
    let catalog = catalog::Catalog::open(data)
        .await
        .with_context(|| format!("无法打开数据目录 / cannot open the data folder {}", data.display()))?;
    let settings = Settings {
        base_path: String::new(),
        now: chrono::Utc::now,
        cache_dir: catalog.root().join("cache"),
        tianditu_key: None,
        work: WorkLimits::of_cores(1),
        people: PeopleSettings::default(),
        jobs: JobSettings::default(),
        viewer: None,
        push: None,
    };
    let app = App::new(catalog.clone(), settings);
    let answer = asked(&app, &arguments.name, &request).await.map_err(words)?;
    let kept = Kept::of(&answer).map_err(words)?;
    write(&arguments.out, &kept.result)?;
    if let Some(path) = &arguments.patches {
        let patches = kept.geojson("analyse", true).map_err(words)?;
        write(path, format!("{patches}\n").as_bytes())?;
    }
    if let Some(folder) = &arguments.grids {
        std::fs::create_dir_all(folder).with_context(|| format!("无法写入 / cannot write {}", folder.display()))?;
        for grid in &answer.grids {
            let path = folder.join(format!("{}.tif", grid.made.name));
            std::fs::copy(&grid.path, &path).with_context(|| format!("无法写入 / cannot write {}", path.display()))?;
        }
    }
    let grids: Vec<&str> = answer.grids.iter().map(|grid| grid.made.name).collect();
    let (patches, plane) = (kept.outcome.get("patches"), kept.outcome.get("plane"));
    let said = json!({ "result": arguments.out, "patches": patches, "plane": plane, "grids": grids });
    writeln!(std::io::stdout(), "{said}")?;
    catalog.close().await;
    Ok(())
}

async fn asked(app: &Arc<App>, name: &str, request: &Value) -> Result<Answer, Problem> {
    let watch = Arc::new(JobWatch::default());
    answer(app, app.analysis(name)?, request, chrono::Utc::now(), &watch).await
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn words(problem: Problem) -> anyhow::Error {
    let said = format!("{} / {}", problem.zh(), problem.en());
    match problem.cause() {
        Some(cause) => anyhow::anyhow!(cause).context(said),
        None => anyhow::anyhow!(said),
    }
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("无法写入 / cannot write {}", path.display()))
}
