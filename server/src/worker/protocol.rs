//! What the service and a worker say to each other: one [`Order`] in, [`Message`]s out, a JSON object a line.
//!
//! The worker ends after [`Message::Done`] or [`Message::Failed`]; standard input stays open as long as somebody wants
//! the answer, and a worker whose input closes before its order is done stops and leaves nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::{JobError, JobProgress, Metadata, ScriptText};

/// What a worker does, and how much it may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// What.
    pub task: Task,
    /// At most this.
    pub limits: Limits,
}

/// What a worker may take; the rest is refused by the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of memory.
    pub memory: u64,
    /// Seconds of processor time.
    pub cpu_seconds: u64,
    /// Bytes of one file.
    pub file_size: u64,
}

/// What a worker does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "camelCase")]
pub enum Task {
    /// Says what a file holds.
    Probe {
        /// The file.
        file: PathBuf,
    },
    /// Says what is wrong with a script, and its timetable.
    Check {
        /// The script.
        work: Work,
    },
    /// Says what a render would do.
    Plan {
        /// The script.
        work: Work,
    },
    /// Renders one instant of a film as a picture.
    Frame {
        /// The script.
        work: Work,
        /// When, as the language writes a time.
        at: String,
        /// The picture, .png or .jpg.
        file: PathBuf,
        /// Rows at most; 0 for the film's own size.
        rows: u32,
    },
    /// Renders every output of a script.
    Render {
        /// The script.
        work: Work,
        /// The folder that the outputs go into, by their names.
        folder: PathBuf,
        /// Bytes of one file at most, if that is less than what every worker may write.
        file_size: u64,
    },
}

impl Task {
    /// The files that it reads.
    pub fn reads(&self) -> Vec<&Path> {
        match self {
            Task::Probe { file } => vec![file],
            Task::Check { work }
            | Task::Plan { work }
            | Task::Frame { work, .. }
            | Task::Render { work, .. } => work.files.values().map(PathBuf::as_path).collect(),
        }
    }

    /// The folder that it writes into; its own, with nothing else in it.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Task::Probe { .. } | Task::Check { .. } | Task::Plan { .. } => None,
            Task::Frame { file, .. } => file.parent(),
            Task::Render { folder, .. } => Some(folder),
        }
    }
}

/// A script and the files behind its names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// The script.
    pub script: ScriptText,
    /// `video:ID` and `asset:ID` to files. Nothing else can be named.
    pub files: BTreeMap<String, PathBuf>,
}

/// What a worker says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Message {
    /// How far it is.
    Progress(JobProgress),
    /// Something that is no error.
    Notice {
        /// In a sentence.
        text: String,
    },
    /// It is done.
    Done(Answer),
    /// It cannot be done.
    Failed(Refusal),
}

/// What a worker found or made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "camelCase")]
pub enum Answer {
    /// Of [`Task::Probe`].
    Probed {
        /// What it holds.
        metadata: Metadata,
        /// Whether there is a picture that moves.
        moving: bool,
        /// Whether there is a still picture.
        still: bool,
    },
    /// Of [`Task::Check`] and [`Task::Plan`]: what the command line prints with `--json`.
    Told {
        /// Whether the script can be rendered.
        ok: bool,
        /// Findings, an object each.
        diagnostics: Vec<serde_json::Value>,
        /// The timetable, or the plan.
        told: serde_json::Value,
    },
    /// Of [`Task::Frame`] and [`Task::Render`].
    Made {
        /// The files.
        files: Vec<MadeFile>,
        /// Warnings and notes.
        diagnostics: Vec<serde_json::Value>,
    },
}

/// A file that a worker wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MadeFile {
    /// The name in the script.
    pub name: String,
    /// Its place.
    pub file: PathBuf,
    /// Its bytes.
    pub size: u64,
    /// What is in it.
    pub metadata: Metadata,
    /// Whether it moves.
    pub moving: bool,
}

/// Why a worker could not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why.
    pub error: JobError,
    /// Findings of the script.
    pub diagnostics: Vec<serde_json::Value>,
    /// Whose fault: decides the status, and whether another try can help.
    pub fault: Fault,
}

/// Whose fault a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// The script is wrong.
    Script,
    /// A file is not media, damaged, or beyond a limit.
    Media,
    /// The disk is full.
    Room,
    /// A file that it writes would be larger than it may be.
    Size,
    /// The machine: another try may help.
    Machine,
}
