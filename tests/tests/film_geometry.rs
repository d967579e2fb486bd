//! Where pictures lie on the canvas and what they become there, against closed forms.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::Path;

use ffmpeg_next::format::Pixel;
use vfxb_engine::picture::Picture;
use vfxb_tests::films::Film;
use vfxb_tests::scripts::{code, rgb, rgb_frame, rgb_frames, still};

const RED: [i32; 3] = [255, 0, 0];
const GREEN: [i32; 3] = [0, 255, 0];
const BLUE: [i32; 3] = [0, 0, 255];
const WHITE: [i32; 3] = [255, 255, 255];
const BLACK: [i32; 3] = [0, 0, 0];

/// `map.png`, 80×20: red up to column 30, then blue, the lower half green from column 60 on.
/// `tall.png`, 20×80: the same, transposed. `odd.png`, 7×5: white, its first pixel red.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let map = |x: u32, y: u32| match (x, y) {
        (60.., 10..) => [0, 255, 0, 255],
        (30.., _) => [0, 0, 255, 255],
        _ => [255, 0, 0, 255],
    };
    still(&folder.path().join("map.png"), (80, 20), map);
    still(&folder.path().join("tall.png"), (20, 80), |x, y| map(y, x));
    let odd = |x, y| if (x, y) == (0, 0) { [255, 0, 0, 255] } else { [255, 255, 255, 255] };
    still(&folder.path().join("odd.png"), (7, 5), odd);
    folder
}

fn near(got: [i32; 3], want: [i32; 3], tolerance: i32) -> bool {
    got.iter().zip(want).all(|(g, w)| (g - w).abs() <= tolerance)
}

fn assert_pixels(picture: &Picture, wanted: &[(u32, u32, [i32; 3])], what: &str) {
    assert_within(picture, wanted, 2, what);
}

/// Beside edges that were resampled: the filter rings.
fn assert_regions(picture: &Picture, wanted: &[(u32, u32, [i32; 3])], what: &str) {
    assert_within(picture, wanted, 24, what);
}

fn assert_within(picture: &Picture, wanted: &[(u32, u32, [i32; 3])], tolerance: i32, what: &str) {
    for (x, y, want) in wanted {
        let got = rgb(picture, *x, *y);
        assert!(near(got, *want, tolerance), "{what}: {got:?} for {want:?} at {x}, {y}");
    }
}

/// A canvas of 40×40 with one overlay.
fn overlay(folder: &Path, item: &str) -> Picture {
    rgb_frame(
        folder,
        &format!("canvas 40x40 fps:25\ntimeline {{\n color black duration:1s\n}}\noverlays {{\n {item}\n}}"),
    )
}

/// A canvas of 40×40 with one item of a sequence.
fn item(folder: &Path, item: &str) -> Picture {
    rgb_frame(folder, &format!("canvas 40x40 fps:25\ntimeline {{\n {item}\n}}"))
}

#[test]
fn every_fit() {
    let folder = folder();
    let path = folder.path();
    let contained = [
        (2, 17, RED),
        (13, 22, RED),
        (17, 17, BLUE),
        (38, 17, BLUE),
        (38, 23, GREEN),
        (20, 13, BLACK),
        (20, 27, BLACK),
    ];
    assert_regions(&item(path, "image \"map.png\" fit:contain"), &contained, "contain");
    assert_regions(&overlay(path, "image \"map.png\""), &contained, "an overlay shrinks to fit");
    let covered = [(1, 1, BLUE), (38, 1, BLUE), (38, 38, BLUE), (1, 38, BLUE)];
    assert_regions(&item(path, "image \"map.png\""), &covered, "cover");
    let filled = [(1, 1, RED), (13, 38, RED), (17, 1, BLUE), (38, 17, BLUE), (38, 23, GREEN), (27, 38, BLUE)];
    assert_regions(&item(path, "image \"map.png\" fit:fill"), &filled, "fill");
    let own = [
        (0, 10, RED),
        (9, 29, RED),
        (10, 10, BLUE),
        (39, 19, BLUE),
        (39, 20, BLUE),
        (20, 9, BLACK),
        (20, 30, BLACK),
    ];
    assert_regions(&item(path, "image \"map.png\" fit:none"), &own, "none");
    let transposed: Vec<_> = contained.iter().map(|(x, y, c)| (*y, *x, *c)).collect();
    assert_regions(&item(path, "image \"tall.png\" fit:contain"), &transposed, "contain, tall");
    let blurred = item(path, "image \"map.png\" fit:blur");
    assert_regions(&blurred, &contained[..5], "blur");
    // Its bars are the middle of the covering picture: blue with a trace of nothing else.
    assert_regions(&blurred, &[(20, 2, BLUE), (20, 38, BLUE)], "the bars of blur");
    let odd = item(path, "image \"odd.png\" fit:none");
    // 40 − 7 and 40 − 5 are odd: edges half way between pixels.
    assert_regions(
        &odd,
        &[(20, 20, WHITE), (23, 20, [128; 3]), (20, 17, [128; 3]), (20, 22, [128; 3]), (24, 20, BLACK)],
        "odd",
    );
}

#[test]
fn boxes_positions_and_offsets() {
    let folder = folder();
    let path = folder.path();
    let bounds = |item: &str| {
        let picture = overlay(path, item);
        let lit = |x: u32, y: u32| rgb(&picture, x, y).iter().sum::<i32>() > 20;
        let columns: Vec<u32> = (0..40).filter(|x| (0..40).any(|y| lit(*x, y))).collect();
        let rows: Vec<u32> = (0..40).filter(|y| (0..40).any(|x| lit(x, *y))).collect();
        let span = |v: &[u32]| (v.first().copied().unwrap_or(99), v.last().map_or(99, |n| n + 1));
        let ((x0, x1), (y0, y1)) = (span(&columns), span(&rows));
        [x0, y0, x1, y1]
    };
    for (fields, want) in [
        ("width:20px", [10, 17, 30, 23]),
        ("width:50%", [10, 17, 30, 23]),
        ("height:4px", [12, 18, 28, 22]),
        ("width:16px height:16px fit:fill", [12, 12, 28, 28]),
        ("width:16px height:16px", [12, 18, 28, 22]),
        ("width:16px height:16px fit:cover", [12, 12, 28, 28]),
        ("width:16px position:top-left", [0, 0, 16, 4]),
        ("width:16px position:top", [12, 0, 28, 4]),
        ("width:16px position:bottom-right", [24, 36, 40, 40]),
        ("width:16px position:left", [0, 18, 16, 22]),
        ("width:16px position:\"4px 6px\"", [4, 6, 20, 10]),
        ("width:16px position:\"50% 50%\"", [20, 20, 36, 24]),
        ("width:16px position:\"50% 50%\" anchor:center", [12, 18, 28, 22]),
        ("width:16px position:\"50% 50%\" anchor:bottom-right", [4, 16, 20, 20]),
        ("width:16px position:bottom offset:\"2px -10%\"", [14, 32, 30, 36]),
        ("width:16px scale:0.5", [16, 19, 24, 21]),
        ("width:16px scale:2 position:top-left", [0, 0, 32, 8]),
        ("width:16px height:4px rotate:90deg", [18, 12, 22, 28]),
        ("width:16px height:4px rotate:0.5turn", [12, 18, 28, 22]),
        ("crop:40x20 width:20px", [10, 15, 30, 25]),
        ("crop:\"40x20 20px 0px\" fit:none", [0, 10, 40, 30]),
    ] {
        assert_eq!(bounds(&format!("image \"map.png\" {fields}")), want, "{fields}");
    }
    // Shapes and colours take the same boxes.
    for (item, want) in [
        ("color white width:10px height:6px position:top-left", [0, 0, 10, 6]),
        ("color white width:10px height:6px position:\"3px 5px\"", [3, 5, 13, 11]),
        ("shape rect width:10px height:6px", [15, 17, 25, 23]),
        ("shape rect width:10px height:6px scale:2", [10, 14, 30, 26]),
        ("shape rect width:10px height:6px rotate:90deg", [17, 15, 23, 25]),
        ("shape circle width:20px height:10px position:bottom-left", [0, 30, 20, 40]),
        ("shape rect width:25% height:10% position:right offset:\"-2px 0px\"", [28, 18, 38, 22]),
    ] {
        assert_eq!(bounds(item), want, "{item}");
    }
}

#[test]
fn crops_flips_zooms_and_pans() {
    let folder = folder();
    let path = folder.path();
    let shown = |fields: &str, wanted: &[(u32, u32, [i32; 3])]| {
        assert_regions(&item(path, &format!("image \"map.png\" {fields}")), wanted, fields);
    };
    shown("crop:\"20x20 0px 0px\"", &[(1, 1, RED), (38, 38, RED)]);
    shown(
        "crop:\"20x20 50px 0px\"",
        &[(1, 1, BLUE), (38, 1, BLUE), (17, 38, BLUE), (23, 38, GREEN), (38, 17, BLUE)],
    );
    shown("crop:\"20x20 50px 0px\" flip:horizontal", &[(38, 38, BLUE), (17, 38, GREEN), (23, 38, BLUE)]);
    shown("crop:\"20x20 50px 0px\" flip:vertical", &[(38, 38, BLUE), (38, 1, GREEN), (1, 1, BLUE)]);
    shown("crop:\"20x20 50px 0px\" flip:both", &[(1, 1, GREEN), (38, 1, BLUE), (1, 38, BLUE)]);
    // Twice as large about the upper left corner: the box shows the left and upper half of what it showed.
    shown("fit:fill zoom:2 zoom_origin:\"0% 0%\"", &[(1, 1, RED), (28, 38, RED), (32, 38, BLUE)]);
    shown(
        "fit:fill zoom:2 zoom_origin:\"100% 100%\"",
        &[(1, 1, BLUE), (38, 38, GREEN), (17, 38, BLUE), (23, 38, GREEN)],
    );
    shown(
        "fit:fill pan:\"25% 0%\"",
        &[(1, 1, BLACK), (8, 20, BLACK), (11, 20, RED), (23, 20, RED), (27, 20, BLUE)],
    );
    // Keyframes act on the item's clock: at frame 12 of 25 the zoom is 1.5 (to within a frame).
    let text = "canvas 40x40 fps:24\ntimeline {\n image \"map.png\" duration:1s fit:fill zoom:[0s 1, 1s 3] zoom_origin:\"0% 0%\"\n}";
    let frames = rgb_frames(path, text);
    for (n, zoom) in [(0, 1.0), (12, 2.0), (18, 2.5)] {
        let edge = (15.0 * zoom) as u32;
        assert_regions(&frames[n], &[(edge - 2, 1, RED), (edge + 1, 1, BLUE)], "zoom keyframes");
    }
}

#[test]
fn a_turn_keeps_the_middle_and_its_sense() {
    let folder = folder();
    // The red end (left) goes up under a clockwise quarter turn.
    let picture = overlay(folder.path(), "image \"map.png\" width:40px rotate:90deg");
    assert_regions(
        &picture,
        &[(20, 2, RED), (20, 13, RED), (22, 17, BLUE), (17, 38, GREEN), (23, 38, BLUE), (10, 20, BLACK)],
        "90deg",
    );
    let picture = overlay(folder.path(), "color white width:20px height:20px rotate:45deg");
    let half = 10.0 * 2.0f64.sqrt();
    for (x, y) in (0..40).flat_map(|y| (0..40).map(move |x| (x, y))) {
        let away = (f64::from(x) + 0.5 - 20.0).abs() + (f64::from(y) + 0.5 - 20.0).abs();
        if away < half - 1.5 {
            assert!(near(rgb(&picture, x, y), WHITE, 2), "inside at {x}, {y}");
        } else if away > half + 1.5 {
            assert!(near(rgb(&picture, x, y), BLACK, 2), "outside at {x}, {y}");
        }
    }
    // Far larger than the canvas: only what is seen is made.
    let picture = overlay(folder.path(), "image \"map.png\" scale:500 rotate:45deg");
    assert_regions(&picture, &[(20, 20, BLUE), (1, 1, BLUE), (38, 38, BLUE)], "large and turned");
}

#[test]
fn opacity_and_alpha() {
    let folder = folder();
    let path = folder.path();
    still(&path.join("half.png"), (16, 16), |x, _| [255, 128, 0, if x < 8 { 128 } else { 255 }]);
    // A disc whose transparent pixels are green: they must not bleed into its edge.
    let disc = |x: u32, y: u32| {
        let inside = (x as i32 - 32).pow(2) + (y as i32 - 32).pow(2) < 900;
        if inside { [255, 255, 255, 255] } else { [0, 255, 0, 0] }
    };
    still(&path.join("disc.png"), (64, 64), disc);
    let half = overlay(path, "image \"half.png\" position:top-left");
    assert_pixels(&half, &[(3, 3, [128, 64, 0]), (12, 3, [255, 128, 0]), (17, 3, BLACK)], "alpha");
    let faint = overlay(path, "image \"half.png\" position:top-left opacity:0.5");
    assert_pixels(&faint, &[(3, 3, [64, 32, 0]), (12, 3, [128, 64, 0])], "opacity");
    let on_white = "canvas 40x40 fps:25 background:white\ntimeline {\n color white duration:1s\n}\noverlays {\n image \"half.png\" position:top-left\n}";
    assert_pixels(
        &rgb_frame(path, on_white),
        &[(3, 3, [255, 191, 127]), (12, 3, [255, 128, 0])],
        "alpha on white",
    );
    let scaled = overlay(path, "image \"disc.png\" width:40px");
    for (x, y) in (0..40).flat_map(|y| (0..40).map(move |x| (x, y))) {
        let [r, g, b] = rgb(&scaled, x, y);
        assert!((r - g).abs() <= 2 && (g - b).abs() <= 2, "grey at {x}, {y}: {r} {g} {b}");
    }
    assert_pixels(&scaled, &[(20, 20, WHITE), (1, 1, BLACK)], "disc");
    // Fades of an overlay's picture, at the frames' own times.
    let text = "canvas 16x16 fps:20\ntimeline {\n color black duration:1s\n}\noverlays {\n color white at:0.2s duration:0.6s fade_in:0.2s fade_out:0.2s\n}";
    let levels: Vec<i32> = rgb_frames(path, text).iter().map(|f| rgb(f, 5, 5)[0]).collect();
    let want = [0, 0, 0, 0, 0, 64, 128, 191, 255, 255, 255, 255, 255, 191, 128, 64, 0, 0, 0, 0];
    assert!(levels.iter().zip(want).all(|(a, b)| (a - b).abs() <= 1), "{levels:?}");
}

/// CSS Compositing and Blending 1 §9, on one channel of straight colours.
fn separable(mode: &str, b: f64, s: f64) -> Option<f64> {
    Some(match mode {
        "normal" => s,
        "multiply" => b * s,
        "screen" => b + s - b * s,
        "overlay" => separable("hard-light", s, b)?,
        "darken" => b.min(s),
        "lighten" => b.max(s),
        "color-dodge" if b == 0.0 => 0.0,
        "color-dodge" => (b / (1.0 - s).max(1e-9)).min(1.0),
        "color-burn" if b >= 1.0 => 1.0,
        "color-burn" => 1.0 - ((1.0 - b) / s.max(1e-9)).min(1.0),
        "hard-light" if s <= 0.5 => b * 2.0 * s,
        "hard-light" => separable("screen", b, 2.0 * s - 1.0)?,
        "soft-light" if s <= 0.5 => b - (1.0 - 2.0 * s) * b * (1.0 - b),
        "soft-light" => {
            let d = if b <= 0.25 { ((16.0 * b - 12.0) * b + 4.0) * b } else { b.sqrt() };
            b + (2.0 * s - 1.0) * (d - b)
        }
        "difference" => (b - s).abs(),
        "exclusion" => b + s - 2.0 * b * s,
        "add" => (b + s).min(1.0),
        "subtract" => (b - s).max(0.0),
        _ => return None,
    })
}

#[test]
fn blends_of_flat_colours() {
    let folder = folder();
    let modes = [
        "normal",
        "multiply",
        "screen",
        "overlay",
        "darken",
        "lighten",
        "color-dodge",
        "color-burn",
        "hard-light",
        "soft-light",
        "difference",
        "exclusion",
        "add",
        "subtract",
    ];
    let (below, above) = ([200, 100, 30], [90, 180, 240]);
    for mode in modes {
        for opacity in [1.0, 0.4] {
            let text = format!(
                "canvas 16x16 fps:25\ntimeline {{\n color \"rgb(200, 100, 30)\" duration:1s\n}}\noverlays {{\n color \"rgb(90, 180, 240)\" blend:{mode} opacity:{opacity}\n}}"
            );
            let got = rgb(&rgb_frame(folder.path(), &text), 8, 8);
            let want = [0, 1, 2].map(|c| {
                let (b, s) = (f64::from(below[c]) / 255.0, f64::from(above[c]) / 255.0);
                let blended = separable(mode, b, s).unwrap();
                ((b + (blended - b) * opacity) * 255.0).round() as i32
            });
            assert!(near(got, want, 1), "{mode} at {opacity}: {got:?} for {want:?}");
        }
    }
}

#[test]
fn groups_and_adjustments() {
    let folder = folder();
    let path = folder.path();
    // A group is composited alone: its own items cover each other before its opacity acts.
    let text = "canvas 40x40 fps:25\ntimeline {\n color black duration:1s\n}\noverlays {\n group opacity:0.5 {\n overlays {\n color red width:20px height:20px position:top-left duration:1s\n color blue width:20px height:20px position:\"10px 10px\" duration:1s\n }\n }\n}";
    let got = rgb_frame(path, text);
    assert_pixels(
        &got,
        &[(5, 5, [128, 0, 0]), (15, 15, [0, 0, 128]), (25, 25, [0, 0, 128]), (35, 35, BLACK)],
        "group",
    );
    // A group of its own size is placed as a picture is.
    let text = "canvas 40x40 fps:25\ntimeline {\n color black duration:1s\n}\noverlays {\n group size:80x40 width:20px position:top-left {\n timeline {\n color red duration:1s\n }\n overlays {\n color blue width:40px height:40px position:right\n }\n }\n}";
    assert_pixels(
        &rgb_frame(path, text),
        &[(2, 2, RED), (8, 8, RED), (12, 2, BLUE), (18, 8, BLUE), (22, 2, BLACK), (2, 12, BLACK)],
        "sized group",
    );
    let text = "canvas 16x16 fps:10\ntimeline {\n color \"rgb(200, 100, 0)\" duration:1s\n}\noverlays {\n adjust at:0.2s duration:0.3s | invert\n adjust at:0.6s duration:0.2s opacity:0.5 | invert\n color white at:0.2s width:4px height:4px position:top-left\n}";
    let frames = rgb_frames(path, text);
    let inverted = [55, 155, 255];
    for (n, frame) in frames.iter().enumerate() {
        let want = match n {
            2..=4 => inverted,
            6 | 7 => [128, 128, 128],
            _ => [200, 100, 0],
        };
        assert!(near(rgb(frame, 10, 10), want, 1), "frame {n}: {:?} for {want:?}", rgb(frame, 10, 10));
        assert!(near(rgb(frame, 1, 1), if n >= 2 { WHITE } else { want }, 1), "above frame {n}");
    }
    // Effects that look at neighbours, on all beneath, in part.
    let text = "canvas 40x40 fps:25\ntimeline {\n image \"map.png\" fit:fill\n}\noverlays {\n adjust opacity:0.5 | blur 0.2\n}";
    let got = rgb_frame(path, text);
    let [r, _, b] = rgb(&got, 15, 5);
    assert!((r + b - 255).abs() <= 3 && b > 150, "{r} {b}");
}

#[test]
fn transitions_half_way() {
    let folder = folder();
    let path = folder.path();
    // 11 frames: the sixth is exactly half way.
    let middle = |name: &str, from: &str, to: &str| {
        let text =
            format!("canvas 40x40 fps:11\ntimeline {{\n {from}\n transition {name} duration:1s\n {to}\n}}");
        let frames = rgb_frames(path, &text);
        frames[16].clone()
    };
    let (red, blue) = ("color red duration:2s", "color blue duration:2s");
    assert_pixels(
        &middle("crossfade", red, blue),
        &[(5, 5, [128, 0, 128]), (38, 38, [128, 0, 128])],
        "crossfade",
    );
    assert_pixels(&middle("fade_black", red, blue), &[(5, 5, BLACK)], "fade_black");
    let wiped = middle("wipe", red, blue);
    let columns: Vec<[i32; 3]> = (0..40).map(|x| rgb(&wiped, x, 20)).collect();
    let changes: Vec<usize> = (1..40).filter(|x| columns[*x] != columns[*x - 1]).collect();
    assert!(!changes.is_empty() && changes.iter().all(|x| (18..=22).contains(x)), "{changes:?}");
    assert!(near(columns[0], BLUE, 1) != near(columns[39], BLUE, 1), "{columns:?}");
    // A push moves both: half of each, the second's far side last.
    let map = "image \"map.png\" fit:fill duration:2s";
    let pushed = middle("push", map, blue);
    let reds = (0..40).filter(|x| near(rgb(&pushed, *x, 5), RED, 2)).count();
    assert!(reds == 0 || reds == 15, "{reds}");
    let slid = middle("slide", red, blue);
    assert_eq!((0..40).filter(|x| near(rgb(&slid, *x, 5), RED, 2)).count(), 20);
}

#[test]
fn transitions_from_and_to_the_background() {
    let folder = folder();
    let text = "canvas 16x16 fps:10 background:#000080\ntimeline {\n transition crossfade duration:0.5s\n color red duration:1s\n transition crossfade duration:0.5s\n gap 0.5s\n color red duration:0.5s\n}";
    let frames = rgb_frames(folder.path(), text);
    assert_eq!(frames.len(), 20);
    for (n, frame) in frames.iter().enumerate() {
        let share = match n {
            0..5 => (n as f64 + 0.5) / 5.0,
            5..10 => 1.0 - (n as f64 - 5.0 + 0.5) / 5.0,
            10..15 => 0.0,
            _ => 1.0,
        };
        let want = [(255.0 * share).round() as i32, 0, (128.0 * (1.0 - share)).round() as i32];
        assert!(near(rgb(frame, 8, 8), want, 1), "frame {n}: {:?} for {want:?}", rgb(frame, 8, 8));
    }
}

#[test]
fn lettering_lies_where_it_is_put() {
    let folder = folder();
    let bounds = |fields: &str| {
        let text = format!(
            "canvas 200x100 fps:25\ntimeline {{\n color black duration:1s\n}}\noverlays {{\n text \"HHHH\" size:20px color:white {fields}\n}}"
        );
        let picture = rgb_frame(folder.path(), &text);
        let lit = |x: u32, y: u32| rgb(&picture, x, y)[0] > 100;
        let columns: Vec<u32> = (0..200).filter(|x| (0..100).any(|y| lit(*x, y))).collect();
        let rows: Vec<u32> = (0..100).filter(|y| (0..200).any(|x| lit(x, *y))).collect();
        let span = |v: &[u32]| {
            (v.first().map_or(9999.0, |n| f64::from(*n)), v.last().map_or(9999.0, |n| f64::from(n + 1)))
        };
        let ((x0, x1), (y0, y1)) = (span(&columns), span(&rows));
        [x0, y0, x1, y1]
    };
    let plain = bounds("");
    let [width, height] = [plain[2] - plain[0], plain[3] - plain[1]];
    assert!((50.0..70.0).contains(&width) && (13.0..17.0).contains(&height), "{plain:?}");
    assert!(((plain[0] + plain[2]) / 2.0 - 100.0).abs() <= 1.5, "{plain:?}");
    let close = |fields: &str, want: [f64; 4]| {
        let got = bounds(fields);
        assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() <= 1.5), "{fields}: {got:?} for {want:?}");
    };
    let moved = |dx: f64, dy: f64| [plain[0] + dx, plain[1] + dy, plain[2] + dx, plain[3] + dy];
    close("offset:\"10px -20px\"", moved(10.0, -20.0));
    close("offset:\"10% 0px\"", moved(20.0, 0.0));
    let corner = bounds("position:top-left");
    assert!(corner[0] <= 3.0 && corner[1] <= 12.0, "{corner:?}");
    close("position:\"40px 30px\"", [corner[0] + 40.0, corner[1] + 30.0, corner[2] + 40.0, corner[3] + 30.0]);
    // Twice as large about its middle, drawn anew and not stretched.
    close(
        "scale:2",
        [
            100.0 - width,
            plain[1] - height / 2.0 + (100.0 - plain[1] - plain[3]) / -2.0,
            100.0 + width,
            plain[3] + height / 2.0 + (100.0 - plain[1] - plain[3]) / -2.0,
        ],
    );
    close(
        "scale:[0s 2, 1s 1]",
        [
            100.0 - width,
            plain[1] - height / 2.0 + (100.0 - plain[1] - plain[3]) / -2.0,
            100.0 + width,
            plain[3] + height / 2.0 + (100.0 - plain[1] - plain[3]) / -2.0,
        ],
    );
    let turned = bounds("rotate:90deg");
    assert!(
        (turned[3] - turned[1] - width).abs() <= 2.0 && (turned[2] - turned[0] - height).abs() <= 2.0,
        "{turned:?}"
    );
    // Its box, with padding, is behind it.
    let boxed = "canvas 200x100 fps:25\ntimeline {\n color black duration:1s\n}\noverlays {\n text \"HHHH\" size:20px color:white background:#0000ff padding:10px position:top-left\n}";
    let picture = rgb_frame(folder.path(), boxed);
    assert_pixels(&picture, &[(1, 1, BLUE), (5, 5, BLUE)], "the box");
}

#[test]
fn alpha_goes_in_and_comes_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    still(&path.join("half.png"), (16, 16), |x, _| [250, 128, 10, if x < 8 { 128 } else { 255 }]);
    let text = "canvas 40x40 fps:25 background:transparent\noverlays {\n image \"half.png\" duration:1s position:top-left\n color #ff000080 duration:1s width:10px height:10px position:bottom-right\n}";
    let frame = rgb_frame(path, text);
    assert!(frame.spec().format.alpha && !frame.spec().premultiplied);
    let pixel = |x, y| [0, 1, 2, 3].map(|plane| code(&frame, plane, x, y) as i32);
    assert_eq!(pixel(3, 3), [250, 128, 10, 128]);
    assert_eq!(pixel(12, 3), [250, 128, 10, 255]);
    assert_eq!(pixel(35, 35), [255, 0, 0, 128]);
    assert_eq!(pixel(20, 20)[3], 0);
    // Films with alpha: the colour is straight, and what is transparent shows what is beneath.
    for (pixel_format, encoder, name) in
        [(Pixel::YUVA444P10LE, "prores_ks", "a.mov"), (Pixel::YUVA420P, "ffv1", "a.mkv")]
    {
        let options =
            if encoder == "prores_ks" { vec![("profile", "4444"), ("alpha_bits", "16")] } else { Vec::new() };
        let film = Film { pixel: pixel_format, encoder, options, ..Film::new(3) };
        let last = [180, 128, 128, 128];
        film.write_with(
            &path.join(name),
            |plane, x, _, _| if plane == 3 && x < 32 { 0 } else { last[plane] },
        )
        .unwrap();
        let text = format!(
            "canvas 64x48 fps:25\ntimeline {{\n color black duration:0.1s\n}}\noverlays {{\n video \"{name}\"\n}}"
        );
        let frame = rgb_frame(path, &text);
        let want = [((180.0 - 16.0) / 219.0 * 128.0f64) as i32; 3];
        assert!(near(rgb(&frame, 10, 20), BLACK, 2), "{name}: {:?}", rgb(&frame, 10, 20));
        assert!(near(rgb(&frame, 54, 20), want, 2), "{name}: {:?} for {want:?}", rgb(&frame, 54, 20));
    }
}
