//! The network as a graph: nodes where lines meet, change their state or are joined by people; shortest ways that lead out of
//! the danger zone once and never back in; pieces that hang together.
//!
//! A way is searched from the shelter. The graph has two floors: on the outer floor only edges outside the zone, on the inner
//! one only edges inside; from the shelter one may step inwards at any node and never outwards again.

use std::collections::BTreeSet;

use petgraph::{
    Direction,
    algo::dijkstra,
    graph::{DiGraph, NodeIndex},
    unionfind::UnionFind,
    visit::EdgeRef as _,
};

use super::{
    network::{Network, TOUCH_M},
    removed::{Foothold, Removed, hold},
};

/// A stretch of road between two nodes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub(super) course: usize,
    /// Chainages on its line.
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) nodes: [usize; 2],
    pub(super) length_m: f64,
    pub(super) minutes: f64,
    pub(super) in_zone: bool,
    pub(super) cut: bool,
    /// Number of the stretch between nodes of the network itself, which people do not add to.
    pub(super) whole: usize,
}

/// A step of the search graph.
#[derive(Debug, Clone, Copy)]
struct Step {
    minutes: f64,
    edge: Option<usize>,
}

/// Minutes from a shelter by node of the search graph, minutes inside the zone times the penalty; infinite where there is no way.
pub(super) struct Ways {
    minutes: Vec<f64>,
}

/// The graph.
pub(super) struct RoadGraph {
    pub(super) nodes: usize,
    pub(super) edges: Vec<Edge>,
    /// Edges of each line, in their order.
    of_course: Vec<std::ops::Range<usize>>,
    /// Node of each foothold, in the order given.
    pub(super) foothold_nodes: Vec<usize>,
    steps: DiGraph<(), Step>,
    /// Node in the plane.
    pub(super) places: Vec<[f64; 2]>,
}

impl RoadGraph {
    pub(super) fn new(network: &Network, removed: &Removed, footholds: &[Foothold], penalty: f64, unit_m: f64) -> Self {
        let touch = TOUCH_M / unit_m;
        let courses = network.courses.len();
        let mut own: Vec<Vec<f64>> = network.courses.iter().map(|course| vec![0.0, course.length()]).collect();
        for meeting in &network.meetings {
            for side in 0..2 {
                own[meeting.courses[side]].push(meeting.chainages[side]);
            }
        }
        for (course, own) in own.iter_mut().enumerate() {
            own.extend(removed.zone[course].iter().chain(&removed.cut[course]).flatten());
        }
        let own: Vec<Vec<f64>> = own.into_iter().map(|chainages| thinned(chainages, touch)).collect();
        let mut all = own.clone();
        for foothold in footholds {
            // Where there is a node already, people use it.
            if nearest_of(&own[foothold.course], foothold.chainage).1 > touch {
                all[foothold.course].push(foothold.chainage);
            }
        }
        let all: Vec<Vec<f64>> = all.into_iter().map(|chainages| thinned(chainages, touch)).collect();
        let mut first = Vec::with_capacity(courses);
        let mut stations = 0;
        for chainages in &all {
            first.push(stations);
            stations += chainages.len();
        }
        let station = |course: usize, chainage: f64| first[course] + nearest_of(&all[course], chainage).0;
        let mut same = UnionFind::<usize>::new(stations);
        for meeting in &network.meetings {
            let [a, b] = [0, 1].map(|side| station(meeting.courses[side], meeting.chainages[side]));
            same.union(a, b);
        }
        let (node_of, nodes) = numbered(&same.into_labeling());
        let mut places = vec![[0.0; 2]; nodes];
        let mut graph = Self {
            nodes,
            edges: Vec::with_capacity(stations),
            of_course: Vec::with_capacity(courses),
            foothold_nodes: footholds.iter().map(|f| node_of[station(f.course, f.chainage)]).collect(),
            steps: DiGraph::new(),
            places: Vec::new(),
        };
        let mut wholes = 0;
        for (course, chainages) in all.iter().enumerate() {
            let line = &network.courses[course];
            let begins = graph.edges.len();
            for (index, pair) in chainages.windows(2).enumerate() {
                let [from, to] = [pair[0], pair[1]];
                let middle = f64::midpoint(from, to);
                let length_m = line.metres_at(to) - line.metres_at(from);
                let at = first[course] + index;
                graph.edges.push(Edge {
                    course,
                    from,
                    to,
                    nodes: [node_of[at], node_of[at + 1]],
                    length_m,
                    minutes: length_m * line.minutes_per_m,
                    in_zone: hold(&removed.zone[course], middle),
                    cut: hold(&removed.cut[course], middle),
                    whole: wholes + own[course].partition_point(|chainage| *chainage <= middle),
                });
            }
            for (index, chainage) in chainages.iter().enumerate() {
                places[node_of[first[course] + index]] = line.at(*chainage);
            }
            wholes += own[course].len();
            graph.of_course.push(begins..graph.edges.len());
        }
        graph.places = places;
        graph.steps = graph.steps_of(penalty);
        graph
    }

    fn steps_of(&self, penalty: f64) -> DiGraph<(), Step> {
        let mut steps = DiGraph::with_capacity(2 * self.nodes, 2 * self.edges.len() + self.nodes);
        for _ in 0..2 * self.nodes {
            steps.add_node(());
        }
        let mut inner = BTreeSet::new();
        for (number, edge) in self.edges.iter().enumerate() {
            let [a, b] = edge.nodes;
            if edge.cut || a == b {
                continue;
            }
            let (floor, factor) = if edge.in_zone { (self.nodes, penalty) } else { (0, 1.0) };
            if edge.in_zone {
                inner.extend(edge.nodes);
            }
            let step = Step { minutes: edge.minutes * factor, edge: Some(number) };
            steps.add_edge(NodeIndex::new(floor + a), NodeIndex::new(floor + b), step);
            steps.add_edge(NodeIndex::new(floor + b), NodeIndex::new(floor + a), step);
        }
        for node in inner {
            let step = Step { minutes: 0.0, edge: None };
            steps.add_edge(NodeIndex::new(node), NodeIndex::new(self.nodes + node), step);
        }
        steps
    }

    /// Ways of everybody to a shelter at a node.
    pub(super) fn ways_to(&self, shelter: usize) -> Ways {
        let found = dijkstra(&self.steps, NodeIndex::new(shelter), None, |step| step.weight().minutes);
        let nodes = self.steps.node_indices();
        Ways { minutes: nodes.map(|node| found.get(&node).copied().unwrap_or(f64::INFINITY)).collect() }
    }

    /// Minutes from a node, and the node of the search graph that is the cheaper to begin at.
    fn begin(&self, ways: &Ways, node: usize) -> Option<(usize, f64)> {
        let floors = [node, self.nodes + node].map(|at| (at, ways.minutes[at]));
        floors.into_iter().filter(|(_, minutes)| minutes.is_finite()).min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Minutes from a node to the shelter, those inside the zone times the penalty; none where it is out of reach.
    pub(super) fn minutes(&self, ways: &Ways, node: usize) -> Option<f64> {
        self.begin(ways, node).map(|(_, minutes)| minutes)
    }

    /// The edges of the shortest way from a node to the shelter, in their order; the first alone where that is enough.
    pub(super) fn way(&self, ways: &Ways, node: usize, only_first: bool) -> Vec<usize> {
        let mut way = Vec::new();
        let Some((mut at, mut left)) = self.begin(ways, node) else { return way };
        while left > 0.0 {
            let back = self.steps.edges_directed(NodeIndex::new(at), Direction::Incoming);
            let fits = back.filter_map(|step| {
                let from = step.source().index();
                let minutes = ways.minutes[from];
                // The search made the sum the same way, so that the very number is met again.
                (minutes + step.weight().minutes).total_cmp(&left).is_eq().then_some((
                    step.weight().edge,
                    from,
                    minutes,
                ))
            });
            let Some((edge, from, minutes)) = fits.min_by_key(|(edge, from, _)| (*edge, *from)) else { break };
            way.extend(edge);
            if only_first && edge.is_some() {
                break;
            }
            (at, left) = (from, minutes);
        }
        way
    }

    /// The edge that a place on a line lies on, one that is not cut where it lies between two.
    pub(super) fn edge_at(&self, course: usize, chainage: f64) -> Option<usize> {
        let range = self.of_course.get(course)?.clone();
        let edges = &self.edges[range.clone()];
        let last = edges.partition_point(|edge| edge.from <= chainage).saturating_sub(1);
        let near = last.saturating_sub(1)..(last + 2).min(edges.len());
        let off = |edge: &Edge| (edge.from - chainage).max(chainage - edge.to).max(0.0);
        near.min_by(|a, b| {
            let [a, b] = [&edges[*a], &edges[*b]];
            a.cut.cmp(&b.cut).then(off(a).total_cmp(&off(b)))
        })
        .map(|index| range.start + index)
    }

    /// Labels of the nodes joined by edges that a test takes.
    pub(super) fn joined_by(&self, take: impl Fn(&Edge) -> bool) -> Vec<usize> {
        let mut joined = UnionFind::<usize>::new(self.nodes);
        for edge in self.edges.iter().filter(|edge| take(edge)) {
            joined.union(edge.nodes[0], edge.nodes[1]);
        }
        joined.into_labeling()
    }
}

/// Sorted, of those that touch only the first.
fn thinned(mut chainages: Vec<f64>, touch: f64) -> Vec<f64> {
    chainages.sort_by(f64::total_cmp);
    let last = chainages.last().copied().unwrap_or_default();
    let mut kept: Vec<f64> = Vec::with_capacity(chainages.len());
    for chainage in chainages {
        if kept.last().is_none_or(|kept| chainage - kept > touch) {
            kept.push(chainage);
        }
    }
    // The end of the line is its end, whatever came just before it.
    if let Some(end) = kept.last_mut() {
        *end = last;
    }
    kept
}

/// Position and distance of the nearest of sorted chainages.
fn nearest_of(chainages: &[f64], chainage: f64) -> (usize, f64) {
    let after = chainages.partition_point(|own| *own < chainage);
    let near = after.saturating_sub(1)..(after + 1).min(chainages.len());
    near.map(|index| (index, (chainages[index] - chainage).abs()))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap_or((0, f64::INFINITY))
}

/// Labels as numbers from nought, in the order of their first appearance.
fn numbered(labels: &[usize]) -> (Vec<usize>, usize) {
    let mut number = vec![usize::MAX; labels.len()];
    let mut next = 0;
    let numbers = labels.iter().map(|label| {
        if number[*label] == usize::MAX {
            number[*label] = next;
            next += 1;
        }
        number[*label]
    });
    let numbers = numbers.collect();
    (numbers, next)
}
