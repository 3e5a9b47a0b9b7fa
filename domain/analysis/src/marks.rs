//! Marked cells of a grid and the connected places they form: a bit a cell, cleaned of specks, gaps closed, holes filled.
//!
//! A bit a cell keeps 20,000 x 20,000 cells in 50 MB; everything is done on whole words of them.

/// Cells of a word.
pub(crate) const WORD: usize = 64;
/// Cells by which rounded corners are grown back.
const REGROWN: usize = 2;

/// A part of a grid, in cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) column: usize,
    pub(crate) row: usize,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

impl Window {
    pub(crate) fn cells(&self) -> usize {
        self.columns * self.rows
    }

    /// Its cells in the box of these places, which are in the system of the grid.
    pub(crate) fn narrowed(self, [west, north, width, height]: [f64; 4], places: &[[f64; 2]]) -> Self {
        let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        let [x0, y0, x1, y1] =
            places.iter().fold(start, |b, p| [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])]);
        let part = |low: f64, high: f64, from: usize, count: usize| {
            let end = (from + count) as f64;
            let (low, high) = (low.floor().clamp(from as f64, end), high.ceil().clamp(from as f64, end));
            if low < high { (low as usize, (high - low) as usize) } else { (from, 0) }
        };
        let (column, columns) = part((x0 - west) / width, (x1 - west) / width, self.column, self.columns);
        let (row, rows) = part((north - y1) / height, (north - y0) / height, self.row, self.rows);
        Self { column, row, columns, rows }
    }
}

/// Marks on the cells of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    /// Words of a row.
    stride: usize,
    bits: Vec<u64>,
}

/// Marked cells of one row, `from..to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Run {
    pub(crate) row: u32,
    pub(crate) from: u32,
    pub(crate) to: u32,
}

impl Run {
    pub(crate) fn cells(self) -> usize {
        (self.to - self.from) as usize
    }
}

/// A connected place: its runs, by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) runs: Vec<Run>,
}

impl Place {
    pub(crate) fn cells(&self) -> usize {
        self.runs.iter().map(|run| run.cells()).sum()
    }

    /// Whether a cell is one of its.
    pub(crate) fn holds(&self, column: usize, row: usize) -> bool {
        let at = self.runs.partition_point(|run| (run.row as usize, run.to as usize) <= (row, column));
        self.runs.get(at).is_some_and(|run| run.row as usize == row && run.from as usize <= column)
    }

    /// The box round it, in cells of the marks.
    pub(crate) fn window(&self) -> Window {
        let from = self.runs.iter().map(|run| run.from).min().unwrap_or(0) as usize;
        let to = self.runs.iter().map(|run| run.to).max().unwrap_or(0) as usize;
        let row = self.runs.first().map_or(0, |run| run.row) as usize;
        let end = self.runs.last().map_or(0, |run| run.row + 1) as usize;
        Window { column: from, row, columns: to - from, rows: end - row }
    }
}

impl Marks {
    pub(crate) fn new(columns: usize, rows: usize) -> Self {
        let stride = columns.div_ceil(WORD);
        Self { columns, rows, stride, bits: vec![0; stride * rows] }
    }

    pub(crate) fn set(&mut self, column: usize, row: usize) {
        self.bits[row * self.stride + column / WORD] |= 1 << (column % WORD);
    }

    /// Marks the cells of a row from a column on whose value is above the limit; says how many have none.
    pub(crate) fn mark_above(&mut self, row: usize, from: usize, values: impl Iterator<Item = f32>, limit: f32) -> u64 {
        let words = &mut self.bits[row * self.stride..(row + 1) * self.stride];
        let (mut word, mut at, mut unknown) = (0_u64, from, 0);
        for value in values {
            word |= u64::from(value > limit) << (at % WORD);
            unknown += u64::from(value.is_nan());
            at += 1;
            if at % WORD == 0 {
                words[at / WORD - 1] |= word;
                word = 0;
            }
        }
        if at % WORD != 0 {
            words[at / WORD] |= word;
        }
        unknown
    }

    /// Whether a cell is marked; what lies outside is not.
    pub(crate) fn is_set(&self, column: usize, row: usize) -> bool {
        column < self.columns
            && row < self.rows
            && self.bits[row * self.stride + column / WORD] >> (column % WORD) & 1 == 1
    }

    /// Marks a cell, or takes its mark off.
    pub(crate) fn put(&mut self, column: usize, row: usize, marked: bool) {
        let (word, bit) = (&mut self.bits[row * self.stride + column / WORD], 1 << (column % WORD));
        *word = if marked { *word | bit } else { *word & !bit };
    }

    /// Marks the cells `from..to` of a row.
    pub(crate) fn set_run(&mut self, Run { row, from, to }: Run) {
        let (from, to) = (from as usize, to as usize);
        let words = &mut self.bits[row as usize * self.stride..(row as usize + 1) * self.stride];
        let mut at = from;
        while at < to {
            let end = to.min((at / WORD + 1) * WORD);
            words[at / WORD] |= (u64::MAX >> (WORD - (end - at))) << (at % WORD);
            at = end;
        }
    }

    /// The words of a row, the first cell in the lowest bit.
    pub(crate) fn row(&self, row: usize) -> &[u64] {
        &self.bits[row * self.stride..(row + 1) * self.stride]
    }

    /// The same, to be written; bits beyond the last column stay nought.
    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [u64] {
        &mut self.bits[row * self.stride..(row + 1) * self.stride]
    }

    /// Whether any cell of a part is marked.
    pub(crate) fn any_in(&self, Window { column, row, columns, rows }: Window) -> bool {
        let end = (column + columns).min(self.columns);
        (row..(row + rows).min(self.rows)).any(|row| self.next(row, column, end).is_some())
    }

    /// The first marked cell of `from..to` in a row.
    pub(crate) fn next(&self, row: usize, from: usize, to: usize) -> Option<usize> {
        let words = self.row(row);
        let mut at = from;
        while at < to {
            let rest = words[at / WORD] >> (at % WORD);
            if rest != 0 {
                return Some(at + rest.trailing_zeros() as usize).filter(|found| *found < to);
            }
            at = (at / WORD + 1) * WORD;
        }
        None
    }

    /// The marked cells of a row that a marked cell is one of.
    pub(crate) fn run_round(&self, column: usize, row: usize) -> Run {
        let words = self.row(row);
        let mut from = column;
        loop {
            // The cells at and before `from` in its word, the nearest in the highest bit.
            let ones = (words[from / WORD] << (WORD - 1 - from % WORD)).leading_ones() as usize;
            let whole = from % WORD + 1;
            if ones < whole || from < whole {
                from = from + 1 - ones.min(whole);
                break;
            }
            from -= whole;
            if words[from / WORD] >> (WORD - 1) == 0 {
                from += 1;
                break;
            }
        }
        let mut to = column;
        while to < self.columns {
            let left = WORD - to % WORD;
            let ones = ((words[to / WORD] >> (to % WORD)).trailing_ones() as usize).min(left);
            to += ones;
            if ones < left {
                break;
            }
        }
        Run { row: row as u32, from: from as u32, to: to.min(self.columns) as u32 }
    }

    /// How many are marked.
    pub(crate) fn count(&self) -> usize {
        self.bits.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Cell by cell with the marks of another window of the same size.
    pub(crate) fn with(mut self, other: &Self, join: impl Fn(u64, u64) -> u64) -> Self {
        for (word, other) in self.bits.iter_mut().zip(&other.bits) {
            *word = join(*word, *other);
        }
        self
    }

    /// The box round what is marked; none where nothing is.
    pub(crate) fn bounds(&self) -> Option<Window> {
        let rows = (0..self.rows).filter(|row| self.row(*row).iter().any(|word| *word != 0));
        let (first, last) = rows.fold((None, 0), |(first, _), row| (first.or(Some(row)), row));
        let first = first?;
        let mut all = vec![0_u64; self.stride];
        for row in first..=last {
            all.iter_mut().zip(self.row(row)).for_each(|(word, own)| *word |= own);
        }
        let from = all.iter().position(|word| *word != 0)?;
        let to = all.iter().rposition(|word| *word != 0)?;
        let from = from * WORD + all[from].trailing_zeros() as usize;
        let to = to * WORD + WORD - all[to].leading_zeros() as usize;
        Some(Window { column: from, row: first, columns: to - from, rows: last + 1 - first })
    }

    /// Marks of the last word that are no cells.
    fn last_mask(&self) -> u64 {
        match self.columns % WORD {
            0 => u64::MAX,
            used => (1 << used) - 1,
        }
    }

    /// A cell is marked where any of the nine round it is (`grow`), or where all are; outside of the window counts as unmarked
    /// when it grows, as marked when it shrinks, so that the window's edge eats nothing.
    pub(crate) fn stepped(&self, grow: bool) -> Self {
        let mut made = Self::new(self.columns, self.rows);
        let empty = vec![if grow { 0 } else { u64::MAX }; self.stride];
        let join = |a: u64, b: u64| if grow { a | b } else { a & b };
        let outside = if grow { 0 } else { u64::MAX };
        let mask = self.last_mask();
        let mut column = vec![0_u64; self.stride];
        for row in 0..self.rows {
            let above = if row > 0 { self.row(row - 1) } else { &empty };
            let below = if row + 1 < self.rows { self.row(row + 1) } else { &empty };
            for (at, word) in column.iter_mut().enumerate() {
                *word = join(join(above[at], self.row(row)[at]), below[at]);
            }
            if let Some(last) = column.last_mut() {
                *last = if grow { *last & mask } else { *last | !mask };
            }
            for at in 0..self.stride {
                let left = if at > 0 { column[at - 1] } else { outside };
                let right = column.get(at + 1).copied().unwrap_or(outside);
                let word = column[at];
                made.bits[row * self.stride + at] =
                    join(join(word, word << 1 | left >> (WORD - 1)), word >> 1 | right << (WORD - 1));
            }
            made.bits[(row + 1) * self.stride - 1] &= mask;
        }
        made
    }

    /// Without what is thinner than `2 * steps + 1` cells; the corners of what is thicker stay as they are, but for what hangs
    /// on them by more than `REGROWN` cells.
    pub(crate) fn opened(self, steps: usize) -> Self {
        let shrunk = (0..steps).fold(self.clone(), |marks, _| marks.stepped(false));
        let mut grown = if steps == 0 { return self } else { (0..steps).fold(shrunk, |marks, _| marks.stepped(true)) };
        for _ in 0..REGROWN {
            grown = grown.stepped(true);
            for (word, own) in grown.bits.iter_mut().zip(&self.bits) {
                *word &= own;
            }
        }
        grown
    }

    /// With gaps of up to `2 * steps` cells closed.
    pub(crate) fn closed(self, steps: usize) -> Self {
        let grown = (0..steps).fold(self, |marks, _| marks.stepped(true));
        (0..steps).fold(grown, |marks, _| marks.stepped(false))
    }

    /// Runs of one row.
    pub(crate) fn runs(&self, row: usize, out: &mut Vec<Run>) {
        let words = self.row(row);
        let mut column = 0;
        while column < self.columns {
            let rest = words[column / WORD] >> (column % WORD);
            if rest == 0 {
                column = (column / WORD + 1) * WORD;
                continue;
            }
            let from = column + rest.trailing_zeros() as usize;
            let mut to = from;
            while to < self.columns {
                let rest = !(words[to / WORD] >> (to % WORD));
                let left = WORD - to % WORD;
                let ones = (rest.trailing_zeros() as usize).min(left);
                to += ones;
                if ones < left {
                    break;
                }
            }
            out.push(Run { row: row as u32, from: from as u32, to: to.min(self.columns) as u32 });
            column = to;
        }
    }

    /// The connected places of at least so many cells, the largest first, then by where they begin; `by_corners` where a
    /// common corner connects, too.
    pub(crate) fn places(&self, by_corners: bool, least_cells: usize) -> Vec<Place> {
        let mut runs = Vec::new();
        let mut first_of_row = Vec::with_capacity(self.rows + 1);
        for row in 0..self.rows {
            first_of_row.push(runs.len());
            self.runs(row, &mut runs);
        }
        first_of_row.push(runs.len());
        let mut sets = Sets::new(runs.len());
        let reach = u32::from(by_corners);
        for rows in first_of_row.windows(3) {
            let (mut above, mut below) = (rows[0], rows[1]);
            while above < rows[1] && below < rows[2] {
                let (a, b) = (runs[above], runs[below]);
                if a.from < b.to + reach && b.from < a.to + reach {
                    sets.join(above, below);
                }
                if a.to < b.to {
                    above += 1;
                } else {
                    below += 1;
                }
            }
        }
        gathered(runs, &mut sets, least_cells)
    }
}

/// Runs by the set that they are in.
fn gathered(runs: Vec<Run>, sets: &mut Sets, least_cells: usize) -> Vec<Place> {
    let mut cells = vec![0_usize; runs.len()];
    for (index, run) in runs.iter().enumerate() {
        cells[sets.root(index)] += run.cells();
    }
    let mut number = vec![usize::MAX; runs.len()];
    let mut places: Vec<Place> = Vec::new();
    for (index, run) in runs.into_iter().enumerate() {
        let root = sets.root(index);
        if cells[root] < least_cells {
            continue;
        }
        if number[root] == usize::MAX {
            number[root] = places.len();
            places.push(Place { runs: Vec::new() });
        }
        places[number[root]].runs.push(run);
    }
    places.sort_by_key(|place| (std::cmp::Reverse(place.cells()), place.runs[0]));
    places
}

/// The place with those of its holes filled that are smaller than `most_cells`.
pub(crate) fn filled(place: Place, most_cells: usize) -> Place {
    let Window { column, row, columns, rows } = place.window();
    // A rim of one cell joins everything outside.
    let mut outside = Marks::new(columns + 2, rows + 2);
    let mut runs = place.runs.iter().peekable();
    for at in 0..rows + 2 {
        let mut next = 0;
        while let Some(run) = runs.peek().filter(|run| run.row as usize + 1 == at + row) {
            let (from, to) = (run.from as usize + 1 - column, run.to as usize + 1 - column);
            (next..from).for_each(|cell| outside.set(cell, at));
            next = to;
            runs.next();
        }
        (next..columns + 2).for_each(|cell| outside.set(cell, at));
    }
    let mut all = place.runs;
    // The outside is connected by sides where the place is by corners.
    for hole in outside.places(false, 0) {
        let is_outside = hole.runs[0].row == 0;
        if !is_outside && hole.cells() < most_cells {
            all.extend(hole.runs.iter().map(|run| Run {
                row: run.row + row as u32 - 1,
                from: run.from + column as u32 - 1,
                to: run.to + column as u32 - 1,
            }));
        }
    }
    all.sort_unstable();
    let mut runs: Vec<Run> = Vec::with_capacity(all.len());
    for run in all {
        match runs.last_mut() {
            Some(last) if last.row == run.row && last.to == run.from => last.to = run.to,
            _ => runs.push(run),
        }
    }
    Place { runs }
}

/// Union-find.
struct Sets(Vec<u32>);

impl Sets {
    fn new(count: usize) -> Self {
        Self((0..count as u32).collect())
    }

    fn root(&mut self, mut index: usize) -> usize {
        while self.0[index] as usize != index {
            self.0[index] = self.0[self.0[index] as usize];
            index = self.0[index] as usize;
        }
        index
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        // The earlier run keeps its number, so that the order of places is that of the cells.
        self.0[a.max(b)] = a.min(b) as u32;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marks(columns: usize, cells: &[bool]) -> Marks {
        let mut marks = Marks::new(columns, cells.len() / columns);
        for (index, _) in cells.iter().enumerate().filter(|(_, set)| **set) {
            marks.set(index % columns, index / columns);
        }
        marks
    }

    fn cells(marks: &Marks) -> Vec<bool> {
        (0..marks.rows)
            .flat_map(|row| (0..marks.columns).map(move |column| (row, column)))
            .map(|(row, column)| marks.row(row)[column / WORD] >> (column % WORD) & 1 == 1)
            .collect()
    }

    fn drawn(text: &[&str]) -> Marks {
        let cells: Vec<bool> = text.iter().flat_map(|line| line.chars().map(|c| c == '#')).collect();
        marks(text[0].len(), &cells)
    }

    #[test]
    fn a_speck_goes_a_gap_closes_and_a_hole_is_filled() {
        let opened = drawn(&["......", ".###..", ".###.#", ".###..", "......"]).opened(1);
        assert_eq!(opened, drawn(&["......", ".###..", ".###..", ".###..", "......"]));
        let closed = drawn(&["##.##", "##.##"]).closed(1);
        assert_eq!(closed, drawn(&["#####", "#####"]));
        let ring = drawn(&["####", "#..#", "####"]).places(true, 1);
        assert_eq!((ring.len(), ring[0].cells()), (1, 10));
        assert_eq!(filled(ring[0].clone(), 2).cells(), 10, "a hole as large as the limit stays");
        assert_eq!(filled(ring[0].clone(), 3).cells(), 12);
    }

    proptest! {
        #[test]
        fn steps_and_places_are_those_of_the_plain_way(columns in 1..140_usize, seed in prop::collection::vec(any::<bool>(), 140..900)) {
            let rows = seed.len() / columns;
            prop_assume!(rows > 0);
            let seed = &seed[..rows * columns];
            let made = marks(columns, seed);
            #[expect(clippy::cast_possible_wrap, reason = "a few hundred cells")]
            let near = |index: usize| {
                let (x, y) = ((index % columns) as i64, (index / columns) as i64);
                (-1..=1_i64).flat_map(move |dy| (-1..=1_i64).map(move |dx| (x + dx, y + dy)))
                    .filter(move |(x, y)| (0..columns as i64).contains(x) && (0..rows as i64).contains(y))
                    .map(move |(x, y)| y as usize * columns + x as usize)
            };
            let grown: Vec<bool> = (0..seed.len()).map(|i| near(i).any(|n| seed[n])).collect();
            let shrunk: Vec<bool> = (0..seed.len()).map(|i| near(i).all(|n| seed[n])).collect();
            prop_assert_eq!(cells(&made.stepped(true)), grown);
            prop_assert_eq!(cells(&made.stepped(false)), shrunk);

            // Flood fill, the plain way.
            let mut seen = vec![false; seed.len()];
            let mut sizes = Vec::new();
            for start in 0..seed.len() {
                if seen[start] || !seed[start] { continue; }
                seen[start] = true;
                let mut piece = vec![start];
                let mut next = 0;
                while next < piece.len() {
                    let cell = piece[next];
                    next += 1;
                    for n in near(cell) {
                        if seed[n] && !seen[n] { seen[n] = true; piece.push(n); }
                    }
                }
                sizes.push(piece.len());
            }
            sizes.sort_unstable_by(|a, b| b.cmp(a));
            prop_assert_eq!(made.places(true, 1).iter().map(Place::cells).collect::<Vec<_>>(), sizes);
        }
    }

    proptest! {
        #[test]
        fn runs_are_found_and_set_as_cell_by_cell(columns in 1..200_usize, seed in prop::collection::vec(prop::bool::weighted(0.9), 200..900)) {
            let rows = seed.len() / columns;
            let seed = &seed[..rows * columns];
            let made = marks(columns, seed);
            let mut again = Marks::new(columns, rows);
            for row in 0..rows {
                let line = &seed[row * columns..][..columns];
                for column in 0..columns {
                    prop_assert_eq!(made.is_set(column, row), line[column]);
                    let end = (column + 70).min(columns);
                    let next = (column..end).find(|at| line[*at]);
                    prop_assert_eq!(made.next(row, column, end), next);
                    prop_assert_eq!(made.any_in(Window { column, row, columns: 70, rows: 1 }), next.is_some());
                    if line[column] {
                        let from = (0..column).rev().find(|at| !line[*at]).map_or(0, |at| at + 1);
                        let to = (column..columns).find(|at| !line[*at]).unwrap_or(columns);
                        let run = made.run_round(column, row);
                        prop_assert_eq!((run.from as usize, run.to as usize), (from, to));
                        again.set_run(run);
                    }
                }
            }
            prop_assert_eq!(&again, &made);
            prop_assert_eq!(made.count(), seed.iter().filter(|set| **set).count());
            let set: Vec<[usize; 2]> = (0..seed.len()).filter(|at| seed[*at]).map(|at| [at % columns, at / columns]).collect();
            let bound = |axis: usize| (set.iter().map(|at| at[axis]).min(), set.iter().map(|at| at[axis] + 1).max());
            let ((left, right), (top, bottom)) = (bound(0), bound(1));
            let bounds = made.bounds().map(|b| (b.column, b.column + b.columns, b.row, b.row + b.rows));
            prop_assert_eq!(bounds, left.zip(right).zip(top.zip(bottom)).map(|((a, b), (c, d))| (a, b, c, d)));
        }
    }
}
