//! The command line as data: what is common to the commands, and the one table of them. A new command is a file under
//! `command/` and a line here.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueHint};
use serde_json::Value;
use vfxb_dsl::value::{Misread, TimePoint, TimeRange};
use vfxb_engine::plan::{Backend, Request};

use crate::Context;
use crate::command;
use crate::stop::Stop;

/// Renders films from edit scripts.
#[derive(Parser)]
#[command(name = "vfxb", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Start with `vfxb new film.vfx clip.mp4`, then `vfxb render film.vfx`.")]
pub(crate) struct Args {
    /// Print one JSON object a line, the last of them the result
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Declares the commands: name of the variant, module with its `Options` and `run`.
macro_rules! commands {
    ($($variant:ident => $module:ident),* $(,)?) => {
        #[derive(Subcommand)]
        pub(crate) enum Command {
            $($variant(command::$module::Options)),*
        }

        impl Command {
            /// Its name as a user types it.
            pub(crate) fn name(&self) -> &'static str {
                match self {
                    $(Command::$variant(_) => stringify!($module)),*
                }
            }

            /// Does it; gives back what the last line of `--json` holds.
            pub(crate) fn run(self, context: &Context) -> Result<Value, Stop> {
                match self {
                    $(Command::$variant(options) => command::$module::run(options, context)),*
                }
            }
        }
    };
}

commands! {
    Render => render,
    Check => check,
    Watch => watch,
    Serve => serve,
    Plan => plan,
    Frame => frame,
    Probe => probe,
    Effects => effects,
    Fmt => fmt,
    Convert => convert,
    Schema => schema,
    New => new,
    Completions => completions,
    Worker => worker,
}

impl Command {
    /// Whether signals ask it to end, and do not just end it. A worker starts no thread that would listen before it has
    /// locked itself in.
    pub(crate) fn listens(&self) -> bool {
        !matches!(self, Command::Worker(_))
    }
}

/// Which script, and how it is read.
#[derive(clap::Args)]
pub(crate) struct ScriptOptions {
    /// The script: .vfx, .yaml, .yml or .json; `-` reads standard input
    #[arg(value_name = "SCRIPT", value_hint = ValueHint::FilePath)]
    pub(crate) script: PathBuf,
    /// Give a variable a value
    #[arg(long, value_name = "NAME=VALUE", value_parser = set)]
    pub(crate) set: Vec<(String, String)>,
    /// Treat warnings as errors
    #[arg(long)]
    pub(crate) deny_warnings: bool,
    /// Also use the fonts that are installed here; the film may look different elsewhere
    #[arg(long)]
    pub(crate) system_fonts: bool,
}

/// What becomes of the script.
#[derive(clap::Args)]
pub(crate) struct PlanOptions {
    /// Write this file in place of the script's only output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    pub(crate) output: Option<PathBuf>,
    /// Only this part of the film, such as 2s..5s or @intro.start..end
    #[arg(long, value_name = "A..B", value_parser = range, allow_hyphen_values = true)]
    pub(crate) range: Option<TimeRange>,
    /// A quick look: at most 480 rows, the fastest preset
    #[arg(long)]
    pub(crate) preview: bool,
}

impl PlanOptions {
    /// What the engine is asked to plan, for a machine.
    pub(crate) fn request(self, backend: BackendName) -> Request {
        let PlanOptions { output, range, preview } = self;
        Request { output, range, preview, backend: backend.into(), ..Request::default() }
    }
}

/// Which machine does it.
#[derive(Clone, clap::Args)]
pub(crate) struct MachineOptions {
    /// The machine that renders: auto takes the GPU if there is a hardware one
    #[arg(long, value_enum, default_value_t = BackendName::Auto)]
    pub(crate) backend: BackendName,
    /// Threads that decode and render; one a core if left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}

impl MachineOptions {
    /// The same for one of so many renders at once: they share the cores.
    pub(crate) fn shared(&self, renders: usize) -> MachineOptions {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let share = u16::try_from((cores / renders.max(1)).max(1)).unwrap_or(1);
        MachineOptions { threads: self.threads.or((renders > 1).then_some(share)), ..*self }
    }
}

/// [`Backend`] as it is typed.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum BackendName {
    Auto,
    Cpu,
    Gpu,
}

impl From<BackendName> for Backend {
    fn from(name: BackendName) -> Backend {
        match name {
            BackendName::Auto => Backend::Auto,
            BackendName::Cpu => Backend::Cpu,
            BackendName::Gpu => Backend::Gpu,
        }
    }
}

/// Reads `name=value`.
pub(crate) fn set(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as name=value".into()),
    }
}

fn range(text: &str) -> Result<TimeRange, String> {
    text.parse().map_err(told)
}

/// Reads an instant of a film.
pub(crate) fn instant(text: &str) -> Result<TimePoint, String> {
    text.parse().map_err(told)
}

fn told(fault: Misread) -> String {
    format!("{}; {}", fault.what, fault.help)
}
