//! Media that was fetched from other hosts, as it lies among the temporary files: held as long as somebody uses it, and
//! the oldest removed when it is too much together.
//!
//! Ids go in; [`Held`] comes out, under which no file goes. What the files are is [`super::remote`]'s business.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use uuid::Uuid;

use crate::files::{Files, or_gone};
use crate::model::Folder;

/// How the files end: nothing else that is temporary does.
pub(super) const ENDING: &str = "url";

/// Everything that was fetched; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Fetched {
    holders: Arc<Mutex<HashMap<Uuid, usize>>>,
    /// Bytes of all of it together.
    most: u64,
}

/// Files that somebody uses: they stay until this is dropped.
#[derive(Debug, Default)]
pub struct Held {
    ids: Vec<Uuid>,
    fetched: Option<Fetched>,
}

/// There is more than there may be, and all of it is used.
#[derive(Debug)]
pub(super) struct AllUsed;

impl Fetched {
    /// Of so many bytes at most.
    pub(super) fn new(most: u64) -> Fetched {
        Fetched { holders: Arc::default(), most }
    }

    /// Nothing held yet.
    pub(super) fn held(&self) -> Held {
        Held { ids: Vec::new(), fetched: Some(self.clone()) }
    }

    /// What somebody uses now.
    pub(super) fn used(&self) -> Vec<Uuid> {
        self.locked().keys().copied().collect()
    }

    /// Removes the oldest files that nobody uses until the rest is not too much. Blocks for a moment.
    pub(super) fn make_room(&self, files: &Files) -> io::Result<Result<(), AllUsed>> {
        let mut there = there(files)?;
        there.sort_by_key(|file| file.since);
        let mut bytes: u64 = there.iter().map(|file| file.bytes).sum();
        // Whoever wants one of them holds it first, and only then looks whether it is there.
        let holders = self.locked();
        for file in there {
            if bytes <= self.most {
                break;
            }
            if !holders.contains_key(&file.id) {
                or_gone(std::fs::remove_file(&file.path))?;
                bytes -= file.bytes;
            }
        }
        Ok(if bytes <= self.most { Ok(()) } else { Err(AllUsed) })
    }

    /// Removes a file that its only holder gives up; others who hold it may have seen it already.
    pub(super) fn give_up(&self, id: Uuid, path: &Path) -> io::Result<()> {
        let holders = self.locked();
        if holders.get(&id).is_some_and(|count| *count > 1) {
            return Ok(());
        }
        or_gone(std::fs::remove_file(path))
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Uuid, usize>> {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Holds one more.
    pub(super) fn hold(&mut self, id: Uuid) {
        if let Some(fetched) = &self.fetched {
            *fetched.locked().entry(id).or_default() += 1;
            self.ids.push(id);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(fetched) = &self.fetched else { return };
        let mut holders = fetched.locked();
        for id in &self.ids {
            if let Some(count) = holders.get_mut(id) {
                *count -= 1;
                if *count == 0 {
                    holders.remove(id);
                }
            }
        }
    }
}

/// A file that is there.
struct There {
    id: Uuid,
    path: PathBuf,
    bytes: u64,
    since: SystemTime,
}

fn there(files: &Files) -> io::Result<Vec<There>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(files.folder(Folder::Temp))? {
        let path = entry?.path();
        let fetched = path.extension().is_some_and(|ending| ending == ENDING);
        let id = path.file_stem().and_then(|stem| Uuid::try_parse(stem.to_str()?).ok());
        // One that goes just now is not there.
        if let (true, Some(id), Ok(is)) = (fetched, id, path.metadata()) {
            found.push(There { id, bytes: is.len(), since: is.modified()?, path });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_oldest_that_nobody_uses_goes_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::open(folder.path()).expect("files");
        let place =
            |id: Uuid, ending: &str| files.folder(Folder::Temp).join(format!("{}.{ending}", id.simple()));
        let ids: Vec<Uuid> = (0..4)
            .map(|age: u64| {
                let id = Uuid::new_v4();
                std::fs::write(place(id, ENDING), "12345").expect("a file");
                let file = std::fs::File::options().write(true).open(place(id, ENDING)).expect("the file");
                file.set_modified(SystemTime::now() - Duration::from_secs(1000 - age)).expect("a time");
                id
            })
            .collect();
        // Not of these, and older than all.
        let upload = place(Uuid::new_v4(), "tus");
        std::fs::write(&upload, "a part").expect("a file");
        let there = || ids.iter().map(|id| place(*id, ENDING).exists()).collect::<Vec<_>>();

        let fetched = Fetched::new(15);
        let mut held = fetched.held();
        held.hold(ids[0]);
        held.hold(ids[0]);
        let mut also = fetched.held();
        also.hold(ids[0]);
        fetched.make_room(&files).expect("a folder").expect("room");
        assert_eq!(there(), [true, false, true, true]);
        fetched.make_room(&files).expect("a folder").expect("room");
        assert_eq!(there(), [true, false, true, true], "there is no more than may be");

        let small = Fetched { most: 4, ..fetched.clone() };
        assert!(small.make_room(&files).expect("a folder").is_err(), "what is used stays");
        assert_eq!(there(), [true, false, false, false]);
        drop(held);
        assert_eq!(fetched.used(), [ids[0]]);
        drop(also);
        assert_eq!(fetched.used(), Vec::<Uuid>::new());
        small.make_room(&files).expect("a folder").expect("room");
        assert_eq!(there(), [false; 4]);
        assert!(upload.exists());
    }

    #[test]
    fn who_gives_a_file_up_takes_it_from_nobody_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::open(folder.path()).expect("files");
        let id = Uuid::new_v4();
        let path = files.folder(Folder::Temp).join(format!("{}.{ENDING}", id.simple()));
        std::fs::write(&path, "12345").expect("a file");
        let fetched = Fetched::new(1);
        let (mut mine, mut other) = (fetched.held(), fetched.held());
        mine.hold(id);
        other.hold(id);
        fetched.give_up(id, &path).expect("a folder");
        assert!(path.exists(), "the other has seen it");
        drop(other);
        for _ in 0..2 {
            fetched.give_up(id, &path).expect("a folder");
            assert!(!path.exists());
        }
        drop(mine);
    }
}
