//! `vfxb watch`: a script rendered at every change, or a folder whose files are rendered as they come.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};
use serde_json::Value;
use vfxb_dsl::codes;

use crate::Context;
use crate::args::{MachineOptions, PlanOptions, ScriptOptions, set};
use crate::stop::Stop;
use crate::terminal::placeless;
use crate::watch::{folder, script};

/// Longest time that may be given: an hour.
const LONGEST: f64 = 3600.0;

/// Render a script at every change, or every file that comes into a folder
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Options {
    /// The script to render whenever it, its media or its fonts change; its films are replaced
    #[arg(value_name = "SCRIPT", value_hint = ValueHint::FilePath)]
    #[arg(required_unless_present = "folder", conflicts_with = "folder")]
    script: Option<PathBuf>,
    /// Render every file that is put into this folder
    #[arg(long, value_name = "IN", value_hint = ValueHint::DirPath, requires_all = ["template", "out"])]
    folder: Option<PathBuf>,
    /// The script to render each file through; `var input` in it is the file
    #[arg(long = "script", id = "template", value_name = "TEMPLATE", value_hint = ValueHint::FilePath)]
    #[arg(requires = "folder")]
    template: Option<PathBuf>,
    /// Where the films go
    #[arg(long, value_name = "OUT", value_hint = ValueHint::DirPath, requires = "folder")]
    out: Option<PathBuf>,
    /// Where files go that cannot be rendered, each with a text that says why [default: OUT/failed]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, requires = "folder")]
    failed: Option<PathBuf>,
    /// Files that are rendered at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    #[arg(requires = "folder")]
    jobs: u16,
    /// How long a file stands still before it counts as complete; an eighth of that if its writer
    /// has closed it, thirty times as long while it has not
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds, requires = "folder")]
    settle: Duration,
    /// Replace films in OUT that this watch has not made
    #[arg(long, requires = "folder")]
    overwrite: bool,
    /// Look by the clock instead of by the system's hints, for shares that tell of no changes
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, value_parser = seconds)]
    #[arg(default_missing_value = "2")]
    poll: Option<Duration>,
    /// Give a variable a value
    #[arg(long, value_name = "NAME=VALUE", value_parser = set)]
    set: Vec<(String, String)>,
    /// Treat warnings as errors
    #[arg(long)]
    deny_warnings: bool,
    /// Also use the fonts that are installed here; the film may look different elsewhere
    #[arg(long)]
    system_fonts: bool,
    #[command(flatten)]
    plan: PlanOptions,
    #[command(flatten)]
    machine: MachineOptions,
}

const HELP: &str = "\
A script:
  vfxb watch film.vfx                    renders now and after every change, until Ctrl-C
  vfxb watch film.vfx --preview          the same, small and fast

A folder:
  vfxb watch --folder in --script brand.vfx --out out --jobs 2

  The template is a script that declares what it wants to know of each file:
    var input                            the file
    var name                             its name: clip.mov
    var stem                             its name without ending: clip
  With a default, `var input = \"clip.mp4\"`, it also renders by itself.

  Films are called as the file, clip.mp4; of several outputs each keeps its name too, clip-poster.jpg. Write
  `output \"${stem}-hd.mp4\"` for names of your own. Where two files have one stem, the second is called by its whole
  name: clip.mov.mp4.

  A file is rendered once it stands still, and once only: what was done is kept in OUT/.vfxb-watch.jsonl. Other
  content under the same name is rendered again and replaces its films; another name for the same file is not. Taking
  a file out and putting it in again renders it again. Hidden files, unfinished downloads (.part, .crdownload, .tmp),
  folders and texts beside videos (.srt, .txt, .json) are left alone; everything else that cannot be rendered goes to
  DIR with a text that says why.";

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "write a number of seconds".to_owned())?;
    if !(0.01..=LONGEST).contains(&seconds) {
        return Err(format!("write 0.01 to {LONGEST} seconds"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

pub(crate) fn run(options: Options, context: &Context) -> Result<Value, Stop> {
    let Options { set, deny_warnings, system_fonts, machine, poll, .. } = options;
    let request = options.plan.request(machine.backend);
    let named = |script: PathBuf| ScriptOptions { script, set, deny_warnings, system_fonts };
    match (options.script, options.folder, options.template, options.out) {
        (_, Some(folder), Some(template), Some(out)) => {
            let failed = options.failed.unwrap_or_else(|| out.join("failed"));
            let (jobs, template) = (usize::from(options.jobs), named(template));
            let (settle, overwrite) = (options.settle, options.overwrite);
            folder::Watch { folder, template, out, failed, request, machine, jobs, settle, poll, overwrite }
                .run(context)
        }
        (Some(script), ..) if script.as_os_str() != "-" => {
            script::Watch { script: named(script), request, machine, poll }.run(context)
        }
        _ => {
            let help = Some("write the script into a file".to_owned());
            let finding = placeless(codes::UNREADABLE, "standard input cannot be watched", help);
            context.terminal.fail(finding, Stop::Wrong)
        }
    }
}
