//! Views of the ground for a bulletin, drawn by the viewer: `shikong-view`, beside this program, follows a script without a
//! window and reads what it draws from this server, like everybody else. What it drew is kept with the job, so that every
//! paper of a report has the same pictures. Where the program is missing or cannot draw, papers are printed without.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use catalog::{DatasetKind, DatasetQuery, Job};
use geodesy::Transform;
use geodesy::crs::Crs;
use moka::future::Cache;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::app::App;
use crate::feature_file::hull;
use crate::jobs::Patch;
use crate::problem::Problem;

/// Name of the program.
const PROGRAM: &str = "shikong-view";
/// Longest that a paper waits for its views, its turn included; a request has two minutes.
const TIME_LIMIT: Duration = Duration::from_secs(100);
/// How long it is remembered that there are no views.
const REMEMBERED: Duration = Duration::from_mins(10);
/// Jobs whose views are at hand.
const AT_HAND: u64 = 16;
/// Pictures under the ground that changed; more hide each other.
const MOST_PICTURES: usize = 8;
/// Width and height of a view, pixels.
const SIZE_PX: [u32; 2] = [1_400, 800];
/// How steeply a view looks down, degrees above the horizon.
const PITCH_DEG: f64 = -38.0;

/// Where the viewer is, and where it finds this server.
#[derive(Debug, Clone)]
pub struct ViewerProgram {
    /// The program.
    pub path: PathBuf,
    /// Address of this server, with its prefix.
    pub url: String,
}

impl ViewerProgram {
    /// The viewer beside this program.
    #[must_use]
    pub fn beside(program: &Path, url: String) -> Self {
        Self { path: program.with_file_name(format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX)), url }
    }
}

/// A view and what it shows.
#[derive(Debug, Clone)]
pub(crate) struct GroundView {
    pub(crate) png: Vec<u8>,
    pub(crate) shows: &'static str,
}

/// A view that may be asked for: its file and what it shows.
const VIEWS: [(&str, &str); 3] = [
    ("view-change.png", "三维视图：变化量着色与房屋状态，红为下降，蓝为上升"),
    ("view-epochs.png", "三维视图：左为变化前，右为变化后"),
    ("view-after.png", "三维视图：灾后地表、圈定范围与房屋状态"),
];

/// Views that were drawn, by job.
#[derive(Debug)]
pub(crate) struct GroundViews {
    drawn: Cache<String, Arc<Vec<GroundView>>>,
    /// A viewer takes a gigabyte where there is no graphics card: one at a time.
    one: Semaphore,
}

impl Default for GroundViews {
    fn default() -> Self {
        Self {
            drawn: Cache::builder().max_capacity(AT_HAND).time_to_live(REMEMBERED).build(),
            one: Semaphore::const_new(1),
        }
    }
}

/// What is looked at.
pub(crate) struct Looked<'a> {
    /// The job of the review.
    pub(crate) job: &'a Job,
    /// Its places.
    pub(crate) patches: &'a [Value],
    /// The surfaces that were compared: role, dataset and day.
    pub(crate) surveys: &'a [Value],
    /// What is no change, metres.
    pub(crate) detection_m: f64,
}

impl App {
    /// The views of a job, drawn when they are first asked for; none where they cannot be.
    pub(crate) async fn ground_views(&self, looked: &Looked<'_>) -> Arc<Vec<GroundView>> {
        let Some(program) = self.settings.viewer.as_ref().filter(|program| program.path.is_file()) else {
            return Arc::default();
        };
        let draw = async {
            let views = match self.kept_views(&looked.job.id).await {
                Some(views) => Ok(views),
                None => match tokio::time::timeout(TIME_LIMIT, self.draw_views(program, looked)).await {
                    Ok(drawn) => drawn,
                    Err(_elapsed) => Err(Problem::internal("not drawn in time")),
                },
            };
            Arc::new(views.unwrap_or_else(|error| {
                tracing::warn!(
                    job = looked.job.id,
                    ?error,
                    "the viewer drew nothing; papers are printed without views"
                );
                Vec::new()
            }))
        };
        self.views.drawn.get_with(looked.job.id.clone(), draw).await
    }

    async fn kept_views(&self, job: &str) -> Option<Vec<GroundView>> {
        let mut views = Vec::new();
        for (file, shows) in VIEWS {
            if let Ok(png) = self.catalog.job_blob_get(job, file).await {
                views.push(GroundView { png: png.to_vec(), shows });
            }
        }
        (!views.is_empty()).then_some(views)
    }

    async fn draw_views(&self, program: &ViewerProgram, looked: &Looked<'_>) -> Result<Vec<GroundView>, Problem> {
        let Some(script) = self.script(looked).await? else { return Ok(Vec::new()) };
        let _turn = self.views.one.acquire().await.map_err(Problem::internal)?;
        tokio::fs::create_dir_all(&self.settings.cache_dir).await.map_err(Problem::internal)?;
        let folder = tempfile::Builder::new().prefix("views-").tempdir_in(&self.settings.cache_dir);
        let folder = folder.map_err(Problem::internal)?;
        let steps = folder.path().join("steps.json");
        tokio::fs::write(&steps, script.to_string()).await.map_err(Problem::internal)?;
        let mut child = tokio::process::Command::new(&program.path);
        child.arg(&program.url).arg("--script").arg(&steps).arg("--out-dir").arg(folder.path());
        child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let output = child.output().await.map_err(Problem::internal)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Problem::internal(format!("{PROGRAM}: {}: {}", output.status, said.trim())));
        }
        let mut views = Vec::new();
        for (file, shows) in VIEWS {
            if let Ok(png) = tokio::fs::read(folder.path().join(file)).await {
                self.catalog.job_blob_put(&looked.job.id, file, png.clone().into()).await?;
                views.push(GroundView { png, shows });
            }
        }
        Ok(views)
    }

    /// What the viewer is to do; none where nothing has a place.
    async fn script(&self, looked: &Looked<'_>) -> Result<Option<Value>, Problem> {
        let outcome = looked.job.outcome.as_ref();
        let plane = outcome.and_then(|outcome| outcome["plane"].as_str()).unwrap_or_default();
        let Some(camera) = Camera::of(plane, looked.patches)? else { return Ok(None) };
        let survey = |role: &str| {
            let survey = looked.surveys.iter().find(|survey| survey["role"] == role)?;
            Some((survey["source"].as_str()?.split_once('@')?.0.to_owned(), survey["valid_from"].clone()))
        };
        let Some((after, day)) = survey("after") else { return Ok(None) };
        let before = survey("before");
        let [lon, lat] = camera.place;
        let question = DatasetQuery {
            kind: Some(DatasetKind::Imagery),
            bbox_lon_lat_deg: Some([lon, lat, lon, lat]),
            or_newest: true,
            ..DatasetQuery::default()
        };
        let pictures = self.catalog.dataset_list(&question).await?;
        let pictures = pictures.into_iter().map(|entry| entry.dataset.slug.to_string()).take(MOST_PICTURES);
        let shown: Vec<String> =
            pictures.chain([after.clone()]).chain(before.iter().map(|(slug, _)| slug.clone())).collect();
        let shot = |at: usize| json!({ "shot": { "file": VIEWS[at].0, "size": SIZE_PX } });
        let goto = json!({ "goto": { "around": {
            "place": camera.place, "distance_m": camera.distance_m, "heading_deg": camera.heading_deg,
            "pitch_deg": PITCH_DEG,
        } } });
        let mut steps = vec![
            json!({ "hide": ["*"] }),
            json!({ "show": shown }),
            json!({ "time": day }),
            json!({ "panels": "none" }),
            goto,
        ];
        let layers = outcome.and_then(|outcome| outcome["layers"].as_array()).map(Vec::as_slice).unwrap_or_default();
        let buildings = looked.patches.iter().any(|patch| patch["properties"]["state"].is_string());
        // Where there is one survey the drawn ground is all that can be outlined.
        let areas =
            layers.iter().find(|layer| layer["geometry"] == "polygon").filter(|_| buildings || before.is_none());
        steps.extend(areas.map(|layer| json!({ "damage": layer["dataset"] })));
        if let Some((slug, day)) = before {
            let other = slug != after;
            let only = |slug: &String| if other { vec![slug.clone()] } else { Vec::new() };
            let epochs = |how: &str| json!({ "compare": { "before": day, "how": how, "only_before": only(&slug), "only_after": only(&after) } });
            // Deepest where most changed, and no redder than that anywhere.
            let grids = outcome.and_then(|outcome| outcome["grids"].as_array()).map(Vec::as_slice).unwrap_or_default();
            let grid = grids.iter().find(|grid| grid["name"] == "difference");
            let ends = grid.and_then(|grid| grid["range"].as_array()).into_iter().flatten();
            let most_m = ends.filter_map(Value::as_f64).map(f64::abs).fold(looked.detection_m.max(0.1) * 4.0, f64::max);
            steps.extend([
                epochs("off"),
                json!({ "difference": { "limit_m": looked.detection_m.max(0.01), "most_m": most_m.ceil() } }),
                json!({ "panels": "caption" }),
                shot(0),
                json!({ "panels": "none" }),
                json!({ "difference": null }),
                json!({ "damage": null }),
                epochs("linked"),
                shot(1),
            ]);
        } else {
            steps.extend([json!({ "panels": "caption" }), shot(2)]);
        }
        Ok(Some(json!({ "version": 1, "steps": steps })))
    }
}

/// Where the viewer stands: before the foot of what moved, looking up to where it came from.
struct Camera {
    place: [f64; 2],
    distance_m: f64,
    heading_deg: f64,
}

impl Camera {
    /// Over the outlines of what moved, else over the zone that was asked about; none where there is neither.
    fn of(plane: &str, patches: &[Value]) -> Result<Option<Self>, Problem> {
        let of = |kinds: &[&str]| -> Vec<&Value> {
            patches.iter().filter(|patch| kinds.iter().any(|kind| patch["properties"]["kind"] == *kind)).collect()
        };
        let mut chosen = of(&["moved-ground", "drawn-ground"]);
        if chosen.is_empty() {
            chosen = of(&["exposed-area"]);
        }
        // The largest place and what is near it: two slides at two ends of a county are not one picture.
        let area_m2 = |patch: &&Value| patch["properties"]["plane_m2"].as_f64().unwrap_or_default();
        let Some(largest) = chosen.into_iter().max_by(|a, b| area_m2(a).total_cmp(&area_m2(b))) else {
            return Ok(None);
        };
        let patch: Patch = serde_json::from_value(largest.clone()).map_err(Problem::internal)?;
        let [x0, y0, x1, y1] = hull(patch.polygons.iter().flatten().flatten());
        if x0 > x1 {
            return Ok(None);
        }
        let plane = Crs::from_user_input(plane).map_err(Problem::internal)?;
        let mut middle = [[f64::midpoint(x0, x1), f64::midpoint(y0, y1)]];
        Transform::new(&plane, &Crs::cgcs2000()).and_then(|t| t.points(&mut middle)).map_err(Problem::internal)?;
        let end = |name: &str| {
            let end = &largest["properties"]["travel"][name];
            Some([end[0].as_f64()?, end[1].as_f64()?])
        };
        let up = end("to").zip(end("from")).map(|([x, y], [source_x, source_y])| [source_x - x, source_y - y]);
        let heading_deg = up.map_or(0.0, |[east, north]| east.atan2(north).to_degrees().rem_euclid(360.0));
        let distance_m = ((x1 - x0).hypot(y1 - y0) * plane.unit_m() * 1.5).clamp(150.0, 50_000.0);
        Ok(Some(Self { place: middle[0], distance_m, heading_deg }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_camera_stands_before_the_foot_of_the_largest_slide() {
        let square = |x: f64, side: f64| {
            json!([[[[x, 3_133_000.0], [x + side, 3_133_000.0], [x + side, 3_133_000.0 + side], [x, 3_133_000.0]]]])
        };
        let patch = |id: &str, x: f64, side: f64, travel: Value| {
            json!({ "id": id, "polygons": square(x, side), "properties": {
                "kind": "moved-ground", "plane_m2": side * side / 2.0, "travel": travel } })
        };
        // It came from the north-east.
        let down = json!({ "from": [500_100.0, 3_133_100.0], "to": [500_000.0, 3_133_000.0] });
        let patches = [patch("BH1", 510_000.0, 10.0, Value::Null), patch("BH2", 500_000.0, 100.0, down)];
        let camera = Camera::of("EPSG:4546", &patches).expect("a plane").expect("a place");
        assert!((camera.heading_deg - 45.0).abs() < 1e-9);
        assert!((camera.distance_m - 1.5 * 100.0 * 2_f64.sqrt()).abs() < 1e-6);
        assert!(
            (camera.place[0] - 111.0005).abs() < 1e-4 && (camera.place[1] - 28.31).abs() < 0.01,
            "{:?}",
            camera.place
        );
        assert!(Camera::of("EPSG:4546", &[]).expect("a plane").is_none());
    }
}
