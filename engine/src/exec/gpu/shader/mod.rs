//! One pass over a frame as one compute shader.
//!
//! In comes a [`Program`]: what is done to a pixel (text, see [`chain`]), where its inputs come from and how the
//! result is stored. Out comes WGSL. It knows of no buffers and no numbers: those are looked up by `geometry` and
//! `number` when it runs.
//!
//! An invocation owns a column of whole output words and walks down it. Loads and stores of words are what is dear (on
//! software Vulkan each costs as much as a dozen sums), so every word is loaded once: rows of luma as the walk reaches
//! them, rows of subsampled chroma carried along from cell to cell. The tent that makes subsampled chroma reaches into
//! the neighbours: a pixel or two at the sides and a row above and below are computed anew, and chroma sums are
//! carried down. A *cell* is the luma rows of one chroma row.
//!
//! `geometry` gives whole numbers: first and end block column, first and end block row; then for the output and each
//! input [`PICTURE_WORDS`]: width, height, and offset and stride in words of each plane.

pub(super) mod chain;
mod read;
mod store;

use crate::exec::gpu::layout::per_word;
use crate::picture::{Model, PixelFormat};

/// Numbers of `geometry` before the first picture.
pub(super) const REGION_WORDS: usize = 4;
/// Numbers of `geometry` a picture.
pub(super) const PICTURE_WORDS: usize = 10;

/// Adds a line of text.
macro_rules! line {
    ($out:expr, $($arg:tt)*) => {{ $out.push_str(&format!($($arg)*)); $out.push('\n'); }};
}
pub(super) use line;

/// An input as the shader reads it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Source {
    pub(super) format: PixelFormat,
    /// Chroma siting in luma samples.
    pub(super) siting: (f32, f32),
    /// It covers the output exactly and is read word by word, as argument `v` of the chain.
    pub(super) whole: bool,
    /// It lies somewhere and is read pixel by pixel.
    pub(super) placed: bool,
}

impl Source {
    /// Whether the shader reads it at all.
    pub(super) fn used(&self) -> bool {
        self.whole || self.placed
    }
}

/// What becomes of the pixels' second and third number where chroma is subsampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Store {
    /// They are averaged.
    Plain,
    /// The average of what they differ from this input's is added to its samples.
    Difference(usize),
    /// The same where not all of the pixel is that input's: of what is left, which the chain gives as its `share`.
    Share(usize),
    /// The average of the *first input's luma* and its own chroma samples go through rows 1 and 2 of the matrix in
    /// the uniforms.
    Matrix,
}

/// Everything that the text depends on.
#[derive(Debug, Clone)]
pub(super) struct Program {
    /// Functions, `chain` among them: `fn chain(x: i32, y: i32, v0: vec4<f32>, …) -> vec4<f32>`, a `v` for each
    /// whole input; of [`Store::Share`] with a last parameter `share: ptr<function, f32>`.
    pub(super) functions: String,
    pub(super) sources: Vec<Source>,
    pub(super) output: PixelFormat,
    pub(super) store: Store,
    pub(super) dither: bool,
    /// How many numbers `number` gives.
    pub(super) numbers: usize,
    /// Whether those are more than a uniform buffer holds.
    pub(super) many: bool,
    pub(super) edges: Edges,
    pub(super) block: Block,
    pub(super) shape: Shape,
}

/// Whether the output's size is not a multiple of what is worked on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Edges {
    /// Its width, of a block's.
    pub(super) ragged: bool,
    /// Its height, of a cell's.
    pub(super) uneven: bool,
}

/// How the work is cut up: tall columns save halos, short ones fill a wide machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    /// Rows of an invocation's column; a multiple of 4.
    pub(super) rows: u32,
    /// Invocations of a workgroup, across and down.
    pub(super) group: (u32, u32),
}

impl Shape {
    /// For few processors with wide vectors.
    pub(super) const SOFTWARE: Shape = Shape { rows: 32, group: (16, 1) };
    /// For thousands of lanes.
    pub(super) const HARDWARE: Shape = Shape { rows: 8, group: (32, 2) };
}

/// One axis of the output's chroma.
#[derive(Debug, Clone)]
pub(super) struct Tent {
    /// Luma samples a chroma sample.
    pub(super) step: i32,
    /// Offsets from a cell's first luma sample, and weights; they sum up to 1.
    pub(super) taps: Vec<(i32, f32)>,
}

impl Tent {
    /// A triangle of twice the sampling distance about the chroma sample.
    pub(super) fn new(log2: u8, siting: f32) -> Tent {
        let step = 1i32 << log2;
        if log2 == 0 {
            return Tent { step, taps: vec![(0, 1.0)] };
        }
        let span = step as f32;
        let siting = siting.clamp(0.0, span - 1.0);
        let weight = |l: i32| (1.0 - (l as f32 - siting).abs() / span).max(0.0) / span;
        let taps = (1 - 2 * step..3 * step).map(|l| (l, weight(l))).filter(|(_, w)| *w > 0.0).collect();
        Tent { step, taps }
    }

    /// Samples that it reaches before the cell.
    pub(super) fn before(&self) -> i32 {
        self.taps.first().map_or(0, |(l, _)| (-l).max(0))
    }

    /// Samples that it reaches after the cell.
    pub(super) fn after(&self) -> i32 {
        self.taps.last().map_or(0, |(l, _)| (l + 1 - self.step).max(0))
    }

    /// The weight of an offset.
    fn weight(&self, offset: i32) -> f32 {
        self.taps.iter().find(|(l, _)| *l == offset).map_or(0.0, |(_, w)| *w)
    }
}

/// What an invocation owns and reaches.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// Luma columns.
    pub(super) width: i32,
    /// Luma rows of a cell.
    pub(super) cell: i32,
    pub(super) x: Tent,
    pub(super) y: Tent,
}

impl Block {
    /// For an output and the formats of the whole inputs.
    pub(super) fn new(output: PixelFormat, siting: (f32, f32), whole: &[PixelFormat]) -> Block {
        let columns = |f: &PixelFormat| (per_word(*f) << f.log2_x) as i32;
        let width = whole.iter().map(columns).fold(columns(&output), i32::max);
        let cell = match output.log2_y {
            0 => whole.iter().map(|f| 1 << f.log2_y).max().unwrap_or(1),
            log2_y => 1 << log2_y,
        };
        Block { width, cell, x: Tent::new(output.log2_x, siting.0), y: Tent::new(output.log2_y, siting.1) }
    }

    /// Whether an input of this format can be read word by word: its chroma rows must keep step with the cells.
    pub(super) fn suits(&self, input: PixelFormat) -> bool {
        let columns = (per_word(input) << input.log2_x) as i32;
        columns <= self.width && (input.log2_y == 0 || 1 << input.log2_y == self.cell)
    }

    /// How an output of this size ends.
    pub(super) fn edges(&self, width: u32, height: u32) -> Edges {
        Edges {
            ragged: !width.is_multiple_of(self.width as u32),
            uneven: !height.is_multiple_of(self.cell as u32),
        }
    }

    /// The columns that it computes, relative to its first.
    fn columns(&self) -> std::ops::Range<i32> {
        -self.x.before()..self.width + self.x.after()
    }
}

/// A shader being written.
pub(super) struct Writer<'a> {
    program: &'a Program,
    block: &'a Block,
}

/// The whole text.
pub(super) fn generate(program: &Program) -> String {
    let writer = Writer { program, block: &program.block };
    let mut out = String::new();
    // Loads of uniforms at constant places are scalar everywhere; those of storage are a loop on software Vulkan.
    let pictures = REGION_WORDS + PICTURE_WORDS * (1 + program.sources.len());
    let (numbers, words) = (program.numbers.div_ceil(4).max(1), pictures.div_ceil(4));
    let space = if program.many { "storage, read" } else { "uniform" };
    line!(out, "@group(0) @binding(0) var<{space}> numbers: array<vec4<f32>, {numbers}>;");
    line!(out, "fn number(i: u32) -> f32 {{ return numbers[i >> 2u][i & 3u]; }}");
    line!(out, "@group(0) @binding(1) var<uniform> words: array<vec4<u32>, {words}>;");
    line!(out, "fn geometry(i: u32) -> u32 {{ return words[i >> 2u][i & 3u]; }}");
    line!(out, "@group(0) @binding(2) var<storage, read_write> result: array<u32>;");
    for (binding, (index, _)) in writer.used().enumerate() {
        line!(out, "@group(0) @binding({}) var<storage, read> in{index}: array<u32>;", binding + 3);
    }
    out.push_str(read::INSIDE);
    for (index, source) in writer.used() {
        writer.read_functions(&mut out, index, source);
    }
    writer.store_functions(&mut out);
    out.push_str(&program.functions);
    writer.main(&mut out);
    out
}

impl Writer<'_> {
    fn used(&self) -> impl Iterator<Item = (usize, &Source)> {
        self.program.sources.iter().enumerate().filter(|(_, s)| s.used())
    }

    fn whole(&self) -> impl Iterator<Item = (usize, &Source)> {
        self.program.sources.iter().enumerate().filter(|(_, s)| s.whole)
    }

    fn main(&self, out: &mut String) {
        let Block { width, cell, .. } = *self.block;
        let Shape { rows, group } = self.program.shape;
        let (above, below) = (self.block.y.before(), self.block.y.after());
        line!(out, "@compute @workgroup_size({}, {}, 1)", group.0, group.1);
        line!(out, "fn main(@builtin(global_invocation_id) id: vec3<u32>) {{");
        line!(out, "let bx = i32(id.x + geometry(0)); let by = i32(id.y + geometry(1));");
        line!(out, "if (bx >= i32(geometry(2)) || by >= i32(geometry(3))) {{ return; }}");
        line!(out, "let w = i32(geometry(4)); let h = i32(geometry(5)); let x0 = bx * {width};");
        let cells = rows as i32 / cell;
        line!(out, "let k0 = by * {cells}; let k1 = min(k0 + {cells}, (h + {}) / {cell});", cell - 1);
        let (first, end) = (i32::from(above > 0), i32::from(below > 0));
        line!(out, "let start = k0 - {first}; let end = k1 + {end};");
        for (index, source) in self.whole() {
            self.start_rolling(out, index, source);
        }
        self.start_sums(out);
        line!(out, "for (var k = start; k < end; k++) {{");
        for (index, source) in self.whole() {
            self.roll_in(out, index, source);
        }
        line!(
            out,
            "let p0 = select(0, {}, k < k0); let p1 = select({cell}, {below}, k >= k1);",
            cell - above
        );
        line!(out, "for (var p = p0; p < p1; p++) {{");
        line!(out, "let yy = k * {cell} + p; let y = clamp(yy, 0, h - 1);");
        line!(out, "let own = k >= k0 && k < k1 && yy < h;");
        self.row(out);
        line!(out, "}}");
        self.end_cell(out);
        for (index, source) in self.whole() {
            self.roll_on(out, index, source);
        }
        line!(out, "}}\n}}");
    }

    /// One row: pixels, chain, stores.
    fn row(&self, out: &mut String) {
        for (index, source) in self.whole() {
            self.read_row(out, index, source);
        }
        for l in self.block.columns() {
            let n = l + self.block.x.before();
            let mut arguments = String::new();
            for (index, source) in self.whole() {
                line!(out, "let v{index}_{n} = {};", self.whole_pixel(index, source, l));
                arguments.push_str(&format!(", v{index}_{n}"));
            }
            if let Store::Share(_) = self.program.store {
                line!(out, "var k_{n} = 0.0;");
                arguments.push_str(&format!(", &k_{n}"));
            }
            line!(out, "let q_{n} = chain(x0 + ({l}), y{arguments});");
        }
        self.store_row(out);
        self.sum_row(out);
    }
}

/// How many colour planes carry pixels' first numbers at full resolution.
fn is_full(format: PixelFormat, plane: usize) -> bool {
    !(format.is_chroma(plane) && (format.log2_x > 0 || format.log2_y > 0))
}

/// Which number of a pixel a plane holds.
fn component(format: PixelFormat, plane: usize) -> usize {
    if format.alpha && plane + 1 == format.planes() { 3 } else { plane }
}

/// Whether chroma has fewer samples than luma.
pub(super) fn is_subsampled(format: PixelFormat) -> bool {
    format.model == Model::Yuv && (format.log2_x > 0 || format.log2_y > 0)
}

/// A float that WGSL reads back as the same.
pub(super) fn literal(value: f32) -> String {
    format!("{value:?}f").replace("inff", "3.4028235e38f")
}
