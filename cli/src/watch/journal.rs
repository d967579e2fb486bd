//! What a watched folder has been through, kept across restarts, crashes and power cuts.
//!
//! One file of JSON lines, each the whole truth about one input or one output from there on. A line is on the disk
//! before what it announces happens; a line that was cut off is passed over. Knows nothing of renders and folders.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::stamp::Stamp;

/// Lines beyond the living ones before the file is written anew.
const SLACK: usize = 1000;

/// What is known of an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The version of it that this is about.
    pub(crate) stamp: Stamp,
    /// BLAKE3 of the version that was rendered last: this one if it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    /// The number of the folder that it lay in.
    pub(crate) home: u64,
    /// How far it is.
    pub(crate) state: State,
}

/// How far an input is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// A render of it began.
    Begun(Begun),
    /// Its films are in their places.
    Done,
    /// It could not be rendered.
    Failed,
}

/// A render that began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Begun {
    /// The process.
    pub(crate) process: u32,
    /// How often it began, this time included.
    pub(crate) tries: u32,
    /// What it writes into the journal's folder, and what lay there before.
    pub(crate) outputs: Vec<(String, Option<Stamp>)>,
}

/// An output that was made here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Made {
    /// The input's name.
    pub(crate) by: String,
    /// The file as it was made; `None` for a run of numbered stills.
    pub(crate) stamp: Option<Stamp>,
}

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Line {
    /// An input, or that it is forgotten.
    Input(String, Option<Record>),
    /// An output, or that it is no more.
    Output(String, Option<Made>),
}

/// The journal of one folder of outputs.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    lines: usize,
    inputs: BTreeMap<String, Record>,
    outputs: BTreeMap<String, Made>,
}

impl Journal {
    /// Reads it, and writes it anew without what is outlived.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub(crate) fn open(path: &Path) -> io::Result<Journal> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let (mut inputs, mut outputs) = (BTreeMap::new(), BTreeMap::new());
        for line in bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()) {
            apply(&mut inputs, &mut outputs, line);
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        outputs.retain(|name: &String, made: &mut Made| {
            made.stamp.is_none() || made.stamp == Stamp::of(&folder.join(name))
        });
        let (file, lines) = rewrite(path, &inputs, &outputs)?;
        Ok(Journal { path: path.to_owned(), file, lines, inputs, outputs })
    }

    /// All inputs by name.
    pub(crate) fn inputs(&self) -> &BTreeMap<String, Record> {
        &self.inputs
    }

    /// What is known of an output in the journal's folder.
    pub(crate) fn output(&self, name: &str) -> Option<&Made> {
        self.outputs.get(name)
    }

    /// The folder that it lies in, and the outputs with it.
    pub(crate) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Notes lines together; they are on the disk when it comes back.
    ///
    /// # Errors
    /// If they cannot be written: what they announce must not happen then.
    pub(crate) fn note(&mut self, lines: Vec<Line>) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut text = String::new();
        for line in &lines {
            text.push_str(&serde_json::to_string(line)?);
            text.push('\n');
        }
        self.file.write_all(text.as_bytes())?;
        self.file.sync_data()?;
        self.lines += lines.len();
        for line in lines {
            apply(&mut self.inputs, &mut self.outputs, line);
        }
        if self.lines > SLACK + 4 * (self.inputs.len() + self.outputs.len()) {
            (self.file, self.lines) = rewrite(&self.path, &self.inputs, &self.outputs)?;
        }
        Ok(())
    }

    /// Notes that an input has another name: it and what was made of it. The new name is noted before the old one is
    /// forgotten.
    ///
    /// # Errors
    /// As [`Journal::note`].
    pub(crate) fn renamed(&mut self, from: &str, to: &str) -> io::Result<()> {
        let Some(record) = self.inputs.get(from).cloned() else { return Ok(()) };
        let mut lines = vec![Line::Input(to.to_owned(), Some(record))];
        let of_it = self.outputs.iter().filter(|(_, made)| made.by == from);
        lines.extend(of_it.map(|(output, made)| {
            Line::Output(output.clone(), Some(Made { by: to.to_owned(), stamp: made.stamp }))
        }));
        lines.push(Line::Input(from.to_owned(), None));
        self.note(lines)
    }
}

fn apply(inputs: &mut BTreeMap<String, Record>, outputs: &mut BTreeMap<String, Made>, line: Line) {
    match line {
        Line::Input(name, Some(record)) => drop(inputs.insert(name, record)),
        Line::Input(name, None) => drop(inputs.remove(&name)),
        Line::Output(name, Some(made)) => drop(outputs.insert(name, made)),
        Line::Output(name, None) => drop(outputs.remove(&name)),
    }
}

/// Writes the living lines beside the journal and puts them in its place; gives back the file to go on in.
fn rewrite(
    path: &Path,
    inputs: &BTreeMap<String, Record>,
    outputs: &BTreeMap<String, Made>,
) -> io::Result<(File, usize)> {
    let beside = path.with_extension("new");
    let mut text = Vec::new();
    for (name, record) in inputs {
        serde_json::to_writer(&mut text, &Line::Input(name.clone(), Some(record.clone())))?;
        text.push(b'\n');
    }
    for (name, made) in outputs {
        serde_json::to_writer(&mut text, &Line::Output(name.clone(), Some(made.clone())))?;
        text.push(b'\n');
    }
    let mut file = File::create(&beside)?;
    file.write_all(&text)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&beside, path)?;
    // The new name is on disk only when its folder is; a folder that cannot be synced is no reason to fail.
    #[cfg(unix)]
    if let Some(folder) = path.parent().and_then(|folder| File::open(folder).ok()) {
        drop(folder.sync_all());
    }
    let file = File::options().append(true).open(path)?;
    Ok((file, inputs.len() + outputs.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(size: u64, state: State) -> Record {
        let stamp = Stamp { size, modified: 5, inode: 9 };
        Record { stamp, digest: Some("d".into()), home: 2, state }
    }

    #[test]
    fn it_remembers_across_restarts_and_passes_over_a_line_that_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j.jsonl");
        let film = folder.path().join("a.mp4");
        fs::write(&film, "film").unwrap();
        let made = Made { by: "a.mp4".into(), stamp: Stamp::of(&film) };
        let gone = Made { by: "b.mp4".into(), stamp: Stamp::of(&film) };
        let begun = State::Begun(Begun { process: 1, tries: 2, outputs: vec![("a.mp4".into(), None)] });
        let mut journal = Journal::open(&path).unwrap();
        journal
            .note(vec![
                Line::Output("a.mp4".into(), Some(made.clone())),
                Line::Output("gone.mp4".into(), Some(gone)),
                Line::Input("a.mp4".into(), Some(record(1, State::Done))),
                Line::Input("b.mp4".into(), Some(record(2, begun.clone()))),
                Line::Input("c.mp4".into(), Some(record(3, State::Failed))),
                Line::Input("c.mp4".into(), None),
            ])
            .unwrap();
        File::options().append(true).open(&path).unwrap().write_all(b"{\"input\":[\"b.mp4\",nul").unwrap();
        for _ in 0..2 {
            let again = Journal::open(&path).unwrap();
            let expected =
                [("a.mp4".to_owned(), record(1, State::Done)), ("b.mp4".into(), record(2, begun.clone()))];
            assert_eq!(again.inputs(), &BTreeMap::from(expected));
            assert_eq!(again.outputs, BTreeMap::from([("a.mp4".to_owned(), made.clone())]));
        }
    }

    #[test]
    fn a_new_name_keeps_what_was_done_and_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j.jsonl");
        let film = folder.path().join("film.mp4");
        fs::write(&film, "film").unwrap();
        let mut journal = Journal::open(&path).unwrap();
        let made = Made { by: "a.mp4".into(), stamp: Stamp::of(&film) };
        let lines = vec![
            Line::Input("a.mp4".into(), Some(record(1, State::Done))),
            Line::Output("film.mp4".into(), Some(made)),
        ];
        journal.note(lines).unwrap();
        journal.renamed("a.mp4", "b.mp4").unwrap();
        journal.renamed("nothing.mp4", "c.mp4").unwrap();
        let journal = Journal::open(&path).unwrap();
        assert_eq!(journal.inputs().keys().collect::<Vec<_>>(), ["b.mp4"]);
        assert_eq!(journal.output("film.mp4").unwrap().by, "b.mp4");
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j.jsonl");
        let mut journal = Journal::open(&path).unwrap();
        for batch in 0..30 {
            let line = |n: u64| Line::Input("a.mp4".into(), Some(record(batch * 100 + n, State::Done)));
            journal.note((0..100).map(line).collect()).unwrap();
        }
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= SLACK + 4, "{lines}");
        assert_eq!(Journal::open(&path).unwrap().inputs()["a.mp4"].stamp.size, 2999);
    }
}
