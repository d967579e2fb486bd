//! Where a worker writes: a folder of its own, looked through by us before anything in it counts.
//!
//! A task comes in; the same with a folder that nobody else uses goes out. The answer comes back; what it claims to have
//! made is checked, because a worker that was taken over may claim anything. Whatever is not accepted is removed.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use super::protocol::{Answer, MadeFile, Task};

/// A worker's folder; removed with everything in it unless its answer is accepted.
#[derive(Debug, Default)]
pub(super) struct Place {
    folder: Option<PathBuf>,
    /// Where the one file that is wanted goes.
    wanted: Option<PathBuf>,
}

impl Place {
    /// Makes the folder that a task needs.
    pub(super) fn prepare(task: Task) -> io::Result<(Task, Place)> {
        match task {
            Task::Render { ref folder, .. } => {
                std::fs::create_dir_all(folder)?;
                let place = Place { folder: Some(folder.clone()), wanted: None };
                Ok((task, place))
            }
            Task::Frame { work, at, file, rows } => {
                let beside = file.parent().unwrap_or(Path::new(""));
                let folder = tempfile::Builder::new().prefix("frame-").tempdir_in(beside)?.keep();
                let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?;
                let own = folder.join(name);
                let place = Place { folder: Some(folder), wanted: Some(file) };
                Ok((Task::Frame { work, at, file: own, rows }, place))
            }
            other => Ok((other, Place::default())),
        }
    }

    /// The answer with what it says of files put right; why it is not believed otherwise.
    pub(super) fn accept(mut self, answer: Answer) -> Result<Answer, String> {
        let Answer::Made { mut files, diagnostics } = answer else { return Ok(answer) };
        let Some(folder) = &self.folder else {
            return Err("it claims files that nobody asked for".to_owned());
        };
        for file in &mut files {
            verify(folder, file)?;
        }
        match &self.wanted {
            None => self.folder = None,
            Some(wanted) => {
                let [file] = files.as_mut_slice() else {
                    return Err(format!("it made {} pictures in place of one", files.len()));
                };
                std::fs::rename(&file.file, wanted).map_err(|error| error.to_string())?;
                file.file.clone_from(wanted);
            }
        }
        Ok(Answer::Made { files, diagnostics })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder
            && let Err(error) = std::fs::remove_dir_all(folder)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, folder = %folder.display(), "a worker's folder cannot be removed");
        }
    }
}

/// Only a regular file that lies in the folder under its own name, and nowhere else, was made there.
fn verify(folder: &Path, file: &mut MadeFile) -> Result<(), String> {
    let own = Path::new(&file.name).file_name().is_some_and(|name| name == file.name.as_str());
    let path = folder.join(&file.name);
    let found = path.symlink_metadata().ok().filter(|found| own && found.is_file() && is_single(found));
    let Some(found) = found else { return Err(format!("it claims to have made {:?}", file.name)) };
    file.size = found.len();
    file.file = path;
    Ok(())
}

#[cfg(unix)]
fn is_single(found: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(found) == 1
}

#[cfg(not(unix))]
fn is_single(_: &Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{ScriptSpelling, ScriptText};
    use crate::worker::protocol::Work;

    fn work() -> Work {
        let script = ScriptText { text: String::new(), spelling: ScriptSpelling::Vfx, vars: BTreeMap::new() };
        Work { script, files: BTreeMap::new() }
    }

    fn claim(name: &str) -> Answer {
        let file = MadeFile {
            name: name.to_owned(),
            file: "/etc/passwd".into(),
            size: 7,
            metadata: Default::default(),
            moving: true,
        };
        Answer::Made { files: vec![file], diagnostics: Vec::new() }
    }

    #[test]
    fn only_what_lies_in_the_folder_was_made() {
        let above = tempfile::tempdir().unwrap();
        let secret = above.path().join("secret");
        std::fs::write(&secret, "secret").unwrap();
        let folder = above.path().join("job");
        let accept = |name: &str| {
            let task = Task::Render { work: work(), folder: folder.clone(), file_size: u64::MAX };
            let (_, place) = Place::prepare(task).unwrap();
            std::fs::write(folder.join("film.mp4"), "film").unwrap();
            #[cfg(unix)]
            std::os::unix::fs::symlink(&secret, folder.join("link")).unwrap();
            std::fs::hard_link(&secret, folder.join("twin")).unwrap();
            place.accept(claim(name))
        };
        for name in ["../secret", "link", "twin", "none", "", "..", "/etc/passwd", "a/film.mp4"] {
            assert!(accept(name).is_err(), "{name}");
            assert!(!folder.exists(), "{name}");
        }
        let Ok(Answer::Made { files, .. }) = accept("film.mp4") else { panic!("not accepted") };
        assert_eq!((files[0].size, &files[0].file), (4, &folder.join("film.mp4")));
        assert!(folder.exists() && secret.exists());
    }

    #[test]
    fn a_picture_is_made_apart_and_moved_to_its_place() {
        let above = tempfile::tempdir().unwrap();
        let wanted = above.path().join("at.png");
        let task = Task::Frame { work: work(), at: "0s".into(), file: wanted.clone(), rows: 0 };
        let (task, place) = Place::prepare(task).unwrap();
        let Task::Frame { file, .. } = task else { panic!("another task") };
        assert_ne!(file, wanted);
        std::fs::write(&file, "picture").unwrap();
        let Ok(Answer::Made { files, .. }) = place.accept(claim("at.png")) else { panic!("not accepted") };
        assert_eq!((files[0].size, &files[0].file), (7, &wanted));
        assert_eq!(std::fs::read_dir(above.path()).unwrap().count(), 1);
    }
}
