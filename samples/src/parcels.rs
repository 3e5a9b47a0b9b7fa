//! Cutting ground into parcels on the 5 m raster: choosing exact numbers of cells, growing cells from seeds,
//! connected pieces, and clearing pieces too small to be mapped. Knows cells and labels, not what they mean.

use crate::grid::Grid;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// No label.
pub const NOBODY: u32 = u32::MAX;

/// The `wanted` cells with the lowest scores (ties by position), in raster order.
pub fn lowest(mut scored: Vec<(f32, u32)>, wanted: usize) -> Vec<usize> {
    let wanted = wanted.min(scored.len());
    if wanted > 0 && wanted < scored.len() {
        scored.select_nth_unstable_by(wanted - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    }
    scored.truncate(wanted);
    let mut cells: Vec<usize> = scored.into_iter().map(|(_, cell)| cell as usize).collect();
    cells.sort_unstable();
    cells
}

/// Like [`lowest`], but without crumbs: pieces under `smallest` cells are given up and the others grow instead.
pub fn lowest_compact(frame: &Grid<u8>, scored: Vec<(f32, u32)>, wanted: usize, smallest: usize) -> Vec<usize> {
    let mut score = frame.like(f32::INFINITY);
    for &(value, cell) in &scored {
        score[cell as usize] = value;
    }
    let first = lowest(scored, wanted);
    let mut chosen = frame.like(false);
    for &cell in &first {
        chosen[cell] = true;
    }
    let (pieces, sizes) = components(&chosen.like(0_u32), |cell| chosen[cell]);
    let mut count = 0;
    for &cell in &first {
        chosen[cell] = sizes[pieces[cell] as usize] >= smallest;
        count += usize::from(chosen[cell]);
    }
    let mut heap = BinaryHeap::new();
    let push_around = |cell: usize, chosen: &Grid<bool>, heap: &mut BinaryHeap<Reverse<(u64, usize)>>| {
        for next in score.neighbours4(cell) {
            if !chosen[next] && score[next].is_finite() {
                heap.push(Reverse(((f64::from(score[next]).max(0.0) * 65_536.0) as u64, next)));
            }
        }
    };
    for &cell in &first {
        if chosen[cell] {
            push_around(cell, &chosen, &mut heap);
        }
    }
    while count < wanted
        && let Some(Reverse((_, cell))) = heap.pop()
    {
        if !chosen[cell] {
            chosen[cell] = true;
            count += 1;
            push_around(cell, &chosen, &mut heap);
        }
    }
    (0..chosen.cells.len()).filter(|&cell| chosen[cell]).collect()
}

/// 4-connected pieces of equal label among the cells for which `member` holds.
/// Returns the piece of every cell ([`NOBODY`] outside) and the size of every piece.
pub fn components(label: &Grid<u32>, member: impl Fn(usize) -> bool) -> (Grid<u32>, Vec<usize>) {
    let mut piece = label.like(NOBODY);
    let mut sizes = Vec::new();
    let mut stack = Vec::new();
    for start in 0..label.cells.len() {
        if piece[start] != NOBODY || !member(start) {
            continue;
        }
        let number = sizes.len() as u32;
        let mut size = 0;
        piece[start] = number;
        stack.push(start);
        while let Some(cell) = stack.pop() {
            size += 1;
            for next in label.neighbours4(cell) {
                if piece[next] == NOBODY && label[next] == label[start] && member(next) {
                    piece[next] = number;
                    stack.push(next);
                }
            }
        }
        sizes.push(size);
    }
    (piece, sizes)
}

/// Grows every seed at equal speed until all member cells are shared out; `step_cost` is the price of going from a cell to its neighbour.
/// Members that no seed reaches keep [`NOBODY`].
pub fn grow(
    frame: &Grid<u8>,
    seeds: &[usize],
    member: impl Fn(usize) -> bool,
    step_cost: impl Fn(usize, usize) -> f32,
) -> Grid<u32> {
    let mut owner = frame.like(NOBODY);
    let mut cost = frame.like(f32::INFINITY);
    let mut heap = BinaryHeap::new();
    for (number, &seed) in seeds.iter().enumerate() {
        if member(seed) && owner[seed] == NOBODY {
            owner[seed] = number as u32;
            cost[seed] = 0.0;
            heap.push(Reverse((0_u32, seed as u32)));
        }
    }
    while let Some(Reverse((key, cell))) = heap.pop() {
        let cell = cell as usize;
        if key > (cost[cell] * 64.0) as u32 {
            continue;
        }
        for next in frame.neighbours4(cell) {
            if !member(next) {
                continue;
            }
            let total = cost[cell] + step_cost(cell, next);
            if total < cost[next] {
                cost[next] = total;
                owner[next] = owner[cell];
                heap.push(Reverse(((total * 64.0) as u32, next as u32)));
            }
        }
    }
    owner
}

/// Gives every piece under the `smallest` size of its label to a neighbour, one that `kin` says is of its kind if there is one.
/// `label` is what pieces are made of. Returns how many pieces went.
pub fn absorb_small(label: &mut Grid<u32>, smallest: impl Fn(u32) -> usize, kin: impl Fn(u32, u32) -> bool) -> usize {
    let mut gone = 0;
    for _ in 0..5 {
        let (piece, sizes) = components(label, |_| true);
        let mut cells_of: Vec<Vec<usize>> = vec![Vec::new(); sizes.len()];
        let small = |cell: usize, label: &Grid<u32>| sizes[piece[cell] as usize] < smallest(label[cell]);
        for cell in 0..label.cells.len() {
            if small(cell, label) {
                cells_of[piece[cell] as usize].push(cell);
            }
        }
        let mut changed = 0;
        for cells in cells_of.iter().filter(|cells| !cells.is_empty()) {
            let own = label[cells[0]];
            let mut votes: Vec<(bool, usize, u32)> = Vec::new();
            for &cell in cells {
                for next in label.neighbours4(cell) {
                    let other = label[next];
                    if piece[next] == piece[cell] || small(next, label) {
                        continue;
                    }
                    match votes.iter_mut().find(|vote| vote.2 == other) {
                        Some(vote) => vote.1 += 1,
                        None => votes.push((kin(own, other), 1, other)),
                    }
                }
            }
            if let Some(&(_, _, winner)) = votes.iter().max() {
                for &cell in cells {
                    label[cell] = winner;
                }
                changed += 1;
            }
        }
        gone += changed;
        if changed == 0 {
            break;
        }
    }
    gone
}

/// Relabels single cells until no two cells of one label touch only at a corner. Returns how many cells changed.
pub fn untouch_corners(label: &mut Grid<u32>) -> usize {
    let mut changed = 0;
    for _ in 0..8 {
        let mut here = 0;
        for row in 0..label.rows - 1 {
            for column in 0..label.columns - 1 {
                if corner_touch(label, column, row) {
                    // Fill the gap on one side: the corner becomes an edge.
                    let (a, b) = (label[(column, row)], label[(column + 1, row + 1)]);
                    if a == b {
                        label[(column + 1, row)] = a;
                    } else {
                        label[(column, row)] = label[(column + 1, row)];
                    }
                    here += 1;
                }
            }
        }
        changed += here;
        if here == 0 {
            break;
        }
    }
    changed
}

/// True when in the 2 x 2 block at a cell two cells of one label touch only at the block's centre.
pub fn corner_touch(label: &Grid<u32>, column: usize, row: usize) -> bool {
    let (a, b) = (label[(column, row)], label[(column + 1, row)]);
    let (c, d) = (label[(column, row + 1)], label[(column + 1, row + 1)]);
    (a == d && a != b && a != c) || (b == c && b != a && b != d)
}

/// True when a cell can go from its label to a neighbour's without tearing, pinching or corner-touching anything.
pub fn can_flip(label: &mut Grid<u32>, cell: usize, to: u32) -> bool {
    let (column, row) = label.column_row(cell);
    if column == 0 || row == 0 || column + 1 == label.columns || row + 1 == label.rows {
        return false;
    }
    let w = label.columns;
    let ring = [cell - w - 1, cell - w, cell - w + 1, cell + 1, cell + w + 1, cell + w, cell + w - 1, cell - 1];
    let own = label[cell];
    for wanted in [own, to] {
        let runs = (0..8).filter(|&i| label[ring[i]] == wanted && label[ring[(i + 7) % 8]] != wanted).count();
        let edge = (0..4).any(|i| label[ring[i * 2 + 1]] == wanted);
        if runs != 1 || !edge {
            return false;
        }
    }
    label[cell] = to;
    let bad = [(1, 1), (0, 1), (1, 0), (0, 0)].into_iter().any(|(dx, dy)| corner_touch(label, column - dx, row - dy));
    label[cell] = own;
    !bad
}
