//! `red-line.txt`: the red line in force as boundary points (界址点 TXT), in the ministry's form and GBK.

use analysis::red_line::RedLine;
use analysis::red_line::boundary_txt::{TextEncoding, TextOptions, write};

use super::content::plain_date;
use super::dossier::Dossier;
use super::{Document, DocumentError, Make, Workshop};

/// The kind.
pub(super) const DOCUMENT: Document = Document {
    name: "red-line.txt",
    media_type: "text/plain; charset=gbk",
    title_zh: "拟用地红线（界址点 TXT）",
    title_en: "Red line (boundary points)",
    make: Make::Project(None, make),
};

fn make(dossier: &Dossier, _workshop: &Workshop) -> Result<Vec<u8>, DocumentError> {
    let line =
        dossier.red_line.as_ref().ok_or(DocumentError::Lacks { what_zh: "拟用地红线", what_en: "red line" })?;
    let refused = |source| DocumentError::RedLine { source: Box::new(source) };
    let mut red_line = RedLine::from_json(&line.delivered).map_err(refused)?;
    // Boundary points are metres of a national zone; a red line in degrees goes to the zone that it lies in.
    if red_line.crs.gauss_kruger().is_none() {
        let plane = super::map::plane_of(&red_line.crs, &line.parcels())
            .map_err(|problem| DocumentError::Pack { what: problem.zh().to_owned() })?;
        red_line = red_line.in_plane(&plane).map_err(refused)?;
    }
    let options = TextOptions {
        producer: dossier.project.applicant.clone(),
        date: plain_date(&dossier.as_of),
        encoding: TextEncoding::Gbk,
    };
    write(&red_line, &options).map_err(refused)
}
