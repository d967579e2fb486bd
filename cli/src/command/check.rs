//! `vfxb check`: what is wrong with a script, and its timetable.

use clap::Args;
use serde_json::Value;
use vfxb_engine::describe;
use vfxb_engine::plan::Request;
use vfxb_engine::timeline::{self, Timeline};

use crate::Context;
use crate::args::ScriptOptions;
use crate::command::plan::deliveries;
use crate::layout::{Column, FAINT, HEADING, NAME, clock, count, frame_rate, styled, table};
use crate::script;
use crate::stop::Stop;

/// Check a script and print its timetable
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    script: ScriptOptions,
}

pub(crate) fn run(options: Options, context: &Context) -> Result<Value, Stop> {
    let terminal = &context.terminal;
    let planned = script::plan(&options.script, &Request::default(), terminal)?;
    let renders = &planned.plan.renders;
    // A script without outputs has a timetable all the same.
    let timeline = match renders.first() {
        Some(render) => Some(render.timeline.clone()),
        None => timeline::build(&planned.script, &*planned.media, &timeline::Settings::default()).0,
    };
    let Some(timeline) = timeline else { return Err(Stop::Wrong) };
    let mut text = timetable(&timeline, terminal.width());
    if !renders.is_empty() {
        text.push_str(&format!("\n{}\n", styled(HEADING, "outputs")));
        text.push_str(&deliveries(renders, terminal.width()));
    }
    terminal.print(&text)?;
    Ok(describe::timetable(&timeline, renders))
}

fn timetable(timeline: &Timeline, width: usize) -> String {
    let film = &timeline.film;
    let facts = [
        format!("{}x{}", film.width, film.height),
        frame_rate(&film.clock),
        count(film.frames, "frame"),
        clock(timeline.duration()),
    ];
    let rows: Vec<Vec<String>> = timeline
        .table
        .iter()
        .map(|row| {
            let kind = format!("{:indent$}{}", "", row.kind, indent = row.depth * 2);
            vec![clock(row.start), clock(row.end), clock(row.end - row.start), kind, row.name.clone()]
        })
        .collect();
    let columns = [
        Column::Right(anstyle::Style::new()),
        Column::Right(anstyle::Style::new()),
        Column::Right(FAINT),
        Column::Left(NAME),
        Column::Left(anstyle::Style::new()),
    ];
    let heading = ["start", "end", "length", "item", ""];
    format!(
        "{}  {}\n{}",
        styled(HEADING, "film"),
        facts.join("  "),
        table(&columns, Some(&heading), &rows, width)
    )
}
