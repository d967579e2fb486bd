//! `vfxb fmt`: scripts in the form that we write.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde_json::{Value, json};
use vfxb_dsl::codes;
use vfxb_dsl::print::format;

use crate::Context;
use crate::script::{Text, read, tree};
use crate::stop::Stop;
use crate::terminal::{Terminal, placeless};

/// Format scripts in place
#[derive(Args)]
pub(crate) struct Options {
    /// The scripts; `-` reads standard input and prints
    #[arg(value_name = "SCRIPT", required = true, value_hint = ValueHint::FilePath)]
    scripts: Vec<PathBuf>,
    /// Change nothing; name the scripts that are not formatted, and fail if there are any
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: Options, context: &Context) -> Result<Value, Stop> {
    let terminal = &context.terminal;
    let mut changed = Vec::new();
    let mut texts = Vec::new();
    for path in &options.scripts {
        let text = read(path, terminal)?;
        let formatted = formatted(&text, terminal)?;
        let stdin = path.as_os_str() == "-";
        if stdin && !options.check {
            terminal.print(&formatted)?;
        } else if text.map.file(text.file).text != formatted {
            changed.push(path.to_string_lossy());
            if options.check {
                terminal.print(&format!("{}\n", path.display()))?;
            } else {
                replace(path, &formatted, terminal)?;
            }
        }
        if stdin {
            texts.push(formatted);
        }
    }
    if options.check && !changed.is_empty() {
        terminal.status("not formatted; `vfxb fmt` without --check does it");
        return Err(Stop::Failed);
    }
    Ok(json!({"changed": changed, "text": texts.first()}))
}

fn formatted(text: &Text, terminal: &Terminal) -> Result<String, Stop> {
    let document = tree(text, terminal)?;
    format(&document, &text.map, text.file).map_err(|findings| {
        terminal.findings(&findings, &text.map);
        Stop::Wrong
    })
}

/// Puts a text in the place of a file: whole or not at all.
fn replace(path: &Path, text: &str, terminal: &Terminal) -> Result<(), Stop> {
    let replaced = || -> std::io::Result<()> {
        // What a link names is replaced, not the link.
        let path = path.canonicalize()?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().set_permissions(std::fs::metadata(&path)?.permissions())?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    };
    replaced().or_else(|error| {
        let message = format!("cannot write {}: {error}", path.display());
        terminal.fail(placeless(codes::UNWRITABLE, message, None), Stop::Failed)
    })
}
