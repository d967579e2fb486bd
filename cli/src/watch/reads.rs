//! What a script reads, and what it was when it was read.
//!
//! The list is the engine's: what it asks of its media, noted on the way, so that a file that is not there is on it too,
//! and what else its plan names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use vfxb_dsl::value::Rational;
use vfxb_engine::media::{LibavMedia, Media, MediaError, SourceInfo};

use super::stamp::Stamp;

/// Every file that was asked for, and what it was then.
pub(super) type Reads = BTreeMap<PathBuf, Print>;

/// What a path led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Print {
    Nothing,
    File(Stamp),
    /// The files of a numbered or globbed name.
    Many(Vec<(PathBuf, Stamp)>),
}

impl Print {
    pub(super) fn of(path: &Path, pattern: bool) -> Print {
        if pattern {
            return Print::Many(matching(path));
        }
        Stamp::of(path).map_or(Print::Nothing, Print::File)
    }

    /// The same path's print by now.
    pub(super) fn again(&self, path: &Path) -> Print {
        Print::of(path, matches!(self, Print::Many(_)))
    }
}

/// Files of a pattern's folder whose names begin and end as the pattern does: those of the sequence, and those that may
/// come to it.
fn matching(pattern: &Path) -> Vec<(PathBuf, Stamp)> {
    let name = pattern.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_gap = |c: char| matches!(c, '%' | '*' | '?');
    let first = name.split(is_gap).next().unwrap_or_default().to_owned();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let folder = pattern.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<(PathBuf, Stamp)> = entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(&first) && name.ends_with(ending)
        })
        .filter_map(|entry| Some((entry.path(), Stamp::of(&entry.path())?)))
        .collect();
    found.sort();
    found
}

/// Media that notes what it was asked for, also where there is nothing, each as it was just before it was read.
pub(super) struct Noted {
    inner: LibavMedia,
    reads: Mutex<Reads>,
}

impl Noted {
    pub(super) fn new() -> Noted {
        Noted { inner: LibavMedia::default(), reads: Mutex::default() }
    }

    pub(super) fn note(&self, path: &Path, pattern: bool) {
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        reads.entry(path.to_owned()).or_insert_with(|| Print::of(path, pattern));
    }

    pub(super) fn reads(&self) -> Reads {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Media for Noted {
    fn probe(&self, path: &Path) -> Result<Arc<SourceInfo>, MediaError> {
        self.note(path, false);
        self.inner.probe(path)
    }

    fn probe_sequence(
        &self,
        pattern: &Path,
        fps: Rational,
        start: u32,
    ) -> Result<Arc<SourceInfo>, MediaError> {
        self.note(pattern, true);
        self.inner.probe_sequence(pattern, fps, start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_all_files_that_may_belong_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let noted = Noted::new();
        let pattern = folder.path().join("s-%02d.png");
        let missing = folder.path().join("film.mp4");
        std::fs::write(folder.path().join("s-01.png"), "1").unwrap();
        assert!(noted.probe_sequence(&pattern, Rational::from_integer(25), 1).is_err());
        assert!(noted.probe(&missing).is_err());
        let reads = noted.reads();
        let now = |path: &Path| reads[path].again(path);
        assert_eq!(reads[&missing], Print::Nothing);
        for other in ["t-02.png", "s-02.jpg"] {
            std::fs::write(folder.path().join(other), "2").unwrap();
        }
        assert_eq!((now(&pattern), now(&missing)), (reads[&pattern].clone(), Print::Nothing));
        std::fs::write(folder.path().join("s-02.png"), "2").unwrap();
        std::fs::write(&missing, "3").unwrap();
        assert!(now(&pattern) != reads[&pattern] && now(&missing) != Print::Nothing);
        let Print::Many(files) = now(&pattern) else { panic!("a pattern is many files") };
        assert_eq!(files.len(), 2);
    }
}
