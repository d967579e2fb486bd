//! What is answered to what people write: every finding says how to mend it, in both spellings, and its advice is right.

use super::*;
use crate::script::*;
use crate::value::{Animated, TimePoint};

/// The messages and helps of a text.
fn said(spelling: Spelling, text: &str) -> Vec<String> {
    let (_, _, findings) = compile_with(spelling, text, &[]);
    findings.into_iter().map(|d| format!("{} | {}", d.message, d.help.unwrap_or_default())).collect()
}

/// Checks that each text has one finding, which holds these words.
fn answers(spelling: Spelling, table: &[(&str, &str)]) {
    for (text, words) in table {
        let found = said(spelling, text);
        assert!(found.len() == 1 && found[0].contains(words), "{text}\nwants {words}\ngets {found:#?}");
    }
}

fn in_timeline(line: &str) -> String {
    format!("timeline {{\n  {line}\n}}\n")
}

fn in_overlays(line: &str) -> String {
    format!("overlays {{\n  {line}\n}}\n")
}

/// The same for lines of a timeline.
fn lines(table: &[(&str, &str)]) {
    let texts: Vec<_> = table.iter().map(|(line, _)| in_timeline(line)).collect();
    let table: Vec<_> = texts.iter().zip(table).map(|(text, (_, words))| (text.as_str(), *words)).collect();
    answers(Spelling::Vfx, &table);
}

#[test]
fn anchors_are_refused_on_clocks_that_know_none() {
    lines(&[
        ("color red opacity:[@b.start 0, end 1]", "`@b.start` is on the timeline's clock"),
        ("color red | sepia at:@b.start", "own clock"),
        ("color red | sepia duration:@b.end", "own clock"),
        ("color red | sepia at:1s..@b.end", "own clock"),
        ("video \"a.mp4\" freeze:\"@a.start for 1s\"", "own clock"),
        ("video \"a.mp4\" in:@a.start", "source's own clock"),
    ]);
    answers(
        Spelling::Yaml,
        &[(
            "timeline:\n  - {color: red, opacity: [{t: '@b.start', value: 0}, {t: end, value: 1}]}\n",
            "own clock",
        )],
    );
}

#[test]
fn an_effect_acts_in_a_range() {
    let script = vfx(&in_timeline("color red | sepia at:0.5s..end-1s"));
    let Some(SequenceEntry::Item(item)) = script.timeline.unwrap().entries.pop() else { panic!() };
    let effect = &item.effects[0];
    let time = |text: &str| Some(text.parse::<TimePoint>().unwrap());
    assert_eq!(effect.at.as_ref().map(|t| t.value.clone()), time("0.5s"));
    assert_eq!(effect.until.as_ref().map(|t| t.value.clone()), time("end-1s"));
    lines(&[
        ("color red | sepia at:1s..2s duration:1s", "leave one out"),
        ("color red | sepia duration:0s", "longer than 0"),
    ]);
}

#[test]
fn kinds_say_what_they_do_not_have() {
    lines(&[
        ("color red crop:10x10", "`color` has no field `crop` | one colour"),
        ("color red | crop 10x10", "`color` has no `crop` | one colour"),
        ("text \"x\" crop:10x10", "a text has no source"),
        ("text \"x\" fit:cover", "write `size`"),
        ("text \"x\" height:10%", "as high as its lines"),
        ("text \"x\" border:\"1px red\"", "write `outline`"),
        ("text \"x\" width:[0s 10%, end 20%]", "`width` takes one value, not a list"),
        ("shape rect border:\"1px red\"", "write `stroke`"),
        ("shape rect color:red", "write `fill`"),
        ("shape rect crop:10x10", "no source to crop"),
        ("shape circle radius:10px", "`radius` means nothing for `circle`"),
        ("shape line stroke:\"1px red\" radius:10px", "`radius` means nothing for `line`"),
    ]);
    answers(
        Spelling::Vfx,
        &[
            (&in_overlays("adjust | flip"), "`adjust` has no `flip`"),
            (&in_overlays("adjust | crop 10x10 | sepia"), "`adjust` has no `crop`"),
            (&in_overlays("adjust | rotate 90deg"), "`adjust` has no `rotate`"),
            ("audio {\n  audio \"a.mp3\" frames:blend\n}\n", "a sound has no pictures"),
            (
                "audio {\n  track {\n    audio \"a.mp3\"\n    transition crossfade ease:ease-in\n    audio \"a.mp3\"\n  }\n}\n",
                "cross with equal power",
            ),
            (
                "overlays {\n  group stream:1 {\n    timeline {\n      color red\n    }\n  }\n}\n",
                "write it on the items of the group",
            ),
        ],
    );
    // What comes from defaults and styles is for those that have it.
    vfx(
        "defaults fit:cover\nstyle s = radius:10px | crop 10x10 | flip\ntimeline {\n color red style:s\n text \"x\" style:s\n shape circle style:s\n}\n",
    );
}

#[test]
fn outputs_say_what_means_nothing() {
    let table = [
        ("output \"a.mp3\" bitrate:1M", "write `audio_bitrate`"),
        ("output \"a.m4a\" crf:20", "write `audio_bitrate`"),
        ("output \"a.mp3\" quality:lossless", "highest quality"),
        ("output \"a.wav\" audio_bitrate:192k", "keeps every sample"),
        ("output \"a.wav\" preset:slow", "keeps every sample"),
        ("output \"a.gif\" audio_codec:aac", "no sound"),
        ("output \"a.png\" range:0s..1s", "write `at`"),
        ("output \"a-%04d.png\" at:1s range:0s..1s", "write `at`"),
    ];
    for (text, words) in table {
        let (_, script, found) = compile_with(Spelling::Vfx, &format!("{text}\n"), &[]);
        assert!(found.len() == 1 && script.is_some(), "{text}: {found:#?}");
        let said = format!("{} {}", found[0].message, found[0].help.as_deref().unwrap_or(""));
        assert!(said.contains(words), "{text}: {said}");
    }
    answers(Spelling::Vfx, &[("output \"a.mp4\" crf:20 bitrate:1M\n", "`bitrate` and `crf`")]);
    answers(Spelling::Yaml, &[("output: {file: a.mp4, crf: 20, bitrate: 1M}\n", "leave one out")]);
    vfx(
        "output \"a.wav\" quality:high\noutput \"b.mp3\" quality:low\noutput \"c.gif\" quality:high\noutput \"d-%04d.png\" range:0s..1s quality:high\n",
    );
}

#[test]
fn every_later_effect_and_transition_says_so() {
    let known = catalogue();
    for (role, names) in crate::vocabulary::LATER_EFFECTS {
        for name in names.iter().filter(|name| known.get(name).is_none()) {
            let text = match role {
                Role::Transition => in_timeline(&format!("color red\n transition {name} 1s\n color red")),
                _ => in_timeline(&format!("video \"a.mp4\" | {name} 1")),
            };
            let wanted = [format!("`{name}` is not available yet | leave it out for now")];
            assert_eq!(said(Spelling::Vfx, &text), wanted, "{text}");
        }
    }
    answers(
        Spelling::Yaml,
        &[
            (
                "timeline:\n  - {video: a.mp4, effects: [{chroma_key: green, spill: 1}]}\n",
                "not available yet",
            ),
            ("defaults: {transition: dissolve}\ntimeline: [{color: red}]\n", "not available yet"),
        ],
    );
}

#[test]
fn effects_of_a_style_come_before_its_items_own() {
    let text = "style look = | sepia 0.5 | rotate 10deg\ntimeline {\n  image \"a.png\" style:look | vintage 0.8 | rotate 0deg\n  image \"a.png\" style:look\n  image \"a.png\" style:look rotate:5deg\n  image \"a.png\" style:look | crop 10x10 | vintage\n}\n";
    let entries = vfx(text).timeline.unwrap().entries;
    let looks: Vec<_> = entries
        .iter()
        .map(|entry| {
            let SequenceEntry::Item(item) = entry else { panic!() };
            let names: Vec<_> = item.effects.iter().map(|e| e.name.value.as_str()).collect();
            (names.join(" "), item.visual.rotate.clone())
        })
        .collect();
    let wanted = [("sepia vintage", 0.0), ("sepia", 10.0), ("sepia", 5.0), ("sepia vintage", 10.0)];
    assert_eq!(looks, wanted.map(|(names, turned)| (names.to_string(), Animated::Constant(turned))));
}

#[test]
fn help_is_true() {
    answers(
        Spelling::Vfx,
        &[
            ("vars x = 1\n", "write a line for each: `var NAME = …`"),
            ("outputs \"a.mp4\"\n", "write a line for each: `output …`"),
            ("styles x = opacity:1\n", "write a line for each: `style NAME = …`"),
            (
                "nothing\n",
                "`canvas`, `var`, `media`, `style`, `defaults`, `timeline`, `overlays`, `audio`, `output`",
            ),
            (&in_overlays("crossfade 1s"), "write `transition crossfade 1s` between two items of a timeline"),
            (&in_timeline("crossfade 1s"), "write `transition crossfade 1s`"),
            (&in_timeline("sepia"), "is an effect: it stands behind a `|`"),
            (&in_timeline("color red position:\"bottom right\""), "write `bottom-right`"),
            (&in_timeline("color red anchor:\"left top\""), "write `top-left`"),
            (&in_timeline("color red position:\"center center\""), "write `center`"),
            (&in_timeline("color red\n transition crossfade direction:left\n color red"), "its fields are"),
        ],
    );
    answers(Spelling::Yaml, &[("nothing: 1\n", "`canvas`, `vars`, `media`, `styles`,")]);
    let (_, _, found) = compile_with(Spelling::Vfx, &in_timeline("color red"), &[("a", "1")]);
    assert_eq!(
        found[0].help.as_deref(),
        Some("the script binds no variables: write `var a = …` into it, or leave `a` out")
    );
}

#[test]
fn a_first_value_may_be_a_length() {
    let radius = |text: &str| {
        let mut script = vfx(&in_timeline(&format!("color red | blur {text}")));
        let Some(SequenceEntry::Item(item)) = script.timeline.as_mut().unwrap().entries.pop() else {
            panic!()
        };
        item.effects[0].params.clone()
    };
    assert!(
        matches!(radius("5px").as_slice(), [ParamValue::Number(_), ParamValue::Length(Animated::Constant(l))] if l.value == 5.0)
    );
    assert!(
        matches!(radius("[0s 0px, end 2vmin]").as_slice(), [_, ParamValue::Length(Animated::Keyframes(k))] if k.len() == 2)
    );
    assert!(
        matches!(radius("50%").as_slice(), [ParamValue::Number(Animated::Constant(n)), ParamValue::Absent] if *n == 0.5)
    );
    let yaml = script(Spelling::Yaml, "timeline:\n  - {color: red, effects: [blur: 5px]}\n");
    let Some(SequenceEntry::Item(item)) = yaml.timeline.unwrap().entries.pop() else { panic!() };
    assert!(
        matches!(&item.effects[0].params[1], ParamValue::Length(Animated::Constant(l)) if l.value == 5.0)
    );
}

#[test]
fn a_value_too_many_gets_the_name_that_it_needs() {
    answers(
        Spelling::Vfx,
        &[
            ("canvas 320x180 30\n", "give it a name: `fps:30`"),
            (
                &in_timeline("video \"a.mp4\" [1s..2s]"),
                "a range touches the source that it trims: write `\"a.mp4\"[1s..2s]`",
            ),
            (&in_timeline("video \"a.mp4\" cover"), "give it a name: `fit:cover`"),
            (&in_timeline("color red 5s"), "give it a name: `duration:5s`"),
            (
                &in_timeline("color red\n transition crossfade 1s left\n color red"),
                "the name of a field: `ease`",
            ),
        ],
    );
    // Behind its duration a transition takes its own values, and a crop its corner.
    let script =
        vfx(&in_timeline("color red\n transition wipe 1s up\n image \"a.png\" | crop 100x100 10px 20px"));
    let entries = script.timeline.unwrap().entries;
    let [_, SequenceEntry::Transition(wipe), SequenceEntry::Item(item)] = entries.as_slice() else {
        panic!()
    };
    assert_eq!(wipe.effect.params, [ParamValue::Word(2)]);
    let crop = item.visual.crop.as_ref().unwrap();
    assert_eq!((crop.x.unwrap().value, crop.y.unwrap().value), (10.0, 20.0));
}

#[test]
fn fields_and_words_from_elsewhere_are_known() {
    lines(&[
        ("video \"a.mp4\" | speed 2", "`speed` is a field: write `speed:2`"),
        ("video \"a.mp4\" | fade_in 1s", "`fade_in` is a field: write `fade_in:1s`"),
        ("video \"a.mp4\" | volume 50%", "`volume` is a field: write `volume:50%`"),
        ("video \"a.mp4\" | fade 1s", "write the field `fade_in:1s`"),
        ("video \"a.mp4\" | grayscale", "write `blackwhite`"),
        ("video \"a.mp4\" fit:stretch", "did you mean `fill`?"),
        ("text \"x\" weight:bold", "write `700`"),
        ("text \"x\" font_size:5vmin", "did you mean `size`?"),
        ("color red\n transition fade 1s\n color red", "did you mean `crossfade`?"),
    ]);
    answers(
        Spelling::Yaml,
        &[("timeline:\n  - {video: a.mp4, effects: [speed: 2]}\n", "`speed` is a field: write `speed: 2`")],
    );
}

#[test]
fn a_fade_of_nothing_switches_off_that_of_defaults() {
    let script = vfx("defaults fade_in:1s\ntimeline {\n  video \"a.mp4\" fade_in:0s\n  video \"a.mp4\"\n}\n");
    let fades: Vec<_> = script
        .timeline
        .unwrap()
        .entries
        .iter()
        .map(|entry| matches!(entry, SequenceEntry::Item(item) if item.sound.fade_in.is_some()))
        .collect();
    assert_eq!(fades, [false, true]);
    lines(&[("video \"a.mp4\" fade_in:-1s", "not a point in time")]);
}

#[test]
fn limits_come_with_what_was_meant() {
    lines(&[
        ("color red opacity:50", "write `50%`; it lies between 0 and 1"),
        ("color red | vintage 80", "write `80%`"),
        ("color red opacity:1.5", "| it lies between 0 and 1"),
        ("video \"a.mp4\" volume:-6", "write `-6dB`"),
        ("video \"a.mp4\" volume:80", "write `80%`"),
        ("video \"a.mp4\" in:1s..2s", "write `in:1s` and `out:2s`"),
        ("gap 1s..2s", "`1s..2s` is a range, where one time is wanted"),
    ]);
    vfx(&in_timeline("video \"a.mp4\" volume:4"));
    vfx(&in_timeline("video \"a.mp4\" volume:18dB"));
}

#[test]
fn lists_in_lists_are_keyframes_and_values() {
    let json = r#"{"timeline": [{"video": "a.mp4", "opacity": [[0, 0], [1, 1, "ease-in"]], "crop": ["100x100", "10px", "20px"],
        "offset": [["0s", "0px 0px"], ["end", "1px", "2px"]], "freeze": [["2s", "for", "1s"]]}]}"#;
    let words = r##"timeline {
        video "a.mp4" opacity:[0 0, 1 1 ease-in] crop:"100x100 10px 20px" offset:[0s "0px 0px", end "1px 2px"] freeze:"2s for 1s"
    }"##;
    let visual = |script: Script| {
        let Some(SequenceEntry::Item(item)) = script.timeline.unwrap().entries.pop() else { panic!() };
        let Animated::Keyframes(keys) = &item.visual.opacity else { panic!() };
        let keys: Vec<_> = keys.iter().map(|k| (k.at.clone(), k.value, k.easing)).collect();
        let Some(Animated::Keyframes(moves)) = &item.visual.offset else { panic!() };
        let moves: Vec<_> = moves.iter().map(|k| (k.at.clone(), k.value)).collect();
        let crop = item.visual.crop.unwrap();
        let ItemKind::Video { map, .. } = &item.kind else { panic!() };
        (keys, moves, crop.width, crop.x, crop.y, map.freeze.len())
    };
    assert_eq!(visual(script(Spelling::Yaml, json)), visual(vfx(words)));
    lines(&[("color red id:[a]", "write the value without brackets")]);
}

#[test]
fn an_unused_style_is_read_all_the_same() {
    let text = "style s = width:50 opacity:2 weight:bold stroke:red | vintage 5\n";
    let found = findings(Spelling::Vfx, text);
    assert_eq!(
        found,
        [
            "1:7 `s` V0226 style `s` is never used",
            "1:17 `50` V0302 `width`: `50` has no unit",
            "1:28 `2` V0303 `opacity`: `2` is beyond the limits",
            "1:37 `bold` V0301 `weight`: `bold` is not a number",
            "1:49 `red` V0301 `stroke`: this is not a width and a colour",
            "1:63 `5` V0303 `intensity`: `5` is beyond the limits",
        ]
    );
    // Used, it says the same once.
    let used = format!("{text}timeline {{\n  image \"a.png\" style:s\n  image \"a.png\" style:s\n}}\n");
    assert_eq!(findings(Spelling::Vfx, &used), found[1..]);
}

#[test]
fn media_and_defaults_are_read_before_anything_uses_them() {
    let text =
        "defaults fit:cower fade_in:soon {\n  text size:5\n}\nmedia m = \"a.mp4\" speed:fast start:x\n";
    assert_eq!(
        findings(Spelling::Vfx, text),
        [
            "1:14 `cower` V0304 `fit`: `cower` is none of its words",
            "1:28 `soon` V0301 `fade_in`: `soon` is not a time",
            "2:13 `5` V0302 `size`: `5` has no unit",
            "4:7 `m` V0502 medium `m` is never used",
            "4:25 `fast` V0301 `speed`: `fast` is not a number",
            "4:36 `x` V0301 `start`: `x` is not a number",
        ]
    );
}

#[test]
fn a_wrong_variable_is_told_once() {
    let text = "var a: length = 12\noverlays {\n color red width:${a} duration:1s\n color red width:${a} duration:1s\n}\n";
    assert_eq!(findings(Spelling::Vfx, text), ["1:17 `12` V0302 `a`: `12` has no unit"]);
}

#[test]
fn the_other_spelling_and_its_comments_are_known() {
    let yaml = "timeline:\n  - {color: red, duration: 1s}\n";
    let found = findings(Spelling::Vfx, yaml);
    assert_eq!(found, ["1:1 `timeline:` V0108 this is YAML or JSON, but its name says `.vfx`"]);
    let found = findings(Spelling::Vfx, "{\"timeline\": [{\"color\": \"red\"}]}");
    assert!(matches!(found.as_slice(), [one] if one.contains("V0108")), "{found:?}");
    answers(Spelling::Vfx, &[("canvas 720p\n# a comment\n", "write a comment as `// …`")]);
    let found = said(Spelling::Vfx, "canvas 720p # a comment\n");
    assert!(found.iter().any(|f| f.contains("write a comment as `// …`")), "{found:?}");
}
