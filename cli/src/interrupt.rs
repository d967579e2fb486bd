//! Signals: the first asks a render to stop, the second ends the process at once. Either way no half-written file stays.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use vfxb_dsl::diagnostic::Code;
use vfxb_engine::media::encode::discard_partial;

use crate::stop::{INTERRUPTED, Stop};
use crate::terminal::{Terminal, placeless};

/// What signals set, and what they act on.
pub(crate) struct Interrupt(Arc<State>);

#[derive(Default)]
struct State {
    cancel: AtomicBool,
    /// The files that are being made; empty where there is nothing to stop in an orderly way.
    files: Mutex<Vec<PathBuf>>,
}

impl Interrupt {
    pub(crate) fn new() -> Self {
        Interrupt(Arc::default())
    }

    /// Set once a render is to stop.
    pub(crate) fn cancel(&self) -> &AtomicBool {
        &self.0.cancel
    }

    /// From here on the first signal asks the render of these files to stop.
    pub(crate) fn rendering<'a>(&self, files: impl Iterator<Item = &'a Path>) {
        let mut rendered = self.0.files.lock().unwrap_or_else(PoisonError::into_inner);
        rendered.extend(files.map(Path::to_owned));
    }

    /// Listens for SIGINT and SIGTERM in a thread of its own.
    pub(crate) fn listen(&self, terminal: &Terminal) -> Result<(), Stop> {
        let state = Arc::clone(&self.0);
        match signals() {
            Ok(mut signals) => {
                std::thread::spawn(move || {
                    for _ in signals.forever() {
                        state.signalled();
                    }
                });
                Ok(())
            }
            Err(error) => {
                let message = format!("cannot listen for signals: {error}");
                terminal.fail(placeless(Code("V0706"), message, None), Stop::Failed)
            }
        }
    }
}

fn signals() -> std::io::Result<signal_hook::iterator::Signals> {
    signal_hook::iterator::Signals::new([signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM])
}

impl State {
    fn signalled(&self) {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let again = self.cancel.swap(true, Ordering::Relaxed);
        if files.is_empty() || again {
            files.iter().for_each(|file| discard_partial(file));
            end();
        }
    }
}

#[expect(clippy::exit, reason = "the main thread may be deep in a decoder, and the user asked twice")]
fn end() -> ! {
    std::process::exit(i32::from(INTERRUPTED))
}
