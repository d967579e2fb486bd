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

/// Glyphs from left to right: the byte of the text is not kept, so a test compares glyphs of known letters.
fn glyphs(spec: &TextSpec) -> Vec<layout::Placed> {
    let items = itemise::itemise(spec, &fonts()).unwrap();
    let mut glyphs = layout::lay_out(spec, &items).glyphs;
    glyphs.sort_by(|a, b| a.x.total_cmp(&b.x));
    glyphs
}

fn ids(text: &str) -> Vec<u16> {
    glyphs(&plain(text)).iter().map(|glyph| glyph.glyph).collect()
}

#[test]
fn ligatures_form_unless_letters_are_spaced() {
    let mut spec = plain("fi");
    assert_eq!(glyphs(&spec).len(), 1);
    spec.runs[0].letter_spacing_px = 10.0;
    let spaced = glyphs(&spec);
    assert_eq!(spaced.len(), 2);
    let spaced = measure(&spec, &fonts()).unwrap().layout_width;
    assert!(spaced.abs_diff(width("f") + width("i") + 10) <= 2, "{spaced}");
}

#[test]
fn right_to_left_runs_stand_right_to_left() {
    let (alef, bet, bang) = (ids("א")[0], ids("ב")[0], ids("!")[0]);
    assert_eq!(ids("אב"), [bet, alef]);
    // A line that starts from left to right keeps its order around the run.
    assert_eq!(ids("!אב!"), [bang, bet, alef, bang]);
    // The mark is from another face than the letters, in the middle of a word.
    let family = FontRef::Family("Noto Sans Hebrew".to_owned());
    let mut spec = plain("אב→ב");
    spec.runs[0].font = family;
    let order: Vec<(usize, u16)> = glyphs(&spec).iter().map(|glyph| (glyph.face, glyph.glyph)).collect();
    assert_eq!(order.iter().map(|o| o.0).collect::<Vec<_>>(), [0, 1, 0, 0]);
    assert_eq!([order[0].1, order[2].1, order[3].1], [bet, bet, alef]);
    // Start is on the right, so the shorter of two lines is.
    let spec = TextSpec { align: Align::Start, ..plain("אבבבבב\nב") };
    let drawn = render(&spec, &fonts()).unwrap();
    let lower = drawn.measure.layout_height as i32 * 3 / 4;
    assert_eq!(at(&drawn, 10, lower)[3], 0);
    let right = drawn.measure.layout_width as i32;
    assert!((right / 2..right).any(|x| at(&drawn, x, lower)[3] > 0));
}

/// Left, top, right and bottom of what is inked.
fn ink(drawn: &TextPicture) -> [i32; 4] {
    let (x, y) = drawn.origin;
    let spec = drawn.picture.spec();
    [x, y, x + spec.width as i32, y + spec.height as i32]
}

#[test]
fn outline_and_shadow_reach_as_far_as_they_say() {
    let bare = ink(&render(&plain("H"), &fonts()).unwrap());
    let outline = Some(Outline { width_px: 4.0, colour: Colour::BLACK });
    let spec = TextSpec { outline, ..plain("H") };
    let drawn = render(&spec, &fonts()).unwrap();
    for (side, (wide, bare)) in ink(&drawn).into_iter().zip(bare).enumerate() {
        let grown = (wide - bare).abs();
        assert!((4..=6).contains(&grown), "side {side} grew by {grown}");
    }
    // Left of the H's left stem, at half its height: all outline, then all letter, and no seam between.
    let stem = (bare[0], (bare[1] + bare[3]) / 2);
    assert_eq!(at(&drawn, stem.0 - 2, stem.1), [0, 0, 0, 255]);
    assert_eq!(at(&drawn, stem.0 + 3, stem.1), [255; 4]);
    assert!((stem.0 - 2..stem.0 + 3).all(|x| at(&drawn, x, stem.1)[3] == 255));
    let shadow = Some(Shadow { dx_px: 10.0, dy_px: -7.0, blur_px: 0.0, colour: RED });
    let cast = render(&TextSpec { shadow, ..plain("H") }, &fonts()).unwrap();
    assert_eq!(ink(&cast), [bare[0], bare[1] - 7, bare[2] + 10, bare[3]]);
    let blurred = Some(Shadow { blur_px: 8.0, dx_px: 0.0, dy_px: 0.0, colour: RED });
    let cast = render(&TextSpec { shadow: blurred, ..plain("H") }, &fonts()).unwrap();
    assert_eq!(ink(&cast), [bare[0] - 12, bare[1] - 12, bare[2] + 12, bare[3] + 12]);
}

#[test]
fn letters_without_colour_are_hollow() {
    let mut spec = TextSpec { outline: Some(Outline { width_px: 3.0, colour: RED }), ..plain("I") };
    spec.runs[0].colour = Colour::TRANSPARENT;
    spec.runs[0].weight = 900;
    let drawn = render(&spec, &fonts()).unwrap();
    let [left, .., right, _] = ink(&drawn);
    assert_eq!(at(&drawn, (left + right) / 2, 40), [0; 4]);
    let side: Vec<_> = (left..left + 8).map(|x| at(&drawn, x, 40)).collect();
    assert!(side.contains(&[255, 0, 0, 255]), "{side:?}");
}

#[test]
fn the_box_is_padded_and_its_corners_are_round() {
    let blue = Colour { r: 0.0, g: 0.0, b: 1.0, a: 0.5 };
    let spec =
        TextSpec { background: Some(blue), padding_px: 20.0, background_radius_px: 16.0, ..plain("Hi") };
    let drawn = render(&spec, &fonts()).unwrap();
    let bare = measure(&plain("Hi"), &fonts()).unwrap();
    let (width, height) = (drawn.measure.layout_width as i32, drawn.measure.layout_height as i32);
    assert!(width - bare.layout_width as i32 - 40 <= 1 && height - bare.layout_height as i32 - 40 <= 1);
    assert_eq!(ink(&drawn), [0, 0, width, height]);
    for (x, y) in [(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)] {
        assert_eq!(at(&drawn, x, y), [0; 4]);
    }
    assert_eq!(at(&drawn, width / 2, 0), [0, 0, 128, 128]);
    assert_eq!(at(&drawn, 0, height / 2), [0, 0, 128, 128]);
}

#[test]
fn text_is_literal() {
    for text in ["%{pts}", "':textf=/etc/passwd", "[x];movie=a.mp4", "<b>&amp;</b>", "${t}"] {
        assert_eq!(glyphs(&plain(text)).len(), text.chars().count(), "{text}");
    }
    assert_eq!(width("a\u{0}\u{1b}\u{7f}\u{9c}b"), width("ab"));
    let lines = |text: &str| measure(&plain(text), &fonts()).unwrap().lines;
    assert_eq!([lines("a\r\nb"), lines("a\rb\u{2028}c"), lines("a\n\nb\n"), lines("")], [2, 3, 3, 1]);
    assert_eq!([lines("a\n"), lines("a\r\n"), lines("a\n\n"), lines("\n")], [1, 1, 2, 1]);
    let stop = width(&" ".repeat(8));
    assert!(width("\tb").abs_diff(stop + width("b")) <= 2);
    let drawn = render(&plain(" \n"), &fonts()).unwrap();
    assert_eq!((drawn.picture.spec().width, at(&drawn, 0, 0)), (1, [0; 4]));
}

#[test]
fn what_is_missing_is_said() {
    let mut spec = plain("你好 ok");
    spec.runs[0].font = FontRef::Family("No Such".to_owned());
    let warnings = measure(&spec, &fonts()).unwrap().warnings;
    let glyphs = TextWarning::MissingGlyphs { script: "Han".to_owned(), sample: "你好".to_owned() };
    assert_eq!(warnings, [TextWarning::MissingFamily("No Such".to_owned()), glyphs]);
    assert_eq!(ids("你"), ids("\u{FFFD}"));
    assert!(measure(&plain("Ωж مرحبا שלום हिन्दी ไทย ★→✓ 😀👨‍👩‍👧1️⃣"), &fonts()).unwrap().warnings.is_empty());
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/text/fixtures")).join(name)
}

#[test]
fn colour_glyphs_keep_their_colours() {
    let draw = |name: &str| {
        let mut spec = plain("A");
        spec.runs[0].font = FontRef::File(fixture(name));
        spec.outline = Some(Outline { width_px: 4.0, colour: Colour::WHITE });
        render(&spec, &fonts()).unwrap()
    };
    let (layers, picture) = (draw("layers.ttf"), draw("picture.ttf"));
    let base = |drawn: &TextPicture| ink(drawn)[3] - 5;
    assert_eq!(at(&layers, 16, base(&layers) - 32), [255, 0, 0, 255]);
    assert_eq!(at(&layers, 48, base(&layers) - 32), [0, 0, 255, 255]);
    assert_eq!(at(&layers, -2, base(&layers) - 32), [255; 4]);
    let [left, top, ..] = ink(&picture);
    assert_eq!(at(&picture, left + 5 + 32, top + 5 + 16), [0, 255, 0, 255]);
    assert_eq!(at(&picture, left + 5 + 32, top + 5 + 48), [0; 4]);
}

#[test]
fn broken_fonts_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let of = |path: PathBuf| {
        let mut spec = plain("Ab!שלום");
        spec.runs[0].font = FontRef::File(path);
        render(&spec, &fonts())
    };
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    assert!(matches!(of(folder.path().join("none.ttf")), Err(TextError::FontUnreadable { .. })));
    assert!(matches!(of(folder.path().to_owned()), Err(TextError::FontUnreadable { .. })));
    assert!(matches!(of("/dev/zero".into()), Err(TextError::FontUnreadable { .. })));
    assert!(matches!(of(write("empty.ttf", b"")), Err(TextError::FontDamaged { .. })));
    assert!(matches!(of(write("text.ttf", &[b'x'; 5000])), Err(TextError::FontDamaged { .. })));
    let whole =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/fonts/NotoSansHebrew.ttf")).unwrap();
    assert!(of(write("whole.ttf", &whole)).is_ok());
    assert!(matches!(of(write("head.ttf", &whole[..200])), Err(TextError::FontDamaged { .. })));
    // Whatever is broken further in gives an error or a picture.
    let mut state = 1u32;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    for round in 0..300 {
        let mut bytes = whole.clone();
        if round % 3 == 0 {
            bytes.truncate(300 + random(whole.len() - 300));
        }
        for _ in 0..=random(20) {
            let place = if round % 2 == 0 { random(2000) } else { random(bytes.len()) };
            if let Some(byte) = bytes.get_mut(place) {
                *byte = random(256) as u8;
            }
        }
        let _ = of(write(&format!("{round}.ttf"), &bytes));
    }
}

#[test]
fn long_text_is_wrapped_or_refused() {
    let wrap = |text: String, size: f32| {
        let mut spec = TextSpec { wrap_px: Some(1728.0), ..plain(&text) };
        spec.runs[0].size_px = size;
        render(&spec, &fonts())
    };
    let drawn = wrap("lorem ipsum ".repeat(8500), 12.0).unwrap();
    assert!(drawn.measure.layout_width <= 1728 && drawn.measure.lines > 300, "{:?}", drawn.measure);
    assert!(wrap("你".repeat(34_000), 12.0).is_ok());
    assert!(matches!(wrap("lorem ipsum ".repeat(8500), 65.0), Err(TextError::TooLarge { .. })));
    assert!(matches!(render(&plain(&"a".repeat(100_000)), &fonts()), Err(TextError::TooLarge { .. })));
    assert!(matches!(render(&plain(&"a".repeat(300_000)), &fonts()), Err(TextError::TooLong { .. })));
    assert!(matches!(wrap("a → ".repeat(16_000), 12.0), Err(TextError::TooMixed)));
    assert!(wrap("\u{202B}a\u{202A}b".repeat(300), 12.0).is_ok());
    assert!(wrap("\u{2067}a\u{2066}b".repeat(300), 12.0).is_ok());
    let mut heap = plain(&"M".repeat(100_000));
    heap.runs[0].size_px = 800.0;
    heap.runs[0].letter_spacing_px = -4000.0;
    assert!(matches!(render(&heap, &fonts()), Err(TextError::TooMuchInk)));
    let mut odd = plain("x");
    odd.runs[0].size_px = f32::NAN;
    assert!(matches!(render(&odd, &fonts()), Err(TextError::OutOfRange { field: "size", .. })));
}

/// Every script that is bundled, every kind of paint.
fn everything() -> TextSpec {
    let mut spec = TextSpec {
        align: Align::Center,
        wrap_px: Some(420.0),
        background: Some(Colour { r: 0.1, g: 0.2, b: 0.5, a: 0.8 }),
        padding_px: 12.0,
        background_radius_px: 14.0,
        outline: Some(Outline { width_px: 2.0, colour: Colour::BLACK }),
        shadow: Some(Shadow { dx_px: 3.0, dy_px: 3.0, blur_px: 6.0, colour: Colour::BLACK }),
        ..TextSpec::plain("AVATAR office Ñandú Ωμέγα Привет Հայ ქართ ", 30.0, Colour::WHITE)
    };
    let look = spec.runs[0].clone();
    let yellow = Colour { r: 1.0, g: 0.8, b: 0.0, a: 1.0 };
    let bold = "مرحبا بالعالم! שלום (abc) नमस्ते क्षत्रिय สวัสดี ";
    spec.runs.push(RunSpec { text: bold.to_owned(), weight: 700, colour: yellow, ..look.clone() });
    spec.runs.push(RunSpec {
        text: "slanted 42 → ★ 😀❤️".to_owned(), italic: true, size_px: 40.0, ..look
    });
    spec
}

#[test]
fn everything_looks_as_it_did() {
    let drawn = render(&everything(), &fonts()).unwrap();
    let spec = *drawn.picture.spec();
    let mut pixels = Vec::new();
    for y in 0..spec.height {
        let rows: [&[u8]; 4] = std::array::from_fn(|plane| drawn.picture.row(plane, y));
        pixels.extend((0..spec.width as usize).flat_map(|x| rows.map(|row| row[x])));
    }
    let path = fixture("everything.png");
    if std::env::var_os("VFXB_BLESS").is_some() {
        let mut encoder = png::Encoder::new(std::fs::File::create(&path).unwrap(), spec.width, spec.height);
        encoder.set_color(png::ColorType::Rgba);
        encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    }
    let file = std::io::BufReader::new(std::fs::File::open(&path).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut golden = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut golden).unwrap();
    assert_eq!((info.width, info.height), (spec.width, spec.height));
    let worst = pixels.iter().zip(&golden).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(worst <= Some(2), "off by {worst:?}");
    // The same bytes on every machine: the tolerance above is for people who change the drawing, this is for none.
    assert_eq!(blake3::hash(&pixels).to_hex().as_str(), EVERYTHING);
}

const EVERYTHING: &str = "39a90025c721719900d8e9ad06a4af05711ec2a9d89577542d46499d694c0586";

#[test]
fn specs_are_keys() {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let hash = |spec: &TextSpec| {
        let mut hasher = DefaultHasher::new();
        spec.hash(&mut hasher);
        hasher.finish()
    };
    let spec = everything();
    let json = serde_json::to_string(&spec).unwrap();
    let back: TextSpec = serde_json::from_str(&json).unwrap();
    assert_eq!((&back, hash(&back)), (&spec, hash(&spec)));
    let mut other = spec.clone();
    other.runs[1].letter_spacing_px = 0.5;
    assert_ne!(hash(&other), hash(&spec));
    let key = |text: &str| font_key(&plain(text), &fonts()).unwrap();
    assert_eq!(key("abc"), key("xyz"));
    assert_ne!(key("abc"), key("abc ב"));
}
