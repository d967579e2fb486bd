//! From one pixel function to what a pass runs: a loop over a tile for each SIMD level, and WGSL.
//!
//! [`PixelEffect`] and [`PixelCombine`] are what an author writes: a type without data, generic over the lane. The
//! choices of an effect are types too (const parameters), so that nothing is left to decide in the loop. [`step`] and
//! [`combine`] bind them.

use std::marker::PhantomData;
use std::sync::Arc;

use super::lane::{Lane, Position, Rgba};
use super::simd::Floats;
use super::step::{Alpha, Combine, Share, Step};
use super::trace::{self, Trace, TraceReader};
use super::uniforms::{UniformReader, Unpack};
use crate::exec::tile::{SimdLevel, TILE_PIXELS, TILE_ROWS, TILE_WIDTH, Tile, TilePlace};

/// A function of one pixel.
pub trait PixelEffect: Send + Sync + 'static {
    /// Its uniforms.
    type Uniforms<L: Lane>: Unpack<L>;
    /// Which alpha it wants.
    const ALPHA: Alpha;
    /// Its name and choices: equal keys mean equal code.
    fn key() -> String;
    /// The function.
    fn pixel<L: Lane>(uniforms: &Self::Uniforms<L>, at: Position<L>, px: Rgba<L>) -> Rgba<L>;
}

/// A function of two pixels in the same place.
pub trait PixelCombine: Send + Sync + 'static {
    /// Its uniforms.
    type Uniforms<L: Lane>: Unpack<L>;
    /// What both inputs have and the output gets.
    const ALPHA: Alpha;
    /// As [`Combine::keeps_below`].
    const KEEPS_BELOW: bool;
    /// Its name and choices: equal keys mean equal code.
    fn key() -> String;
    /// The function.
    fn pixel<L: Lane>(
        uniforms: &Self::Uniforms<L>,
        at: Position<L>,
        below: Rgba<L>,
        above: Rgba<L>,
    ) -> Rgba<L>;
    /// As [`Combine::share`]. If not given, what the function makes of the shares in place of colours: right for
    /// whatever weighs and adds colours and has none of its own.
    #[inline(always)]
    fn share<L: Lane>(
        uniforms: &Self::Uniforms<L>,
        at: Position<L>,
        below: Rgba<L>,
        above: Rgba<L>,
        shares: [L; 2],
    ) -> L {
        Self::pixel(uniforms, at, below.each(|_| shares[0]), above.each(|_| shares[1])).r
    }
}

/// A pixel function as a step.
pub fn step<E: PixelEffect>() -> Arc<dyn Step> {
    Arc::new(Bound::<E>(PhantomData))
}

/// A two-pixel function as a combination.
pub fn combine<E: PixelCombine>() -> Arc<dyn Combine> {
    Arc::new(Bound::<E>(PhantomData))
}

struct Bound<E>(PhantomData<fn() -> E>);

/// Pixels a lane: with one, the loop over the tile is what the compiler vectorises, at the width of the level.
const WIDTH: usize = 1;

type CpuLane<'u> = Floats<'u, WIDTH>;

/// Reads uniforms from a pass's floats; zeros beyond their end.
struct FloatReader<'u> {
    rest: &'u [f32],
}

impl<'u> UniformReader<CpuLane<'u>> for FloatReader<'u> {
    #[inline(always)]
    fn number(&mut self) -> CpuLane<'u> {
        let value = self.rest.split_off_first().copied().unwrap_or(0.0);
        Floats::splat(value)
    }

    #[inline(always)]
    fn table<const LEN: usize>(&mut self) -> &'u [f32; LEN] {
        let table = self.rest.split_off(..LEN).and_then(|t| t.first_chunk());
        table.unwrap_or(const { &[0.0; LEN] })
    }
}

#[inline(always)]
fn load<'u>(plane: &[f32; TILE_PIXELS], at: usize) -> CpuLane<'u> {
    Floats::new([plane[at]])
}

#[inline(always)]
fn position<'u>(place: &TilePlace, row: usize, column: usize) -> Position<CpuLane<'u>> {
    let whole = |n: i32| Floats::splat(n as f32);
    Position {
        x: whole(place.x.wrapping_add(column as i32)),
        y: whole(place.y.wrapping_add(row as i32)),
        width: whole(place.width as i32),
        height: whole(place.height as i32),
    }
}

/// Whether the right half of a tile lies beyond the picture that a step acts on, as in the last tile of 1920 columns.
fn half_empty(place: &TilePlace) -> bool {
    i64::from(place.width) - i64::from(place.x) <= TILE_WIDTH as i64 / 2
}

/// The loop over a tile. The counts are constants, so that nothing stands in the way of vectors.
#[inline(always)]
fn run_step<E: PixelEffect>(tile: &mut Tile, uniforms: &[f32], place: &TilePlace) {
    if half_empty(place) {
        run_columns::<E, { TILE_WIDTH / 2 }>(tile, uniforms, place);
    } else {
        run_columns::<E, TILE_WIDTH>(tile, uniforms, place);
    }
}

#[inline(always)]
fn run_columns<E: PixelEffect, const COLUMNS: usize>(tile: &mut Tile, uniforms: &[f32], place: &TilePlace) {
    let uniforms = E::Uniforms::<CpuLane<'_>>::unpack(&mut FloatReader { rest: uniforms });
    let [r, g, b, a] = &mut tile.planes;
    for row in 0..TILE_ROWS {
        for column in 0..COLUMNS {
            let i = row * TILE_WIDTH + column;
            let px = Rgba { r: load(r, i), g: load(g, i), b: load(b, i), a: load(a, i) };
            let px = E::pixel(&uniforms, position(place, row, column), px);
            (r[i], g[i], b[i], a[i]) = (px.r.0[0], px.g.0[0], px.b.0[0], px.a.0[0]);
        }
    }
}

#[inline(always)]
fn run_combine<E: PixelCombine>(below: &mut Tile, above: &Tile, uniforms: &[f32], place: &TilePlace) {
    let uniforms = E::Uniforms::<CpuLane<'_>>::unpack(&mut FloatReader { rest: uniforms });
    let [r, g, b, a] = &mut below.planes;
    let [or, og, ob, oa] = &above.planes;
    for row in 0..TILE_ROWS {
        for column in 0..TILE_WIDTH {
            let i = row * TILE_WIDTH + column;
            let lower = Rgba { r: load(r, i), g: load(g, i), b: load(b, i), a: load(a, i) };
            let upper = Rgba { r: load(or, i), g: load(og, i), b: load(ob, i), a: load(oa, i) };
            let px = E::pixel(&uniforms, position(place, row, column), lower, upper);
            (r[i], g[i], b[i], a[i]) = (px.r.0[0], px.g.0[0], px.b.0[0], px.a.0[0]);
        }
    }
}

#[inline(always)]
fn run_share<E: PixelCombine>(
    (share, other): (&mut Share, &Share),
    [below, above]: [&Tile; 2],
    uniforms: &[f32],
    place: &TilePlace,
) {
    let uniforms = E::Uniforms::<CpuLane<'_>>::unpack(&mut FloatReader { rest: uniforms });
    let [r, g, b, a] = &below.planes;
    let [or, og, ob, oa] = &above.planes;
    for row in 0..TILE_ROWS {
        for column in 0..TILE_WIDTH {
            let i = row * TILE_WIDTH + column;
            let lower = Rgba { r: load(r, i), g: load(g, i), b: load(b, i), a: load(a, i) };
            let upper = Rgba { r: load(or, i), g: load(og, i), b: load(ob, i), a: load(oa, i) };
            let shares = [load(share, i), load(other, i)];
            share[i] = E::share(&uniforms, position(place, row, column), lower, upper, shares).0[0];
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_step_avx2<E: PixelEffect>(tile: &mut Tile, uniforms: &[f32], place: &TilePlace) {
    run_step::<E>(tile, uniforms, place);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn run_step_avx512<E: PixelEffect>(tile: &mut Tile, uniforms: &[f32], place: &TilePlace) {
    run_step::<E>(tile, uniforms, place);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_combine_avx2<E: PixelCombine>(below: &mut Tile, above: &Tile, uniforms: &[f32], place: &TilePlace) {
    run_combine::<E>(below, above, uniforms, place);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn run_combine_avx512<E: PixelCombine>(below: &mut Tile, above: &Tile, uniforms: &[f32], place: &TilePlace) {
    run_combine::<E>(below, above, uniforms, place);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_share_avx2<E: PixelCombine>(
    shares: (&mut Share, &Share),
    pixels: [&Tile; 2],
    uniforms: &[f32],
    place: &TilePlace,
) {
    run_share::<E>(shares, pixels, uniforms, place);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn run_share_avx512<E: PixelCombine>(
    shares: (&mut Share, &Share),
    pixels: [&Tile; 2],
    uniforms: &[f32],
    place: &TilePlace,
) {
    run_share::<E>(shares, pixels, uniforms, place);
}

impl<E: PixelEffect> Step for Bound<E> {
    fn key(&self) -> String {
        E::key()
    }

    fn uniforms(&self) -> usize {
        <E::Uniforms<Trace> as Unpack<Trace>>::LEN
    }

    fn alpha(&self) -> Alpha {
        E::ALPHA
    }

    fn run(&self, level: SimdLevel, tile: &mut Tile, uniforms: &[f32], place: &TilePlace) {
        match level.available() {
            // SAFETY: `available` gives no level whose instructions the machine lacks.
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx512 => unsafe { run_step_avx512::<E>(tile, uniforms, place) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx2 => unsafe { run_step_avx2::<E>(tile, uniforms, place) },
            _ => run_step::<E>(tile, uniforms, place),
        }
    }

    fn wgsl(&self, name: &str) -> String {
        let head = format!("fn {name}(u: u32, at: vec4<f32>, px: vec4<f32>) -> vec4<f32>");
        trace::function(&head, || {
            let uniforms = E::Uniforms::<Trace>::unpack(&mut TraceReader::default());
            E::pixel(&uniforms, Trace::position(), Trace::pixel("px"))
        })
    }
}

impl<E: PixelCombine> Combine for Bound<E> {
    fn key(&self) -> String {
        E::key()
    }

    fn uniforms(&self) -> usize {
        <E::Uniforms<Trace> as Unpack<Trace>>::LEN
    }

    fn alpha(&self) -> Alpha {
        E::ALPHA
    }

    fn keeps_below(&self) -> bool {
        E::KEEPS_BELOW
    }

    fn run(&self, level: SimdLevel, below: &mut Tile, above: &Tile, uniforms: &[f32], place: &TilePlace) {
        match level.available() {
            // SAFETY: `available` gives no level whose instructions the machine lacks.
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx512 => unsafe { run_combine_avx512::<E>(below, above, uniforms, place) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx2 => unsafe { run_combine_avx2::<E>(below, above, uniforms, place) },
            _ => run_combine::<E>(below, above, uniforms, place),
        }
    }

    fn wgsl(&self, name: &str) -> String {
        let head =
            format!("fn {name}(u: u32, at: vec4<f32>, below: vec4<f32>, above: vec4<f32>) -> vec4<f32>");
        trace::function(&head, || {
            let uniforms = E::Uniforms::<Trace>::unpack(&mut TraceReader::default());
            E::pixel(&uniforms, Trace::position(), Trace::pixel("below"), Trace::pixel("above"))
        })
    }

    fn share(
        &self,
        level: SimdLevel,
        shares: (&mut Share, &Share),
        pixels: [&Tile; 2],
        uniforms: &[f32],
        place: &TilePlace,
    ) {
        match level.available() {
            // SAFETY: `available` gives no level whose instructions the machine lacks.
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx512 => unsafe { run_share_avx512::<E>(shares, pixels, uniforms, place) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx2 => unsafe { run_share_avx2::<E>(shares, pixels, uniforms, place) },
            _ => run_share::<E>(shares, pixels, uniforms, place),
        }
    }

    fn share_wgsl(&self, name: &str) -> String {
        let head = format!(
            "fn {name}(u: u32, at: vec4<f32>, below: vec4<f32>, above: vec4<f32>, shares: vec2<f32>) -> f32"
        );
        trace::number_function(&head, || {
            let uniforms = E::Uniforms::<Trace>::unpack(&mut TraceReader::default());
            let (below, above) = (Trace::pixel("below"), Trace::pixel("above"));
            E::share(&uniforms, Trace::position(), below, above, Trace::pair("shares"))
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::effect::cases::{Pixel, position, run_step, steps};
    use crate::exec::tile::SimdLevel;

    /// The step that does everything a lane offers, against the same in plain floats.
    #[test]
    fn lanes_do_what_plain_floats_do() {
        let case = steps().pop().unwrap();
        let pixels: Vec<Pixel> =
            (0..512).map(|i| [i as f32 / 256.0 - 0.5, i as f32 / 300.0, i as f32, 0.5]).collect();
        let curve = |x: f32| {
            let at = |i: f32| (i / 63.0).powi(2);
            let i = (x * 63.0).clamp(0.0, 62.0).floor();
            at(i) + (at(i + 1.0) - at(i)) * (x * 63.0 - i)
        };
        for (i, got) in run_step(&*case.step, SimdLevel::active(), &case.uniforms, &pixels).iter().enumerate()
        {
            let ([r, g, b, a], (x, y)) = (pixels[i], position(i));
            let state = (x as u32 + y as u32 * 1973).wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
            let mixed = ((state >> 15) ^ state).wrapping_mul(277_803_737);
            let noise = ((mixed ^ (mixed << 7)) & 0x00ff_ffff) as f32 / 16_777_216.0;
            let green = if g > 0.0 && g < 1.0 { g } else { g.clamp(0.0, 1.0) };
            let wanted = [curve(r) * 0.25 - r * 0.75, green.sqrt() + 0.5, noise - 2.0 / (b.abs() + 1.0), a];
            for (got, wanted) in got.iter().zip(wanted) {
                assert!((got - wanted).abs() < 2e-6, "pixel {i}: {got} against {wanted}");
            }
        }
    }
}
