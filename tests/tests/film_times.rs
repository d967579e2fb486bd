//! When things are seen and heard: anchors into groups, fades, transitions beside gaps, and times that cannot be.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::Path;

use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_dsl::value::Time;
use vfxb_tests::fake::Fake;
use vfxb_tests::scripts::{planned, rgb, rgb_frames, sound};

/// Every finding of a text on [`Fake`] media: its code, the text that it underlines, its message.
fn findings(text: &str) -> Vec<(&'static str, String, String)> {
    let (_, findings, _) = planned(Path::new(""), text, &Fake);
    let found = |f: &Diagnostic| {
        let label = f.primary.as_ref().map(|label| label.span);
        let under = label.map_or("", |span| &text[span.start as usize..span.end as usize]);
        (f.code.0, under.to_owned(), f.message.clone())
    };
    findings.iter().map(found).collect()
}

#[track_caller]
fn one(text: &str, code: &str, under: &str, says: &str) {
    let found = findings(text);
    let right = matches!(found.as_slice(), [(c, u, m)] if *c == code && u == under && m.contains(says));
    assert!(right, "{text}\n{found:#?}\nfor {code} at {under} / {says}");
}

/// Start and end of the item that is called `x`.
fn placed(text: &str) -> (Time, Time) {
    let (plan, _, shown) = planned(Path::new(""), text, &Fake);
    let plan = plan.unwrap_or_else(|| panic!("{shown}"));
    let row = plan.renders[0].timeline.table.iter().find(|row| row.name == "x").unwrap();
    (row.start, row.end)
}

/// A second of red, then a group of two seconds of red and two of blue (`c`), then ten of white; a text over blue.
fn anchored(fields: &str, at: &str, end: &str) -> String {
    format!(
        "timeline {{\n color red duration:1s\n group id:g {fields} {{\n timeline {{\n color red duration:2s\n color blue id:c duration:2s\n }}\n }}\n color white duration:10s\n}}\noverlays {{\n text \"x\" at:{at} duration:{end}\n}}\noutput \"o.mp4\"\n"
    )
}

#[test]
fn anchors_into_a_group_follow_its_times() {
    let t = |n: i64, d: i64| Time::ratio(i128::from(n), i128::from(d));
    for (fields, start, end) in [
        ("", t(3, 1), t(5, 1)),
        ("speed:2", t(2, 1), t(3, 1)),
        ("speed:0.5", t(5, 1), t(9, 1)),
        ("in:1s", t(2, 1), t(4, 1)),
        ("reverse:true", t(1, 1), t(3, 1)),
        ("reverse:true in:1s speed:2", t(1, 1), t(2, 1)),
        ("freeze:\"1s for 3s\"", t(6, 1), t(8, 1)),
        ("freeze:\"3s for 3s\"", t(3, 1), t(8, 1)),
        ("loop:1", t(3, 1), t(5, 1)),
    ] {
        assert_eq!(placed(&anchored(fields, "@g.c.start", "@g.c.end")), (start, end), "{fields}");
    }
    // A ramp: t + t²/4 of the group has passed after t, and 2 s of it have after √12 − 2.
    let (start, _) = placed(&anchored("speed:[0s 1, 4s 3]", "@g.c.start", "@g.end"));
    let wanted = 1.0 + 12f64.sqrt() - 2.0;
    assert!((start.to_f64() - wanted).abs() < 0.01, "{start} for {wanted}");
    // A group in a group: each time goes through both.
    let nested = "timeline {\n group id:a speed:2 {\n timeline {\n color red duration:2s\n group id:b speed:0.5 {\n timeline {\n color red duration:1s\n color blue id:c duration:2s\n }\n }\n }\n }\n color white duration:9s\n}\noverlays {\n text \"x\" at:@a.b.c.start duration:@a.b.c.end\n}\noutput \"o.mp4\"\n";
    assert_eq!(placed(nested), (t(2, 1), t(4, 1)));
    // What lasts as long as its group does, where that is written in seconds.
    let waiting = "timeline {\n color red duration:9s\n}\noverlays {\n group id:g at:1s duration:3s {\n overlays {\n color blue id:c at:1s duration:end\n }\n }\n text \"x\" at:@g.c.start duration:@g.c.end\n}\noutput \"o.mp4\"\n";
    assert_eq!(placed(waiting), (t(2, 1), t(4, 1)));
}

#[test]
fn anchors_without_one_time_are_refused() {
    one(&anchored("loop:2", "@g.c.start", "1s"), "V0466", "@g.c.start", "played more than once");
    one(&anchored("in:3s", "@g.c.start", "1s"), "V0466", "@g.c.start", "outside");
    one(&anchored("out:3s", "0s", "@g.c.end"), "V0466", "@g.c.end", "outside");
    one(
        &anchored("speed:[0s 1, end 3] duration:@g.start+2s", "@g.c.start", "1s"),
        "V0466",
        "@g.c.start",
        "speed",
    );
    // The part that is played has its times.
    assert_eq!(placed(&anchored("in:3s", "0s", "@g.c.end")).1, Time::seconds(2));
}

#[test]
fn fades_act_on_pictures_over_the_timeline() {
    let folder = tempfile::tempdir().unwrap();
    let levels = |text: &str| -> Vec<i32> {
        let text = format!("canvas 16x16 fps:10\n{text}");
        rgb_frames(folder.path(), &text).iter().map(|frame| rgb(frame, 8, 8)[0]).collect()
    };
    let close = |got: &[i32], want: &[i32]| {
        let near = got.len() == want.len() && got.iter().zip(want).all(|(g, w)| (g - w).abs() <= 1);
        assert!(near, "{got:?} for {want:?}");
    };
    let base = "timeline {\n color black duration:1s\n}\n";
    let rise = [0, 51, 102, 153, 204, 255, 255, 255, 255, 255];
    let track = format!("{base}overlays {{\n track {{\n color white duration:1s fade_in:0.5s\n }}\n}}");
    close(&levels(&track), &rise);
    // In a group's overlays as in the film's.
    let group = "timeline {\n group {\n timeline {\n color black duration:1s\n }\n overlays {\n color white duration:1s fade_in:0.5s\n }\n }\n}";
    close(&levels(group), &rise);
    // The last of it is seen, whatever the film cuts off.
    let cut = format!("{base}overlays {{\n color white duration:5s fade_out:0.5s\n}}");
    close(&levels(&cut), &[255, 255, 255, 255, 255, 255, 204, 153, 102, 51]);
    let cut =
        format!("{base}overlays {{\n track at:0.4s {{\n color white duration:5s fade_out:0.5s\n }}\n}}");
    close(&levels(&cut), &[0, 0, 0, 0, 255, 255, 204, 153, 102, 51]);
}

#[test]
fn fades_of_what_is_silent_in_the_timeline_are_told() {
    let film = |item: &str| format!("canvas 64x48 fps:25\ntimeline {{\n {item}\n}}\noutput \"o.mp4\"\n");
    for item in [
        "color red duration:2s fade_in:1s",
        "text \"x\" duration:2s fade_in:1s",
        "image \"a.png\" duration:2s fade_in:1s",
        "group fade_in:1s {\n timeline {\n color red duration:2s\n }\n }",
        "video \"a.mp4\" mute:true fade_in:1s",
    ] {
        one(&film(item), "V0467", "1s", "fades nothing");
    }
    for item in [
        "video \"a.mp4\" fade_in:1s",
        "group fade_in:1s {\n timeline {\n video \"a.mp4\"\n }\n }",
        "color red duration:2s\n}\noverlays {\n color red fade_in:1s",
        "color red duration:2s\n}\noverlays {\n track {\n color red fade_in:1s\n }",
    ] {
        assert_eq!(findings(&film(item)), [], "{item}");
    }
    let defaults = format!("defaults fade_in:1s fade_out:1s\n{}", film("color red duration:2s"));
    assert_eq!(findings(&defaults), []);
}

#[test]
fn a_transition_beside_a_gap_goes_to_what_it_touches() {
    let folder = tempfile::tempdir().unwrap();
    let levels = |entries: &str| -> Vec<i32> {
        let text = format!("canvas 16x16 fps:10\ntimeline {{\n {entries}\n}}");
        rgb_frames(folder.path(), &text).iter().map(|frame| rgb(frame, 8, 8)[0]).collect()
    };
    let item = "color white duration:0.4s\n";
    let fade = "transition crossfade 0.2s\n";
    let gap = "gap 0.2s\n";
    for (entries, want) in [
        (format!("{item}{fade}{gap}{item}"), [255, 255, 191, 64, 0, 0, 255, 255, 255, 255].as_slice()),
        (format!("{item}{gap}{fade}{item}"), &[255, 255, 255, 255, 0, 0, 64, 191, 255, 255]),
        (format!("{item}{fade}{gap}{fade}{item}"), &[255, 255, 191, 64, 0, 0, 64, 191, 255, 255]),
        (format!("{gap}{fade}{item}"), &[0, 0, 64, 191, 255, 255]),
        (format!("{item}{fade}{gap}"), &[255, 255, 191, 64, 0, 0]),
    ] {
        let got = levels(&entries);
        let near = got.len() == want.len() && got.iter().zip(want).all(|(g, w)| (g - w).abs() <= 1);
        assert!(near, "{entries}: {got:?} for {want:?}");
    }
    let alone = |entries: &str| {
        let text = format!("canvas 16x16 fps:10\ntimeline {{\n{entries}}}\noutput \"o.mp4\"\n");
        let found: Vec<_> = findings(&text).into_iter().map(|(code, under, _)| (code, under)).collect();
        assert_eq!(found, [("V0468", "transition crossfade 0.2s".to_owned())], "{entries}");
    };
    alone(&format!("{fade}{gap}{item}"));
    alone(&format!("{item}{gap}{fade}"));
    alone(&format!("{item}{gap}{fade}{gap}{item}"));
    alone(&format!("{item}{fade}{gap}{fade}{gap}{item}"));
}

#[test]
fn times_that_cannot_be_are_told_as_they_are() {
    let base = "color red duration:2s";
    let film = |items: &str| format!("timeline {{\n {items}\n}}\noutput \"o.mp4\"\n");
    // A unit forgotten.
    let long = findings(&film(&format!("{base}\n transition crossfade 500\n {base}")));
    assert!(!long.is_empty() && long.iter().all(|f| f.0 == "V0457" && f.2.contains("500s")), "{long:?}");
    let late = |item: &str| film(&format!("{base}\n}}\noverlays {{\n {item}"));
    one(&late("text \"w\" at:5s"), "V0454", "5s", "this starts at 5s, but the film ends at 2s");
    one(&late("text \"w\" at:5s duration:end"), "V0454", "5s", "this starts at 5s, but the film ends at 2s");
    let heard = |item: &str| film(&format!("{base}\n}}\naudio {{\n {item}"));
    one(&heard("audio \"a.mp4\" at:5s"), "V0463", "audio \"a.mp4\"", "never heard");
    one(&heard("audio \"a.mp4\" at:1s"), "V0462", "audio \"a.mp4\"", "cut");
    // More than is needed.
    let clip = |fields: &str| film(&format!("video \"a.mp4\" {fields}"));
    for (fields, plays, given) in [
        ("in:1s out:3s duration:5s", "2s", "5s"),
        ("in:1s out:3s duration:1s", "2s", "1s"),
        ("in:1s out:3s speed:2 duration:2s", "1s", "2s"),
        ("in:1s out:3s loop:2 duration:2s", "4s", "2s"),
        ("in:0s out:3s freeze:\"1s for 1s\" duration:3s", "4s", "3s"),
    ] {
        let found = findings(&clip(fields));
        let right = matches!(found.as_slice(), [(code, under, says)]
            if *code == "V0455" && under == given && says.contains(&format!("play for {plays}")));
        assert!(right, "{fields}: {found:?}");
    }
    for fields in [
        "in:1s out:3s duration:2s",
        "in:1s out:3s speed:2 duration:1s",
        "in:1s out:3s loop:2 duration:4s",
        "in:1s out:3s loop:true duration:5s",
        "in:1s duration:5s",
        "out:3s duration:2s",
        "in:1s out:3s",
    ] {
        assert_eq!(findings(&clip(fields)), [], "{fields}");
    }
}

#[test]
fn the_sound_and_the_picture_of_an_overlay_that_is_cut_fade_together() {
    let folder = tempfile::tempdir().unwrap();
    let tone = vfxb_tests::films::Sound {
        encoder: "pcm_s16le",
        rate: 48_000,
        planes: vec![vec![0.5; 5 * 48_000]],
        start: 0,
    };
    let film = vfxb_tests::films::Film { sound: Some(tone), ..vfxb_tests::films::Film::new(125) };
    film.write(&folder.path().join("long.mkv")).unwrap();
    let text = "canvas 64x48 fps:25\ntimeline {\n color black duration:2s\n}\noverlays {\n video \"long.mkv\" fade_out:1s\n}\noutput \"o.mp4\"\n";
    let [left, _] = sound(folder.path(), text);
    assert_eq!(left.len(), 96_000);
    for (at, want) in [(24_000, 0.5), (72_000, 0.25), (90_000, 0.0625)] {
        assert!((left[at] - want).abs() < 0.01, "{at}: {}", left[at]);
    }
}
