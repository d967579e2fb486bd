//! What the tests run over the whole registry: every step and combination with arguments at and between the ends of
//! their ranges, and pixels at every breakpoint. The executors' tests take the same cases.

use std::sync::Arc;

use vfxb_dsl::lower::read_parameter;
use vfxb_dsl::script::{Blend, ParamValue};
use vfxb_dsl::value::{Animated, Colour};
use vfxb_dsl::vocabulary::{EffectSpec, FieldSpec, FieldType};

use super::bind::{PixelEffect, step};
use super::blend::{blend, mix};
use super::lane::{Lane, LaneU32, Position, Rgba};
use super::registry::effects;
use super::step::{Alpha, Combine, Step};
use super::uniforms::{Host, table, uniforms};
use super::{Argument, FrameContext, Machine};
use crate::exec::tile::{SimdLevel, TILE_PIXELS, TILE_WIDTH, Tile, TilePlace};

/// A pixel: r, g, b, a.
pub(crate) type Pixel = [f32; 4];

/// Where the pixels of a case lie: in the middle of a picture of this size.
pub(crate) const CONTEXT: FrameContext = FrameContext { frame: 7, time: 0.25, width: 1280, height: 720 };
/// The place of the tile that holds them.
pub(crate) const PLACE: TilePlace = TilePlace { x: 512, y: 358, width: 1280, height: 720 };

/// A step with one frame's numbers.
pub(crate) struct StepCase {
    /// The effect and its arguments, for messages.
    pub(crate) name: String,
    /// The step.
    pub(crate) step: Arc<dyn Step>,
    /// Its uniforms.
    pub(crate) uniforms: Vec<f32>,
}

/// A combination with one frame's numbers.
pub(crate) struct CombineCase {
    /// The transition or blend mode and its arguments, for messages.
    pub(crate) name: String,
    /// The combination.
    pub(crate) combine: Arc<dyn Combine>,
    /// Its uniforms.
    pub(crate) uniforms: Vec<f32>,
}

/// All blend modes.
pub(crate) const BLENDS: [Blend; 18] = [
    Blend::Normal,
    Blend::Multiply,
    Blend::Screen,
    Blend::Overlay,
    Blend::Darken,
    Blend::Lighten,
    Blend::ColorDodge,
    Blend::ColorBurn,
    Blend::HardLight,
    Blend::SoftLight,
    Blend::Difference,
    Blend::Exclusion,
    Blend::Add,
    Blend::Subtract,
    Blend::Hue,
    Blend::Saturation,
    Blend::Color,
    Blend::Luminosity,
];

/// Every pixel effect of the registry, with several sets of arguments each, and [`EveryOperation`].
pub(crate) fn steps() -> Vec<StepCase> {
    let mut out = Vec::new();
    for effect in effects() {
        let Machine::Pixel { bind, prepare } = effect.machine else { continue };
        for arguments in argument_sets(&effect.spec) {
            let mut uniforms = Vec::new();
            prepare(&arguments, &CONTEXT, &mut uniforms);
            let name = format!("{} {arguments:?}", effect.spec.name);
            out.push(StepCase { name, step: bind(&arguments), uniforms });
        }
    }
    let mut uniforms = Vec::new();
    Uniforms::<Host> { amount: 0.75, curve: table(|x| x * x) }.pack(&mut uniforms);
    out.push(StepCase { name: EveryOperation::key(), step: step::<EveryOperation>(), uniforms });
    out
}

uniforms! {
    struct Uniforms {
        amount: number,
        curve: [table; 64],
    }
}

/// A step that does what lanes offer and no effect of the registry happens to use.
struct EveryOperation;

impl PixelEffect for EveryOperation {
    type Uniforms<L: Lane> = Uniforms<L>;
    const ALPHA: Alpha = Alpha::Either;

    fn key() -> String {
        "every operation of a lane".into()
    }

    #[inline(always)]
    fn pixel<L: Lane>(u: &Uniforms<L>, at: Position<L>, px: Rgba<L>) -> Rgba<L> {
        let word = |n| L::U32::splat(n);
        // PCG's output permutation, as a hash of the place.
        let state = (at.x.to_u32() + at.y.to_u32() * word(1973)) * word(747_796_405) + word(2_891_336_453);
        let mixed = ((state >> 15) ^ state) * word(277_803_737);
        let noise = L::from_u32((mixed ^ (mixed << 7)) & word(0x00ff_ffff)) * (1.0 / 16_777_216.0);
        let (zero, one) = (L::splat(0.0), L::splat(1.0));
        let middle = zero.lt(px.g) & !one.le(px.g) | at.width.lt(at.height);
        // A ramp on both sides of each comparison, so that a difference of rounding does not jump.
        let held = L::select(middle, px.g, px.g.clamp(0.0, 1.0));
        Rgba {
            r: px.r.look_up(u.curve).mix(-px.r, u.amount),
            g: held.max(zero).sqrt() + L::from_bits(L::splat(0.5).to_bits()),
            b: noise - L::splat(2.0) / (px.b.abs() + 1.0),
            a: px.a,
        }
    }
}

/// Every transition at several points of its progress, every blend mode at several opacities, and the mix.
pub(crate) fn combines() -> Vec<CombineCase> {
    let mut out = Vec::new();
    for effect in effects() {
        let Machine::Transition { bind, prepare, .. } = effect.machine else { continue };
        for arguments in argument_sets(&effect.spec) {
            for progress in [0.0, 0.3, 0.5, 0.8, 1.0] {
                let mut uniforms = Vec::new();
                prepare(&arguments, progress, &CONTEXT, &mut uniforms);
                let name = format!("{} {arguments:?} at {progress}", effect.spec.name);
                out.push(CombineCase { name, combine: bind(&arguments), uniforms });
            }
        }
    }
    for share in [0.0, 0.37, 1.0] {
        out.push(CombineCase { name: format!("mix {share}"), combine: mix(), uniforms: vec![share] });
        for mode in BLENDS {
            let name = format!("blend {mode:?} at {share}");
            out.push(CombineCase { name, combine: blend(mode), uniforms: vec![share] });
        }
    }
    out
}

/// Defaults, neutral settings, both ends of all ranges, and six random points between (seeded).
pub(crate) fn argument_sets(spec: &EffectSpec) -> Vec<Vec<Argument>> {
    let mut random = Random::new(spec.name.bytes().map(u64::from).sum());
    let mut sets = vec![defaults(spec), neutral(spec).unwrap_or_else(|| defaults(spec))];
    for share in [0.0, 1.0] {
        sets.push(spec.params.iter().map(|p| within(p.ty, share, &mut random)).collect());
    }
    for _ in 0..6 {
        let set = spec.params.iter().map(|p| {
            let share = random.unit();
            within(p.ty, share, &mut random)
        });
        sets.push(set.collect());
    }
    sets
}

/// Every parameter at its default.
pub(crate) fn defaults(spec: &EffectSpec) -> Vec<Argument> {
    spec.params.iter().map(|p| read(p, p.default)).collect()
}

/// Every parameter that has one at its neutral setting, the others at their defaults; `None` if none has one.
pub(crate) fn neutral(spec: &EffectSpec) -> Option<Vec<Argument>> {
    spec.params.iter().any(|p| p.neutral.is_some()).then_some(())?;
    Some(spec.params.iter().map(|p| read(p, p.neutral.or(p.default))).collect())
}

/// A spec's text as the language reads it.
fn read(param: &FieldSpec, text: Option<&str>) -> Argument {
    let Some(text) = text else { return Argument::Absent };
    match read_parameter(param, text).unwrap_or_else(|fault| panic!("{}: {}", param.name, fault.what)) {
        ParamValue::Number(Animated::Constant(n)) => Argument::Number(n),
        ParamValue::Colour(Animated::Constant(c)) => Argument::Colour(c),
        ParamValue::Word(index) => Argument::Word(index),
        other => panic!("add {other:?} here"),
    }
}

fn within(ty: FieldType, share: f64, random: &mut Random) -> Argument {
    let between = |min: f64, max: f64| Argument::Number(min + (max - min) * share);
    match ty {
        FieldType::Number { min, max } => between(min, max),
        FieldType::Angle => between(-720.0, 720.0),
        FieldType::Temperature => between(1000.0, 40000.0),
        FieldType::Word(words) => Argument::Word((random.unit() * words.len() as f64) as usize),
        FieldType::Length(_) => Argument::Length(share * 50.0),
        FieldType::Colour => {
            let mut part = || random.unit() as f32;
            Argument::Colour(Colour { r: part(), g: part(), b: part(), a: part() })
        }
        other => panic!("add the type {other:?} here"),
    }
}

/// A tile's worth of straight pixels: the corners of the cube, values about every breakpoint, and random ones, some out
/// of 0–1. `salt` gives other pixels.
pub(crate) fn pixels(salt: u64) -> Vec<Pixel> {
    let mut random = Random::new(salt);
    let code = 1.0 / 255.0;
    let levels =
        [0.0, code, code - 1e-6, code + 1e-6, 0.25, 0.25 + 1e-6, 0.5, 0.5 - 1e-6, 0.75, 1.0 - code, 1.0];
    let alphas = [1.0, 1.0, 1.0, 0.0, 0.5, code];
    let mut out = Vec::with_capacity(TILE_PIXELS);
    for corner in 0..8u8 {
        out.push(
            [0, 1, 2].map(|bit| f32::from(corner >> bit & 1)).into_iter().chain([1.0]).collect::<Vec<_>>(),
        );
    }
    for level in levels {
        out.push(vec![level, level, level, 1.0]);
    }
    while out.len() < TILE_PIXELS {
        let mut pick = |from: &[f32]| from[(random.unit() * from.len() as f64) as usize];
        let broken = [pick(&levels), pick(&levels), pick(&levels), pick(&alphas)];
        out.push(broken.to_vec());
        let alpha = pick(&alphas);
        let mut wide = || (random.unit() * 1.5 - 0.25) as f32;
        out.push(vec![wide(), wide(), wide(), alpha]);
    }
    out.truncate(TILE_PIXELS);
    out.into_iter().map(|p| [p[0], p[1], p[2], p[3]]).collect()
}

/// The pixels as a step or combination of this alpha wants them.
pub(crate) fn as_wanted(pixels: &[Pixel], alpha: Alpha) -> Vec<Pixel> {
    let multiply = |&[r, g, b, a]: &Pixel| [r * a, g * a, b * a, a];
    match alpha {
        Alpha::Premultiplied => pixels.iter().map(multiply).collect(),
        Alpha::Straight | Alpha::Either => pixels.to_vec(),
    }
}

/// A step over up to a tile's pixels, which lie row after row from [`PLACE`].
pub(crate) fn run_step(step: &dyn Step, level: SimdLevel, uniforms: &[f32], pixels: &[Pixel]) -> Vec<Pixel> {
    let mut tile = tile_of(pixels);
    step.run(level, &mut tile, uniforms, &PLACE);
    pixels_of(&tile, pixels.len())
}

/// A combination over up to a tile's pixels of both.
pub(crate) fn run_combine(
    combine: &dyn Combine,
    level: SimdLevel,
    uniforms: &[f32],
    below: &[Pixel],
    above: &[Pixel],
) -> Vec<Pixel> {
    let mut tile = tile_of(below);
    combine.run(level, &mut tile, &tile_of(above), uniforms, &PLACE);
    pixels_of(&tile, below.len())
}

/// The shares of a combination of both, where all pixels of each have the same.
pub(crate) fn run_share(
    combine: &dyn Combine,
    level: SimdLevel,
    uniforms: &[f32],
    [below, above]: [&[Pixel]; 2],
    shares: [f32; 2],
) -> Vec<f32> {
    let [mut share, other] = shares.map(|s| [s; TILE_PIXELS]);
    let pixels = [&tile_of(below), &tile_of(above)];
    combine.share(level, (&mut share, &other), pixels, uniforms, &PLACE);
    share[..below.len()].to_vec()
}

/// Column and row of pixel `i` of a case, in the picture.
pub(crate) fn position(i: usize) -> (f32, f32) {
    ((PLACE.x as usize + i % TILE_WIDTH) as f32, (PLACE.y as usize + i / TILE_WIDTH) as f32)
}

fn tile_of(pixels: &[Pixel]) -> Tile {
    let mut tile = Tile::new();
    for (i, px) in pixels.iter().enumerate() {
        for (plane, value) in tile.planes.iter_mut().zip(px) {
            plane[i] = *value;
        }
    }
    tile
}

fn pixels_of(tile: &Tile, count: usize) -> Vec<Pixel> {
    (0..count).map(|i| std::array::from_fn(|k| tile.planes[k][i])).collect()
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub(crate) struct Random(u64);

impl Random {
    /// Seeded.
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// From 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}
