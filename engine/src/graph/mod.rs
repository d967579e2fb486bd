//! The graph: what one frame is.
//!
//! A timeline comes in; *spans* go out, in which the set of visible layers is constant, each with a DAG whose edges are
//! pictures. A layer that something opaque covers is not in it. The graph knows effects and transitions by name; it
//! knows no pixel format, no pass and no device.

mod dot;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vfxb_dsl::script::{Blend, Fit};

use crate::animate::{Extent, Track};
use crate::effect::registry;
use crate::media::SourceInfo;
use crate::timeline::{BoxSize, Composition, Content, EffectUse, Layer, Placement, Timeline};

pub(crate) use dot::describe;
pub use dot::to_dot;

/// Index of a node in its span.
pub type NodeId = usize;

/// What every frame of a composition is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    /// In order, without gaps, from the first frame to the last.
    pub spans: Vec<Span>,
    /// The graphs of the composition's groups, by layer.
    pub groups: BTreeMap<usize, Graph>,
}

impl Graph {
    /// The span that a frame is in.
    pub fn span(&self, frame: u64) -> Option<&Span> {
        let index = self.spans.partition_point(|span| span.frames.end <= frame);
        self.spans.get(index)
    }
}

/// Frames that are made in the same way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Which frames.
    pub frames: Range<u64>,
    /// Nodes, inputs before outputs.
    pub nodes: Vec<Node>,
    /// The node that is the frame.
    pub root: NodeId,
}

/// One picture, by layer and crossing of the composition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Node {
    /// The canvas with nothing on it.
    Background,
    /// What a layer shows with its effects, where it belongs on the canvas.
    Layer {
        /// The layer.
        layer: usize,
        /// Another fit than the layer's.
        fit: Option<Fit>,
        /// Blurred, as what fills the bars of `fit: blur`.
        blurred: bool,
    },
    /// From one placed picture to another; `None` is nothing at all.
    Transition {
        /// Outgoing.
        from: Option<NodeId>,
        /// Incoming.
        to: Option<NodeId>,
        /// Which crossing.
        crossing: usize,
    },
    /// A picture painted on another.
    Over {
        /// Beneath.
        base: NodeId,
        /// Painted.
        top: NodeId,
        /// The layer whose opacity and blend act; `None`: fully and normally.
        layer: Option<usize>,
    },
    /// A layer's effects on all beneath.
    Adjust {
        /// Beneath.
        base: NodeId,
        /// The layer.
        layer: usize,
    },
}

impl Node {
    /// The nodes whose pictures it takes.
    pub fn inputs(&self) -> Vec<NodeId> {
        match self {
            Node::Background | Node::Layer { .. } => Vec::new(),
            Node::Transition { from, to, .. } => from.iter().chain(to).copied().collect(),
            Node::Over { base, top, .. } => vec![*base, *top],
            Node::Adjust { base, .. } => vec![*base],
        }
    }
}

/// The graph of a timeline's film.
pub fn graph(timeline: &Timeline) -> Graph {
    composition_graph(&timeline.film, &timeline.sources)
}

fn composition_graph(composition: &Composition, sources: &[Arc<SourceInfo>]) -> Graph {
    let groups = composition
        .layers
        .iter()
        .enumerate()
        .filter_map(|(i, layer)| match &layer.content {
            Content::Group { composition, .. } => Some((i, composition_graph(composition, sources))),
            _ => None,
        })
        .collect();
    let opaque: Vec<bool> = composition.layers.iter().map(|layer| covers(layer, sources)).collect();
    Graph { spans: Builder { composition, opaque: &opaque }.spans(), groups }
}

struct Builder<'a> {
    composition: &'a Composition,
    opaque: &'a [bool],
}

/// A layer or crossing of the composition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    Layer(usize),
    Crossing(usize),
}

impl Builder<'_> {
    fn spans(&self) -> Vec<Span> {
        let mut changes: BTreeMap<u64, (Vec<Unit>, Vec<Unit>)> = BTreeMap::new();
        changes.entry(0).or_default();
        changes.entry(self.composition.frames).or_default();
        let layers = self.composition.layers.iter().enumerate().map(|(i, l)| (Unit::Layer(i), &l.frames));
        let crossings =
            self.composition.crossings.iter().enumerate().map(|(i, c)| (Unit::Crossing(i), &c.frames));
        for (unit, frames) in layers.chain(crossings).filter(|(_, frames)| !frames.is_empty()) {
            changes.entry(frames.start).or_default().0.push(unit);
            changes.entry(frames.end).or_default().1.push(unit);
        }
        let mut visible = BTreeSet::new();
        let mut spans = Vec::with_capacity(changes.len());
        let cuts: Vec<u64> = changes.keys().copied().collect();
        for ((start, (appear, vanish)), end) in changes.iter().zip(cuts.iter().skip(1)) {
            for unit in vanish {
                visible.remove(unit);
            }
            visible.extend(appear.iter().copied());
            spans.push(self.span(*start..*end, &visible));
        }
        spans
    }

    fn span(&self, frames: Range<u64>, visible: &BTreeSet<Unit>) -> Span {
        let mut units = self.units(visible);
        if let Some(top) = units.iter().rposition(|unit| self.covers(*unit)) {
            units.drain(..top);
        }
        let mut nodes = Vec::new();
        let mut base = None;
        if !units.first().is_some_and(|unit| self.covers(*unit)) {
            base = Some(push(&mut nodes, Node::Background));
        }
        for unit in units {
            base = self.paint(&mut nodes, base, unit);
        }
        let root = base.unwrap_or_else(|| push(&mut nodes, Node::Background));
        Span { frames, nodes, root }
    }

    /// What is painted, bottom first: a crossing stands where the upper of its two layers would.
    fn units(&self, visible: &BTreeSet<Unit>) -> Vec<Unit> {
        let mut units = BTreeMap::new();
        for unit in visible {
            match *unit {
                Unit::Layer(layer) => {
                    units.insert(layer, *unit);
                }
                Unit::Crossing(index) => {
                    let crossing = &self.composition.crossings[index];
                    for layer in [crossing.from, crossing.to].into_iter().flatten() {
                        units.remove(&layer);
                    }
                    if let Some(at) = crossing.to.or(crossing.from) {
                        units.insert(at, *unit);
                    }
                }
            }
        }
        units.into_values().collect()
    }

    fn covers(&self, unit: Unit) -> bool {
        match unit {
            Unit::Layer(layer) => self.opaque[layer],
            Unit::Crossing(index) => {
                let crossing = &self.composition.crossings[index];
                let side = |layer: Option<usize>| layer.is_some_and(|layer| self.opaque[layer]);
                side(crossing.from) && side(crossing.to) && keeps_opaque(&crossing.effect)
            }
        }
    }

    fn paint(&self, nodes: &mut Vec<Node>, base: Option<NodeId>, unit: Unit) -> Option<NodeId> {
        let (top, layer) = match unit {
            Unit::Layer(layer) if matches!(self.composition.layers[layer].content, Content::Adjust) => {
                return base.map(|base| push(nodes, Node::Adjust { base, layer }));
            }
            Unit::Layer(layer) => (self.placed(nodes, layer), Some(layer)),
            Unit::Crossing(index) => {
                let crossing = &self.composition.crossings[index];
                let from = crossing.from.map(|layer| self.placed(nodes, layer));
                let to = crossing.to.map(|layer| self.placed(nodes, layer));
                (push(nodes, Node::Transition { from, to, crossing: index }), None)
            }
        };
        Some(match base {
            Some(base) => push(nodes, Node::Over { base, top, layer }),
            None => top,
        })
    }

    fn placed(&self, nodes: &mut Vec<Node>, layer: usize) -> NodeId {
        if self.composition.layers[layer].placement.fit != Fit::Blur {
            return push(nodes, Node::Layer { layer, fit: None, blurred: false });
        }
        let base = push(nodes, Node::Layer { layer, fit: Some(Fit::Cover), blurred: true });
        let top = push(nodes, Node::Layer { layer, fit: Some(Fit::Contain), blurred: false });
        push(nodes, Node::Over { base, top, layer: None })
    }
}

fn push(nodes: &mut Vec<Node>, node: Node) -> NodeId {
    nodes.push(node);
    nodes.len() - 1
}

/// Whether a layer hides whatever is beneath it in every frame in which it is seen.
fn covers(layer: &Layer, sources: &[Arc<SourceInfo>]) -> bool {
    let opaque = match &layer.content {
        Content::Video { source, .. } | Content::Still { source } => {
            sources.get(*source).and_then(|s| s.video.as_ref()).is_some_and(|v| !v.format.alpha)
        }
        Content::Colour(colour) => colour.stays_within() && colour.values().iter().all(|c| c.a >= 1.0),
        Content::Group { composition, .. } => composition.background.a >= 1.0,
        Content::Text(_) | Content::Shape(_) | Content::Adjust => false,
    };
    opaque
        && layer.blend == Blend::Normal
        && layer.opacity.is_empty()
        && layer.frame.radius.is(&Extent::default())
        && layer.effects.iter().all(keeps_opaque)
        && fills(&layer.placement)
}

/// Whether an effect leaves what is opaque so.
pub(crate) fn keeps_opaque(effect: &EffectUse) -> bool {
    registry::effect(&effect.name).is_some_and(|effect| effect.keeps_opaque())
}

/// Whether a placement fills the canvas whatever its content's size.
fn fills(placement: &Placement) -> bool {
    let still = [Extent::default(); 2];
    matches!(placement.fit, Fit::Cover | Fit::Fill | Fit::Blur)
        && placement.frame == BoxSize::Canvas
        && placement.scale.is(&1.0)
        && placement.rotate.is(&0.0)
        && placement.zoom.stays_within()
        && placement.zoom.values().iter().all(|zoom| **zoom >= 1.0)
        && inside(&placement.zoom_origin)
        && placement.pan.is(&still)
        && placement.offset.is(&still)
        && placement.position.is(&placement.anchor)
}

/// Zooming in about a point of the box leaves no bare edge.
fn inside(origin: &Track<[Extent; 2]>) -> bool {
    let within = |e: &Extent| e.pixels == 0.0 && (0.0..=1.0).contains(&e.share);
    origin.stays_within() && origin.values().iter().all(|point| point.iter().all(within))
}
