//! `vfxb convert`: a script in the other spelling.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde_json::{Value, json};
use vfxb_dsl::codes;
use vfxb_dsl::print;
use vfxb_dsl::syntax::Spelling;
use vfxb_engine::effect::registry;

use crate::Context;
use crate::script::{read, tree};
use crate::stop::Stop;
use crate::terminal::{Terminal, placeless};

/// Convert a script between .vfx and YAML; layout and comments are lost
#[derive(Args)]
pub(crate) struct Options {
    /// The script; `-` reads standard input
    #[arg(value_name = "SCRIPT", value_hint = ValueHint::FilePath)]
    script: PathBuf,
    /// Where to, .vfx or .yaml; printed if left out
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    to: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long)]
    overwrite: bool,
}

pub(crate) fn run(options: Options, context: &Context) -> Result<Value, Stop> {
    let terminal = &context.terminal;
    let text = read(&options.script, terminal)?;
    let spelling = match &options.to {
        None if text.spelling == Spelling::Vfx => Spelling::Yaml,
        None => Spelling::Vfx,
        Some(to) => spelling_of(to, terminal)?,
    };
    let document = tree(&text, terminal)?;
    let converted = print::convert(&document, spelling, &registry::catalogue()).map_err(|findings| {
        terminal.findings(&findings, &text.map);
        Stop::Wrong
    })?;
    match &options.to {
        None => terminal.print(&converted)?,
        Some(to) => {
            create(to, &converted, options.overwrite, "give another name, or --overwrite", terminal)?;
            if to.parent() != options.script.parent() {
                terminal.status("note: relative paths in it now start from another folder");
            }
        }
    }
    let file = options.to.as_ref().map(|to| to.to_string_lossy());
    Ok(json!({"file": file, "text": converted}))
}

/// How a script is written that is made here. JSON is read, but holds no comments and is made by programs.
pub(super) fn spelling_of(path: &Path, terminal: &Terminal) -> Result<Spelling, Stop> {
    let json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    match Spelling::of_path(path) {
        Some(spelling) if !json => Ok(spelling),
        _ => {
            let message = format!("the ending of {} says neither .vfx nor .yaml", path.display());
            let help = "end it in .vfx, .yaml or .yml".to_owned();
            terminal.fail(placeless(codes::UNKNOWN_FORMAT, message, Some(help)), Stop::Wrong)
        }
    }
}

/// Writes a new file; `remedy` is for where there is one already.
pub(super) fn create(
    path: &Path,
    text: &str,
    overwrite: bool,
    remedy: &str,
    terminal: &Terminal,
) -> Result<(), Stop> {
    let mut open = OpenOptions::new();
    open.write(true);
    if overwrite {
        open.create(true).truncate(true);
    } else {
        open.create_new(true);
    }
    open.open(path).and_then(|mut file| file.write_all(text.as_bytes())).or_else(|error| {
        let exists = error.kind() == std::io::ErrorKind::AlreadyExists;
        let why = if exists { "it exists already".to_owned() } else { error.to_string() };
        let message = format!("cannot write {}: {why}", path.display());
        let help = exists.then(|| remedy.to_owned());
        terminal.fail(placeless(codes::UNWRITABLE, message, help), Stop::Failed)
    })
}
