//! `vfxb watch`: scripts that are rendered again when something they read changes, and folders whose files are rendered
//! as they come.
//!
//! The system's hints come in ([`bell`]); what is true is always looked up on the disk. What to do about it is decided
//! by parts that know neither clock nor disk: [`settle`] says when a file is complete, [`queue`] what is rendered next,
//! [`journal`] what was done before, [`freshness`] whether a script's films are stale. [`script`] and [`folder`] put
//! them around the engine. With `--json` they print, beside what `vfxb render` prints:
//!
//! `{"type":"watching",…}` when all is done and changes are waited for; a script's `{"type":"changed","files"}` and
//! `{"type":"rendered","ok","stale","files","seconds"}`; a folder's `{"type":"began"|"done"|"failed"|"same"|"dropped"|
//! "ignored","input",…}`, and `"input"` in every other object about one file.

mod bell;
mod failed;
pub(crate) mod folder;
mod freshness;
mod inbox;
mod job;
mod journal;
mod queue;
pub(crate) mod script;
mod settle;
mod stamp;
mod template;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bell::{Bell, Hint};

use crate::terminal::Terminal;

/// How often is looked without a hint where the system gives some.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How often is looked where it gives none.
const POLL: Duration = Duration::from_secs(2);
/// Hints within this time are one.
const TOGETHER: Duration = Duration::from_millis(50);

/// Where hints come from, and how often is looked without one: by the system, or by the clock alone every `poll`.
fn listening(
    poll: Option<Duration>,
    terminal: &Terminal,
    tell: impl Fn(Hint) + Send + 'static,
) -> (Bell, Duration) {
    if let Some(every) = poll {
        return (Bell::silent(), every);
    }
    let (bell, why) = Bell::system(tell);
    match why {
        None => (bell, HEARTBEAT),
        Some(why) => {
            terminal.notice(&unheard(&why));
            (bell, POLL)
        }
    }
}

/// Listens to these folders; where the system refuses, looks more often from there on.
fn listen(bell: &mut Bell, folders: &BTreeSet<PathBuf>, every: &mut Duration, terminal: &Terminal) {
    if let Err(why) = bell.listen(folders) {
        *every = (*every).min(POLL);
        terminal.notice(&unheard(&why));
    }
}

fn unheard(why: &str) -> String {
    format!("the system tells of no changes ({why}): looking every {} s instead", POLL.as_secs())
}

/// The folder that holds a file, as it is named and where links lead.
fn folders_of(path: &Path) -> impl Iterator<Item = PathBuf> {
    let named = path.parent().map(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p });
    let real = path.canonicalize().ok().and_then(|real| real.parent().map(Path::to_owned));
    // Where the folder is missing too, the nearest that is there will tell of its coming.
    let there = named.and_then(|folder| folder.ancestors().find(|f| f.is_dir()).map(Path::to_owned));
    there.into_iter().chain(real)
}
