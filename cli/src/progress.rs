//! How far a render is: a bar on a terminal, objects with `--json`, else nothing.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use vfxb_engine::exec::render::Progress;

use crate::stop::Stop;
use crate::terminal::Terminal;

/// Time between two objects: ten a second are enough to draw a bar from.
const EVERY: Duration = Duration::from_millis(100);

/// Shows [`Progress`].
pub(crate) struct Meter<'a> {
    terminal: &'a Terminal,
    bar: ProgressBar,
    /// Which of several renders it is.
    input: Option<String>,
    last: Mutex<Option<Instant>>,
}

impl<'a> Meter<'a> {
    /// For a render of so many frames.
    pub(crate) fn new(terminal: &'a Terminal, frames: u64) -> Self {
        let bar =
            if terminal.json() || frames == 0 { ProgressBar::hidden() } else { ProgressBar::new(frames) };
        let template = "{bar:32.cyan/dim} {percent:>3}%  {pos}/{len} frames  {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━━─"));
        }
        Meter { terminal, bar, input: None, last: Mutex::new(None) }
    }

    /// For one of several renders at once, of the film of this input: objects alone, for bars would fight for one line.
    pub(crate) fn of_input(terminal: &'a Terminal, input: &str) -> Self {
        Meter { terminal, bar: ProgressBar::hidden(), input: Some(input.to_owned()), last: Mutex::new(None) }
    }

    /// Shows a step. Fails if there is nobody to show it to any more.
    pub(crate) fn step(&self, progress: &Progress) -> Result<(), Stop> {
        if !self.terminal.json() {
            self.bar.set_message(format!("{:.0} fps  {} left", progress.fps, left(progress.eta_seconds)));
            self.bar.set_position(progress.frame);
            return Ok(());
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if progress.frame < progress.frames && last.is_some_and(|at| at.elapsed() < EVERY) {
            return Ok(());
        }
        *last = Some(Instant::now());
        let mut object = json!({
            "type": "progress",
            "progress": progress.frame as f64 / progress.frames.max(1) as f64,
            "frame": progress.frame,
            "frames": progress.frames,
            "fps": progress.fps,
            "etaSeconds": progress.eta_seconds,
            "segment": progress.segment,
        });
        if let (Some(input), Some(all)) = (&self.input, object.as_object_mut()) {
            all.insert("input".into(), input.as_str().into());
        }
        self.terminal.object(&object)
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// `1:05`, or `12 s`.
fn left(seconds: f64) -> String {
    let seconds = seconds.ceil().clamp(0.0, 1e9) as u64;
    if seconds < 60 { format!("{seconds} s") } else { format!("{}:{:02}", seconds / 60, seconds % 60) }
}
