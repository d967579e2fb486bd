//! A graph as Graphviz text, for `vfxb plan --dot`.

use std::fmt::Write as _;

use vfxb_dsl::script::Blend;

use super::{Graph, Node};
use crate::timeline::{Composition, Content, Layer};

/// Every span as a cluster, its nodes labelled with what they do.
pub fn to_dot(graph: &Graph, composition: &Composition) -> String {
    let mut out =
        String::from("digraph film {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n");
    for (number, span) in graph.spans.iter().enumerate() {
        // Writing to a `String` cannot fail.
        let _ = writeln!(out, "  subgraph cluster_{number} {{");
        let _ = writeln!(out, "    label=\"frames {} to {}\";", span.frames.start, span.frames.end);
        for (id, node) in span.nodes.iter().enumerate() {
            let label = describe(node, composition).replace('\\', "\\\\").replace('"', "\\\"");
            let bold = if id == span.root { ", style=bold" } else { "" };
            let _ = writeln!(out, "    n{number}_{id} [label=\"{label}\"{bold}];");
            for input in node.inputs() {
                let _ = writeln!(out, "    n{number}_{input} -> n{number}_{id};");
            }
        }
        out.push_str("  }\n");
    }
    out.push_str("}\n");
    out
}

/// What a node does, in a few words.
pub(crate) fn describe(node: &Node, composition: &Composition) -> String {
    match node {
        Node::Background => "background".into(),
        Node::Layer { layer, fit, blurred } => {
            let layer = &composition.layers[*layer];
            let kind = match &layer.content {
                Content::Video { source, .. } => format!("video {source}"),
                Content::Still { source } => format!("image {source}"),
                Content::Colour(_) => "color".into(),
                Content::Text(_) => "text".into(),
                Content::Shape(_) => "shape".into(),
                Content::Group { .. } => "group".into(),
                Content::Adjust => "adjust".into(),
            };
            let fit = format!("{:?}", fit.unwrap_or(layer.placement.fit)).to_lowercase();
            let blurred = if *blurred { " | blurred backdrop" } else { "" };
            format!("{kind}{}{blurred}, fit {fit}", effects(layer))
        }
        Node::Transition { crossing, .. } => composition.crossings[*crossing].effect.name.clone(),
        Node::Over { layer, .. } => match layer.map(|layer| composition.layers[layer].blend) {
            None | Some(Blend::Normal) => "over".into(),
            Some(blend) => format!("blend {}", format!("{blend:?}").to_lowercase()),
        },
        Node::Adjust { layer, .. } => format!("adjust{}", effects(&composition.layers[*layer])),
    }
}

fn effects(layer: &Layer) -> String {
    layer.effects.iter().map(|effect| format!(" | {}", effect.name)).collect()
}
