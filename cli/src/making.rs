//! What a render is making: its files, and the folders that were made for them. It is taken apart where the render ends
//! badly, whether by itself or by a signal. Knows nothing of what is in the files.

use std::path::{Path, PathBuf};

use vfxb_engine::media::encode::abandon;

/// Files that are being made.
pub(crate) struct Making {
    files: Vec<PathBuf>,
    /// Made for them, outermost first.
    folders: Vec<PathBuf>,
}

impl Making {
    /// Makes the folders that are missing. Where that fails the check of the files says why.
    pub(crate) fn begin(files: Vec<PathBuf>) -> Making {
        let mut folders = Vec::new();
        for folder in files.iter().filter_map(|file| file.parent()) {
            let missing = folder.ancestors().take_while(|f| !f.as_os_str().is_empty() && !f.exists());
            let missing: Vec<PathBuf> = missing.map(Path::to_owned).collect();
            folders.extend(missing.into_iter().rev().filter(|folder| std::fs::create_dir(folder).is_ok()));
        }
        Making { files, folders }
    }

    /// Takes away what a render has left that came to its own end.
    pub(crate) fn undo(&self) {
        for folder in self.folders.iter().rev() {
            // Somebody may have put something there meanwhile.
            let _ = std::fs::remove_dir(folder);
        }
    }

    /// Takes away what a render leaves that is still running, in a process that is about to end.
    pub(crate) fn abandon(&self) {
        abandon(self.files.iter().map(PathBuf::as_path));
        self.undo();
    }
}
