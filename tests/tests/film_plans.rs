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
        film.width, film.height, film.rate, film.frames, film.length
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
