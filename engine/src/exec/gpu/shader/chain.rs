//! A pass's operations as a WGSL function over one pixel.
//!
//! The stack machine is unrolled: each depth of the stack is a variable. The functions of steps and combinations are
//! written once each, however often they are used.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::line;
use crate::effect::step::{Combine, Step};
use crate::exec::job::{LoadUniforms, Op, PLACE_UNIFORMS};

/// An operation that takes part.
#[derive(Clone)]
pub(in crate::exec::gpu) struct LiveOp<'a> {
    pub(in crate::exec::gpu) op: &'a Op,
    /// Where its uniforms start.
    pub(in crate::exec::gpu) uniforms: usize,
    /// For a load: it covers the output exactly.
    pub(in crate::exec::gpu) whole: bool,
    /// For a load: the number of live operations after which the picture beneath is as it was, if it may be skipped.
    pub(in crate::exec::gpu) end: Option<usize>,
}

/// Equal keys mean equal text.
pub(in crate::exec::gpu) fn key(ops: &[LiveOp<'_>]) -> String {
    let mut key = String::new();
    for live in ops {
        let part = match live.op {
            Op::Load { input, .. } => format!("load {input} {} {:?}", live.whole, live.end),
            Op::Fill => "fill".to_owned(),
            Op::Duplicate => "duplicate".to_owned(),
            Op::Affine { .. } => "affine".to_owned(),
            Op::Premultiply => "premultiply".to_owned(),
            Op::Unpremultiply => "unpremultiply".to_owned(),
            Op::Step(step) => format!("step {}", step.key()),
            Op::Combine(combine) => format!("combine {}", combine.key()),
        };
        line!(key, "{part} {}", live.uniforms);
    }
    key
}

/// The functions, `chain` last. `whole` are the inputs that come as arguments. With a `base` the chain also tells how
/// much of the pixel's colour is that input's: a fifth number that goes along with the four.
pub(in crate::exec::gpu) fn functions(ops: &[LiveOp<'_>], whole: &[usize], base: Option<usize>) -> String {
    let mut named = Named::default();
    let mut body = String::new();
    let mut depth = 0usize;
    let mut ends: Vec<usize> = Vec::new();
    let mut deepest = 0;
    for (index, live) in ops.iter().enumerate() {
        while ends.last() == Some(&index) {
            ends.pop();
            line!(body, "}}");
        }
        if let Some(end) = live.end {
            line!(body, "if (inside(x, y, {}u)) {{", live.uniforms);
            ends.push(end);
        }
        if let Some(base) = base {
            share(&mut body, &mut named, live, depth, base);
        }
        depth = operation(&mut body, &mut named, live, depth);
        deepest = deepest.max(depth);
    }
    ends.iter().for_each(|_| line!(body, "}}"));
    let mut out = named.text;
    let mut arguments: String = whole.iter().map(|i| format!(", v{i}: vec4<f32>")).collect();
    if base.is_some() {
        arguments.push_str(", share: ptr<function, f32>");
    }
    line!(out, "fn chain(x: i32, y: i32{arguments}) -> vec4<f32> {{");
    for d in 0..deepest.max(1) {
        line!(out, "var s{d} = vec4<f32>(0.0);");
        if base.is_some() {
            line!(out, "var k{d} = 0.0;");
        }
    }
    out.push_str(&body);
    if base.is_some() {
        line!(out, "*share = k0;");
    }
    line!(out, "return s0;\n}}");
    out
}

/// Functions by key.
#[derive(Default)]
struct Named {
    names: BTreeMap<String, String>,
    text: String,
}

impl Named {
    fn step(&mut self, step: &Arc<dyn Step>) -> String {
        self.name(format!("step {}", step.key()), |name| step.wgsl(name))
    }

    fn combine(&mut self, combine: &Arc<dyn Combine>) -> String {
        self.name(format!("combine {}", combine.key()), |name| combine.wgsl(name))
    }

    fn share(&mut self, combine: &Arc<dyn Combine>) -> String {
        self.name(format!("share {}", combine.key()), |name| combine.share_wgsl(name))
    }

    fn name(&mut self, key: String, write: impl FnOnce(&str) -> String) -> String {
        let next = format!("f{}", self.names.len());
        let text = &mut self.text;
        self.names
            .entry(key)
            .or_insert_with(|| {
                line!(text, "{}", write(&next));
                next
            })
            .clone()
    }
}

/// Where a step's picture lies, whose uniforms start at `u`.
fn place(u: usize) -> String {
    format!(
        "vec4<f32>(f32(x) - number({u}), f32(y) - number({}), number({}), number({}))",
        u + 1,
        u + 2,
        u + 3
    )
}

/// Writes what becomes of the base's share, before the operation itself.
fn share(body: &mut String, named: &mut Named, live: &LiveOp<'_>, depth: usize, base: usize) {
    let (u, top) = (live.uniforms, depth.saturating_sub(1));
    match live.op {
        Op::Load { input, .. } => {
            let whole = live.whole && *input == base;
            line!(body, "k{depth} = {};", if whole { "1.0" } else { "0.0" });
        }
        Op::Fill => line!(body, "k{depth} = 0.0;"),
        Op::Duplicate => line!(body, "k{depth} = k{top};"),
        Op::Premultiply => line!(body, "k{top} *= s{top}.w;"),
        Op::Unpremultiply => {
            line!(
                body,
                "k{top} = select(0.0, k{top} / select(1.0, s{top}.w, s{top}.w != 0.0), s{top}.w != 0.0);"
            );
        }
        Op::Combine(combine) => {
            let name = named.share(combine);
            let below = depth.saturating_sub(2);
            let own = u + PLACE_UNIFORMS;
            line!(
                body,
                "k{below} = {name}({own}u, {}, s{below}, s{top}, vec2<f32>(k{below}, k{top}));",
                place(u)
            );
        }
        Op::Affine { .. } | Op::Step(_) => {}
    }
}

/// Writes one operation; gives the stack's new depth.
fn operation(body: &mut String, named: &mut Named, live: &LiveOp<'_>, depth: usize) -> usize {
    let (u, top) = (live.uniforms, depth.saturating_sub(1));
    match live.op {
        Op::Load { input, .. } => {
            let value = if live.whole { format!("v{input}") } else { format!("load{input}(x, y, {u}u)") };
            line!(body, "s{depth} = {value};");
            return depth + 1;
        }
        Op::Fill => {
            line!(
                body,
                "s{depth} = vec4<f32>(number({u}), number({}), number({}), number({}));",
                u + 1,
                u + 2,
                u + 3
            );
            return depth + 1;
        }
        Op::Duplicate => {
            line!(body, "s{depth} = s{top};");
            return depth + 1;
        }
        Op::Affine { .. } => {
            let row = |r: usize| {
                let at = u + r * 4;
                format!(
                    "number({at}) * s{top}.x + number({}) * s{top}.y + number({}) * s{top}.z + number({})",
                    at + 1,
                    at + 2,
                    at + 3
                )
            };
            line!(body, "s{top} = vec4<f32>({}, {}, {}, s{top}.w);", row(0), row(1), row(2));
        }
        Op::Premultiply => line!(body, "s{top} = vec4<f32>(s{top}.xyz * s{top}.w, s{top}.w);"),
        Op::Unpremultiply => {
            let divided = format!("s{top}.xyz / select(1.0, s{top}.w, s{top}.w != 0.0)");
            line!(body, "s{top} = vec4<f32>(select(vec3<f32>(0.0), {divided}, s{top}.w != 0.0), s{top}.w);");
        }
        Op::Step(step) => {
            let name = named.step(step);
            line!(body, "s{top} = {name}({}u, {}, s{top});", u + PLACE_UNIFORMS, place(u));
        }
        Op::Combine(combine) => {
            let name = named.combine(combine);
            let below = depth.saturating_sub(2);
            line!(body, "s{below} = {name}({}u, {}, s{below}, s{top});", u + PLACE_UNIFORMS, place(u));
            return depth.saturating_sub(1).max(1);
        }
    }
    depth
}

/// What a load's uniforms say.
pub(in crate::exec::gpu) fn unpack(uniforms: &[f32]) -> Option<LoadUniforms> {
    let [x, y, x0, y0, x1, y1] =
        *uniforms.first_chunk::<{ LoadUniforms::LEN }>()?.map(|v| v as i32).as_slice()
    else {
        return None;
    };
    Some(LoadUniforms { x, y, touch: [x0, y0, x1, y1] })
}
