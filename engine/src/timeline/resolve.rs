//! When each item starts and ends: exact, lazily, with cycles named.
//!
//! The items of one composition (a film or a group) wait for each other: a clip of a sequence for the one before it, an
//! anchored item for what it is anchored to, an overlay that lasts to the end for the film's length. Each time is
//! computed once, when first asked for; one that is asked for while it is being computed is a cycle. Long chains of
//! anchors are walked in pieces, so that no script is too deep for the stack.

use std::collections::{HashMap, HashSet};

use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_dsl::script::{Item, Sequence, SequenceEntry, Transition};
use vfxb_dsl::source::{Span, Spanned};
use vfxb_dsl::value::{Edge, Rational, Time, TimeBase, TimePoint};

use super::build::Named;
use super::lengths::offset;
use super::map::NoInstant;
use crate::codes;

/// Start and end of an item; `None` if they could not be resolved, which has been reported.
pub(super) type Times = Option<(Time, Time)>;

/// Times that may wait for each other on the stack before the walk is broken off and begun anew where it came to.
const DEEP: usize = 200;
/// Most times of a cycle that are named.
const NAMED: usize = 8;

/// How an item's length comes about when nothing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Natural {
    /// It has one of its own.
    Known(Time),
    /// To the end of its parent.
    ToTheEnd,
    /// It must be written (a speed ramp).
    Unknown,
    /// It is the length of this sequence.
    Sequence(usize),
}

/// A transition beside a slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side<'a> {
    /// The transition.
    pub(super) transition: &'a Transition,
    /// Whether the neighbour takes part, or only the background.
    pub(super) shared: bool,
}

/// An item's place in a sequence.
#[derive(Debug, Clone)]
pub(super) struct Slot<'a> {
    pub(super) node: usize,
    gaps: Vec<&'a Spanned<TimePoint>>,
    pub(super) before: Option<Side<'a>>,
    pub(super) after: Option<Side<'a>>,
}

/// A timeline or track.
#[derive(Debug, Clone)]
pub(super) struct Chain<'a> {
    /// The track's node; `None` for the timeline.
    owner: Option<usize>,
    pub(super) slots: Vec<Slot<'a>>,
    tail: Vec<&'a Spanned<TimePoint>>,
}

/// One item of a composition.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    pub(super) item: &'a Item,
    /// Chain and slot, for an item of a sequence.
    pub(super) slot: Option<(usize, usize)>,
    /// How deep in tracks.
    pub(super) depth: usize,
    pub(super) natural: Natural,
    /// Whether it is one of the sounds.
    pub(super) audio: bool,
    /// Ids inside a group: start and end on this composition's clock, from the group's own start; `None` if they wait
    /// for the group's own times.
    pub(super) inner: Option<Named>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Quantity {
    Start(usize),
    End(usize),
    Length,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Busy,
    Known(Option<Time>),
}

/// The items of one composition and what is known of their times.
#[derive(Debug)]
pub(super) struct Resolver<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) chains: Vec<Chain<'a>>,
    timeline: Option<usize>,
    ids: HashMap<&'a str, usize>,
    rate: Rational,
    /// How long it is if nothing in it says so.
    given: Option<Time>,
    states: HashMap<Quantity, State>,
    path: Vec<Quantity>,
    /// Where a walk that became too deep was broken off: what is being computed is to be computed again after that.
    broken_off: Option<Quantity>,
    findings: Vec<Diagnostic>,
    /// Places of unknown anchors that were reported already.
    reported: HashSet<Span>,
}

impl<'a> Resolver<'a> {
    /// An empty composition at a frame rate; `given` is how long it is if nothing in it says so.
    pub(super) fn new(rate: Rational, given: Option<Time>) -> Self {
        Resolver {
            nodes: Vec::new(),
            chains: Vec::new(),
            timeline: None,
            ids: HashMap::new(),
            rate,
            given,
            states: HashMap::new(),
            path: Vec::new(),
            broken_off: None,
            findings: Vec::new(),
            reported: HashSet::new(),
        }
    }

    /// Takes the main sequence in; `node` makes the node of an item (at a depth), tracks excluded.
    pub(super) fn timeline(
        &mut self,
        sequence: &'a Sequence,
        node: &mut dyn FnMut(&'a Item, bool) -> Node<'a>,
    ) {
        self.timeline = Some(self.chain(sequence, None, 0, false, node));
    }

    /// Takes a placed item in, a track with all that is in it.
    pub(super) fn placed(
        &mut self,
        item: &'a Item,
        audio: bool,
        node: &mut dyn FnMut(&'a Item, bool) -> Node<'a>,
    ) {
        let index = self.push(node(item, false), audio, 0);
        if let vfxb_dsl::script::ItemKind::Track(sequence) = &item.kind {
            let chain = self.chain(sequence, Some(index), 1, audio, node);
            self.nodes[index].natural = Natural::Sequence(chain);
        }
    }

    fn push(&mut self, mut node: Node<'a>, audio: bool, depth: usize) -> usize {
        let index = self.nodes.len();
        if let Some(id) = &node.item.id {
            self.ids.insert(&id.value, index);
        }
        node.audio = audio;
        node.depth = depth;
        self.nodes.push(node);
        index
    }

    fn chain(
        &mut self,
        sequence: &'a Sequence,
        owner: Option<usize>,
        depth: usize,
        audio: bool,
        node: &mut dyn FnMut(&'a Item, bool) -> Node<'a>,
    ) -> usize {
        let chain = self.chains.len();
        self.chains.push(Chain { owner, slots: Vec::new(), tail: Vec::new() });
        let mut slots: Vec<Slot<'a>> = Vec::new();
        let (mut gaps, mut pending): (Vec<&Spanned<TimePoint>>, Option<&Transition>) = (Vec::new(), None);
        for entry in &sequence.entries {
            match entry {
                SequenceEntry::Item(item) => {
                    let index = self.push(node(item, true), audio, depth);
                    self.nodes[index].slot = Some((chain, slots.len()));
                    let shared = gaps.is_empty() && !slots.is_empty();
                    let before = pending.take().map(|transition| Side { transition, shared });
                    if let (Some(side), Some(last)) = (before.filter(|s| s.shared), slots.last_mut()) {
                        last.after = Some(side);
                    }
                    slots.push(Slot { node: index, gaps: std::mem::take(&mut gaps), before, after: None });
                }
                SequenceEntry::Gap { duration } => {
                    self.outgoing(pending.take(), slots.last_mut().filter(|_| gaps.is_empty()));
                    gaps.push(duration);
                }
                SequenceEntry::Transition(transition) => pending = Some(transition),
            }
        }
        self.outgoing(pending, slots.last_mut().filter(|_| gaps.is_empty()));
        self.chains[chain].slots = slots;
        self.chains[chain].tail = gaps;
        chain
    }

    /// A transition with nothing after it: from the item that it touches to the background.
    fn outgoing(&mut self, transition: Option<&'a Transition>, last: Option<&mut Slot<'a>>) {
        match (transition, last) {
            (Some(transition), Some(last)) => last.after = Some(Side { transition, shared: false }),
            (Some(transition), None) => self.findings.push(
                Diagnostic::error(
                    codes::TRANSITION_ALONE,
                    transition.span,
                    "there is nothing beside this transition that it could show",
                )
                .help(
                    "put it right before or after an item; beside a `gap` it goes from or to the background",
                ),
            ),
            (None, _) => {}
        }
    }

    /// Start and end of every node, the film's length, and what was found on the way. A time that could not be
    /// resolved is `None`, and has been reported.
    pub(super) fn solve(&mut self) -> (Vec<Times>, Option<Time>, Vec<Diagnostic>) {
        let length = self.resolve(Quantity::Length);
        let times = (0..self.nodes.len())
            .map(|n| Some((self.resolve(Quantity::Start(n))?, self.resolve(Quantity::End(n))?)))
            .collect();
        (times, length, std::mem::take(&mut self.findings))
    }

    /// Whether a node is in the main sequence.
    pub(super) fn in_timeline(&self, node: &Node<'_>) -> bool {
        node.slot.is_some_and(|(chain, _)| self.timeline == Some(chain))
    }

    /// The items of the main sequence.
    pub(super) fn base(&self) -> Vec<usize> {
        let chain = self.timeline.and_then(|chain| self.chains.get(chain));
        chain.map_or_else(Vec::new, |chain| chain.slots.iter().map(|slot| slot.node).collect())
    }

    /// How much of an item its transitions take: the incoming one and the outgoing one.
    pub(super) fn crossed(&self, slot: &Slot<'_>) -> (Time, Time) {
        let length =
            |side: &Option<Side<'_>>| side.map_or(Time::ZERO, |side| self.transition_length(side.transition));
        (length(&slot.before), length(&slot.after))
    }

    /// The length of a transition.
    fn transition_length(&self, transition: &Transition) -> Time {
        offset(&transition.duration.value.offset, self.rate)
    }

    /// A time, however long the chain is that it waits for.
    fn resolve(&mut self, quantity: Quantity) -> Option<Time> {
        let mut waiting = vec![quantity];
        while let Some(next) = waiting.last().copied() {
            let time = self.get(next);
            match self.broken_off.take() {
                None if waiting.len() == 1 => return time,
                None => {
                    waiting.pop();
                }
                Some(deeper) => match waiting.iter().position(|q| *q == deeper) {
                    None => waiting.push(deeper),
                    Some(from) => {
                        self.report_cycle_of(deeper, &waiting[from..]);
                        self.states.insert(deeper, State::Known(None));
                    }
                },
            }
        }
        None
    }

    fn get(&mut self, quantity: Quantity) -> Option<Time> {
        match self.states.get(&quantity) {
            Some(State::Known(time)) => return *time,
            Some(State::Busy) => {
                self.report_cycle(quantity);
                return None;
            }
            None => {}
        }
        if self.path.len() >= DEEP {
            self.broken_off = Some(quantity);
            return None;
        }
        self.states.insert(quantity, State::Busy);
        self.path.push(quantity);
        let time = match quantity {
            Quantity::Start(node) => self.start(node),
            Quantity::End(node) => self.end(node),
            Quantity::Length => self.length(),
        };
        self.path.pop();
        if self.broken_off.is_some() {
            self.states.remove(&quantity);
            return None;
        }
        self.states.insert(quantity, State::Known(time));
        time
    }

    fn report_cycle(&mut self, quantity: Quantity) {
        let from = self.path.iter().position(|q| *q == quantity).unwrap_or(0);
        let cycle = self.path[from..].to_vec();
        self.report_cycle_of(quantity, &cycle);
    }

    fn report_cycle_of(&mut self, quantity: Quantity, cycle: &[Quantity]) {
        let mut names: Vec<String> = cycle.iter().take(NAMED).map(|q| self.name(*q)).collect();
        if cycle.len() > NAMED {
            names.push("…".into());
        }
        names.push(self.name(quantity));
        names.dedup();
        let span = match quantity {
            Quantity::Start(node) | Quantity::End(node) => self.nodes[node].item.span,
            Quantity::Length => cycle.iter().rev().find_map(|q| self.span(*q)).unwrap_or_default(),
        };
        self.findings.push(
            Diagnostic::error(
                codes::TIME_CYCLE,
                span,
                format!("these times wait for each other: {}", names.join(" → ")),
            )
            .help("give one of them a time of its own, such as `at:2s` or `duration:5s`"),
        );
    }

    fn span(&self, quantity: Quantity) -> Option<Span> {
        match quantity {
            Quantity::Start(node) | Quantity::End(node) => Some(self.nodes[node].item.span),
            Quantity::Length => None,
        }
    }

    fn name(&self, quantity: Quantity) -> String {
        let of = |node: usize, edge: &str| match &self.nodes[node].item.id {
            Some(id) => format!("@{}.{edge}", id.value),
            None => format!("the {edge} of item {}", node + 1),
        };
        match quantity {
            Quantity::Start(node) => of(node, "start"),
            Quantity::End(node) => of(node, "end"),
            Quantity::Length => "the film's end".into(),
        }
    }

    fn start(&mut self, node: usize) -> Option<Time> {
        if let Some((chain, slot)) = self.nodes[node].slot {
            return self.start_in_chain(chain, slot);
        }
        match self.nodes[node].item.timing.at.clone() {
            None => Some(Time::ZERO),
            Some(at) => self.point(&at),
        }
    }

    fn start_in_chain(&mut self, chain: usize, slot: usize) -> Option<Time> {
        self.settle(chain, slot);
        let before = match slot.checked_sub(1) {
            Some(previous) => self.get(Quantity::End(self.chains[chain].slots[previous].node))?,
            None => self.chain_start(chain)?,
        };
        let here = self.chains[chain].slots[slot].clone();
        let mut start = before;
        for gap in &here.gaps {
            start = start + offset(&gap.value.offset, self.rate);
        }
        if let Some(side) = here.before.filter(|side| side.shared) {
            start = start - self.transition_length(side.transition);
        }
        Some(start)
    }

    /// Computes the ends of the slots before `slot` from the first unknown one on, so that a long sequence is walked
    /// in a loop and not by recursion.
    fn settle(&mut self, chain: usize, slot: usize) {
        let first = (0..slot).rev().find(|i| {
            let node = self.chains[chain].slots[*i].node;
            self.states.contains_key(&Quantity::End(node))
        });
        for i in first.map_or(0, |i| i + 1)..slot {
            let node = self.chains[chain].slots[i].node;
            self.get(Quantity::End(node));
            if self.broken_off.is_some() {
                return;
            }
        }
    }

    fn chain_start(&mut self, chain: usize) -> Option<Time> {
        match self.chains[chain].owner {
            Some(node) => self.get(Quantity::Start(node)),
            None => Some(Time::ZERO),
        }
    }

    fn chain_end(&mut self, chain: usize) -> Option<Time> {
        self.settle(chain, self.chains[chain].slots.len());
        let mut end = match self.chains[chain].slots.last() {
            Some(slot) => self.get(Quantity::End(slot.node))?,
            None => self.chain_start(chain)?,
        };
        for gap in self.chains[chain].tail.clone() {
            end = end + offset(&gap.value.offset, self.rate);
        }
        Some(end)
    }

    fn end(&mut self, node: usize) -> Option<Time> {
        let timing = self.nodes[node].item.timing.clone();
        let until = match &timing.until {
            Some(point) => Some(self.point(point)?),
            None => None,
        };
        let lasting = match &timing.duration {
            Some(duration) if duration.value.base == TimeBase::Start => {
                let start = self.get(Quantity::Start(node))?;
                Some(start + offset(&duration.value.offset, self.rate))
            }
            Some(point) => Some(self.point(point)?),
            None => None,
        };
        if let (Some(a), Some(b), Some(until), Some(duration)) =
            (until, lasting, &timing.until, &timing.duration)
            && a != b
        {
            self.findings.push(
                Diagnostic::error(
                    codes::TIMES_DISAGREE,
                    duration.span,
                    format!("`at` ends at {a}, but `duration` ends at {b}"),
                )
                .also(until.span, format!("ends at {a}"))
                .help("leave one of the two out"),
            );
        }
        match until.or(lasting) {
            Some(end) => Some(end),
            None => self.natural_end(node),
        }
    }

    fn natural_end(&mut self, node: usize) -> Option<Time> {
        match self.nodes[node].natural {
            Natural::Known(length) => Some(self.get(Quantity::Start(node))? + length),
            Natural::ToTheEnd => self.get(Quantity::Length),
            Natural::Sequence(chain) => self.chain_end(chain),
            Natural::Unknown => {
                let span = self.nodes[node].item.span;
                self.findings.push(
                    Diagnostic::error(codes::LENGTH_UNKNOWN, span, "this item's length cannot be known")
                        .help("give it a `duration`"),
                );
                None
            }
        }
    }

    fn length(&mut self) -> Option<Time> {
        if let Some(chain) = self.timeline {
            return self.chain_end(chain);
        }
        let mut latest: Option<Time> = None;
        for node in 0..self.nodes.len() {
            if self.nodes[node].slot.is_none() && self.has_own_end(node) {
                let end = self.get(Quantity::End(node))?;
                latest = Some(latest.map_or(end, |l| l.max(end)));
            }
        }
        latest.or(self.given)
    }

    fn has_own_end(&self, node: usize) -> bool {
        let timing = &self.nodes[node].item.timing;
        let free = |point: &Option<Spanned<TimePoint>>| {
            point.as_ref().is_none_or(|p| !matches!(p.value.base, TimeBase::End | TimeBase::Share(_)))
        };
        let written = timing.duration.is_some() || timing.until.is_some();
        let natural = matches!(self.nodes[node].natural, Natural::Known(_) | Natural::Sequence(_));
        free(&timing.at) && free(&timing.duration) && free(&timing.until) && (written || natural)
    }

    /// A written time on the composition's clock.
    fn point(&mut self, point: &Spanned<TimePoint>) -> Option<Time> {
        let base = match &point.value.base {
            TimeBase::Start => Time::ZERO,
            TimeBase::End => self.get(Quantity::Length)?,
            TimeBase::Share(share) => self.get(Quantity::Length)?.times(*share),
            TimeBase::Anchor { path, edge } => self.anchor(path, *edge, point.span)?,
        };
        Some(base + offset(&point.value.offset, self.rate))
    }

    fn anchor(&mut self, path: &[String], edge: Edge, span: Span) -> Option<Time> {
        let node = path.first().and_then(|id| self.ids.get(id.as_str()).copied());
        let Some(node) = node else {
            self.unknown_anchor(path, span);
            return None;
        };
        if path.len() == 1 {
            return self.get(match edge {
                Edge::Start => Quantity::Start(node),
                Edge::End => Quantity::End(node),
            });
        }
        let Some(inner) = &self.nodes[node].inner else {
            self.waiting_anchor(path, span);
            return None;
        };
        let Some((start, end)) = inner.get(&path[1..]).copied() else {
            self.unknown_anchor(path, span);
            return None;
        };
        let instant = match if edge == Edge::Start { start } else { end } {
            Ok(instant) => instant,
            Err(reason) => {
                self.lost_anchor(path, edge, reason, span);
                return None;
            }
        };
        Some(self.get(Quantity::Start(node))? + instant)
    }

    fn lost_anchor(&mut self, path: &[String], edge: Edge, reason: NoInstant, span: Span) {
        if !self.reported.insert(span) {
            return;
        }
        let (message, help) = reason.told(path, edge);
        self.findings.push(Diagnostic::error(codes::NO_ONE_TIME, span, message).help(help));
    }

    fn waiting_anchor(&mut self, path: &[String], span: Span) {
        if !self.reported.insert(span) {
            return;
        }
        let group = path.first().map_or("", String::as_str);
        let message = format!("the times inside `{group}` are not known before its own");
        self.findings.push(
            Diagnostic::error(codes::UNKNOWN_ANCHOR, span, message)
                .label("nothing inside says how long it is")
                .help(format!("give `{group}` a length in seconds, such as `duration:5s`")),
        );
    }

    fn unknown_anchor(&mut self, path: &[String], span: Span) {
        if !self.reported.insert(span) {
            return;
        }
        let mut known: Vec<&str> = self.ids.keys().copied().collect();
        known.sort_unstable();
        let help = if known.is_empty() {
            "no item here has an `id`; give the one you mean `id:NAME`".to_owned()
        } else {
            format!("the ids here are {}", known.join(", "))
        };
        let message = format!("no item here has the id `{}`", path.join("."));
        self.findings.push(Diagnostic::error(codes::UNKNOWN_ANCHOR, span, message).help(help));
    }
}
