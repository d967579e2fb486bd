//! The side folder of files that could not be rendered: each lies there with a text that says why. A file that is put
//! back is rendered again.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where the text about a file lies, and where the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    report: PathBuf,
    file: PathBuf,
}

impl Place {
    /// A place in `folder` for a file of that name; another name if an earlier failure has it.
    pub(crate) fn new(folder: &Path, name: &str) -> Place {
        let (stem, ending) = match name.rsplit_once('.') {
            Some((stem, ending)) if !stem.is_empty() => (stem, format!(".{ending}")),
            _ => (name, String::new()),
        };
        let names = std::iter::once(name.to_owned()).chain((2..).map(|n| format!("{stem}-{n}{ending}")));
        let free = names.map(|name| folder.join(name)).find(|file| fs::symlink_metadata(file).is_err());
        // The names above have no end, and a folder has.
        let file = free.unwrap_or_else(|| folder.join(name));
        let mut report = file.clone().into_os_string();
        report.push(".txt");
        Place { report: report.into(), file }
    }

    /// Where the text is.
    pub(crate) fn report(&self) -> &Path {
        &self.report
    }

    /// Writes the text, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn explain(&self, text: &str) -> io::Result<()> {
        let folder = self.report.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut builder = tempfile::Builder::new();
        // As any new file: who may read films may read why there is none.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.prefix(".vfxb-").tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&self.report)?;
        Ok(())
    }

    /// Moves the file there. One on another disk stays where it is, and so does one that may not be moved: copying
    /// it would take long and could fail half-way.
    pub(crate) fn take(&self, file: &Path) -> Option<&Path> {
        fs::rename(file, &self.file).ok().map(|()| self.file.as_path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_one_name_lie_side_by_side() {
        let folder = tempfile::tempdir().unwrap();
        let failed = folder.path().join("failed");
        for (n, (name, lies)) in
            [("a.mp4", "a.mp4"), ("a.mp4", "a-2.mp4"), ("a.mp4", "a-3.mp4"), (".x", ".x"), (".x", ".x-2")]
                .into_iter()
                .enumerate()
        {
            let file = folder.path().join(name);
            fs::write(&file, n.to_string()).unwrap();
            let place = Place::new(&failed, name);
            place.explain("why").unwrap();
            #[cfg(unix)]
            {
                use std::os::unix::fs::MetadataExt;
                let mode = |path: &Path| fs::metadata(path).unwrap().mode();
                assert_eq!(mode(place.report()), mode(&file), "as any new file");
            }
            assert_eq!(place.take(&file), Some(failed.join(lies).as_path()));
            assert_eq!(fs::read_to_string(failed.join(format!("{lies}.txt"))).unwrap(), "why");
            assert_eq!(fs::read_to_string(failed.join(lies)).unwrap(), n.to_string());
        }
        assert_eq!(Place::new(&failed, "b.mp4").take(&folder.path().join("nothing.mp4")), None);
    }
}
