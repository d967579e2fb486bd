//! What no edit touches is not touched: codes come out as they were decoded; and what is rendered is the same bit by bit,
//! however the work is split.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::Path;

use ffmpeg_next::format::Pixel;
use vfxb_engine::exec::Executor;
use vfxb_engine::exec::gpu::{GpuExecutor, Preference};
use vfxb_engine::exec::tile::SimdLevel;
use vfxb_engine::media::{DecodeOptions, LibavMedia, Media, VideoReader};
use vfxb_engine::picture::{Picture, PictureSpec};
use vfxb_tests::films::Film;
use vfxb_tests::scripts::{code, cpu, frames, frames_on, plan_of, still};

/// Writes a lossless film of a moving pattern with strong chroma.
fn pattern(path: &Path, pixel: Pixel, (width, height): (u32, u32)) {
    let film = Film { width, height, pixel, encoder: "ffv1", options: Vec::new(), ..Film::new(6) };
    film.write_with(path, |plane, x, y, n| {
        ((x * 37 + y * 91 + n as u32 * 53) ^ (plane as u32 * 77 + x * y)) & 0xff
    })
    .unwrap();
}

fn decoded(path: &Path) -> Vec<Picture> {
    let info = LibavMedia::default().probe(path).unwrap();
    let count = info.video.as_ref().unwrap().times.count();
    let mut reader =
        VideoReader::open(&info, DecodeOptions { threads: 2, ..DecodeOptions::default() }).unwrap();
    (0..count).map(|n| reader.picture(n).unwrap()).collect()
}

/// Every place in which two pictures of one spec differ: plane, x, y.
fn differences(a: &Picture, b: &Picture) -> Vec<(usize, u32, u32)> {
    let (a_spec, b_spec): (&PictureSpec, &PictureSpec) = (a.spec(), b.spec());
    assert_eq!((a_spec.width, a_spec.height, a_spec.format), (b_spec.width, b_spec.height, b_spec.format));
    let mut found = Vec::new();
    for plane in 0..a_spec.format.planes() {
        let (width, height) = a.plane_size(plane);
        for y in 0..height {
            found.extend(
                (0..width).filter(|x| code(a, plane, *x, y) != code(b, plane, *x, y)).map(|x| (plane, x, y)),
            );
        }
    }
    found
}

#[test]
fn a_film_without_an_edit_keeps_every_code() {
    let folder = tempfile::tempdir().unwrap();
    let kinds = [
        (Pixel::YUV420P, (64, 48)),
        (Pixel::YUV422P, (64, 48)),
        (Pixel::YUV444P, (64, 48)),
        (Pixel::YUV420P10LE, (64, 48)),
        (Pixel::YUV422P10LE, (64, 48)),
        (Pixel::YUV444P10LE, (64, 48)),
        (Pixel::YUV444P, (255, 57)),
        (Pixel::YUV420P, (63, 49)),
        (Pixel::YUV420P, (2, 2)),
    ];
    for (pixel, size) in kinds {
        let path = folder.path().join("a.mkv");
        pattern(&path, pixel, size);
        let codec = if size.0 % 2 == 1 { "codec:ffv1" } else { "" };
        let whole = format!("timeline {{\n video \"a.mkv\"\n}}\noutput \"o.mkv\" quality:lossless {codec}");
        let cut =
            format!("timeline {{\n video \"a.mkv\" in:2f\n}}\noutput \"o.mkv\" quality:lossless {codec}");
        let source = decoded(&path);
        for (text, first) in [(whole, 0), (cut, 2)] {
            for (n, frame) in frames(folder.path(), &text).iter().enumerate() {
                assert!(differences(frame, &source[n + first]).is_empty(), "{pixel:?} {size:?} frame {n}");
            }
        }
    }
}

#[test]
fn an_overlay_changes_its_rectangle_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mkv");
    still(&folder.path().join("logo.png"), (11, 9), |x, y| [255, 200, 0, (x * 20 + y) as u8]);
    for pixel in [Pixel::YUV420P, Pixel::YUV444P, Pixel::YUV420P10LE] {
        pattern(&path, pixel, (64, 48));
        let text = "timeline {\n video \"a.mkv\"\n}\noverlays {\n image \"logo.png\" position:\"21px 13px\"\n}\noutput \"o.mkv\" quality:lossless";
        for (frame, source) in frames(folder.path(), text).iter().zip(decoded(&path)) {
            let found = differences(frame, &source);
            assert!(found.iter().any(|d| d.0 == 0) && found.iter().any(|d| d.0 == 1), "{pixel:?}");
            let format = source.spec().format;
            for (plane, x, y) in found {
                let (lx, ly) = if format.is_chroma(plane) { (format.log2_x, format.log2_y) } else { (0, 0) };
                // The chroma grid, and one sample of the filter that brings chroma down.
                let grown = u32::from(lx.max(ly));
                let inside = (21 >> lx) - grown <= x
                    && x <= (31 >> lx) + grown
                    && (13 >> ly) - grown <= y
                    && y <= (21 >> ly) + grown;
                assert!(inside, "{pixel:?}: plane {plane} at {x}, {y}");
            }
        }
    }
}

/// The codes of a rectangle of luma, or of what it covers wholly of chroma: those whose tent stays within.
fn covered(frame: &Picture, plane: usize, [x0, y0, x1, y1]: [u32; 4]) -> Vec<f64> {
    let format = frame.spec().format;
    let (lx, ly) = if format.is_chroma(plane) { (format.log2_x, format.log2_y) } else { (0, 0) };
    let within = |a: u32, b: u32, log2: u8| {
        let margin = u32::from(log2 > 0);
        (a.div_ceil(1 << log2) + margin)..((b >> log2) - margin)
    };
    let columns = within(x0, x1, lx);
    within(y0, y1, ly)
        .flat_map(|y| columns.clone().map(move |x| (x, y)))
        .map(|(x, y)| f64::from(code(frame, plane, x, y)))
        .collect()
}

/// How far codes spread about their mean.
fn spread(codes: &[f64]) -> f64 {
    let mean = codes.iter().sum::<f64>() / codes.len() as f64;
    (codes.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / codes.len() as f64).sqrt()
}

const COVERED: [u32; 4] = [20, 14, 44, 34];

/// A film of `a.mkv` under a colour at [`COVERED`].
fn under(colour: &str) -> String {
    format!(
        "timeline {{\n video \"a.mkv\"\n}}\noverlays {{\n color {colour} width:24px height:20px \
         position:\"20px 14px\"\n}}\noutput \"o.mkv\" quality:lossless"
    )
}

#[test]
fn what_covers_lets_nothing_through() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mkv");
    for pixel in [Pixel::YUV420P, Pixel::YUV422P, Pixel::YUV444P, Pixel::YUV420P10LE, Pixel::YUV422P10LE] {
        pattern(&path, pixel, (64, 48));
        let plan = plan_of(folder.path(), &under("#4080c0"));
        let range = plan.renders[0].frames();
        let mut executors: Vec<Box<dyn Executor>> =
            vec![Box::new(cpu(2, SimdLevel::active())), Box::new(GpuExecutor::new(Preference::Any).unwrap())];
        for executor in &mut executors {
            for frame in frames_on(&plan.renders[0], executor.as_mut(), range.clone()) {
                for plane in 0..3 {
                    let codes = covered(&frame, plane, COVERED);
                    let (low, high) = (
                        codes.iter().copied().fold(f64::MAX, f64::min),
                        codes.iter().copied().fold(0.0, f64::max),
                    );
                    let name = executor.name();
                    assert!(high - low <= 1.0, "{name}, {pixel:?}, plane {plane}: {low} to {high}");
                }
            }
        }
    }
}

#[test]
fn half_of_what_is_half_covered_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mkv");
    for pixel in [Pixel::YUV420P, Pixel::YUV422P, Pixel::YUV420P10LE] {
        pattern(&path, pixel, (64, 48));
        for (frame, source) in frames(folder.path(), &under("#4080c080")).iter().zip(decoded(&path)) {
            for plane in 0..3 {
                let (half, whole) = (covered(frame, plane, COVERED), covered(&source, plane, COVERED));
                // Sample by sample, not only in the mean: it is the base's own detail.
                let left = 1.0 - f64::from(0x80) / 255.0;
                let rest: Vec<f64> = half.iter().zip(&whole).map(|(h, w)| h - w * left).collect();
                assert!(spread(&whole) > 20.0 && spread(&rest) < 0.6, "{pixel:?}, plane {plane}: {rest:?}");
            }
        }
    }
}

#[test]
fn letters_have_their_own_colour_up_to_their_edge() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mkv");
    pattern(&path, Pixel::YUV420P, (64, 48));
    let flat = Film { width: 64, height: 48, pixel: Pixel::YUV420P, encoder: "ffv1", ..Film::new(1) };
    flat.write_with(&folder.path().join("flat.mkv"), |plane, _, _, _| [16, 128, 128][plane]).unwrap();
    let film = |base: &str| {
        format!(
            "timeline {{\n video \"{base}\"\n}}\noverlays {{\n text \"I\" size:60px color:#ffff00 \
             weight:700 position:center\n}}\noutput \"o.mkv\" quality:lossless"
        )
    };
    // On black luma says where the letter is opaque.
    let alone = &frames(folder.path(), &film("flat.mkv"))[0];
    let top =
        (0..48).flat_map(|y| (0..64).map(move |x| (x, y))).map(|(x, y)| code(alone, 0, x, y)).max().unwrap();
    let opaque = |x: u32, y: u32| code(alone, 0, x.min(63), y.min(47)) == top;
    let inside = |x: u32, y: u32| {
        (2 * x.max(1) - 1..=2 * x + 1).all(|x| (2 * y.max(1) - 1..=2 * y + 2).all(|y| opaque(x, y)))
    };
    let over = &frames(folder.path(), &film("a.mkv"))[0];
    let within: Vec<(u32, u32)> =
        (0..24).flat_map(|y| (0..32).map(move |x| (x, y))).filter(|(x, y)| inside(*x, *y)).collect();
    assert!(within.len() > 20, "{}", within.len());
    for (x, y) in within {
        for plane in 1..3 {
            let (got, wanted) = (code(over, plane, x, y), code(alone, plane, x, y));
            assert!(got.abs_diff(wanted) <= 1, "plane {plane} at {x}, {y}: {got} instead of {wanted}");
        }
    }
}

#[test]
fn a_blend_that_changes_nothing_keeps_every_code() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mkv");
    // Within the range that RGB has: a colour beyond white is brought back by `screen`, and that is a change.
    let film = Film {
        width: 64,
        height: 48,
        pixel: Pixel::YUV420P,
        encoder: "ffv1",
        options: Vec::new(),
        ..Film::new(3)
    };
    film.write_with(&path, |plane, x, y, n| match plane {
        0 => 100 + (x * 7 + y * 5 + n as u32) % 50,
        _ => 108 + (x * 37 + y * 91 + n as u32 * 53) % 40,
    })
    .unwrap();
    for (mode, colour) in
        [("screen", "#000000"), ("multiply", "#ffffff"), ("add", "#000000"), ("darken", "#ffffff")]
    {
        let text = format!(
            "timeline {{\n video \"a.mkv\"\n}}\noverlays {{\n color {colour} blend:{mode}\n}}\noutput \"o.mkv\" quality:lossless"
        );
        for (frame, source) in frames(folder.path(), &text).iter().zip(decoded(&path)) {
            assert!(differences(frame, &source).is_empty(), "{mode}");
        }
    }
}

#[test]
fn a_wipe_keeps_every_code_of_what_it_has_not_reached() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mkv");
    pattern(&path, Pixel::YUV420P, (64, 48));
    let text = "timeline {\n video \"a.mkv\"\n transition wipe 0.16s\n color #4080c0 duration:1s\n}\noutput \"o.mkv\" quality:lossless";
    let made = frames(folder.path(), text);
    let source = decoded(&path);
    // Of four frames the second: the edge runs to the right and has come 3 of 8 of the way.
    let found = differences(&made[3], &source[3]);
    assert!(
        found.iter().any(|d| d.0 == 1) && found.iter().all(|d| d.1 <= if d.0 == 0 { 25 } else { 13 }),
        "{found:?}"
    );
    for plane in 0..3 {
        assert!(spread(&covered(&made[3], plane, [0, 0, 22, 48])) < 0.6, "plane {plane}");
    }
}

#[test]
fn black_and_white_keeps_luma_and_fills_chroma() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mkv");
    for (pixel, middle) in [(Pixel::YUV420P, 128), (Pixel::YUV422P, 128), (Pixel::YUV420P10LE, 512)] {
        // So high that it is BT.709, whose luma the effect keeps.
        pattern(&path, pixel, (16, 600));
        let text = "timeline {\n video \"a.mkv\" | blackwhite\n}\noutput \"o.mkv\" quality:lossless";
        for (frame, source) in frames(folder.path(), text).iter().zip(decoded(&path)) {
            assert!(differences(frame, &source).iter().all(|d| d.0 > 0), "{pixel:?}");
            let (width, height) = frame.plane_size(1);
            for (plane, x, y) in
                (1..3).flat_map(|p| (0..height).flat_map(move |y| (0..width).map(move |x| (p, x, y))))
            {
                assert_eq!(code(frame, plane, x, y), middle, "{pixel:?}");
            }
        }
    }
}

/// Scripts of many kinds on `a.mkv` (6 pictures) and `logo.png`.
const SCRIPTS: [&str; 6] = [
    "timeline {\n video \"a.mkv\" | vintage 0.8 | contrast 1.2\n}",
    "canvas 70x50 fps:50\ntimeline {\n video \"a.mkv\" speed:0.5 zoom:[0s 1, end 1.4 ease-in-out]\n transition crossfade 0.1s\n video \"a.mkv\" reverse:true fit:contain | blur 0.3\n}",
    "timeline {\n video \"a.mkv\" fit:blur | sepia\n}\noverlays {\n image \"logo.png\" rotate:[0s 0deg, end 90deg] position:right\n text \"Ab\" size:20px opacity:[0s 0, end 1]\n}",
    "canvas 96x64 fps:25\ntimeline {\n color \"#204060\" duration:0.2s\n transition push 0.1s\n video \"a.mkv\" frames:blend speed:0.7\n}\noverlays {\n adjust opacity:0.6 | sharpen 0.5\n}",
    "timeline {\n group | hue 90deg {\n timeline {\n video \"a.mkv\"\n }\n overlays {\n shape circle width:20px height:20px fill:#ff000080\n }\n }\n}",
    "timeline {\n video \"a.mkv\" | vignette | saturation 1.5 | gamma 0.8\n}\noverlays {\n video \"a.mkv\" width:30px blend:screen position:top-left\n}",
];

#[test]
fn frames_are_equal_bit_by_bit_however_they_are_made() {
    let folder = tempfile::tempdir().unwrap();
    pattern(&folder.path().join("a.mkv"), Pixel::YUV420P, (64, 48));
    still(&folder.path().join("logo.png"), (24, 16), |x, y| {
        [(x * 10) as u8, 200, (y * 15) as u8, (100 + x * 5) as u8]
    });
    for script in SCRIPTS {
        let plan = plan_of(folder.path(), &format!("{script}\noutput \"o.mkv\""));
        let render = &plan.renders[0];
        let whole = frames_on(render, &mut cpu(1, SimdLevel::Baseline), render.frames());
        assert!(whole.windows(2).any(|w| !differences(&w[0], &w[1]).is_empty()), "{script}");
        for (threads, level) in [(3, SimdLevel::Baseline), (2, SimdLevel::Avx2), (1, SimdLevel::Avx512)] {
            let other = frames_on(render, &mut cpu(threads, level), render.frames());
            for (n, (a, b)) in whole.iter().zip(&other).enumerate() {
                assert!(differences(a, b).is_empty(), "{threads} threads, {level:?}, frame {n} of {script}");
            }
        }
        for segment in render.segments.iter().rev() {
            let alone = frames_on(render, &mut cpu(2, SimdLevel::active()), segment.frames.clone());
            for (n, picture) in segment.frames.clone().zip(&alone) {
                assert!(differences(&whole[n as usize], picture).is_empty(), "frame {n} alone of {script}");
            }
        }
    }
}
