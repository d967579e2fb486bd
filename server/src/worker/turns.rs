//! Whose quick work is done next: turns, fairly shared between owners.
//!
//! An owner asks; a [`Turn`] comes out when there is one, and is given back when it is dropped. A free turn goes to whoever
//! has the fewest, and among those to who has waited longest for one: since they asked, or since they got their last. So
//! nobody waits for all of another's, however few turns there are. It knows neither what is done in a turn nor how long
//! that takes.

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
    /// Whoever has a turn, or waits and had one.
    owners: HashMap<Owner, Given>,
    /// In the order in which they came.
    waiting: Vec<Waiter>,
    /// What happened last: somebody came, or got a turn.
    tick: u64,
}

/// What an owner got.
#[derive(Clone, Copy, Default)]
struct Given {
    /// Turns that they have.
    running: usize,
    /// When they got the last.
    last: u64,
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
        Turns(Arc::new(Mutex::new(State { free, owners: HashMap::new(), waiting: Vec::new(), tick: 0 })))
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
            let ticket = state.tick();
            state.waiting.push(Waiter { ticket, owner, told });
            ticket
        };
        let _place = Place { turns: self, owner, ticket };
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
        let last = self.tick();
        let given = self.owners.entry(owner).or_default();
        *given = Given { running: given.running + 1, last };
        Turn { turns: turns.clone(), owner }
    }

    fn take_back(&mut self, owner: Owner) {
        self.free += 1;
        if let Some(given) = self.owners.get_mut(&owner) {
            given.running -= 1;
        }
        self.forget(owner);
    }

    /// An owner who has nothing and waits for nothing.
    fn forget(&mut self, owner: Owner) {
        let has = self.owners.get(&owner).is_some_and(|given| given.running > 0);
        if !has && !self.waiting.iter().any(|waiter| waiter.owner == owner) {
            self.owners.remove(&owner);
        }
    }

    fn tick(&mut self) -> u64 {
        self.tick += 1;
        self.tick
    }

    /// Takes who comes next out of the queue.
    fn next(&mut self) -> Option<Waiter> {
        let order = |waiter: &Waiter| {
            let given = self.owners.get(&waiter.owner).copied().unwrap_or_default();
            (given.running, waiter.ticket.max(given.last))
        };
        // Of one owner's, the first.
        let (place, _) = self.waiting.iter().enumerate().min_by_key(|(_, waiter)| order(waiter))?;
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
    owner: Owner,
    ticket: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.state();
        state.waiting.retain(|waiter| waiter.ticket != self.ticket);
        state.forget(self.owner);
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
        drop(eves);
        let bobs = got(&mut bob).expect("Bob, who has none, before Ada, who has one still");
        drop(second);
        let adas_own = got(&mut adas[0]).expect("nobody else waits");
        let mut again = ask(&turns, BOB);
        drop(adas_own);
        let adas_own = got(&mut adas[1]).expect("Ada has none, Bob has one");
        drop(bobs);
        let bobs = got(&mut again).expect("Bob has none, Ada has one");
        drop((adas_own, bobs));
        assert!(got(&mut adas[2]).is_some() && got(&mut adas[3]).is_some(), "in her own order");
    }

    #[test]
    fn with_one_turn_owners_take_it_by_turns() {
        let turns = Turns::new(1);
        let mut turn = at_once(&turns, ADA);
        let mut adas: Vec<_> = (0..30).map(|_| ask(&turns, ADA)).collect();
        let mut bobs: Vec<_> = (0..3).map(|_| ask(&turns, BOB)).collect();
        for n in 0..3 {
            drop(turn);
            turn = got(&mut adas[n]).expect("Ada has waited longer");
            drop(turn);
            turn = got(&mut bobs[n]).expect("Bob has waited longer than Ada has since her last");
        }
        drop(turn);
        assert!(got(&mut adas[3]).is_some());
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
        assert!(got(&mut waiting[0]).is_some());
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
        assert_eq!((state.free, state.owners.len(), state.waiting.len()), (1, 0, 0));
    }
}
