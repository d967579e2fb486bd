//! From a plan to files: the machine, the folders, progress and signals around the engine's `render`.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use vfxb_dsl::diagnostic::{Code, Diagnostic};
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
    let files: Vec<&Path> =
        planned.plan.renders.iter().flat_map(|r| &r.deliveries).map(|d| d.file.as_path()).collect();
    let folders = Folders::make(&files);
    let outcome = check_files(&planned.plan, overwrite)
        .and_then(|()| Ok(chosen(machine, planned)?))
        .and_then(|(mut executor, fallback)| {
            if let Some(why) = fallback {
                terminal.notice(&why);
            }
            context.interrupt.rendering(files.iter().copied());
            run(planned, &mut *executor, machine, overwrite, context)
        });
    match outcome {
        Ok(written) => {
            folders.keep();
            Ok(written)
        }
        Err(RenderError::Cancelled) => {
            drop(folders);
            terminal.status("interrupted: nothing was written");
            Err(Stop::Interrupted)
        }
        Err(error) => {
            drop(folders);
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
    placeless(Code(error.code()), error.to_string(), error.help().map(str::to_owned))
}

/// Folders that were made for the files of a render; they go away again if it fails.
struct Folders(Vec<PathBuf>);

impl Folders {
    /// Makes those that are missing. Where that fails the check of the files says why.
    fn make(files: &[&Path]) -> Folders {
        let mut made = Vec::new();
        for folder in files.iter().filter_map(|file| file.parent()) {
            let missing = folder.ancestors().take_while(|f| !f.as_os_str().is_empty() && !f.exists());
            let missing: Vec<PathBuf> = missing.map(Path::to_owned).collect();
            made.extend(missing.into_iter().rev().filter(|folder| std::fs::create_dir(folder).is_ok()));
        }
        Folders(made)
    }

    fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            // Somebody may have put something there meanwhile.
            let _ = std::fs::remove_dir(folder);
        }
    }
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
