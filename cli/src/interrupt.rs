//! Signals: the first asks a render to stop, the second ends the process at once. Either way no half-written file stays,
//! and no folder that was made for one.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::codes;
use crate::making::Making;
use crate::stop::{INTERRUPTED, Stop};
use crate::terminal::{Terminal, placeless};

/// What signals set, and what they act on.
pub(crate) struct Interrupt(Arc<State>);

#[derive(Default)]
struct State {
    cancel: AtomicBool,
    /// What is being made; `None` where there is nothing to stop in an orderly way.
    making: Mutex<Option<Making>>,
    /// Told of the first signal, to stop what it does itself.
    wake: Mutex<Option<Box<dyn Fn() + Send>>>,
}

impl Interrupt {
    pub(crate) fn new() -> Self {
        Interrupt(Arc::default())
    }

    /// Set once a render is to stop.
    pub(crate) fn cancel(&self) -> &AtomicBool {
        &self.0.cancel
    }

    /// From here on, as long as what it gives back is kept, the first signal asks the render of these files to stop.
    pub(crate) fn rendering(&self, files: Vec<PathBuf>) -> Rendering<'_> {
        let mut making = self.0.making();
        *making = Some(Making::begin(files));
        Rendering(&self.0)
    }

    /// From here on the first signal is told to the caller, who ends by himself. The second ends the process.
    pub(crate) fn wake(&self, wake: impl Fn() + Send + 'static) {
        *self.0.wake.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(wake));
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
                terminal.fail(placeless(codes::NO_SIGNALS, message, None), Stop::Failed)
            }
        }
    }
}

/// A render that signals know of; what was made for it goes away with this, unless it is kept.
pub(crate) struct Rendering<'a>(&'a State);

impl Rendering<'_> {
    /// The files are in their places.
    pub(crate) fn keep(self) {
        self.0.making().take();
    }
}

impl Drop for Rendering<'_> {
    fn drop(&mut self) {
        if let Some(making) = self.0.making().take() {
            making.undo();
        }
    }
}

fn signals() -> std::io::Result<signal_hook::iterator::Signals> {
    signal_hook::iterator::Signals::new([signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM])
}

impl State {
    fn making(&self) -> MutexGuard<'_, Option<Making>> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn signalled(&self) {
        let making = self.making();
        let again = self.cancel.swap(true, Ordering::Relaxed);
        if !again && let Some(wake) = &*self.wake.lock().unwrap_or_else(PoisonError::into_inner) {
            return wake();
        }
        match &*making {
            Some(_) if !again => {}
            Some(making) => {
                making.abandon();
                end();
            }
            None => end(),
        }
    }
}

#[expect(clippy::exit, reason = "the main thread may be deep in a decoder, and the user asked twice")]
fn end() -> ! {
    std::process::exit(i32::from(INTERRUPTED))
}
