//! The colour that each effect and blend mode gives, against values worked out by hand from the published formulas.

use vfxb_dsl::script::Blend;
use vfxb_dsl::value::Colour;
use vfxb_dsl::vocabulary::Role;

use super::blend::{blend, mix};
use super::cases::{BLENDS, CONTEXT, Pixel, run_combine, run_step};
use super::registry::{effect, effects};
use super::{Argument, FrameContext, Machine};
use crate::exec::tile::{SimdLevel, Tile, TilePlace};

const P: [f32; 3] = [0.2, 0.5, 0.8];
const Q: [f32; 3] = [0.9, 0.1, 0.3];
const BLACK: [f32; 3] = [0.0; 3];
const WHITE: [f32; 3] = [1.0; 3];

/// Effect, its first argument, colour in, colour out.
const COLOURS: &[(&str, f64, [f32; 3], [f32; 3])] = &[
    ("blackwhite", 1.0, P, [0.45788, 0.45788, 0.45788]),
    ("blackwhite", 0.5, Q, [0.59226, 0.19226, 0.29226]),
    ("saturation", 0.0, P, [0.45788, 0.45788, 0.45788]),
    ("saturation", 2.0, P, [-0.05788, 0.54212, 1.14212]),
    ("sepia", 1.0, P, [0.6143, 0.5472, 0.4262]),
    ("sepia", 0.25, Q, [0.796825, 0.183275, 0.309375]),
    ("brightness", 1.5, P, [0.3, 0.75, 1.2]),
    ("brightness", 0.0, P, BLACK),
    ("contrast", 2.0, P, [-0.1, 0.5, 1.1]),
    ("contrast", 0.5, Q, [0.7, 0.3, 0.4]),
    ("exposure", 1.0, P, [0.266968, 0.66742, 1.067872]),
    ("exposure", -2.0, P, [0.112246, 0.280616, 0.448985]),
    ("gamma", 2.2, P, [0.481157, 0.72974, 0.903545]),
    ("gamma", 0.5, Q, [0.81, 0.01, 0.09]),
    ("gamma", 2.2, [0.5 / 255.0, 0.0, 1.0], [0.04028, 0.0, 1.0]),
    ("hue", 90.0, P, [0.8, 0.3299, 0.7154]),
    ("hue", -45.0, Q, [0.709064, 0.113256, 0.73056]),
    ("invert", 1.0, P, [0.8, 0.5, 0.2]),
    ("invert", 0.25, Q, [0.7, 0.3, 0.4]),
    ("vintage", 1.0, P, [0.291535, 0.496974, 0.621565]),
    ("vintage", 1.0, BLACK, [0.125, 0.07, 0.075]),
    ("vintage", 1.0, WHITE, [0.955, 0.935, 0.79]),
    ("vintage", 0.8, Q, [0.839821, 0.142272, 0.276926]),
];

/// Effects whose values stand in a test of their own, here or (kernels) beside the code.
const ELSEWHERE: [&str; 6] = ["temperature", "dip", "vignette", "opacity", "blur", "sharpen"];

fn apply(name: &str, arguments: &[Argument], px: Pixel) -> Pixel {
    match effect(name).unwrap().machine {
        Machine::Affine(matrix) => {
            let [r, g, b] = matrix(arguments, &CONTEXT).apply([px[0], px[1], px[2]].map(f64::from));
            [r as f32, g as f32, b as f32, px[3]]
        }
        Machine::Pixel { bind, prepare } => {
            let mut uniforms = Vec::new();
            prepare(arguments, &CONTEXT, &mut uniforms);
            run_step(&*bind(arguments), SimdLevel::active(), &uniforms, &[px])[0]
        }
        Machine::Kernel(_) | Machine::Transition { .. } => panic!("{name} is no pixel function"),
    }
}

fn assert_close(what: &str, got: &[f32], wanted: &[f32], bound: f32) {
    let near = got.iter().zip(wanted).all(|(a, b)| (a - b).abs() <= bound);
    assert!(near, "{what}: {got:?}, not {wanted:?}");
}

#[test]
fn each_effect_gives_its_closed_form() {
    for &(name, amount, [r, g, b], wanted) in COLOURS {
        let got = apply(name, &[Argument::Number(amount)], [r, g, b, 0.7]);
        assert_close(&format!("{name} {amount}"), &got[..3], &wanted, 2e-6);
        assert_eq!(got[3], 0.7, "{name} leaves alpha");
    }
    for effect in effects().iter().filter(|e| e.spec.role == Role::Picture) {
        let name = effect.spec.name;
        assert!(COLOURS.iter().any(|c| c.0 == name) != ELSEWHERE.contains(&name), "{name} needs values");
    }
}

#[test]
fn dip_mixes_a_colour_in_by_its_alpha_too() {
    let red = Colour { r: 1.0, g: 0.0, b: 0.0, a: 1.0 };
    let got = apply("dip", &[Argument::Colour(red), Argument::Number(0.5)], [0.2, 0.5, 0.8, 1.0]);
    assert_close("dip", &got, &[0.6, 0.25, 0.4, 1.0], 1e-6);
    let half = Colour { a: 0.5, ..red };
    let got = apply("dip", &[Argument::Colour(half), Argument::Number(1.0)], [0.2, 0.5, 0.8, 1.0]);
    assert_close("dip", &got, &[0.6, 0.25, 0.4, 1.0], 1e-6);
}

#[test]
fn opacity_multiplies_alpha_alone() {
    let got = apply("opacity", &[Argument::Number(0.25)], [0.2, 0.5, 0.8, 0.5]);
    assert_eq!(got, [0.2, 0.5, 0.8, 0.125]);
}

/// White under illuminant A (CIE 15: x 0.44757, y 0.40745) and under a black body of 10,000 K (x 0.2807, y 0.2884),
/// against one of 6500 K (x 0.31352, y 0.32363), at equal luminance, to the power 1/2.4.
#[test]
fn temperature_tints_white_as_the_light_does() {
    let white = [1.0; 4];
    let bulb = apply("temperature", &[Argument::Number(2856.0)], white);
    assert_close("2856 K", &bulb[..3], &[1.271945, 0.932602, 0.539052], 0.01);
    let sky = apply("temperature", &[Argument::Number(10_000.0)], white);
    assert_close("10000 K", &sky[..3], &[0.927759, 1.004396, 1.143669], 0.01);
    for px in [bulb, sky] {
        let light = px.map(|c| c.powf(2.4));
        assert_close("luminance", &[0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]], &[1.0], 1e-5);
    }
}

/// At intensity 0.8 and radius 0.35 in 1280×720.
#[test]
fn vignette_falls_off_from_its_ellipse_to_the_corners() {
    let places = [
        (0, 0, 0.2000146),
        (1279, 719, 0.2000146),
        (200, 700, 0.4376621),
        (640, 360, 1.0),
        (1100, 300, 0.9378464),
    ];
    let Machine::Pixel { bind, prepare } = effect("vignette").unwrap().machine else {
        panic!("a pixel function")
    };
    let (arguments, mut uniforms) = ([Argument::Number(0.8), Argument::Number(0.35)], Vec::new());
    prepare(&arguments, &FrameContext { width: 1280, height: 720, ..CONTEXT }, &mut uniforms);
    for (x, y, light) in places {
        let mut tile = Tile { planes: [[0.5; _]; 4] };
        let place = TilePlace { x, y, width: 1280, height: 720 };
        bind(&arguments).run(SimdLevel::active(), &mut tile, &uniforms, &place);
        assert_close("vignette", &[tile.planes[1][0]], &[0.5 * light], 1e-6);
        assert_eq!(tile.planes[3][0], 0.5);
    }
}

/// Of (0.6, 0.3, 0.9) below and (0.2, 0.7, 0.5) above: both opaque, and of alpha 0.5 below, and 0.8 at opacity 0.5
/// above, premultiplied (W3C Compositing and Blending Level 1, §5, §9.1.4, §10).
const BLENDED: &[(Blend, [f32; 3], [f32; 3])] = &[
    (Blend::Normal, [0.2, 0.7, 0.5], [0.26, 0.37, 0.47]),
    (Blend::Multiply, [0.12, 0.21, 0.45], [0.244, 0.272, 0.46]),
    (Blend::Screen, [0.68, 0.79, 0.95], [0.356, 0.388, 0.56]),
    (Blend::Overlay, [0.36, 0.42, 0.9], [0.292, 0.314, 0.55]),
    (Blend::Darken, [0.2, 0.3, 0.5], [0.26, 0.29, 0.47]),
    (Blend::Lighten, [0.6, 0.7, 0.9], [0.34, 0.37, 0.55]),
    (Blend::ColorDodge, [0.75, 1.0, 1.0], [0.37, 0.43, 0.57]),
    (Blend::ColorBurn, [0.0, 0.0, 0.8], [0.22, 0.23, 0.53]),
    (Blend::HardLight, [0.24, 0.58, 0.9], [0.268, 0.346, 0.55]),
    (Blend::SoftLight, [0.456, 0.399089, 0.9], [0.3112, 0.309818, 0.55]),
    (Blend::Difference, [0.4, 0.4, 0.4], [0.3, 0.31, 0.45]),
    (Blend::Exclusion, [0.56, 0.58, 0.5], [0.332, 0.346, 0.47]),
    (Blend::Add, [0.8, 1.0, 1.0], [0.38, 0.43, 0.57]),
    (Blend::Subtract, [0.4, 0.0, 0.4], [0.3, 0.23, 0.45]),
    (Blend::Hue, [0.0624, 0.6624, 0.4224], [0.23248, 0.36248, 0.45448]),
    (Blend::Saturation, [0.576, 0.326, 0.826], [0.3352, 0.2952, 0.5352]),
    (Blend::Color, [0.128, 0.628, 0.428], [0.2456, 0.3556, 0.4556]),
    (Blend::Luminosity, [0.672, 0.372, 0.972], [0.3544, 0.3044, 0.5644]),
];

#[test]
fn each_blend_mode_gives_the_standards_colour() {
    for mode in BLENDS {
        let (_, opaque, translucent) = BLENDED.iter().find(|b| b.0 == mode).unwrap();
        let run = |opacity: f32, below: Pixel, above: Pixel| {
            run_combine(&*blend(mode), SimdLevel::active(), &[opacity], &[below], &[above])[0]
        };
        let got = run(1.0, [0.6, 0.3, 0.9, 1.0], [0.2, 0.7, 0.5, 1.0]);
        assert_close(&format!("{mode:?}"), &got, &[opaque[0], opaque[1], opaque[2], 1.0], 3e-6);
        let got = run(0.5, [0.3, 0.15, 0.45, 0.5], [0.16, 0.56, 0.4, 0.8]);
        assert_close(
            &format!("{mode:?} α"),
            &got,
            &[translucent[0], translucent[1], translucent[2], 0.7],
            3e-6,
        );
    }
}

/// Where the standard divides by 0: a dodge by white is white unless black is beneath, a burn by black is black unless
/// white is beneath.
#[test]
fn dodge_and_burn_keep_the_standards_ends() {
    let run = |mode, below: f32, above: f32| {
        let (below, above) = ([below, below, below, 1.0], [above, above, above, 1.0]);
        run_combine(&*blend(mode), SimdLevel::active(), &[1.0], &[below], &[above])[0][0]
    };
    assert_eq!(run(Blend::ColorDodge, 0.0, 1.0), 0.0);
    assert_close("dodge", &[run(Blend::ColorDodge, 1.0 / 255.0, 1.0)], &[1.0], 1e-6);
    assert_eq!(run(Blend::ColorBurn, 1.0, 0.0), 1.0);
    assert_close("burn", &[run(Blend::ColorBurn, 254.0 / 255.0, 0.0)], &[0.0], 1e-5);
}

#[test]
fn mix_weighs_premultiplied_pixels() {
    let got =
        run_combine(&*mix(), SimdLevel::active(), &[0.25], &[[0.8, 0.4, 0.0, 0.8]], &[[0.0, 0.4, 0.4, 0.4]]);
    assert_close("mix", &got[0], &[0.6, 0.4, 0.1, 0.7], 1e-6);
}
