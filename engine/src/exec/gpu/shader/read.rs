//! Reading inputs: samples out of words, chroma up to the pixels.

use super::{PICTURE_WORDS, REGION_WORDS};
use super::{Source, Writer, is_full, is_subsampled, line, literal};
use crate::exec::gpu::layout::{neutral, per_word};
use crate::picture::{Model, PixelFormat, Sample};

/// Index in `geometry` of a picture's words: the output is 0, input `i` is `i + 1`.
pub(super) fn picture_at(picture: usize) -> usize {
    REGION_WORDS + PICTURE_WORDS * picture
}

/// `geometry` expressions of a plane's offset and stride.
pub(super) fn plane_at(picture: usize, plane: usize) -> (String, String) {
    let base = picture_at(picture) + 2 + plane * 2;
    (format!("geometry({base})"), format!("geometry({})", base + 1))
}

/// The sample at position `at` (constant) of a word.
fn decode(format: PixelFormat, word: &str, at: i32) -> String {
    match format.sample {
        Sample::U8 => format!("f32(i32(({word} >> {}u) & 255u))", at * 8),
        Sample::U16(_) => format!("f32(i32(({word} >> {}u) & 65535u))", at * 16),
        Sample::F32(_) => format!("bitcast<f32>({word})"),
    }
}

/// Bilinear weights of a luma sample at `offset` of its cell: the cell's distance (−1 or more) of the first of two
/// chroma samples, and the share of the second.
fn between(offset: i32, siting: f32, log2: u8) -> (i32, f32) {
    if log2 == 0 {
        return (offset, 0.0);
    }
    let cell = (1i32 << log2) as f32;
    let at = (offset as f32 - siting.clamp(0.0, cell - 1.0)) / cell;
    (at.floor() as i32, at - at.floor())
}

/// A pixel of four numbers out of a picture's planes. A grey picture's pixel has neutral chroma.
fn assemble(format: PixelFormat, plane: impl Fn(usize) -> String) -> String {
    let top = format.sample.top();
    let alpha = |p: usize| format!("{} * {}", plane(p), literal(1.0 / top));
    let alpha = if format.alpha { alpha(format.planes() - 1) } else { "1.0".to_owned() };
    if format.model == Model::Grey {
        let neutral = literal(neutral(format.sample));
        return format!("vec4<f32>({}, {neutral}, {neutral}, {alpha})", plane(0));
    }
    format!("vec4<f32>({}, {}, {}, {alpha})", plane(0), plane(1), plane(2))
}

/// The rows of chroma that a cell's luma rows lie between: of the cell above, its own, and the one below.
const ROLL: [&str; 3] = ["a", "b", "c"];

impl Writer<'_> {
    /// Chroma columns that a block needs, relative to its first.
    fn chroma_columns(&self, source: &Source) -> std::ops::RangeInclusive<i32> {
        let columns = self.block.columns();
        let step = 1 << source.format.log2_x;
        let index = |l: i32| {
            let (j, share) = between(l.rem_euclid(step), source.siting.0, source.format.log2_x);
            let j = if source.format.log2_x == 0 { l } else { l.div_euclid(step) + j };
            (j, if share > 0.0 { j + 1 } else { j })
        };
        let first = columns.clone().map(|l| index(l).0).min().unwrap_or(0).min(0);
        let last = columns.map(|l| index(l).1).max().unwrap_or(0);
        first..=last.max((self.block.width >> source.format.log2_x) - 1)
    }

    /// The input's functions: for a placed one `load`, for a whole one those that read a row's words.
    pub(super) fn read_functions(&self, out: &mut String, index: usize, source: &Source) {
        if source.placed {
            self.placed_functions(out, index, source);
        }
        if source.whole {
            let columns = self.block.columns();
            self.row_function(out, index, source.format, "line", columns.start..=columns.end - 1, None);
            if is_subsampled(source.format) {
                let columns = self.chroma_columns(source);
                self.row_function(out, index, source.format, "chroma", columns, Some(source));
            }
        }
    }

    /// `fn NAMEi(base, stride, y, bx, width) -> array<f32, N>`: the samples of a row about a block. With `clamped`
    /// those beyond the plane are the edge's, else they are anything.
    fn row_function(
        &self,
        out: &mut String,
        index: usize,
        format: PixelFormat,
        name: &str,
        columns: std::ops::RangeInclusive<i32>,
        clamped: Option<&Source>,
    ) {
        let per = per_word(format) as i32;
        let log2 = if clamped.is_some() { format.log2_x } else { 0 };
        let own = self.block.width >> log2;
        let (first, last) = (*columns.start(), *columns.end());
        let count = last - first + 1;
        line!(
            out,
            "fn {name}{index}(base: u32, stride: u32, y: i32, bx: i32, width: i32) -> array<f32, {count}> {{"
        );
        line!(
            out,
            "let row = base + u32(y) * stride; let first = bx * {}; var c: array<f32, {count}>;",
            own / per
        );
        line!(out, "let last = (width - 1) / {per};");
        for m in first.div_euclid(per)..=last.div_euclid(per) {
            let inside = m >= 0 && m < own / per && !self.program.edges.ragged;
            let at = if inside { format!("first + {m}") } else { format!("clamp(first + ({m}), 0, last)") };
            let word = format!("w{}", m - first.div_euclid(per));
            line!(out, "let {word} = in{index}[row + u32({at})];");
            for j in (m * per).max(first)..=(m * per + per - 1).min(last) {
                line!(out, "c[{}] = {};", j - first, decode(format, &word, j - m * per));
            }
        }
        if clamped.is_some() {
            line!(out, "let at = bx * {own};");
            for j in (first..0).rev() {
                line!(out, "c[{0}] = select(c[{0}], c[{1}], at + ({j}) < 0);", j - first, j - first + 1);
            }
            for j in (if self.program.edges.ragged { 1 } else { own })..=last {
                line!(out, "c[{0}] = select(c[{0}], c[{1}], at + {j} >= width);", j - first, j - first - 1);
            }
        }
        line!(out, "return c;\n}}");
    }

    fn is_rolled(&self, source: &Source) -> bool {
        is_subsampled(source.format) && source.format.log2_y > 0
    }

    fn chroma_size(index: usize, format: PixelFormat) -> (String, String) {
        let at = picture_at(index + 1);
        let half =
            |word: usize, log2: u8| format!("((i32(geometry({word})) + {}) >> {log2}u)", (1 << log2) - 1);
        (half(at, format.log2_x), half(at + 1, format.log2_y))
    }

    /// A row of chroma samples as an expression.
    fn chroma_row(&self, index: usize, source: &Source, plane: usize, row: &str) -> String {
        let (offset, stride) = plane_at(index + 1, plane);
        let (width, height) = Self::chroma_size(index, source.format);
        format!("chroma{index}({offset}, {stride}, clamp({row}, 0, {height} - 1), bx, {width})")
    }

    pub(super) fn start_rolling(&self, out: &mut String, index: usize, source: &Source) {
        if !self.is_rolled(source) {
            return;
        }
        for plane in 1..3 {
            for (name, row) in [("a", "start - 1"), ("b", "start")] {
                let row = self.chroma_row(index, source, plane, row);
                line!(out, "var {name}{index}_{plane} = {row};");
            }
        }
    }

    pub(super) fn roll_in(&self, out: &mut String, index: usize, source: &Source) {
        if self.is_rolled(source) {
            for plane in 1..3 {
                line!(out, "let c{index}_{plane} = {};", self.chroma_row(index, source, plane, "k + 1"));
            }
        }
    }

    pub(super) fn roll_on(&self, out: &mut String, index: usize, source: &Source) {
        if self.is_rolled(source) {
            for plane in 1..3 {
                line!(out, "a{index}_{plane} = b{index}_{plane}; b{index}_{plane} = c{index}_{plane};");
            }
        }
    }

    /// Reads an input's row `y`: full planes as `y{index}_{plane}`, subsampled ones as `u{index}_{plane}_{column}`,
    /// at the row's height.
    pub(super) fn read_row(&self, out: &mut String, index: usize, source: &Source) {
        let width = picture_at(index + 1);
        for plane in 0..source.format.planes() {
            if is_full(source.format, plane) {
                let (offset, stride) = plane_at(index + 1, plane);
                line!(
                    out,
                    "let y{index}_{plane} = line{index}({offset}, {stride}, y, bx, i32(geometry({width})));"
                );
            } else if self.is_rolled(source) {
                self.blend_rows(out, index, source, plane);
            } else {
                line!(out, "let r{index}_{plane} = {};", self.chroma_row(index, source, plane, "y"));
                for n in 0..self.chroma_columns(source).count() {
                    line!(out, "let u{index}_{plane}_{n} = r{index}_{plane}[{n}];");
                }
            }
        }
    }

    /// Vertical interpolation between the carried rows.
    fn blend_rows(&self, out: &mut String, index: usize, source: &Source, plane: usize) {
        let mut weights = [(); 3].map(|()| Vec::new());
        for p in 0..self.block.cell {
            let (cell, share) = between(p, source.siting.1, source.format.log2_y);
            for (at, row) in weights.iter_mut().enumerate() {
                let at = at as i32 - 1;
                row.push(if at == cell {
                    1.0 - share
                } else if at == cell + 1 {
                    share
                } else {
                    0.0
                });
            }
        }
        let used: Vec<usize> = (0..3).filter(|at| weights[*at].iter().any(|w| *w != 0.0)).collect();
        let name = |at: usize| format!("t{index}_{plane}_{at}");
        for at in &used {
            line!(out, "let {} = {};", name(*at), by_row(&weights[*at]));
        }
        for n in 0..self.chroma_columns(source).count() {
            let terms: Vec<_> =
                used.iter().map(|at| format!("{}{index}_{plane}[{n}] * {}", ROLL[*at], name(*at))).collect();
            line!(out, "let u{index}_{plane}_{n} = {};", terms.join(" + "));
        }
    }

    /// The pixel in column `l` of a whole input's row.
    pub(super) fn whole_pixel(&self, index: usize, source: &Source, l: i32) -> String {
        let n = l + self.block.x.before();
        let format = source.format;
        assemble(format, |plane| {
            if is_full(format, plane) {
                return format!("y{index}_{plane}[{n}]");
            }
            let first = *self.chroma_columns(source).start();
            let step = 1 << format.log2_x;
            let (j, share) = between(l.rem_euclid(step), source.siting.0, format.log2_x);
            let j = if format.log2_x == 0 { l } else { l.div_euclid(step) + j } - first;
            let sample = |j: i32| format!("u{index}_{plane}_{j}");
            match share {
                0.0 => sample(j),
                share => format!("({0} + ({1} - {0}) * {2})", sample(j), sample(j + 1), literal(share)),
            }
        })
    }

    /// An input's own chroma sample `j` of the block, unfiltered: of chroma row `k − 1` or `k` where rows are
    /// carried, else of this row.
    pub(super) fn own_chroma(
        &self,
        index: usize,
        source: &Source,
        plane: usize,
        j: i32,
        above: bool,
    ) -> String {
        let n = j - *self.chroma_columns(source).start();
        if self.is_rolled(source) {
            format!("{}{index}_{plane}[{n}]", if above { "a" } else { "b" })
        } else {
            format!("u{index}_{plane}_{n}")
        }
    }

    /// `fn loadN(x, y, u)`: the input's pixel at an output position, zeros outside its rectangle.
    fn placed_functions(&self, out: &mut String, index: usize, source: &Source) {
        let format = source.format;
        let fetch = match format.sample {
            Sample::U8 => {
                "let i = u32(x); return f32(i32((in@[o + u32(y) * s + (i >> 2u)] >> ((i & 3u) * 8u)) & 255u));"
            }
            Sample::U16(_) => {
                "let i = u32(x); return f32(i32((in@[o + u32(y) * s + (i >> 1u)] >> ((i & 1u) * 16u)) & 65535u));"
            }
            Sample::F32(_) => "return bitcast<f32>(in@[o + u32(y) * s + u32(x)]);",
        };
        line!(
            out,
            "fn fetch{index}(o: u32, s: u32, x: i32, y: i32) -> f32 {{ {} }}",
            fetch.replace('@', &index.to_string())
        );
        if is_subsampled(format) {
            let (sx, sy) = (1 << format.log2_x, 1 << format.log2_y);
            let (width, height) = Self::chroma_size(index, format);
            let siting = |log2: u8, at: f32| literal(at.clamp(0.0, ((1 << log2) - 1) as f32));
            line!(out, "fn chroma_at{index}(o: u32, s: u32, x: i32, y: i32) -> f32 {{");
            line!(
                out,
                "let cx = (f32(x) - {}) / {sx}.0; let cy = (f32(y) - {}) / {sy}.0;",
                siting(format.log2_x, source.siting.0),
                siting(format.log2_y, source.siting.1)
            );
            line!(
                out,
                "let fx = floor(cx); let fy = floor(cy); let mx = {width} - 1; let my = {height} - 1;"
            );
            line!(out, "let xa = clamp(i32(fx), 0, mx); let xb = clamp(i32(fx) + 1, 0, mx);");
            line!(out, "let ya = clamp(i32(fy), 0, my); let yb = clamp(i32(fy) + 1, 0, my);");
            for (name, y) in [("top", "ya"), ("bottom", "yb")] {
                line!(
                    out,
                    "let {name} = fetch{index}(o, s, xa, {y}) + (fetch{index}(o, s, xb, {y}) - fetch{index}(o, s, xa, {y})) * (cx - fx);"
                );
            }
            line!(out, "return top + (bottom - top) * (cy - fy);\n}}");
        }
        let size = picture_at(index + 1);
        line!(out, "fn load{index}(x: i32, y: i32, u: u32) -> vec4<f32> {{");
        line!(out, "let ix = clamp(x - i32(number(u)), 0, i32(geometry({size})) - 1);");
        line!(out, "let iy = clamp(y - i32(number(u + 1u)), 0, i32(geometry({})) - 1);", size + 1);
        let pixel = assemble(format, |plane| {
            let (offset, stride) = plane_at(index + 1, plane);
            let function = if is_full(format, plane) { "fetch" } else { "chroma_at" };
            format!("{function}{index}({offset}, {stride}, ix, iy)")
        });
        line!(out, "return select(vec4<f32>(0.0), {pixel}, inside(x, y, u));\n}}");
    }
}

/// Whether an output position lies in the rectangle of an `Op::Load` whose uniforms start at `u`.
pub(super) const INSIDE: &str = "fn inside(x: i32, y: i32, u: u32) -> bool {
let column = f32(x); let row = f32(y);
return column >= number(u + 2u) && row >= number(u + 3u) && column < number(u + 4u) && row < number(u + 5u);
}
";

/// A number that depends on the row `p` of a cell.
pub(super) fn by_row(values: &[f32]) -> String {
    let Some((first, rest)) = values.split_first() else { return "0.0".to_owned() };
    if rest.iter().all(|v| v == first) {
        return literal(*first);
    }
    let zero = literal(*first);
    rest.iter()
        .enumerate()
        .fold(zero, |text, (i, v)| format!("select({text}, {}, p == {})", literal(*v), i + 1))
}
