//! The lane of the GPU: it records each operation as a line of WGSL instead of doing it.
//!
//! A pixel function is called once with these lanes; what it did is then the body of a WGSL function. Operations on
//! constants are done at once, in the same f32 arithmetic as the CPU's, so that naga never folds one; an operation that
//! was recorded before is not recorded again, so equal structure gives equal text.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Shl, Shr, Sub};

use super::lane::{Lane, LaneMask, LaneU32, Position, Rgba};
use super::uniforms::UniformReader;

thread_local! {
    static RECORDER: RefCell<Recorder> = RefCell::default();
}

/// The lines of the function that is being traced on this thread.
#[derive(Default)]
struct Recorder {
    lines: Vec<String>,
    seen: HashMap<String, u32>,
}

/// Records an expression and gives the number of its `let`.
fn record(expression: String) -> u32 {
    RECORDER.with_borrow_mut(|r| {
        if let Some(&name) = r.seen.get(&expression) {
            return name;
        }
        let name = r.lines.len() as u32;
        r.lines.push(format!("  let v{name} = {expression};\n"));
        r.seen.insert(expression, name);
        name
    })
}

/// Traces `f` into the body of a WGSL function of this head (`fn name(…) -> vec4<f32>`).
pub fn function(head: &str, f: impl FnOnce() -> Rgba<Trace>) -> String {
    returning(head, || {
        let px = f();
        let [r, g, b, a] = [px.r, px.g, px.b, px.a].map(Trace::text);
        format!("vec4<f32>({r}, {g}, {b}, {a})")
    })
}

/// As [`function`], of a head `fn name(…) -> f32`.
pub fn number_function(head: &str, f: impl FnOnce() -> Trace) -> String {
    returning(head, || f().text())
}

fn returning(head: &str, f: impl FnOnce() -> String) -> String {
    RECORDER.set(Recorder::default());
    let value = f();
    let lines = RECORDER.take().lines.concat();
    format!("{head} {{\n{lines}  return {value};\n}}\n")
}

/// A number: the result of a line, or a constant.
#[derive(Debug, Clone, Copy)]
pub enum Trace {
    /// `vN`.
    Value(u32),
    /// Known already.
    Constant(f32),
}

/// A whole number: the result of a line, or a constant.
#[derive(Debug, Clone, Copy)]
pub enum TraceU32 {
    /// `vN`.
    Value(u32),
    /// Known already.
    Constant(u32),
}

/// A truth value: the result of a line, or a constant.
#[derive(Debug, Clone, Copy)]
pub enum TraceMask {
    /// `vN`.
    Value(u32),
    /// Known already.
    Constant(bool),
}

/// The index of a table's first sample, from the step's first uniform.
#[derive(Debug, Clone, Copy)]
pub struct TraceTable(usize);

impl Trace {
    /// The four parts of a `vec4<f32>` of this name as a pixel.
    pub fn pixel(name: &str) -> Rgba<Trace> {
        let [r, g, b, a] = ["x", "y", "z", "w"].map(|part| Trace::Value(record(format!("{name}.{part}"))));
        Rgba { r, g, b, a }
    }

    /// The two parts of a `vec2<f32>` of this name.
    pub fn pair(name: &str) -> [Trace; 2] {
        ["x", "y"].map(|part| Trace::Value(record(format!("{name}.{part}"))))
    }

    /// The parameter `at` as a position.
    pub fn position() -> Position<Trace> {
        let Rgba { r, g, b, a } = Trace::pixel("at");
        Position { x: r, y: g, width: b, height: a }
    }

    /// As WGSL. Debug formatting is the shortest text that reads back as the same f32. A number that is not finite
    /// has no literal: what is written then fails naga's validation, and so the registry's tests.
    fn text(self) -> String {
        match self {
            Trace::Value(n) => format!("v{n}"),
            Trace::Constant(c) if !c.is_finite() => format!("bitcast<f32>({:#x}u)", c.to_bits()),
            Trace::Constant(c) if c.is_sign_negative() => format!("({c:?}f)"),
            Trace::Constant(c) => format!("{c:?}f"),
        }
    }

    fn binary(self, other: Trace, operator: &str, f: fn(f32, f32) -> f32) -> Trace {
        match (self, other) {
            (Trace::Constant(a), Trace::Constant(b)) => Trace::Constant(f(a, b)),
            _ => Trace::Value(record(format!("{} {operator} {}", self.text(), other.text()))),
        }
    }

    fn unary(self, function: &str, f: fn(f32) -> f32) -> Trace {
        match self {
            Trace::Constant(a) => Trace::Constant(f(a)),
            Trace::Value(_) => Trace::Value(record(format!("{function}({})", self.text()))),
        }
    }

    fn extreme(self, other: Trace, function: &str, f: fn(f32, f32) -> f32) -> Trace {
        match (self, other) {
            (Trace::Constant(a), Trace::Constant(b)) => Trace::Constant(f(a, b)),
            _ => Trace::Value(record(format!("{function}({}, {})", self.text(), other.text()))),
        }
    }

    fn compare(self, other: Trace, operator: &str, f: fn(&f32, &f32) -> bool) -> TraceMask {
        match (self, other) {
            (Trace::Constant(a), Trace::Constant(b)) => TraceMask::Constant(f(&a, &b)),
            _ => TraceMask::Value(record(format!("{} {operator} {}", self.text(), other.text()))),
        }
    }
}

macro_rules! arithmetic {
    ($($trait:ident $function:ident $operator:tt),*) => {$(
        impl $trait for Trace {
            type Output = Self;
            fn $function(self, other: Self) -> Self {
                self.binary(other, stringify!($operator), |a, b| a $operator b)
            }
        }
        impl $trait<f32> for Trace {
            type Output = Self;
            fn $function(self, other: f32) -> Self {
                self.binary(Trace::Constant(other), stringify!($operator), |a, b| a $operator b)
            }
        }
    )*};
}
arithmetic!(Add add +, Sub sub -, Mul mul *);

impl Div for Trace {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        self.binary(other, "/", |a, b| a / b)
    }
}

impl Neg for Trace {
    type Output = Self;
    fn neg(self) -> Self {
        self.unary("-", |a| -a)
    }
}

impl Lane for Trace {
    type Mask = TraceMask;
    type U32 = TraceU32;
    type Table<const LEN: usize> = TraceTable;

    fn splat(value: f32) -> Self {
        Trace::Constant(value)
    }
    fn min(self, other: Self) -> Self {
        self.extreme(other, "min", |a, b| if a < b { a } else { b })
    }
    fn max(self, other: Self) -> Self {
        self.extreme(other, "max", |a, b| if a > b { a } else { b })
    }
    fn floor(self) -> Self {
        self.unary("floor", f32::floor)
    }
    fn lt(self, other: Self) -> TraceMask {
        self.compare(other, "<", f32::lt)
    }
    fn le(self, other: Self) -> TraceMask {
        self.compare(other, "<=", f32::le)
    }
    fn select(mask: TraceMask, yes: Self, no: Self) -> Self {
        match mask {
            TraceMask::Constant(true) => yes,
            TraceMask::Constant(false) => no,
            TraceMask::Value(_) => {
                Trace::Value(record(format!("select({}, {}, {})", no.text(), yes.text(), mask.text())))
            }
        }
    }
    fn sqrt(self) -> Self {
        self.unary("sqrt", f32::sqrt)
    }
    fn to_u32(self) -> TraceU32 {
        match self {
            Trace::Constant(a) => TraceU32::Constant(a as u32),
            Trace::Value(_) => TraceU32::Value(record(format!("u32({})", self.text()))),
        }
    }
    fn from_u32(value: TraceU32) -> Self {
        match value {
            TraceU32::Constant(a) => Trace::Constant(a as f32),
            TraceU32::Value(_) => Trace::Value(record(format!("f32({})", value.text()))),
        }
    }
    fn to_bits(self) -> TraceU32 {
        match self {
            Trace::Constant(a) => TraceU32::Constant(a.to_bits()),
            Trace::Value(_) => TraceU32::Value(record(format!("bitcast<u32>({})", self.text()))),
        }
    }
    fn from_bits(bits: TraceU32) -> Self {
        match bits {
            TraceU32::Constant(a) => Trace::Constant(f32::from_bits(a)),
            TraceU32::Value(_) => Trace::Value(record(format!("bitcast<f32>({})", bits.text()))),
        }
    }
    fn fetch<const LEN: usize>(table: TraceTable, index: TraceU32) -> Self {
        let index = match index {
            TraceU32::Constant(i) => format!("{}u", (i as usize).min(LEN - 1)),
            TraceU32::Value(_) => format!("min({}, {}u)", index.text(), LEN - 1),
        };
        Trace::Value(record(format!("number(u + {}u + {index})", table.0)))
    }
}

impl TraceU32 {
    fn text(self) -> String {
        match self {
            TraceU32::Value(n) => format!("v{n}"),
            TraceU32::Constant(c) => format!("{c}u"),
        }
    }

    fn binary(self, other: TraceU32, operator: &str, f: fn(u32, u32) -> u32) -> TraceU32 {
        match (self, other) {
            (TraceU32::Constant(a), TraceU32::Constant(b)) => TraceU32::Constant(f(a, b)),
            _ => TraceU32::Value(record(format!("{} {operator} {}", self.text(), other.text()))),
        }
    }
}

macro_rules! whole {
    ($($trait:ident<$other:ty> $function:ident $operator:literal $method:path),*) => {$(
        impl $trait<$other> for TraceU32 {
            type Output = Self;
            fn $function(self, other: $other) -> Self {
                self.binary(other.into(), $operator, $method)
            }
        }
    )*};
}
whole!(
    Add<TraceU32> add "+" u32::wrapping_add,
    Mul<TraceU32> mul "*" u32::wrapping_mul,
    BitXor<TraceU32> bitxor "^" u32::bitxor,
    BitAnd<TraceU32> bitand "&" u32::bitand,
    Shl<u32> shl "<<" u32::wrapping_shl,
    Shr<u32> shr ">>" u32::wrapping_shr
);

impl From<u32> for TraceU32 {
    fn from(value: u32) -> Self {
        TraceU32::Constant(value)
    }
}

impl LaneU32 for TraceU32 {
    fn splat(value: u32) -> Self {
        TraceU32::Constant(value)
    }
}

impl TraceMask {
    fn text(self) -> String {
        match self {
            TraceMask::Value(n) => format!("v{n}"),
            TraceMask::Constant(c) => c.to_string(),
        }
    }

    fn binary(self, other: TraceMask, operator: &str, f: fn(bool, bool) -> bool) -> TraceMask {
        match (self, other) {
            (TraceMask::Constant(a), TraceMask::Constant(b)) => TraceMask::Constant(f(a, b)),
            _ => TraceMask::Value(record(format!("{} {operator} {}", self.text(), other.text()))),
        }
    }
}

impl BitAnd for TraceMask {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        self.binary(other, "&", |a, b| a & b)
    }
}

impl BitOr for TraceMask {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.binary(other, "|", |a, b| a | b)
    }
}

impl Not for TraceMask {
    type Output = Self;
    fn not(self) -> Self {
        match self {
            TraceMask::Constant(a) => TraceMask::Constant(!a),
            TraceMask::Value(_) => TraceMask::Value(record(format!("!{}", self.text()))),
        }
    }
}

impl LaneMask for TraceMask {}

/// Reads uniforms as `number(u + k)`.
#[derive(Debug, Default)]
pub struct TraceReader {
    next: usize,
}

impl UniformReader<Trace> for TraceReader {
    fn number(&mut self) -> Trace {
        let index = self.next;
        self.next += 1;
        Trace::Value(record(format!("number(u + {index}u)")))
    }

    fn table<const LEN: usize>(&mut self) -> TraceTable {
        let first = self.next;
        self.next += LEN;
        TraceTable(first)
    }
}
