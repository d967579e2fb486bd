//! Lettering by value, with the bundled fonts alone.

use vfxb_dsl::script::Align;
use vfxb_dsl::value::Colour;

use super::*;

const RED: Colour = Colour { r: 1.0, g: 0.0, b: 0.0, a: 1.0 };

fn fonts() -> Fonts {
    Fonts::new(false)
}

fn plain(text: &str) -> TextSpec {
    TextSpec::plain(text, 64.0, Colour::WHITE)
}

fn width(text: &str) -> u32 {
    measure(&plain(text), &fonts()).unwrap().layout_width
}

/// R, G, B and alpha at a place of the layout box; nothing outside the picture.
fn at(drawn: &TextPicture, x: i32, y: i32) -> [u8; 4] {
    let (x, y) = (x - drawn.origin.0, y - drawn.origin.1);
    let spec = drawn.picture.spec();
    if x < 0 || y < 0 || x >= spec.width as i32 || y >= spec.height as i32 {
        return [0; 4];
    }
    std::array::from_fn(|plane| drawn.picture.row(plane, y as u32)[x as usize])
}

#[test]
fn width_grows_with_size_and_kerning_narrows_pairs() {
    let sizes = [8.0, 16.0, 31.5, 64.0, 200.0];
    let widths = sizes.map(|size| {
        let spec =
            TextSpec { runs: vec![RunSpec { size_px: size, ..plain("Hello").runs[0].clone() }], ..plain("") };
        measure(&spec, &fonts()).unwrap().layout_width
    });
    assert!(widths.is_sorted_by(|a, b| a < b), "{widths:?}");
    assert!(width("AV") + 2 < width("A") + width("V"));
    assert!(width("HH").abs_diff(2 * width("H")) <= 1);
}

#[test]
fn letters_have_their_colour_and_lie_in_the_box() {
    let mut spec = plain("I");
    spec.runs[0].colour = RED;
    spec.runs[0].weight = 900;
    let drawn = render(&spec, &fonts()).unwrap();
    let middle = (drawn.measure.layout_width / 2) as i32;
    assert_eq!(at(&drawn, middle, 40), [255, 0, 0, 255]);
    assert_eq!(at(&drawn, middle, 2), [0; 4]);
    assert!(drawn.origin.0 >= 0 && drawn.origin.1 > 10, "{:?}", drawn.origin);
}

#[test]
fn wrapping_breaks_lines_and_alignment_shifts_them() {
    let mut spec = TextSpec { wrap_px: Some(300.0), ..plain("one two three four five six") };
    let measured = measure(&spec, &fonts()).unwrap();
    assert_eq!(measured.lines, 4);
    assert!(measured.layout_width <= 300);
    spec.wrap_px = None;
    spec.runs[0].text = "I\nWWW".to_owned();
    let lefts = [Align::Left, Align::Center, Align::Right].map(|align| {
        let drawn = render(&TextSpec { align, ..spec.clone() }, &fonts()).unwrap();
        (0..drawn.measure.layout_width as i32).find(|&x| (20..70).any(|y| at(&drawn, x, y)[3] > 0)).unwrap()
    });
    let free = width("WWW") as i32 - width("I") as i32;
    assert!((lefts[1] - lefts[0] - free / 2).abs() <= 1, "{lefts:?} {free}");
    assert!((lefts[2] - lefts[0] - free).abs() <= 1, "{lefts:?} {free}");
}
