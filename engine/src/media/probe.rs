//! Files as the timeline wants to know them: [`Media`] by libav, and runs of numbered or globbed stills.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vfxb_dsl::value::Rational;

use super::encode::{FormatSpec, format_of};
use super::guard::Limits;
use super::survey::survey;
use super::{FileStamp, FrameTimes, Media, MediaError, MediaErrorKind, SourceInfo, VideoInfo};

/// The real [`Media`]. What it learns of a file is kept in the process until the file changes.
#[derive(Debug, Clone, Copy, Default)]
pub struct LibavMedia {
    /// What files may be at most.
    pub limits: Limits,
}

impl Media for LibavMedia {
    fn probe(&self, path: &Path) -> Result<Arc<SourceInfo>, MediaError> {
        Ok(Arc::clone(&survey(path, self.limits)?.info))
    }

    fn probe_sequence(
        &self,
        pattern: &Path,
        fps: Rational,
        start: u32,
    ) -> Result<Arc<SourceInfo>, MediaError> {
        let stills = match_stills(pattern, start, self.limits.max_frames)?;
        let first = stills.first().ok_or_else(|| no_match(pattern))?;
        let info = self.probe(first)?;
        let video = info.video.as_ref().filter(|v| v.still).ok_or_else(|| {
            MediaError::new(
                MediaErrorKind::Unsupported,
                format!("{} is not a still picture", first.display()),
            )
            .with_help("an image sequence is made of stills; give a film's name without a pattern")
        })?;
        let stamp =
            |still: &PathBuf| FileStamp::of(still).map_err(|e| MediaError::from_io(still, "read", &e));
        let stamps = stills.iter().map(stamp).collect::<Result<_, _>>()?;
        let times = FrameTimes::Constant { rate: fps, count: stills.len() as u64 };
        Ok(Arc::new(SourceInfo {
            path: pattern.to_owned(),
            container: info.container.clone(),
            video: Some(VideoInfo { still: false, rate: fps, times, ..video.clone() }),
            audio: Vec::new(),
            stills,
            stamps,
        }))
    }
}

fn no_match(pattern: &Path) -> MediaError {
    MediaError::new(MediaErrorKind::NotFound, format!("no file matches {}", pattern.display()))
        .with_help("write the number as %04d, or use * and ? in the file's name")
}

/// Whether a name is that of numbered or globbed stills, and of nothing else that could be read.
pub(crate) fn is_run(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let pattern = number_in(&name).is_some() || name.contains(['*', '?']);
    pattern && format_of(path).is_none_or(FormatSpec::is_still)
}

/// The files of a pattern, in order: `%d` or `%04d` counts from the first number that is there, from `start` on, as long
/// as there are files; `*` and `?` in the last part of the name match files in the order of their names.
fn match_stills(pattern: &Path, start: u32, limit: usize) -> Result<Vec<PathBuf>, MediaError> {
    let name =
        pattern.file_name().map(|n| n.to_string_lossy().into_owned()).ok_or_else(|| no_match(pattern))?;
    let folder = pattern.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let too_many = || {
        let message = format!("{} matches more than {limit} files", pattern.display());
        Err(MediaError::new(MediaErrorKind::Limit, message))
    };
    if let Some((before, width, after)) = number_in(&name) {
        let numbered = |n: u32| pattern.with_file_name(format!("{before}{n:0width$}{after}"));
        let start = if numbered(start).is_file() {
            start
        } else {
            let Some(first) = first_number(folder, start, numbered)? else { return Ok(Vec::new()) };
            first
        };
        let stills: Vec<PathBuf> =
            (start..=u32::MAX).map(numbered).take_while(|p| p.is_file()).take(limit + 1).collect();
        return if stills.len() > limit { too_many() } else { Ok(stills) };
    }
    let listing = std::fs::read_dir(folder).map_err(|e| MediaError::from_io(folder, "read", &e))?;
    let wanted: Vec<char> = name.chars().collect();
    let mut found = Vec::new();
    for entry in listing {
        let entry = entry.map_err(|e| MediaError::from_io(folder, "read", &e))?;
        let candidate: Vec<char> = entry.file_name().to_string_lossy().chars().collect();
        if matches_glob(&wanted, &candidate) && entry.path().is_file() {
            found.push(pattern.with_file_name(entry.file_name()));
            if found.len() > limit {
                return too_many();
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The least number from `start` on of which there is a file.
fn first_number(
    folder: &Path,
    start: u32,
    numbered: impl Fn(u32) -> PathBuf,
) -> Result<Option<u32>, MediaError> {
    let unreadable = |e: std::io::Error| MediaError::from_io(folder, "read", &e);
    let mut first: Option<u32> = None;
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let digits = name.split(|c: char| !c.is_ascii_digit());
        let numbers = digits.filter_map(|digits| digits.parse().ok());
        let own = numbers.filter(|n| *n >= start && numbered(*n).file_name() == Some(&entry.file_name()));
        first = own.chain(first).min();
    }
    Ok(first)
}

/// What stands before and after a `%d` or `%0Nd`, and the number of digits.
pub(super) fn number_in(name: &str) -> Option<(&str, usize, &str)> {
    name.match_indices('%').find_map(|(at, _)| {
        let (before, rest) = (name.get(..at)?, name.get(at + 1..)?);
        let digits = rest.find('d')?;
        let width = rest.get(..digits)?;
        let width = if width.is_empty() { 1 } else { width.parse().ok().filter(|w| (1..=20).contains(w))? };
        Some((before, width, rest.get(digits + 1..)?))
    })
}

/// `*` matches any run of characters, `?` any one: greedy, with one place to come back to.
fn matches_glob(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n, mut back) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                back = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || Some(c) == name.get(n) => {
                p += 1;
                n += 1;
            }
            _ => match back {
                Some((star, from)) => {
                    back = Some((star, from + 1));
                    p = star + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_none_or(|rest| rest.iter().all(|c| *c == '*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_find_their_numbers() {
        assert_eq!(number_in("img-%04d.png"), Some(("img-", 4, ".png")));
        assert_eq!(number_in("100%-%d.png"), Some(("100%-", 1, ".png")));
        assert_eq!(number_in("plain.png"), None);
    }

    #[test]
    fn runs_are_of_stills() {
        let run = |name: &str| is_run(Path::new(name));
        assert!(run("a/img-%04d.png") && run("a/*.tif") && run("a/%d"));
        assert!(!run("100%.png") && !run("a-%d.wav") && !run("%d/a.png") && !run("take?.mp4"));
    }

    #[test]
    fn globs_match_whole_names() {
        let glob =
            |p: &str, n: &str| matches_glob(&p.chars().collect::<Vec<_>>(), &n.chars().collect::<Vec<_>>());
        assert!(glob("a*b*.png", "a12bb3.png") && glob("*", "") && glob("?x", "äx"));
        assert!(!glob("a*.png", "a.pngx") && !glob("?", "") && !glob("a", "ab"));
    }

    #[test]
    fn sequences_are_found_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for n in [1, 2, 3, 5] {
            std::fs::write(folder.path().join(format!("f{n:02}.png")), "x").unwrap();
        }
        let names = |pattern: &str, start| {
            let found = match_stills(&folder.path().join(pattern), start, 10).unwrap();
            found.iter().map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names("f%02d.png", 1), ["f01.png", "f02.png", "f03.png"]);
        assert_eq!(names("f%02d.png", 0), ["f01.png", "f02.png", "f03.png"], "the first that is there");
        assert_eq!(names("f%02d.png", 4), ["f05.png"]);
        assert_eq!(names("f%d.png", 0), [""; 0]);
        assert_eq!(names("f?*.png", 0), ["f01.png", "f02.png", "f03.png", "f05.png"]);
        assert_eq!(match_stills(&folder.path().join("f*"), 0, 2).unwrap_err().kind, MediaErrorKind::Limit);
    }
}
