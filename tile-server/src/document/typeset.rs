//! Typst as our compositor: a world of sources in memory and the machine's fonts. It reaches no file and no network.
//!
//! What people wrote enters as JSON that a template reads, so that a name like `#panic()` is a text and never markup.
//! Fonts are found once; the file of a face is read when its first letter is set, and kept.

use std::sync::OnceLock;

use fontdb::{Database, ID};
use typst::diag::{FileError, FileResult, SourceDiagnostic};
use typst::foundations::{Bytes, Datetime, Duration, Output, Smart};
use typst::layout::Abs;
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook, FontInfo};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt as _, World};
use typst_pdf::PdfOptions;

use super::DocumentError;

/// The families a document is set in, by the role that GB/T 9704-2012 gives them; the first that is installed is taken.
/// A template gets the whole list, so that a rare character comes from the next family that has it.
const ROLES: [(&str, &[&str]); 4] = [
    (
        "title",
        &[
            "FZXiaoBiaoSong-B05S",
            "FZXiaoBiaoSong-B05",
            "方正小标宋简体",
            "方正小标宋_GBK",
            "STZhongsong",
            "Noto Serif CJK SC",
            "Source Han Serif SC",
        ],
    ),
    (
        "body",
        &[
            "FangSong_GB2312",
            "仿宋_GB2312",
            "FangSong",
            "仿宋",
            "STFangsong",
            "FandolFang R",
            "Noto Serif CJK SC",
            "Source Han Serif SC",
        ],
    ),
    ("heading", &["SimHei", "黑体", "STHeiti", "Noto Sans CJK SC", "Source Han Sans SC"]),
    (
        "kai",
        &[
            "KaiTi_GB2312",
            "楷体_GB2312",
            "KaiTi",
            "楷体",
            "STKaiti",
            "AR PL UKai CN",
            "AR PL KaitiM GB",
            "Noto Serif CJK SC",
            "Source Han Serif SC",
        ],
    ),
];
/// Where letters come from that none of the above has; the last resort of a machine without Chinese fonts.
const LAST_FAMILIES: [&str; 4] = ["SimSun", "WenQuanYi Zen Hei", "Noto Sans Symbols2", "DejaVu Sans"];

/// One face, read when it is first used.
#[derive(Debug)]
struct Face {
    id: ID,
    font: OnceLock<Option<Font>>,
}

/// Sets documents. Made once: looking the fonts through takes a while.
pub(crate) struct Typesetter {
    database: Database,
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    faces: Vec<Face>,
    families: serde_json::Value,
}

impl std::fmt::Debug for Typesetter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Typesetter").field("faces", &self.faces.len()).finish_non_exhaustive()
    }
}

impl Typesetter {
    /// Looks the machine's fonts through for the families above.
    pub(crate) fn of_system() -> Self {
        let mut database = Database::new();
        database.load_system_fonts();
        let wanted: Vec<&str> =
            ROLES.iter().flat_map(|(_, names)| names.iter()).chain(&LAST_FAMILIES).copied().collect();
        let mut found: Vec<(FontInfo, ID)> = Vec::new();
        for face in database.faces() {
            if face.families.iter().any(|(name, _)| wanted.contains(&name.as_str()))
                && let Some(Some(info)) = database.with_face_data(face.id, FontInfo::new)
            {
                found.push((info, face.id));
            }
        }
        // The order in which a folder is read must not decide which face is taken.
        found.sort_by(|(a, _), (b, _)| {
            (&a.family, a.variant.weight, a.variant.style).cmp(&(&b.family, b.variant.weight, b.variant.style))
        });
        let book = FontBook::from_infos(found.iter().map(|(info, _)| info.clone()));
        let families = ROLES
            .iter()
            .map(|(role, names)| {
                let installed =
                    names.iter().chain(&LAST_FAMILIES).filter(|name| book.contains_family(&name.to_lowercase()));
                ((*role).to_owned(), installed.copied().collect())
            })
            .collect();
        let faces = found.into_iter().map(|(_, id)| Face { id, font: OnceLock::new() }).collect();
        Self {
            database,
            library: LazyHash::new(Library::default()),
            book: LazyHash::new(book),
            faces,
            families: serde_json::Value::Object(families),
        }
    }

    /// Whether there is anything to set with.
    pub(crate) fn has_fonts(&self) -> bool {
        !self.faces.is_empty()
    }

    fn font(&self, index: usize) -> Option<Font> {
        let face = self.faces.get(index)?;
        let font = face.font.get_or_init(|| {
            self.database.with_face_data(face.id, |data, index| Font::new(Bytes::new(data.to_vec()), index)).flatten()
        });
        font.clone()
    }

    /// Sets a template with its data and pictures, by name, as a PDF. The same input gives the same bytes: `identity`
    /// names the document, and no clock is asked.
    pub(crate) fn pdf(
        &self,
        template: &str,
        data: &serde_json::Value,
        pictures: &[(&str, &[u8])],
        identity: &str,
    ) -> Result<Vec<u8>, DocumentError> {
        let options = PdfOptions {
            ident: Smart::Custom(identity.to_owned()),
            creator: Smart::Custom(Some("Shikong".to_owned())),
            ..PdfOptions::default()
        };
        self.set(template, data, pictures, |document| {
            typst_pdf::pdf(document, &options).map_err(|diagnostics| layout(&diagnostics))
        })
    }

    /// Sets a template as a picture of so many dots an inch: its pages, one below the other. The same input gives the same
    /// bytes.
    pub(crate) fn png(
        &self,
        template: &str,
        data: &serde_json::Value,
        pictures: &[(&str, &[u8])],
        dpi: f64,
    ) -> Result<Vec<u8>, DocumentError> {
        const POINTS_PER_INCH: f64 = 72.0;
        let options = typst_render::RenderOptions { pixel_per_pt: (dpi / POINTS_PER_INCH).into(), render_bleed: false };
        self.set(template, data, pictures, |document| {
            let picture = typst_render::render_merged(document, &options, Abs::zero(), None);
            picture.encode_png().map_err(|error| DocumentError::Layout { what: error.to_string() })
        })
    }

    /// Composes the pages and hands them to `finish`.
    fn set<D: Output, T>(
        &self,
        template: &str,
        data: &serde_json::Value,
        pictures: &[(&str, &[u8])],
        finish: impl FnOnce(&D) -> Result<T, DocumentError>,
    ) -> Result<T, DocumentError> {
        if !self.has_fonts() {
            return Err(DocumentError::NoFonts);
        }
        let main = file("/main.typ");
        let mut files = vec![
            (file("/data.json"), Bytes::from_string(data.to_string())),
            (file("/families.json"), Bytes::from_string(self.families.to_string())),
            (file("/house.typ"), Bytes::from_string(include_str!("template/house.typ"))),
        ];
        files.extend(pictures.iter().map(|(name, bytes)| (file(name), Bytes::new(bytes.to_vec()))));
        let sheet = Sheet { typesetter: self, main: Source::new(main, template.to_owned()), files };
        let set = typst::compile::<D>(&sheet)
            .output
            .map_err(|diagnostics| layout(&diagnostics))
            .and_then(|document| finish(&document));
        // What typst remembers of this document is of no use for the next.
        typst::comemo::evict(0);
        set
    }
}

fn layout(diagnostics: &[SourceDiagnostic]) -> DocumentError {
    DocumentError::Layout { what: diagnostics.iter().map(|d| d.message.to_string()).collect::<Vec<_>>().join("; ") }
}

/// The id of a path in the world.
fn file(path: &str) -> FileId {
    FileId::new(RootedPath::new(VirtualRoot::Project, VirtualPath::new(path).expect("our own paths are plain")))
}

/// The world of one document.
struct Sheet<'a> {
    typesetter: &'a Typesetter,
    main: Source,
    files: Vec<(FileId, Bytes)>,
}

impl World for Sheet<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &self.typesetter.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.typesetter.book
    }

    fn main(&self) -> FileId {
        self.main.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.main.id() {
            return Ok(self.main.clone());
        }
        let text = self.file(id)?.to_str().map(|text| text.to_string()).map_err(|_not_utf8| FileError::InvalidUtf8)?;
        Ok(Source::new(id, text))
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        self.files.iter().find(|(known, _)| *known == id).map(|(_, bytes)| bytes.clone()).ok_or(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.typesetter.font(index)
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}
