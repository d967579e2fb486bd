//! Starting processes from one thread that lives as long as they may.
//!
//! Linux sends a worker its parent's death when the *thread* that started it ends, and the threads of a runtime come and
//! go. So one thread of our own starts them all.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Starts processes; those that still run are ended with it.
pub(super) struct Spawner(Sender<Wanted>);

struct Wanted {
    command: Command,
    /// Whose input and output the pipes become.
    runtime: Handle,
    reply: oneshot::Sender<io::Result<Child>>,
}

impl Spawner {
    pub(super) fn new() -> Spawner {
        let (wanted, commands) = channel();
        let thread = std::thread::Builder::new().name("spawner".to_owned());
        if let Err(error) = thread.spawn(move || serve(&commands)) {
            tracing::error!(%error, "no thread can be started; there will be no workers");
        }
        Spawner(wanted)
    }

    /// Starts a process.
    pub(super) async fn spawn(&self, command: Command) -> io::Result<Child> {
        let gone = || io::Error::other("the thread that starts workers has ended");
        let (reply, answer) = oneshot::channel();
        let wanted = Wanted { command, runtime: Handle::current(), reply };
        self.0.send(wanted).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

fn serve(commands: &Receiver<Wanted>) {
    for Wanted { mut command, runtime, reply } in commands {
        let _entered = runtime.enter();
        // Nobody may want it any more; then the process is dropped here, and ended.
        let _ = reply.send(command.spawn());
    }
}
