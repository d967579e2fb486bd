//! Every frame of a film shows the right picture of its source, told by the number in its pixels.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::Path;

use vfxb_engine::picture::Picture;
use vfxb_tests::films::{self, Film, number};
use vfxb_tests::scripts::{frames, plan_of, rgb, rgb_frames};

const CANVAS: &str = "canvas 64x48 fps:25\n";

/// A folder with `a.mkv`: pictures 0 to 59, 25 a second.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    Film::new(60).write(&folder.path().join("a.mkv")).unwrap();
    folder
}

fn numbers(folder: &Path, text: &str) -> Vec<u64> {
    rgb_frames(folder, &format!("{CANVAS}{text}")).iter().map(number).collect()
}

#[test]
fn time_maps_show_the_frame_that_is_due() {
    let folder = folder();
    let shows = |fields: &str, wanted: Vec<u64>| {
        let got = numbers(folder.path(), &format!("timeline {{\n video \"a.mkv\" {fields}\n}}"));
        assert_eq!(got, wanted, "{fields}");
    };
    shows("in:0.4s out:1s", (10..25).collect());
    shows("in:10f out:-1s", (10..35).collect());
    shows("in:0.41s out:0.6s", vec![10, 11, 12, 13, 14]);
    shows("speed:2", (0..30).map(|n| 2 * n).collect());
    shows("speed:0.5 out:1s", (0..50).map(|n| n / 2).collect());
    shows("speed:1.5", (0..40u64).map(|n| (6 * n).div_ceil(4)).collect());
    shows("in:0.4s out:1s reverse:true", (10..25).rev().collect());
    shows("in:0.4s out:1s reverse:true speed:1.5", (0..10u64).map(|n| 24 - (6 * n).div_ceil(4)).collect());
    shows("out:0.2s loop:3", (0..15).map(|n| n % 5).collect());
    shows("out:0.2s loop:true duration:0.5s", (0..13).map(|n| n % 5).collect());
    shows("out:0.2s loop:2 reverse:true speed:0.5", (0..20u64).map(|n| 4 - (n / 2) % 5).collect());
    let held = (0..5).chain([4; 10]).chain(5..10);
    shows("out:0.4s freeze:\"0.2s for 0.4s\"", held.collect());
    shows("in:2.2s freeze:\"end for 0.2s\"", (55..60).chain([59; 5]).collect());
    // Between two of the source's frames.
    shows("in:0.43s out:0.83s", (11..21).collect());
    // The last frame's middle is after the span's end: still its last picture, from either side.
    shows("in:0.4s out:0.57s", (10..15).collect());
    shows("in:0.4s out:0.57s reverse:true", vec![13, 12, 11, 10, 10]);
    shows(
        "speed:[0s 1, 1s 1] out:0.4s freeze:\"0.2s for 0.2s\"",
        (0..5).chain([4; 5]).chain(5..10).collect(),
    );
    shows(
        "out:0.2s loop:true duration:0.6s freeze:\"0.2s for 0.2s\"",
        (0..5).chain([4; 5]).chain(0..5).collect(),
    );
}

#[test]
fn a_ramp_is_integrated() {
    let folder = folder();
    let text = "timeline {\n video \"a.mkv\" speed:[0s 1, 2s 3]\n}";
    let got = numbers(folder.path(), text);
    // t + t²/2 of source time has passed; it is 2.4 s after √5.8 − 1 s, in the 36th frame.
    let passed = |n: usize| {
        let t = (n as f64 + 0.5) / 25.0;
        t + t * t / 2.0
    };
    let wanted: Vec<u64> = (0..got.len()).map(|n| ((passed(n) * 25.0).ceil() as u64 - 1).min(59)).collect();
    assert_eq!(got, wanted);
    assert!((35..=36).contains(&got.len()), "{}", got.len());
    let text = "timeline {\n video \"a.mkv\" speed:[0s 2, end 2] duration:1s\n}";
    assert_eq!(numbers(folder.path(), text), (0..25).map(|n| 2 * n).collect::<Vec<_>>());
    // Where the source has ended, nothing is seen.
    let text = "timeline {\n video \"a.mkv\" speed:[0s 4, end 4] duration:1s\n}";
    let wanted: Vec<u64> = (0..25).map(|n| if n < 15 { 4 * n + 1 } else { 0 }).collect();
    assert_eq!(numbers(folder.path(), text), wanted);
}

#[test]
fn frames_are_blended_by_distance_and_never_beyond_the_span() {
    let folder = folder();
    let text = format!("{CANVAS}timeline {{\n video \"a.mkv\" in:0.4s out:0.6s speed:0.5 frames:blend\n}}");
    let pictures = rgb_frames(folder.path(), &text);
    assert_eq!(pictures.len(), 10);
    for (n, picture) in pictures.iter().enumerate() {
        // The film's centres lie a quarter frame before and after those of the source.
        let position = 10.0 + (n as f64 - 0.5) / 2.0;
        let (first, second) = (position.floor().max(10.0) as u64, (position.floor() + 1.0).min(14.0) as u64);
        assert_mixed(picture, first, second, position - position.floor());
    }
}

/// Every bit's middle has the mixture of two numbers' colours.
fn assert_mixed(picture: &Picture, first: u64, second: u64, share: f64) {
    let grey = |bit: bool| f64::from(if bit { 210 - 16 } else { 40 - 16 }) * 255.0 / 219.0;
    for bit in 0..12 {
        let x = (2 * bit + 1) * picture.spec().width / 24;
        let (a, b) = (grey(first >> bit & 1 == 1), grey(second >> bit & 1 == 1));
        let got = f64::from(rgb(picture, x, picture.spec().height / 2)[0]);
        let want = a + (b - a) * share;
        assert!((got - want).abs() < 4.0, "{first}/{second} at {share}, bit {bit}: {got} for {want}");
    }
}

#[test]
fn sources_of_all_kinds_of_time() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, film: &Film| film.write(&folder.path().join(name)).unwrap();
    let shows = |film: &str, wanted: Vec<u64>| {
        let got = numbers(folder.path(), &format!("timeline {{\n video \"{film}\" in:0.2s out:0.8s\n}}"));
        assert_eq!(got, wanted, "{film}");
    };
    write("late.mkv", &Film { pts: (100..140).collect(), ..Film::new(40) });
    shows("late.mkv", (5..20).collect());
    write("late.mp4", &Film { pts: (100..140).collect(), ..Film::new(40) });
    shows("late.mp4", (5..20).collect());
    write("30.mp4", &Film { tick: (1, 30), rate: (30, 1), ..Film::new(40) });
    shows("30.mp4", (0..15u64).map(|n| 6 + (12 * n + 5) / 10).collect());
    // Picture k at k² + 3k hundredths of a second: rates from 25 down to 2.
    let pts: Vec<i64> = (0..14).map(|k| k * k + 3 * k).collect();
    write("vfr.mp4", &Film { tick: (1, 100), pts: pts.clone(), ..Film::new(14) });
    let due = |n: i64| pts.iter().rposition(|p| p * 10 < 200 + 40 * n + 20).unwrap() as u64;
    shows("vfr.mp4", (0..15).map(due).collect());
}

#[test]
fn turned_sources_are_upright() {
    let folder = tempfile::tempdir().unwrap();
    let turns = [("0", (1, 0, 0, 1)), ("90", (0, 1, -1, 0)), ("180", (-1, 0, 0, -1)), ("270", (0, -1, 1, 0))];
    for (turn, matrix) in turns {
        let path = folder.path().join("turned.mp4");
        Film::new(40).write(&path).unwrap();
        films::orient(&path, matrix).unwrap();
        let text = "timeline {\n video \"turned.mp4\" in:0.8s out:1s\n}";
        for (n, picture) in rgb_frames(folder.path(), text).iter().enumerate() {
            let (width, height) = (picture.spec().width, picture.spec().height);
            assert_eq!((width, height), if matches!(turn, "0" | "180") { (64, 48) } else { (48, 64) });
            let bit = |bit: u32| {
                let at = (2 * bit + 1) * 64 / 24;
                let (x, y) = match turn {
                    "0" => (at, 24),
                    "90" => (24, at),
                    "180" => (63 - at, 24),
                    _ => (24, 63 - at),
                };
                u64::from(rgb(picture, x, y)[1] > 125) << bit
            };
            assert_eq!((0..12).map(bit).sum::<u64>(), 20 + n as u64, "turned by {turn}");
        }
    }
}

#[test]
fn samples_that_are_not_square_are_made_so() {
    let folder = tempfile::tempdir().unwrap();
    for (aspect, size) in [((2, 1), (128, 48)), ((1, 2), (64, 96)), ((16, 15), (68, 48))] {
        let film = Film { sample_aspect: aspect, ..Film::new(30) };
        film.write(&folder.path().join("wide.mp4")).unwrap();
        let text = "timeline {\n video \"wide.mp4\" in:0.8s out:1s\n}";
        let pictures = rgb_frames(folder.path(), text);
        assert_eq!((pictures[0].spec().width, pictures[0].spec().height), size);
        assert_eq!(pictures.iter().map(number).collect::<Vec<_>>(), [20, 21, 22, 23, 24]);
    }
}

#[test]
fn sequences_gaps_tracks_and_groups() {
    let folder = folder();
    let path = folder.path();
    let two = "video \"a.mkv\" in:0.4s out:0.8s\n gap 0.2s\n video \"a.mkv\" in:1s out:1.4s\n";
    let expected: Vec<u64> = (10..20).chain([0; 5]).chain(25..35).collect();
    assert_eq!(numbers(path, &format!("timeline {{\n {two} }}")), expected);
    // A track starts where it is put, over a film that goes on.
    let text =
        format!("timeline {{\n color black duration:1.6s\n}}\noverlays {{\n track at:0.2s {{\n {two} }}\n}}");
    let tracked: Vec<u64> = [0; 5].into_iter().chain(expected.clone()).chain([0; 10]).collect();
    assert_eq!(numbers(path, &text), tracked);
    // A group has its own clock: twice as fast, and backwards.
    let group = |fields: &str| format!("timeline {{\n group {fields} {{\n timeline {{\n {two} }}\n }}\n}}");
    assert_eq!(numbers(path, &group("")), expected);
    let fast: Vec<u64> = expected.iter().copied().step_by(2).collect();
    assert_eq!(numbers(path, &group("speed:2")), fast);
    let mut back = expected.clone();
    back.reverse();
    assert_eq!(numbers(path, &group("reverse:true")), back);
    assert_eq!(numbers(path, &group("in:0.2s out:0.6s")), expected[5..15]);
    // A group in a group, each from its own start.
    let nested = format!(
        "timeline {{\n gap 0.2s\n group {{\n timeline {{\n group speed:0.5 out:0.4s {{\n timeline {{\n {two} }}\n }}\n }}\n }}\n}}"
    );
    let slow: Vec<u64> = [0; 5].into_iter().chain((0..20).map(|n| expected[n / 2])).collect();
    assert_eq!(numbers(path, &nested), slow);
}

#[test]
fn both_sides_of_a_transition_go_on() {
    let folder = folder();
    let text = format!(
        "{CANVAS}timeline {{\n video \"a.mkv\" in:0.4s out:1.2s\n transition crossfade 0.4s\n video \"a.mkv\" in:1.2s out:2s\n}}"
    );
    let pictures = rgb_frames(folder.path(), &text);
    assert_eq!(pictures.len(), 30);
    for (n, picture) in pictures.iter().enumerate() {
        match n {
            0..10 => assert_eq!(number(picture), 10 + n as u64),
            10..20 => {
                assert_mixed(picture, 10 + n as u64, 20 + n as u64, (n as f64 - 10.0 + 0.5) / 10.0);
            }
            _ => assert_eq!(number(picture), 20 + n as u64),
        }
    }
}

#[test]
fn edges_snap_once_from_exact_sums() {
    let folder = tempfile::tempdir().unwrap();
    let lengths = ["1.001s", "0.3333s", "7f", "250ms", "0.04171s"];
    let colours = ["#100000", "#200000", "#300000", "#400000", "#500000"];
    for (fps, (n, d)) in [("24", (24, 1)), ("25", (25, 1)), ("29.97", (30000, 1001)), ("60", (60, 1))] {
        // In units of 1/(10⁵·3·n) s; `7f` is 7·d/n s.
        let unit = 300_000 * n as i128;
        let exact = [
            1001 * unit / 1000,
            3333 * unit / 10_000,
            7 * 300_000 * d as i128,
            unit / 4,
            4171 * unit / 100_000,
        ];
        let items: String = lengths
            .iter()
            .zip(colours)
            .take(exact.len())
            .map(|(length, colour)| format!(" color {colour} duration:{length}\n"))
            .collect();
        let plan = plan_of(
            folder.path(),
            &format!("canvas 16x16 fps:{fps}\ntimeline {{\n{items}}}\noutput \"f-%04d.png\""),
        );
        let frame = |sum: i128| (sum * n as i128 + unit * d as i128 - 1) / (unit * d as i128);
        let edges: Vec<i128> = exact
            .iter()
            .scan(0, |sum, length| {
                *sum += length;
                Some(frame(*sum))
            })
            .collect();
        let film = &plan.renders[0].timeline.film;
        let got: Vec<i128> = film.layers.iter().map(|l| i128::from(l.frames.end)).collect();
        assert_eq!(got, edges, "{fps}");
        assert_eq!(i128::from(film.frames), edges[4], "{fps}");
        let pictures = frames(
            folder.path(),
            &format!("canvas 16x16 fps:{fps}\ntimeline {{\n{items}}}\noutput \"f-%04d.png\""),
        );
        assert_eq!(pictures.len() as i128, edges[4]);
        for (k, picture) in pictures.iter().enumerate() {
            let item = edges.iter().position(|edge| (k as i128) < *edge).unwrap();
            assert_eq!(rgb(picture, 8, 8), [(item as i32 + 1) * 16, 0, 0], "frame {k} at {fps}");
        }
    }
}
