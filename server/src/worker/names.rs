//! Paths back to names: what a worker tells names files as the script does.
//!
//! The files behind an order's names come in; texts and JSON that the engine wrote about them go out without any path.
//! It knows nothing of what the texts mean.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::protocol::Task;

/// What stands for a folder that nobody is to know.
const HIDDEN: &str = "…";

/// Texts that are not to be seen, and what stands in their place: longest first, so that a folder's name does not eat
/// the beginning of its files'.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names(Vec<(String, String)>);

impl Names {
    /// Of the files of an order.
    pub(super) fn of(task: &Task) -> Names {
        let mut names = Names::default();
        match task {
            Task::Probe { file } => names.file(file, "the file"),
            Task::Check { work } | Task::Plan { work } => names.files(&work.files),
            Task::Frame { work, file, .. } => {
                names.files(&work.files);
                names.file(file, "the picture");
            }
            Task::Render { work, folder, .. } => {
                names.files(&work.files);
                for folder in written(folder) {
                    names.0.push((format!("{folder}/"), String::new()));
                    names.hide(folder);
                }
            }
        }
        names.0.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
        names
    }

    fn files<'a>(&mut self, files: impl IntoIterator<Item = (&'a String, &'a PathBuf)>) {
        files.into_iter().for_each(|(name, file)| self.file(file, name));
    }

    /// A file by its whole path, by its own name alone (as timetables have it), and the folder it lies in.
    fn file(&mut self, file: &Path, name: &str) {
        for path in written(file) {
            self.0.push((path, name.to_owned()));
        }
        if let Some(own) = file.file_name() {
            self.0.push((own.to_string_lossy().into_owned(), name.to_owned()));
        }
        for folder in file.parent().into_iter().flat_map(written) {
            self.hide(folder);
        }
    }

    fn hide(&mut self, folder: String) {
        if folder.len() > 1 {
            self.0.push((folder, HIDDEN.to_owned()));
        }
    }

    /// A text without paths.
    pub(super) fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from.as_str(), to))
    }

    /// JSON without paths, however deep they lie.
    pub(super) fn json(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.json(item)).collect(),
            Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, self.json(value))).collect(),
            other => other,
        }
    }
}

/// A path as messages may have it: as it was given, and as the system resolves it.
fn written(path: &Path) -> impl Iterator<Item = String> {
    let real = path.canonicalize().ok().filter(|real| real != path);
    std::iter::once(path.to_owned()).chain(real).map(|path| path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{ScriptSpelling, ScriptText};
    use crate::worker::protocol::Work;

    fn names() -> Names {
        let script =
            ScriptText { text: String::new(), spelling: ScriptSpelling::Vfx, vars: Default::default() };
        let files = [("video:1", "/srv/up/videos/8f2a.mp4"), ("asset:2", "/srv/up/images/8f2a.mp4.png")];
        let files = files.into_iter().map(|(name, file)| (name.to_owned(), PathBuf::from(file))).collect();
        Names::of(&Task::Render {
            work: Work { script, files },
            folder: "/srv/up/temp/jobs/7".into(),
            file_size: 1,
        })
    }

    #[test]
    fn files_are_called_as_the_script_calls_them() {
        let names = names();
        assert_eq!(names.text("cannot read /srv/up/videos/8f2a.mp4: broken"), "cannot read video:1: broken");
        assert_eq!(names.text("/srv/up/images/8f2a.mp4.png is empty"), "asset:2 is empty");
        assert_eq!(names.text("8f2a.mp4"), "video:1");
        assert_eq!(names.text("cannot write /srv/up/temp/jobs/7/film.mp4"), "cannot write film.mp4");
        assert_eq!(names.text("there is no folder /srv/up/temp/jobs/7"), "there is no folder …");
        assert_eq!(names.text("cannot read /srv/up/videos: gone"), "cannot read …: gone");
    }

    #[test]
    fn however_deep_they_lie() {
        let told =
            json!({"items": [{"name": "8f2a.mp4", "start": 0.5}], "sources": ["/srv/up/videos/8f2a.mp4"]});
        let wanted = json!({"items": [{"name": "video:1", "start": 0.5}], "sources": ["video:1"]});
        assert_eq!(names().json(told), wanted);
    }
}
