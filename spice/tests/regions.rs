//! Regions and damage, held against grids of single pixels.

use proptest::prelude::*;
use spice::Rect;
use spice::draw::region::region;
use spice::message::types::Clip;
use spice::surface::Damage;

const SIDE: i32 = 24;

/// A rectangle that may reach over the edges of the grid, or be empty.
fn rect() -> impl Strategy<Value = Rect> {
    (-4..SIDE + 4, -4..SIDE + 4, 0..12, 0..12).prop_map(|(x, y, w, h)| Rect::new(x, y, w, h))
}

fn has(rects: &[Rect], x: i32, y: i32) -> usize {
    rects
        .iter()
        .filter(|rect| rect.contains(&Rect::new(x, y, 1, 1)))
        .count()
}

fn pixels() -> impl Iterator<Item = (i32, i32)> {
    (-5..SIDE + 5).flat_map(|y| (-5..SIDE + 5).map(move |x| (x, y)))
}

proptest! {
    #[test]
    fn a_region_has_each_pixel_of_box_clip_and_surface_once(
        bounds in rect(),
        clip in prop::collection::vec(rect(), 0..12),
    ) {
        let surface = Rect::new(0, 0, SIDE, SIDE);
        let parts = region(&bounds, &Clip::Rects(clip.clone()), &surface).expect("few rectangles");
        for (x, y) in pixels() {
            let wanted = has(&[bounds], x, y) > 0
                && has(&clip, x, y) > 0
                && has(&[surface], x, y) > 0;
            prop_assert_eq!(has(&parts, x, y), usize::from(wanted), "{} {}", x, y);
        }
    }

    #[test]
    fn damage_covers_all_that_changed(changes in prop::collection::vec(rect(), 0..100)) {
        let mut damage = Damage::default();
        changes.iter().for_each(|rect| damage.add(*rect));
        let mut parts = Vec::new();
        damage.take(&mut parts);
        prop_assert!(parts.len() <= Damage::MAX_RECTS);
        prop_assert!(damage.is_empty());
        for (x, y) in pixels() {
            prop_assert!(has(&changes, x, y) == 0 || has(&parts, x, y) > 0, "{} {}", x, y);
        }
    }
}
