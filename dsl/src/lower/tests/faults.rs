//! What is said about scripts that are wrong.

use std::path::PathBuf;

use super::*;
use crate::codes;
use crate::compile;
use crate::source::NamedFiles;

#[test]
fn six_mistakes_of_different_kinds_are_six_findings() {
    let text = "timeline {\n  vidoe \"a.mp4\"\n  video \"a.mp4\" speeed:2 | vintge 0.8\n  image \"b.png\" width:12 duration:soon\n}\noutput \"film.mp5\"\n";
    assert_eq!(
        findings(Spelling::Vfx, text),
        [
            "2:3 `vidoe` V0201 unknown word `vidoe` in a timeline or track",
            "3:17 `speeed` V0202 `video` has no field `speeed`",
            "3:28 `vintge` V0203 unknown effect `vintge`",
            "4:23 `12` V0302 `width`: `12` has no unit",
            "4:35 `soon` V0301 `duration`: `soon` is not a time",
            "6:8 `\"film.mp5\"` V0601 unknown output format `.mp5`",
        ]
    );
}

#[test]
fn the_same_six_in_yaml() {
    let text = "timeline:\n  - vidoe: a.mp4\n  - video: a.mp4\n    speeed: 2\n    effects: [vintge: 0.8]\n  - {image: b.png, width: 12, duration: soon}\noutput: film.mp5\n";
    assert_eq!(
        findings(Spelling::Yaml, text),
        [
            "2:5 `vidoe` V0201 unknown word `vidoe` in a timeline or track",
            "4:5 `speeed` V0202 `video` has no field `speeed`",
            "5:15 `vintge` V0203 unknown effect `vintge`",
            "6:27 `12` V0302 `width`: `12` has no unit",
            "6:41 `soon` V0301 `duration`: `soon` is not a time",
            "7:9 `film.mp5` V0601 unknown output format `.mp5`",
        ]
    );
}

/// The findings of some lines in a timeline.
fn in_timeline(lines: &str) -> Vec<String> {
    findings(Spelling::Vfx, &format!("timeline {{\n{lines}\n}}\n"))
}

fn in_overlays(lines: &str) -> Vec<String> {
    findings(Spelling::Vfx, &format!("overlays {{\n{lines}\n}}\n"))
}

#[test]
fn unknown_words_get_a_suggestion() {
    let helps = |text: &str| {
        let (_, _, findings) = compile_with(Spelling::Vfx, text, &[]);
        findings.into_iter().filter_map(|d| d.help).collect::<Vec<_>>()
    };
    for (text, help) in [
        ("timelime {\n}\n", "did you mean `timeline`?"),
        ("timeline {\n  color red | vintge\n}\n", "did you mean `vintage`?"),
        ("timeline {\n  color red\n  transition crosfade\n  color red\n}\n", "did you mean `crossfade`?"),
        ("timeline {\n  image \"a.png\" fit:cower\n}\n", "did you mean `cover`?"),
        ("timeline {\n  color red position:botom\n}\n", "did you mean `bottom`?"),
        ("timeline {\n  color red opacity:[0s 0, 1s 1 ease-inout]\n}\n", "did you mean `ease-in-out`?"),
        ("media beach = \"b.mp4\"\ntimeline {\n  video beech\n  video beach\n}\n", "did you mean `beach`?"),
        (
            "var name = \"x\"\noverlays {\n  text \"${nane} ${name}\" duration:1s\n}\n",
            "did you mean `${name}`?",
        ),
        (
            "overlays {\n  color red id:intro duration:1s\n  color red at:@intto.end duration:1s\n}\n",
            "did you mean `intro`?",
        ),
        ("output \"a.mp5\"\n", "did you mean `.mp4`?"),
    ] {
        assert_eq!(helps(text), [help], "{text}");
    }
}

#[test]
fn later_words_say_so() {
    for text in [
        "captions \"a.srt\"\n",
        "loudness -14LUFS\n",
        "include \"b.vfx\"\n",
        "audio {\n  say \"x\"\n}\n",
        "audio {\n  tone 80Hz\n}\n",
        "overlays {\n  gradient red\n}\n",
        "overlays {\n  color red duration:1s mask:\"m.png\"\n}\n",
        "overlays {\n  text \"x\" duration:1s animate_in:\"fade 1s\"\n}\n",
        "overlays {\n  text \"${timecode}\" duration:1s\n}\n",
        "output \"a.m3u8\"\n",
        "output \"a.mp4\" when:true\n",
    ] {
        let found = findings(Spelling::Vfx, text);
        assert!(
            matches!(found.as_slice(), [one] if one.contains("V0206") && one.ends_with("is not available yet")),
            "{found:?}"
        );
    }
    assert_eq!(
        findings(Spelling::Yaml, "captions: {file: a.srt}\naudio:\n  - {say: Hello, voice: x}\n"),
        [
            "1:1 `captions` V0206 `captions` is not available yet",
            "3:6 `say` V0206 `say` is not available yet",
        ]
    );
}

#[test]
fn conflicts_show_both_places() {
    let text = "timeline {\n  video \"a.mp4\"[1s..2s] in:3s at:1s id:x\n  transition crossfade\n  transition wipe\n  video \"a.mp4\" in:5s out:3s id:x\n}\noverlays {\n  color red at:1s..2s duration:3s\n}\n";
    let (map, _, found) = compile_with(Spelling::Vfx, text, &[]);
    assert_eq!(
        shown(&map, &found),
        [
            "2:28 `3s` V0405 `[a..b]` sets `in`, and so does the field",
            "2:34 `1s` V0406 `at` is given to an item of a sequence",
            "4:3 `transition` V0407 two transitions stand in a row",
            "5:27 `3s` V0404 `out` at 3s is not after `in` at 5s",
            "5:33 `x` V0401 two items have the id `x`",
            "8:32 `3s` V0405 `at:a..b` says how long, and `duration` too",
        ]
    );
    let also: Vec<_> = found.iter().map(|d| d.secondary.first().map(|l| map.text(l.span))).collect();
    assert_eq!(also, [Some("1s..2s"), None, Some("transition"), Some("5s"), Some("x"), Some("1s..2s")]);
}

#[test]
fn circles_name_their_parts() {
    let found = in_overlays("color red id:a at:@b.end duration:1s\ncolor red id:b at:@a.end duration:1s");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("V0403") && found[0].contains("@a.end") && found[0].contains("@b.end"),
        "{found:?}"
    );
    let found = in_overlays("color red id:a duration:@b.end\ncolor red id:b duration:@a.end");
    assert_eq!(found, ["2:25 `@b.end` V0403 times depend on each other: @a.end → @b.end → @a.end"]);
    let found = in_timeline("color red duration:end");
    assert!(matches!(found.as_slice(), [one] if one.contains("V0403")), "{found:?}");
    assert_eq!(
        in_overlays("color red id:a duration:@b.end\ncolor red id:b duration:2s"),
        Vec::<String>::new()
    );
}

#[test]
fn ids_belong_to_their_film() {
    let group =
        "group id:g {\n  timeline {\n    color red id:x\n  }\n}\ncolor red id:x duration:1s at:@g.x.end";
    assert_eq!(in_overlays(group), Vec::<String>::new());
    let found = in_overlays(
        "group id:g {\n  overlays {\n    color red at:@g.start duration:1s\n  }\n}\ncolor red at:@g.y.end duration:1s",
    );
    assert_eq!(
        found,
        ["4:18 `@g.start` V0402 no item has the id `g`", "7:14 `@g.y.end` V0402 no item has the id `y`",]
    );
}

#[test]
fn values_beyond_their_limits_name_them() {
    for (text, limit) in [
        ("canvas 0x1080\n", "1 to 16384"),
        ("canvas 100000x100\n", "1 to 16384"),
        ("canvas fps:0\n", "1/1000 and 1000"),
        ("canvas fps:1000000\n", "1/1000 and 1000"),
        ("canvas fps:-1\n", "1/1000 and 1000"),
        ("canvas sample_rate:1e308\n", "digits"),
        ("timeline {\n video \"a.mp4\" speed:0\n}\n", "0.001 and 1000"),
        ("timeline {\n video \"a.mp4\" speed:-1\n}\n", "0.001 and 1000"),
        ("timeline {\n video \"a.mp4\" loop:0\n}\n", "1 to 1000000"),
        ("timeline {\n video \"a.mp4\" in:1e308\n}\n", "digits"),
        ("timeline {\n video \"a.mp4\"[5s..5s]\n}\n", "must come after"),
        ("timeline {\n color red duration:0s\n}\n", "longer than 0"),
        ("timeline {\n color red opacity:1.5\n}\n", "0 and 1"),
        ("timeline {\n color red width:-5px\n}\n", "below 0"),
        ("timeline {\n color red | vintage 2\n}\n", "0 and 1"),
        ("timeline {\n gap 0\n}\n", "longer than 0"),
    ] {
        let (_, script, found) = compile_with(Spelling::Vfx, text, &[]);
        assert!(script.is_none() && found.len() == 1, "{text}: {found:#?}");
        assert!(found[0].help.as_ref().unwrap().contains(limit), "{text}: {found:#?}");
    }
    for text in ["timeline {\n color red opacity:nan\n}\n", "timeline {\n color red duration:inf\n}\n"] {
        let (_, _, found) = compile_with(Spelling::Vfx, text, &[]);
        assert_eq!(found[0].code, crate::codes::BAD_VALUE);
    }
}

#[test]
fn keyframes_say_what_is_wrong() {
    assert_eq!(
        in_timeline("color red opacity:[0s 0, 2s 1, 1s 0] scale:[0s] zoom:[] blend:[0s add] rotate:[0s 90]"),
        [
            "2:32 `1s 0` V0307 `opacity`: keyframe at `1s` does not come after `2s`",
            "2:45 `0s` V0306 `scale` has a keyframe without a value",
            "2:54 `[]` V0306 `zoom` has no keyframes",
            "2:63 `[0s add]` V0305 `blend` takes one value, not a list",
            "2:83 `90` V0302 `rotate`: `90` has no unit",
        ]
    );
}

#[test]
fn what_is_bound_and_unused_or_unknown() {
    let text = "var a = 1\nvar b: lenght = 1\nvar c\nmedia m = \"m.mp4\"\nstyle s = opacity:0.5\nvar a = 2\noverlays {\n  color red style:t duration:${d}\n}\n";
    assert_eq!(
        findings(Spelling::Vfx, text),
        [
            "1:5 `a` V0222 variable `a` is never used",
            "2:5 `b` V0222 variable `b` is never used",
            "2:8 `lenght` V0224 unknown type `lenght`",
            "3:5 `c` V0223 variable `c` has no value",
            "4:7 `m` V0502 medium `m` is never used",
            "5:7 `s` V0226 style `s` is never used",
            "6:5 `a` V0227 `a` is bound twice",
            "8:19 `t` V0225 unknown style `t`",
            "8:30 `${d}` V0221 unknown variable `d`",
        ]
    );
    let (_, _, found) = compile_with(
        Spelling::Vfx,
        "var a: length = 1px\noverlays {\n color red width:${a} duration:1s\n}\n",
        &[("a", "12"), ("x", "1")],
    );
    let said: Vec<_> = found.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(said, ["a value is set for `x`, which the script does not bind", "`a`: `12` has no unit"]);
}

#[test]
fn effects_are_checked_by_their_role_and_place() {
    let text = "timeline {\n  image \"a\" | crop 10x10 | blur 1px | crop 5x5 | crossfade | duck\n  transition sepia\n}\naudio {\n  audio \"a.mp3\" | sepia\n}\n";
    assert_eq!(
        findings(Spelling::Vfx, text),
        [
            "2:39 `crop` V0215 there are two `crop`",
            "2:39 `crop` V0216 `crop` acts before every other effect, wherever it stands",
            "2:50 `crossfade` V0213 `crossfade` is a transition, not an effect",
            "2:62 `duck` V0213 `duck` is an effect on sound; `image` has none",
            "3:14 `sepia` V0213 `sepia` is an effect, not a transition",
            "6:19 `sepia` V0213 `sepia` is an effect on pictures; `audio` has none",
        ]
    );
}

#[test]
fn a_yaml_item_has_one_kind() {
    assert_eq!(
        findings(
            Spelling::Yaml,
            "timeline:\n  - {video: a.mp4, image: b.png}\n  - {fit: cover, duration: 1s}\n  - just text\n"
        ),
        [
            "2:6 `video` V0207 this item has 2 kinds: `video`, `image`",
            "3:5 `{fit: cover, duration: 1s}` V0207 none of `fit`, `duration` is a kind in a timeline or track",
            "4:5 `just text` V0207 an item of this list is a mapping",
        ]
    );
}

#[test]
fn a_hostile_script_costs_no_more_than_a_long_one() {
    let many = |line: &str| line.repeat(5_000);
    let unknown = format!("timeline {{\n{}}}\n", many("vidio \"a\" foo:1 | bar\n"));
    let variables = format!("overlays {{\n{}}}\n", many("text \"${a}\" at:@b.end\n"));
    let circle: String =
        (0..5_000).map(|i| format!("color red id:i{i} at:@i{}.end duration:1s\n", (i + 1) % 5_000)).collect();
    let group = format!(
        "overlays {{\ngroup id:g {{\noverlays {{\n{circle}}}\n}}\n{}}}\n",
        many("color red at:@g.i9.end\n")
    );
    for text in [unknown, variables, format!("overlays {{\n{circle}}}\n"), group] {
        let started = std::time::Instant::now();
        let (_, script, found) = compile_with(Spelling::Vfx, &text, &[]);
        assert!(script.is_none() && !found.is_empty() && found.len() <= 402, "{}", found.len());
        // Linear work takes a fraction of a second; what is quadratic here takes minutes.
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    }
}

#[test]
fn a_strangers_text_names_only_the_files_it_was_given() {
    let lowered = |text: &str| {
        let mut map = SourceMap::new();
        let files =
            [("video:1".to_owned(), "/store/a.mp4".into()), ("asset:2".to_owned(), "/store/f.ttf".into())];
        let named = NamedFiles { files: files.into(), outputs: "/jobs/1".into() };
        let file = map.add_named("script", named, text);
        compile(&map, file, Spelling::Vfx, &catalogue(), &[])
    };
    let good =
        "timeline {\n video \"video:1\"\n}\noverlays {\n text \"a\" font:\"asset:2\"\n}\noutput \"film.mp4\"";
    let (script, findings) = lowered(good);
    assert_eq!(findings, []);
    assert_eq!(script.expect("a script").outputs[0].file.value, PathBuf::from("/jobs/1/film.mp4"));
    for name in [
        "/etc/passwd",
        "../a.mp4",
        "/store/a.mp4",
        "video:3",
        "a.mp4",
        "%2e%2e/a.mp4",
        "concat:a|b",
        "img-%04d.png",
    ] {
        let (script, findings) = lowered(&format!("timeline {{\n video \"{name}\"\n}}\noutput \"film.mp4\""));
        assert!(script.is_none(), "{name}");
        assert_eq!(findings.iter().map(|f| f.code).collect::<Vec<_>>(), [codes::UNKNOWN_FILE], "{name}");
    }
    let (_, findings) =
        lowered("overlays {\n text \"a\" font:\"/usr/f.ttf\" duration:1s\n}\noutput \"film.mp4\"");
    assert_eq!(findings.iter().map(|f| f.code).collect::<Vec<_>>(), [codes::UNKNOWN_FILE]);
    for name in ["/tmp/a.mp4", "../a.mp4", "a/b.mp4", ".mp4", "-i.mp4", "a\\\\b.mp4", "C:a.mp4", "a\\n.mp4"] {
        let (script, findings) = lowered(&format!("timeline {{\n video \"video:1\"\n}}\noutput \"{name}\""));
        assert!(script.is_none(), "{name}");
        assert_eq!(findings.iter().map(|f| f.code).collect::<Vec<_>>(), [codes::NOT_A_FILE], "{name}");
    }
}
