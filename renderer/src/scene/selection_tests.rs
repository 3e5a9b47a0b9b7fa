//! Tests of tile selection on small trees whose right answer is plain.

use glam::DVec3;

use super::*;
use crate::scene::camera::Camera;
use crate::scene::place;
use crate::scene::volume::Volume;

const LIMITS: Limits = Limits { max_error_px: 16.0, loading_descendant_limit: 20 };
type TestTree = Tree<(), ()>;

fn ball() -> Volume {
    Volume::Sphere { center: place::ecef([109.74, 28.31, 0.0]), radius_m: 50.0 }
}

/// A root with four children, each of which has four; the error halves with every level.
fn two_levels(refine: Refine) -> TestTree {
    let mut tree = TestTree::default();
    let root = tree.add(None, (), ball(), 64.0, refine, Content::Unloaded);
    for _ in 0..4 {
        let child = tree.add(Some(root), (), ball(), 32.0, refine, Content::Unloaded);
        for _ in 0..4 {
            tree.add(Some(child), (), ball(), 0.0, refine, Content::Unloaded);
        }
    }
    for node in &mut tree.nodes {
        node.expanded = true;
    }
    tree
}

fn view_from(height_m: f64) -> View {
    Camera::new([109.74, 28.31, height_m], 0.0, -90.0).view([720, 720])
}

fn run(tree: &mut TestTree, view: &View) -> Selection {
    select(tree, view, LIMITS, &mut |_, _| {})
}

fn load_all_asked(tree: &mut TestTree, selection: &Selection) {
    for load in &selection.load {
        tree.nodes[load.node].content = Content::Ready(());
    }
}

#[test]
fn from_far_only_the_root_is_drawn_and_from_near_the_leaves() {
    let mut tree = two_levels(Refine::Replace);
    for node in &mut tree.nodes {
        node.content = Content::Ready(());
    }
    assert_eq!(run(&mut tree, &view_from(20_000.0)).draw, [0]);
    let near = run(&mut tree, &view_from(200.0));
    assert_eq!(near.draw.len(), 16);
    assert!(near.draw.iter().all(|node| tree.nodes[*node].children.is_empty()));
}

#[test]
fn nothing_loaded_asks_only_for_what_the_view_needs() {
    let mut tree = two_levels(Refine::Replace);
    let first = run(&mut tree, &view_from(200.0));
    assert!(first.draw.is_empty());
    assert_eq!(first.load.len(), 16);
}

#[test]
fn missing_children_are_kicked_for_their_loaded_parent_but_stay_asked_for() {
    let mut tree = two_levels(Refine::Replace);
    tree.nodes[0].content = Content::Ready(());
    let selection = run(&mut tree, &view_from(200.0));
    assert_eq!(selection.draw, [0]);
    assert_eq!(selection.load.len(), 16);
    assert_eq!(selection.kicked, 1);
    load_all_asked(&mut tree, &selection);
    assert_eq!(run(&mut tree, &view_from(200.0)).draw.len(), 16);
}

#[test]
fn more_missing_descendants_than_the_limit_load_the_parent_first() {
    let mut tree = two_levels(Refine::Replace);
    let limits = Limits { loading_descendant_limit: 3, ..LIMITS };
    let selection = select(&mut tree, &view_from(200.0), limits, &mut |_, _| {});
    assert!(selection.draw.is_empty());
    assert_eq!(selection.load.iter().map(|load| load.node).collect::<Vec<_>>(), [0]);
}

#[test]
fn a_loaded_parent_keeps_asking_for_its_many_missing_descendants_from_the_first_frame() {
    let mut tree = two_levels(Refine::Replace);
    tree.nodes[0].content = Content::Ready(());
    let limits = Limits { loading_descendant_limit: 3, ..LIMITS };
    let selection = select(&mut tree, &view_from(200.0), limits, &mut |_, _| {});
    assert_eq!(selection.draw, [0]);
    assert!(!selection.load.is_empty());
}

#[test]
fn zooming_out_keeps_the_detail_until_the_coarse_tile_is_there() {
    let mut tree = two_levels(Refine::Replace);
    for node in &mut tree.nodes[1..] {
        node.content = Content::Ready(());
    }
    assert_eq!(run(&mut tree, &view_from(200.0)).draw.len(), 16);
    let zoomed_out = run(&mut tree, &view_from(20_000.0));
    assert!(!zoomed_out.draw.is_empty(), "detail must not vanish");
    assert_eq!(zoomed_out.load.len(), 1);
    assert_eq!(zoomed_out.load[0].urgency, Urgency::Urgent);
    load_all_asked(&mut tree, &zoomed_out);
    assert_eq!(run(&mut tree, &view_from(20_000.0)).draw, [0]);
}

#[test]
fn a_failed_child_leaves_its_parent_on_screen_instead_of_a_hole() {
    let mut tree = two_levels(Refine::Replace);
    for node in &mut tree.nodes {
        node.content = Content::Ready(());
    }
    let leaf = tree.nodes[1].children[2];
    tree.nodes[leaf].content = Content::Failed;
    let selection = run(&mut tree, &view_from(200.0));
    assert!(selection.draw.contains(&1));
    assert_eq!(selection.draw.len(), 13);
    assert!(selection.load.is_empty());
}

#[test]
fn additive_tiles_are_drawn_with_their_children() {
    let mut tree = two_levels(Refine::Add);
    let selection = run(&mut tree, &view_from(200.0));
    assert_eq!(selection.load.len(), 21);
    load_all_asked(&mut tree, &selection);
    assert_eq!(run(&mut tree, &view_from(200.0)).draw.len(), 21);
}

#[test]
fn a_node_that_draws_nothing_is_always_refined() {
    let mut tree = two_levels(Refine::Replace);
    tree.nodes[0].content = Content::Nothing;
    let selection = run(&mut tree, &view_from(20_000.0));
    assert_eq!(selection.load.len(), 4);
}

#[test]
fn what_is_behind_the_eye_is_neither_drawn_nor_loaded() {
    let mut tree = two_levels(Refine::Replace);
    let up = Camera::new([109.74, 28.31, 200.0], 0.0, 80.0).view([720, 720]);
    let selection = run(&mut tree, &up);
    assert!(selection.draw.is_empty() && selection.load.is_empty());
}

#[test]
fn children_come_when_they_are_needed_and_not_before() {
    let mut tree = TestTree::default();
    tree.add(None, (), ball(), 64.0, Refine::Replace, Content::Ready(()));
    let mut expanded = 0;
    let mut expand = |tree: &mut TestTree, node: NodeIndex| {
        expanded += 1;
        tree.add(
            Some(node),
            (),
            Volume::Sphere { center: DVec3::ZERO, radius_m: 1e7 },
            0.0,
            Refine::Replace,
            Content::Unloaded,
        );
    };
    select(&mut tree, &view_from(20_000.0), LIMITS, &mut expand);
    assert_eq!(tree.nodes.len(), 1);
    select(&mut tree, &view_from(200.0), LIMITS, &mut expand);
    select(&mut tree, &view_from(200.0), LIMITS, &mut expand);
    assert_eq!(tree.nodes.len(), 2);
    assert_eq!(expanded, 1);
}
