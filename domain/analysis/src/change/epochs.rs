//! Two epochs of one layer: what was brought in, taken out, or kept under other attributes.
//!
//! The kinds are those of the versioned maintenance of spatial plans (动态维护, WHLX): 1 调入, 2 属性变更, 3 调出.
//! Ground decides and not ids, which departments number anew with every version: features of one epoch with the same
//! values of the compared fields are one region, and regions of both epochs are cut with each other. So what only was
//! split, joined or renumbered is no change, and before and after add up: what stayed, changed and went is all that
//! was; what stayed, changed and came is all that is.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Asked, RULE, RULE_DOCUMENT, read, rules_of};
use crate::{
    AnalysisError, DataWanted, Findings, FoundPatch, LoadedLayer, Parcel, Task,
    boolean::{Ring, Shape, difference, intersection, union},
    compliance::text,
    figures::{Areas, Figures, balanced, rounded},
    index::BoxIndex,
    mechanism::sources,
    reclassification::Reclassification,
    shared::{Border, Ruler, Scratch, shared},
    snap::{Grid, Snapped, area_of, bounds_of},
    weld::snap_all,
};

/// Steps of the grid, the finest that the layers fit on.
const SNAPS_M: [f64; 3] = [0.000_01, 0.000_1, 0.001];
/// Roles of the epochs.
const ROLES: [&str; 2] = ["before", "after"];
/// Different values of the compared fields.
const MOST_KEYS: usize = 2_000;
/// Fields compared together.
const MOST_FIELDS: usize = 16;
/// Features named per patch and epoch.
const MOST_SOURCES: usize = 100;
/// Ground that features only seem to share with a patch, square metres of the plane.
const NOTHING_M2: f64 = 0.005;

#[derive(Debug, Deserialize)]
struct Request {
    before: Asked,
    after: Asked,
    /// Fields whose values must stay the same; by default the class.
    #[serde(default)]
    fields: Vec<String>,
    /// Instead of the rule document's.
    least_m2: Option<f64>,
}

pub(super) fn wanted(request: &Value) -> Result<DataWanted, AnalysisError> {
    let request = request_of(request)?;
    let layers = vec![request.before.wanted(ROLES[0]), request.after.wanted(ROLES[1])];
    Ok(DataWanted { layers, ..DataWanted::default() })
}

fn request_of(request: &Value) -> Result<Request, AnalysisError> {
    let request: Request = read(request)?;
    if request.fields.len() > MOST_FIELDS || request.least_m2.is_some_and(|m2| !(0.0..1e9).contains(&m2)) {
        return Err(AnalysisError::Request {
            what_zh: format!("fields 最多 {MOST_FIELDS} 个，least_m2 应为 0 至 10 亿平方米"),
            what_en: format!("at most {MOST_FIELDS} fields, least_m2 of 0 to 1e9"),
        });
    }
    Ok(request)
}

/// Kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    BroughtIn,
    Changed,
    TakenOut,
}

impl Kind {
    const ALL: [Self; 3] = [Self::BroughtIn, Self::Changed, Self::TakenOut];

    /// Code (WHLX), Chinese title, name.
    const fn words(self) -> (u8, &'static str, &'static str) {
        match self {
            Self::BroughtIn => (1, "调入", "brought-in"),
            Self::Changed => (2, "属性变更", "attributes-changed"),
            Self::TakenOut => (3, "调出", "taken-out"),
        }
    }
}

/// Values of the compared fields.
type Key = Vec<String>;
/// What became what.
type Flow<'k> = (Kind, Option<&'k Key>, Option<&'k Key>);

/// An epoch on the grid: what each key covers, each place once.
struct Epoch<'a> {
    loaded: &'a LoadedLayer,
    snapped: Vec<Snapped>,
    key_of: Vec<Key>,
    regions: BTreeMap<Key, Vec<Shape>>,
    cover: Vec<Shape>,
    covered_again_m2: f64,
}

fn key(parcel: &Parcel, fields: &[String]) -> Key {
    if fields.is_empty() {
        return vec![parcel.class.clone()];
    }
    fields.iter().map(|field| text(parcel, field)).collect()
}

impl<'a> Epoch<'a> {
    fn new(
        loaded: &'a LoadedLayer,
        snapped: Vec<Snapped>,
        fields: &[String],
        ruler: &Ruler<'_>,
    ) -> Result<Self, AnalysisError> {
        let parcels = &loaded.layer.parcels;
        if let Some(missing) =
            fields.iter().find(|field| !parcels.iter().any(|parcel| parcel.attributes.contains_key(*field)))
        {
            return Err(AnalysisError::Request {
                what_zh: format!("图层 {} 没有字段“{missing}”", loaded.dataset),
                what_en: format!("the layer {} has no field {missing}", loaded.dataset),
            });
        }
        let key_of: Vec<Key> = parcels.iter().map(|parcel| key(parcel, fields)).collect();
        let mut rings: BTreeMap<&Key, Vec<&Ring>> = BTreeMap::new();
        for (key, shape) in key_of.iter().zip(&snapped) {
            rings.entry(key).or_default().extend(&shape.rings);
        }
        if rings.len() > MOST_KEYS {
            return Err(AnalysisError::Request {
                what_zh: format!("所比字段的取值超过 {MOST_KEYS} 种，请只比较分类等取值不多的字段（fields）"),
                what_en: format!("the fields have more than {MOST_KEYS} values; compare fields with few (fields)"),
            });
        }
        let dissolved: Vec<(Key, Vec<Shape>)> = rings
            .into_par_iter()
            .map(|(key, rings)| (key.clone(), union(rings.into_iter())))
            .filter(|(_, region)| !region.is_empty())
            .collect();
        let sum_m2: f64 = snapped.iter().map(|shape| area_of(shape.rings.iter(), ruler).plane_m2).sum();
        // Where features of one epoch lie on each other the first key in their order counts.
        let mut cover: Vec<Shape> = Vec::new();
        let mut regions = BTreeMap::new();
        let all = union(dissolved.iter().flat_map(|(_, region)| region.iter().flatten()));
        let plane_m2 = |shapes: &[Shape]| area_of(shapes.iter().flatten(), ruler).plane_m2;
        let keys_overlap =
            dissolved.iter().map(|(_, region)| plane_m2(region)).sum::<f64>() - plane_m2(&all) > NOTHING_M2;
        for (key, region) in dissolved {
            let own = if keys_overlap { difference(&region, &cover) } else { region };
            if keys_overlap {
                cover = union(cover.iter().chain(&own).flatten());
            }
            regions.insert(key, own);
        }
        let covered_again_m2 = sum_m2 - plane_m2(&all);
        Ok(Self { loaded, snapped, key_of, regions, cover: all, covered_again_m2 })
    }
}

/// A change and where it is.
struct Change<'k> {
    kind: Kind,
    before: Option<&'k Key>,
    after: Option<&'k Key>,
    shape: Shape,
    areas: Areas,
}

fn areas_of<'r>(rings: impl Iterator<Item = &'r Ring>, ruler: &Ruler<'_>) -> Areas {
    let area = area_of(rings, ruler);
    Areas { plane_m2: area.plane_m2, ellipsoidal_m2: area.ellipsoidal_m2 }
}

/// Every change of a piece, in the order of kind, keys and place.
fn changes<'k>(before: &'k Epoch<'_>, after: &'k Epoch<'_>, ruler: &Ruler<'_>) -> Vec<Change<'k>> {
    let none: Vec<Shape> = Vec::new();
    let beyond = |own: &'k BTreeMap<Key, Vec<Shape>>, other: &'k BTreeMap<Key, Vec<Shape>>| {
        let rest =
            |(key, region): (&'k Key, &'k Vec<Shape>)| (key, difference(region, other.get(key).unwrap_or(&none)));
        own.par_iter().map(rest).filter(|(_, rest)| !rest.is_empty()).collect::<Vec<(&'k Key, Vec<Shape>)>>()
    };
    // What left its key, and what came to one: all that changed is in them, and it is little.
    let (left, came) = (beyond(&before.regions, &after.regions), beyond(&after.regions, &before.regions));
    let bounded = |places: &[(&'k Key, Vec<Shape>)]| -> Vec<_> {
        places.iter().map(|(_, shapes)| bounds_of(shapes.iter().flatten())).collect()
    };
    let index = BoxIndex::new(bounded(&came).into_iter());
    let left_bounds = bounded(&left);
    let moved = left.par_iter().zip(&left_bounds).flat_map_iter(|((from, region), bounds)| {
        let into = index.meeting(*bounds).into_iter().map(|position| &came[position]);
        into.map(|(to, other)| (Kind::Changed, Some(*from), Some(*to), intersection(region, other))).collect::<Vec<_>>()
    });
    let gone =
        left.par_iter().map(|(key, region)| (Kind::TakenOut, Some(*key), None, difference(region, &after.cover)));
    let new =
        came.par_iter().map(|(key, region)| (Kind::BroughtIn, None, Some(*key), difference(region, &before.cover)));
    let mut changes: Vec<Change<'k>> = moved
        .chain(gone)
        .chain(new)
        .flat_map_iter(|(kind, before, after, shapes)| {
            shapes.into_iter().map(move |shape| (kind, before, after, shape)).collect::<Vec<_>>()
        })
        .map(|(kind, before, after, shape)| {
            let areas = areas_of(shape.iter(), ruler);
            Change { kind, before, after, shape, areas }
        })
        .collect();
    changes.sort_by_cached_key(|change| {
        let [west, south, east, north] = bounds_of(change.shape.iter());
        (change.kind, change.before, change.after, std::cmp::Reverse(north), [west, south, east])
    });
    changes
}

/// Ids of the features of an epoch that a change is made of, the largest first.
fn ids(
    epoch: &Epoch<'_>,
    index: &BoxIndex,
    key: Option<&Key>,
    border: &Border,
    ruler: &Ruler<'_>,
    scratch: &mut Scratch,
) -> Vec<String> {
    let Some(key) = key else { return Vec::new() };
    let own_m2 = border.area(ruler).plane_m2;
    let near = index.meeting(border.bounds).into_iter().filter(|feature| epoch.key_of[*feature] == *key);
    let mut found: Vec<(f64, usize)> = near
        .map(|feature| (shared(border, &epoch.snapped[feature].border, ruler, scratch).plane_m2, feature))
        .filter(|(m2, _)| *m2 > NOTHING_M2.min(own_m2 / 10.0))
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let id = |(_, feature): &(f64, usize)| {
        let parcel = &epoch.loaded.layer.parcels[*feature];
        if parcel.source_id.is_empty() { parcel.id.clone() } else { parcel.source_id.clone() }
    };
    found.iter().take(MOST_SOURCES).map(id).collect()
}

fn figures_json(patches: Option<usize>, figures: Figures) -> Map<String, Value> {
    let mut row = Map::new();
    if let Some(patches) = patches {
        row.insert("patches".to_owned(), patches.into());
    }
    figures.put_m2(&mut row);
    row
}

#[expect(clippy::too_many_lines, reason = "one result, from its sums to its patches")]
pub(super) fn run(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    let request = request_of(task.request)?;
    let document = task.rules.document(RULE_DOCUMENT)?;
    let least_m2 = request.least_m2.unwrap_or(rules_of(document)?.features.least_m2);
    let (reclassification, _) = Reclassification::read(task.rules)?;
    let go_on = || if task.watch.cancelled() { Err(AnalysisError::Cancelled) } else { Ok(()) };
    let loaded: [&LoadedLayer; 2] = [task.layer(ROLES[0])?, task.layer(ROLES[1])?];
    if let Some(flat) = loaded.iter().find(|layer| layer.layer.parcels.iter().all(|p| p.polygons.is_empty())) {
        return Err(AnalysisError::Request {
            what_zh: format!("图层 {} 中没有面，只能比较面图层的两个时期", flat.dataset),
            what_en: format!("the layer {} has no polygon; only layers of polygons are compared", flat.dataset),
        });
    }
    let layers = loaded.map(|loaded| &loaded.layer);
    let grid = Grid::finest(&layers, &SNAPS_M)?;
    let measure = grid.measure(task.plane)?;
    let ruler = Ruler { frame: grid.frame, ground: Some(&measure) };
    let mut snapped = snap_all(&grid, &layers, reclassification.tolerance.weld_m).into_iter();
    let mut epoch = |position: usize| {
        go_on()?;
        task.watch.progress(0.1 + 0.2 * position as f64, "归并两期图斑");
        Epoch::new(loaded[position], snapped.next().unwrap_or_default(), &request.fields, &ruler)
    };
    let (before, after) = (epoch(0)?, epoch(1)?);
    go_on()?;
    task.watch.progress(0.5, "比较两期");
    let mut found = changes(&before, &after, &ruler);
    let mut hairs = (0_usize, 0.0);
    found.retain(|change| {
        let listed = change.areas.plane_m2 > least_m2;
        if !listed {
            hairs = (hairs.0 + 1, hairs.1 + change.areas.plane_m2);
        }
        listed
    });
    go_on()?;
    task.watch.progress(0.8, "量算与调平");
    // Each kind is balanced to its own rounded total.
    let mut figures: Vec<Figures> = Vec::with_capacity(found.len());
    for of_kind in found.chunk_by(|a, b| a.kind == b.kind) {
        let areas: Vec<Areas> = of_kind.iter().map(|change| change.areas).collect();
        figures.extend(balanced(&areas, Figures::of(areas.iter().copied().sum()))?);
    }
    let indexes = [&before, &after].map(|epoch| BoxIndex::new(epoch.snapped.iter().map(|shape| shape.border.bounds)));
    let ids_of: Vec<[Vec<String>; 2]> = found
        .par_iter()
        .map_init(Scratch::default, |scratch, change| {
            let border = Border::new(change.shape.iter());
            [
                ids(&before, &indexes[0], change.before, &border, &ruler, scratch),
                ids(&after, &indexes[1], change.after, &border, &ruler, scratch),
            ]
        })
        .collect();
    let mut by_kind: BTreeMap<Kind, (usize, Figures)> = BTreeMap::new();
    let mut flows: BTreeMap<Flow<'_>, (usize, Figures)> = BTreeMap::new();
    let mut patches = Vec::with_capacity(found.len());
    for ((change, figures), [before_ids, after_ids]) in found.iter().zip(figures).zip(ids_of) {
        let kind = by_kind.entry(change.kind).or_default();
        *kind = (kind.0 + 1, [kind.1, figures].into_iter().sum());
        let flow = flows.entry((change.kind, change.before, change.after)).or_default();
        *flow = (flow.0 + 1, [flow.1, figures].into_iter().sum());
        let (code, title, name) = change.kind.words();
        let mut properties = Map::new();
        for (name, value) in [
            ("kind", json!(name)),
            ("WHLX", json!(code.to_string())),
            ("title", json!(title)),
            ("before", json!(change.before.map(|key| key.join(";")))),
            ("after", json!(change.after.map(|key| key.join(";")))),
            ("before_ids", json!(before_ids)),
            ("after_ids", json!(after_ids)),
        ] {
            properties.insert(name.to_owned(), value);
        }
        figures.put_m2(&mut properties);
        let id = format!("WHC{code}-{:05}", kind.0);
        patches.push(FoundPatch {
            id,
            properties,
            polygons: vec![grid.polygon_in_plane(&change.shape)],
            ..FoundPatch::default()
        });
    }
    // What stayed is everything that was less what changed and went; with what came it is everything that is.
    let of = |kind: Kind| by_kind.get(&kind).copied().unwrap_or_default();
    let measured = |kinds: [Kind; 2]| -> Areas {
        found.iter().filter(|change| kinds.contains(&change.kind)).map(|change| change.areas).sum()
    };
    let was = areas_of(before.cover.iter().flatten(), &ruler);
    let gone = measured([Kind::Changed, Kind::TakenOut]);
    let stayed = Figures::of(Areas {
        plane_m2: was.plane_m2 - gone.plane_m2,
        ellipsoidal_m2: was.ellipsoidal_m2 - gone.ellipsoidal_m2,
    });
    let with = |kind: Kind| [stayed, of(Kind::Changed).1, of(kind).1].into_iter().sum::<Figures>();
    let epoch_json = |epoch: &Epoch<'_>, total: Figures| {
        let mut row = figures_json(None, total);
        row.insert("dataset".to_owned(), json!(epoch.loaded.dataset));
        row.insert("revision".to_owned(), json!(epoch.loaded.revision));
        row.insert("valid_from".to_owned(), json!(epoch.loaded.valid_from));
        row.insert("features".to_owned(), json!(epoch.loaded.layer.parcels.len()));
        row.insert("covered_more_than_once_plane_m2".to_owned(), rounded(epoch.covered_again_m2.max(0.0), 2));
        row
    };
    let kinds: Vec<Value> = Kind::ALL
        .into_iter()
        .map(|kind| {
            let ((code, title, name), (count, figures)) = (kind.words(), of(kind));
            let mut row = figures_json(Some(count), figures);
            row.insert("WHLX".to_owned(), json!(code.to_string()));
            row.insert("kind".to_owned(), json!(name));
            row.insert("title".to_owned(), json!(title));
            Value::Object(row)
        })
        .collect();
    let flows: Vec<Value> = flows
        .into_iter()
        .map(|((kind, before, after), (count, figures))| {
            let mut row = figures_json(Some(count), figures);
            row.insert("kind".to_owned(), json!(kind.words().2));
            row.insert("before".to_owned(), json!(before));
            row.insert("after".to_owned(), json!(after));
            Value::Object(row)
        })
        .collect();
    let result = json!({
        "rule": RULE, "mode": "features", "rule_versions": { RULE_DOCUMENT: document.version },
        "sources": sources(task),
        "fields": request.fields,
        "before": epoch_json(&before, with(Kind::TakenOut)),
        "after": epoch_json(&after, with(Kind::BroughtIn)),
        "unchanged": figures_json(None, stayed),
        "changes": kinds,
        "flows": flows,
        "hairs": { "patches": hairs.0, "plane_m2": rounded(hairs.1, 2), "least_m2": least_m2 },
    });
    Ok(Findings { result, patches })
}
