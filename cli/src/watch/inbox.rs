//! What lies in a watched folder, and which of it counts. Only the folder itself: what lies in folders inside it does
//! not. Nothing is opened.

use std::fs;
use std::io;
use std::path::Path;

use super::stamp::{Stamp, inode};

/// What files are called while programs still write them: downloads, copies over networks, editors.
const UNFINISHED: &[&str] = &[
    "part",
    "partial",
    "crdownload",
    "download",
    "opdownload",
    "filepart",
    "tmp",
    "temp",
    "aria2",
    "!ut",
    "swp",
];

/// Endings of files that stand beside videos and are none.
const BESIDE: &[&str] = &[
    "txt", "md", "nfo", "log", "csv", "json", "yaml", "yml", "xml", "xmp", "html", "url", "ini", "db", "lnk",
    "pdf", "doc", "docx", "srt", "vtt", "ass", "sub", "md5", "sha1", "sha256", "torrent", "zip", "vfx",
];

/// A file that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name in the folder.
    pub(crate) name: String,
    /// Its version.
    pub(crate) stamp: Stamp,
}

/// A look into the folder.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    /// What counts, by name.
    pub(crate) entries: Vec<Entry>,
    /// What does not, and why, where a user may wonder.
    pub(crate) ignored: Vec<(String, &'static str)>,
    /// Every file, those that do not count for the moment too: names change from and to unfinished ones.
    pub(crate) stamps: Vec<Stamp>,
    /// The folder's own number.
    pub(crate) home: u64,
}

/// Looks.
///
/// # Errors
/// If the folder is not there or may not be read. One file that cannot be looked at is passed over.
pub(crate) fn look(folder: &Path) -> io::Result<Inbox> {
    let mut inbox = Inbox { home: inode(&fs::metadata(folder)?), ..Inbox::default() };
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Through symbolic links; what went away meanwhile is not there.
        let Ok(meta) = fs::metadata(entry.path()) else { continue };
        let name = entry.file_name();
        let stamp = Stamp::new(&meta);
        if meta.is_file() {
            inbox.stamps.push(stamp);
        }
        match (name.to_str(), meta.is_file()) {
            (Some(name), _) if unfinished(name) => {}
            (None, _) => {
                inbox.ignored.push((name.to_string_lossy().into_owned(), "its name is no text: rename it"))
            }
            (Some(name), false) => {
                let why = if meta.is_dir() { "it is a folder" } else { "it is no regular file" };
                inbox.ignored.push((name.to_owned(), why));
            }
            (Some(name), true) if has_ending(name, BESIDE) => {
                inbox.ignored.push((name.to_owned(), "its ending is none of a video"));
            }
            (Some(name), true) => inbox.entries.push(Entry { name: name.to_owned(), stamp }),
        }
    }
    inbox.entries.sort_by(|a, b| a.name.cmp(&b.name));
    inbox.ignored.sort();
    Ok(inbox)
}

/// Hidden, or called as programs call what they have not finished.
fn unfinished(name: &str) -> bool {
    name.starts_with(['.', '~']) || name.ends_with('~') || has_ending(name, UNFINISHED)
}

fn has_ending(name: &str, endings: &[&str]) -> bool {
    let ending = Path::new(name).extension().and_then(|e| e.to_str());
    ending.is_some_and(|own| endings.iter().any(|ending| own.eq_ignore_ascii_case(ending)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_counts() {
        let folder = tempfile::tempdir().unwrap();
        let hidden =
            [".a.mp4", "a.mp4.part", "b.mov.CRDOWNLOAD", "c.tmp", "~$d.mp4", "e.mp4~", ".f.mp4.Xy12ab"];
        let counted = ["-i.mp4", "a.mp4", "no ending", "part", "x.jpg", "日本.mkv"];
        for name in hidden.iter().chain(&counted).chain(&["notes.TXT"]) {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        fs::create_dir(folder.path().join("inner.mp4")).unwrap();
        fs::write(folder.path().join("inner.mp4/deep.mp4"), "x").unwrap();
        let inbox = look(folder.path()).unwrap();
        assert_eq!(inbox.entries.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(), counted);
        let ignored: Vec<&str> = inbox.ignored.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(ignored, ["inner.mp4", "notes.TXT"]);
        assert_eq!(inbox.stamps.len(), hidden.len() + counted.len() + 1);
        assert!(look(&folder.path().join("nowhere")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_what_is_no_file_is_left() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.mp4"), "x").unwrap();
        std::os::unix::fs::symlink("a.mp4", folder.path().join("link.mp4")).unwrap();
        std::os::unix::fs::symlink("nothing", folder.path().join("dangling.mp4")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("endless.mp4")).unwrap();
        let inbox = look(folder.path()).unwrap();
        assert_eq!(inbox.entries.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["a.mp4", "link.mp4"]);
        assert_eq!(inbox.ignored, [("endless.mp4".to_owned(), "it is no regular file")]);
    }
}
