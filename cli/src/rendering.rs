//! From a plan to files: the machine, progress and signals around the engine's `render`.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_engine::exec::render::{RenderOptions, Written, check_files, render};
use vfxb_engine::exec::tile::SimdLevel;
use vfxb_engine::exec::{ExecError, Executor, RenderError, executor};

use crate::Context;
use crate::args::MachineOptions;
use crate::progress::Meter;
use crate::script::Planned;
use crate::stop::Stop;
use crate::terminal::placeless;

/// Renders all files of a plan.
pub(crate) fn films(
    planned: &Planned,
    machine: &MachineOptions,
    overwrite: bool,
    context: &Context,
) -> Result<Vec<Written>, Stop> {
    let terminal = &context.terminal;
    let deliveries = planned.plan.renders.iter().flat_map(|render| &render.deliveries);
    let rendering = context.interrupt.rendering(deliveries.map(|d| d.file.clone()).collect());
    let outcome = check_files(&planned.plan, overwrite)
        .and_then(|()| Ok(chosen(machine, planned)?))
        .and_then(|(mut executor, fallback)| {
            if let Some(why) = fallback {
                terminal.notice(&why);
            }
            run(planned, &mut *executor, machine, overwrite, context)
        });
    match outcome {
        Ok(written) => {
            rendering.keep();
            Ok(written)
        }
        Err(RenderError::Cancelled) => {
            drop(rendering);
            terminal.status("interrupted: nothing was written");
            Err(Stop::Interrupted)
        }
        Err(error) => {
            drop(rendering);
            terminal.fail(failure(&error), Stop::Failed)
        }
    }
}

fn run(
    planned: &Planned,
    executor: &mut dyn Executor,
    machine: &MachineOptions,
    overwrite: bool,
    context: &Context,
) -> Result<Vec<Written>, RenderError> {
    let cancel = context.interrupt.cancel();
    let frames = planned.plan.renders.iter().flat_map(|r| &r.segments);
    let meter = Meter::new(&context.terminal, frames.map(|s| s.frames.end - s.frames.start).sum());
    let options = RenderOptions {
        overwrite,
        decode_threads: machine.threads.map_or(0, usize::from),
        cancel,
        notice: &|what| context.terminal.notice(what),
        progress: &|progress| {
            if meter.step(progress).is_err() {
                cancel.store(true, Ordering::Relaxed);
            }
        },
    };
    let written = render(&planned.plan, executor, &planned.drawings, &options);
    meter.end();
    written
}

/// The machine, and why it is another one than was asked for.
fn chosen(
    machine: &MachineOptions,
    planned: &Planned,
) -> Result<(Box<dyn Executor>, Option<String>), ExecError> {
    if let Some(name) = std::env::var_os("VFXB_SIMD") {
        let unusable = |what: String| ExecError::Unavailable(format!("VFXB_SIMD: {what}"));
        let level: SimdLevel = name.to_string_lossy().parse().map_err(|e| unusable(format!("{e}")))?;
        if level.available() != level {
            return Err(unusable(format!(
                "this machine has no {level}; {} is its highest",
                SimdLevel::detect()
            )));
        }
    }
    executor(planned.plan.backend, machine.threads.map_or(0, usize::from))
}

fn failure(error: &RenderError) -> Diagnostic {
    placeless(error.code(), error.to_string(), error.help().map(str::to_owned))
}

/// The object that stands for a written file.
pub(crate) fn output(written: &Written) -> Value {
    json!({
        "type": "output",
        "file": written.file.to_string_lossy(),
        "frames": written.frames,
        "duration": written.duration.to_f64(),
        "size": written.size,
    })
}
