//! What is drawn or opaque, and what comes of it: effects that write alpha, content that is moved in its box, bars.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::Path;

use ffmpeg_next::format::Pixel;
use vfxb_dsl::vocabulary::{FieldSpec, FieldType, Role};
use vfxb_engine::effect::registry;
use vfxb_engine::exec::Executor;
use vfxb_engine::exec::frames::delivered;
use vfxb_engine::exec::gpu::{GpuExecutor, Preference};
use vfxb_engine::exec::tile::SimdLevel;
use vfxb_engine::picture::Picture;
use vfxb_engine::plan::delivery;
use vfxb_tests::films::Film;
use vfxb_tests::scripts::{code, cpu, frames_on, photo, plan_of, rgb, rgb_frame, rgb_frames, still};

const RED: [i32; 3] = [255, 0, 0];
const BLUE: [i32; 3] = [0, 0, 255];
const WHITE: [i32; 3] = [255, 255, 255];
const BLACK: [i32; 3] = [0, 0, 0];

fn near(got: [i32; 3], want: [i32; 3], tolerance: i32) -> bool {
    got.iter().zip(want).all(|(g, w)| (g - w).abs() <= tolerance)
}

#[track_caller]
fn assert_pixels(picture: &Picture, wanted: &[(u32, u32, [i32; 3])], what: &str) {
    for (x, y, want) in wanted {
        let got = rgb(picture, *x, *y);
        assert!(near(got, *want, 2), "{what}: {got:?} for {want:?} at {x}, {y}");
    }
}

/// `photo.png` has no alpha, `same.png` has alpha that is opaque everywhere; both show the same.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let colour = |x: u32, y: u32| [(200 - 3 * x) as u8, (40 + 4 * y) as u8, (x * y % 200) as u8];
    photo(&folder.path().join("photo.png"), (32, 32), colour);
    still(&folder.path().join("same.png"), (32, 32), |x, y| {
        let [r, g, b] = colour(x, y);
        [r, g, b, 255]
    });
    photo(&folder.path().join("red.png"), (32, 32), |_, _| [255, 0, 0]);
    folder
}

/// The first frame of a text without outputs, on either machine.
fn on_both(folder: &Path, text: &str) -> [Picture; 2] {
    let plan = plan_of(folder, &format!("{text}\noutput \"f.png\"\n"));
    let machines: [Box<dyn Executor>; 2] =
        [Box::new(cpu(2, SimdLevel::active())), Box::new(GpuExecutor::new(Preference::Any).unwrap())];
    machines.map(|mut machine| frames_on(&plan.renders[0], &mut *machine, [0]).remove(0))
}

/// A setting at which a parameter does something.
fn acting(field: &FieldSpec) -> Option<String> {
    Some(match field.ty {
        FieldType::Number { min, max } => {
            let half = 0.5f64.clamp(min, max);
            let neutral = field.neutral.and_then(|n| n.parse::<f64>().ok());
            (if neutral == Some(half) { 0.75f64.clamp(min, max) } else { half }).to_string()
        }
        FieldType::Angle => "90deg".into(),
        FieldType::Temperature => "3000K".into(),
        FieldType::Colour => "#204060".into(),
        _ => return None,
    })
}

#[test]
fn every_effect_does_to_an_opaque_picture_what_it_does_to_one_with_alpha() {
    let folder = folder();
    let effects = registry::effects().iter().filter(|effect| effect.spec.role == Role::Picture);
    let mut unlike = 0;
    for effect in effects {
        let fields: String = effect
            .spec
            .params
            .iter()
            .filter_map(|field| Some(format!(" {}:{}", field.name, acting(field)?)))
            .collect();
        let name = effect.spec.name;
        let text = |file: &str| {
            format!(
                "canvas 32x32 fps:25 background:white\ntimeline {{\n image \"{file}\" duration:1s | {name}{fields}\n}}"
            )
        };
        let untouched =
            rgb_frame(folder.path(), &text("photo.png").replace(&format!(" | {name}{fields}"), ""));
        let wanted = rgb_frame(folder.path(), &text("same.png"));
        for (machine, got) in ["cpu", "gpu"].iter().zip(on_both(folder.path(), &text("photo.png"))) {
            for (x, y) in (0..32).flat_map(|y| (0..32).map(move |x| (x, y))) {
                let (got, want) = (rgb(&got, x, y), rgb(&wanted, x, y));
                assert!(near(got, want, 1), "{name}{fields} on {machine}: {got:?} for {want:?} at {x}, {y}");
                unlike += i32::from(!near(got, rgb(&untouched, x, y), 1));
            }
        }
    }
    assert!(unlike > 10_000, "the effects act: {unlike}");
}

#[test]
fn opacity_as_an_effect_shows_what_is_beneath() {
    let folder = folder();
    let path = folder.path();
    let film = Film { pixel: Pixel::YUV420P, encoder: "ffv1", options: Vec::new(), ..Film::new(3) };
    film.write_with(&path.join("a.mkv"), |plane, _, _, _| [180, 128, 128, 0][plane]).unwrap();
    let grey = rgb_frame(path, "timeline {\n video \"a.mkv\"\n}");
    let grey = rgb(&grey, 9, 9)[0];
    let pale = [255, 128, 128];
    let base = |item: &str| format!("canvas 64x48 fps:25 background:white\ntimeline {{\n {item}\n}}");
    let adjusted = |effects: &str| {
        format!("{}\noverlays {{\n adjust {effects}\n}}", base("image \"red.png\" duration:1s"))
    };
    let over = "canvas 64x48 fps:25\ntimeline {\n color blue duration:1s\n}\noverlays {\n image \"red.png\" width:32px | opacity 0.5\n}";
    for (text, want) in [
        (base("image \"red.png\" duration:1s | opacity 0.5"), pale),
        (base("image \"red.png\" duration:1s | opacity 0.5 | opacity 0.5"), [255, 191, 191]),
        (base("image \"red.png\" duration:1s | opacity 0.5 | blur 0.2"), pale),
        (base("image \"red.png\" duration:1s | opacity 0 mix:50%"), pale),
        (base("image \"red.png\" duration:1s opacity:0.5 | opacity 0.5"), [255, 191, 191]),
        (base("color red duration:1s | opacity 0.5"), pale),
        (
            base("group duration:1s {\n timeline {\n image \"red.png\" duration:1s | opacity 0.5\n }\n }"),
            pale,
        ),
        (base("video \"a.mkv\" | opacity 0.5"), [(grey + 255) / 2; 3]),
        (base("video \"a.mkv\" | opacity 0"), WHITE),
        (base("video \"a.mkv\" | opacity 1"), [grey; 3]),
        (over.to_owned(), [128, 0, 128]),
        // What is beneath all is the canvas.
        (adjusted("| opacity 0.5"), pale),
        (adjusted("opacity:0.5 | opacity 0.5"), [255, 64, 64]),
        (adjusted("| opacity 0.5 | invert"), [128, 255, 255]),
    ] {
        for picture in on_both(path, &text) {
            assert_pixels(&picture, &[(32, 24, want)], &text);
        }
    }
    // Kept where the canvas is transparent.
    for item in [
        "image \"red.png\" duration:1s | opacity 0.5",
        "image \"red.png\" duration:1s\n}\noverlays {\n adjust | opacity 0.5",
    ] {
        let text = format!("canvas 32x32 fps:25 background:transparent\ntimeline {{\n {item}\n}}");
        for picture in on_both(path, &text) {
            assert_pixels(&picture, &[(9, 9, RED)], item);
            let alpha = code(&picture, 3, 9, 9);
            assert!(alpha.abs_diff(128) <= 1, "{item}: {alpha}");
        }
    }
}

/// A canvas of 40×40 with one overlay.
fn overlay(folder: &Path, head: &str, item: &str) -> Picture {
    rgb_frame(
        folder,
        &format!(
            "canvas 40x40 fps:25\n{head}\ntimeline {{\n color black duration:1s\n}}\noverlays {{\n {item}\n}}"
        ),
    )
}

/// The lit part of a picture: x0, y0, x1, y1.
fn lit(picture: &Picture) -> [u32; 4] {
    let (width, height) = (picture.spec().width, picture.spec().height);
    let is_lit = |x: u32, y: u32| rgb(picture, x, y).iter().any(|v| *v > 20);
    let columns: Vec<u32> = (0..width).filter(|x| (0..height).any(|y| is_lit(*x, y))).collect();
    let rows: Vec<u32> = (0..height).filter(|y| (0..width).any(|x| is_lit(x, *y))).collect();
    let span = |v: &[u32]| (v.first().copied().unwrap_or(99), v.last().map_or(99, |n| n + 1));
    let ((x0, x1), (y0, y1)) = (span(&columns), span(&rows));
    [x0, y0, x1, y1]
}

#[test]
fn what_is_drawn_fills_its_box_whatever_the_fit() {
    let folder = tempfile::tempdir().unwrap();
    for fit in ["contain", "blur", "cover", "none"] {
        for (item, want) in [
            ("color white width:30px height:10px", [5, 15, 35, 25]),
            ("shape rect width:30px height:10px", [5, 15, 35, 25]),
            ("shape circle width:10px height:30px", [15, 5, 25, 35]),
            ("shape rect width:10px height:10px position:top-left", [0, 0, 10, 10]),
        ] {
            let picture = overlay(folder.path(), &format!("defaults fit:{fit}"), item);
            assert_eq!(lit(&picture), want, "{item} with fit {fit}");
        }
    }
}

#[test]
fn what_is_drawn_is_zoomed_and_moved_within_its_box() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let bounds = |item: &str| lit(&overlay(path, "", item));
    for (item, want) in [
        ("color white width:20px height:20px pan:\"50% 0%\"", [20, 10, 30, 30]),
        ("color white width:20px height:20px pan:\"-25% 25%\"", [10, 15, 25, 30]),
        ("color white width:20px height:20px zoom:0.5", [15, 15, 25, 25]),
        ("color white width:20px height:20px zoom:2", [10, 10, 30, 30]),
        ("color white width:20px height:20px zoom:0.5 zoom_origin:\"0% 0%\"", [10, 10, 20, 20]),
        ("color white pan:\"50% 0%\"", [20, 0, 40, 40]),
        ("shape rect width:20px height:20px pan:\"50% 0%\"", [20, 10, 30, 30]),
        ("shape rect width:20px height:20px pan:\"50% 0%\" rotate:90deg", [10, 20, 30, 30]),
        ("shape rect width:20px height:20px zoom:0.5", [15, 15, 25, 25]),
        ("shape rect width:20px height:20px zoom:3", [10, 10, 30, 30]),
        ("shape circle width:20px height:20px zoom:2", [10, 10, 30, 30]),
        ("shape rect width:20px height:20px zoom:0.5 scale:2", [10, 10, 30, 30]),
        ("shape rect width:20px height:20px pan:\"100% 0%\"", [99, 99, 99, 99]),
        // Keyframes at their first instant.
        ("color white width:20px height:20px pan:[0s \"50% 0%\", 1s \"0% 0%\"]", [20, 10, 30, 30]),
        ("shape rect width:20px height:20px zoom:[0s 3, 1s 1]", [10, 10, 30, 30]),
    ] {
        assert_eq!(bounds(item), want, "{item}");
    }
    // A round thing stays round: the right half of a disc is cut, its left half begins in the middle of the box.
    let disc = overlay(path, "", "shape circle width:20px height:20px pan:\"50% 0%\"");
    assert_pixels(&disc, &[(22, 20, WHITE), (28, 12, WHITE), (21, 12, BLACK), (32, 20, BLACK)], "disc");
    // Its shadow is that of what is left.
    let shadow = "color white duration:1s\n}\noverlays {\n shape rect width:20px height:20px pan:\"50% 0%\" fill:red shadow:\"-12px 0px 0px blue\"";
    let thrown = rgb_frame(path, &format!("canvas 40x40 fps:25\ntimeline {{\n {shadow}\n}}"));
    assert_pixels(&thrown, &[(25, 20, RED), (12, 20, BLUE), (6, 20, WHITE), (33, 20, WHITE)], "shadow");
    // A box that is zoomed keeps its corners and its border.
    let framed = "color red width:20px height:20px border:\"4px white\"";
    assert_eq!(
        rgb(&overlay(path, "", &format!("{framed} zoom:2")), 11, 20),
        rgb(&overlay(path, "", framed), 11, 20)
    );
    // Lettering is cut at its own box, which its background shows.
    let text = |zoom: &str| format!("text \"HI\" size:12px color:red background:blue padding:3px {zoom}");
    let (plain, zoomed) = (overlay(path, "", &text("")), overlay(path, "", &text("zoom:3")));
    // What stands still is put on whole pixels, what is zoomed is not.
    assert!(lit(&zoomed).iter().zip(lit(&plain)).all(|(a, b)| a.abs_diff(b) <= 1), "{:?}", lit(&zoomed));
    let red = |p: &Picture| (0..1600).filter(|i| rgb(p, i % 40, i / 40)[0] > 128).count();
    assert!(red(&zoomed) > 2 * red(&plain), "{} {}", red(&zoomed), red(&plain));
}

#[test]
fn shares_of_text_fields_are_of_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let frame = |fields: &str| {
        rgb_frame(
            folder.path(),
            &format!(
                "canvas 200x100 fps:25\ntimeline {{\n color black duration:1s\n}}\noverlays {{\n text \"II\" size:20px color:red background:blue {fields}\n}}"
            ),
        )
    };
    let (bare, padded) = (lit(&frame("")), lit(&frame("padding:10%")));
    assert_eq!(
        [padded[0] + 20, padded[1] + 20, padded[2] - 20, padded[3] - 20],
        bare,
        "of the canvas's width"
    );
    let (close, apart) = (lit(&frame("")), lit(&frame("letter_spacing:5%")));
    assert_eq!(apart[2] - apart[0], close[2] - close[0] + 10, "of the canvas's width");
    // Half of the box's smaller side: an ellipse's ends, and not those of half the canvas's height.
    let [x0, y0, x1, y1] = lit(&frame("padding:10px"));
    let side = f64::from((y1 - y0).min(x1 - x0));
    let (tenth, half) = (frame("padding:10px radius:10%"), frame("padding:10px radius:50%"));
    let corner = |p: &Picture, away: f64| rgb(p, x0 + away as u32, y0 + away as u32)[2] > 128;
    // A corner of radius r leaves 0.29 r of the diagonal bare.
    for (picture, radius) in [(&tenth, side * 0.1), (&half, side * 0.5)] {
        assert!(!corner(picture, 0.29 * radius - 1.0), "{radius}");
        assert!(corner(picture, 0.29 * radius + 1.5), "{radius}");
    }
}

#[test]
fn a_line_feed_at_the_end_begins_no_line() {
    let folder = tempfile::tempdir().unwrap();
    let size = |text: &str| {
        let picture = rgb_frame(
            folder.path(),
            &format!(
                "canvas 200x200 fps:25\ntimeline {{\n color black duration:1s\n}}\noverlays {{\n text \"{text}\" size:20px background:blue\n}}"
            ),
        );
        let [_, y0, _, y1] = lit(&picture);
        y1 - y0
    };
    assert_eq!(size("one\\n"), size("one"));
    assert_eq!(size("one\\ntwo\\n"), size("one\\ntwo"));
    assert_eq!(size("one\\n\\n"), size("one\\ntwo"), "one of them is dropped");
}

/// The first picture of a text's only output, as it is delivered.
fn first_delivered(folder: &Path, text: &str) -> Picture {
    let plan = plan_of(folder, text);
    let render = &plan.renders[0];
    let mut machine = cpu(2, SimdLevel::active());
    let canvas = frames_on(render, &mut machine, [0]).remove(0);
    let file = &render.deliveries[0];
    match delivery(&render.target, &file.spec().unwrap(), file.framing, render.timeline.film.background) {
        None => canvas,
        Some(recipe) => machine.submit(delivered(&recipe, &canvas)).unwrap().unwrap(),
    }
}

#[test]
fn bars_of_an_output_are_of_the_canvas_or_of_its_picture() {
    let folder = tempfile::tempdir().unwrap();
    let halves = |x: u32, _| if x < 20 { [255, 0, 0] } else { [0, 0, 255] };
    photo(&folder.path().join("halves.png"), (40, 40), halves);
    let film = |canvas: &str, fit: &str| {
        first_delivered(
            folder.path(),
            &format!(
                "canvas 40x40 fps:25 {canvas}\ntimeline {{\n image \"halves.png\" duration:1s\n}}\noutput \"o.png\" size:80x40 fit:{fit}\n"
            ),
        )
    };
    let inside = [(22, 20, RED), (38, 20, RED), (42, 20, BLUE), (58, 20, BLUE)];
    let bars = |colour| [(2, 20, colour), (18, 5, colour), (61, 35, colour), (78, 20, colour)];
    for (canvas, fit, colour) in [
        ("", "contain", BLACK),
        ("background:#204060", "contain", [0x20, 0x40, 0x60]),
        ("background:white", "none", WHITE),
    ] {
        let picture = film(canvas, fit);
        assert_pixels(&picture, &inside, fit);
        assert_pixels(&picture, &bars(colour), fit);
    }
    let clear = film("background:transparent", "contain");
    assert_pixels(&clear, &inside, "transparent");
    for (x, alpha) in [(2, 0), (18, 0), (22, 255), (58, 255), (78, 0)] {
        assert_eq!(code(&clear, 3, x, 20), alpha, "at {x}");
    }
    let blurred = film("background:white", "blur");
    assert_pixels(&blurred, &inside, "blur");
    assert_pixels(
        &blurred,
        &[(2, 20, RED), (15, 5, RED), (64, 35, BLUE), (78, 20, BLUE)],
        "the bars of blur",
    );
    // As wide as high: nothing is left for bars.
    let same = first_delivered(
        folder.path(),
        "canvas 40x40 fps:25\ntimeline {\n image \"halves.png\" duration:1s\n}\noutput \"o.png\" size:20x20 fit:blur\n",
    );
    assert_pixels(&same, &[(1, 1, RED), (18, 18, BLUE)], "no bars");
}

#[test]
fn the_pictures_of_a_group_are_blended() {
    let folder = tempfile::tempdir().unwrap();
    // Ten levels, one a frame, four times as slow: the film goes up in equal steps between them.
    let levels: String =
        (0..10).map(|n| format!(" color \"rgb({0}, {0}, {0})\" duration:1f\n", 20 * n)).collect();
    let group = |fields: &str| {
        format!(
            "canvas 16x16 fps:20\ntimeline {{\n group speed:0.25 {fields} {{\n timeline {{\n{levels} }}\n }}\n}}"
        )
    };
    let seen = |text: &str| -> Vec<i32> {
        rgb_frames(folder.path(), text).iter().map(|frame| rgb(frame, 8, 8)[0]).collect()
    };
    let got = seen(&group("frames:blend"));
    let wanted: Vec<i32> = (0..40)
        .map(|n| ((f64::from(n) + 0.5) / 4.0 - 0.5).clamp(0.0, 9.0) * 20.0)
        .map(|v| v.round() as i32)
        .collect();
    assert_eq!(got.len(), wanted.len());
    assert!(got.iter().zip(&wanted).all(|(g, w)| (g - w).abs() <= 1), "{got:?}\n{wanted:?}");
    let nearest: Vec<i32> = (0..40).map(|n| n / 4 * 20).collect();
    assert_eq!(seen(&group("")), nearest);
}
