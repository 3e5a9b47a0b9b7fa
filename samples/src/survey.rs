//! Turns dealt-out ground into the land survey's patches: village by village, nothing too small to map,
//! nothing that touches itself at a corner, and still the exact number of cells of every class.

use crate::classes::CLASSES;
use crate::grid::Grid;
use crate::landuse::{LandUse, Parcel};
use crate::parcels::{absorb_small, can_flip, components, untouch_corners};
use std::collections::{BTreeMap, VecDeque};

/// Smallest patch of the survey in cells (600 m²); wood smaller than [`SMALLEST_WOOD_CELLS`] is part of what it stands in.
const SMALLEST_CELLS: usize = 24;
const SMALLEST_WOOD_CELLS: usize = 110;

/// One patch (图斑).
#[derive(Debug, Clone, Copy)]
pub struct Patch {
    /// Position in [`CLASSES`].
    pub class: u8,
    /// Slope grade of cultivated land, 0 elsewhere.
    pub grade: u8,
    /// Position in `place::VILLAGES`.
    pub village: u8,
    /// Size in cells.
    pub cells: usize,
}

/// The patches of the township.
#[derive(Debug)]
pub struct Survey {
    /// Patch of every cell.
    pub patch: Grid<u32>,
    /// What the patches are.
    pub patches: Vec<Patch>,
    /// Cells of a class that could not be kept (positive: too many); all zero when all went well.
    pub off_by_cells: Vec<i64>,
}

/// Class and grade as one number.
fn key_of(parcel: Parcel) -> usize {
    usize::from(parcel.class) * 8 + usize::from(parcel.grade)
}

/// Cuts the survey's patches.
pub fn build(land: &LandUse, village: &Grid<u8>) -> Survey {
    let mut village_label = village.like(0_u32);
    for cell in 0..village.cells.len() {
        village_label[cell] = u32::from(village[cell]);
    }
    absorb_small(&mut village_label, |_| 40_000, |_, _| true);
    let mut wanted = vec![0_i64; CLASSES.len() * 8];
    let mut label = village_label.clone();
    for cell in 0..label.cells.len() {
        wanted[key_of(land.parcels[land.parcel[cell] as usize])] += 1;
        label[cell] += land.parcel[cell] * 16;
    }
    let parcel_of = |label: u32| land.parcels[(label / 16) as usize];
    let kin = |a: u32, b: u32| key_of(parcel_of(a)) == key_of(parcel_of(b));
    for _ in 0..3 {
        let smallest = |label: u32| {
            if CLASSES[usize::from(parcel_of(label).class)].code.starts_with("03") {
                SMALLEST_WOOD_CELLS
            } else {
                SMALLEST_CELLS
            }
        };
        let small = absorb_small(&mut label, smallest, kin);
        let corners = untouch_corners(&mut label);
        if small + corners == 0 {
            break;
        }
    }
    let off_by_cells = balance(&mut label, &wanted, |label| key_of(parcel_of(label)));
    let (patch, sizes) = components(&label, |_| true);
    let nothing = Patch { class: 0, grade: 0, village: 0, cells: 0 };
    let mut patches = vec![nothing; sizes.len()];
    for cell in 0..label.cells.len() {
        let number = patch[cell] as usize;
        if patches[number].cells == 0 {
            let parcel = parcel_of(label[cell]);
            patches[number] = Patch {
                class: parcel.class,
                grade: parcel.grade,
                village: (label[cell] % 16) as u8,
                cells: sizes[number],
            };
        }
    }
    Survey { patch, patches, off_by_cells }
}

/// Moves single border cells from patches of classes that have too many to those that have too few,
/// through other classes where the two do not meet.
fn balance(label: &mut Grid<u32>, wanted: &[i64], key: impl Fn(u32) -> usize) -> Vec<i64> {
    let mut surplus: Vec<i64> = wanted.iter().map(|count| -count).collect();
    for cell in 0..label.cells.len() {
        surplus[key(label[cell])] += 1;
    }
    let mut dead: Vec<(usize, usize)> = Vec::new();
    for _ in 0..400 {
        let Some(poor) = (0..surplus.len()).filter(|&k| surplus[k] < 0).min_by_key(|&k| surplus[k]) else { break };
        let mut border: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
        for cell in 0..label.cells.len() {
            let own = key(label[cell]);
            for next in label.neighbours4(cell) {
                let other = key(label[next]);
                if own != other && label[next] != label[cell] {
                    border.entry((own, other)).or_default().push(cell);
                }
            }
        }
        // Several shortages can be served from one look at the borders.
        let mut moved = 0;
        let mut target = poor;
        for _ in 0..60 {
            let Some(route) = route_to(target, &surplus, &border, &dead) else { break };
            let want = surplus[route[0]].min(-surplus[target]);
            let mut got = want;
            for hop in route.windows(2) {
                let flipped = flip_some(label, &border, (hop[0], hop[1]), got, &key);
                surplus[hop[0]] -= flipped;
                surplus[hop[1]] += flipped;
                moved += flipped;
                if flipped < got {
                    dead.push((hop[0], hop[1]));
                }
                got = flipped;
            }
            match (0..surplus.len()).filter(|&k| surplus[k] < 0).min_by_key(|&k| surplus[k]) {
                Some(next) => target = next,
                None => break,
            }
        }
        if moved == 0 {
            break;
        }
        dead.clear();
    }
    surplus
}

/// The shortest chain of neighbouring classes from one that has too many to `poor`.
fn route_to(
    poor: usize,
    surplus: &[i64],
    border: &BTreeMap<(usize, usize), Vec<usize>>,
    dead: &[(usize, usize)],
) -> Option<Vec<usize>> {
    let mut next_hop = vec![usize::MAX; surplus.len()];
    next_hop[poor] = poor;
    let mut queue = VecDeque::from([poor]);
    while let Some(at) = queue.pop_front() {
        if surplus[at] > 0 {
            let mut route = vec![at];
            let mut step = at;
            while step != poor {
                step = next_hop[step];
                route.push(step);
            }
            return Some(route);
        }
        for (&(from, to), cells) in border {
            let enough = cells.len() > 24;
            if to == at && enough && next_hop[from] == usize::MAX && !dead.contains(&(from, to)) {
                next_hop[from] = at;
                queue.push_back(from);
            }
        }
    }
    None
}

fn flip_some(
    label: &mut Grid<u32>,
    border: &BTreeMap<(usize, usize), Vec<usize>>,
    (from, to): (usize, usize),
    count: i64,
    key: &impl Fn(u32) -> usize,
) -> i64 {
    let Some(cells) = border.get(&(from, to)) else { return 0 };
    // Spread over the whole border: every seventh cell first, then its neighbours.
    let mut done = 0;
    for phase in 0..7 {
        for &cell in cells.iter().skip(phase).step_by(7) {
            if done == count {
                return done;
            }
            if key(label[cell]) != from {
                continue;
            }
            let taker = label.neighbours4(cell).map(|next| label[next]).find(|&other| key(other) == to);
            if let Some(taker) = taker
                && can_flip(label, cell, taker)
            {
                label[cell] = taker;
                done += 1;
            }
        }
    }
    done
}
