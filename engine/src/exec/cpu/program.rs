//! A pass's operations with this frame's numbers, checked once, then run on one tile after the other.
//!
//! The stack machine lives here: what a tile needs done, and doing it. Where tiles come from and go to is not known.
//!
//! Where the store takes differences from a base and other pictures are combined with it, a fifth number goes along
//! with a pixel's four: how much of its colour is the base's ([`Share`]).

use super::ExecError;
use super::load::{ChromaLine, Run, Source, with_sample};
use super::simd::simd;
use crate::effect::step::{Combine, Share, Step};
use crate::exec::job::{Op, PLACE_UNIFORMS, PassJob};
use crate::exec::tile::{SimdLevel, TILE_PIXELS, TILE_ROWS, TILE_WIDTH, Tile, TilePlace};
use crate::picture::Picture;

/// A half-open rectangle of the output: x0, y0, x1, y1.
pub(super) type Area = [i32; 4];

pub(super) fn intersect(a: Area, b: Area) -> Option<Area> {
    let r = [a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])];
    (r[0] < r[2] && r[1] < r[3]).then_some(r)
}

/// An operation ready to run.
enum Instruction<'a> {
    Load { input: usize, x: i32, y: i32, touch: Area, skip_to: Option<usize> },
    Fill([f32; 4]),
    Duplicate,
    Affine { matrix: [f32; 12], conversion: bool },
    Premultiply,
    Unpremultiply,
    Step { step: &'a dyn Step, place: TilePlace, uniforms: &'a [f32] },
    Combine { combine: &'a dyn Combine, place: TilePlace, uniforms: &'a [f32] },
}

impl Instruction<'_> {
    /// What is not a load, on a stack of `top` tiles; gives how many there are then.
    fn run(&self, level: SimdLevel, area: Area, stack: &mut [Tile], top: usize) -> usize {
        let (below, above) = stack.split_at_mut(top);
        match self {
            Instruction::Load { .. } => top,
            Instruction::Fill(colour) => {
                for (plane, value) in above[0].planes.iter_mut().zip(colour) {
                    plane.fill(*value);
                }
                top + 1
            }
            Instruction::Duplicate => {
                above[0].planes = below[top - 1].planes;
                top + 1
            }
            Instruction::Affine { matrix, .. } => {
                let half = (area[2] - area[0]) as usize <= TILE_WIDTH / 2;
                affine(level, &mut below[top - 1], half, matrix);
                top
            }
            Instruction::Premultiply => {
                premultiply(level, &mut below[top - 1]);
                top
            }
            Instruction::Unpremultiply => {
                unpremultiply(level, &mut below[top - 1]);
                top
            }
            Instruction::Step { step, place, uniforms } => {
                step.run(level, &mut below[top - 1], uniforms, &moved(place, area));
                top
            }
            Instruction::Combine { combine, place, uniforms } => {
                let (lower, upper) = below.split_at_mut(top - 1);
                combine.run(level, &mut lower[top - 2], &upper[0], uniforms, &moved(place, area));
                top - 1
            }
        }
    }
}

impl Instruction<'_> {
    /// What becomes of the shares, before the operation itself is done; gives whether it may change them.
    fn share(&self, level: SimdLevel, area: Area, stack: &[Tile], shares: &mut [Share], top: usize) -> bool {
        match self {
            Instruction::Fill(_) => shares[top].fill(0.0),
            Instruction::Duplicate => shares[top] = shares[top - 1],
            Instruction::Premultiply => {
                multiply_share(level, &mut shares[top - 1], &stack[top - 1].planes[3]);
                return true;
            }
            Instruction::Unpremultiply => {
                divide_share(level, &mut shares[top - 1], &stack[top - 1].planes[3]);
                return true;
            }
            Instruction::Combine { combine, place, uniforms } => {
                let (below, above) = shares.split_at_mut(top - 1);
                let pixels = [&stack[top - 2], &stack[top - 1]];
                combine.share(level, (&mut below[top - 2], &above[0]), pixels, uniforms, &moved(place, area));
                return true;
            }
            Instruction::Load { .. } | Instruction::Affine { .. } | Instruction::Step { .. } => {}
        }
        false
    }
}

/// A tile that has been run.
pub(super) struct Done<'w> {
    /// The result.
    pub(super) tile: &'w mut Tile,
    /// The base's chroma, if it was asked for.
    pub(super) base: &'w Tile,
    /// How much of the result's colour is the base's, where that may be less than all.
    pub(super) share: Option<&'w Share>,
}

/// A pass's operations.
pub(super) struct Program<'a> {
    instructions: Vec<Instruction<'a>>,
    sources: Vec<Source<'a>>,
    /// The input that untouched tiles are copied from and chroma differs from.
    difference: Option<usize>,
    /// Whether multiplying by alpha and dividing again changes nothing between the base and the output.
    same_alpha: bool,
    /// Whether there may be tiles that nothing touches.
    sparse: bool,
    /// Whether the base's share is kept count of.
    pub(super) shares: bool,
    /// The deepest stack.
    depth: usize,
}

/// What one thread works with.
pub(super) struct Workspace {
    stack: Vec<Tile>,
    /// The base's share of each tile of the stack.
    shares: Vec<Share>,
    /// The chroma of the input that the store takes differences from.
    base: Tile,
    line: Box<ChromaLine>,
}

impl Default for Workspace {
    fn default() -> Self {
        let (stack, shares) = (Vec::new(), Vec::new());
        Workspace { stack, shares, base: Tile::new(), line: Box::new([0.0; TILE_WIDTH + 8]) }
    }
}

impl Workspace {
    /// For a program.
    pub(super) fn resize(&mut self, program: &Program<'_>) {
        if self.stack.len() < program.depth {
            self.stack.resize_with(program.depth, Tile::new);
        }
        if program.shares && self.shares.len() < program.depth {
            self.shares.resize(program.depth, [0.0; TILE_PIXELS]);
        }
    }
}

/// A job that breaks its own rules; a mistake of whoever made it.
pub(super) fn broken(what: &str) -> ExecError {
    ExecError::Unavailable(format!("a frame job is broken: {what}"))
}

impl<'a> Program<'a> {
    /// Checks a job's operations against its uniforms, inputs and output.
    pub(super) fn new(job: &'a PassJob, inputs: &'a [Picture]) -> Result<Self, ExecError> {
        let structure = &*job.structure;
        let output = [0, 0, job.spec.width as i32, job.spec.height as i32];
        let mut instructions = Vec::with_capacity(structure.ops.len());
        let mut uniforms = &job.uniforms[..];
        for op in &structure.ops {
            let (own, rest) =
                uniforms.split_at_checked(op.uniforms()).ok_or(broken("uniforms are missing"))?;
            uniforms = rest;
            instructions.push(instruction(op, own, inputs, output)?);
        }
        let depth = check_stack(&instructions)?;
        let sources = inputs.iter().zip(&structure.siting).map(|(p, s)| Source::new(p, *s)).collect();
        let difference = structure.difference;
        let base = difference.and_then(|at| inputs.get(at)).map(Picture::spec);
        let same_alpha = base.is_some_and(|b| !b.format.alpha || b.premultiplied == job.spec.premultiplied);
        let subsampled = structure.output.log2_x > 0 || structure.output.log2_y > 0;
        let divides =
            |i: &Instruction<'_>| matches!(i, Instruction::Combine { .. } | Instruction::Premultiply);
        let shares = subsampled && base.is_some() && instructions.iter().any(divides);
        let mut program =
            Program { instructions, sources, difference, same_alpha, sparse: true, shares, depth };
        program.sparse = program.leaves_base(output, |_| false);
        Ok(program)
    }

    /// The input that the store takes differences from.
    pub(super) fn base(&self) -> Option<&Source<'a>> {
        self.sources.get(self.difference?)
    }

    /// Whether nothing in `area` changes the input that the store takes differences from.
    pub(super) fn leaves_alone(&self, area: Area) -> bool {
        self.sparse && self.leaves_base(area, |touch| intersect(touch, area).is_some())
    }

    /// The same if of the layers that may be skipped only those are there whose rectangles `reached` names.
    fn leaves_base(&self, area: Area, reached: impl Fn(Area) -> bool) -> bool {
        let Some(base) = self.difference else { return false };
        let (mut at, mut loaded) = (0, false);
        while let Some(instruction) = self.instructions.get(at) {
            at += 1;
            match instruction {
                Instruction::Load { touch, skip_to: Some(next), .. } if !reached(*touch) => at = *next,
                Instruction::Load { input, x: 0, y: 0, touch, .. }
                    if *input == base && !loaded && intersect(*touch, area) == Some(area) =>
                {
                    loaded = true;
                }
                Instruction::Affine { conversion: true, .. } => {}
                Instruction::Premultiply | Instruction::Unpremultiply if self.same_alpha => {}
                _ => return false,
            }
        }
        loaded
    }

    /// Runs all on the tile at `(x, y)`; `area` is the part of it that lies in the output. With `chroma` the base's is
    /// loaded too.
    pub(super) fn run<'w>(
        &self,
        level: SimdLevel,
        area: Area,
        chroma: bool,
        space: &'w mut Workspace,
    ) -> Done<'w> {
        let mut want = if chroma { self.difference } else { None };
        let (mut at, mut top, mut shared) = (0, 0, false);
        while let Some(instruction) = self.instructions.get(at) {
            at += 1;
            if let Instruction::Load { input, x, y, touch, skip_to } = instruction {
                let reach = intersect(*touch, area);
                if let (None, Some(next)) = (reach, skip_to) {
                    at = *next;
                    continue;
                }
                let tile = &mut space.stack[top];
                self.load(level, *input, [*x, *y], reach, area, tile, &mut space.line);
                if want == Some(*input) && (*x, *y) == (0, 0) && reach == Some(area) {
                    want = None;
                    space.base.planes[1] = tile.planes[1];
                    space.base.planes[2] = tile.planes[2];
                }
                if self.shares {
                    let base = self.is_base(*input, [*x, *y], *touch);
                    space.shares[top].fill(if base { 1.0 } else { 0.0 });
                }
                top += 1;
            } else {
                if self.shares {
                    shared |= instruction.share(level, area, &space.stack, &mut space.shares, top);
                }
                top = instruction.run(level, area, &mut space.stack, top);
            }
        }
        if let Some(base) = want.and_then(|at| self.sources.get(at)) {
            for run in runs(area, area, [0, 0]) {
                with_sample!(base.format.sample, T => {
                    base.load_chroma::<T>(level, run, &mut space.base, &mut space.line);
                });
            }
        }
        let share = space.shares.first().filter(|_| shared);
        Done { tile: &mut space.stack[0], base: &space.base, share }
    }

    /// Whether a load is of all of the input that the store takes differences from, where that lies.
    fn is_base(&self, input: usize, origin: [i32; 2], touch: Area) -> bool {
        let whole = |s: &Source<'_>| [0, 0, s.planes[0].width as i32, s.planes[0].height as i32] == touch;
        self.difference == Some(input) && origin == [0, 0] && self.base().is_some_and(whole)
    }

    /// Pushes an input's pixels, zeros outside `reach`.
    #[expect(clippy::too_many_arguments, reason = "the numbers of one load, each of its own kind")]
    fn load(
        &self,
        level: SimdLevel,
        input: usize,
        origin: [i32; 2],
        reach: Option<Area>,
        area: Area,
        tile: &mut Tile,
        line: &mut ChromaLine,
    ) {
        if reach != Some(area) {
            for plane in &mut tile.planes {
                plane.fill(0.0);
            }
        }
        for run in reach.into_iter().flat_map(|reach| runs(reach, area, origin)) {
            self.sources[input].load(level, run, tile, line);
        }
    }
}

/// The rows of `reach`, a part of the tile whose pixels are `area`, in a picture that lies at `origin`.
fn runs(reach: Area, area: Area, origin: [i32; 2]) -> impl Iterator<Item = Run> {
    (reach[1]..reach[3]).map(move |y| Run {
        at: (y - area[1]) as usize * TILE_WIDTH + (reach[0] - area[0]) as usize,
        len: (reach[2] - reach[0]) as usize,
        x: (reach[0] - origin[0]) as usize,
        y: (y - origin[1]) as usize,
    })
}

fn moved(place: &TilePlace, area: Area) -> TilePlace {
    TilePlace { x: area[0] - place.x, y: area[1] - place.y, ..*place }
}

fn instruction<'a>(
    op: &'a Op,
    uniforms: &'a [f32],
    inputs: &[Picture],
    output: Area,
) -> Result<Instruction<'a>, ExecError> {
    let placed = |u: &'a [f32]| match u {
        [x, y, width, height, own @ ..] => {
            let place =
                TilePlace { x: *x as i32, y: *y as i32, width: *width as u32, height: *height as u32 };
            Ok((place, own))
        }
        _ => Err(broken("a step has no place")),
    };
    const { assert!(PLACE_UNIFORMS == 4) };
    Ok(match op {
        Op::Load { input, skip_to } => {
            let spec = inputs.get(*input).ok_or(broken("an input is missing"))?.spec();
            let [x, y, touch @ ..] = whole::<6>(uniforms)?;
            let own = [x, y, x.saturating_add(spec.width as i32), y.saturating_add(spec.height as i32)];
            let touch = intersect(own, output).and_then(|own| intersect(own, touch)).unwrap_or_default();
            Instruction::Load { input: *input, x, y, touch, skip_to: *skip_to }
        }
        Op::Fill => Instruction::Fill(floats(uniforms)?),
        Op::Duplicate => Instruction::Duplicate,
        Op::Affine { conversion } => {
            Instruction::Affine { matrix: floats(uniforms)?, conversion: *conversion }
        }
        Op::Premultiply => Instruction::Premultiply,
        Op::Unpremultiply => Instruction::Unpremultiply,
        Op::Step(step) => {
            let (place, uniforms) = placed(uniforms)?;
            Instruction::Step { step: &**step, place, uniforms }
        }
        Op::Combine(combine) => {
            let (place, uniforms) = placed(uniforms)?;
            Instruction::Combine { combine: &**combine, place, uniforms }
        }
    })
}

fn floats<const N: usize>(uniforms: &[f32]) -> Result<[f32; N], ExecError> {
    uniforms.try_into().map_err(|_| broken("uniforms are missing"))
}

fn whole<const N: usize>(uniforms: &[f32]) -> Result<[i32; N], ExecError> {
    Ok(floats::<N>(uniforms)?.map(|n| n as i32))
}

/// The deepest stack, if no operation lacks an operand and exactly one pixel remains, skipped or not.
fn check_stack(instructions: &[Instruction<'_>]) -> Result<usize, ExecError> {
    let mut heights = vec![0usize];
    for instruction in instructions {
        let height = heights.last().copied().unwrap_or(0);
        let (needs, next) = match instruction {
            Instruction::Load { .. } | Instruction::Fill(_) => (0, height + 1),
            Instruction::Duplicate => (1, height + 1),
            Instruction::Combine { .. } => (2, height.saturating_sub(1)),
            _ => (1, height),
        };
        if height < needs {
            return Err(broken("an operation lacks an operand"));
        }
        heights.push(next);
    }
    for (at, instruction) in instructions.iter().enumerate() {
        if let Instruction::Load { skip_to: Some(next), .. } = instruction
            && (*next <= at || heights.get(*next) != Some(&heights[at]))
        {
            return Err(broken("a skipped layer leaves the stack uneven"));
        }
    }
    if heights.last() != Some(&1) {
        return Err(broken("it does not end with one pixel"));
    }
    Ok(heights.into_iter().max().unwrap_or(1))
}

/// An affine map, of the left half alone if the right one lies beyond the picture. (The number of columns is a type, so
/// that loops have constant counts.)
fn affine(level: SimdLevel, tile: &mut Tile, half: bool, matrix: &[f32; 12]) {
    let [y_r, cb_r, _, _, y_g, _, _, _, y_b, _, cr_b, _] = *matrix;
    let from_codes = y_r == y_g && y_g == y_b && cb_r == 0.0 && cr_b == 0.0;
    match (from_codes, half) {
        (true, false) => codes_to_rgb(level, tile, [(); TILE_WIDTH], matrix),
        (true, true) => codes_to_rgb(level, tile, [(); TILE_WIDTH / 2], matrix),
        (false, false) => any_affine(level, tile, [(); TILE_WIDTH], matrix),
        (false, true) => any_affine(level, tile, [(); TILE_WIDTH / 2], matrix),
    }
}

simd! {
    fn any_affine[const COLUMNS: usize](tile: &mut Tile, columns: [(); COLUMNS], matrix: &[f32; 12]) {
        let [a, b, c, _] = &mut tile.planes;
        for first in [0, TILE_WIDTH] {
            for i in first..first + columns.len() {
                let (x, y, z) = (a[i], b[i], c[i]);
                let row = |r: usize| x * matrix[r] + y * matrix[r + 1] + z * matrix[r + 2] + matrix[r + 3];
                (a[i], b[i], c[i]) = (row(0), row(4), row(8));
            }
        }
    }
}

simd! {
    /// As [`any_affine`], to the bit, for the shape that every map from Y′CbCr to RGB has.
    fn codes_to_rgb[const COLUMNS: usize](tile: &mut Tile, columns: [(); COLUMNS], matrix: &[f32; 12]) {
        let m = matrix;
        let [a, b, c, _] = &mut tile.planes;
        for first in [0, TILE_WIDTH] {
            for i in first..first + columns.len() {
                let (luma, cb, cr) = (a[i] * m[0], b[i], c[i]);
                a[i] = luma + cr * m[2] + m[3];
                b[i] = luma + cb * m[5] + cr * m[6] + m[7];
                c[i] = luma + cb * m[9] + m[11];
            }
        }
    }
}

simd! {
    fn premultiply[](tile: &mut Tile) {
        let [colours @ .., alpha] = &mut tile.planes;
        for plane in colours {
            for (v, a) in plane.iter_mut().zip(alpha.iter()) {
                *v *= a;
            }
        }
    }
}

simd! {
    fn unpremultiply[](tile: &mut Tile) {
        let [colours @ .., alpha] = &mut tile.planes;
        for plane in colours {
            for (v, a) in plane.iter_mut().zip(alpha.iter()) {
                // Where alpha is 0 the quotient is computed and thrown away.
                *v = if *a == 0.0 { 0.0 } else { *v / *a };
            }
        }
    }
}

simd! {
    fn multiply_share[](share: &mut Share, alpha: &Share) {
        for (v, a) in share.iter_mut().zip(alpha) {
            *v *= a;
        }
    }
}

simd! {
    fn divide_share[](share: &mut Share, alpha: &Share) {
        for (v, a) in share.iter_mut().zip(alpha) {
            *v = if *a == 0.0 { 0.0 } else { *v / *a };
        }
    }
}

const _: () = assert!(TILE_ROWS == 2, "row pairs are what the pass walks in");
