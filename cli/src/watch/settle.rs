//! When a file that came is complete: once it has stood still for a while. Looks at files and an instant come in, names
//! of files that are ready go out; neither a clock nor a disk is asked here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::stamp::Stamp;

/// A writer that has closed its file has most likely come to its end; a few open and close it for every piece.
const AFTER_CLOSE: u32 = 8;
/// A writer that has not closed its file may be waiting himself, for a network or a person.
const WHILE_OPEN: u32 = 30;

/// Files that wait until they stand still.
#[derive(Debug)]
pub(crate) struct Settling {
    wait: Duration,
    files: BTreeMap<String, Waiting>,
    open: BTreeSet<String>,
}

#[derive(Debug)]
struct Waiting {
    stamp: Stamp,
    since: Instant,
    closed: bool,
}

impl Settling {
    /// Files count as complete after standing still for so long; a file that its writer has closed, after an eighth;
    /// one that is still open for writing, after thirty times as long.
    pub(crate) fn new(wait: Duration) -> Settling {
        Settling { wait, files: BTreeMap::new(), open: BTreeSet::new() }
    }

    /// The files that somebody writes to and has not closed.
    pub(crate) fn open(&mut self, names: BTreeSet<String>) {
        self.open = names;
    }

    /// A look at a file. One that has changed begins its wait again; an empty one has not begun.
    pub(crate) fn seen(&mut self, name: &str, stamp: Stamp, now: Instant) {
        if stamp.size == 0 {
            self.files.remove(name);
            return;
        }
        match self.files.get(name) {
            Some(waiting) if waiting.stamp == stamp => {}
            _ => {
                self.files.insert(name.to_owned(), Waiting { stamp, since: now, closed: false });
            }
        }
    }

    /// Whoever wrote the file has closed it, before it was last looked at.
    pub(crate) fn closed(&mut self, name: &str) {
        if let Some(waiting) = self.files.get_mut(name) {
            waiting.closed = true;
        }
    }

    /// Forgets the files that are not wanted any more.
    pub(crate) fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        self.files.retain(|name, _| wanted(name));
    }

    /// Takes out what has stood still for long enough.
    pub(crate) fn settled(&mut self, now: Instant) -> Vec<(String, Stamp)> {
        let ready = self.files.iter().filter(|(name, waiting)| self.until(name, waiting) <= now);
        let out: Vec<_> = ready.map(|(name, waiting)| (name.clone(), waiting.stamp)).collect();
        for (name, _) in &out {
            self.files.remove(name);
        }
        out
    }

    /// When the next file may be ready.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.files.iter().map(|(name, waiting)| self.until(name, waiting)).min()
    }

    fn until(&self, name: &str, waiting: &Waiting) -> Instant {
        let wait = match waiting.closed {
            _ if self.open.contains(name) => self.wait * WHILE_OPEN,
            true => self.wait / AFTER_CLOSE,
            false => self.wait,
        };
        waiting.since + wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(size: u64) -> Stamp {
        Stamp { size, modified: size as i64, inode: 7 }
    }

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn a_slow_copy_is_ready_once_it_stands_still() {
        let (start, mut settling) = (Instant::now(), Settling::new(ms(2000)));
        for step in 0..10 {
            settling.seen("a.mp4", stamp(100 + step), start + ms(step * 1900));
            assert_eq!(settling.settled(start + ms(step * 1900)), []);
        }
        let last = start + ms(9 * 1900);
        assert_eq!(settling.next(), Some(last + ms(2000)));
        settling.seen("a.mp4", stamp(109), last + ms(1999));
        assert_eq!(settling.settled(last + ms(1999)), []);
        assert_eq!(settling.settled(last + ms(2000)), [("a.mp4".to_owned(), stamp(109))]);
        assert_eq!((settling.settled(last + ms(9000)), settling.next()), (Vec::new(), None));
    }

    #[test]
    fn closing_shortens_the_wait_until_it_is_written_to_again() {
        let (start, mut settling) = (Instant::now(), Settling::new(ms(800)));
        settling.seen("a.mp4", stamp(1), start);
        settling.closed("a.mp4");
        assert_eq!(settling.next(), Some(start + ms(100)));
        settling.seen("a.mp4", stamp(2), start + ms(50));
        assert_eq!(settling.settled(start + ms(700)), []);
        assert_eq!(settling.settled(start + ms(850)).len(), 1);
        settling.closed("gone.mp4");
        assert_eq!(settling.next(), None);
    }

    #[test]
    fn a_writer_that_pauses_is_waited_for() {
        let (start, mut settling) = (Instant::now(), Settling::new(ms(100)));
        settling.open(BTreeSet::from(["a.mp4".to_owned()]));
        settling.seen("a.mp4", stamp(1), start);
        settling.seen("b.mp4", stamp(2), start);
        assert_eq!(settling.settled(start + ms(2999)), [("b.mp4".to_owned(), stamp(2))]);
        assert_eq!(settling.next(), Some(start + ms(3000)));
        settling.open(BTreeSet::new());
        settling.closed("a.mp4");
        assert_eq!(settling.next(), Some(start + ms(12) + Duration::from_micros(500)));
        assert_eq!(settling.settled(start + ms(13)), [("a.mp4".to_owned(), stamp(1))]);
    }

    #[test]
    fn empty_files_have_not_begun_and_gone_ones_are_forgotten() {
        let (start, mut settling) = (Instant::now(), Settling::new(ms(10)));
        settling.seen("empty.mp4", stamp(0), start);
        settling.seen("gone.mp4", stamp(1), start);
        settling.seen("here.mp4", stamp(2), start);
        settling.seen("shrunk.mp4", stamp(3), start);
        settling.seen("shrunk.mp4", stamp(0), start + ms(1));
        settling.retain(|name| name != "gone.mp4");
        assert_eq!(settling.settled(start + ms(100)), [("here.mp4".to_owned(), stamp(2))]);
    }
}
