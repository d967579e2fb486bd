//! Whose quick work is done next: turns, fairly shared between owners.
//!
//! An owner asks; a [`Turn`] comes out when there is one, and is given back when it is dropped. A free turn goes to whoever
//! has the fewest, and among those to who has waited longest; so nobody waits for all of another's. It knows neither what
//! is done in a turn nor how long that takes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::model::Owner;

/// Of one owner so many may wait: a page of pictures, or of uploads. Whoever asks for more is in no hurry.
pub(super) const MOST_WAITING: usize = 32;

/// The turns that there are; cheap to clone.
#[derive(Clone)]
pub(super) struct Turns(Arc<Mutex<State>>);

struct State {
    free: usize,
    /// Turns that each owner has; nobody without one is here.
    running: HashMap<Owner, usize>,
    /// In the order in which they came.
    waiting: Vec<Waiter>,
    /// Of the next who waits.
    ticket: u64,
}

struct Waiter {
    ticket: u64,
    owner: Owner,
    told: oneshot::Sender<Turn>,
}

/// One may work as long as one has it.
pub(super) struct Turn {
    turns: Turns,
    owner: Owner,
}

/// Too many of this owner wait already.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Crowded;

impl Turns {
    /// So many at once.
    pub(super) fn new(free: usize) -> Turns {
        Turns(Arc::new(Mutex::new(State { free, running: HashMap::new(), waiting: Vec::new(), ticket: 0 })))
    }

    /// Waits for a turn. Who stops waiting leaves no trace.
    ///
    /// # Errors
    /// [`Crowded`], at once.
    pub(super) async fn take(&self, owner: Owner) -> Result<Turn, Crowded> {
        let (told, turn) = oneshot::channel();
        let ticket = {
            let mut state = self.state();
            // Where one is free, nobody waits.
            if state.free > 0 {
                return Ok(state.give(self, owner));
            }
            if state.waiting.iter().filter(|waiter| waiter.owner == owner).count() >= MOST_WAITING {
                return Err(Crowded);
            }
            state.ticket += 1;
            let ticket = state.ticket;
            state.waiting.push(Waiter { ticket, owner, told });
            ticket
        };
        let _place = Place { turns: self, ticket };
        // Nobody takes a waiter out of the queue without giving it a turn, but itself.
        turn.await.map_err(|_| Crowded)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, owner: Owner) {
        let next = {
            let mut state = self.state();
            state.take_back(owner);
            let waiter = state.next();
            waiter.map(|waiter| (state.give(self, waiter.owner), waiter.told))
        };
        // Not under the lock: a turn that nobody takes comes back here.
        if let Some((turn, told)) = next {
            drop(told.send(turn));
        }
    }
}

impl State {
    fn give(&mut self, turns: &Turns, owner: Owner) -> Turn {
        self.free -= 1;
        *self.running.entry(owner).or_default() += 1;
        Turn { turns: turns.clone(), owner }
    }

    fn take_back(&mut self, owner: Owner) {
        self.free += 1;
        if let Some(running) = self.running.get_mut(&owner) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(&owner);
            }
        }
    }

    /// Takes who comes next out of the queue.
    fn next(&mut self) -> Option<Waiter> {
        let has = |waiter: &Waiter| self.running.get(&waiter.owner).copied().unwrap_or(0);
        // The first of the least: who has waited longest.
        let (place, _) = self.waiting.iter().enumerate().min_by_key(|(_, waiter)| has(waiter))?;
        Some(self.waiting.remove(place))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.give_back(self.owner);
    }
}

/// A place in the queue.
struct Place<'a> {
    turns: &'a Turns,
    ticket: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.turns.state().waiting.retain(|waiter| waiter.ticket != self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use futures_util::FutureExt;
    use uuid::Uuid;

    use super::*;

    const ADA: Owner = Uuid::from_u128(1);
    const BOB: Owner = Uuid::from_u128(2);
    const EVE: Owner = Uuid::from_u128(3);

    type Asking<'a> = Pin<Box<dyn Future<Output = Result<Turn, Crowded>> + 'a>>;

    /// Asks, and waits if it must.
    fn ask(turns: &Turns, owner: Owner) -> Asking<'_> {
        let mut asking: Asking<'_> = Box::pin(turns.take(owner));
        assert!(asking.as_mut().now_or_never().is_none(), "there was one");
        asking
    }

    fn at_once(turns: &Turns, owner: Owner) -> Turn {
        turns.take(owner).now_or_never().expect("there is none").unwrap()
    }

    /// The turn of somebody who has waited, if it is there.
    fn got(asking: &mut Asking<'_>) -> Option<Turn> {
        asking.as_mut().now_or_never().map(Result::unwrap)
    }

    #[test]
    fn a_free_turn_goes_to_who_has_the_fewest_then_to_who_waited_longest() {
        let turns = Turns::new(2);
        let (first, second) = (at_once(&turns, ADA), at_once(&turns, ADA));
        let mut adas: Vec<_> = (0..30).map(|_| ask(&turns, ADA)).collect();
        let (mut eve, mut bob) = (ask(&turns, EVE), ask(&turns, BOB));
        drop(first);
        let eves = got(&mut eve).expect("Eve, who has none, before Ada, and before Bob, who came later");
        drop(second);
        let bobs = got(&mut bob).unwrap();
        assert!(adas.iter_mut().all(|asking| got(asking).is_none()));
        let mut again = ask(&turns, BOB);
        drop(eves);
        let ada = got(&mut adas[0]).expect("Ada has none now, Bob has one");
        drop(ada);
        let ada = got(&mut adas[1]).expect("the same again, in her own order");
        drop(bobs);
        let bobs = got(&mut again).unwrap();
        drop((ada, bobs));
        assert!(got(&mut adas[2]).is_some() && got(&mut adas[3]).is_some());
    }

    #[test]
    fn so_many_of_one_owner_wait_and_no_more() {
        let turns = Turns::new(1);
        let turn = at_once(&turns, ADA);
        let mut waiting: Vec<_> = (0..MOST_WAITING).map(|_| ask(&turns, ADA)).collect();
        assert_eq!(turns.take(ADA).now_or_never().map(|turn| turn.err()), Some(Some(Crowded)));
        let mut bob = ask(&turns, BOB);
        waiting.pop();
        let _room = ask(&turns, ADA);
        drop(turn);
        assert!(got(&mut bob).is_some(), "others' places are their own");
    }

    #[test]
    fn who_goes_away_leaves_no_trace() {
        let turns = Turns::new(1);
        let turn = at_once(&turns, ADA);
        let (gone, mut told) = (ask(&turns, BOB), ask(&turns, EVE));
        drop(gone);
        drop(turn);
        assert!(turns.state().waiting.is_empty());
        // Told, and gone before it could begin.
        let mut next = ask(&turns, ADA);
        drop(told.as_mut().now_or_never());
        drop(got(&mut next).unwrap());
        let ready = at_once(&turns, BOB);
        let (unseen, mut last) = (ask(&turns, EVE), ask(&turns, ADA));
        drop(ready);
        drop(unseen);
        drop(got(&mut last).expect("what was given to who had gone comes back"));
        let state = turns.state();
        assert_eq!((state.free, state.running.len(), state.waiting.len()), (1, 0, 0));
    }
}
