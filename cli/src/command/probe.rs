//! `vfxb probe`: what the engine knows of a media file.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::{Value, json};
use vfxb_engine::codes;
use vfxb_engine::colour::Range;
use vfxb_engine::media::{
    AudioInfo, FrameTimes, LibavMedia, Media, Orientation, Rotation, SourceInfo, VideoInfo,
};
use vfxb_engine::picture::{Model, PixelFormat};

use crate::Context;
use crate::layout::{Column, FAINT, HEADING, NAME, clock, count, rate, styled, table};
use crate::stop::Stop;
use crate::terminal::placeless;

/// Show what a media file holds
#[derive(Args)]
pub(crate) struct Options {
    /// A video, picture or sound
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
}

pub(crate) fn run(options: Options, context: &Context) -> Result<Value, Stop> {
    let source = match LibavMedia::default().probe(&options.file) {
        Ok(source) => source,
        Err(error) => {
            return context.terminal.fail(placeless(codes::MEDIA, error.message, error.help), Stop::Failed);
        }
    };
    context.terminal.print(&told(&source, context.terminal.width()))?;
    Ok(described(&source))
}

fn told(source: &SourceInfo, width: usize) -> String {
    let still = source.video.as_ref().is_some_and(|v| v.still);
    let length = if still { String::new() } else { format!("  {}", clock(source.duration())) };
    let mut text = styled(HEADING, &source.path.display().to_string());
    text.push_str(&styled(FAINT, &format!("  {}{length}\n", source.container)));
    let video = source
        .video
        .iter()
        .map(|v| vec![format!("#{}", v.stream), v.codec.clone(), video_facts(v).join("  ")]);
    let audio = source
        .audio
        .iter()
        .map(|a| vec![format!("#{}", a.stream), a.codec.clone(), audio_facts(a).join("  ")]);
    let columns = [Column::Left(FAINT), Column::Left(NAME), Column::Left(anstyle::Style::new())];
    text + &table(&columns, None, &video.chain(audio).collect::<Vec<_>>(), width)
}

fn video_facts(video: &VideoInfo) -> Vec<String> {
    let (width, height) = video.square_size();
    let mut facts = vec![format!("{width}x{height}")];
    if (width, height) != (video.width, video.height) {
        facts.push(format!("coded {}x{}", video.width, video.height));
    }
    if video.sample_aspect != 1.into() {
        facts.push(format!("sample aspect {}:{}", video.sample_aspect.numer(), video.sample_aspect.denom()));
    }
    facts.extend(turned(video.orientation));
    if !video.still {
        let variable = matches!(video.times, FrameTimes::Variable { .. });
        facts.push(format!("{}{}", rate(video.rate), if variable { " (variable)" } else { "" }));
        facts.push(count(video.times.count(), "frame"));
    }
    if video.interlaced {
        facts.push("interlaced".into());
    }
    facts.push(layout(video.format));
    if video.format.model == Model::Yuv {
        let range = if video.colour.range == Range::Full { "full range" } else { "limited range" };
        facts.push(format!("{:?} {range}", video.colour.matrix).to_lowercase());
    }
    facts
}

/// Chroma, depth and alpha.
fn layout(format: PixelFormat) -> String {
    let model = match (format.model, format.log2_x, format.log2_y) {
        (Model::Rgb, ..) => "RGB",
        (Model::Grey, ..) => "grey",
        (Model::Yuv, 0, 0) => "4:4:4",
        (Model::Yuv, 1, 0) => "4:2:2",
        (Model::Yuv, 1, 1) => "4:2:0",
        (Model::Yuv, 2, 0) => "4:1:1",
        (Model::Yuv, ..) => "4:1:0",
    };
    let alpha = if format.alpha { " with alpha" } else { "" };
    format!("{model} {} bit{alpha}", format.sample.depth())
}

fn turned(orientation: Orientation) -> Option<String> {
    let degrees = match orientation.rotation {
        Rotation::None => 0,
        Rotation::Quarter => 90,
        Rotation::Half => 180,
        Rotation::ThreeQuarters => 270,
    };
    match (orientation.mirrored, degrees) {
        (false, 0) => None,
        (false, degrees) => Some(format!("turned by {degrees}°")),
        (true, 0) => Some("mirrored".into()),
        (true, degrees) => Some(format!("mirrored, turned by {degrees}°")),
    }
}

fn audio_facts(audio: &AudioInfo) -> Vec<String> {
    let mut facts = vec![format!("{} Hz", audio.rate), audio.layout.clone(), clock(audio.duration)];
    if audio.start != vfxb_dsl::value::Time::ZERO {
        facts.push(format!("from {}", clock(audio.start)));
    }
    facts
}

fn described(source: &SourceInfo) -> Value {
    let video = source.video.as_ref().map(|video| {
        let (width, height) = video.square_size();
        json!({
            "stream": video.stream,
            "codec": video.codec,
            "width": width,
            "height": height,
            "codedWidth": video.width,
            "codedHeight": video.height,
            "sampleAspect": video.sample_aspect.to_string(),
            "orientation": video.orientation,
            "fps": video.rate.to_string(),
            "variable": matches!(video.times, FrameTimes::Variable { .. }),
            "frames": video.times.count(),
            "still": video.still,
            "interlaced": video.interlaced,
            "format": video.format,
            "colour": video.colour,
        })
    });
    let audio: Vec<Value> = source
        .audio
        .iter()
        .map(|audio| {
            json!({
                "stream": audio.stream,
                "codec": audio.codec,
                "rate": audio.rate,
                "channels": audio.channels,
                "layout": audio.layout,
                "start": audio.start.to_f64(),
                "duration": audio.duration.to_f64(),
            })
        })
        .collect();
    json!({
        "file": source.path.to_string_lossy(),
        "container": source.container,
        "duration": source.duration().to_f64(),
        "video": video,
        "audio": audio,
    })
}
