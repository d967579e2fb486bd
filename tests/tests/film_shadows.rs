//! What items throw on what is beneath: against the closed form of a blurred box, and both executors against each other.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::Path;

use vfxb_engine::exec::gpu::{GpuExecutor, Preference};
use vfxb_engine::exec::tile::SimdLevel;
use vfxb_engine::picture::Picture;
use vfxb_tests::films::Film;
use vfxb_tests::scripts::{cpu, frames_on, plan_of, rgb, rgb_frame, still};

/// `grey.mp4`, 64×48: middle grey. `grey.png`: the same with an alpha of 1. `ring.png`: 60×60, a disc with a hole.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    Film::new(3)
        .write_with(&folder.path().join("grey.mp4"), |plane, _, _, _| if plane == 0 { 126 } else { 128 })
        .unwrap();
    still(&folder.path().join("grey.png"), (64, 48), |_, _| [128, 128, 128, 255]);
    let ring = |x: u32, y: u32| {
        let away = f64::from((2 * x as i32 - 59).pow(2) + (2 * y as i32 - 59).pow(2)).sqrt() / 2.0;
        [200, 40, 40, if (12.0..28.0).contains(&away) { 255 } else { 0 }]
    };
    still(&folder.path().join("ring.png"), (60, 60), ring);
    folder
}

fn script(item: &str) -> String {
    format!(
        "canvas 200x120 fps:25 background:white\ntimeline {{\n color white duration:80ms\n}}\noverlays {{\n {item}\n}}"
    )
}

fn shown(folder: &Path, item: &str) -> Picture {
    rgb_frame(folder, &script(item))
}

/// The share of a Gaussian of `sigma` that lies between two edges, seen from the middle of pixel `at`.
fn between(low: f64, high: f64, at: u32, sigma: f64) -> f64 {
    let passed = |edge: f64| {
        0.5 * (1.0 + libm::erf((f64::from(at) + 0.5 - edge) / (sigma * std::f64::consts::SQRT_2)))
    };
    passed(low) - passed(high)
}

/// Everything that fills the box from 68, 36 to 132, 84 throws this: 20 right, 10 down, σ 8, half black.
const SHADOW: &str = "shadow:\"20px 10px 16px #00000080\"";

fn assert_thrown(picture: &Picture, what: &str) {
    for (x, y) in (0..120u32).step_by(3).flat_map(|y| (0..200u32).step_by(3).map(move |x| (x, y))) {
        let inside = (68..132).contains(&x) && (36..84).contains(&y);
        let near_edge =
            [68, 132].iter().any(|e| x.abs_diff(*e) < 2) || [36, 84].iter().any(|e| y.abs_diff(*e) < 2);
        if near_edge {
            continue;
        }
        let cover = between(88.0, 152.0, x, 8.0) * between(46.0, 94.0, y, 8.0);
        let want = if inside { 128 } else { (255.0 - 255.0 * cover * 128.0 / 255.0).round() as i32 };
        let got = rgb(picture, x, y);
        assert!(got.iter().all(|v| (v - want).abs() <= 2), "{what}: {got:?} for {want} at {x}, {y}");
    }
}

#[test]
fn a_box_throws_the_gaussian_of_itself() {
    let folder = folder();
    for item in [
        "video \"grey.mp4\" SHADOW",
        "image \"grey.png\" SHADOW",
        "color #808080 width:64px height:48px SHADOW",
        "color #808080 width:64px height:48px SHADOW | hue 10deg",
        "shape rect fill:#808080 width:64px height:48px SHADOW",
        "group size:64x48 SHADOW {\n timeline {\n color #808080 duration:80ms\n }\n }",
        "image \"grey.png\" crop:32x24 width:64px SHADOW",
        "video \"grey.mp4\" width:64px height:48px fit:cover zoom:3 SHADOW",
        "video \"grey.mp4\" border:\"6px #808080\" SHADOW",
        "video \"grey.mp4\" fit:blur width:64px height:48px crop:10x48 SHADOW",
        // Off by a whole turn, as it is turned about its middle.
        "video \"grey.mp4\" rotate:360deg SHADOW",
    ] {
        assert_thrown(&shown(folder.path(), &item.replacen("SHADOW", SHADOW, 1)), item);
    }
}

#[test]
fn corners_holes_and_lines_throw_what_they_are() {
    let folder = folder();
    let at = |item: &str, x: u32, y: u32| rgb(&shown(folder.path(), item), x, y)[0];
    // A corner that is rounded off: the same from a shape's known outline and from the picture's alpha.
    let [known, taken] = ["video \"grey.mp4\"", "image \"grey.png\""]
        .map(|item| shown(folder.path(), &format!("{item} radius:50% {SHADOW}")));
    for (x, y) in (0..120).step_by(2).flat_map(|y| (0..200).step_by(2).map(move |x| (x, y))) {
        let (a, b) = (rgb(&known, x, y), rgb(&taken, x, y));
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 2), "{a:?} and {b:?} at {x}, {y}");
    }
    let sharp = "shadow:\"70px 0px black\"";
    let square = at(&format!("video \"grey.mp4\" {sharp}"), 139, 37);
    let round = at(&format!("video \"grey.mp4\" radius:50% {sharp}"), 139, 37);
    assert_eq!((square, round), (0, 255));
    // Through the hole of a ring its own shadow is seen, and the hole in that.
    let ring = |x, y| at("image \"ring.png\" shadow:\"50px 0px black\"", x, y);
    assert_eq!((ring(100, 60), ring(150, 60), ring(100 + 50 + 20, 60)), (255, 255, 0));
    assert!(at("image \"ring.png\" shadow:\"20px 0px black\"", 101, 60) < 10);
    // A stroke alone throws a frame.
    let line = |x, y| {
        at(
            "shape rect stroke:\"6px red\" fill:transparent width:40px height:40px shadow:\"60px 0px black\"",
            x,
            y,
        )
    };
    assert_eq!((line(160, 60), line(143, 60)), (255, 0));
}

/// How light two pixels are, from 0 to 9.
fn tones(picture: &Picture, a: (u32, u32), b: (u32, u32)) -> (i32, i32) {
    let tone = |(x, y)| rgb(picture, x, y)[0] * 10 / 256;
    (tone(a), tone(b))
}

#[test]
fn it_turns_fades_and_lies_under_all_of_the_item() {
    let folder = folder();
    let picture = |item: &str| shown(folder.path(), item);
    let sharp = "shadow:\"100px 0px black\"";
    // A quarter turn clockwise: what was thrown to the right goes down.
    let turned =
        picture(&format!("video \"grey.mp4\" width:20px height:20px position:top {sharp} rotate:90deg"));
    assert_eq!(tones(&turned, (100, 110), (190, 10)), (0, 9));
    let alpha = picture(&format!("image \"ring.png\" width:20px position:top {sharp} rotate:90deg"));
    assert_eq!(tones(&alpha, (106, 110), (190, 10)), (0, 9));
    // At half opacity the item hides its shadow as before, and both are half there.
    let half = picture("video \"grey.mp4\" opacity:0.5 shadow:\"20px 0px black\"");
    let (under, beside) = (rgb(&half, 120, 60)[0], rgb(&half, 145, 60)[0]);
    assert!((under - 191).abs() <= 1 && (beside - 128).abs() <= 1, "{under} {beside}");
    // The border lies over it; the part outside of the canvas throws into it.
    let lined = picture("video \"grey.mp4\" border:\"4px #ff0000\" shadow:\"2px 0px black\"");
    assert!(rgb(&lined, 130, 60)[0] > 250 && rgb(&lined, 130, 60)[1] < 5 && rgb(&lined, 133, 60)[0] < 5);
    let outside = picture("video \"grey.mp4\" position:\"-64px 20px\" shadow:\"64px 0px 0px black\"");
    assert_eq!(tones(&outside, (30, 40), (70, 40)), (0, 9));
    // Lengths are the canvas's: an output of half the size has half the shadow.
    let text = format!("{}\noutput \"o.png\" size:100x60\n", script(&format!("video \"grey.mp4\" {sharp}")));
    let plan = plan_of(folder.path(), &text);
    let small = frames_on(&plan.renders[0], &mut cpu(1, SimdLevel::active()), [0]).remove(0);
    assert_eq!(tones(&small, (90, 30), (74, 30)), (0, 9));
}

#[test]
fn both_machines_throw_the_same() {
    let folder = folder();
    let mut gpu = GpuExecutor::new(Preference::Any).unwrap();
    for item in [
        format!("video \"grey.mp4\" {SHADOW}"),
        format!("video \"grey.mp4\" {SHADOW} radius:12px border:\"3px #ff8000\" rotate:17deg opacity:0.8"),
        format!("image \"ring.png\" {SHADOW} scale:1.37 rotate:30deg"),
        format!("image \"ring.png\" {SHADOW} position:[0s \"3px 4px\", end \"40px 9.3px\"] blend:multiply"),
        format!("shape circle fill:#2080ffcc width:70px height:50px {SHADOW}"),
        format!(
            "group {SHADOW} scale:0.6 {{\n overlays {{\n text \"Ada\" size:40px duration:80ms\n image \"ring.png\" position:left\n }}\n }}"
        ),
    ] {
        let plan = plan_of(folder.path(), &format!("{}\noutput \"f-%04d.png\"\n", script(&item)));
        let render = &plan.renders[0];
        let a = frames_on(render, &mut cpu(2, SimdLevel::active()), render.frames());
        let b = frames_on(render, &mut gpu, render.frames());
        for (x, y) in (0..120).flat_map(|y| (0..200).map(move |x| (x, y))) {
            let (a, b) = (rgb(&a[1], x, y), rgb(&b[1], x, y));
            assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1), "{item}: {a:?} and {b:?} at {x}, {y}");
        }
    }
}
