//! `fps: source`: a film keeps the times of the one source that it is made of.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::Path;

use vfxb_dsl::value::{Rational, Time};
use vfxb_engine::exec::tile::SimdLevel;
use vfxb_engine::media::{DecodeOptions, FrameTimes, LibavMedia, Media, VideoReader};
use vfxb_tests::films::{Film, Sound, number};
use vfxb_tests::scripts::{cpu, frames_on, plan_of, planned, sound, written};

/// When the pictures of `v.mkv` are shown, in milliseconds.
const SHOWN: [i64; 10] = [0, 40, 80, 200, 233, 500, 600, 1000, 1040, 1400];

/// `v.mkv`: pictures at [`SHOWN`], a click at 0.5 s. `c.mkv` and `d.mkv`: 25 and 30 pictures a second.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let clicks = Sound::clicks("pcm_s16le", 48_000, 2, 72_000, &[24_000]);
    let film = Film { tick: (1, 1000), pts: SHOWN.to_vec(), sound: Some(clicks), ..Film::new(10) };
    film.write(&folder.path().join("v.mkv")).unwrap();
    Film::new(10).write(&folder.path().join("c.mkv")).unwrap();
    let other = Film { tick: (1, 30), rate: (30, 1), ..Film::new(10) };
    other.write(&folder.path().join("d.mkv")).unwrap();
    folder
}

fn ms(n: i64) -> Time {
    Time::new(Rational::new(i128::from(n), 1000))
}

/// When the pictures of a file are shown, when the last of them ends, and their numbers.
fn seen(path: &Path) -> (Vec<Time>, Time, Vec<u64>) {
    let info = LibavMedia::default().probe(path).unwrap();
    let times = info.video.as_ref().unwrap().times.clone();
    let FrameTimes::Variable { tick, ticks, .. } = &times else { panic!("{times:?}") };
    let starts = ticks.iter().map(|t| Time::new(Rational::from_integer(i128::from(*t)) * tick)).collect();
    let mut reader =
        VideoReader::open(&info, DecodeOptions { threads: 1, ..DecodeOptions::default() }).unwrap();
    (starts, times.duration(), (0..times.count()).map(|n| number(&reader.picture(n).unwrap())).collect())
}

/// When the frames of a text's film begin, the last edge its end, and the numbers that they show.
fn told(folder: &Path, text: &str) -> (Vec<Time>, Vec<u64>) {
    let plan = plan_of(folder, &format!("{text}\noutput \"o.mkv\"\n"));
    let film = &plan.renders[0].timeline.film;
    let shown = frames_on(&plan.renders[0], &mut cpu(1, SimdLevel::active()), 0..film.frames);
    assert_eq!(plan.renders[0].timeline.duration(), film.frame_time(film.frames), "{text}");
    ((0..=film.frames).map(|n| film.frame_time(n)).collect(), shown.iter().map(number).collect())
}

#[test]
fn every_container_keeps_them() {
    let folder = folder();
    let path = folder.path();
    let outputs = [
        ("o.mp4", "preset:medium"),
        ("o.mov", "preset:ultrafast"),
        ("o.mkv", "preset:medium"),
        ("o.webm", "preset:8"),
        ("hevc.mp4", "codec:hevc preset:ultrafast"),
        ("intra.mov", "codec:prores"),
    ];
    let files = outputs.map(|(file, _)| file);
    let outputs: String = outputs.map(|(file, fields)| format!("output \"{file}\" {fields}\n")).concat();
    let plan = plan_of(path, &format!("canvas fps:source\ntimeline {{\n video \"v.mkv\"\n}}\n{outputs}"));
    written(&plan, true, &|_| ()).unwrap();
    for file in files {
        let (starts, end, numbers) = seen(&path.join(file));
        assert_eq!(starts, SHOWN.map(ms), "{file}");
        assert_eq!(numbers, (0..10).collect::<Vec<u64>>(), "{file}");
        let info = LibavMedia::default().probe(&path.join(file)).unwrap();
        let heard = info.audio[0].start + info.audio[0].duration;
        assert!((heard.to_f64() - 1.44).abs() < 0.03, "{file}: {heard}");
        // Matroska has no place for how long the last one is shown.
        let known = !file.ends_with("mkv") && !file.ends_with("webm");
        assert!(!known || end == ms(1440), "{file}: {end}");
    }
}

#[test]
fn trims_speed_direction_repeats_and_holds_move_them() {
    let folder = folder();
    let of = |fields: &str| {
        told(folder.path(), &format!("canvas fps:source\ntimeline {{\n video \"v.mkv\" {fields}\n}}"))
    };
    let times = |n: &[i64]| n.iter().map(|n| ms(*n)).collect::<Vec<Time>>();
    // From within the third picture to within the ninth.
    assert_eq!(
        of("in:100ms out:1.2s"),
        (times(&[0, 100, 133, 400, 500, 900, 940, 1100]), vec![2, 3, 4, 5, 6, 7, 8])
    );
    assert_eq!(
        of("in:100ms out:1.2s speed:2").0,
        times(&[0, 100, 133, 400, 500, 900, 940, 1100])
            .into_iter()
            .map(|t| t.times(Rational::new(1, 2)))
            .collect::<Vec<Time>>()
    );
    // A third of a second has no place on the source's clock, but on the film's.
    let third = |n: i128| Time::new(Rational::new(n, 3000));
    assert_eq!(
        of("in:200ms out:600ms speed:3"),
        (vec![third(0), third(33), third(300), third(400)], vec![3, 4, 5])
    );
    assert_eq!(of("out:500ms reverse:true"), (times(&[0, 267, 300, 420, 460, 500]), vec![4, 3, 2, 1, 0]));
    assert_eq!(of("in:200ms out:500ms loop:2"), (times(&[0, 33, 300, 333, 600]), vec![3, 4, 3, 4]));
    assert_eq!(
        of("in:200ms out:600ms freeze:\"100ms for 1s\""),
        (times(&[0, 33, 1300, 1400]), vec![3, 4, 5])
    );
    assert_eq!(
        of("in:200ms out:600ms freeze:\"33ms for 1s\""),
        (times(&[0, 1033, 1300, 1400]), vec![3, 4, 5])
    );
    // Its film's length cuts it; what is longer than its source shows nothing at the end.
    assert_eq!(of("in:200ms duration:50ms").0, times(&[0, 33, 50]));
    assert_eq!(of("out:500ms duration:1s").0, times(&[0, 40, 80, 200, 233, 500, 1000]));
}

#[test]
fn sound_overlays_and_parts_keep_to_them() {
    let folder = folder();
    let path = folder.path();
    let base = "canvas fps:source\ntimeline {\n video \"v.mkv\" in:100ms out:1.2s\n}\n";
    let [left, _] = sound(path, &format!("{base}output \"o.wav\"\n"));
    let loudest = left.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).unwrap();
    assert_eq!((left.len(), loudest.0), (52_800, 19_200));
    let plan = plan_of(
        path,
        &format!(
            "{base}overlays {{\n color white at:110ms duration:300ms\n}}\noutput \"o.mkv\" range:200ms..1s\noutput \"s.png\" at:450ms\n"
        ),
    );
    let film = &plan.renders[0].timeline.film;
    // Seen in the frames that begin within its time: at 133 and 400 ms.
    assert_eq!(film.layers[1].frames, 2..4);
    let part = &plan.renders[0].deliveries[0];
    assert_eq!((part.frames.clone(), part.samples.clone()), (3..7, 19_200..52_800));
    assert_eq!(part.duration(&film.clock), ms(700));
    let still = plan.renders.iter().flat_map(|r| &r.deliveries).find(|d| d.file.ends_with("s.png")).unwrap();
    assert_eq!(still.frames, 3..4);
    written(&plan, true, &|_| ()).unwrap();
    let (starts, _, _) = seen(&path.join("o.mkv"));
    assert_eq!(starts, [0, 100, 500, 540].map(ms));
}

#[test]
fn an_output_may_ask_for_them_alone() {
    let folder = folder();
    let text = "canvas fps:30\ntimeline {\n video \"v.mkv\" out:1.2s\n}\noutput \"a.mp4\"\noutput \"b.mp4\" fps:source\n";
    let plan = plan_of(folder.path(), text);
    let films: Vec<_> =
        plan.renders.iter().map(|r| (r.timeline.film.frames, r.timeline.film.clock.own.is_some())).collect();
    assert_eq!(films, [(36, false), (9, true)]);
    // A constant source has its rate, whatever the canvas's is; stills and colours take part in it.
    let text = "canvas fps:30\ntimeline {\n video \"c.mkv\"\n color black duration:1s\n}\noutput \"b.mp4\" fps:source\n";
    let film = &plan_of(folder.path(), text).renders[0].timeline.film;
    assert_eq!((film.frames, film.clock.rate), (35, Rational::from_integer(25)));
}

#[test]
fn what_stands_in_the_way_is_said() {
    let folder = folder();
    let refused = |text: &str| {
        let (plan, findings, shown) = planned(folder.path(), text, &LibavMedia::default());
        assert!(plan.is_none(), "{text}");
        let found = findings.iter().find(|f| f.code.0 == "V0465");
        found.unwrap_or_else(|| panic!("{shown}")).message.clone()
    };
    for (items, reason) in [
        ("video \"v.mkv\"\n video \"v.mkv\"", "2 videos"),
        ("video \"c.mkv\"\n video \"d.mkv\"", "2 videos"),
        ("color red duration:1s", "nothing in the `timeline` is a video"),
        ("video \"v.mkv\"\n gap 1s", "gap"),
        ("video \"v.mkv\"\n color red", "not all"),
        ("transition fade_black 100ms\n video \"v.mkv\"", "transition"),
        ("video \"v.mkv\" speed:[0s 1, 1s 2]", "speed"),
        ("video \"v.mkv\" frames:blend", "blend"),
    ] {
        for text in [
            format!("canvas fps:source\ntimeline {{\n {items}\n}}\noutput \"o.mp4\"\n"),
            format!("canvas fps:25\ntimeline {{\n {items}\n}}\noutput \"o.mp4\" fps:source\n"),
        ] {
            let message = refused(&text);
            assert!(message.contains(reason), "{text}\n{message}");
        }
    }
    let message = refused("canvas fps:source\noverlays {\n video \"v.mkv\"\n}\noutput \"o.mp4\"\n");
    assert!(message.contains("no `timeline`"), "{message}");
}
