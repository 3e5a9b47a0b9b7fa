//! Asking what is at a picked place: attributes of every visible plan layer there.

use serde_json::Value;

use super::{VIEWER_LANE, Viewer, chain};
use crate::error::ViewError;
use crate::fetch::{Fetched, Request};
use crate::layer::Loaded;
use crate::scene::picking::Pick;
use crate::scene::selection::Urgency;

/// A picked place and what is known about it.
#[derive(Clone, Debug)]
pub struct Picked {
    /// Where.
    pub pick: Pick,
    /// Attributes found there, by layer title; `None` while they are being asked for.
    pub features: Vec<(String, Value)>,
    /// Answers still missing.
    pub waiting: usize,
}

impl Viewer {
    /// Notes a picked place and asks the visible plan layers what is there.
    pub fn inspect(&mut self, pick: Pick) {
        // About half a metre to all sides: a finger's width on a plan.
        const REACH_DEG: f64 = 5e-6;
        let [lon, lat, _] = pick.lon_lat_height_deg;
        let bbox =
            format!("{:.7},{:.7},{:.7},{:.7}", lon - REACH_DEG, lat - REACH_DEG, lon + REACH_DEG, lat + REACH_DEG);
        self.pick_requests.clear();
        let asked = |layer: &super::Layer| layer.visible && layer.side.is_in(super::Epoch::After);
        for (index, layer) in self.layers.iter().enumerate().filter(|(_, layer)| asked(layer)) {
            let Some(link) = &layer.dataset.links.features else { continue };
            let datetime = layer.datetime.as_deref().filter(|_| !layer.dataset.live);
            if let Ok(mut url) = self.service.link(link, datetime) {
                url.query_pairs_mut().append_pair("bbox", &bbox).append_pair("limit", "5");
                self.next_pick += 1;
                self.pick_requests.push((self.next_pick, index, url));
            }
        }
        self.picked = Some(Picked { pick, features: Vec::new(), waiting: self.pick_requests.len() });
    }

    pub(super) fn feature_requests(&self) -> impl Iterator<Item = Request<Loaded>> {
        self.pick_requests.iter().map(|(number, _, url)| Request {
            key: (VIEWER_LANE, *number),
            url: Some(url.clone()),
            urgency: Urgency::Urgent,
            priority: -1.0,
            decode: Box::new(|fetched: Fetched| {
                let parsed = serde_json::from_slice(&fetched.body);
                parsed.map(Loaded::Features).map_err(|source| ViewError::Json { url: fetched.url.to_string(), source })
            }),
        })
    }

    pub(super) fn take_features(&mut self, number: u64, result: Result<Loaded, ViewError>) {
        let Some(at) = self.pick_requests.iter().position(|(own, ..)| *own == number) else { return };
        let (_, layer, _) = self.pick_requests.swap_remove(at);
        let Some(picked) = &mut self.picked else { return };
        picked.waiting = self.pick_requests.len();
        match result {
            Ok(Loaded::Features(collection)) => {
                let title =
                    self.layers.get(layer).map(|layer| layer.dataset.title_in(true).to_owned()).unwrap_or_default();
                let features = collection.get("features").and_then(Value::as_array).cloned().unwrap_or_default();
                let properties = features.into_iter().filter_map(|feature| feature.get("properties").cloned());
                picked.features.extend(properties.map(|properties| (title.clone(), properties)));
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(error = %chain(&error), "attributes"),
        }
    }
}
