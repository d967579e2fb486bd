//! No field is taken and then forgotten: each that a kind has changes what is planned, or how long something lasts.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use vfxb_dsl::value::Rational;
use vfxb_dsl::vocabulary::{NODES, NodeSpec, Place};
use vfxb_engine::media::{Media, MediaError, SourceInfo};
use vfxb_tests::fake::Fake;
use vfxb_tests::scripts::planned;

/// Media that are not there; of numbered stills the rate and first number stand in the name.
struct Numbered;

impl Media for Numbered {
    fn probe(&self, path: &Path) -> Result<Arc<SourceInfo>, MediaError> {
        Fake.probe(path)
    }

    fn probe_sequence(&self, path: &Path, fps: Rational, start: u32) -> Result<Arc<SourceInfo>, MediaError> {
        Fake.probe(&path.join(format!("{fps} from {start}")))
    }
}

/// What a script is planned to; nothing if it is refused.
fn meaning(text: &str) -> Option<Value> {
    let (plan, findings, shown) = planned(Path::new("/edit"), text, &Numbered);
    // A warning that a field means nothing is not an answer that may hide in this test.
    assert!(plan.is_some() || findings.iter().any(|f| f.is_error()), "{text}\n{shown}");
    plan.map(|plan| json!(plan))
}

/// What stands in a field, and what has to stand beside it so that it can be seen; `None`: another test looks at it.
fn sample(kind: &str, field: &str) -> Option<(&'static str, &'static str)> {
    Some(match (kind, field) {
        ("color", "color") => ("lime", ""),
        ("text", "text") => ("Other", ""),
        ("text", "size") => ("9vmin", ""),
        ("text", "background") => ("red", ""),
        ("text", "shadow") => ("\"2px 2px 4px red\"", ""),
        ("text", "radius") => ("7px", "background:red"),
        ("shape", "form") => ("circle", ""),
        ("group", "size") => ("square", ""),
        ("canvas", "size") => ("720p", ""),
        ("canvas", "fps") => ("12", ""),
        ("canvas", "background") => ("red", ""),
        ("gap", "duration") => ("3s", ""),
        ("transition", "duration") => ("250ms", ""),
        ("track", "at") => ("1s", ""),
        // Without an id there is nothing that an anchor could lead to.
        (_, "id") => ("other", ""),
        (_, "style") => ("s", ""),
        (_, "file") => ("\"b-%03d.mp4\"", ""),
        (_, "at") => ("1s", ""),
        (_, "duration") => ("1.5s", ""),
        (_, "in") => ("1s", ""),
        (_, "out") => ("2s", ""),
        (_, "speed") => ("2", ""),
        (_, "reverse") => ("true", ""),
        (_, "loop") => ("2", ""),
        (_, "freeze") => ("\"1s for 1s\"", ""),
        (_, "pitch") => ("follow", "speed:2"),
        (_, "frames") => ("blend", "speed:0.5"),
        (_, "fps") => ("12", ""),
        (_, "start") => ("3", ""),
        (_, "fit") => ("fill", ""),
        (_, "position") => ("top", ""),
        (_, "anchor") => ("top", ""),
        (_, "offset") => ("\"1px 2px\"", ""),
        (_, "width" | "height") => ("40%", ""),
        (_, "scale") => ("0.5", ""),
        (_, "rotate") => ("10deg", ""),
        (_, "zoom") => ("1.5", ""),
        (_, "zoom_origin") => ("\"10% 20%\"", "zoom:2"),
        (_, "pan") => ("\"10% 20%\"", ""),
        (_, "crop") => ("100x100", ""),
        (_, "flip") => ("both", ""),
        (_, "opacity") => ("0.5", ""),
        (_, "blend") => ("add", ""),
        (_, "border") => ("\"2px red\"", ""),
        (_, "radius") => ("7px", ""),
        (_, "shadow") => ("\"2px 2px 4px red\"", ""),
        (_, "volume") => ("0.5", ""),
        (_, "mute") => ("true", ""),
        (_, "pan_audio") => ("-1", ""),
        (_, "fade_in" | "fade_out") => ("500ms", ""),
        (_, "font") => ("\"fonts/a.ttf\"", ""),
        (_, "size") => ("9vmin", ""),
        (_, "weight") => ("700", ""),
        (_, "italic") => ("true", ""),
        (_, "color") => ("lime", ""),
        (_, "letter_spacing") => ("2px", ""),
        (_, "align") => ("left", ""),
        (_, "line_height") => ("2", ""),
        (_, "wrap") => ("100px", ""),
        (_, "background") => ("red", ""),
        (_, "padding") => ("10px", ""),
        (_, "outline") => ("\"2px red\"", ""),
        (_, "fill") => ("lime", ""),
        (_, "stroke") => ("\"2px red\"", ""),
        (_, "name") => ("wipe", ""),
        (_, "ease") => ("ease-in", ""),
        (_, "sample_rate") => ("44100", ""),
        (_, "transition") => ("crossfade", ""),
        (_, "text") => ("Other", ""),
        // There is one sound in the media that are not there: another is refused.
        (_, "stream") => return None,
        _ => panic!("`{kind}` has a field `{field}`, of which this test knows no value"),
    })
}

/// The least that a kind needs: the fields that it is nothing without, and what stands behind its fields.
fn needs(kind: &str, place: Place) -> (&'static [(&'static str, &'static str)], &'static str) {
    match (kind, place) {
        ("video" | "audio", _) => (&[("file", "\"a.mp4\"")], ""),
        ("image", _) => (&[("file", "\"a-%03d.png\"")], ""),
        ("color", _) => (&[("color", "red")], ""),
        ("text", Place::Defaults) => (&[], ""),
        ("text" | "span", _) => (&[("text", "Hello")], ""),
        ("shape", _) => (&[("form", "rect")], ""),
        ("group", _) => (&[], "{\n timeline {\n video \"a.mp4\"\n }\n }"),
        ("adjust", _) => (&[], "| sepia"),
        ("track", Place::Audio) => (&[], "{\n audio \"a.mp4\"\n }"),
        ("track", _) => (&[], "{\n color red\n }"),
        ("gap", _) => (&[("duration", "1s")], ""),
        ("transition", _) => (&[("name", "crossfade")], ""),
        _ => (&[], ""),
    }
}

/// A script in which a line stands in a place.
fn script(line: &str, spec: &NodeSpec, place: Place, field: &str) -> String {
    let style = if field == "style" { "style s = at:1s opacity:0.3 volume:0.3\n" } else { "" };
    let anchored = match (field, place) {
        ("id", Place::Audio | Place::AudioSequence) => "audio \"c.mp4\" at:@other.start+1s\n",
        ("id", _) => "color lime at:@other.start+1s duration:1s\n",
        _ => "",
    };
    let (film, end) = ("timeline {\n color black duration:8s\n}\n", "output \"o.mp4\"\n");
    let inside = match place {
        Place::Top => format!(
            "{line}\ntimeline {{\n video \"a.mp4\"\n color black\n}}\noverlays {{\n video \"a.mp4\"\n text \"x\" width:50% duration:1s\n}}\n"
        ),
        Place::Sequence => format!(
            "timeline {{\n color black duration:5s\n{line}\n color black duration:5s\n}}\noverlays {{\n{anchored}}}\n"
        ),
        Place::Overlays => format!("{film}overlays {{\n{line}\n{anchored}}}\n"),
        Place::Audio => format!("{film}audio {{\n{line}\n{anchored}}}\n"),
        Place::AudioSequence => {
            format!(
                "{film}audio {{\n track {{\n audio \"b.mp4\"[0s..3s]\n{line}\n audio \"b.mp4\"[0s..3s]\n }}\n{anchored}}}\n"
            )
        }
        Place::Text => format!("{film}overlays {{\n text \"x\" {{\n{line}\n }}\n}}\n"),
        Place::Defaults => {
            format!(
                "defaults {{\n{line}\n}}\ntimeline {{\n color red\n color blue\n}}\noverlays {{\n text \"x\"\n}}\n"
            )
        }
        Place::Group => panic!("nothing but blocks stands in a {}", spec.name),
    };
    format!("{style}{inside}{end}")
}

fn line(spec: &NodeSpec, place: Place, field: &str, value: &str, beside: &str) -> String {
    let (needed, tail) = needs(spec.name, place);
    let fields: Vec<_> = needed
        .iter()
        .filter(|(name, _)| *name != field)
        .map(|(name, value)| format!("{name}:{value}"))
        .chain((!value.is_empty()).then(|| format!("{field}:{value}")))
        .collect();
    format!(" {} {} {beside} {tail}", spec.name, fields.join(" "))
}

/// Fields that no plan can show here.
fn elsewhere(spec: &NodeSpec, place: Place, field: &str) -> bool {
    match (spec.name, field) {
        // Bindings and outputs have tests of their own below and beside this one.
        ("var" | "media" | "style" | "output", _) => true,
        // An item of a sequence stands where the others let it.
        (_, "at") => matches!(place, Place::Sequence | Place::AudioSequence),
        // What fades in a sequence is sound.
        ("image" | "color" | "text" | "shape", "fade_in" | "fade_out") => place == Place::Sequence,
        // Sounds cross with equal power, whichever transition it is; an easing there is refused.
        ("transition", "name" | "ease") => place == Place::AudioSequence,
        _ => false,
    }
}

#[test]
fn every_field_of_every_kind_means_something() {
    let mut forgotten = Vec::new();
    for spec in NODES.iter().filter(|spec| spec.all_fields().next().is_some()) {
        for place in spec.places.iter().copied().filter(|place| *place != Place::Group) {
            for field in spec.all_fields().filter(|field| !elsewhere(spec, place, field.name)) {
                let Some((value, beside)) = sample(spec.name, field.name) else { continue };
                let plain = script(
                    &line(spec, place, field.name, needed(spec, place, field.name), beside),
                    spec,
                    place,
                    field.name,
                );
                let with = script(&line(spec, place, field.name, value, beside), spec, place, field.name);
                let meant = meaning(&with);
                assert!(
                    meant.is_some(),
                    "`{}` of `{}` is refused:\n{with}{}",
                    field.name,
                    spec.name,
                    planned(Path::new("/edit"), &with, &Numbered).2
                );
                if meaning(&plain) == meant {
                    forgotten.push(format!("`{}` of `{}` in {}", field.name, spec.name, place.name()));
                }
            }
        }
    }
    assert!(forgotten.is_empty(), "nothing becomes of {forgotten:#?}");
}

/// The value that a field has if the kind cannot be without it.
fn needed(spec: &NodeSpec, place: Place, field: &str) -> &'static str {
    needs(spec.name, place).0.iter().find(|(name, _)| *name == field).map_or("", |(_, value)| value)
}

#[test]
fn every_field_of_an_output_means_something() {
    let film = "timeline {\n video \"a.mp4\"\n}\n";
    let spec = NODES.iter().find(|spec| spec.name == "output").unwrap();
    for field in spec.all_fields().filter(|field| field.name != "file") {
        let (file, value, beside) = match field.name {
            "quality" => ("o.mp4", "high", ""),
            "size" | "resolution" => ("o.mp4", "480p", ""),
            "fit" => ("o.mp4", "fill", "size:square"),
            "fps" => ("o.mp4", "12", ""),
            "codec" => ("o.mkv", "ffv1", ""),
            "preset" => ("o.mp4", "slow", ""),
            "crf" => ("o.mp4", "30", ""),
            "bitrate" => ("o.mp4", "1M", ""),
            "audio_codec" => ("o.mkv", "opus", ""),
            "audio_bitrate" => ("o.mp4", "64k", ""),
            "at" => ("o.png", "2s", ""),
            "range" => ("o.mp4", "1s..2s", ""),
            "loop" => ("o.gif", "2", ""),
            other => panic!("an output has a field `{other}`, of which this test knows no value"),
        };
        let plain = meaning(&format!("{film}output \"{file}\" {beside}\n")).unwrap();
        let with = meaning(&format!("{film}output \"{file}\" {beside} {}:{value}\n", field.name)).unwrap();
        assert_ne!(plain, with, "nothing becomes of `{}`", field.name);
    }
    // Of sound alone, `quality` is the rate.
    let rate = |quality: &str| {
        let plan = meaning(&format!("{film}output \"o.mp3\" quality:{quality}\n")).unwrap();
        plan["renders"][0]["deliveries"][0]["audio"]["bitrate"].as_u64().unwrap()
    };
    assert_eq!(["low", "medium", "high"].map(rate), [128_000, 192_000, 320_000]);
    let codec = |codec: &str, field: &str| {
        let text = format!("{film}output \"o.mkv\" codec:{codec} {field}\n");
        let (plan, findings, _) = planned(Path::new("/edit"), &text, &Fake);
        assert!(plan.is_some());
        findings.iter().map(|f| f.message.clone()).collect::<Vec<_>>()
    };
    assert_eq!(codec("prores", "crf:20"), ["`crf` means nothing for `prores`"]);
    assert_eq!(codec("ffv1", "bitrate:1M"), ["`bitrate` means nothing for `ffv1`"]);
    assert!(codec("h264", "crf:20").is_empty());
}

#[test]
fn a_wrong_preset_is_told_at_the_preset() {
    let text = "timeline {\n video \"a.mp4\"\n}\noutput \"o.mp4\" preset:quick crf:20\n";
    let (_, findings, _) = planned(Path::new("/edit"), text, &Fake);
    let span = findings[0].primary.as_ref().unwrap().span;
    assert_eq!(&text[span.start as usize..span.end as usize], "quick");
}
