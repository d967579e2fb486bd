//! The service's side: a process a task, whose answer is waited for no longer than it may take.
//!
//! Tasks come in, answers go out. Whatever the process does, it ends, and what it wrote is there only if it was done. What
//! it says is believed no more than a stranger: lines are bounded, and files are looked at before they count.

use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio_util::codec::{FramedRead, LinesCodec};
use tokio_util::sync::CancellationToken;

use super::place::Place;
use super::protocol::{Answer, Limits, Message, Order, Task};
use super::spawn::Spawner;
use super::turns::Turns;
use super::{LONGEST_LINE, WorkError, Workers, refusal};
use crate::config::{Config, JobLimits};
use crate::model::{JobProgress, Owner};

/// What a worker sees of our environment: where its libraries lie, and which SIMD it uses. Secrets stay here.
const ENVIRONMENT: [&str; 4] = ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SystemRoot", "VFXB_SIMD"];
/// How long a worker that has answered may take to end.
const FAREWELL: Duration = Duration::from_secs(2);
/// Bytes of what a worker says on standard error that are kept: the last ones.
const LAST_WORDS: usize = 4096;

/// Workers that are processes of the same binary.
pub struct Processes {
    program: PathBuf,
    limits: JobLimits,
    quick: Turns,
    spawner: Spawner,
}

impl Processes {
    /// Processes of `program`, which has the subcommand `worker`, with the limits of `config`.
    pub fn new(program: PathBuf, config: &Config) -> Processes {
        let limits = config.jobs.clone();
        let quick = Turns::new(limits.quick);
        Processes { program, limits, quick, spawner: Spawner::new() }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("worker").env_clear().kill_on_drop(true);
        command.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A Ctrl-C in our terminal is for us: we decide what becomes of workers.
        #[cfg(unix)]
        command.process_group(0);
        command
    }

    fn limits(&self, time: Duration) -> Limits {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
        Limits {
            memory: self.limits.memory,
            // All cores all the time: what sleeps is ended by the clock.
            cpu_seconds: time.as_secs().saturating_mul(cores).max(1),
            file_size: self.limits.file_size,
        }
    }

    async fn run(
        &self,
        task: Task,
        told: &(dyn Fn(JobProgress) + Sync),
        cancel: &CancellationToken,
    ) -> Result<Answer, WorkError> {
        let time = match task {
            Task::Render { .. } => self.limits.time,
            _ => self.limits.quick_time,
        };
        let mut limits = self.limits(time);
        if let Task::Render { file_size, .. } = &task {
            limits.file_size = limits.file_size.min(*file_size);
        }
        let order = Order { task, limits };
        let child = self.spawner.spawn(self.command()).await.map_err(unavailable)?;
        let mut running = Running::new(child).map_err(unavailable)?;
        let answer = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(End::Said(WorkError::Cancelled)),
            answer = tokio::time::timeout(time, running.converse(&order, told)) => {
                answer.unwrap_or(Err(End::Said(WorkError::TimedOut(time.as_secs()))))
            }
        };
        match answer {
            Ok(answer) => {
                running.leave().await;
                Ok(answer)
            }
            Err(End::Said(error)) => {
                running.kill().await;
                Err(error)
            }
            Err(End::Silent) => Err(running.silent(&order.limits).await),
        }
    }
}

#[async_trait]
impl Workers for Processes {
    async fn work(
        &self,
        owner: Owner,
        task: Task,
        told: &(dyn Fn(JobProgress) + Sync),
        cancel: &CancellationToken,
    ) -> Result<Answer, WorkError> {
        // Renders are counted and shared by the queue; everything else waits here.
        let _turn = match task {
            Task::Render { .. } => None,
            _ => tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(WorkError::Cancelled),
                turn = self.quick.take(owner) => Some(turn.map_err(|_| WorkError::Crowded)?),
            },
        };
        let (task, place) = Place::prepare(task).map_err(unavailable)?;
        let answer = self.run(task, told, cancel).await?;
        place.accept(answer).map_err(WorkError::Crashed)
    }
}

fn unavailable(error: io::Error) -> WorkError {
    WorkError::Unavailable(error.to_string())
}

/// Why a conversation has no answer.
enum End {
    /// It is known.
    Said(WorkError),
    /// The process said nothing more: how it ended has to tell.
    Silent,
}

/// A process that works.
struct Running {
    child: Child,
    /// Open as long as the answer is wanted.
    stdin: ChildStdin,
    lines: FramedRead<ChildStdout, LinesCodec>,
    last_words: JoinHandle<String>,
}

impl Running {
    fn new(mut child: Child) -> io::Result<Running> {
        let missing = || io::Error::other("the process has no pipes");
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        let lines = FramedRead::new(stdout, LinesCodec::new_with_max_length(LONGEST_LINE));
        Ok(Running { child, stdin, lines, last_words: tokio::spawn(last_words(stderr)) })
    }

    async fn converse(&mut self, order: &Order, told: &(dyn Fn(JobProgress) + Sync)) -> Result<Answer, End> {
        let crashed = |what: String| End::Said(WorkError::Crashed(what));
        let mut line = serde_json::to_vec(order).map_err(|error| crashed(error.to_string()))?;
        line.push(b'\n');
        // Where that fails the process has ended, and says why.
        self.stdin.write_all(&line).await.map_err(|_| End::Silent)?;
        while let Some(line) = self.lines.next().await {
            let line = line.map_err(|error| crashed(format!("its answer cannot be read: {error}")))?;
            let message = serde_json::from_str(&line)
                .map_err(|error| crashed(format!("it said what is no message: {error}")))?;
            match message {
                Message::Progress(progress) => {
                    told(JobProgress { progress: progress.progress.clamp(0.0, 1.0), ..progress });
                }
                Message::Notice { text } => tracing::info!(%text, "a worker's notice"),
                Message::Done(answer) => return Ok(answer),
                Message::Failed(refusal) => return Err(End::Said(WorkError::Refused(Box::new(refusal)))),
            }
        }
        Err(End::Silent)
    }

    /// Lets a process that has answered end.
    async fn leave(mut self) {
        if tokio::time::timeout(FAREWELL, self.child.wait()).await.is_err() {
            self.kill().await;
        }
    }

    /// Ends it at once.
    async fn kill(mut self) {
        if let Err(error) = self.child.kill().await {
            tracing::warn!(%error, "a worker cannot be ended");
        }
    }

    /// What a process died of that has closed its output without an answer.
    async fn silent(mut self, limits: &Limits) -> WorkError {
        let status = match tokio::time::timeout(FAREWELL, self.child.wait()).await {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => return WorkError::Crashed(error.to_string()),
            Err(_) => {
                self.kill().await;
                return WorkError::Crashed("it fell silent without ending".to_owned());
            }
        };
        let words = self.last_words.await.unwrap_or_default();
        cause(status, words.trim(), limits)
    }
}

/// What a process died of: a limit that has a name, or something that is for the log.
fn cause(status: ExitStatus, words: &str, limits: &Limits) -> WorkError {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        if status.signal() == Some(signal_hook::consts::SIGXCPU) {
            return WorkError::TimedOut(limits.cpu_seconds);
        }
    }
    // What Rust says before it gives up; libav reports a lack of memory as an error.
    if words.contains("memory allocation of") {
        return WorkError::Refused(Box::new(refusal::memory(limits.memory)));
    }
    WorkError::Crashed(if words.is_empty() { status.to_string() } else { format!("{status}: {words}") })
}

/// Reads standard error to its end and keeps the last of it.
async fn last_words(mut stderr: ChildStderr) -> String {
    let mut words = Vec::new();
    let mut buffer = [0; LAST_WORDS];
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        words.extend_from_slice(buffer.get(..read).unwrap_or_default());
        words.drain(..words.len().saturating_sub(LAST_WORDS));
    }
    let words = String::from_utf8_lossy(&words).into_owned();
    if !words.trim().is_empty() {
        tracing::warn!(words = words.trim(), "a worker's last words");
    }
    words
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;
    use crate::worker::protocol::Fault;

    #[test]
    fn deaths_by_limits_have_names() {
        let limits = Limits { memory: 64 << 20, cpu_seconds: 7, file_size: 1 };
        let died = |signal, words| cause(ExitStatus::from_raw(signal), words, &limits);
        assert_eq!(died(signal_hook::consts::SIGXCPU, ""), WorkError::TimedOut(7));
        let WorkError::Refused(refusal) = died(6, "memory allocation of 99 bytes failed") else {
            panic!("not refused");
        };
        assert_eq!((refusal.fault, refusal.error.code.as_str()), (Fault::Media, "memory"));
        assert!(refusal.error.message.contains("64 MB"));
        assert_eq!(died(11, "x"), WorkError::Crashed("signal: 11 (SIGSEGV): x".into()));
    }
}
