//! What holds for every effect, transition and blend mode, tested over the whole registry.

use std::collections::HashSet;

use vfxb_dsl::script::Blend;
use vfxb_dsl::vocabulary::Role;

use super::blend::blend;
use super::cases::{
    CONTEXT, argument_sets, as_wanted, combines, neutral, pixels, position, run_combine, run_share, run_step,
    steps,
};
use super::registry::{catalogue, effects};
use super::step::Alpha;
use super::{Argument, Machine};
use crate::colour::Affine;
use crate::exec::tile::SimdLevel;

fn close(what: &str, a: &[f32; 4], b: &[f32; 4], bound: f32) {
    let near = a.iter().zip(b).all(|(x, y)| (x - y).abs() <= bound);
    assert!(near, "{what}: {a:?} against {b:?}");
}

#[test]
fn names_are_unique_and_all_is_documented() {
    let mut names = HashSet::new();
    for spec in catalogue().iter() {
        assert!(names.insert(spec.name), "{} twice", spec.name);
        assert!(spec.positional <= spec.params.len(), "{}", spec.name);
        let first = spec.doc.lines().next().unwrap_or_default();
        assert!(first.ends_with('.') && !first.starts_with(' '), "{}: {first:?}", spec.name);
        for param in spec.params {
            assert!(param.doc.ends_with('.') && !param.doc.contains('\n'), "{}: {:?}", spec.name, param.doc);
        }
        let transition =
            matches!(super::registry::effect(spec.name).unwrap().machine, Machine::Transition { .. });
        assert_eq!(transition, spec.role == Role::Transition, "{}", spec.name);
    }
}

#[test]
fn the_neutral_setting_changes_nothing() {
    for effect in effects() {
        let Some(arguments) = neutral(&effect.spec) else { continue };
        let name = effect.spec.name;
        match effect.machine {
            Machine::Affine(matrix) => {
                let Affine(rows) = matrix(&arguments, &CONTEXT);
                for (row, same) in rows.iter().flatten().zip(Affine::IDENTITY.0.iter().flatten()) {
                    assert!((row - same).abs() < 1e-12, "{name}: {rows:?}");
                }
            }
            Machine::Pixel { bind, prepare } => {
                let (step, mut uniforms) = (bind(&arguments), Vec::new());
                prepare(&arguments, &CONTEXT, &mut uniforms);
                let input = as_wanted(&pixels(1), step.alpha());
                let output = run_step(&*step, SimdLevel::Baseline, &uniforms, &input);
                for (a, b) in output.iter().zip(&input) {
                    close(name, a, b, 1e-5);
                }
            }
            Machine::Kernel(kernel) => assert_eq!(kernel(&arguments, &CONTEXT), None, "{name}"),
            Machine::Transition { .. } => {}
        }
    }
}

#[test]
fn output_is_finite_and_has_the_same_bits_at_every_level() {
    for case in steps() {
        assert_eq!(case.uniforms.len(), case.step.uniforms(), "{}", case.name);
        let input = as_wanted(&pixels(2), case.step.alpha());
        let base = run_step(&*case.step, SimdLevel::Baseline, &case.uniforms, &input);
        assert!(base.iter().flatten().all(|x| x.is_finite()), "{}", case.name);
        for level in SimdLevel::all() {
            let same = run_step(&*case.step, level, &case.uniforms, &input);
            assert_eq!(bits(&base), bits(&same), "{} at {level}", case.name);
        }
    }
    for case in combines() {
        assert_eq!(case.uniforms.len(), case.combine.uniforms(), "{}", case.name);
        let [below, above] = [3, 4].map(|salt| as_wanted(&pixels(salt), case.combine.alpha()));
        let base = run_combine(&*case.combine, SimdLevel::Baseline, &case.uniforms, &below, &above);
        assert!(base.iter().flatten().all(|x| x.is_finite()), "{}", case.name);
        for level in SimdLevel::all() {
            let same = run_combine(&*case.combine, level, &case.uniforms, &below, &above);
            assert_eq!(bits(&base), bits(&same), "{} at {level}", case.name);
        }
    }
}

fn bits(pixels: &[[f32; 4]]) -> Vec<u32> {
    pixels.iter().flatten().map(|x| x.to_bits()).collect()
}

#[test]
fn affine_maps_and_kernels_are_finite_for_every_argument() {
    for effect in effects() {
        for arguments in argument_sets(&effect.spec) {
            match effect.machine {
                Machine::Affine(matrix) => {
                    let rows = matrix(&arguments, &CONTEXT).0;
                    assert!(
                        rows.iter().flatten().all(|x| x.is_finite() && x.abs() < 100.0),
                        "{}",
                        effect.spec.name
                    );
                }
                Machine::Kernel(kernel) => {
                    let text = format!("{:?}", kernel(&arguments, &CONTEXT));
                    assert!(!text.contains("NaN") && !text.contains("inf"), "{}: {text}", effect.spec.name);
                }
                Machine::Pixel { .. } | Machine::Transition { .. } => {}
            }
        }
    }
}

#[test]
fn a_transition_begins_with_its_first_picture_and_ends_with_its_second() {
    let [below, above] = [5, 6].map(|salt| as_wanted(&pixels(salt), Alpha::Premultiplied));
    for effect in effects() {
        let Machine::Transition { bind, prepare, shift } = effect.machine else { continue };
        for arguments in argument_sets(&effect.spec) {
            for (progress, wanted, moved) in
                [(0.0, &below, 0), (1.0, &above, 1), (-0.2, &below, 0), (1.3, &above, 1)]
            {
                let (combine, mut uniforms) = (bind(&arguments), Vec::new());
                prepare(&arguments, progress, &CONTEXT, &mut uniforms);
                let name = format!("{} {arguments:?} at {progress}", effect.spec.name);
                assert_eq!(shift(&arguments, progress, &CONTEXT)[moved], [0, 0], "{name}");
                let output = run_combine(&*combine, SimdLevel::active(), &uniforms, &below, &above);
                assert_eq!(&output, wanted, "{name}");
            }
        }
    }
}

#[test]
fn a_push_joins_the_pictures_at_whole_pixels() {
    let Machine::Transition { bind, prepare, shift } = super::registry::effect("push").unwrap().machine
    else {
        panic!("a transition")
    };
    // In this tile x runs from 512: pushed left by 680 of 1280, the incoming picture begins at column 600.
    let (arguments, progress) = ([Argument::Word(0)], 680.0 / 1280.0);
    assert_eq!(shift(&arguments, progress, &CONTEXT), [[-680, 0], [600, 0]]);
    let mut uniforms = Vec::new();
    prepare(&arguments, progress, &CONTEXT, &mut uniforms);
    let (below, above) = (vec![[0.25, 0.0, 0.0, 1.0]; 256], vec![[0.75, 1.0, 0.0, 1.0]; 256]);
    let output = run_combine(&*bind(&arguments), SimdLevel::active(), &uniforms, &below, &above);
    for (i, px) in output.iter().enumerate() {
        assert_eq!(*px, if position(i).0 < 600.0 { below[0] } else { above[0] }, "column {}", position(i).0);
    }
}

#[test]
fn what_is_above_and_clear_leaves_what_is_below() {
    let below = as_wanted(&pixels(7), Alpha::Premultiplied);
    let clear = vec![[0.0; 4]; below.len()];
    for case in combines().into_iter().filter(|c| c.combine.keeps_below()) {
        let output = run_combine(&*case.combine, SimdLevel::active(), &case.uniforms, &below, &clear);
        assert_eq!(output, below, "{}", case.name);
    }
}

/// Opaque pixels of 0–1.
fn opaque(salt: u64) -> Vec<[f32; 4]> {
    pixels(salt).iter().map(|p| [p[0], p[1], p[2], 1.0].map(|v| v.clamp(0.0, 1.0))).collect()
}

#[test]
fn a_share_is_what_the_function_makes_of_a_colour_where_it_adds_weighted_colours() {
    let [below, above] = [8, 9].map(|salt| as_wanted(&pixels(salt), Alpha::Premultiplied));
    let level = SimdLevel::active();
    for case in combines() {
        let key = case.combine.key();
        if key.starts_with("blend") && key != "blend normal" {
            continue;
        }
        // The slope along one colour: what is there with a little more of it below and above, less what is there.
        let raised = |px: &[[f32; 4]], by: f32| -> Vec<[f32; 4]> {
            px.iter().map(|p| [p[0] + by, p[1], p[2], p[3]]).collect()
        };
        let plain = run_combine(&*case.combine, level, &case.uniforms, &below, &above);
        let more =
            run_combine(&*case.combine, level, &case.uniforms, &raised(&below, 0.75), &raised(&above, 0.25));
        let shares = run_share(&*case.combine, level, &case.uniforms, [&below, &above], [0.75, 0.25]);
        for (i, share) in shares.iter().enumerate() {
            let wanted = more[i][0] - plain[i][0];
            assert!((share - wanted).abs() < 1e-5, "{}: {share} instead of {wanted}", case.name);
        }
    }
}

#[test]
fn a_blend_hands_on_no_more_than_its_slope_and_all_where_it_changes_nothing() {
    let (below, above) = (opaque(10), opaque(11));
    let level = SimdLevel::active();
    for case in combines().into_iter().filter(|c| c.combine.key().starts_with("blend")) {
        let run = |below: &[[f32; 4]]| run_combine(&*case.combine, level, &case.uniforms, below, &above);
        let moved = |by: f32| -> Vec<[f32; 4]> {
            below.iter().map(|p| [p[0] + by, p[1] + by, p[2] + by, 1.0]).collect()
        };
        // The modes' ramps reach a sixteenth.
        let (ramp, little) = (0.0625, 1.0 / 1024.0);
        let pairs = [-ramp, 0.0, ramp].map(|by| [run(&moved(by - little)), run(&moved(by + little))]);
        let shares = run_share(&*case.combine, level, &case.uniforms, [&below, &above], [1.0, 0.0]);
        for (i, share) in shares.iter().enumerate() {
            assert!((0.0..=1.0).contains(share), "{}: {share}", case.name);
            let slope = |k: usize| {
                let along = |[a, b]: &[Vec<[f32; 4]>; 2]| (b[i][k] - a[i][k]) / (2.0 * little);
                pairs.iter().map(along).fold(f32::MIN, f32::max)
            };
            // Where a mode turns colours round, what it does not cover is left all the same.
            let least = (0..3).map(slope).fold(f32::MAX, f32::min).max(1.0 - case.uniforms[0]);
            assert!(*share <= least + 0.2, "{}: {share} of a slope of {least}", case.name);
        }
    }
    let nothing = [
        (Blend::Multiply, 1.0),
        (Blend::Darken, 1.0),
        (Blend::ColorBurn, 1.0),
        (Blend::Screen, 0.0),
        (Blend::Lighten, 0.0),
        (Blend::ColorDodge, 0.0),
        (Blend::Difference, 0.0),
        (Blend::Exclusion, 0.0),
        (Blend::Add, 0.0),
        (Blend::Subtract, 0.0),
        (Blend::Overlay, 0.5),
        (Blend::HardLight, 0.5),
        (Blend::SoftLight, 0.5),
    ];
    for (mode, grey) in nothing {
        let source = vec![[grey, grey, grey, 1.0]; below.len()];
        let shares = run_share(&*blend(mode), level, &[1.0], [&below, &source], [1.0, 0.0]);
        assert!(shares.iter().all(|share| *share == 1.0), "{mode:?}");
    }
    let shares = run_share(&*blend(Blend::Normal), level, &[1.0], [&below, &above], [1.0, 0.0]);
    assert!(shares.iter().all(|share| *share == 0.0), "what covers lets nothing through");
}

#[test]
fn every_function_is_valid_wgsl_of_its_signature() {
    let mut functions: Vec<(String, String)> = Vec::new();
    let pixel = |f: &str| format!("{f}(0u, px, px)");
    for case in steps() {
        functions.push((case.step.key(), case.step.wgsl("f")));
        assert!(case.step.wgsl("f").starts_with("fn f(u: u32, at: vec4<f32>, px: vec4<f32>) -> vec4<f32>"));
    }
    let two = functions.len();
    for case in combines() {
        functions.push((case.combine.key(), case.combine.wgsl("f")));
    }
    let shares = functions.len();
    for case in combines() {
        functions.push((format!("share {}", case.combine.key()), case.combine.share_wgsl("f")));
    }
    let mut seen = HashSet::new();
    for (i, (key, text)) in functions.into_iter().enumerate() {
        if !seen.insert(key.clone()) {
            continue;
        }
        let call = match i {
            i if i < two => pixel("f"),
            i if i < shares => "f(0u, px, px, px)".into(),
            _ => "vec4<f32>(f(0u, px, px, px, px.xy))".into(),
        };
        let module = format!(
            "@group(0) @binding(0) var<storage, read> numbers: array<f32>;\n\
             fn number(i: u32) -> f32 {{ return numbers[i]; }}\n\
             @group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;\n{text}\n\
             @compute @workgroup_size(64) fn main() {{ let px = out[0]; out[1] = {call}; }}"
        );
        let parsed = naga::front::wgsl::parse_str(&module).unwrap_or_else(|e| panic!("{key}: {e}\n{module}"));
        let mut validator = naga::valid::Validator::new(
            naga::valid::ValidationFlags::all(),
            naga::valid::Capabilities::empty(),
        );
        validator.validate(&parsed).unwrap_or_else(|e| panic!("{key}: {e:?}\n{module}"));
    }
}

#[test]
fn equal_keys_mean_equal_code() {
    let mut text_of = std::collections::HashMap::new();
    let steps = steps().into_iter().map(|c| (c.step.key(), c.step.wgsl("f")));
    let combines = combines().into_iter().map(|c| (c.combine.key(), c.combine.wgsl("f")));
    for (key, text) in steps.chain(combines) {
        assert_eq!(text_of.entry(key.clone()).or_insert_with(|| text.clone()), &text, "{key}");
    }
}
