//! Tests of the ground: it needs nothing to be there at once, asks for what lies under the view, and lets go of the rest.

use super::*;
use crate::scene::camera::Camera;

fn pyramid(min_zoom: u8, max_zoom: u8) -> Pyramid {
    Pyramid {
        template: "http://127.0.0.1/{z}/{x}/{y}".to_owned(),
        min_zoom,
        max_zoom,
        bounds_lon_lat_deg: [109.6, 28.2, 109.9, 28.4],
    }
}

fn view(height_m: f64) -> View {
    Camera::new([109.74, 28.31, height_m], 0.0, -60.0).view([640, 480])
}

#[test]
fn without_any_layer_the_ellipsoid_is_drawn_at_once_and_whole() {
    let mut ground = Ground::default();
    let frame = ground.update(&view(2_000.0), 1.0);
    assert!(!frame.draws.is_empty() && frame.wanted.is_empty());
    assert!(frame.draws.len() < 60, "{} tiles", frame.draws.len());
}

#[test]
fn terrain_is_asked_for_and_drawn_at_its_height_when_it_comes() {
    let mut ground = Ground::default();
    ground.set_heights(vec![(7, pyramid(8, 12), Some([400.0, 600.0]))]);
    let view = view(2_000.0);
    let mut turns = 0;
    loop {
        let frame = ground.update(&view, 1.0);
        if frame.wanted.is_empty() {
            break;
        }
        for wanted in frame.wanted {
            assert_eq!(wanted.lane, 7);
            assert!((8..=12).contains(&wanted.address.0));
            let raster = HeightRaster::new(4, vec![500.0; 16]).expect("square");
            ground.put_heights(7, wanted.address, Ok(Some(Arc::new(raster))));
        }
        turns += 1;
        assert!(turns < 10, "it must come to an end");
    }
    let [x, y] = place::square_from_lon_lat_deg(109.74, 28.31);
    assert!((ground.height_m([x, y]) - 500.0).abs() < 1e-9);
    assert!(ground.height_m([0.1, 0.1]).abs() < 401.0);
}

#[test]
fn failed_terrain_leaves_the_ground_whole() {
    let mut ground = Ground::default();
    ground.set_heights(vec![(7, pyramid(8, 12), None)]);
    let view = view(2_000.0);
    for _ in 0..10 {
        let frame = ground.update(&view, 1.0);
        for wanted in frame.wanted {
            ground.put_heights(7, wanted.address, Err(()));
        }
    }
    assert!(!ground.update(&view, 1.0).draws.is_empty());
}

#[test]
fn what_the_view_left_is_given_up_first_and_what_it_shows_never() {
    let elsewhere = Camera::new([-71.0, 33.0, 2_000.0], 0.0, -60.0).view([640, 480]);
    let mut fresh = Ground::default();
    fresh.update(&elsewhere, 1.0);
    fresh.evict(u64::MAX);
    let mut ground = Ground::default();
    ground.update(&view(2_000.0), 1.0);
    let before = ground.update(&elsewhere, 1.0).draws.len();
    assert!(ground.bytes() > fresh.bytes());
    ground.evict(u64::MAX);
    assert_eq!(ground.bytes(), fresh.bytes());
    assert_eq!(ground.update(&elsewhere, 1.0).draws.len(), before);
}

/// A layer as it is draped.
type Draped = (u32, Arc<dyn Drape>, f32);

/// A plan that draws nothing, of a pyramid.
struct Plan(Pyramid);

impl Drape for Plan {
    fn pyramid(&self) -> &Pyramid {
        &self.0
    }

    fn request(&self, _: Address) -> Result<crate::layer::Wanted, crate::error::ViewError> {
        unreachable!("the ground only says what it wants")
    }
}

#[test]
fn a_plan_that_opens_late_is_drawn_as_fine_as_one_that_opened_first() {
    let plan = |lane: u32, west: f64, max_zoom: u8| -> Draped {
        let bounds_lon_lat_deg = [west, 28.2, west + 0.3, 28.4];
        (lane, Arc::new(Plan(Pyramid { bounds_lon_lat_deg, ..pyramid(8, max_zoom) })), 1.0)
    };
    // Here up to zoom 17, and a finer one elsewhere.
    let [here, elsewhere] = [plan(1, 109.6, 17), plan(2, 110.2, 20)];
    let finest = |steps: &[&[Draped]]| {
        let mut ground = Ground::default();
        let mut wanted = Vec::new();
        for layers in steps {
            ground.set_drapes(layers.to_vec());
            wanted = ground.update(&view(300.0), 1.0).wanted;
        }
        wanted.iter().map(|wanted| (wanted.lane, wanted.address.0)).max_by_key(|(_, zoom)| *zoom)
    };
    let at_once = finest(&[&[here.clone(), elsewhere.clone()]]);
    assert_eq!(at_once, Some((1, 17)));
    assert_eq!(finest(&[std::slice::from_ref(&elsewhere), &[here.clone(), elsewhere.clone()]]), at_once);
}
