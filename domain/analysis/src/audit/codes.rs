//! Which code systems the codes of a layer fit, and which of them mean different things there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{LoadedLayer, reclassification::Reclassification};

/// The codes of a layer held against every code system.
pub(super) struct Codes<'l> {
    stated: Option<&'l str>,
    fits: Vec<&'l str>,
    /// Codes that the stated system does not list.
    unknown: Vec<&'l str>,
    /// Codes with their different meanings, where no system is stated.
    collisions: BTreeMap<&'l str, BTreeMap<&'l str, &'l str>>,
}

impl<'l> Codes<'l> {
    pub(super) fn of(loaded: &'l LoadedLayer, rules: &'l Reclassification) -> Self {
        let codes: BTreeSet<&str> =
            loaded.layer.parcels.iter().map(|parcel| parcel.class.as_str()).filter(|code| !code.is_empty()).collect();
        let stated = rules.system(&loaded.layer.code_system);
        let fitting: Vec<_> = rules
            .system
            .iter()
            .filter(|system| !codes.is_empty() && codes.iter().all(|code| system.codes.contains_key(system.bare(code))))
            .collect();
        let meanings_of = |code: &str| -> BTreeMap<&str, &str> {
            let meaning = fitting
                .iter()
                .filter_map(|system| Some((system.id.as_str(), system.codes.get(system.bare(code))?.as_str())));
            meaning.collect()
        };
        let differ = |meanings: &BTreeMap<&str, &str>| meanings.values().collect::<BTreeSet<_>>().len() > 1;
        let collisions = match stated {
            Some(_) => BTreeMap::new(),
            None => codes.iter().map(|code| (*code, meanings_of(code))).filter(|(_, found)| differ(found)).collect(),
        };
        let unknown = stated.map_or_else(Vec::new, |system| {
            codes.iter().copied().filter(|code| !system.codes.contains_key(system.bare(code))).collect()
        });
        Self {
            stated: stated.map(|system| system.id.as_str()),
            fits: fitting.iter().map(|system| system.id.as_str()).collect(),
            unknown,
            collisions,
        }
    }

    /// Whether nobody may guess what its codes mean.
    pub(super) fn refused(&self) -> bool {
        !self.collisions.is_empty()
    }

    pub(super) fn json(&self) -> Value {
        let collision =
            |(code, meanings): (&&str, &BTreeMap<&str, &str>)| json!({ "code": code, "meanings": meanings });
        json!({
            "stated": self.stated,
            "fits": self.fits,
            "unknown": self.unknown,
            "refused": self.refused(),
            "collisions": self.collisions.iter().map(collision).collect::<Vec<_>>(),
        })
    }
}
