//! `vfxb plan`: what a render would do, segment by segment, and why.

use clap::Args;
use serde_json::{Value, json};
use vfxb_engine::describe;
use vfxb_engine::exec::tile::SimdLevel;
use vfxb_engine::graph::to_dot;
use vfxb_engine::media::SourceInfo;
use vfxb_engine::plan::{Backend, Delivery, Plan, Render, Segment};

use crate::Context;
use crate::args::{BackendName, PlanOptions, ScriptOptions};
use crate::layout::{Column, FAINT, HEADING, NAME, clock, count, frame_rate, rate, styled, table};
use crate::script;
use crate::stop::Stop;

/// Show what a render would do: each segment, how it comes about and why
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    script: ScriptOptions,
    #[command(flatten)]
    plan: PlanOptions,
    /// The machine that would render
    #[arg(long, value_enum, default_value_t = BackendName::Auto)]
    backend: BackendName,
    /// Print the graph of what each frame is, for Graphviz
    #[arg(long)]
    dot: bool,
}

pub(crate) fn run(options: Options, context: &Context) -> Result<Value, Stop> {
    let terminal = &context.terminal;
    let request = options.plan.request(options.backend);
    let planned = script::plan(&options.script, &request, terminal)?;
    let plan = &planned.plan;
    if options.dot {
        let dot: String = plan.renders.iter().map(|r| to_dot(&r.graph, &r.timeline.film)).collect();
        terminal.print(&dot)?;
        return Ok(json!({"dot": dot}));
    }
    let texts: Vec<String> = plan.renders.iter().map(|r| told(plan, r, terminal.width())).collect();
    terminal.print(&texts.join("\n"))?;
    Ok(describe::plan(plan))
}

fn told(plan: &Plan, render: &Render, width: usize) -> String {
    let film = &render.timeline.film;
    let frames = render.frames();
    let facts = [
        format!("{}x{}", render.target.width, render.target.height),
        frame_rate(&film.clock),
        count(frames.end - frames.start, "frame"),
        machine(plan.backend),
    ];
    let mut text = format!("{}  {}\n", styled(HEADING, "render"), facts.join("  "));
    let plain = anstyle::Style::new();
    let rows: Vec<Vec<String>> = render
        .segments
        .iter()
        .map(|Segment { frames, way, why }| {
            let start = film.frame_time(frames.start);
            vec![
                frames.start.to_string(),
                frames.end.to_string(),
                clock(start),
                way.word().into(),
                why.clone(),
            ]
        })
        .collect();
    let columns = [
        Column::Right(plain),
        Column::Right(plain),
        Column::Right(FAINT),
        Column::Left(NAME),
        Column::Left(plain),
    ];
    text.push_str(&table(&columns, Some(&["from", "to", "at", "how", "why"]), &rows, width));
    if !render.timeline.sources.is_empty() {
        text.push_str(&format!("\n{}\n", styled(HEADING, "sources")));
        let rows: Vec<Vec<String>> =
            render.timeline.sources.iter().enumerate().map(|(i, s)| vec![i.to_string(), source(s)]).collect();
        text.push_str(&table(&[Column::Right(FAINT), Column::Left(plain)], None, &rows, width));
    }
    text.push_str(&format!("\n{}\n", styled(HEADING, "outputs")));
    text.push_str(&deliveries(std::slice::from_ref(render), width));
    text
}

fn machine(backend: Backend) -> String {
    match backend {
        Backend::Auto => "gpu if there is a hardware one, else cpu".into(),
        Backend::Cpu => format!("cpu ({})", SimdLevel::active()),
        Backend::Gpu => "gpu".into(),
    }
}

fn source(source: &SourceInfo) -> String {
    let video = source.video.as_ref().map(|v| {
        let (width, height) = v.square_size();
        if v.still {
            format!("  {} {width}x{height}", v.codec)
        } else {
            format!("  {} {width}x{height} {}", v.codec, rate(v.rate))
        }
    });
    let sound = source.audio.first().map(|a| format!("  {} {} Hz {}", a.codec, a.rate, a.layout));
    format!("{}{}{}", source.path.display(), video.unwrap_or_default(), sound.unwrap_or_default())
}

/// A table of the files that are written.
pub(super) fn deliveries(renders: &[Render], width: usize) -> String {
    let rows: Vec<Vec<String>> = renders
        .iter()
        .flat_map(|render| render.deliveries.iter().map(|delivery| row(render, delivery)))
        .collect();
    let plain = anstyle::Style::new();
    let columns = [
        Column::Left(NAME),
        Column::Left(plain),
        Column::Left(plain),
        Column::Right(plain),
        Column::Right(plain),
        Column::Left(FAINT),
    ];
    table(&columns, None, &rows, width)
}

fn row(render: &Render, delivery: &Delivery) -> Vec<String> {
    let frames = delivery.frames.end - delivery.frames.start;
    let (size, fps, frames) = match &delivery.video {
        Some(v) if frames == 1 => (format!("{}x{}", v.width, v.height), String::new(), "1 frame".into()),
        Some(v) => (
            format!("{}x{}", v.width, v.height),
            frame_rate(&render.timeline.film.clock),
            count(frames, "frame"),
        ),
        None => Default::default(),
    };
    let duration = clock(delivery.duration(&render.timeline.film.clock));
    vec![delivery.file.display().to_string(), size, fps, frames, duration, codecs(delivery)]
}

fn codecs(delivery: &Delivery) -> String {
    let video = delivery.video.as_ref().and_then(|v| v.codec.spec().names.first());
    let audio = delivery.audio.as_ref().and_then(|a| a.codec.spec().names.first());
    video.into_iter().chain(audio).copied().collect::<Vec<_>>().join(" + ")
}
