//! `vfxb completions`: what a shell needs to complete our commands.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use serde_json::{Value, json};

use crate::Context;
use crate::stop::Stop;

/// Print completions for a shell
#[derive(Args)]
#[command(after_help = "bash: vfxb completions bash > ~/.local/share/bash-completion/completions/vfxb\n\
                        zsh:  vfxb completions zsh > \"${fpath[1]}/_vfxb\"\n\
                        fish: vfxb completions fish > ~/.config/fish/completions/vfxb.fish")]
pub(crate) struct Options {
    /// Which shell
    shell: Shell,
}

pub(crate) fn run(options: Options, context: &Context) -> Result<Value, Stop> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut crate::args::Args::command(), "vfxb", &mut script);
    let script = String::from_utf8_lossy(&script);
    context.terminal.print(&script)?;
    Ok(json!({"text": script}))
}
