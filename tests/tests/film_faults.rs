//! What is wrong with a script or its media is said, with its place, before anything is rendered; what is merely odd works.

use std::path::Path;
use std::time::Instant;

use ffmpeg_next::format::Pixel;
use vfxb_engine::media::LibavMedia;
use vfxb_tests::fake::Fake;
use vfxb_tests::films::{Film, Sound, number};
use vfxb_tests::scripts::{errors, planned, rgb, rgb_frame, rgb_frames, sound};

/// The errors of a text on [`Fake`] media: the text that each underlines, and its message.
fn faults(text: &str) -> Vec<(String, String)> {
    let (plan, findings, shown) = planned(Path::new(""), text, &Fake);
    let errors: Vec<_> = findings.iter().filter(|f| f.is_error()).collect();
    assert_eq!(plan.is_none(), !errors.is_empty(), "{shown}");
    let place = |f: &&vfxb_dsl::diagnostic::Diagnostic| {
        let under =
            f.primary.as_ref().map_or("", |label| &text[label.span.start as usize..label.span.end as usize]);
        (under.to_owned(), f.message.clone())
    };
    errors.iter().map(place).collect()
}

#[track_caller]
fn one_fault(text: &str, under: &str, says: &str) {
    let found = faults(text);
    let right = found.len() == 1 && found[0].0.contains(under) && found[0].1.contains(says);
    assert!(right, "{text}\n{found:#?}\nfor {under} / {says}");
}

fn clip(fields: &str) -> String {
    format!("timeline {{\n video \"a.mp4\" {fields}\n}}\noutput \"o.mp4\"\n")
}

#[test]
fn cycles_and_ids_are_named() {
    let overlays = |items: &str| {
        format!("timeline {{\n video \"a.mp4\"\n}}\noverlays {{\n{items}\n}}\noutput \"o.mp4\"\n")
    };
    let found =
        faults(&overlays(" text \"a\" id:a at:@b.end duration:1s\n text \"b\" id:b at:@a.end duration:1s"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].1.contains("@a") && found[0].1.contains("@b"), "{found:?}");
    one_fault(&overlays(" text \"a\" id:a at:@a.end duration:1s"), "", "@a");
    one_fault(&overlays(" text \"a\" at:@nobody.start duration:1s"), "@nobody", "nobody");
    let twice = faults(&overlays(" text \"a\" id:a\n text \"b\" id:a"));
    assert_eq!(twice.len(), 1, "{twice:?}");
    // A film that lasts as long as what lasts as long as the film.
    let text = "overlays {\n text \"a\" at:0s duration:end\n}\noutput \"o.mp4\"\n";
    assert_eq!(faults(text).len(), 1, "{:?}", faults(text));
    // A group's length cannot come from where it is looked for, nor times inside it be known before it.
    let inside = "{\n overlays {\n text \"a\" id:t duration:end\n }\n }";
    let group = format!("timeline {{\n group {inside}\n}}\noutput \"o.mp4\"\n");
    one_fault(&group, "group", "how long this group is");
    let looped = overlays(&format!(" group loop:true duration:2s {inside}"));
    one_fault(&looped, "group", "how long this group is");
    let waited =
        overlays(&format!(" group id:g duration:end {inside}\n text \"b\" at:@g.t.start duration:1s"));
    one_fault(&waited, "@g.t", "inside `g`");
    // A long chain of anchors is no recursion.
    let chain: String =
        (1..20_000).map(|n| format!(" text \"x\" id:i{n} at:@i{}.end duration:1ms\n", n - 1)).collect();
    let text = overlays(&format!(" text \"x\" id:i0 at:0s duration:1ms\n{chain}"));
    let (plan, _, shown) = planned(Path::new(""), &text, &Fake);
    assert!(plan.is_some(), "{}", &shown[..shown.len().min(2000)]);
    let backwards: String =
        (1..5_000).rev().map(|n| format!(" text \"x\" id:i{n} at:@i{}.end duration:1ms\n", n - 1)).collect();
    let text = overlays(&format!("{backwards} text \"x\" id:i0 at:0s duration:1ms\n"));
    let (plan, _, shown) = planned(Path::new(""), &text, &Fake);
    assert!(plan.is_some(), "{}", &shown[..shown.len().min(2000)]);
}

#[test]
fn times_outside_of_the_source_or_the_film() {
    one_fault(&clip("in:5s out:3s"), "3s", "not after");
    one_fault(&clip("in:11s"), "11s", "10");
    one_fault(&clip("in:0s out:11s"), "11s", "10");
    one_fault(&clip("in:-11s"), "-11s", "");
    one_fault(&clip("in:3s out:3s"), "3s", "");
    one_fault(&clip("duration:0s"), "0s", "");
    one_fault(&clip("crop:3000x100"), "3000x100", "1920");
    one_fault(&clip("loop:true"), "video", "length");
    one_fault(&clip("zoom:[0s 1, 4s 2, -8s 3]"), "", "forward");
    one_fault(&clip("stream:3"), "3", "sound stream");
    let two =
        "timeline {\n video \"a.mp4\"\n transition crossfade 11s\n video \"a.mp4\"\n}\noutput \"o.mp4\"\n";
    assert!(!faults(two).is_empty());
    let text = "timeline {\n video \"a.mp4\"\n}\noverlays {\n text \"a\" at:1s..3s duration:4s\n}\noutput \"o.mp4\"\n";
    one_fault(text, "4s", "");
    let text =
        "timeline {\n video \"a.mp4\"\n}\noverlays {\n text \"a\" at:-1s duration:4s\n}\noutput \"o.mp4\"\n";
    // Before the end by one second, and then four: longer than the film, which cuts it.
    assert!(faults(text).len() <= 1, "{:?}", faults(text));
    let text = |range: &str| format!("timeline {{\n video \"a.mp4\"\n}}\noutput \"o.mp4\" range:{range}\n");
    one_fault(&text("8s..12s"), "", "part of the film");
    let text = "timeline {\n video \"a.mp4\"\n}\noutput \"o.png\" at:10s\n";
    one_fault(text, "10s", "");
}

#[test]
fn numbers_beyond_their_limits_name_them() {
    for field in [
        "speed:0",
        "speed:-1",
        "speed:nan",
        "speed:inf",
        "speed:1e308",
        "speed:1001",
        "loop:-1",
        "scale:-1",
        "opacity:2",
        "volume:nan",
    ] {
        let found = faults(&clip(field));
        let value = field.split_once(':').unwrap().1;
        assert_eq!(found.len(), 1, "{field}: {found:?}");
        assert!(found[0].0.contains(value), "{field}: {found:?}");
    }
    for canvas in ["0x0", "0x100", "100000x100000", "100000x2"] {
        assert_eq!(faults(&format!("canvas {canvas}\n{}", clip(""))).len(), 1, "{canvas}");
    }
    for fps in ["0", "-1", "1000000", "nan", "1/0"] {
        assert_eq!(faults(&format!("canvas 64x48 fps:{fps}\n{}", clip(""))).len(), 1, "{fps}");
    }
    for effect in ["blur nan", "blur 2", "brightness -1", "contrast 1e308"] {
        assert_eq!(faults(&clip(&format!("| {effect}"))).len(), 1, "{effect}");
    }
}

#[test]
fn what_would_take_years_is_refused_at_once() {
    let started = Instant::now();
    one_fault(&clip("loop:1000000"), "", "24 hours");
    one_fault(&clip("speed:0.001 loop:100"), "", "24 hours");
    one_fault(&clip("loop:true duration:1000000s"), "", "24 hours");
    one_fault(&clip("freeze:\"1s for 100000s\""), "", "24 hours");
    one_fault(&clip("speed:[0s 0.001, 1s 0.001] loop:1000"), "", "");
    let many: String = (0..100_000).map(|_| " color red duration:1ms\n").collect();
    one_fault(&format!("canvas 64x48 fps:25\ntimeline {{\n{many}}}\noutput \"o.mp4\"\n"), "", "50000 items");
    let layers: String = (0..1000).map(|_| " color red\n").collect();
    one_fault(
        &format!("timeline {{\n video \"a.mp4\"\n}}\noverlays {{\n{layers}}}\noutput \"o.mp4\"\n"),
        "",
        "500 layers",
    );
    let nested = (0..40).fold("video \"a.mp4\"".to_owned(), |inner, _| {
        format!("group loop:9 {{\n timeline {{\n {inner}\n }}\n}}")
    });
    assert!(!faults(&format!("timeline {{\n {nested}\n}}\noutput \"o.mp4\"\n")).is_empty());
    // Seconds in a debug build, more where the machine is busy; one of these alone would take hours if it were done.
    assert!(started.elapsed().as_secs() < 120, "{:?}", started.elapsed());
}

#[test]
fn ten_thousand_clips_are_planned_quickly() {
    let clips: String =
        (0..10_000).map(|n| format!(" video \"a.mp4\" in:{}s duration:0.5s\n", n % 9)).collect();
    let started = Instant::now();
    let (plan, _, shown) = planned(
        Path::new(""),
        &format!("canvas 64x48 fps:25\ntimeline {{\n{clips}}}\noutput \"o.mp4\"\n"),
        &Fake,
    );
    let took = started.elapsed();
    let plan = plan.unwrap_or_else(|| panic!("{shown}"));
    assert_eq!(plan.renders[0].timeline.film.frames, 125_000);
    // A second when optimised; this may be a debug build on a busy machine.
    assert!(took.as_secs() < 10, "{took:?}");
}

#[test]
fn files_that_are_missing_or_are_no_media() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("no.mp4"), "not a film").unwrap();
    std::fs::write(folder.path().join("empty.mp4"), "").unwrap();
    std::fs::create_dir(folder.path().join("dir.mp4")).unwrap();
    let silent = Film::new(10);
    silent.write(&folder.path().join("silent.mkv")).unwrap();
    for name in [
        "none.mp4",
        "no.mp4",
        "empty.mp4",
        "dir.mp4",
        "/dev/zero",
        "/proc/self/mem",
        "http://localhost/a.mp4",
        "concat:a|b",
        "data:text/plain,x",
        "pipe:0",
    ] {
        let found = errors(folder.path(), &format!("timeline {{\n video \"{name}\"\n}}\noutput \"o.mp4\""));
        assert_eq!(found.len(), 1, "{name}: {found:?}");
    }
    let text = "timeline {\n color black duration:1s\n}\naudio {\n audio \"silent.mkv\"\n}\noutput \"o.mp4\"";
    assert_eq!(errors(folder.path(), text).len(), 1);
    // Each place that names it is told.
    let text = "timeline {\n video \"none.mp4\"\n video \"none.mp4\"\n}\noutput \"o.mp4\"";
    assert_eq!(errors(folder.path(), text).len(), 2);
}

#[test]
fn odd_stamps_are_normalised() {
    let folder = tempfile::tempdir().unwrap();
    let film = |pts: Vec<i64>| Film {
        pts,
        options: vec![("preset", "medium"), ("crf", "10"), ("bf", "0")],
        ..Film::new(20)
    };
    for (name, pts) in [
        ("negative.mkv", (-10..10).collect::<Vec<i64>>()),
        ("huge.mkv", (1_000_000..1_000_020).collect()),
        ("far.mp4", (1_000_000..1_000_020).collect()),
    ] {
        film(pts).write(&folder.path().join(name)).unwrap();
        let text = format!("canvas 64x48 fps:25\ntimeline {{\n video \"{name}\"\n}}");
        let got: Vec<u64> = rgb_frames(folder.path(), &text).iter().map(number).collect();
        let all = (0..20).collect::<Vec<u64>>();
        assert_eq!(got, all, "{name}");
    }
}

#[test]
fn sounds_of_all_rates_and_layouts() {
    let folder = tempfile::tempdir().unwrap();
    for (rate, channels) in [(8_000, 1), (192_000, 2), (11_025, 2), (48_000, 6)] {
        let plane: Vec<f32> =
            (0..rate).map(|n| 0.3 * (n as f32 * 440.0 * std::f32::consts::TAU / rate as f32).sin()).collect();
        let sound_of = Sound { encoder: "pcm_s16le", rate, planes: vec![plane; channels], start: 0 };
        Film { sound: Some(sound_of), ..Film::new(25) }.write(&folder.path().join("s.mkv")).unwrap();
        let [left, right] =
            sound(folder.path(), "canvas 64x48 fps:25\ntimeline {\n video \"s.mkv\"\n}\noutput \"o.wav\"");
        assert_eq!(left.len(), 48_000);
        let crossings = left.windows(2).filter(|w| w[0] < 0.0 && w[1] >= 0.0).count();
        assert!((438..=441).contains(&crossings), "{rate} Hz, {channels} channels: {crossings}");
        assert!(left[10_000..40_000].iter().zip(&right[10_000..40_000]).all(|(l, r)| (l - r).abs() < 1e-4));
    }
}

#[test]
fn pictures_of_every_kind_are_right() {
    let folder = tempfile::tempdir().unwrap();
    // Y 120, Cb 100, Cr 160 (of 8 bits), by size: up to 576 lines BT.601, else BT.709.
    let (y, cb, cr) = (120.0, 100.0 - 128.0, 160.0 - 128.0);
    let expected = |kr: f64, kb: f64, full: bool| {
        let (y, c) = if full { (y / 255.0, 1.0 / 255.0) } else { ((y - 16.0) / 219.0, 1.0 / 224.0) };
        let (pb, pr) = (cb * c, cr * c);
        let (r, b) = (y + 2.0 * (1.0 - kr) * pr, y + 2.0 * (1.0 - kb) * pb);
        let g = (y - kr * r - kb * b) / (1.0 - kr - kb);
        [r, g, b].map(|v| (v * 255.0).round().clamp(0.0, 255.0) as i32)
    };
    let (bt601, bt709) = ((0.299, 0.114), (0.2126, 0.0722));
    for (pixel, size, full, (kr, kb)) in [
        (Pixel::YUV420P, (64, 48), false, bt601),
        (Pixel::YUV420P, (2, 600), false, bt709),
        (Pixel::YUV422P, (64, 48), false, bt601),
        (Pixel::YUV444P, (63, 47), false, bt601),
        (Pixel::YUV420P, (1, 1), false, bt601),
        (Pixel::YUV420P, (3, 3), false, bt601),
        (Pixel::YUV420P, (255, 257), false, bt601),
        (Pixel::YUV420P10LE, (64, 48), false, bt601),
        (Pixel::YUV422P10LE, (65, 49), false, bt601),
        (Pixel::YUV444P10LE, (64, 48), false, bt601),
        (Pixel::YUV420P, (64, 48), true, bt601),
    ] {
        let (width, height) = size;
        let film = Film {
            width,
            height,
            pixel,
            full_range: full,
            encoder: "ffv1",
            options: Vec::new(),
            ..Film::new(2)
        };
        film.write_with(&folder.path().join("a.mkv"), |plane, _, _, _| [120, 100, 160, 0][plane]).unwrap();
        let want = expected(kr, kb, full);
        for text in [
            "timeline {\n video \"a.mkv\"\n}",
            "canvas 40x30 fps:25\ntimeline {\n video \"a.mkv\" fit:fill\n}",
        ] {
            let frame = rgb_frame(folder.path(), text);
            let (w, h) = (frame.spec().width, frame.spec().height);
            for (x, y) in [(0, 0), (w / 2, h / 2), (w - 1, h - 1)] {
                let got = rgb(&frame, x, y);
                let close = got.iter().zip(want).all(|(g, w)| (g - w).abs() <= 1);
                assert!(close, "{pixel:?} {size:?} full {full}: {got:?} for {want:?} at {x}, {y}\n{text}");
            }
        }
    }
}

#[test]
fn hostile_lettering_is_drawn_or_reported() {
    let folder = tempfile::tempdir().unwrap();
    let long = "lorem ipsum ".repeat(8_000);
    for text in [
        "':textfile=/etc/passwd",
        "%{pts}",
        "[x];movie=a.mp4",
        "שלום עולם",
        "漢字かな交じり文",
        "👩‍👩‍👧‍👦 🏳️‍🌈",
        "a\\u{0}b\\u{202e}c",
        &long,
    ] {
        let script = format!(
            "canvas 200x100 fps:25\ntimeline {{\n color black duration:1s\n}}\noverlays {{\n text \"{text}\" size:12px\n}}\noutput \"o.png\""
        );
        let (plan, _, shown) = planned(folder.path(), &script, &LibavMedia::default());
        assert!(plan.is_some() || shown.contains("error"), "{shown}");
        if plan.is_some() {
            let frame = rgb_frame(folder.path(), script.rsplit_once('\n').unwrap().0);
            assert_eq!((frame.spec().width, frame.spec().height), (200, 100));
        }
    }
}
