//! Documents that an officer files or takes to a meeting: one file per kind, one list.
//!
//! A document is made from plain values ([`dossier`], [`ledger`], [`found`]), the same bytes for the same values: no clock, no random
//! identifiers. What several forms say is made once (`report`, `filed_tables`), what they look like in each form's file.

mod analysis_xlsx;
pub(crate) mod attached;
pub(crate) mod bulletin;
mod bulletin_accuracy;
mod bulletin_docx;
mod bulletin_pdf;
mod bulletin_png;
mod bulletin_report;
mod content;
pub(crate) mod dossier;
mod exposure_xlsx;
pub(crate) mod figure;
mod filed_tables;
pub(crate) mod found;
pub(crate) mod from_incident;
pub(crate) mod from_review;
pub(crate) mod incident_figure;
pub(crate) mod ledger;
mod ledger_xlsx;
pub(crate) mod map;
mod package_json;
mod red_line_geojson;
mod red_line_txt;
mod report;
mod report_docx;
mod report_pdf;
pub(crate) mod section_chart;
mod sheet_a3_pdf;
mod tables_xlsx;
mod typeset;
mod word;
mod workbook;

use std::sync::OnceLock;

use thiserror::Error;

use bulletin::Bulletin;
use dossier::Dossier;
use found::Found;
use ledger::Ledger;
use map::Frame;
use typeset::Typesetter;

/// A kind of document.
#[derive(Debug)]
pub(crate) struct Document {
    /// Name in URLs, with its extension.
    pub(crate) name: &'static str,
    /// Media type.
    pub(crate) media_type: &'static str,
    /// Chinese title.
    pub(crate) title_zh: &'static str,
    /// English title.
    pub(crate) title_en: &'static str,
    /// What it is made from, and how.
    pub(crate) make: Make,
}

/// What a document is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Make {
    /// A project, with a map of this frame where it has one.
    Project(Option<Frame>, fn(&Dossier, &Workshop) -> Result<Vec<u8>, DocumentError>),
    /// A project's record itself, whole and signed.
    Package,
    /// The ledger of difference patches.
    Ledger(fn(&Ledger) -> Result<Vec<u8>, DocumentError>),
    /// A disaster, with a map of this frame where the paper has one.
    Bulletin(Option<Frame>, fn(&Bulletin, &Workshop) -> Result<Vec<u8>, DocumentError>),
    /// What an analysis found.
    Analysis(fn(&Found) -> Result<Vec<u8>, DocumentError>),
}

impl Make {
    /// Whether it is made of a project.
    pub(crate) fn is_of_project(self) -> bool {
        matches!(self, Self::Project(..) | Self::Package)
    }
}

/// Every kind; a new one costs its file and a line here.
pub(crate) const DOCUMENTS: &[&Document] = &[
    &report_pdf::DOCUMENT,
    &report_docx::DOCUMENT,
    &sheet_a3_pdf::DOCUMENT,
    &tables_xlsx::DOCUMENT,
    &red_line_txt::DOCUMENT,
    &red_line_geojson::DOCUMENT,
    &package_json::DOCUMENT,
    &ledger_xlsx::DOCUMENT,
    &analysis_xlsx::DOCUMENT,
    &bulletin_pdf::DOCUMENT,
    &bulletin_docx::DOCUMENT,
    &bulletin_png::DOCUMENT,
    &exposure_xlsx::DOCUMENT,
];

/// What documents are made with; made once.
#[derive(Debug, Default)]
pub(crate) struct Workshop {
    typesetter: OnceLock<Typesetter>,
}

impl Workshop {
    fn typesetter(&self) -> &Typesetter {
        self.typesetter.get_or_init(Typesetter::of_system)
    }
}

/// Why a document could not be made.
#[derive(Debug, Error)]
pub(crate) enum DocumentError {
    /// The machine has no Chinese font.
    #[error("no Chinese font is installed (fonts-noto-cjk)")]
    NoFonts,
    /// The project lacks what the document shows.
    #[error("the project has no {what_en}")]
    Lacks {
        /// What, in Chinese.
        what_zh: &'static str,
        /// What, in English.
        what_en: &'static str,
    },
    /// The compositor refused our template.
    #[error("the page could not be set: {what}")]
    Layout {
        /// Its words.
        what: String,
    },
    /// The workbook could not be written.
    #[error("the workbook could not be written")]
    Workbook {
        /// The cause.
        #[source]
        source: Box<rust_xlsxwriter::XlsxError>,
    },
    /// The text document could not be packed.
    #[error("the text document could not be packed: {what}")]
    Pack {
        /// Its words.
        what: String,
    },
    /// The red line cannot be written in this form.
    #[error("the red line cannot be written in this form")]
    RedLine {
        /// The cause.
        #[source]
        source: Box<analysis::AnalysisError>,
    },
    /// JSON could not be written.
    #[error("the JSON could not be written")]
    Json {
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
}

impl From<rust_xlsxwriter::XlsxError> for DocumentError {
    fn from(source: rust_xlsxwriter::XlsxError) -> Self {
        Self::Workbook { source: Box::new(source) }
    }
}

#[cfg(test)]
mod bulletin_tests;
#[cfg(test)]
mod tests;
