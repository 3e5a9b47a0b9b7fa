//! A real city's zoning, 25 of its 2,193 shapes invalid, against its overlay districts, 4 of 370 invalid and most lying on each other:
//! imported, repaired and laid over each other by the shipped programs, and by PostGIS in a database of its own.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::coordination::{analyse, number};
use crate::programs::{data_folder, import, root, run, shared, skipped};

/// The plane: UTM zone 15 on WGS 84, for the files are in degrees.
const PLANE: &str = "EPSG:32615";
/// Patches smaller than this are given to the one beside them (hairs of a difference), square metres.
const HAIR_M2: f64 = 0.01;
/// A pair of features that shares less is none here, square metres: both layers are snapped to one grid of 0.1 mm, which closes strips along kilometres of border.
const PAIR_HAIR_M2: f64 = 6e-5;

/// A PostgreSQL cluster with PostGIS, private to one story: in a temporary folder, reached over a unix socket only.
struct Postgis {
    folder: tempfile::TempDir,
    programs: PathBuf,
}

impl Postgis {
    /// None, said loudly, where PostGIS is not installed.
    fn start() -> Option<Self> {
        let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
        let mut found: Vec<PathBuf> = versions.filter(|version| version.join("lib/postgis-3.so").exists()).collect();
        found.sort();
        let Some(version) = found.pop() else {
            skipped("PostGIS is not installed (scripts/system-packages.sh test); nothing was compared with it");
            return None;
        };
        let cluster = Self { folder: tempfile::tempdir().expect("a folder"), programs: version.join("bin") };
        let folder = cluster.folder.path();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("opened");
        fs::create_dir(folder.join("run")).expect("a folder");
        if is_root() {
            succeed(Command::new("chown").args(["-R", "nobody"]).arg(folder));
        }
        let db = folder.join("db");
        succeed(cluster.command("initdb").arg("-D").arg(&db).args(["-A", "trust", "-U", "story", "--no-sync"]));
        let options = format!("-k {} -c listen_addresses= -c fsync=off -c jit=off", folder.join("run").display());
        succeed(
            cluster
                .command("pg_ctl")
                .arg("-D")
                .arg(&db)
                .arg("-w")
                .arg("-l")
                .arg(folder.join("log"))
                .args(["-o", &options, "start"]),
        );
        cluster.ask(&["-c".as_ref(), "create extension postgis".as_ref()]);
        Some(cluster)
    }

    /// A program of PostgreSQL; a database server refuses to run as root.
    fn command(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "nobody", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder.path());
        command
    }

    /// What a script, or a statement after `-c`, answers.
    fn ask(&self, what: &[&OsStr]) -> String {
        let mut psql = self.command("psql");
        psql.env("PGOPTIONS", "-c client_min_messages=error").arg("-h").arg(self.folder.path().join("run"));
        succeed(psql.args(["-U", "story", "-d", "postgres", "-qAt", "-v", "ON_ERROR_STOP=1"]).args(what))
    }

    /// What a script answers as JSON.
    fn json(&self, script: &Path) -> Value {
        // Whom the database runs as need not see the repository.
        let copy = self.folder.path().join("script.sql");
        fs::copy(script, &copy).expect("copied");
        let said = self.ask(&["-f".as_ref(), copy.as_ref()]);
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{}: {error}: {said}", script.display()))
    }

    /// Loads a layer as a table with a geometry `g`.
    fn load(&self, file: &Path, layer: &str, table: &str) {
        let script = self.folder.path().join(format!("{table}.sql"));
        succeed(Command::new("ogr2ogr").args(["-f", "PGDUMP"]).arg(&script).arg(file).args([
            layer,
            "-nln",
            table,
            "-nlt",
            "PROMOTE_TO_MULTI",
            "-lco",
            "GEOMETRY_NAME=g",
            "-lco",
            "SPATIAL_INDEX=NONE",
        ]));
        fs::set_permissions(&script, fs::Permissions::from_mode(0o644)).expect("opened");
        self.ask(&["-f".as_ref(), script.as_ref()]);
    }
}

impl Drop for Postgis {
    fn drop(&mut self) {
        // Already stopped is as good as stopped now.
        drop(
            self.command("pg_ctl")
                .arg("-D")
                .arg(self.folder.path().join("db"))
                .args(["-m", "immediate", "stop"])
                .output(),
        );
    }
}

fn is_root() -> bool {
    succeed(Command::new("id").arg("-u")).trim() == "0"
}

fn succeed(command: &mut Command) -> String {
    let (code, out, err) = run(command);
    assert_eq!(code, 0, "{command:?}\n{out}\n{err}");
    out
}

/// Imports a layer and gives how many of its shapes had to be repaired.
fn repaired(data: &Path, file: &Path, slug: &str, more: &[&str]) -> usize {
    let (code, report) = import(data, file, slug, more);
    assert_eq!(code, 3, "{slug} has shapes to repair\n{report:#}");
    let warnings = report["published"][0]["warnings"].as_array().expect("warnings").clone();
    warnings.iter().filter(|warning| warning["code"] == "geometry-repaired").count()
}

#[test]
fn zoning_against_overlays_agrees_with_postgis_on_the_repaired_input() {
    let Some(plans) = shared("samples/plans") else { return };
    let Some(postgis) = Postgis::start() else { return };
    let folder = data_folder();
    let data = folder.path().join("data");
    // Degrees have no area: both are brought to the plane once, and both sides start from these files.
    for (file, from) in [("zoning.gpkg", "Planning_Primary_Zoning.geojson"), ("overlays.gpkg", "Zoning_Overlays.gpkg")]
    {
        succeed(
            Command::new("ogr2ogr")
                .args(["-f", "GPKG", "-t_srs", PLANE])
                .arg(folder.path().join(file))
                .arg(plans.join(from)),
        );
    }
    let [zoning, overlays] = ["zoning.gpkg", "overlays.gpkg"].map(|file| folder.path().join(file));
    let layers = ["Planning_Primary_Zoning", "Combined Overlays"];
    assert_eq!(repaired(&data, &zoning, "zoning", &[]), 25);
    assert_eq!(repaired(&data, &overlays, "overlays", &["--layer", layers[1]]), 4);
    postgis.load(&zoning, layers[0], "delivered_a");
    postgis.load(&overlays, layers[1], "delivered_b");
    let theirs = postgis.json(&root().join("tests/validators/minneapolis.sql"));
    assert_eq!(theirs["invalid"], json!([25, 4]));
    let agrees = |what: &str, ours_m2: f64, theirs_m2: f64| {
        let off = (ours_m2 - theirs_m2).abs() / theirs_m2;
        eprintln!("{what}: {ours_m2} m², PostGIS {theirs_m2} m², {off:.1e} apart");
        assert!(off <= 1e-6, "{what}: {ours_m2} m², PostGIS {theirs_m2} m², {off:e} apart");
    };

    // Nothing is lost on the way in, whatever had to be repaired.
    let request = json!({
        "layers": [{ "dataset": "zoning" }, { "dataset": "overlays" }],
        "classification": "presence", "sliver_below_m2": 0,
    });
    let (text, found) = analyse(&data, folder.path(), "difference", &request);
    for (position, layer) in found["layers"].as_array().expect("layers").iter().enumerate() {
        let (sum_m2, again_m2) = (number(&layer["sum_plane_m2"]), number(&layer["covered_more_than_once_plane_m2"]));
        agrees(&format!("{} summed", layer["dataset"]), sum_m2, number(&theirs["sums"][position]));
        agrees(&format!("{} joined", layer["dataset"]), sum_m2 - again_m2, number(&theirs["covers"][position]));
        assert_eq!(layer["features_without_ground"], 0);
    }

    // Ground that both cover. A patch is a connected piece for both; hairs go to the patch beside them here.
    let is_both = |row: &&Value| row["classes"] == json!(["在内", "在内"]);
    let row = found["matrix"].as_array().expect("a matrix").iter().find(is_both).expect("ground of both");
    agrees("ground of both", number(&row["plane_m2"]), number(&theirs["both"]["m2"]));
    let pieces: Vec<f64> = theirs["both"]["pieces"].as_array().expect("pieces").iter().map(number).collect();
    let patches = pieces.iter().filter(|m2| **m2 >= HAIR_M2).count();
    eprintln!(
        "patches: {}, PostGIS {} of which {patches} are no hairs; hairs of any class merged here: {}",
        row["patches"],
        pieces.len(),
        found["slivers"]["hairs_merged"]
    );
    assert_eq!(row["patches"], json!(patches), "{pieces:?}");
    assert_eq!(analyse(&data, folder.path(), "difference", &request).0, text, "a rerun gives the same bytes");

    // Feature by feature: every pair of a zone and an overlay, summed by their classes.
    let request = json!({
        "units": { "dataset": "zoning", "class_field": "ZONE_CODE" },
        "layer": { "dataset": "overlays", "class_field": "layer" },
    });
    let (_, by_pair) = analyse(&data, folder.path(), "statistics", &request);
    let cells = theirs["cells"].as_object().expect("cells");
    let (mut ours_m2, mut ours_pairs, mut met) = (0.0, 0, 0);
    for cell in by_pair["cells"].as_array().expect("cells") {
        let (Some(unit), Some(class)) = (cell["unit"].as_str(), cell["class"].as_str()) else { continue };
        let plane_m2 = number(&cell["plane_m2"]);
        ours_m2 += plane_m2;
        ours_pairs += cell["pieces"].as_u64().expect("a count");
        let their = cells.get(&format!("{unit}|{class}"));
        met += usize::from(their.is_some());
        let their_m2 = their.map_or(0.0, |cell| number(&cell["m2"]));
        // A tenth of a millimetre along kilometres of border.
        assert!(
            (plane_m2 - their_m2).abs() <= 0.1 + 1e-6 * their_m2,
            "{unit} {class}: {plane_m2} m², PostGIS {their_m2} m²"
        );
    }
    let only_theirs = cells.values().filter(|cell| number(&cell["m2"]) > 0.1).count();
    assert!(met >= only_theirs, "{met} cells here, {only_theirs} in PostGIS");
    agrees("pairs", ours_m2, cells.values().map(|cell| number(&cell["m2"])).sum());
    let their_pairs: u64 = cells.values().map(|cell| cell["pairs"].as_u64().expect("a count")).sum();
    let small: Vec<f64> = theirs["small_pairs"].as_array().expect("pairs").iter().map(number).collect();
    eprintln!("pairs of features that share ground: {ours_pairs}, PostGIS {their_pairs}, the smallest {small:?} m²");
    // What PostGIS finds beyond ours is what the snapping closes, and nothing else.
    let hairs = small.iter().filter(|m2| **m2 < PAIR_HAIR_M2).count() as u64;
    assert_eq!(ours_pairs + hairs, their_pairs, "pairs of features: {small:?}");
}
