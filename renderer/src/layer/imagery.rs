//! Imagery and live basemaps: image tiles draped over the ground as they come.

use std::sync::Arc;

use super::{Address, Drape, Kind, Loaded, Role, Wanted, picture_from_image};
use crate::error::ViewError;
use crate::fetch::Decode;
use crate::service::{Dataset, Pyramid};

/// Orthophotos and other revisions of imagery.
pub const KIND: Kind = Kind {
    dataset_kind: "imagery",
    title: ["影像", "Imagery"],
    entry: |links| links.tilejson.as_ref(),
    role: Role::Drape { open },
};

/// Live basemaps are drawn like imagery.
pub const BASEMAP: Kind = Kind { dataset_kind: "basemap", title: ["底图", "Basemap"], ..KIND };

struct Imagery {
    pyramid: Pyramid,
}

#[expect(clippy::unnecessary_wraps, reason = "the list of kinds gives every opener one signature")]
fn open(_dataset: &Dataset, pyramid: Pyramid, _style: Option<&[u8]>) -> Result<Arc<dyn Drape>, ViewError> {
    Ok(Arc::new(Imagery { pyramid }))
}

impl Drape for Imagery {
    fn pyramid(&self) -> &Pyramid {
        &self.pyramid
    }

    fn request(&self, (z, x, y): Address) -> Result<Wanted, ViewError> {
        let decode: Decode<Loaded> = Box::new(|fetched| {
            let picture = picture_from_image(&fetched, false)?;
            Ok(Loaded::Picture { picture, labels: Vec::new() })
        });
        Ok((Some(self.pyramid.url(z, x, y)?), decode))
    }
}
