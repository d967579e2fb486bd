//! Whether films are still those of what they were made of, and when to make them anew. Looks and instants come in, what
//! to do goes out; neither a clock nor a disk is asked here.

use std::time::{Duration, Instant};

/// Programs that save write, rename and delete within less than this; nobody who saves waits for it.
const QUIET: Duration = Duration::from_millis(100);

/// What a look says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// All is as it was read.
    Fresh,
    /// Something has changed, and may go on changing: what is being rendered is stale, and it is too early for anew.
    Changing,
    /// It has changed and come to rest: time to render.
    Stale,
}

/// Compares what is there with what was read.
#[derive(Debug)]
pub(super) struct Freshness<T> {
    read: T,
    seen: Option<(T, Instant)>,
    /// The films were not finished: they are stale even if all is as it was again.
    unfinished: bool,
}

impl<T: PartialEq + Clone> Freshness<T> {
    /// Of what is being read now.
    pub(super) fn new(read: T) -> Self {
        Freshness { read, seen: None, unfinished: false }
    }

    /// A look at what is there.
    pub(super) fn look(&mut self, there: &T, now: Instant) -> Look {
        if *there == self.read && !self.unfinished {
            self.seen = None;
            return Look::Fresh;
        }
        match &self.seen {
            Some((seen, since)) if seen == there => {
                if now >= *since + QUIET {
                    Look::Stale
                } else {
                    Look::Changing
                }
            }
            _ => {
                self.seen = Some((there.clone(), now));
                Look::Changing
            }
        }
    }

    /// What was read.
    pub(super) fn of(&self) -> &T {
        &self.read
    }

    /// A render that was stopped before its end.
    pub(super) fn stopped(&mut self) {
        self.unfinished = true;
    }

    /// What was read for the films that are there now.
    pub(super) fn read(&mut self, read: T) {
        self.read = read;
    }

    /// A render begins, of what is there now.
    pub(super) fn begin(&mut self, there: T) {
        (self.read, self.seen, self.unfinished) = (there, None, false);
    }

    /// When to look again, if something is changing.
    pub(super) fn next(&self) -> Option<Instant> {
        self.seen.as_ref().map(|(_, since)| *since + QUIET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn changes_are_taken_together_once_they_have_come_to_rest() {
        let (start, mut freshness) = (Instant::now(), Freshness::new(1));
        assert_eq!(freshness.look(&1, start), Look::Fresh);
        assert_eq!(freshness.next(), None);
        for n in 0..5 {
            assert_eq!(freshness.look(&(2 + n), start + ms(90 * n)), Look::Changing);
        }
        assert_eq!(freshness.next(), Some(start + ms(460)));
        assert_eq!(freshness.look(&6, start + ms(459)), Look::Changing);
        assert_eq!(freshness.look(&6, start + ms(460)), Look::Stale);
        freshness.begin(6);
        assert_eq!(freshness.look(&6, start + ms(500)), Look::Fresh);
    }

    #[test]
    fn what_is_undone_in_time_is_no_change_unless_a_render_was_stopped_for_it() {
        let (start, mut freshness) = (Instant::now(), Freshness::new(1));
        assert_eq!(freshness.look(&2, start), Look::Changing);
        assert_eq!(freshness.look(&1, start + ms(50)), Look::Fresh);
        assert_eq!(freshness.look(&2, start + ms(60)), Look::Changing);
        freshness.stopped();
        assert_eq!(freshness.look(&1, start + ms(70)), Look::Changing);
        assert_eq!(freshness.look(&1, start + ms(170)), Look::Stale);
    }
}
