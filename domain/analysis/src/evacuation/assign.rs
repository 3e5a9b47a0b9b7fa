//! Who goes to which shelter: the least sum of people times minutes under the shelters' capacity.
//!
//! A minimum-cost flow by successive shortest augmenting paths, exact: houses are added one by one, and where the best shelter
//! is full, people already assigned move on along the cheapest chain of shelters. A last place that costs more than any journey
//! takes whom no shelter has room for, so that as many as possible have a place before minutes are compared. People are the
//! units of the flow; afterwards households are put together again where there is room for it.

use std::collections::BTreeMap;

use crate::AnalysisError;

/// What being without a place costs, milliseconds: more than a chain of journeys through every shelter.
const WITHOUT_PLACE: i64 = 1_000_000_000_000_000;
/// Greatest cost of a journey, ten weeks.
const MOST_COST: i64 = 6_000_000_000;

/// People of one house.
#[derive(Debug, Clone)]
pub(super) struct Dwellers {
    pub(super) people: u32,
    pub(super) households: u32,
    /// Milliseconds to each shelter; none where it cannot be reached.
    pub(super) cost_ms: Vec<Option<i64>>,
}

/// People of a house who go to one shelter, or to none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) shelter: Option<usize>,
    pub(super) people: u32,
    pub(super) households: u32,
}

/// Who goes where.
#[derive(Debug, Default)]
pub(super) struct Assignment {
    /// Shares of each house, in the order of the shelters, those without a place last.
    pub(super) shares: Vec<Vec<Share>>,
    /// Households that do not stay together.
    pub(super) split_households: u32,
}

/// Assigns houses to shelters. A house without people goes to its nearest shelter and takes no room.
pub(super) fn assign(
    houses: &[Dwellers],
    capacity: &[u32],
    go_on: &dyn Fn(usize) -> Result<(), AnalysisError>,
) -> Result<Assignment, AnalysisError> {
    let mut flow = Flow::new(houses, capacity);
    for house in 0..houses.len() {
        if house % 64 == 0 {
            go_on(house)?;
        }
        flow.add(house);
    }
    let mut assignment = Assignment::default();
    for house in 0..houses.len() {
        let (shares, split) = flow.kept_together(house);
        assignment.shares.push(shares);
        assignment.split_households += split;
    }
    Ok(assignment)
}

struct Flow<'h> {
    houses: &'h [Dwellers],
    /// Shelters; the place of those without one comes after them.
    shelters: usize,
    free: Vec<u32>,
    /// People by house in each place.
    inside: Vec<BTreeMap<usize, u32>>,
    /// The cheapest move of somebody from a place to another: extra cost and house; worked out where asked for.
    moves: Vec<Vec<Move>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    /// To be worked out.
    Open,
    /// Nobody inside can go there.
    Never,
    By {
        extra: i64,
        house: usize,
    },
}

impl<'h> Flow<'h> {
    fn new(houses: &'h [Dwellers], capacity: &[u32]) -> Self {
        let places = capacity.len() + 1;
        Self {
            houses,
            shelters: capacity.len(),
            free: capacity.iter().copied().chain([u32::MAX]).collect(),
            inside: vec![BTreeMap::new(); places],
            moves: vec![vec![Move::Open; places]; places],
        }
    }

    fn cost(&self, house: usize, place: usize) -> Option<i64> {
        if place == self.shelters {
            return Some(WITHOUT_PLACE);
        }
        self.houses[house].cost_ms[place].map(|ms| ms.clamp(0, MOST_COST))
    }

    /// The place of those without one is never full.
    fn room(&self, place: usize) -> u32 {
        if place == self.shelters { u32::MAX } else { self.free[place] }
    }

    fn add(&mut self, house: usize) {
        let mut left = self.houses[house].people;
        while left > 0 {
            let (target, before) = self.cheapest(house);
            // From the target back to where the house itself begins.
            let mut chain = vec![target];
            while let Some(from) = before[chain[chain.len() - 1]] {
                chain.push(from);
            }
            chain.reverse();
            let mut amount = left.min(self.room(target));
            let mut moved = Vec::with_capacity(chain.len());
            for pair in chain.windows(2) {
                if let Move::By { house, .. } = self.cheapest_move(pair[0], pair[1]) {
                    amount = amount.min(self.inside[pair[0]].get(&house).copied().unwrap_or_default());
                    moved.push((house, pair[0], pair[1]));
                }
            }
            for (house, from, to) in moved {
                self.take(house, from, amount);
                self.put(house, to, amount);
            }
            self.put(house, chain[0], amount);
            if target != self.shelters {
                self.free[target] -= amount;
            }
            left -= amount;
        }
    }

    /// The place with room that is reached at the least cost, and the place before each on the way (Bellman and Ford).
    fn cheapest(&mut self, house: usize) -> (usize, Vec<Option<usize>>) {
        let places = self.shelters + 1;
        let mut cost: Vec<Option<i64>> = (0..places).map(|place| self.cost(house, place)).collect();
        let mut before: Vec<Option<usize>> = vec![None; places];
        let best = |cost: &[Option<i64>], flow: &Self| {
            let open = (0..places).filter(|place| flow.room(*place) > 0);
            open.filter_map(|place| Some((cost[place]?, place))).min().map_or(places - 1, |(_, place)| place)
        };
        let nearest = (0..places).filter_map(|place| Some((cost[place]?, place))).min();
        // Where the nearest has room, no chain is cheaper: it would have been an improvement before.
        if let Some((_, place)) = nearest.filter(|(_, place)| self.room(*place) > 0) {
            return (place, before);
        }
        // A chain visits no place twice.
        for _ in 0..places {
            let mut changed = false;
            for from in (0..places).filter(|place| self.room(*place) == 0).collect::<Vec<_>>() {
                let Some(so_far) = cost[from] else { continue };
                for to in (0..places).filter(|to| *to != from) {
                    let Move::By { extra, .. } = self.cheapest_move(from, to) else { continue };
                    let total = so_far + extra;
                    if cost[to].is_none_or(|known| total < known) {
                        cost[to] = Some(total);
                        before[to] = Some(from);
                        changed = true;
                    }
                }
            }
            if !changed {
                break;
            }
        }
        (best(&cost, self), before)
    }

    fn extra(&self, house: usize, from: usize, to: usize) -> Option<i64> {
        Some(self.cost(house, to)? - self.cost(house, from)?)
    }

    fn cheapest_move(&mut self, from: usize, to: usize) -> Move {
        if self.moves[from][to] == Move::Open {
            let inside = self.inside[from].keys();
            let least = inside.filter_map(|house| Some((self.extra(*house, from, to)?, *house))).min();
            self.moves[from][to] = least.map_or(Move::Never, |(extra, house)| Move::By { extra, house });
        }
        self.moves[from][to]
    }

    fn put(&mut self, house: usize, place: usize, people: u32) {
        *self.inside[place].entry(house).or_default() += people;
        for to in 0..=self.shelters {
            let Some(extra) = self.extra(house, place, to) else { continue };
            let better = match self.moves[place][to] {
                Move::Open => false,
                Move::Never => true,
                Move::By { extra: known, house: by } => (extra, house) < (known, by),
            };
            if better {
                self.moves[place][to] = Move::By { extra, house };
            }
        }
    }

    fn take(&mut self, house: usize, place: usize, people: u32) {
        let Some(inside) = self.inside[place].get_mut(&house) else { return };
        *inside = inside.saturating_sub(people);
        if *inside == 0 {
            self.inside[place].remove(&house);
            for known in &mut self.moves[place] {
                if matches!(known, Move::By { house: by, .. } if *by == house) {
                    *known = Move::Open;
                }
            }
        }
    }

    /// The shares of a house with its households kept together as far as there is room, and how many are not.
    fn kept_together(&mut self, house: usize) -> (Vec<Share>, u32) {
        let Dwellers { people, households, .. } = self.houses[house];
        if people == 0 {
            let nearest = (0..self.shelters).filter_map(|place| Some((self.cost(house, place)?, place))).min();
            return (vec![Share { shelter: nearest.map(|(_, place)| place), people, households }], 0);
        }
        let share = |place: usize, people: u32, households: u32| Share {
            shelter: (place < self.shelters).then_some(place),
            people,
            households,
        };
        let placed: Vec<(usize, u32)> =
            (0..=self.shelters).filter_map(|place| Some((place, *self.inside[place].get(&house)?))).collect();
        if let [(place, people)] = *placed.as_slice() {
            return (vec![share(place, people, households)], 0);
        }
        // Room for this house: what it has, and in shelters what is free. Nobody else moves.
        let mut room: Vec<(usize, u32)> = Vec::new();
        for place in 0..=self.shelters {
            let own = self.inside[place].get(&house).copied().unwrap_or_default();
            let free = if place == self.shelters { 0 } else { self.free[place] };
            if self.cost(house, place).is_some() && own + free > 0 {
                room.push((place, own.saturating_add(free)));
            }
        }
        room.sort_by_key(|(place, _)| (self.cost(house, *place), *place));
        let sizes = sizes(people, households);
        let mut filled: BTreeMap<usize, (u32, u32)> = BTreeMap::new();
        let mut apart = Vec::new();
        for size in sizes {
            match room.iter_mut().find(|(_, room)| *room >= size) {
                Some((place, room)) => {
                    *room -= size;
                    let filled = filled.entry(*place).or_default();
                    *filled = (filled.0 + size, filled.1 + 1);
                }
                None => apart.push(size),
            }
        }
        let split = apart.len() as u32;
        for size in apart {
            let mut left = size;
            let mut counted = false;
            for (place, room) in room.iter_mut().filter(|(_, room)| *room > 0) {
                let some = left.min(*room);
                if some == 0 {
                    break;
                }
                *room -= some;
                left -= some;
                let filled = filled.entry(*place).or_default();
                // A household is counted where its first people are.
                *filled = (filled.0 + some, filled.1 + u32::from(!counted));
                counted = true;
            }
        }
        for place in 0..self.shelters {
            let own = self.inside[place].get(&house).copied().unwrap_or_default();
            let now = filled.get(&place).map_or(0, |filled| filled.0);
            self.free[place] = self.free[place] + own - now;
        }
        let mut shares: Vec<Share> = filled
            .into_iter()
            .map(|(place, (people, counted))| share(place, people, counted.min(households)))
            .collect();
        // Households that the register counts beyond its people.
        let counted: u32 = shares.iter().map(|share| share.households).sum();
        if let Some(first) = shares.first_mut() {
            first.households += households.saturating_sub(counted);
        }
        (shares, split)
    }
}

/// Sizes of the households of a house, largest first: as even as whole people are.
fn sizes(people: u32, households: u32) -> Vec<u32> {
    let households = households.clamp(1, people);
    let (each, more) = (people / households, people % households);
    (0..households).map(|number| each + u32::from(number < more)).collect()
}
