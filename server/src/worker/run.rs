//! The worker's side: one [`Order`] from standard input, [`Message`]s to standard output.
//!
//! First the process gives up what it does not need; only then is a stranger's byte looked at.

use std::io::{self, BufRead, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use vfxb_engine::media::encode::abandon;

use super::names::Names;
use super::protocol::{Answer, Fault, Message, Order, Refusal, Task};
use super::tasks::{Bench, Unanswered};
use super::{LONGEST_LINE, refusal, sandbox};
use crate::model::JobProgress;

/// How long a render that nobody wants any more may take to stop by itself.
const GRACE: Duration = Duration::from_secs(2);

/// Why a worker has not even begun.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// The process that wanted an answer has gone.
    #[error("nobody wants an answer any more")]
    Unwanted,
    /// Standard input or output failed.
    #[error("standard input or output failed: {0}")]
    Pipe(#[from] io::Error),
    /// The order is none.
    #[error("this is no order: {0}")]
    Order(#[from] serde_json::Error),
}

/// Does the one order that standard input brings, and says what came of it on standard output. To be called before
/// the process has started any thread: what it gives up, it gives up for this thread and those that come of it.
///
/// # Errors
/// [`Unfit`], without a word on standard output.
pub fn run() -> Result<(), Unfit> {
    sandbox::die_with_parent()?;
    // Asked now: the sandbox hides the files that say how much of the machine is ours.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let order = order()?;
    let names = Names::of(&order.task);
    let message = match sandbox::enter(&order) {
        Ok(()) => match perform(&order.task, threads, &names) {
            Ok(answer) => Message::Done(answer),
            Err(Unanswered::Refused(refusal)) if sandbox::outgrew() => {
                Message::Failed(Refusal { fault: Fault::Size, ..*refusal })
            }
            Err(Unanswered::Refused(refusal)) => Message::Failed(*refusal),
            Err(Unanswered::Cancelled) => return Err(Unfit::Unwanted),
        },
        Err(error) => Message::Failed(refusal::machine(&format!("a worker cannot be locked in: {error}"))),
    };
    Ok(say(&without_paths(message, &names))?)
}

/// Reads a line and not a byte more: standard input is watched from then on.
fn order() -> Result<Order, Unfit> {
    let mut line = String::new();
    io::stdin().lock().take(LONGEST_LINE as u64).read_line(&mut line)?;
    if line.is_empty() {
        return Err(Unfit::Unwanted);
    }
    Ok(serde_json::from_str(&line)?)
}

fn perform(task: &Task, threads: usize, names: &Names) -> Result<Answer, Unanswered> {
    let cancel = Arc::new(AtomicBool::new(false));
    // Any name will do: what is unfinished in a folder is known by its own.
    watch(Arc::clone(&cancel), task.folder().map(|folder| folder.join("any")));
    let tell = |message: &Message| {
        // Whoever read it has gone, or will say so by closing our input.
        let _ = say(message);
    };
    let progress = |progress: JobProgress| tell(&Message::Progress(progress));
    let notice = |text: &str| tell(&Message::Notice { text: names.text(text) });
    Bench { threads, cancel: &cancel, progress: &progress, notice: &notice }.perform(task)
}

/// Stops the work when standard input closes: in an orderly way first, and if that takes too long at once.
fn watch(cancel: Arc<AtomicBool>, writes: Option<PathBuf>) {
    std::thread::spawn(move || {
        // An error of reading says the same as its end.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        cancel.store(true, Ordering::Relaxed);
        if let Some(file) = &writes {
            std::thread::sleep(GRACE);
            abandon(std::iter::once(file.as_path()));
        }
        end();
    });
}

#[expect(clippy::exit, reason = "the main thread may be deep in a decoder, and nobody wants its answer")]
fn end() -> ! {
    std::process::exit(1)
}

fn say(message: &Message) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}

/// The places of files that were made stay: they are the service's own.
fn without_paths(message: Message, names: &Names) -> Message {
    let all = |objects: Vec<serde_json::Value>| objects.into_iter().map(|o| names.json(o)).collect();
    match message {
        Message::Done(Answer::Told { ok, diagnostics, told }) => {
            Message::Done(Answer::Told { ok, diagnostics: all(diagnostics), told: names.json(told) })
        }
        Message::Done(Answer::Made { files, diagnostics }) => {
            Message::Done(Answer::Made { files, diagnostics: all(diagnostics) })
        }
        Message::Failed(Refusal { mut error, diagnostics, fault }) => {
            error.message = names.text(&error.message);
            error.help = error.help.map(|help| names.text(&help));
            Message::Failed(Refusal { error, diagnostics: all(diagnostics), fault })
        }
        other => other,
    }
}
