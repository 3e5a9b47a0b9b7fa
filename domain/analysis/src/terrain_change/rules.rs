//! The rule document: how much a height must change to count, what stable ground is worth, when a building is lost, and how a
//! volume is guessed where only one survey exists.

use serde::Deserialize;

use super::RULE_DOCUMENT;
use crate::{AnalysisError, mechanism::RuleDocument};

/// The whole document.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    #[expect(dead_code, reason = "every rule document has it; the rule book's version is what results name")]
    document: toml::Table,
    pub(super) detection: Detection,
    pub(super) stable: Stable,
    pub(super) scale: Vec<Scale>,
    pub(super) buildings: Buildings,
    pub(super) estimate: Vec<Relation>,
}

/// When a change of height is one.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Detection {
    pub(super) coverage: f64,
    pub(super) least_sigma_m: f64,
    pub(super) open_cells: usize,
    pub(super) most_open_cells: usize,
    pub(super) close_m: f64,
    pub(super) least_m2: f64,
    pub(super) hole_m2: f64,
    pub(super) edge_m: f64,
}

/// What ground the surveys are held against each other on.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stable {
    pub(super) least_m2: f64,
    pub(super) least_share: f64,
    pub(super) significant: f64,
    pub(super) negligible_m: f64,
}

/// A class of volumes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scale {
    pub(super) name: String,
    pub(super) from_m3: f64,
}

/// When a building is destroyed, buried or damaged.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Buildings {
    /// A roof is seen where it stands so far above the ground around.
    pub(super) roof_m: f64,
    /// From and to which distance from the walls the ground around is looked at.
    pub(super) around_m: [f64; 2],
    /// Shares of the buildings on unmoved ground whose roofs are seen: from the first on it is a surface model, up to the second bare ground.
    pub(super) surface_share: f64,
    pub(super) ground_share: f64,
    /// Buildings that it takes to tell the one from the other.
    pub(super) least_witnesses: usize,
    /// A cell of the roof is gone when it sank, against the ground around, by this part of the roof's height.
    pub(super) roof_lost: f64,
    /// Share of the footprint that makes a building lost, and damaged.
    pub(super) lost_share: f64,
    pub(super) damaged_share: f64,
    /// Rise of the ground that buries, and fall that destroys, metres.
    pub(super) over_m: f64,
    pub(super) under_m: f64,
    /// Cells with both heights that a footprint must have to be judged.
    pub(super) least_cells: usize,
}

/// A power law of volume from area: `V = alpha * A^gamma`, in metres.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Relation {
    pub(super) name: String,
    pub(super) alpha: f64,
    pub(super) gamma: f64,
    /// Times and by how much single slides lie off the law.
    pub(super) factor: f64,
    pub(super) source: String,
}

/// Refuses a document that cannot be used.
pub(crate) fn check(document: &RuleDocument) -> Result<(), AnalysisError> {
    rules_of(document).map(|_| ())
}

/// The rules of a document.
pub(super) fn rules_of(document: &RuleDocument) -> Result<Rules, AnalysisError> {
    let bad = |what: &str| AnalysisError::BadRule { name: RULE_DOCUMENT.to_owned(), what: what.to_owned() };
    let rules: Rules = toml::from_str(&document.text).map_err(|error| bad(&error.to_string()))?;
    let Detection { coverage, least_sigma_m, open_cells, most_open_cells, close_m, least_m2, hole_m2, edge_m } =
        rules.detection;
    let sane = (1.0..=5.0).contains(&coverage)
        && (0.0..=10.0).contains(&least_sigma_m)
        && open_cells <= most_open_cells
        && most_open_cells <= 20
        && (0.0..=50.0).contains(&close_m)
        && [least_m2, hole_m2].iter().all(|m2| (0.0..1e7).contains(m2))
        && (0.0..=100.0).contains(&edge_m);
    if !sane {
        return Err(bad(
            "[detection] 的倍数应为 1 至 5，其余不应为负或过大 (coverage 1 to 5, nothing negative or huge)",
        ));
    }
    let Stable { least_m2, least_share, significant, negligible_m } = rules.stable;
    if !(0.0..1e9).contains(&least_m2) || !(0.0..=1.0).contains(&least_share) || significant < 1.0 || negligible_m < 0.0
    {
        return Err(bad("[stable] 的面积不应为负，比例在 0 至 1 之间，倍数不小于 1 (areas, shares and factors)"));
    }
    let rising = rules.scale.windows(2).all(|pair| pair[0].from_m3 < pair[1].from_m3);
    if rules.scale.first().is_none_or(|first| first.from_m3 > 0.0) || !rising {
        return Err(bad("[[scale]] 应从 0 起、逐级增大 (begins at 0 and rises)"));
    }
    if !rules.buildings.sane() {
        return Err(bad(
            "[buildings] 的比例应在 0 至 1 之间，高度 0 至 50 米，around_m 由近及远且不超过 50 米 (shares, heights and distances)",
        ));
    }
    let usable = |law: &Relation| {
        (0.0..10.0).contains(&law.alpha)
            && law.alpha > 0.0
            && (0.5..3.0).contains(&law.gamma)
            && (1.0..=100.0).contains(&law.factor)
            && !law.source.trim().is_empty()
    };
    if !rules.estimate.iter().all(usable) {
        return Err(bad(
            "[[estimate]] 的 alpha 应为 0 至 10，gamma 0.5 至 3，factor 1 至 100，并注明出处 (sane powers with a source)",
        ));
    }
    Ok(rules)
}

impl Buildings {
    fn sane(&self) -> bool {
        let share = |share: f64| share > 0.0 && share <= 1.0;
        let height = |m: f64| m > 0.0 && m <= 50.0;
        let [near, far] = self.around_m;
        share(self.surface_share)
            && (0.0..self.surface_share).contains(&self.ground_share)
            && self.least_witnesses >= 1
            && share(self.roof_lost)
            && share(self.lost_share)
            && share(self.damaged_share)
            && self.damaged_share <= self.lost_share
            && height(self.roof_m)
            && height(self.over_m)
            && height(self.under_m)
            && near >= 0.0
            && far > near
            && far <= 50.0
            && self.least_cells >= 1
    }
}
