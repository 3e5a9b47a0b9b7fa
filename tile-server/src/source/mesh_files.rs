//! Meshes: 3D Tiles as published, the same bytes.

use catalog::{Catalog, DatasetKind};
use futures::future::BoxFuture;

use super::{Answer, Origin, Source, Wanted};
use crate::problem::Problem;

/// Files of a mesh revision.
#[derive(Debug)]
pub(super) struct MeshFiles;

impl Source for MeshFiles {
    fn name(&self) -> &'static str {
        "mesh_files"
    }

    fn answers(&self, origin: &Origin, wanted: &Wanted) -> bool {
        matches!((origin, wanted), (Origin::Revision(_, DatasetKind::Mesh), Wanted::Content(_)))
    }

    fn get<'a>(&'a self, _: &'a Catalog, _: &'a Origin, wanted: &'a Wanted) -> BoxFuture<'a, Result<Answer, Problem>> {
        Box::pin(async move {
            match wanted {
                Wanted::Content(path) => Ok(Answer::File(path.clone())),
                _ => Err(Problem::no_tile()),
            }
        })
    }
}
