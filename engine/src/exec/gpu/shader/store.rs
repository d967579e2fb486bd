//! Storing results: quantising, packing words, chroma down by a tent and by difference.

use super::read::{by_row, plane_at};
use super::{Store, Writer, component, is_full, is_subsampled, line, literal};
use crate::exec::gpu::layout::per_word;
use crate::picture::Sample;

impl Writer<'_> {
    /// `code`: a number as bits of a word, rounded to nearest, clamped, NaN as 0; `alpha_code` for 0–1.
    pub(super) fn store_functions(&self, out: &mut String) {
        let sample = self.program.output.sample;
        if let Sample::F32(_) = sample {
            line!(out, "fn code(v: f32, x: i32, y: i32) -> u32 {{");
            line!(out, "let bits = bitcast<u32>(v);");
            line!(out, "return select(bits, 0u, (bits & 0x7fffffffu) > 0x7f800000u);\n}}");
        } else {
            line!(out, "fn code(v: f32, x: i32, y: i32) -> u32 {{");
            if self.program.dither {
                out.push_str(DITHER);
            }
            let value = if self.program.dither { "v + threshold" } else { "v" };
            let top = literal(sample.top());
            line!(out, "let held = select(0.0, min({value}, {top}), {value} > 0.0);");
            // Adding 2²³ leaves a float no bits after the point: the processor rounds, and the low bits are the code.
            line!(out, "return bitcast<u32>(held + 8388608.0) & 0x7fffffu;\n}}");
        }
    }

    /// A word of `per` values in columns `column`, `column + 1`, …
    fn word(&self, values: &[String], column: &str, row: &str) -> String {
        let bits = 32 / values.len();
        let part = |(i, v): (usize, &String)| {
            let code = format!("code({v}, {column} + {i}, {row})");
            if i == 0 { code } else { format!("({code} << {}u)", i * bits) }
        };
        values.iter().enumerate().map(part).collect::<Vec<_>>().join(" | ")
    }

    /// Stores one row of a plane's words: `values` are the block's samples, its first at `column`.
    fn store_words(
        &self,
        out: &mut String,
        plane: usize,
        values: &[String],
        column: &str,
        row: &str,
        width: &str,
    ) {
        let per = per_word(self.program.output) as usize;
        let (offset, stride) = plane_at(0, plane);
        line!(out, "{{ let at = {offset} + u32({row}) * {stride} + u32({column}) / {per}u;");
        for (m, part) in values.chunks(per).enumerate() {
            let column = format!("{column} + {}", m * per);
            let store = format!("result[at + {m}u] = {};", self.word(part, &column, row));
            if self.program.edges.ragged {
                line!(out, "if ({column} < {width}) {{ {store} }}");
            } else {
                line!(out, "{store}");
            }
        }
        line!(out, "}}");
    }

    /// The planes that have a sample a pixel.
    pub(super) fn store_row(&self, out: &mut String) {
        let format = self.program.output;
        let top = literal(format.sample.top());
        line!(out, "if (own) {{");
        for plane in (0..format.planes()).filter(|p| is_full(format, *p)) {
            let component = component(format, plane);
            let value = |l: i32| {
                let n = l + self.block.x.before();
                if component == 3 { format!("q_{n}.w * {top}") } else { format!("q_{n}[{component}]") }
            };
            let values: Vec<_> = (0..self.block.width).map(value).collect();
            self.store_words(out, plane, &values, "x0", "y", "w");
        }
        line!(out, "}}");
    }

    /// Chroma columns of a block.
    fn chroma_width(&self) -> i32 {
        self.block.width / self.block.x.step
    }

    /// Which of the carried sums there are: of the chroma row above, this one, the one below.
    fn sums(&self) -> Vec<(&'static str, i32)> {
        let mut sums = vec![("own", 0)];
        if self.block.y.after() > 0 {
            sums.insert(0, ("up", -1));
        }
        if self.block.y.before() > 0 {
            sums.push(("down", 1));
        }
        sums
    }

    fn has_sums(&self) -> bool {
        is_subsampled(self.program.output) && self.program.output.log2_y > 0
    }

    pub(super) fn start_sums(&self, out: &mut String) {
        if !self.has_sums() {
            return;
        }
        let last = self.program.edges.uneven.then_some("last");
        for name in self.sums().iter().map(|(name, _)| *name).chain(last) {
            for j in 0..self.chroma_width() {
                line!(out, "var {name}_{j} = {};", self.no_sum());
            }
        }
    }

    /// Sums of nothing: Cb, Cr, and with [`Store::Share`] how much of the base is covered.
    fn no_sum(&self) -> &'static str {
        match self.program.store {
            Store::Share(_) => "vec3<f32>(0.0)",
            Store::Plain | Store::Difference(_) | Store::Matrix => "vec2<f32>(0.0)",
        }
    }

    /// What a pixel adds to the sums.
    fn difference(&self, n: i32) -> String {
        match self.program.store {
            Store::Plain => format!("q_{n}.yz"),
            Store::Difference(input) => format!("q_{n}.yz - v{input}_{n}.yz"),
            Store::Share(input) => format!("vec3<f32>(q_{n}.yz - v{input}_{n}.yz * k_{n}, 1.0 - k_{n})"),
            Store::Matrix => format!("vec2<f32>(v0_{n}.x, 0.0)"),
        }
    }

    /// One row's share of subsampled chroma: added to the sums, or stored where only columns are subsampled.
    pub(super) fn sum_row(&self, out: &mut String) {
        if !is_subsampled(self.program.output) {
            return;
        }
        let (x, width) = (&self.block.x, self.block.width);
        let before = x.before();
        for l in self.block.columns() {
            let n = l + before;
            line!(out, "var e_{n} = {};", self.difference(n));
        }
        for l in (-before..0).rev() {
            let n = l + before;
            line!(out, "e_{n} = select(e_{n}, e_{}, x0 + ({l}) < 0);", n + 1);
        }
        let first = if self.program.edges.ragged { 1 } else { width };
        for l in first..width + x.after() {
            let n = l + before;
            line!(out, "e_{n} = select(e_{n}, e_{}, x0 + {l} >= w);", n - 1);
        }
        for j in 0..self.chroma_width() {
            let term =
                |(l, weight): &(i32, f32)| format!("e_{} * {}", j * x.step + l + before, literal(*weight));
            let terms: Vec<_> = x.taps.iter().map(term).collect();
            line!(out, "var h_{j} = {};", terms.join(" + "));
            if self.has_sums() && self.program.edges.uneven {
                // Rows below the last are the last; they lie in its cell, where chroma has another phase.
                line!(out, "h_{j} = select(h_{j}, last_{j}, yy >= h); last_{j} = h_{j};");
            }
        }
        if !self.has_sums() {
            line!(out, "if (own) {{");
            self.store_chroma(out, "y", "h", false);
            line!(out, "}}");
            return;
        }
        for (name, cell) in self.sums() {
            let weights: Vec<_> =
                (0..self.block.cell).map(|p| self.block.y.weight(p - cell * self.block.y.step)).collect();
            line!(out, "let weight_{name} = {};", by_row(&weights));
            for j in 0..self.chroma_width() {
                line!(out, "{name}_{j} += h_{j} * weight_{name};");
            }
        }
    }

    /// Stores the chroma row that is complete and moves the sums on.
    pub(super) fn end_cell(&self, out: &mut String) {
        if !self.has_sums() {
            return;
        }
        let sums = self.sums();
        let above = self.block.y.after() > 0;
        line!(out, "let complete = k - {};", i32::from(above));
        line!(out, "if (complete >= k0 && complete < k1) {{");
        self.store_chroma(out, "complete", sums[0].0, above);
        line!(out, "}}");
        for j in 0..self.chroma_width() {
            for pair in sums.windows(2) {
                line!(out, "{}_{j} = {}_{j};", pair[0].0, pair[1].0);
            }
            if let Some((last, _)) = sums.last() {
                line!(out, "{last}_{j} = {};", self.no_sum());
            }
        }
    }

    /// Both chroma planes' words of chroma row `row`, from sums `name`.
    fn store_chroma(&self, out: &mut String, row: &str, name: &str, above: bool) {
        let per = self.chroma_width();
        let width = format!("((w + {}) / {})", self.block.x.step - 1, self.block.x.step);
        line!(out, "let xc = bx * {per};");
        for plane in 1..3usize {
            let values: Vec<_> = (0..per).map(|j| self.chroma_value(plane, j, name, above)).collect();
            self.store_words(out, plane, &values, "xc", row, &width);
        }
    }

    fn chroma_value(&self, plane: usize, j: i32, name: &str, above: bool) -> String {
        let sum = format!("{name}_{j}[{}]", plane - 1);
        let own = |input: usize, plane: usize| match self.program.sources.get(input) {
            Some(source) => self.own_chroma(input, source, plane, j, above),
            None => "0.0".to_owned(),
        };
        match self.program.store {
            Store::Plain => sum,
            Store::Difference(input) => format!("{} + {sum}", own(input, plane)),
            Store::Share(input) => format!("{} * (1.0 - {name}_{j}.z) + {sum}", own(input, plane)),
            Store::Matrix => {
                let u = plane * 4;
                format!(
                    "number({u}) * {name}_{j}.x + number({}) * {} + number({}) * {} + number({})",
                    u + 1,
                    own(0, 1),
                    u + 2,
                    own(0, 2),
                    u + 3
                )
            }
        }
    }
}

/// The 8 × 8 ordered dither: the bits of x ^ y and y, interleaved and reversed, as a threshold about 0.
const DITHER: &str = "let a = u32(x ^ y); let b = u32(y);
let level = ((a & 1u) << 5u) | ((b & 1u) << 4u) | ((a & 2u) << 2u) | ((b & 2u) << 1u) | ((a & 4u) >> 1u) | ((b & 4u) >> 2u);
let threshold = (f32(i32(level)) + 0.5) / 64.0 - 0.5;
";
