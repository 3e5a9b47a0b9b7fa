//! What is asked for and what comes of it: layers are opened, tiles are requested, and answers find their place.

use super::{Epoch, OUTBOX_LANE, State, VIEWER_LANE, Viewer, chain};
use crate::error::ViewError;
use crate::fetch::{self, Decode, Fetched, Finished, Request};
use crate::layer::{self, Address, Loaded, Role};
use crate::scene::selection::Urgency;
use crate::service::Pyramid;

/// The number of a layer's opening request in its lane.
const OPENING: u64 = u64::MAX;

/// What to do for a tile of a layer that the ground wants.
pub(super) enum Tile {
    /// Ask for it, or make it.
    Request(Option<url::Url>, Decode<Loaded>),
    /// First these tiles have to be there, by lane.
    After(Vec<(u32, Address)>),
    /// Nothing.
    None,
}

impl Viewer {
    /// Requests that open layers: TileJSON with style, or the root tileset.
    pub(super) fn opening_requests(&mut self) -> Vec<Request<Loaded>> {
        let mut requests = Vec::new();
        let mut broken = Vec::new();
        for layer in &self.layers {
            let waits = match &layer.state {
                State::Opening => true,
                State::Tileset(tileset) => !tileset.is_open(),
                State::Heights(_)
                | State::Drape(_)
                | State::Schemes(_)
                | State::Difference(_)
                | State::Water(_)
                | State::Broken => false,
            };
            let is_seen = layer.side.is_in(Epoch::After) || self.before.is_some();
            if !waits || !layer.visible || !is_seen {
                continue;
            }
            match self.opening_request(layer) {
                Ok(request) => requests.push(request),
                Err(error) => broken.push((layer.lane, error)),
            }
        }
        for (lane, error) in broken {
            self.fail(lane, None, &error);
        }
        requests
    }

    fn opening_request(&self, layer: &super::Layer) -> Result<Request<Loaded>, ViewError> {
        // Live sources have no dates.
        let datetime = layer.datetime.as_deref().filter(|_| !layer.dataset.live);
        let entry = (layer.kind.entry)(&layer.dataset.links).map_or("", String::as_str);
        let url = self.service.link(entry, datetime)?;
        let style_url = layer.dataset.links.style.as_deref().map(|link| self.service.link(link, None)).transpose()?;
        let source = self.service.source().clone();
        let decode: Decode<Loaded> = match layer.kind.role {
            Role::Tileset { .. } => Box::new(take_tileset),
            Role::Heights { .. } | Role::Drape { .. } | Role::Project { .. } | Role::Study { .. } => {
                Box::new(move |fetched| {
                    found(&fetched)?;
                    let pyramid = Pyramid::from_tile_json(&fetched.body, &fetched.url)?;
                    let style = style_url.map(|url| fetch::fetch(&source, &url)).transpose()?;
                    let style = style.filter(|fetched| fetched.found).map(|fetched| fetched.body.to_vec());
                    Ok(Loaded::Opened { pyramid, style })
                })
            }
        };
        Ok(Request { key: (layer.lane, OPENING), url: Some(url), urgency: Urgency::Urgent, priority: 0.0, decode })
    }

    pub(super) fn tile_request(&mut self, lane: u32, address: Address) -> Result<Tile, ViewError> {
        let Some(layer) = self.layers.iter().find(|layer| layer.lane == lane) else { return Ok(Tile::None) };
        let request = |(url, decode)| Tile::Request(url, decode);
        match (&layer.state, layer.kind.role) {
            (State::Heights(pyramid), Role::Heights { decode }) => {
                let decode: Decode<Loaded> = Box::new(move |fetched| decode(&fetched).map(Loaded::Heights));
                Ok(Tile::Request(Some(pyramid.url(address.0, address.1, address.2)?), decode))
            }
            (State::Difference(difference), _) => {
                let difference = difference.clone();
                Ok(match self.samplers(address) {
                    Ok([before, after]) => request(difference.request(before, after)),
                    Err(first) => Tile::After(first),
                })
            }
            (State::Drape(drape), _) => drape.request(address).map(request),
            _ => Ok(Tile::None),
        }
    }

    pub(super) fn take(&mut self, finished: Vec<Finished<Loaded>>) {
        for Finished { key: (lane, what), result } in finished {
            self.counts.loaded += usize::from(result.is_ok());
            if lane == VIEWER_LANE {
                self.take_features(what, result);
                continue;
            }
            if lane == OUTBOX_LANE {
                self.take_sent(what, result);
                continue;
            }
            match result {
                Ok(loaded) => self.put(lane, what, loaded),
                Err(error) => {
                    let address = (what != OPENING).then(|| unpacked(what));
                    self.fail(lane, address, &error);
                }
            }
        }
    }

    fn put(&mut self, lane: u32, what: u64, loaded: Loaded) {
        let Some(layer) = self.layers.iter_mut().find(|layer| layer.lane == lane) else { return };
        match (loaded, &mut layer.state) {
            (Loaded::Opened { pyramid, style }, _) => match layer.kind.role {
                Role::Heights { .. } => layer.state = State::Heights(pyramid),
                Role::Drape { open } => match open(&layer.dataset, pyramid, style.as_deref()) {
                    Ok(drape) => layer.state = State::Drape(drape),
                    Err(error) => return self.fail(lane, None, &error),
                },
                Role::Tileset { .. } | Role::Project { .. } | Role::Study { .. } => return,
            },
            (Loaded::Tileset { body, url }, State::Tileset(tileset)) => {
                let node = (what != OPENING).then_some(what as usize);
                match tiles::tileset::Tileset::parse(&body) {
                    Ok(parsed) => tileset.graft(node, &parsed, &url),
                    Err(error) => {
                        let error = ViewError::Tile { url: url.to_string(), reason: error.to_string() };
                        return self.fail(lane, node.map(|_| unpacked(what)), &error);
                    }
                }
            }
            (Loaded::Pieces(pieces), State::Tileset(tileset)) => return tileset.put(what as usize, Some(pieces)),
            (Loaded::Heights(raster), _) => {
                return self.grounds().for_each(|ground| ground.put_heights(lane, unpacked(what), Ok(raster.clone())));
            }
            (Loaded::Picture { picture, labels }, _) => {
                return self
                    .grounds()
                    .for_each(|ground| ground.put_picture(lane, unpacked(what), Ok(picture.clone()), labels.clone()));
            }
            (Loaded::Scheme(built), State::Schemes(schemes)) => return schemes.put(what, Ok(*built)),
            (
                Loaded::Tileset { .. }
                | Loaded::Pieces(_)
                | Loaded::Features(_)
                | Loaded::Scheme(_)
                | Loaded::Sent(_)
                | Loaded::Meeting(_),
                _,
            ) => return,
        }
        self.layers_changed = true;
    }

    /// Notes a failed load; without an address it was the layer's opening.
    pub(super) fn fail(&mut self, lane: u32, address: Option<Address>, error: &ViewError) {
        // What was left out of a packed folder on purpose is no failure: a coarser tile goes on being shown.
        let is_failure = !(matches!(error, ViewError::NotPacked { .. }) && address.is_some());
        let message = chain(error);
        if is_failure {
            self.counts.failed += 1;
            tracing::warn!(error = %message, "load failed");
        }
        let Some(layer) = self.layers.iter_mut().find(|layer| layer.lane == lane) else { return };
        if is_failure {
            layer.failed += 1;
            layer.last_error = Some(message);
        }
        match (address, &mut layer.state) {
            (Some(address), State::Schemes(schemes)) => schemes.put(packed(address), Err(())),
            (None, state) => *state = State::Broken,
            (Some(address), State::Tileset(tileset)) => tileset.put(packed(address) as usize, None),
            (Some(address), State::Heights(_)) => {
                self.grounds().for_each(|ground| ground.put_heights(lane, address, Err(())));
            }
            (Some(address), _) => {
                self.grounds().for_each(|ground| ground.put_picture(lane, address, Err(()), Vec::new()));
            }
        }
    }
}

fn found(fetched: &Fetched) -> Result<(), ViewError> {
    if fetched.found { Ok(()) } else { Err(ViewError::Status { url: fetched.url.to_string(), status: 404 }) }
}

pub(super) fn take_tileset(fetched: Fetched) -> Result<Loaded, ViewError> {
    found(&fetched)?;
    Ok(Loaded::Tileset { body: fetched.body, url: fetched.url })
}

pub(super) fn take_pieces(
    fetched: &Fetched,
    decode: fn(&Fetched) -> Result<Vec<layer::Piece>, ViewError>,
) -> Result<Loaded, ViewError> {
    // A pyramid has gaps; a tileset that names a file promises it.
    found(fetched)?;
    decode(fetched).map(Loaded::Pieces)
}

pub(super) fn packed((z, x, y): Address) -> u64 {
    u64::from(z) << 58 | u64::from(x) << 29 | u64::from(y)
}

fn unpacked(what: u64) -> Address {
    ((what >> 58) as u8, (what >> 29 & 0x1FFF_FFFF) as u32, (what & 0x1FFF_FFFF) as u32)
}
