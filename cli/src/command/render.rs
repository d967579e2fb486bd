//! `vfxb render`: a script to its files.

use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};
use vfxb_engine::codes;

use crate::args::{MachineOptions, PlanOptions, ScriptOptions};
use crate::layout::{FAINT, GOOD, bytes, clock, count, styled};
use crate::stop::Stop;
use crate::terminal::placeless;
use crate::{Context, rendering, script};

/// Render a script's films
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    script: ScriptOptions,
    #[command(flatten)]
    plan: PlanOptions,
    #[command(flatten)]
    machine: MachineOptions,
    /// Replace files that exist
    #[arg(long)]
    overwrite: bool,
}

pub(crate) fn run(options: Options, context: &Context) -> Result<Value, Stop> {
    let terminal = &context.terminal;
    let request = options.plan.request(options.machine.backend);
    let started = Instant::now();
    let planned = script::plan(&options.script, &request, terminal)?;
    if planned.plan.renders.is_empty() {
        let help = "add `output \"film.mp4\"` to the script, or name a file with `-o`".to_owned();
        let finding =
            placeless(codes::NO_OUTPUT, "the script has no output, so nothing would be written", Some(help));
        return terminal.fail(finding, Stop::Wrong);
    }
    let written = rendering::films(&planned, &options.machine, options.overwrite, context)?;
    let seconds = started.elapsed().as_secs_f64();
    for file in &written {
        terminal.object(&rendering::output(file))?;
        let mut facts = vec![clock(file.duration), bytes(file.size)];
        if file.frames > 0 {
            facts.insert(0, count(file.frames, "frame"));
        }
        let facts = styled(FAINT, &facts.join("  "));
        terminal.status(&format!("{} {}  {facts}", styled(GOOD, "✓"), file.file.display()));
    }
    terminal.status(&styled(FAINT, &format!("  in {seconds:.1} s")));
    let files: Vec<_> = written.iter().map(|file| file.file.to_string_lossy()).collect();
    Ok(json!({"files": files, "seconds": seconds}))
}
