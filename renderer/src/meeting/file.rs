//! A saved meeting, `.skv`: JSON with a version, small enough to send by mail.
//!
//! It names the server and the project and keeps what people set up: camera, layers, schemes, bookmarks and notes. Data
//! are not in it; a packed folder beside it may hold them. The file comes from others: its size is bounded, every number
//! checked, and no name in it leads out of its own folder.

use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use url::Url;

use super::project::{Bookmark, Note, Scene, is_camera};
use super::scheme::Scheme;
use crate::error::ViewError;

/// What the first field says.
const FORMAT: &str = "shikong-view";
/// The version written.
const VERSION: u32 = 1;
/// A file larger than this is refused.
const MOST_BYTES: u64 = 16 << 20;
/// More layers or notes than this are refused.
const MOST_ENTRIES: usize = 10_000;
/// The name a packed folder's meeting has.
pub const PACKED_NAME: &str = "meeting.skv";

/// How a layer was shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerState {
    /// Its slug.
    pub slug: String,
    /// Whether it was shown.
    pub visible: bool,
    /// 0 to 1.
    pub opacity: f32,
}

/// What every version begins with.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

/// A saved meeting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeetingFile {
    format: String,
    version: u32,
    /// The server's address.
    pub server: String,
    /// The moment whose data were shown; absent: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datetime: Option<String>,
    /// The project's id; absent where none was open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The project's name, for people who read the file.
    #[serde(default)]
    pub title: String,
    /// Longitude, latitude (degrees), height (m), heading and pitch (degrees).
    pub camera: [f64; 5],
    /// Layers.
    #[serde(default)]
    pub layers: Vec<LayerState>,
    /// Which scheme was shown: a letter, a name, `side-by-side` or `none`.
    #[serde(default)]
    pub shows: String,
    /// Schemes.
    #[serde(default)]
    pub schemes: Vec<Scheme>,
    /// Bookmarks in their order.
    #[serde(default)]
    pub bookmarks: Vec<Bookmark>,
    /// Notes.
    #[serde(default)]
    pub notes: Vec<Note>,
}

impl MeetingFile {
    /// An empty meeting at a server's address.
    #[must_use]
    pub fn new(server: &Url) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            server: server.to_string(),
            datetime: None,
            project: None,
            title: String::new(),
            camera: [0.0, 0.0, 1_000.0, 0.0, -90.0],
            layers: Vec::new(),
            shows: String::new(),
            schemes: Vec::new(),
            bookmarks: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Reads and checks a file.
    pub fn open(path: &Path) -> Result<Self, ViewError> {
        let failed = |source| ViewError::File { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        std::fs::File::open(path).map_err(failed)?.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        Self::parse(&bytes).map_err(|reason| ViewError::MeetingFile { path: path.to_owned(), reason })
    }

    /// Reads and checks the text of a file; an error says in words what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() as u64 > MOST_BYTES {
            return Err("文件过大 (the file is too large)".to_owned());
        }
        // The version first: a newer file may have fields of another shape.
        let head: Head = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if head.format != FORMAT {
            return Err("不是时空会议文件 (not a meeting of Shikong)".to_owned());
        }
        if head.version > VERSION {
            return Err(format!(
                "由更新的版本保存，请升级 (saved by a newer version, please upgrade): {} > {VERSION}",
                head.version
            ));
        }
        let file: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        file.check()?;
        Ok(file)
    }

    fn check(&self) -> Result<(), String> {
        self.server_url()?;
        let short = |text: &str| text.chars().count() <= 500;
        let texts = [&self.title, &self.shows].into_iter().chain(&self.datetime).chain(&self.project);
        if !texts.into_iter().all(|text| short(text)) {
            return Err("文字过长 (a text is too long)".to_owned());
        }
        if !is_camera(&self.camera) {
            return Err("视点无效 (the camera is not sound)".to_owned());
        }
        let layers_are_sound =
            self.layers.iter().all(|layer| short(&layer.slug) && (0.0..=1.0).contains(&layer.opacity));
        if self.layers.len() > MOST_ENTRIES || !layers_are_sound {
            return Err("图层无效 (the layers are not sound)".to_owned());
        }
        if self.notes.len() > MOST_ENTRIES || !self.notes.iter().all(Note::is_sound) {
            return Err("标注无效 (a note is not sound)".to_owned());
        }
        self.scene().check()
    }

    /// The server's address; nothing but HTTP is asked.
    pub fn server_url(&self) -> Result<Url, String> {
        let url = Url::parse(&self.server).map_err(|error| format!("server: {error}"))?;
        if matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none() {
            Ok(url)
        } else {
            Err("服务地址无效 (the server's address is not http or https)".to_owned())
        }
    }

    /// Its schemes and bookmarks.
    #[must_use]
    pub fn scene(&self) -> Scene {
        Scene { version: serde_json::Value::Null, schemes: self.schemes.clone(), bookmarks: self.bookmarks.clone() }
    }

    /// Writes the file: first beside its place, then moved there, so that no half file replaces a whole one.
    pub fn save(&self, path: &Path) -> Result<(), ViewError> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| ViewError::MeetingFile { path: path.to_owned(), reason: error.to_string() })?;
        let beside = path.with_extension("skv.part");
        std::fs::write(&beside, text)
            .and_then(|()| std::fs::rename(&beside, path))
            .map_err(|source| ViewError::File { path: path.to_owned(), source })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::meeting::scheme::{Building, PlacedModel};

    fn file() -> MeetingFile {
        let scheme = Scheme {
            name: "方案A".to_owned(),
            buildings: vec![Building {
                name: "1号楼".to_owned(),
                footprint: vec![vec![[109.7, 28.3], [109.71, 28.3], [109.71, 28.31]]],
                floors: Some(18),
                ..Building::default()
            }],
            models: vec![PlacedModel { glb: "塔.glb".to_owned(), lon_lat: [109.7, 28.3], ..PlacedModel::default() }],
        };
        MeetingFile {
            project: Some("7".to_owned()),
            camera: [109.74, 28.31, 800.0, 30.0, -45.0],
            layers: vec![LayerState { slug: "dem".to_owned(), visible: true, opacity: 0.5 }],
            shows: "side-by-side".to_owned(),
            schemes: vec![scheme.clone(), scheme],
            bookmarks: vec![Bookmark {
                name: "全景".to_owned(),
                camera: [109.7, 28.3, 900.0, 0.0, -50.0],
                scheme: None,
            }],
            notes: vec![Note { lon_lat_height: [109.7, 28.3, 300.0], text: "退线".to_owned(), ..Note::default() }],
            ..MeetingFile::new(&Url::parse("http://127.0.0.1:8080/").expect("a URL"))
        }
    }

    #[test]
    fn what_was_saved_is_what_opens() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("会审.skv");
        file().save(&path).expect("saved");
        assert_eq!(MeetingFile::open(&path).expect("opens"), file());
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 1, "no half file is left");
    }

    #[test]
    fn hostile_and_foreign_files_are_refused_in_words() {
        let with = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut value = serde_json::to_value(file()).expect("JSON");
            change(&mut value);
            MeetingFile::parse(value.to_string().as_bytes())
        };
        assert!(with(&|_| {}).is_ok());
        assert!(with(&|value| value["version"] = 2.into()).expect_err("newer").contains("升级"));
        assert!(with(&|value| value["format"] = "other".into()).is_err());
        assert!(with(&|value| value["server"] = "file:///etc/passwd".into()).is_err());
        assert!(with(&|value| value["server"] = "http://user:secret@host/".into()).is_err());
        assert!(with(&|value| value["camera"][1] = 99.0.into()).is_err());
        assert!(with(&|value| value["camera"] = serde_json::json!([1, 2, 3])).is_err());
        assert!(with(&|value| value["layers"][0]["opacity"] = 7.into()).is_err());
        assert!(with(&|value| value["schemes"][0]["models"][0]["glb"] = "../../x.glb".into()).is_err());
        assert!(with(&|value| value["schemes"][0]["buildings"][0]["floors"] = 100_000.into()).is_err());
        assert!(with(&|value| value["notes"][0]["text"] = "x".repeat(9_999).into()).is_err());
        for text in ["", "{}", "null", "[[[[", "{\"format\":\"shikong-view\"}"] {
            assert!(MeetingFile::parse(text.as_bytes()).is_err(), "{text}");
        }
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(MeetingFile::parse(deep.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_cut_or_changed_file_does_harm(at in 0_usize..2_000, byte: u8, cut: bool) {
            let mut bytes = serde_json::to_vec(&file()).expect("JSON");
            let at = at % bytes.len();
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
            if let Ok(read) = MeetingFile::parse(&bytes) {
                prop_assert!(read.check().is_ok());
            }
        }
    }
}
