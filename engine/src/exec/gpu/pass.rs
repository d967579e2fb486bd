//! The host side of a pass: which of its operations reach which part of the frame, and the dispatches that follow.
//!
//! A picture that covers only a part (a title, a logo) should cost only that part. The frame is cut along the
//! rectangles of the loads that may be skipped, in whole blocks; each part runs the shader of just the operations that
//! reach it. Parts where nothing is left but conversions there and back are copied as they are, and a frame that is
//! nothing but such parts is handed on.

use super::device::Access;
use super::layout::Layout;
use super::shader::chain::{self, LiveOp, unpack};
use super::shader::{Block, Program, Shape, Source, Store};
use crate::exec::ExecError;
use crate::exec::job::{LoadUniforms, Op, PassJob};
use crate::picture::PictureSpec;

/// More parts or different shaders than this are not worth it.
const MOST_PARTS: usize = 24;
const MOST_VARIANTS: usize = 6;

/// Blocks: first and end column, first and end row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) x: [i32; 2],
    pub(super) y: [i32; 2],
}

/// A part of the frame and the operations that reach it.
pub(super) struct Part<'a> {
    pub(super) region: Region,
    pub(super) ops: Vec<LiveOp<'a>>,
}

/// A pass made ready.
pub(super) struct Prepared<'a> {
    pub(super) parts: Vec<Part<'a>>,
    /// The input whose planes are the output outside the parts.
    pub(super) copied: Option<usize>,
    /// The job's numbers, rectangles cut to both pictures.
    pub(super) uniforms: Vec<f32>,
    /// Whether those are more than a uniform buffer holds.
    pub(super) many: bool,
    job: &'a PassJob,
    sources: Vec<Source>,
    block: Block,
    shape: Shape,
}

/// One operation with what its uniforms say.
struct Known<'a> {
    op: &'a Op,
    uniforms: usize,
    load: Option<LoadUniforms>,
    whole: bool,
    skip_to: Option<usize>,
}

fn broken(what: &str) -> ExecError {
    ExecError::Unavailable(format!("the pass is inconsistent: {what}"))
}

impl<'a> Prepared<'a> {
    /// `specs` are the pass's inputs.
    pub(super) fn new(
        job: &'a PassJob,
        specs: &[PictureSpec],
        shape: Shape,
        limits: &wgpu::Limits,
    ) -> Result<Self, ExecError> {
        let structure = &job.structure;
        if specs.len() != structure.inputs.len() || structure.siting.len() != specs.len() + 1 {
            return Err(broken("its inputs do not match its structure"));
        }
        let formats = structure.inputs.iter().chain([&structure.output]);
        if formats.clone().any(|f| f.log2_x > 2 || f.log2_y > 2) {
            return Err(ExecError::Unavailable("chroma of less than a quarter is not supported".to_owned()));
        }
        if job.spec.format != structure.output || !specs.iter().map(|s| &s.format).eq(structure.inputs.iter())
        {
            return Err(broken("a picture's format is not the pass's"));
        }
        let siting = structure.siting.last().copied().unwrap_or_default();
        let same_size = |s: &&PictureSpec| (s.width, s.height) == (job.spec.width, job.spec.height);
        let formats: Vec<_> = specs.iter().filter(same_size).map(|s| s.format).collect();
        let block = Block::new(structure.output, siting, &formats);
        let known = know(job, specs, &block)?;
        let sources = structure.inputs.iter().zip(&structure.siting).map(|(format, siting)| Source {
            format: *format,
            siting: *siting,
            whole: false,
            placed: false,
        });
        let base = structure.difference.map(|input| specs.get(input));
        if let Some(base) = base
            && !base.is_some_and(|s| same_size(&s) && s.format == structure.output)
        {
            return Err(broken("the difference is of another format"));
        }
        let mut prepared = Prepared {
            parts: Vec::new(),
            copied: None,
            uniforms: cut_uniforms(job, &known),
            many: job.uniforms.len() as u64 * 4 + 16 > limits.max_uniform_buffer_binding_size,
            job,
            sources: sources.collect(),
            block,
            shape,
        };
        prepared.cut(&known, specs);
        Ok(prepared)
    }

    fn whole_region(&self) -> Region {
        let blocks = |n: u32, size: i32| (n as i32 + size - 1) / size;
        Region {
            x: [0, blocks(self.job.spec.width, self.block.width)],
            y: [0, blocks(self.job.spec.height, self.shape.rows as i32)],
        }
    }

    /// The blocks that a rectangle of the output changes, the tent's reach included.
    fn reached(&self, touch: [i32; 4]) -> Region {
        let [x0, y0, x1, y1] = touch;
        let all = self.whole_region();
        let (width, rows) = (self.block.width, self.shape.rows as i32);
        let hold = |n: i32, [low, high]: [i32; 2]| n.clamp(low, high);
        let up = |n: i32, size: i32| (n + size - 1).div_euclid(size);
        Region {
            x: [
                hold((x0 - self.block.x.after()).div_euclid(width), all.x),
                hold(up(x1 + self.block.x.before(), width), all.x),
            ],
            y: [
                hold((y0 - self.block.y.after()).div_euclid(rows), all.y),
                hold(up(y1 + self.block.y.before(), rows), all.y),
            ],
        }
    }

    fn cut(&mut self, known: &[Known<'a>], specs: &[PictureSpec]) {
        let skips: Vec<(usize, Region)> = known
            .iter()
            .enumerate()
            .filter(|(_, k)| k.skip_to.is_some())
            .filter_map(|(i, k)| {
                let touch = k.load?.touch;
                let empty = touch[0] >= touch[2] || touch[1] >= touch[3];
                let none = Region { x: [0, 0], y: [0, 0] };
                Some((i, if empty { none } else { self.reached(touch) }))
            })
            .collect();
        let mut cells = grid(self.whole_region(), &skips);
        let mut sets: Vec<_> = cells.iter().map(|(_, live)| live.clone()).collect();
        sets.sort();
        sets.dedup();
        if cells.len() > MOST_PARTS || sets.len() > MOST_VARIANTS {
            let live = skips.iter().map(|(_, r)| r.x[0] < r.x[1] && r.y[0] < r.y[1]).collect();
            cells = vec![(self.whole_region(), live)];
        }
        for (region, live) in cells {
            let dropped: Vec<usize> =
                skips.iter().zip(&live).filter(|(_, live)| !**live).map(|((i, _), _)| *i).collect();
            let ops = remaining(known, &dropped);
            match self.untouched(&ops, specs) {
                Some(input) => self.copied = Some(input),
                None => self.parts.push(Part { region, ops }),
            }
        }
    }

    /// The input that these operations leave as it is.
    fn untouched(&self, ops: &[LiveOp<'_>], specs: &[PictureSpec]) -> Option<usize> {
        let input = self.job.structure.difference?;
        let spec = specs.get(input)?;
        let (first, rest) = ops.split_first()?;
        let loads = matches!(first.op, Op::Load { input: loaded, .. } if *loaded == input) && first.whole;
        let passive = rest.iter().all(|live| match live.op {
            Op::Affine { conversion } => *conversion,
            Op::Premultiply | Op::Unpremultiply => true,
            _ => false,
        });
        let alike = |s: &PictureSpec| (s.format, s.width, s.height);
        (loads && passive && alike(spec) == alike(&self.job.spec)).then_some(input)
    }

    /// The program of a part.
    pub(super) fn program(&self, part: &Part<'_>) -> Program {
        let sources = self.sources_of(part);
        let whole: Vec<usize> = (0..sources.len()).filter(|i| sources[*i].whole).collect();
        let structure = &self.job.structure;
        let store = self.store(part);
        let base = if let Store::Share(input) = store { Some(input) } else { None };
        Program {
            functions: chain::functions(&part.ops, &whole, base),
            sources,
            output: structure.output,
            store,
            dither: structure.dither,
            numbers: self.uniforms.len(),
            many: self.many,
            edges: self.block.edges(self.job.spec.width, self.job.spec.height),
            block: self.block.clone(),
            shape: self.shape,
        }
    }

    /// How a part's chroma is stored.
    fn store(&self, part: &Part<'_>) -> Store {
        let Some(base) = self.job.structure.difference else { return Store::Plain };
        let divides = |live: &LiveOp<'_>| matches!(live.op, Op::Combine(_) | Op::Premultiply);
        let subsampled = self.block.x.step > 1 || self.block.y.step > 1;
        if subsampled && part.ops.iter().any(divides) { Store::Share(base) } else { Store::Difference(base) }
    }

    /// What the program's text depends on, without writing it.
    pub(super) fn key(&self, part: &Part<'_>) -> String {
        let structure = &self.job.structure;
        let edges = self.block.edges(self.job.spec.width, self.job.spec.height);
        format!(
            "{:?} {:?} {:?} {:?} {} {edges:?} {:?} {} {}\n{}",
            structure.output,
            structure.siting,
            self.sources_of(part),
            structure.difference,
            structure.dither,
            self.block,
            self.uniforms.len(),
            self.many,
            chain::key(&part.ops)
        )
    }

    /// The inputs as this part uses them.
    pub(super) fn sources_of(&self, part: &Part<'_>) -> Vec<Source> {
        let mut sources = self.sources.clone();
        for live in &part.ops {
            if let Op::Load { input, .. } = live.op
                && let Some(source) = sources.get_mut(*input)
            {
                source.whole |= live.whole;
                source.placed |= !live.whole;
            }
        }
        let subsampled = self.block.x.step > 1 || self.block.y.step > 1;
        if let Some(source) = self.job.structure.difference.and_then(|input| sources.get_mut(input)) {
            source.whole |= subsampled;
        }
        sources
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }
}

/// Reads the loads' uniforms; rectangles are cut to both pictures.
fn know<'a>(job: &'a PassJob, specs: &[PictureSpec], block: &Block) -> Result<Vec<Known<'a>>, ExecError> {
    let (width, height) = (job.spec.width as i32, job.spec.height as i32);
    let mut at = 0;
    let mut known = Vec::with_capacity(job.structure.ops.len());
    for op in &job.structure.ops {
        let (mut load, mut whole, mut skip_to) = (None, false, None);
        if let Op::Load { input, skip_to: skip } = op {
            let spec = specs.get(*input).ok_or_else(|| broken("it loads an input that it does not have"))?;
            let mut numbers =
                job.uniforms.get(at..).and_then(unpack).ok_or_else(|| broken("uniforms are missing"))?;
            let (x, y) = (numbers.x, numbers.y);
            let (right, bottom) = (x.saturating_add(spec.width as i32), y.saturating_add(spec.height as i32));
            let [x0, y0, x1, y1] = numbers.touch;
            numbers.touch =
                [x0.max(x).max(0), y0.max(y).max(0), x1.min(right).min(width), y1.min(bottom).min(height)];
            let aligned = (x, y) == (0, 0) && (spec.width as i32, spec.height as i32) == (width, height);
            whole = aligned && numbers.touch == [0, 0, width, height] && block.suits(spec.format);
            (load, skip_to) = (Some(numbers), *skip);
        }
        known.push(Known { op, uniforms: at, load, whole, skip_to });
        at += op.uniforms();
    }
    if at > job.uniforms.len() {
        return Err(broken("uniforms are missing"));
    }
    check_stack(&known)?;
    Ok(known)
}

fn cut_uniforms(job: &PassJob, known: &[Known<'_>]) -> Vec<f32> {
    let mut uniforms = job.uniforms.clone();
    for k in known {
        if let (Some(load), Some(place)) = (k.load, uniforms.get_mut(k.uniforms..)) {
            place.iter_mut().zip(load.pack()).for_each(|(u, number)| *u = number);
        }
    }
    uniforms
}

/// That no operation lacks an operand and exactly one pixel remains, whatever is skipped.
fn check_stack(known: &[Known<'_>]) -> Result<(), ExecError> {
    let mut heights = vec![0usize];
    for k in known {
        let height = heights.last().copied().unwrap_or(0);
        let (needs, next) = match k.op {
            Op::Load { .. } | Op::Fill => (0, height + 1),
            Op::Duplicate => (1, height + 1),
            Op::Combine(_) => (2, height.saturating_sub(1)),
            Op::Affine { .. } | Op::Premultiply | Op::Unpremultiply | Op::Step(_) => (1, height),
        };
        if height < needs {
            return Err(broken("an operation lacks an operand"));
        }
        heights.push(next);
    }
    let uneven = |(at, k): (usize, &Known<'_>)| {
        k.skip_to.is_some_and(|next| next <= at || heights.get(next) != heights.get(at))
    };
    if known.iter().enumerate().any(uneven) {
        return Err(broken("a skipped layer leaves the stack uneven"));
    }
    if heights.last() == Some(&1) { Ok(()) } else { Err(broken("it does not end with one pixel")) }
}

/// What is left when the loads at `dropped` are skipped.
fn remaining<'a>(known: &[Known<'a>], dropped: &[usize]) -> Vec<LiveOp<'a>> {
    let mut ops: Vec<LiveOp<'a>> = Vec::new();
    let mut ends: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    while let Some(k) = known.get(at) {
        for (live, _) in ends.extract_if(.., |(_, end)| *end <= at) {
            let end = ops.len();
            if let Some(op) = ops.get_mut(live) {
                op.end = Some(end);
            }
        }
        if let (true, Some(skip_to)) = (dropped.contains(&at), k.skip_to) {
            at = skip_to.max(at + 1);
            continue;
        }
        if let (Some(skip_to), false) = (k.skip_to, k.whole) {
            ends.push((ops.len(), skip_to));
        }
        ops.push(LiveOp { op: k.op, uniforms: k.uniforms, whole: k.whole, end: None });
        at += 1;
    }
    for (live, _) in ends {
        let end = ops.len();
        if let Some(op) = ops.get_mut(live) {
            op.end = Some(end);
        }
    }
    ops
}

/// Cuts a region along others: cells that do not overlap and cover it, each with which of the others it lies in.
fn grid(all: Region, others: &[(usize, Region)]) -> Vec<(Region, Vec<bool>)> {
    let cuts = |ends: fn(&Region) -> [i32; 2]| {
        let mut cuts: Vec<i32> = others.iter().flat_map(|(_, r)| ends(r)).chain(ends(&all)).collect();
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    };
    let (xs, ys) = (cuts(|r| r.x), cuts(|r| r.y));
    let mut rows: Vec<Vec<(Region, Vec<bool>)>> = Vec::new();
    for y in ys.windows(2).map(|w| [w[0], w[1]]) {
        let mut row: Vec<(Region, Vec<bool>)> = Vec::new();
        for x in xs.windows(2).map(|w| [w[0], w[1]]) {
            let within = |r: &Region| r.x[0] <= x[0] && x[1] <= r.x[1] && r.y[0] <= y[0] && y[1] <= r.y[1];
            let live: Vec<bool> = others.iter().map(|(_, r)| within(r)).collect();
            match row.last_mut() {
                Some((last, same)) if *same == live => last.x[1] = x[1],
                _ => row.push((Region { x, y }, live)),
            }
        }
        let alike = |above: &Vec<(Region, Vec<bool>)>| {
            above.len() == row.len() && above.iter().zip(&row).all(|(a, b)| a.0.x == b.0.x && a.1 == b.1)
        };
        match rows.last_mut() {
            Some(above) if alike(above) => above.iter_mut().for_each(|(cell, _)| cell.y[1] = y[1]),
            _ => rows.push(row),
        }
    }
    rows.into_iter().flatten().collect()
}

/// `geometry` of a dispatch.
pub(super) fn geometry(region: Region, pictures: &[(&PictureSpec, &Layout)]) -> Vec<u32> {
    let mut words: Vec<u32> = [region.x[0], region.y[0], region.x[1], region.y[1]].map(|n| n as u32).to_vec();
    for (spec, layout) in pictures {
        words.extend([spec.width, spec.height]);
        for index in 0..4 {
            words.extend(layout.planes.get(index).map_or([0, 0], |p| [p.offset, p.stride]));
        }
    }
    words
}

/// Workgroups for a region.
pub(super) fn groups(region: Region, shape: Shape) -> [u32; 2] {
    let count = |[from, to]: [i32; 2], group: u32| ((to - from).max(0) as u32).div_ceil(group);
    [count(region.x, shape.group.0), count(region.y, shape.group.1)]
}

/// What a pass binds: numbers, geometry, the output, its inputs.
pub(super) fn bindings(inputs: usize, many: bool) -> Vec<Access> {
    let numbers = if many { Access::Read } else { Access::Uniform };
    [numbers, Access::Uniform, Access::Write].into_iter().chain((0..inputs).map(|_| Access::Read)).collect()
}
