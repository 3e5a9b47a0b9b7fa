//! A folder with the answers a server once gave, so that a meeting can be held without one.
//!
//! `answers.json` maps every address asked for to where the answer came from after redirects and to a numbered file.
//! The folder comes from somebody else: names of files are numbers made here, never paths read from it, and nothing
//! outside it is opened. What was not packed is an answer of its own, so that a coarser tile goes on being shown.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::ViewError;
use crate::fetch::Fetched;

/// The list of answers in a packed folder.
pub const INDEX: &str = "answers.json";
/// The folder with the answers themselves.
const BODIES: &str = "answers";
/// A list longer than this is refused.
const MAX_INDEX_BYTES: u64 = 64 << 20;
/// A body larger than this is refused.
const MAX_BODY_BYTES: u64 = 256 << 20;
/// The version of the folder's form that is written.
const VERSION: u32 = 1;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Index {
    version: u32,
    answers: BTreeMap<String, Answer>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Answer {
    /// Where the answer came from, if not from where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    from: Option<String>,
    /// Number of the file; `None` where the server had nothing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    file: Option<u32>,
    #[serde(default)]
    found: bool,
}

/// An opened folder.
#[derive(Debug)]
pub struct Packed {
    folder: PathBuf,
    answers: BTreeMap<String, Answer>,
}

impl Packed {
    /// Whether a folder is a packed one.
    #[must_use]
    pub fn is_there(folder: &Path) -> bool {
        folder.join(INDEX).is_file()
    }

    /// Reads the list of a packed folder.
    pub fn open(folder: &Path) -> Result<Self, ViewError> {
        let path = folder.join(INDEX);
        let bytes = read_bounded(&path, MAX_INDEX_BYTES)?;
        let index: Index = serde_json::from_slice(&bytes)
            .map_err(|error| ViewError::MeetingFile { path: path.clone(), reason: error.to_string() })?;
        if index.version != VERSION {
            let reason = format!("版本 (version) {} ≠ {VERSION}", index.version);
            return Err(ViewError::MeetingFile { path, reason });
        }
        Ok(Self { folder: folder.to_owned(), answers: index.answers })
    }

    /// How many answers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// The answer to an address.
    pub fn answer(&self, url: &Url) -> Result<Fetched, ViewError> {
        let Some(answer) = self.answers.get(url.as_str()) else {
            return Err(ViewError::NotPacked { url: url.to_string() });
        };
        let from = answer.from.as_deref().unwrap_or(url.as_str());
        let from = Url::parse(from).map_err(|source| ViewError::Link { link: from.to_owned(), source })?;
        let body = match answer.file {
            Some(number) => read_bounded(&body_path(&self.folder, number), MAX_BODY_BYTES)?,
            None => Vec::new(),
        };
        Ok(Fetched { body: body.into(), url: from, found: answer.found })
    }
}

fn body_path(folder: &Path, number: u32) -> PathBuf {
    folder.join(BODIES).join(format!("{number:06}"))
}

fn read_bounded(path: &Path, most: u64) -> Result<Vec<u8>, ViewError> {
    let failed = |source| ViewError::File { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > most {
        return Err(ViewError::TooLarge { url: path.display().to_string() });
    }
    Ok(bytes)
}

/// Writes a packed folder.
#[derive(Debug)]
pub struct Packer {
    folder: PathBuf,
    index: Index,
    /// Bytes of all bodies.
    pub bytes: u64,
}

impl Packer {
    /// Begins in an empty or new folder; one that holds something is refused, so that nothing of it is lost.
    pub fn begin(folder: &Path) -> Result<Self, ViewError> {
        let failed = |source| ViewError::File { path: folder.to_owned(), source };
        if folder.exists() && std::fs::read_dir(folder).map_err(failed)?.next().is_some() {
            return Err(ViewError::NotEmpty { path: folder.to_owned() });
        }
        std::fs::create_dir_all(folder.join(BODIES)).map_err(failed)?;
        Ok(Self { folder: folder.to_owned(), index: Index { version: VERSION, ..Index::default() }, bytes: 0 })
    }

    /// Whether an address is held already.
    #[must_use]
    pub fn holds(&self, url: &Url) -> bool {
        self.index.answers.contains_key(url.as_str())
    }

    /// How many answers are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.answers.len()
    }

    /// Whether none are.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.answers.is_empty()
    }

    /// Keeps an answer.
    pub fn keep(&mut self, asked: &Url, fetched: &Fetched) -> Result<(), ViewError> {
        if self.holds(asked) {
            return Ok(());
        }
        let file = if fetched.body.is_empty() {
            None
        } else {
            let number = self.index.answers.len() as u32;
            let path = body_path(&self.folder, number);
            std::fs::write(&path, &fetched.body).map_err(|source| ViewError::File { path, source })?;
            Some(number)
        };
        self.bytes += fetched.body.len() as u64;
        let from = (fetched.url != *asked).then(|| fetched.url.to_string());
        self.index.answers.insert(asked.to_string(), Answer { from, file, found: fetched.found });
        Ok(())
    }

    /// Writes the list: only now the folder can be opened.
    pub fn finish(&self) -> Result<(), ViewError> {
        let path = self.folder.join(INDEX);
        let text = serde_json::to_vec(&self.index)
            .map_err(|error| ViewError::MeetingFile { path: path.clone(), reason: error.to_string() })?;
        std::fs::write(&path, text).map_err(|source| ViewError::File { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn what_was_packed_is_answered_and_the_rest_is_not_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut packer = Packer::begin(folder.path()).expect("empty");
        let asked = url("http://h/3dtiles/mesh/tileset.json");
        let from = url("http://h/3dtiles/mesh@r1/tileset.json");
        packer.keep(&asked, &Fetched { body: "{}".into(), url: from.clone(), found: true }).expect("kept");
        let gap = url("http://h/tiles/a/1/1/1.png");
        packer.keep(&gap, &Fetched { body: bytes::Bytes::new(), url: gap.clone(), found: false }).expect("kept");
        packer.finish().expect("written");
        let packed = Packed::open(folder.path()).expect("opens");
        let answer = packed.answer(&asked).expect("packed");
        assert_eq!((answer.body.as_ref(), answer.url, answer.found), (b"{}".as_slice(), from, true));
        assert!(!packed.answer(&gap).expect("packed").found);
        assert!(matches!(packed.answer(&url("http://h/other")), Err(ViewError::NotPacked { .. })));
    }

    #[test]
    fn a_folder_that_holds_something_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("论文.txt"), "x").expect("written");
        assert!(matches!(Packer::begin(folder.path()), Err(ViewError::NotEmpty { .. })));
    }

    #[test]
    fn a_hostile_list_is_refused_and_opens_nothing_outside() {
        let folder = tempfile::tempdir().expect("a folder");
        let index = folder.path().join(INDEX);
        for wrong in [
            "",
            "[]",
            r#"{"version":9,"answers":{}}"#,
            r#"{"version":1,"answers":{"http://h/":{"file":"../../etc/passwd","found":true}}}"#,
            r#"{"version":1,"answers":{"http://h/":{"file":-1,"found":true}}}"#,
        ] {
            std::fs::write(&index, wrong).expect("written");
            assert!(Packed::open(folder.path()).is_err(), "{wrong}");
        }
        std::fs::write(&index, r#"{"version":1,"answers":{"http://h/":{"file":7,"found":true,"from":"not a url"}}}"#)
            .expect("written");
        let packed = Packed::open(folder.path()).expect("opens");
        assert!(packed.answer(&url("http://h/")).is_err());
    }
}
