//! Ids and anchors: each id once in its film, each anchor to an id that is there, and no circles.
//!
//! Ids belong to one film: the script, or a group. Which times depend on which is known before any is resolved, so
//! that a circle is found here with the places of all its parts.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::script::{Item, ItemKind, Script, Sequence, SequenceEntry};
use crate::source::{Span, Spanned};
use crate::value::{Edge, TimeBase, TimePoint};

use super::{Lowering, closest};

/// One film: its sequences, and what is placed.
struct Film<'s> {
    timeline: Option<&'s Sequence>,
    placed: Vec<&'s Item>,
}

impl Film<'_> {
    fn of_script(script: &Script) -> Film<'_> {
        let placed = script.overlays.iter().chain(&script.audio).collect();
        Film { timeline: script.timeline.as_ref(), placed }
    }

    fn of_group(kind: &ItemKind) -> Option<Film<'_>> {
        match kind {
            ItemKind::Group { timeline, overlays, audio, .. } => {
                Some(Film { timeline: timeline.as_ref(), placed: overlays.iter().chain(audio).collect() })
            }
            _ => None,
        }
    }
}

/// An item of a film and what stands before it in its sequence, by index.
struct Entry<'s> {
    item: &'s Item,
    before: Option<usize>,
    in_timeline: bool,
    /// The track that holds it.
    track: Option<usize>,
}

/// All items of a film, those in its tracks too, but not those inside groups.
fn entries<'s>(film: &Film<'s>) -> (Vec<Entry<'s>>, Option<usize>) {
    let mut all = Vec::new();
    let last = film.timeline.and_then(|timeline| sequence_entries(timeline, true, None, &mut all));
    for item in &film.placed {
        all.push(Entry { item, before: None, in_timeline: false, track: None });
        if let ItemKind::Track(sequence) = &item.kind {
            let track = all.len() - 1;
            sequence_entries(sequence, false, Some(track), &mut all);
        }
    }
    (all, last)
}

/// Appends a sequence's items; gives the index of its last.
fn sequence_entries<'s>(
    sequence: &'s Sequence,
    in_timeline: bool,
    track: Option<usize>,
    all: &mut Vec<Entry<'s>>,
) -> Option<usize> {
    let mut before = None;
    for entry in &sequence.entries {
        if let SequenceEntry::Item(item) = entry {
            all.push(Entry { item, before, in_timeline, track });
            before = Some(all.len() - 1);
        }
    }
    before
}

/// An instant that another may depend on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Instant {
    Start(usize),
    End(usize),
    /// Where the film ends.
    Film,
}

/// What an instant depends on, and where that was written.
type Dependencies = BTreeMap<Instant, Vec<(Instant, Span)>>;

impl Lowering<'_> {
    /// Checks every film of a script.
    pub(super) fn check_ids(&self, script: &Script) {
        self.check_film(&Film::of_script(script));
        let (all, _) = entries(&Film::of_script(script));
        let ids = named(&all);
        for output in &script.outputs {
            let times = output.at.iter().map(|t| (&t.value, t.span));
            let range = output.range.iter();
            let ends = range.flat_map(|r| r.value.from.iter().chain(&r.value.to).map(move |t| (t, r.span)));
            times.chain(ends).for_each(|(time, span)| {
                self.resolve(time, span, &ids);
            });
        }
    }

    fn check_film(&self, film: &Film<'_>) {
        let (all, last) = entries(film);
        let ids = named(&all);
        for entry in &all {
            if let Some(id) = &entry.item.id
                && let Some(first) = ids.get(id.value.as_str())
                && !std::ptr::eq(first.item, entry.item)
            {
                let place = first.item.id.as_ref().map_or(first.item.span, |id| id.span);
                self.report(
                    Diagnostic::error(
                        codes::DUPLICATE_ID,
                        id.span,
                        format!("two items have the id `{}`", id.value),
                    )
                    .also(place, "the first is here")
                    .help("give one of them another id"),
                );
            }
            if let Some(inner) = Film::of_group(&entry.item.kind) {
                self.check_film(&inner);
            }
        }
        let dependencies = self.dependencies(&all, last, &ids);
        self.check_circles(&all, &dependencies);
    }

    /// What every start and end of a film depends on; unknown anchors are reported on the way.
    fn dependencies(
        &self,
        all: &[Entry<'_>],
        last: Option<usize>,
        ids: &BTreeMap<&str, Named<'_>>,
    ) -> Dependencies {
        let mut graph = Dependencies::new();
        if let Some(last) = last {
            let span = all.get(last).map_or(Span::default(), |e| e.item.span);
            graph.insert(Instant::Film, vec![(Instant::End(last), span)]);
        }
        for (index, entry) in all.iter().enumerate() {
            let timing = &entry.item.timing;
            let mut start = Vec::new();
            let mut end = Vec::new();
            let depend = |on: &mut Vec<(Instant, Span)>, time: &Option<Spanned<TimePoint>>| {
                if let Some(time) = time {
                    on.extend(self.resolve(&time.value, time.span, ids).map(|i| (i, time.span)));
                }
            };
            depend(&mut start, &timing.at);
            start.extend(entry.before.map(|i| (Instant::End(i), entry.item.span)));
            start.extend(
                entry.track.filter(|_| entry.before.is_none()).map(|i| (Instant::Start(i), entry.item.span)),
            );
            depend(&mut end, &timing.duration);
            depend(&mut end, &timing.until);
            let lasts = timing.duration.as_ref().is_none_or(|d| d.value.base == TimeBase::Start);
            if timing.until.is_none() && lasts {
                end.push((Instant::Start(index), entry.item.span));
            }
            let still = matches!(
                entry.item.kind,
                ItemKind::Image { .. }
                    | ItemKind::Colour(_)
                    | ItemKind::Text(_)
                    | ItemKind::Shape(_)
                    | ItemKind::Adjust
            );
            if still
                && timing.duration.is_none()
                && timing.until.is_none()
                && entry.before.is_none()
                && entry.track.is_none()
                && !entry.in_timeline
            {
                end.push((Instant::Film, entry.item.span));
            }
            if let ItemKind::Track(_) = entry.item.kind {
                // They follow their track.
                let members =
                    all.iter().enumerate().skip(index + 1).take_while(|(_, e)| e.track == Some(index));
                end.extend(members.map(|(i, e)| (Instant::End(i), e.item.span)));
            }
            graph.insert(Instant::Start(index), start);
            graph.insert(Instant::End(index), end);
        }
        graph
    }

    /// The instant of this film that a time depends on; an anchor to nothing is reported.
    fn resolve(&self, time: &TimePoint, span: Span, ids: &BTreeMap<&str, Named<'_>>) -> Option<Instant> {
        let (path, edge) = match &time.base {
            TimeBase::Start => return None,
            TimeBase::End | TimeBase::Share(_) => return Some(Instant::Film),
            TimeBase::Anchor { path, edge } => (path, *edge),
        };
        let (first, rest) = path.split_first()?;
        let Some(outer) = ids.get(first.as_str()) else {
            self.unknown_id(first, span, ids.keys().copied());
            return None;
        };
        let mut group = outer;
        for id in rest {
            let Some(film) = Film::of_group(&group.item.kind) else {
                let message = format!("`{first}` is no group: nothing in it has an id of its own");
                self.report(Diagnostic::error(codes::UNKNOWN_ID, span, message));
                return None;
            };
            let inner = group.inner.get_or_init(|| named(&entries(&film).0));
            let Some(found) = inner.get(id.as_str()) else {
                self.unknown_id(id, span, inner.keys().copied());
                return None;
            };
            group = found;
        }
        // What is inside a group moves with the group's start.
        let inside = !rest.is_empty();
        Some(if inside || edge == Edge::Start {
            Instant::Start(outer.index)
        } else {
            Instant::End(outer.index)
        })
    }

    fn unknown_id<'w>(&self, id: &str, span: Span, known: impl Iterator<Item = &'w str>) {
        if self.findings.is_full() {
            return self.report(Diagnostic::error(codes::UNKNOWN_ID, span, "unknown id"));
        }
        let finding = Diagnostic::error(codes::UNKNOWN_ID, span, format!("no item has the id `{id}`"));
        self.report(match closest(id, known) {
            Some(word) => finding.help(format!("did you mean `{word}`?")),
            None => finding.help(format!("give an item of the same film `id:{id}`")),
        });
    }

    /// Reports each circle once.
    fn check_circles(&self, all: &[Entry<'_>], graph: &Dependencies) {
        let mut done: BTreeMap<Instant, bool> = BTreeMap::new();
        for root in graph.keys() {
            // Depth first, with the way kept by hand: films may hold 10^5 items, and stacks do not.
            let mut way: Vec<(Instant, usize)> = vec![(*root, 0)];
            if done.contains_key(root) {
                continue;
            }
            done.insert(*root, false);
            while let Some((at, next)) = way.last_mut() {
                let edge = graph.get(at).and_then(|edges| edges.get(*next));
                *next += 1;
                match edge {
                    None => {
                        done.insert(*at, true);
                        way.pop();
                    }
                    Some((to, _)) => match done.get(to) {
                        Some(true) => {}
                        Some(false) => {
                            let from = way.iter().position(|(i, _)| i == to).unwrap_or(0);
                            self.circle(all, graph, way.get(from..).unwrap_or_default());
                        }
                        None => {
                            done.insert(*to, false);
                            way.push((*to, 0));
                        }
                    },
                }
            }
        }
    }

    fn circle(&self, all: &[Entry<'_>], graph: &Dependencies, way: &[(Instant, usize)]) {
        if self.findings.is_full() {
            return self.report(Diagnostic::error(
                codes::ANCHOR_CYCLE,
                Span::default(),
                "times depend on each other",
            ));
        }
        let name = |instant: Instant| match instant {
            Instant::Film => "the film's end".to_string(),
            Instant::Start(i) | Instant::End(i) => {
                let edge = if matches!(instant, Instant::Start(_)) { "start" } else { "end" };
                match all.get(i).and_then(|e| e.item.id.as_ref()) {
                    Some(id) => format!("@{}.{edge}", id.value),
                    None => format!("the {edge} of an item without id"),
                }
            }
        };
        // Only what was written as an anchor or a point is worth showing; the rest follows from it.
        let place = |(at, next): &(Instant, usize)| {
            graph.get(at).and_then(|edges| edges.get(next - 1)).map(|(_, span)| *span)
        };
        let mut names: Vec<_> = way.iter().map(|(i, _)| name(*i)).collect();
        names.extend(names.first().cloned());
        let mut spans: Vec<_> = way.iter().filter_map(place).collect();
        let items: Vec<_> = all.iter().map(|e| e.item.span).collect();
        spans.retain(|s| !items.contains(s));
        spans.sort();
        spans.dedup();
        let message = format!("times depend on each other: {}", names.join(" → "));
        let Some((first, rest)) = spans.split_first() else {
            let span = way.iter().find_map(place).unwrap_or_default();
            return self.report(Diagnostic::error(codes::ANCHOR_CYCLE, span, message));
        };
        let finding = Diagnostic::error(codes::ANCHOR_CYCLE, *first, message)
            .help("give one of them a time that does not depend on the others");
        self.report(rest.iter().take(8).fold(finding, |f, span| f.also(*span, "and this")));
    }
}

/// An item with an id, and its index in its film.
struct Named<'s> {
    item: &'s Item,
    index: usize,
    /// What has an id in it if it is a group: looked up once, however many anchors go there.
    inner: OnceCell<BTreeMap<&'s str, Named<'s>>>,
}

/// The items of a film by id; of two with one id the first.
fn named<'s>(all: &[Entry<'s>]) -> BTreeMap<&'s str, Named<'s>> {
    let mut ids = BTreeMap::new();
    for (index, entry) in all.iter().enumerate() {
        if let Some(id) = &entry.item.id {
            ids.entry(id.value.as_str()).or_insert(Named { item: entry.item, index, inner: OnceCell::new() });
        }
    }
    ids
}
