//! What scripts are planned to, as text: layers, transitions, sounds and segments, from media that are not there.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::fmt::Write;
use std::path::Path;

use vfxb_engine::plan::Plan;
use vfxb_engine::timeline::{Composition, Content, SoundContent, SoundMix};
use vfxb_tests::fake::Fake;
use vfxb_tests::scripts::planned;

fn layers(text: &mut String, film: &Composition, indent: &str) -> std::fmt::Result {
    writeln!(
        text,
        "{indent}{}x{} at {}: {} frames, {}",
        film.width, film.height, film.clock.rate, film.frames, film.length
    )?;
    for layer in &film.layers {
        let shown = match &layer.content {
            Content::Video { source, map, .. } => {
                format!(
                    "video {source}, {}..{}{}",
                    map.start,
                    map.end,
                    if map.reverse { " backwards" } else { "" }
                )
            }
            Content::Still { source } => format!("still {source}"),
            Content::Colour(_) => "colour".into(),
            Content::Text(text) => text.runs.iter().map(|run| format!("{:?}", run.text)).collect(),
            Content::Shape(shape) => format!("{:?}", shape.form),
            Content::Group { .. } => "group".into(),
            Content::Adjust => "adjust".into(),
        };
        let effects: String = layer.effects.iter().map(|effect| format!(" | {}", effect.name)).collect();
        writeln!(text, "{indent}  {:?} {shown}{effects}", layer.frames)?;
        if let Content::Group { composition, .. } = &layer.content {
            layers(text, composition, &format!("{indent}    "))?;
        }
    }
    for crossing in &film.crossings {
        writeln!(
            text,
            "{indent}  {:?} {} from {:?} to {:?}",
            crossing.frames, crossing.effect.name, crossing.from, crossing.to
        )?;
    }
    Ok(())
}

fn sounds(text: &mut String, mix: &SoundMix, indent: &str) -> std::fmt::Result {
    writeln!(text, "{indent}{} samples", mix.length)?;
    for clip in &mix.clips {
        let fades: Vec<String> = clip
            .fades
            .iter()
            .map(|f| format!("{:?} {:?} {}", f.shape, f.samples, if f.rising { "up" } else { "down" }))
            .collect();
        match &clip.content {
            SoundContent::Stream { source, stream } => {
                writeln!(
                    text,
                    "{indent}  {:?} source {source}.{stream} {}..{} [{}]",
                    clip.samples,
                    clip.map.start,
                    clip.map.end,
                    fades.join(", ")
                )?;
            }
            SoundContent::Mix(inner) => {
                writeln!(text, "{indent}  {:?} group [{}]", clip.samples, fades.join(", "))?;
                sounds(text, inner, &format!("{indent}    "))?;
            }
        }
    }
    Ok(())
}

fn shown(plan: &Plan) -> String {
    let mut text = String::new();
    for render in &plan.renders {
        layers(&mut text, &render.timeline.film, "").unwrap();
        sounds(&mut text, &render.timeline.sound, "").unwrap();
        for segment in &render.segments {
            writeln!(text, "{:?}: {}", segment.frames, segment.why).unwrap();
        }
        for delivery in &render.deliveries {
            let file = delivery.file.display();
            writeln!(
                text,
                "{file}: frames {:?}, samples {:?}, framing {:?}",
                delivery.frames, delivery.samples, delivery.framing
            )
            .unwrap();
        }
    }
    text
}

fn plan_text(script: &str) -> String {
    let (plan, _, findings) = planned(Path::new(""), script, &Fake);
    let plan = plan.unwrap_or_else(|| panic!("{findings}"));
    // A plan is data: it survives the way through text.
    let json = serde_json::to_string(&plan).unwrap();
    let back: Plan = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), json);
    format!("{}\n---\n{}", script.trim(), shown(&plan))
}

#[test]
fn clips_that_cross_and_what_lies_over_them() {
    insta::assert_snapshot!(plan_text(
        r#"
canvas 1920x1080 fps:30
timeline {
  video "beach.mp4"[1s..6s] id:intro | crop 1280x720 | vintage 0.8
  transition crossfade 1s
  video "city.mp4" in:2s out:8s speed:2
  gap 500ms
  image "map.png" duration:2s
}
overlays {
  text "Hello" at:@intro.start+1s duration:3s
  image "logo.png" duration:end opacity:0.8
}
audio {
  audio "music.mp3" loop:true volume:-12dB fade_in:1s fade_out:3s
}
output "out/holiday.mp4" quality:high
output "out/small.mp4" resolution:720p
"#
    ));
}

#[test]
fn groups_and_tracks_have_clocks_of_their_own() {
    insta::assert_snapshot!(plan_text(
        r#"
canvas 1280x720 fps:29.97
timeline {
  color navy duration:6.5s
}
overlays {
  group at:1s speed:2 {
    timeline {
      video "a.mp4" out:3s
      video "a.mp4" in:5s reverse:true
    }
    overlays {
      shape rect at:1s width:10% height:10%
    }
  }
  track at:0.5s {
    text "one" duration:1s
    transition wipe 0.5s
    text "two" duration:1s
  }
  adjust at:2s duration:1s | blackwhite
}
output "o.mp4"
output "o.wav"
"#
    ));
}

#[test]
fn other_clocks_and_parts_of_a_film() {
    insta::assert_snapshot!(plan_text(
        r#"
canvas 640x360 fps:25
timeline {
  video "a.mp4" out:31f
  video "a.mp4" in:2s out:4.01s
}
output "o.mp4"
output "fast.mp4" fps:60
output "part.webm" range:1s..2.5s
output "still.png" at:50%
"#
    ));
}

/// Frames, when its first layer is seen there, and the timetable, of the group that stands in a film of four seconds.
fn group_of(item: &str) -> (u64, std::ops::Range<u64>, Vec<String>) {
    let script = format!(
        "canvas 640x360 fps:25\ntimeline {{\n color navy duration:4s\n}}\noverlays {{\n {item}\n}}\noutput \"o.mp4\""
    );
    let (plan, _, findings) = planned(Path::new(""), &script, &Fake);
    let plan = plan.unwrap_or_else(|| panic!("{item}\n{findings}"));
    let timeline = &plan.renders[0].timeline;
    let row = |r: &vfxb_engine::timeline::Row| format!("{} {} {}..{}", r.depth, r.kind, r.start, r.end);
    let rows = timeline.table.iter().skip(1).map(row).collect();
    match &timeline.film.layers[1].content {
        Content::Group { composition, .. } => {
            (composition.frames, composition.layers[0].frames.clone(), rows)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_group_without_a_length_of_its_own_has_the_one_that_it_is_given() {
    let inside = "{\n overlays {\n text \"a\" at:end-1s duration:end\n }\n }";
    let of = |fields: &str| group_of(&format!("group {fields} {inside}"));
    let rows = |group: &str, text: &str| vec![format!("0 group {group}"), format!("1 text {text}")];
    assert_eq!(of("duration:2s"), (50, 25..50, rows("0s..2s", "1s..2s")));
    assert_eq!(of("at:1s..2.5s"), (38, 13..38, rows("1s..2.5s", "0.5s..1.5s")));
    assert_eq!(of("at:1s duration:end"), (75, 50..75, rows("1s..4s", "2s..3s")));
    assert_eq!(of("at:2s..end"), (50, 25..50, rows("2s..4s", "1s..2s")));
    assert_eq!(of(""), (100, 75..100, rows("0s..4s", "3s..4s")));
    // Two seconds of the film are four of the group, and half a second is held.
    assert_eq!(of("duration:2s speed:2").0, 100);
    assert_eq!(of("duration:2.5s in:1s freeze:\"1s for 500ms\"").0, 75);
    // What is inside such a group may be one.
    let deep = format!("group at:1s..end {{\n overlays {{\n group at:500ms duration:end {inside}\n }}\n }}");
    let (frames, seen, table) = group_of(&deep);
    assert_eq!((frames, seen), (75, 13..75));
    assert_eq!(table, ["0 group 1s..4s", "1 group 0.5s..3s", "2 text 1.5s..2.5s"]);
    // One with a length of its own keeps it, and its part of the table stands under it.
    let own = group_of(
        "group duration:2s {\n overlays {\n text \"a\" duration:1s\n text \"b\" duration:end\n }\n }",
    );
    assert_eq!((own.0, own.2.len(), own.2[0].as_str()), (25, 3, "0 group 0s..2s"));
}
