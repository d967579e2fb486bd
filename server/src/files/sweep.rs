//! Removes files that belong to nothing: what a crash left, and what is temporary and too old.

use std::collections::HashSet;
use std::fs::DirEntry;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::{FileError, Files, blocking};
use crate::model::Folder;

/// What a sweep removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Files, and folders of jobs.
    pub entries: u64,
    /// Bytes of the files.
    pub bytes: u64,
}

impl Files {
    /// At the start, before anything else runs: removes stored files whose ids are not `known`, and everything
    /// temporary whose id is neither `known` nor in `keep` (unexpired uploads, jobs with something to resume).
    ///
    /// Only files with names of ours are ever removed from the folders of stored files, and none if nothing is `known`:
    /// that looks more like the wrong database than like litter.
    ///
    /// # Errors
    /// If a folder cannot be read, or a file not removed.
    pub async fn sweep(&self, known: HashSet<Uuid>, keep: HashSet<Uuid>) -> Result<Swept, FileError> {
        let files = self.clone();
        blocking(move || {
            let mut swept = Swept::default();
            for folder in Folder::ALL {
                if folder != Folder::Temp && !known.is_empty() {
                    let orphan = |id: Option<Uuid>| id.is_some_and(|id| !known.contains(&id));
                    remove_where(&files.folder(folder), &mut swept, |entry| Ok(orphan(id_of(entry))))?;
                }
            }
            let needless = |id: Option<Uuid>| id.is_none_or(|id| !known.contains(&id) && !keep.contains(&id));
            for folder in [files.folder(Folder::Temp), files.jobs_folder()] {
                remove_where(&folder, &mut swept, |entry| {
                    Ok(entry.path() != files.jobs_folder() && needless(id_of(entry)))
                })?;
            }
            Ok(swept)
        })
        .await
    }

    /// Now and then: removes what is temporary, was not changed for `age` and has no id in `keep`. Folders of jobs are
    /// left to the jobs.
    ///
    /// # Errors
    /// If the folder cannot be read, or a file not removed.
    pub async fn expire(&self, keep: HashSet<Uuid>, age: Duration) -> Result<Swept, FileError> {
        let files = self.clone();
        blocking(move || {
            let mut swept = Swept::default();
            let now = SystemTime::now();
            remove_where(&files.folder(Folder::Temp), &mut swept, |entry| {
                let changed = entry.metadata()?.modified()?;
                // A file from the future (the clock was set back) has no age yet.
                let old = now.duration_since(changed).is_ok_and(|since| since >= age);
                Ok(old
                    && entry.path() != files.jobs_folder()
                    && id_of(entry).is_none_or(|id| !keep.contains(&id)))
            })?;
            Ok(swept)
        })
        .await
    }
}

/// The id that a name of ours begins with.
fn id_of(entry: &DirEntry) -> Option<Uuid> {
    let name = entry.file_name();
    let (id, _) = name.to_str().map(|name| name.split_once('.').unwrap_or((name, "")))?;
    Uuid::try_parse(id).ok()
}

fn remove_where(
    folder: &Path,
    swept: &mut Swept,
    needless: impl Fn(&DirEntry) -> io::Result<bool>,
) -> Result<(), FileError> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        match needless(&entry).and_then(|needless| if needless { remove(&entry).map(Some) } else { Ok(None) })
        {
            Ok(Some(bytes)) => {
                swept.entries += 1;
                swept.bytes += bytes;
            }
            Ok(None) => {}
            // Somebody else was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn remove(entry: &DirEntry) -> io::Result<u64> {
    let metadata = entry.metadata()?;
    if metadata.is_dir() {
        std::fs::remove_dir_all(entry.path())?;
        return Ok(0);
    }
    std::fs::remove_file(entry.path())?;
    Ok(metadata.len())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;

    struct Kept {
        _folder: TempDir,
        files: Files,
        known: Uuid,
        upload: Uuid,
        job: Uuid,
        stay: Vec<PathBuf>,
        go: Vec<PathBuf>,
    }

    /// Files that must stay, and files that must go.
    fn kept() -> Kept {
        let folder = TempDir::new().expect("a folder");
        let files = Files::open(folder.path()).expect("files");
        let [known, orphan, upload, job, old_job] = std::array::from_fn(|_| Uuid::new_v4());
        let named = |folder, id: Uuid, extension: &str| {
            files.folder(folder).join(format!("{}.{extension}", id.simple()))
        };
        let stay = vec![
            named(Folder::Videos, known, "mp4"),
            named(Folder::Images, known, "png"),
            files.folder(Folder::Videos).join("holiday.mp4"),
            named(Folder::Temp, known, "zip"),
            files.folder(Folder::Temp).join(upload.to_string()),
            files.job_folder(job).join("o.mp4"),
        ];
        let go = vec![
            named(Folder::Videos, orphan, "mp4"),
            named(Folder::Audio, orphan, "mp3"),
            named(Folder::Temp, orphan, "part"),
            files.folder(Folder::Temp).join("anything"),
            files.job_folder(old_job).join("deep/o.mp4"),
        ];
        for path in stay.iter().chain(&go) {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, "1234").expect("a file");
        }
        Kept { _folder: folder, files, known, upload, job, stay, go }
    }

    #[tokio::test]
    async fn sweeps_what_belongs_to_nothing() {
        let Kept { _folder, files, known, upload, job, stay, go } = kept();
        let swept = files.sweep([known].into(), [upload, job].into()).await.expect("a sweep");
        assert_eq!(swept, Swept { entries: 5, bytes: 16 });
        for path in &stay {
            assert!(path.is_file(), "{} is gone", path.display());
        }
        for path in &go {
            assert!(!path.exists(), "{} is there", path.display());
        }
        assert_eq!(
            files.sweep([known].into(), [upload, job].into()).await.expect("a sweep"),
            Swept::default()
        );
    }

    #[tokio::test]
    async fn leaves_stored_files_to_an_empty_database() {
        let Kept { _folder, files, stay, go, .. } = kept();
        files.sweep(HashSet::new(), HashSet::new()).await.expect("a sweep");
        for path in stay[..3].iter().chain(&go[..2]) {
            assert!(path.is_file(), "{} is gone", path.display());
        }
        let left: Vec<_> = std::fs::read_dir(files.folder(Folder::Temp)).expect("a folder").collect();
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(std::fs::read_dir(files.jobs_folder()).expect("a folder").count(), 0);
    }

    #[tokio::test]
    async fn expires_what_is_old_and_not_kept() {
        let folder = TempDir::new().expect("a folder");
        let files = Files::open(folder.path()).expect("files");
        let hour = Duration::from_secs(3600);
        let upload = Uuid::new_v4();
        let file = |name: String, ago: Duration| {
            let path = files.folder(Folder::Temp).join(name);
            std::fs::write(&path, "1234").expect("a file");
            let file = std::fs::File::options().write(true).open(&path).expect("the file");
            file.set_modified(SystemTime::now() - ago).expect("a time");
            path
        };
        let old = file(format!("{}.part", Uuid::new_v4().simple()), 2 * hour);
        let new = file(format!("{}.part", Uuid::new_v4().simple()), hour / 2);
        let kept = file(upload.to_string(), 2 * hour);
        let swept = files.expire([upload].into(), hour).await.expect("a sweep");
        assert_eq!(swept, Swept { entries: 1, bytes: 4 });
        assert!(!old.exists() && new.exists() && kept.exists() && files.jobs_folder().is_dir());
    }
}
