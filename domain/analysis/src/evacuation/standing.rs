//! Who can still get somewhere: pieces of the network after the cuts, and which of them lead to a shelter, to the main network
//! or out of the area looked at.
//!
//! A piece that led nowhere before anything was cut is a fault of the data and no island; it is told apart.

use std::collections::BTreeMap;

use super::{
    graph::{Edge, RoadGraph},
    network::Network,
    people::{House, Shelter},
    removed::Foothold,
};

/// How a place on the network stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// Leads to a shelter, the main network or out of the area.
    Open,
    /// Led there before the zone and the cuts.
    CutOff(Piece),
    /// Never led there: the data's own gap.
    NotConnected(Piece),
    /// Too far from any road that is left.
    NoRoad,
}

/// A piece that hangs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Piece {
    /// Of roads inside the zone, from where nobody gets out of it.
    pub(super) in_zone: bool,
    label: usize,
}

/// The pieces.
pub(super) struct Pieces<'g> {
    graph: &'g RoadGraph,
    network: &'g Network,
    road_m: f64,
    outer: Vec<usize>,
    inner: Vec<usize>,
    outer_open: Vec<bool>,
    inner_open: Vec<bool>,
    /// By piece of the whole network.
    was_open: Vec<bool>,
    /// Pieces of the whole network.
    pub(super) before: usize,
    /// Pieces left outside the zone.
    pub(super) after: usize,
    /// Share of the whole network's length that its largest piece has.
    pub(super) main_share: f64,
}

fn is_outer(edge: &Edge) -> bool {
    !edge.cut && !edge.in_zone
}

fn is_inner(edge: &Edge) -> bool {
    !edge.cut && edge.in_zone
}

fn largest(lengths_m: &BTreeMap<usize, f64>) -> Option<usize> {
    lengths_m.iter().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(a.0))).map(|(label, _)| *label)
}

impl<'g> Pieces<'g> {
    /// `nodes_of_shelters` are those of the shelters that have one; `window` is the area looked at, in the plane.
    pub(super) fn new(
        graph: &'g RoadGraph,
        network: &'g Network,
        shelters: &[Shelter],
        nodes_of_shelters: &[Option<usize>],
        window: [f64; 4],
        road_m: f64,
    ) -> Self {
        let leads_out = |node: usize| {
            let [x, y] = graph.places[node];
            x < window[0] || y < window[1] || x > window[2] || y > window[3]
        };
        let (outer, inner) = (graph.joined_by(is_outer), graph.joined_by(is_inner));
        let mut outer_open = vec![false; graph.nodes];
        let mut was_open = vec![false; network.courses.len()];
        let (mut outer_m, mut all_m) = (BTreeMap::<usize, f64>::new(), BTreeMap::<usize, f64>::new());
        for edge in &graph.edges {
            let piece = network.pieces[edge.course];
            *all_m.entry(piece).or_default() += edge.length_m;
            was_open[piece] |= edge.nodes.iter().any(|node| leads_out(*node));
            if is_outer(edge) {
                *outer_m.entry(outer[edge.nodes[0]]).or_default() += edge.length_m;
                outer_open[outer[edge.nodes[0]]] |= edge.nodes.iter().any(|node| leads_out(*node));
            }
        }
        for (shelter, node) in shelters.iter().zip(nodes_of_shelters) {
            if let (Some(foothold), Some(node)) = (shelter.foothold, node) {
                was_open[network.pieces[foothold.course]] = true;
                outer_open[outer[*node]] |= shelter.is_open();
            }
        }
        for (label, open) in [(largest(&outer_m), &mut outer_open), (largest(&all_m), &mut was_open)] {
            if let Some(label) = label {
                open[label] = true;
            }
        }
        let mut has_outer = vec![false; graph.nodes];
        for node in graph.edges.iter().filter(|edge| is_outer(edge)).flat_map(|edge| edge.nodes) {
            has_outer[node] = true;
        }
        // A shelter may stand where the zone's border meets a road that is otherwise gone.
        for node in shelters.iter().zip(nodes_of_shelters).filter(|(shelter, _)| shelter.is_open()) {
            if let Some(node) = node.1 {
                has_outer[*node] = true;
            }
        }
        let mut inner_open = vec![false; graph.nodes];
        for node in (0..graph.nodes).filter(|node| has_outer[*node] && outer_open[outer[*node]]) {
            inner_open[inner[node]] = true;
        }
        let whole_m: f64 = all_m.values().sum();
        let main_m = all_m.values().copied().fold(0.0, f64::max);
        Self {
            graph,
            network,
            road_m,
            outer,
            inner,
            outer_open,
            inner_open,
            was_open,
            before: all_m.len(),
            after: outer_m.len(),
            main_share: if whole_m > 0.0 { main_m / whole_m } else { 0.0 },
        }
    }

    /// How whoever comes to a road there stands.
    pub(super) fn standing(&self, foothold: Option<Foothold>) -> Standing {
        let Some(foothold) = foothold.filter(|foothold| foothold.walk_m <= self.road_m) else {
            return Standing::NoRoad;
        };
        let Some(edge) = self.graph.edge_at(foothold.course, foothold.chainage).map(|edge| self.graph.edges[edge])
        else {
            return Standing::NoRoad;
        };
        // A place between two edges has the better of both.
        let labels = edge.nodes.map(|node| {
            let (label, open) =
                if edge.in_zone { (self.inner[node], &self.inner_open) } else { (self.outer[node], &self.outer_open) };
            (open[label], label)
        });
        let (open, label) = labels[0];
        let piece = Piece { in_zone: edge.in_zone, label };
        if open || labels[1].0 {
            Standing::Open
        } else if self.was_open[self.network.pieces[edge.course]] {
            Standing::CutOff(piece)
        } else {
            Standing::NotConnected(piece)
        }
    }

    /// The edges of a piece.
    pub(super) fn edges(&self, piece: Piece) -> impl Iterator<Item = &Edge> + '_ {
        let labels = if piece.in_zone { &self.inner } else { &self.outer };
        let of = move |edge: &&Edge| {
            (if piece.in_zone { is_inner(edge) } else { is_outer(edge) }) && labels[edge.nodes[0]] == piece.label
        };
        self.graph.edges.iter().filter(of)
    }
}

/// People of a piece that leads nowhere.
#[derive(Debug, Clone, Default)]
pub(super) struct Island {
    /// Whether the zone or a cut made it one; else the data's own gap.
    pub(super) by_event: bool,
    /// Positions of the houses.
    pub(super) houses: Vec<usize>,
    pub(super) households: u64,
    pub(super) people: u64,
    pub(super) people_in_zone: u64,
}

/// Every piece with houses that leads nowhere, those with the most people first.
pub(super) fn islands(pieces: &Pieces<'_>, houses: &[House<'_>]) -> Vec<(Piece, Island)> {
    let mut islands: BTreeMap<Piece, Island> = BTreeMap::new();
    for (index, house) in houses.iter().enumerate() {
        let (piece, by_event) = match pieces.standing(house.foothold) {
            Standing::CutOff(piece) => (piece, true),
            Standing::NotConnected(piece) => (piece, false),
            Standing::Open | Standing::NoRoad => continue,
        };
        let island = islands.entry(piece).or_default();
        island.by_event |= by_event;
        island.houses.push(index);
        island.households += u64::from(house.households);
        island.people += u64::from(house.people);
        island.people_in_zone += if house.in_zone { u64::from(house.people) } else { 0 };
    }
    let mut islands: Vec<(Piece, Island)> = islands.into_iter().collect();
    islands.sort_by_key(|(piece, island)| std::cmp::Reverse((island.people, island.houses.len(), *piece)));
    islands
}
