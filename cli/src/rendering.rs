//! From a plan to files: the machine, progress and signals around the engine's `render`.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_engine::codes;
use vfxb_engine::exec::render::{Progress, RenderOptions, Written, check_files, render};
use vfxb_engine::exec::tile::SimdLevel;
use vfxb_engine::exec::{ExecError, Executor, RenderError, executor};

use crate::Context;
use crate::args::MachineOptions;
use crate::layout::{FAINT, GOOD, bytes, clock, count, styled};
use crate::progress::Meter;
use crate::script::Planned;
use crate::stop::Stop;
use crate::terminal::{Terminal, placeless};

/// Renders all files of a plan, until a signal comes.
pub(crate) fn films(
    planned: &Planned,
    machine: &MachineOptions,
    overwrite: bool,
    context: &Context,
) -> Result<Vec<Written>, Stop> {
    let outcome = films_until(planned, machine, overwrite, context, context.interrupt.cancel());
    if outcome == Err(Stop::Interrupted) {
        context.terminal.status("interrupted: nothing was written");
    }
    outcome
}

/// Renders all files of a plan, until `cancel` is set.
pub(crate) fn films_until(
    planned: &Planned,
    machine: &MachineOptions,
    overwrite: bool,
    context: &Context,
    cancel: &AtomicBool,
) -> Result<Vec<Written>, Stop> {
    let terminal = &context.terminal;
    if planned.plan.renders.is_empty() {
        let message = "the script has no output, so nothing would be written";
        let help = "add `output \"film.mp4\"` to the script, or name a file with `-o`".to_owned();
        return terminal.fail(placeless(codes::NO_OUTPUT, message, Some(help)), Stop::Wrong);
    }
    let deliveries = planned.plan.renders.iter().flat_map(|render| &render.deliveries);
    let rendering = context.interrupt.rendering(deliveries.map(|d| d.file.clone()).collect());
    let frames = planned.plan.renders.iter().flat_map(|r| &r.segments);
    let meter = Meter::new(terminal, frames.map(|s| s.frames.end - s.frames.start).sum());
    let link = Link {
        cancel,
        notice: &|what| terminal.notice(what),
        progress: &|progress| {
            if meter.step(progress).is_err() {
                cancel.store(true, Ordering::Relaxed);
            }
        },
    };
    let outcome = attempt(planned, machine, overwrite, &link);
    meter.end();
    match outcome {
        Ok(written) => {
            rendering.keep();
            Ok(written)
        }
        Err(error) => {
            drop(rendering);
            match error {
                RenderError::Cancelled => Err(Stop::Interrupted),
                error => terminal.fail(failure(&error), Stop::Failed),
            }
        }
    }
}

/// What a render is told, and whom it tells.
pub(crate) struct Link<'a> {
    /// Set to stop it.
    pub(crate) cancel: &'a AtomicBool,
    /// Told what happens that is no error.
    pub(crate) notice: &'a (dyn Fn(&str) + Sync),
    /// Told after every frame.
    pub(crate) progress: &'a (dyn Fn(&Progress) + Sync),
}

/// Renders all files of a plan and says nothing by itself.
pub(crate) fn attempt(
    planned: &Planned,
    machine: &MachineOptions,
    overwrite: bool,
    link: &Link<'_>,
) -> Result<Vec<Written>, RenderError> {
    check_files(&planned.plan, overwrite)?;
    let (mut executor, fallback) = chosen(machine, planned)?;
    if let Some(why) = fallback {
        (link.notice)(&why);
    }
    let options = RenderOptions {
        overwrite,
        decode_threads: machine.threads.map_or(0, usize::from),
        cancel: link.cancel,
        notice: link.notice,
        progress: link.progress,
    };
    render(&planned.plan, &mut *executor, &planned.drawings, &options)
}

/// Tells of written files.
pub(crate) fn tell(written: &[Written], seconds: f64, terminal: &Terminal) -> Result<(), Stop> {
    for file in written {
        terminal.object(&output(file))?;
        let mut facts = vec![clock(file.duration), bytes(file.size)];
        if file.frames > 0 {
            facts.insert(0, count(file.frames, "frame"));
        }
        let facts = styled(FAINT, &facts.join("  "));
        terminal.status(&format!("{} {}  {facts}", styled(GOOD, "✓"), file.file.display()));
    }
    if !written.is_empty() {
        terminal.status(&styled(FAINT, &format!("  in {seconds:.1} s")));
    }
    Ok(())
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

/// A render's error as a finding.
pub(crate) fn failure(error: &RenderError) -> Diagnostic {
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
