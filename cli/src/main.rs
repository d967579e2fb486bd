//! The `vfxb` command line.
//!
//! Arguments come in; files, text and an exit code go out. Thin on purpose: a command makes a script, asks the engine's
//! `parse`, `plan` and `render`, and shows what they say. It knows no effect, no codec and no rule of the language.
//!
//! Exit codes: 0 done; 1 failed; 2 the script or the command line is wrong; 130 interrupted.

mod args;
mod codes;
mod command;
mod interrupt;
mod layout;
mod making;
mod progress;
mod rendering;
mod script;
mod stop;
mod terminal;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use args::Args;
use interrupt::Interrupt;
use terminal::Terminal;

/// What every command works with.
struct Context {
    terminal: Terminal,
    interrupt: Interrupt,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let context = Context { terminal: Terminal::new(args.json), interrupt: Interrupt::new() };
    let name = args.command.name();
    let listening = if args.command.listens() { context.interrupt.listen(&context.terminal) } else { Ok(()) };
    let outcome = listening.and_then(|()| args.command.run(&context));
    context.terminal.end(name, outcome)
}
