//! Edits by the scripts that they give; what those scripts show is the engine's to test.

use super::apply::{Edit, Facts};
use super::film::Film;
use super::operation::{AddText, ApplyFilter, Crop, Export, ExportQuality, Trim};
use crate::http::body::parse;
use crate::model::{ScriptSpelling, ScriptText};
use serde_json::{Value, json};
use uuid::Uuid;

const HD: Facts = Facts { width: 1920, height: 1080, duration: 60.0, fps: 30.0, canvas: None };

fn body<E: Edit>(mut value: Value) -> E {
    value["videoId"] = json!(Uuid::nil());
    serde_json::from_value(value).expect("a body")
}

fn edited<E: Edit>(film: &mut Film, facts: Facts, value: Value) {
    body::<E>(value).apply(film, &facts).expect("an edit that fits");
}

fn text(film: &Film) -> String {
    film.text().expect("a text").replace(&Uuid::nil().to_string(), "0")
}

#[test]
fn the_five_edits_are_one_item_one_text_and_one_output() {
    let mut film = Film::of_upload(Uuid::nil());
    edited::<Trim>(&mut film, HD, json!({"startTime": 10.5, "endTime": 20}));
    edited::<Crop>(
        &mut film,
        Facts { duration: 9.5, ..HD },
        json!({"width": 1280, "height": 720, "x": 320, "y": 180}),
    );
    let cropped = Facts { width: 1280, height: 720, duration: 9.5, ..HD };
    edited::<ApplyFilter>(&mut film, cropped, json!({"filterType": "vintage", "intensity": 0.8}));
    let words = json!({"text": "Hello ${World}", "position": {"x": 100, "y": 50.5}, "duration": {"start": 5, "end": 8},
        "style": {"fontSize": 48, "color": "#ff0", "fontFamily": "Inter"}});
    edited::<AddText>(&mut film, cropped, words);
    edited::<Export>(&mut film, cropped, json!({"format": "webm", "quality": "high", "resolution": "480p"}));
    assert_eq!(
        text(&film),
        r##"canvas 1280x720

timeline {
  video "video:0" in:10.5s out:20s crop:"1280x720 320px 180px"
      | vintage intensity:0.8
}

overlays {
  text "Hello $${World}" at:5s..8s position:"100px 50.5px" size:48px color:"#ff0" font:"Inter"
}

output "result.webm" quality:high resolution:480p
"##
    );
}

#[test]
fn what_comes_after_a_text_acts_on_the_text_too() {
    let mut film = Film::of_upload(Uuid::nil());
    edited::<AddText>(&mut film, HD, json!({"text": "a"}));
    edited::<Trim>(&mut film, HD, json!({"startTime": 1.25, "endTime": 60.02}));
    let rest = Facts { duration: 58.75, ..HD };
    edited::<Crop>(&mut film, rest, json!({"width": 100, "height": 50}));
    edited::<ApplyFilter>(
        &mut film,
        Facts { width: 100, height: 50, ..rest },
        json!({"filterType": "blur", "intensity": 0.5}),
    );
    edited::<Trim>(
        &mut film,
        Facts { width: 100, height: 50, ..rest },
        json!({"startTime": 1, "endTime": 3}),
    );
    assert_eq!(
        text(&film),
        r#"canvas 100x50

timeline {
  group size:1920x1080 in:2.25s crop:"100x50 0px 0px" out:4.25s | blur intensity:0.5 {
    timeline {
      video "video:0"
    }
    overlays {
      text "a"
    }
  }
}

output "result.mp4"
"#
    );
}

#[test]
fn an_edit_of_a_smaller_export_refers_to_its_pixels() {
    let mut film = Film::of_upload(Uuid::nil());
    edited::<Export>(&mut film, HD, json!({"format": "mov", "resolution": "480p"}));
    let small = Facts { width: 854, height: 480, canvas: Some((1920, 1080)), ..HD };
    edited::<Crop>(&mut film, small, json!({"width": 400, "height": 300, "x": 10, "y": 20}));
    assert_eq!(
        text(&film),
        "canvas 400x300\n\ntimeline {\n  group size:1920x1080 crop:\"400x300 10px 20px\" {\n    timeline {\n      video \"video:0\"\n    }\n  }\n}\n\noutput \"result.mov\"\n"
    );
}

#[test]
fn a_script_of_ones_own_is_edited_as_a_whole() {
    let script = "var size: length = 10px\nmedia m = \"video:0\"\ntimeline {\n video m\n video m\n}\naudio {\n audio m\n}\noverlays {\n text \"x\" size:size\n}\noutput \"a.mp4\"\noutput \"b.webm\" quality:low";
    let vars = [("size".to_owned(), "20px".to_owned())].into();
    let script = ScriptText { text: script.to_owned(), spelling: ScriptSpelling::Vfx, vars };
    let mut film = Film::read(&script, Some("b.webm")).expect("a film");
    edited::<ApplyFilter>(&mut film, HD, json!({"filterType": "sepia"}));
    let text = text(&film);
    assert!(text.contains("var size: length = \"20px\""), "{text}");
    assert!(
        text.contains("  group size:1920x1080 | sepia intensity:1 {\n    timeline {\n      video m\n"),
        "{text}"
    );
    assert!(text.contains("    audio {\n      audio m\n"), "{text}");
    assert!(text.contains("output \"b.webm\" quality:low") && !text.contains("a.mp4"), "{text}");
}

#[test]
fn what_does_not_fit_the_picture_is_said_in_sentences() {
    let says = |findings: Result<(), Vec<String>>| findings.expect_err("it does not fit");
    let mut film = Film::of_upload(Uuid::nil());
    let before = film.clone();
    assert_eq!(
        says(body::<Trim>(json!({"startTime": 70, "endTime": 65})).apply(&mut film, &HD)),
        [
            "`endTime` (65) must be after `startTime` (70)",
            "`startTime` (70) must be before the video's end (60)",
            "`endTime` (65) must not be after the video's end (60)",
        ]
    );
    assert_eq!(
        says(body::<Crop>(json!({"width": 1900, "height": 1080, "x": 21, "y": 1})).apply(&mut film, &HD)),
        [
            "`x` and `width` must lie inside the picture: 21 + 1900 is more than 1920",
            "`y` and `height` must lie inside the picture: 1 + 1080 is more than 1080",
        ]
    );
    let sound = Facts { width: 0, height: 0, fps: 0.0, ..HD };
    assert_eq!(
        says(body::<AddText>(json!({"text": "a"})).apply(&mut film, &sound)),
        ["`videoId` names a sound: it has no picture"]
    );
    let unknown = says(body::<ApplyFilter>(json!({"filterType": "crossfade"})).apply(&mut film, &HD));
    assert!(unknown[0].starts_with("`filterType` must be one of "), "{unknown:?}");
    assert_eq!(film, before, "a refused edit leaves the film alone");
}

#[test]
fn names_that_are_not_known_are_refused_by_the_published_schema_all_at_once() {
    let refused =
        |body: Value| parse::<Export>(body.to_string().as_bytes()).expect_err("unknown words").details;
    let mut details =
        refused(json!({"videoId": Uuid::nil(), "format": "mp5", "quality": "best", "resolution": "big"}));
    details.sort_unstable();
    assert_eq!(
        details,
        [
            "`format` must be one of mp4, m4v, mov, mkv, webm, gif, apng, wav, mp3, m4a, flac, opus, ogg.",
            "`quality` must be one of low, medium, high, lossless.",
            "`resolution` must be one of source, 480p, 720p, 1080p, 1440p, 2160p, 4k, square, vertical.",
        ]
    );
    for resolution in ["source", "4k", "360p", "640x360"] {
        let body = json!({"videoId": Uuid::nil(), "format": "gif", "resolution": resolution});
        let export: Export = parse(body.to_string().as_bytes()).expect("a size of the language");
        assert_eq!((export.resolution.as_str(), export.quality), (resolution, ExportQuality::Medium));
    }
    let filter = |name: &str| {
        let body = json!({"videoId": Uuid::nil(), "filterType": name, "intensity": 2});
        parse::<ApplyFilter>(body.to_string().as_bytes()).expect_err("too much").details
    };
    assert_eq!(filter("sharpen"), ["`intensity` must be at most 1."]);
    // A transition, and no effect of the picture.
    let details = filter("crossfade");
    assert_eq!(details.len(), 2, "{details:?}");
    assert!(details.iter().any(|said| said.starts_with("`filterType` must be one of ")), "{details:?}");
    for name in ["vintage", "blackwhite", "sepia", "blur", "sharpen"] {
        assert!(details.iter().any(|said| said.contains(name)), "{name}: {details:?}");
    }
}
