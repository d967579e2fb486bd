//! `vfxb frame`: one instant of a film as a picture.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::{Value, json};
use vfxb_dsl::value::TimePoint;
use vfxb_engine::plan::Request;

use crate::args::{MachineOptions, ScriptOptions, instant};
use crate::layout::{GOOD, styled};
use crate::stop::Stop;
use crate::{Context, rendering, script};

/// Render one instant of a film as a picture
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    script: ScriptOptions,
    /// When: 2.5s, 1:02.5, 50%, end-1s, @intro.start
    #[arg(long, value_name = "T", value_parser = instant, allow_hyphen_values = true)]
    at: TimePoint,
    /// The picture, .png or .jpg
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    output: PathBuf,
    #[command(flatten)]
    machine: MachineOptions,
    /// Replace the file if it exists
    #[arg(long)]
    overwrite: bool,
}

pub(crate) fn run(options: Options, context: &Context) -> Result<Value, Stop> {
    let request = Request {
        output: Some(options.output),
        at: Some(options.at),
        backend: options.machine.backend.into(),
        ..Request::default()
    };
    let planned = script::plan(&options.script, &request, &context.terminal)?;
    let written = rendering::films(&planned, &options.machine, options.overwrite, context)?;
    for file in &written {
        context.terminal.object(&rendering::output(file))?;
        context.terminal.status(&format!("{} {}", styled(GOOD, "✓"), file.file.display()));
    }
    let file = written.first().map(|file| file.file.to_string_lossy());
    Ok(json!({"file": file}))
}
