//! What scripts mean.

use super::*;
use crate::script::*;
use crate::value::{Animated, Easing, Rational, Time, TimeBase, TimePoint};

const HOLIDAY: &str = r##"// holiday.vfx
canvas 1920x1080 fps:30 background:#101014
var name = "Ada"
media beach = "footage/beach.mp4"

timeline {
  video beach[10.5s..60s] id:intro | crop 1280x720 x:320px y:180px | vintage 0.8
  transition crossfade 1s
  video "footage/city.mp4" in:2s out:42s speed:2 fit:cover | lut "film.cube" mix:60%
  image "map.png" duration:4s zoom:[0s 1, end 1.2 ease-in-out]
}

overlays {
  text "Hello ${name}" at:@intro.start+1s duration:3s position:bottom offset:"0px -8%"
       font:"Inter" weight:700 size:6vmin color:white opacity:[0s 0, 400ms 1, -400ms 1, end 0]
  image "logo.png" at:0s duration:end position:top-right width:12% opacity:0.8
}

audio {
  audio "music.mp3" id:bed loop:true volume:-12dB fade_in:1s fade_out:3s | duck under:voice by:12dB
}

output "out/holiday.mp4" quality:high
output "out/poster.jpg" at:2s
"##;

fn items(sequence: &Sequence) -> Vec<&Item> {
    sequence
        .entries
        .iter()
        .filter_map(|e| match e {
            SequenceEntry::Item(item) => Some(item.as_ref()),
            _ => None,
        })
        .collect()
}

#[test]
fn the_holiday_film() {
    let script = vfx(HOLIDAY);
    assert_eq!(script.canvas.size.as_ref().map(|s| s.value), Some((1920, 1080)));
    let timeline = script.timeline.as_ref().unwrap();
    assert_eq!(timeline.entries.len(), 4);
    let items = items(timeline);
    let ItemKind::Video { source, map } = &items[0].kind else { panic!("{:?}", items[0]) };
    assert_eq!(source.path.to_str(), Some("/edit/footage/beach.mp4"));
    assert_eq!(map.start.as_ref().map(|t| &t.value), Some(&TimePoint::seconds(Time::ratio(21, 2))));
    assert_eq!(
        items[0].visual.crop.as_ref().map(|c| (c.width.value, c.x.map(|x| x.value))),
        Some((1280.0, Some(320.0)))
    );
    assert_eq!(items[0].effects.len(), 1);
    assert_eq!(items[0].effects[0].params, [ParamValue::Number(Animated::Constant(0.8))]);
    let ItemKind::Video { map, .. } = &items[1].kind else { panic!("{:?}", items[1]) };
    assert_eq!(map.exact_speed, Rational::from_integer(2));
    assert_eq!(items[1].effects[0].mix, Animated::Constant(0.6));
    let Animated::Keyframes(zoom) = &items[2].visual.zoom else { panic!("{:?}", items[2].visual.zoom) };
    assert_eq!((zoom[1].value, zoom[1].easing), (1.2, Easing::CubicBezier([0.42, 0.0, 0.58, 1.0])));
    let ItemKind::Text(text) = &script.overlays[0].kind else { panic!() };
    assert_eq!((text.runs[0].text.as_str(), text.runs[0].weight), ("Hello Ada", 700));
    let at = script.overlays[0].timing.at.as_ref().unwrap();
    assert!(matches!(&at.value.base, TimeBase::Anchor { path, .. } if path == &["intro"]));
    assert_eq!(script.overlays[1].timing.duration.as_ref().unwrap().value, TimePoint::end());
    let sound = &script.audio[0].sound;
    assert_eq!(sound.volume, Animated::Constant(libm::pow(10.0, -0.6)));
    assert_eq!(script.outputs[0].quality, Quality::High);
    assert_eq!(script.outputs[1].file.value.to_str(), Some("/edit/out/poster.jpg"));
}

const HOLIDAY_YAML: &str = r##"# holiday.yaml
canvas: {size: 1920x1080, fps: 30, background: "#101014"}
vars: {name: Ada}
media: {beach: footage/beach.mp4}
timeline:
  - video: beach
    id: intro
    in: 10.5s
    out: 60s
    effects:
      - crop: {size: 1280x720, x: 320px, y: 180px}
      - vintage: 0.8
  - transition: crossfade
    duration: 1s
  - video: footage/city.mp4
    in: 2s
    out: 42s
    speed: 2
    fit: cover
    effects: [{lut: film.cube, mix: 60%}]
  - {image: map.png, duration: 4s, zoom: [0s 1, end 1.2 ease-in-out]}
overlays:
  - text: Hello ${name}
    at: "@intro.start+1s"
    duration: 3s
    position: bottom
    offset: 0px -8%
    font: Inter
    weight: 700
    size: 6vmin
    color: white
    opacity: [0s 0, 400ms 1, -400ms 1, end 0]
  - {image: logo.png, at: 0s, duration: end, position: top-right, width: 12%, opacity: 0.8}
audio:
  - {audio: music.mp3, id: bed, loop: true, volume: -12dB, fade_in: 1s, fade_out: 3s,
     effects: [{duck: {under: voice, by: 12dB}}]}
outputs:
  - {file: out/holiday.mp4, quality: high}
  - {file: out/poster.jpg, at: 2s}
"##;

/// A script without places, for comparing two spellings.
fn without_spans(script: &Script) -> serde_json::Value {
    fn strip(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(map) => {
                map.remove("span");
                map.values_mut().for_each(strip);
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(script).expect("scripts are data");
    strip(&mut value);
    value
}

fn same(a: &Script, b: &Script) {
    assert_eq!(without_spans(a), without_spans(b));
}

fn yaml(text: &str) -> Script {
    script(Spelling::Yaml, text)
}

#[test]
fn both_spellings_of_the_holiday_film_are_one_script() {
    same(&vfx(HOLIDAY), &yaml(HOLIDAY_YAML));
}

#[test]
fn converting_the_holiday_film_changes_nothing() {
    for (from, to, text) in
        [(Spelling::Vfx, Spelling::Yaml, HOLIDAY), (Spelling::Yaml, Spelling::Vfx, HOLIDAY_YAML)]
    {
        let mut map = SourceMap::new();
        let file = map.add("script", "/edit", text);
        let doc = crate::syntax::parse(&map, file, from).0.unwrap();
        let converted = crate::print::convert(&doc, to, &catalogue()).unwrap();
        same(&script(to, &converted), &vfx(HOLIDAY));
    }
}

#[test]
fn times_stay_as_written_and_trims_are_in_and_out() {
    let script = vfx(
        "timeline {\n  video \"a.mp4\"[1f..end-2s] reverse:true loop:3 freeze:\"2s for 500ms\" pitch:follow frames:blend speed:[0s 1, 2s 0.5]\n}\n",
    );
    let ItemKind::Video { map, .. } = &items(script.timeline.as_ref().unwrap())[0].kind else { panic!() };
    assert_eq!(map.start.as_ref().unwrap().value.to_string(), "1f");
    assert_eq!(map.end.as_ref().unwrap().value.to_string(), "end-2s");
    assert_eq!(
        (map.reverse, map.repeat, map.pitch, map.frames),
        (true, Repeat::Times(3), Pitch::Follow, FrameBlend::Blend)
    );
    assert_eq!(map.freeze[0].1.value.to_string(), "0.5s");
    assert!(matches!(map.speed.value, Animated::Keyframes(_)));
    assert_eq!(map.exact_speed, Rational::from_integer(1));
}

#[test]
fn speed_is_exact_where_it_is_constant() {
    for (text, n, d) in [("0.1", 1, 10), ("150%", 3, 2), ("1.001", 1001, 1000)] {
        let script = vfx(&format!("timeline {{\n video \"a.mp4\" speed:{text}\n}}\n"));
        let ItemKind::Video { map, .. } = &items(script.timeline.as_ref().unwrap())[0].kind else { panic!() };
        assert_eq!(map.exact_speed, Rational::new(n, d));
    }
}

#[test]
fn both_spellings_of_every_kind_of_item() {
    let a = vfx(r##"
canvas 720p fps:29.97 background:transparent sample_rate:44.1kHz
style title = font:"fonts/a.ttf" size:8vmin color:red at:2s | blur 2px
timeline {
  color #102030 duration:2s
  gap 1s
  image "img-%04d.png" fps:24 start:3
  text "Lines" style:title align:left wrap:80% outline:"2px black" shadow:"2px 2px 4px #000" background:#0008 padding:1vmin radius:10px {
    span "big" weight:700
    span "plain"
  }
}
overlays {
  group size:square at:2s..5s scale:0.5 blend:soft-light {
    timeline {
      video "b.mp4" id:inner volume:[0s 0, 1s -6dB]
    }
    audio {
      audio "c.wav" pan_audio:-1 mute:true stream:1
    }
  }
  shape rect width:50% height:10px fill:[0s red, end rgb(0, 0, 255)] stroke:"2px white" radius:5px shadow:"-1% 4px 12px #0008"
  adjust at:1s duration:50% opacity:0.5 | sepia
  track at:3s {
    video "d.mp4" position:"10px 20%" anchor:center pan:[0s "0px 0px", end "10% 5%" hold]
    transition wipe 500ms direction:up ease:cubic-in
    video "e.mp4" crop:"50% 50% 0px 10px" flip:both rotate:90deg zoom_origin:"0% 100%"
  }
}
output "a.gif" loop:2 size:480p fps:12
"##);
    let b = yaml(
        r##"
canvas: {size: 720p, fps: 29.97, background: transparent, sample_rate: 44.1kHz}
styles:
  title: {font: fonts/a.ttf, size: 8vmin, color: red, at: 2s, effects: [{blur: 2px}]}
timeline:
  - {color: "#102030", duration: 2s}
  - gap: 1s
  - {image: img-%04d.png, fps: 24, start: 3}
  - text: [Lines, {span: big, weight: 700}, plain]
    style: title
    align: left
    wrap: 80%
    outline: 2px black
    shadow: "2px 2px 4px #000"
    background: "#0008"
    padding: 1vmin
    radius: 10px
overlays:
  - group:
      size: square
      timeline:
        - {video: b.mp4, id: inner, volume: [0s 0, {t: 1s, value: -6dB}]}
      audio:
        - {audio: c.wav, pan_audio: -1, mute: true, stream: 1}
    at: 2s..5s
    scale: 0.5
    blend: soft-light
  - shape: rect
    width: 50%
    height: 10px
    fill: [0s red, "end rgb(0, 0, 255)"]
    stroke: 2px white
    radius: 5px
    shadow: "-1% 4px 12px #0008"
  - adjust:
    at: 1s
    duration: 50%
    opacity: 0.5
    effects: [sepia]
  - track:
      - video: d.mp4
        position: 10px 20%
        anchor: center
        pan: [0s 0px 0px, end 10% 5% hold]
      - {transition: wipe, duration: 500ms, direction: up, ease: cubic-in}
      - {video: e.mp4, crop: {width: 50%, height: 50%, x: 0px, y: 10px}, flip: both, rotate: 90deg, zoom_origin: 0% 100%}
    at: 3s
output: {file: a.gif, loop: 2, resolution: 480p, fps: 12}
"##,
    );
    same(&a, &b);
    assert_eq!(
        a.canvas.fps.as_ref().map(|f| f.value),
        Some(FrameRate::Constant(Rational::new(30_000, 1001)))
    );
    assert_eq!(a.canvas.sample_rate.as_ref().map(|r| r.value), Some(44_100));
    assert_eq!(a.outputs[0].size, Some(OutputSize::ShorterSide(480)));
    let ItemKind::Track(track) = &a.overlays[3].kind else { panic!() };
    let SequenceEntry::Transition(wipe) = &track.entries[1] else { panic!() };
    assert_eq!(wipe.effect.params, [ParamValue::Word(2)]);
}

#[test]
fn styles_media_and_defaults_stand_behind_the_item() {
    let script = vfx(r##"
media clip = "a.mp4" in:1s volume:50%
style quiet = volume:25% opacity:0.5 font:"Inter"
defaults fit:contain fade_in:1s {
  transition crossfade 2s
  text size:10vmin
}
timeline {
  video clip style:quiet
  video clip fit:fill in:3s
  transition none
  text "x" style:quiet
  gap 1s
  color red
}
"##);
    let timeline = script.timeline.as_ref().unwrap();
    let shape: Vec<_> = timeline
        .entries
        .iter()
        .map(|e| match e {
            SequenceEntry::Item(_) => 'i',
            SequenceEntry::Gap { .. } => 'g',
            SequenceEntry::Transition(t) => {
                assert_eq!(t.duration.value.to_string(), "2s");
                't'
            }
        })
        .collect();
    assert_eq!(shape, ['i', 't', 'i', 'i', 'g', 'i']);
    let items = items(timeline);
    assert_eq!(
        (&items[0].sound.volume, &items[1].sound.volume),
        (&Animated::Constant(0.25), &Animated::Constant(0.5))
    );
    assert_eq!((items[0].visual.fit, items[1].visual.fit), (Some(Fit::Contain), Some(Fit::Fill)));
    let ItemKind::Video { map, .. } = &items[1].kind else { panic!() };
    assert_eq!(map.start.as_ref().unwrap().value.to_string(), "3s");
    let ItemKind::Text(text) = &items[2].kind else { panic!() };
    assert_eq!(text.runs[0].font.as_ref().map(|f| f.value.as_str()), Some("Inter"));
    assert_eq!(text.runs[0].size, Animated::Constant("10vmin".parse().unwrap()));
    assert_eq!(items[0].visual.opacity, Animated::Constant(0.5));
}

#[test]
fn variables_are_values_and_never_syntax() {
    let hostile = "\" | sepia } ${other} $${x} {t: 1} # \n- gap: 1s";
    for (spelling, text) in [
        (
            Spelling::Vfx,
            "var v = \"\"\noverlays {\n  text \"<${v}> $${v}\" duration:1s\n  text \"${v}\" duration:1s\n}\n",
        ),
        (
            Spelling::Yaml,
            "vars: {v: \"\"}\noverlays:\n  - {text: \"<${v}> $${v}\", duration: 1s}\n  - {text: \"${v}\", duration: 1s}\n",
        ),
    ] {
        let (_, script, findings) = compile_with(spelling, text, &[("v", hostile)]);
        assert_eq!(findings, []);
        let script = script.unwrap();
        let says: Vec<_> = script
            .overlays
            .iter()
            .map(|i| match &i.kind {
                ItemKind::Text(text) => text.runs[0].text.clone(),
                _ => panic!(),
            })
            .collect();
        assert_eq!(says, [format!("<{hostile}> ${{v}}"), hostile.to_string()]);
        assert!(script.overlays.iter().all(|i| i.effects.is_empty()));
    }
}

#[test]
fn a_variable_is_one_value_wherever_a_value_stands() {
    let text = "var size: length = 6vmin\nvar fade = [0s 0, end 1]\nvar p = \"10px 20px\"\nvar who = \"Ada\"\nvar title = \"${who}'s film\"\noverlays {\n  text \"${title}\" size:${size} opacity:${fade} position:${p} duration:2s\n}\n";
    let script = vfx(text);
    let item = &script.overlays[0];
    let ItemKind::Text(words) = &item.kind else { panic!() };
    assert_eq!(words.runs[0].text, "Ada's film");
    assert!(matches!(&item.visual.opacity, Animated::Keyframes(k) if k.len() == 2));
    // One value is never two: `1 ease-in` does not become a value and an easing.
    let text = "var v = \"0\"\noverlays {\n  color red duration:1s opacity:[0s ${v}, end 1]\n}\n";
    let (_, none, findings) = compile_with(Spelling::Vfx, text, &[("v", "1 ease-in")]);
    assert!(none.is_none());
    assert_eq!(findings[0].message, "`opacity`: ` ease-in` is no unit of a plain number");
}
