//! How one picture is painted on another, and how two are mixed.
//!
//! Colours are premultiplied and gamma-encoded. The modes are those of W3C Compositing and Blending Level 1 §10 with
//! source-over compositing (§9.1.4), written on premultiplied colours so that most need no division, and `add` and
//! `subtract`. Where the standard's formula jumps (a division by a colour that is 0), it is replaced below 1/255 by a
//! line, so that it is continuous and both machines agree.

use std::marker::PhantomData;
use std::sync::Arc;

use vfxb_dsl::script::Blend;

use super::bind::{PixelCombine, combine};
use super::lane::{Lane, Position, Rgba};
use super::math::TINY;
use super::step::{Alpha, Combine};
use super::uniforms::{Nothing, uniforms};

/// The combination of a blend mode. One uniform: the opacity of what is above, 0–1.
pub fn blend(mode: Blend) -> Arc<dyn Combine> {
    match mode {
        Blend::Normal => combine::<Blended<Normal>>(),
        Blend::Multiply => combine::<Blended<Multiply>>(),
        Blend::Screen => combine::<Blended<Screen>>(),
        Blend::Overlay => combine::<Blended<Overlay>>(),
        Blend::Darken => combine::<Blended<Darken>>(),
        Blend::Lighten => combine::<Blended<Lighten>>(),
        Blend::ColorDodge => combine::<Blended<ColorDodge>>(),
        Blend::ColorBurn => combine::<Blended<ColorBurn>>(),
        Blend::HardLight => combine::<Blended<HardLight>>(),
        Blend::SoftLight => combine::<Blended<SoftLight>>(),
        Blend::Difference => combine::<Blended<Difference>>(),
        Blend::Exclusion => combine::<Blended<Exclusion>>(),
        Blend::Add => combine::<Blended<Add>>(),
        Blend::Subtract => combine::<Blended<Subtract>>(),
        Blend::Hue => combine::<Blended<Hue>>(),
        Blend::Saturation => combine::<Blended<Saturation>>(),
        Blend::Color => combine::<Blended<Color>>(),
        Blend::Luminosity => combine::<Blended<Luminosity>>(),
    }
}

/// What is below at 0, what is above at 1, exactly. One uniform: the share of what is above.
pub fn mix() -> Arc<dyn Combine> {
    combine::<Mix>()
}

uniforms! {
    /// The uniforms of [`Mix`].
    pub struct MixUniforms {
        /// Of what is above, 0–1.
        share: number,
    }
}

/// A weighted sum of two premultiplied pixels.
pub struct Mix;

impl PixelCombine for Mix {
    type Uniforms<L: Lane> = MixUniforms<L>;
    const ALPHA: Alpha = Alpha::Premultiplied;
    const KEEPS_BELOW: bool = false;

    fn key() -> String {
        "mix".into()
    }

    #[inline(always)]
    fn pixel<L: Lane>(u: &MixUniforms<L>, _: Position<L>, below: Rgba<L>, above: Rgba<L>) -> Rgba<L> {
        weighted(below, above, u.share)
    }
}

/// What is below, where what is above is opaque (Porter–Duff "in"). No uniforms.
pub fn mask() -> Arc<dyn Combine> {
    combine::<Mask>()
}

/// One premultiplied pixel times the alpha of another.
pub struct Mask;

impl PixelCombine for Mask {
    type Uniforms<L: Lane> = Nothing<L>;
    const ALPHA: Alpha = Alpha::Premultiplied;
    const KEEPS_BELOW: bool = false;

    fn key() -> String {
        "mask".into()
    }

    #[inline(always)]
    fn pixel<L: Lane>(_: &Nothing<L>, _: Position<L>, below: Rgba<L>, above: Rgba<L>) -> Rgba<L> {
        Rgba { r: below.r * above.a, g: below.g * above.a, b: below.b * above.a, a: below.a * above.a }
    }
}

/// `below` at 0 and `above` at 1, exactly at both (which `a + (b − a) × share` is not).
#[inline(always)]
pub(crate) fn weighted<L: Lane>(below: Rgba<L>, above: Rgba<L>, share: L) -> Rgba<L> {
    let rest = L::splat(1.0) - share;
    Rgba {
        r: below.r * rest + above.r * share,
        g: below.g * rest + above.g * share,
        b: below.b * rest + above.b * share,
        a: below.a * rest + above.a * share,
    }
}

uniforms! {
    /// The uniforms of every blend mode.
    pub struct BlendUniforms {
        /// Of what is above, 0–1.
        opacity: number,
    }
}

struct Blended<M>(PhantomData<fn() -> M>);

impl<M: Mode> PixelCombine for Blended<M> {
    type Uniforms<L: Lane> = BlendUniforms<L>;
    const ALPHA: Alpha = Alpha::Premultiplied;
    const KEEPS_BELOW: bool = true;

    fn key() -> String {
        format!("blend {}", M::NAME)
    }

    #[inline(always)]
    fn pixel<L: Lane>(u: &BlendUniforms<L>, _: Position<L>, below: Rgba<L>, above: Rgba<L>) -> Rgba<L> {
        let s = Rgba { a: above.a * u.opacity, ..above.each(|c| c * u.opacity) };
        let (clear_s, clear_b) = (L::splat(1.0) - s.a, L::splat(1.0) - below.a);
        let a = below.a * clear_s + s.a;
        if M::SOURCE_OVER {
            return Rgba {
                r: below.r * clear_s + s.r,
                g: below.g * clear_s + s.g,
                b: below.b * clear_s + s.b,
                a,
            };
        }
        let [r, g, b] = M::both(below, s);
        Rgba {
            r: below.r * clear_s + s.r * clear_b + r,
            g: below.g * clear_s + s.g * clear_b + g,
            b: below.b * clear_s + s.b * clear_b + b,
            a,
        }
    }

    #[inline(always)]
    fn share<L: Lane>(
        u: &BlendUniforms<L>,
        _: Position<L>,
        below: Rgba<L>,
        above: Rgba<L>,
        shares: [L; 2],
    ) -> L {
        let s = Rgba { a: above.a * u.opacity, ..above.each(|c| c * u.opacity) };
        let (clear_s, clear_b) = (L::splat(1.0) - s.a, L::splat(1.0) - below.a);
        let above = shares[1] * u.opacity;
        if M::SOURCE_OVER {
            return shares[0] * clear_s + above;
        }
        shares[0] * (clear_s + M::kept(below, s)) + above * clear_b
    }
}

/// A blend mode, `B(Cb, Cs)` of the standard.
trait Mode: Send + Sync + 'static {
    /// As the language has it.
    const NAME: &'static str;
    /// Whether `B` is the source, so that blending is plain compositing.
    const SOURCE_OVER: bool = false;
    /// `αb · αs · B(Cb, Cs)` of the three premultiplied colours.
    fn both<L: Lane>(b: Rgba<L>, s: Rgba<L>) -> [L; 3];
    /// How much of what is below `B` hands through where both are: its slope, the least of the three colours', from 0
    /// to 1, times `αs`. So a source that changes nothing hands all through, and what a mode replaces or clips does
    /// not show. 0 where the colours act on each other.
    #[inline(always)]
    fn kept<L: Lane>(_below: Rgba<L>, _above: Rgba<L>) -> L {
        L::splat(0.0)
    }
}

macro_rules! mode {
    ($name:ident $word:literal, |$b:ident, $ab:ident, $s:ident, $as:ident| $each:expr, keeps $kept:expr) => {
        struct $name;
        impl Mode for $name {
            const NAME: &'static str = $word;
            #[inline(always)]
            fn both<L: Lane>(below: Rgba<L>, above: Rgba<L>) -> [L; 3] {
                let ($ab, $as) = (below.a, above.a);
                let each = |$b: L, $s: L| $each;
                [each(below.r, above.r), each(below.g, above.g), each(below.b, above.b)]
            }
            #[inline(always)]
            fn kept<L: Lane>(below: Rgba<L>, above: Rgba<L>) -> L {
                let ($ab, $as) = (below.a, above.a);
                let each = |$b: L, $s: L| {
                    let _ = ($b, $ab, $as);
                    $kept
                };
                least([each(below.r, above.r), each(below.g, above.g), each(below.b, above.b)])
            }
        }
    };
    ($name:ident $word:literal, |$b:ident, $s:ident| $all:expr) => {
        struct $name;
        impl Mode for $name {
            const NAME: &'static str = $word;
            #[inline(always)]
            fn both<L: Lane>(below: Rgba<L>, above: Rgba<L>) -> [L; 3] {
                let ($b, $s) = (straight(below), straight(above));
                let both = below.a * above.a;
                $all.map(|c: L| c * both)
            }
        }
    };
}

struct Normal;

impl Mode for Normal {
    const NAME: &'static str = "normal";
    const SOURCE_OVER: bool = true;
    #[inline(always)]
    fn both<L: Lane>(b: Rgba<L>, s: Rgba<L>) -> [L; 3] {
        [s.r * b.a, s.g * b.a, s.b * b.a]
    }
}

mode!(Multiply "multiply", |b, _ab, s, _sa| b * s, keeps s);
mode!(Screen "screen", |b, ab, s, sa| b * sa + s * ab - b * s, keeps sa - s);
mode!(Overlay "overlay", |b, ab, s, sa| hard_light(s, sa, b, ab), keeps s.min(sa - s) * 2.0);
mode!(HardLight "hard-light", |b, ab, s, sa| hard_light(b, ab, s, sa), keeps s.min(sa - s) * 2.0);
mode!(Darken "darken", |b, ab, s, sa| (b * sa).min(s * ab), keeps until(sa, b * sa - s * ab));
mode!(Lighten "lighten", |b, ab, s, sa| (b * sa).max(s * ab), keeps until(sa, s * ab - b * sa));
mode!(Difference "difference", |b, ab, s, sa| (b * sa - s * ab).abs(), keeps {
    (sa - s * 2.0).min(until(sa, s * ab - b * sa)).max(L::splat(0.0))
});
mode!(Exclusion "exclusion", |b, ab, s, sa| b * sa + s * ab - b * s * 2.0, keeps {
    (sa - s * 2.0).max(L::splat(0.0))
});
mode!(Add "add", |b, ab, s, sa| (b * sa + s * ab).min(ab * sa), keeps until(sa, b * sa + s * ab - ab * sa));
mode!(Subtract "subtract", |b, ab, s, sa| (b * sa - s * ab).max(L::splat(0.0)), keeps {
    until(sa, s * ab - b * sa)
});
mode!(ColorDodge "color-dodge", |b, ab, s, sa| (ab * sa).min(b * ramp(sa, sa - s)), keeps {
    until(sa, b * ramp(sa, sa - s) - ab * sa)
});
mode!(ColorBurn "color-burn", |b, ab, s, sa| ab * sa - (ab * sa).min((ab - b) * ramp(sa, s)), keeps {
    until(sa, (ab - b) * ramp(sa, s) - ab * sa)
});
mode!(SoftLight "soft-light", |b, ab, s, sa| {
    let c = b / ab.max(L::splat(TINY));
    let bright = L::select(
        c.le(L::splat(0.25)),
        ((c * 16.0 - 12.0) * c + 4.0) * c,
        c.max(L::splat(0.0)).sqrt(),
    );
    let dark = s * 2.0 - sa;
    b * sa + ab * dark * L::select(dark.le(L::splat(0.0)), c - c * c, bright - c)
}, keeps sa - (s * 2.0 - sa).abs());
mode!(Hue "hue", |b, s| set_luma(set_saturation(s, saturation(b)), luma(b)));
mode!(Saturation "saturation", |b, s| set_luma(set_saturation(b, saturation(s)), luma(b)));
mode!(Color "color", |b, s| set_luma(s, luma(b)));
mode!(Luminosity "luminosity", |b, s| set_luma(b, luma(s)));

/// §10.1.8: multiply by a dark source, screen with a light one.
#[inline(always)]
fn hard_light<L: Lane>(b: L, ab: L, s: L, sa: L) -> L {
    let light = ab * sa - (ab - b) * (sa - s) * 2.0;
    L::select((s * 2.0).le(sa), b * s * 2.0, light)
}

/// `αs / (part / αs)`, the part of the source's alpha not below one code.
#[inline(always)]
fn ramp<L: Lane>(alpha: L, part: L) -> L {
    alpha * alpha / part.max(alpha * (1.0 / 255.0)).max(L::splat(TINY))
}

/// All of `αs` up to where a mode clips or takes the source, nothing from a sixteenth `past` it; a ramp, so that it is
/// continuous.
#[inline(always)]
fn until<L: Lane>(alpha: L, past: L) -> L {
    (alpha - past * 16.0).max(L::splat(0.0)).min(alpha)
}

/// The colour without its alpha, in 0–1, on which alone the non-separable modes are defined.
#[inline(always)]
fn straight<L: Lane>(px: Rgba<L>) -> [L; 3] {
    let alpha = px.a.max(L::splat(TINY));
    [px.r, px.g, px.b].map(|c| (c / alpha).clamp(0.0, 1.0))
}

/// Lum of §10.2.
#[inline(always)]
fn luma<L: Lane>(c: [L; 3]) -> L {
    c[0] * 0.3 + c[1] * 0.59 + c[2] * 0.11
}

#[inline(always)]
fn least<L: Lane>(c: [L; 3]) -> L {
    c[0].min(c[1]).min(c[2])
}

#[inline(always)]
fn greatest<L: Lane>(c: [L; 3]) -> L {
    c[0].max(c[1]).max(c[2])
}

/// Sat of §10.2.
#[inline(always)]
fn saturation<L: Lane>(c: [L; 3]) -> L {
    greatest(c) - least(c)
}

/// SetSat of §10.2; a colour with less saturation than one code fades to grey, which has no hue.
#[inline(always)]
fn set_saturation<L: Lane>(c: [L; 3], wanted: L) -> [L; 3] {
    let low = least(c);
    let scale = wanted / (greatest(c) - low).max(L::splat(1.0 / 255.0));
    c.map(|x| (x - low) * scale)
}

/// SetLum and ClipColor of §10.2.
#[inline(always)]
fn set_luma<L: Lane>(c: [L; 3], wanted: L) -> [L; 3] {
    let (zero, one, tiny) = (L::splat(0.0), L::splat(1.0), L::splat(TINY));
    let moved = wanted - luma(c);
    let c = c.map(|x| x + moved);
    let (low, high) = (least(c), greatest(c));
    let up = L::select(low.lt(zero), wanted / (wanted - low).max(tiny), one);
    let down = L::select(one.lt(high), (one - wanted) / (high - wanted).max(tiny), one);
    let scale = up * down;
    c.map(|x| wanted + (x - wanted) * scale)
}
