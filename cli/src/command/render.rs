//! `vfxb render`: a script to its files.

use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};

use crate::args::{MachineOptions, PlanOptions, ScriptOptions};
use crate::stop::Stop;
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
    let written = rendering::films(&planned, &options.machine, options.overwrite, context)?;
    let seconds = started.elapsed().as_secs_f64();
    rendering::tell(&written, seconds, terminal)?;
    let files: Vec<_> = written.iter().map(|file| file.file.to_string_lossy()).collect();
    Ok(json!({"files": files, "seconds": seconds}))
}
