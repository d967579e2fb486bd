//! Scripts planned and rendered in memory: what a test writes down as an edit comes back as pictures and samples.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use vfxb_dsl::diagnostic::{Diagnostic, render};
use vfxb_dsl::source::SourceMap;
use vfxb_dsl::syntax::Spelling;
use vfxb_engine::audio::Mixer;
use vfxb_engine::exec::cpu::CpuExecutor;
use vfxb_engine::exec::drawings::Drawings;
use vfxb_engine::exec::frames::{Preparer, render_frames};
use vfxb_engine::exec::render::{RenderOptions, Written, render as render_files};
use vfxb_engine::exec::tile::SimdLevel;
use vfxb_engine::exec::{Executor, RenderError};
use vfxb_engine::media::{DecodeOptions, LibavMedia, Media};
use vfxb_engine::picture::{Picture, Sample};
use vfxb_engine::plan::{Plan, Render, Request, plan};
use vfxb_engine::text::Fonts;

/// Plans a `.vfx` text whose files lie in `folder`; every finding comes back, and all of them as a person sees them.
pub fn planned(folder: &Path, text: &str, media: &dyn Media) -> (Option<Plan>, Vec<Diagnostic>, String) {
    planned_as(&folder.join("film.vfx"), text, media, &Request::default())
}

/// Plans the text of a file, whose ending says its spelling.
fn planned_as(
    path: &Path,
    text: &str,
    media: &dyn Media,
    request: &Request,
) -> (Option<Plan>, Vec<Diagnostic>, String) {
    let mut map = SourceMap::new();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let file = map.add(name, path.parent().unwrap_or(Path::new("")), text);
    let spelling = Spelling::of_path(path).unwrap_or(Spelling::Vfx);
    let (script, mut findings) = vfxb_engine::parse(&map, file, spelling, &[]);
    let plan = script.and_then(|script| {
        let (plan, more) = plan(&script, media, request);
        findings.extend(more);
        plan
    });
    let shown = render(&findings, &map, false);
    (plan, findings, shown)
}

/// The plan of a text that has no mistake.
///
/// # Panics
/// If it has one, with all of them.
pub fn plan_of(folder: &Path, text: &str) -> Plan {
    let (plan, _, shown) = planned(folder, text, &LibavMedia::default());
    plan.unwrap_or_else(|| panic!("{shown}"))
}

/// The plan of a script's file for a quick look: at most 480 rows.
///
/// # Panics
/// If it cannot be read or has a mistake.
pub fn preview_of(path: &Path) -> Plan {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let request = Request { preview: true, ..Request::default() };
    let (plan, _, shown) = planned_as(path, &text, &LibavMedia::default(), &request);
    plan.unwrap_or_else(|| panic!("{shown}"))
}

/// Codes of the errors that a text has.
pub fn errors(folder: &Path, text: &str) -> Vec<&'static str> {
    let (plan, findings, shown) = planned(folder, text, &LibavMedia::default());
    let errors: Vec<&str> = findings.iter().filter(|f| f.is_error()).map(|f| f.code.0).collect();
    assert_eq!(plan.is_none(), !errors.is_empty(), "{shown}");
    errors
}

/// The cpu with so many threads.
///
/// # Panics
/// If threads cannot be made.
pub fn cpu(threads: usize, level: SimdLevel) -> CpuExecutor {
    CpuExecutor::new(threads, level).unwrap_or_else(|e| panic!("{e}"))
}

/// Frames of a render, in the order in which they are asked for.
///
/// # Panics
/// If one cannot be rendered.
pub fn frames_on(
    render: &Render,
    executor: &mut dyn Executor,
    frames: impl IntoIterator<Item = u64>,
) -> Vec<Picture> {
    let drawings = Arc::new(Drawings::new(Fonts::new(false)));
    let options = DecodeOptions { threads: 2, ..DecodeOptions::default() };
    let mut preparer = Preparer::new(render, drawings, options);
    let mut pictures = Vec::new();
    let keep = |_, picture| {
        pictures.push(picture);
        Ok(())
    };
    render_frames(&mut preparer, executor, frames, keep).unwrap_or_else(|e| panic!("{e}"));
    pictures
}

/// All frames of a text's first render.
pub fn frames(folder: &Path, text: &str) -> Vec<Picture> {
    let plan = plan_of(folder, text);
    let render = &plan.renders[0];
    frames_on(render, &mut cpu(2, SimdLevel::active()), render.frames())
}

/// All frames of a text without outputs, as 8-bit RGB.
pub fn rgb_frames(folder: &Path, text: &str) -> Vec<Picture> {
    frames(folder, &format!("{text}\noutput \"f-%04d.png\"\n"))
}

/// The first frame of a text without outputs, as 8-bit RGB.
pub fn rgb_frame(folder: &Path, text: &str) -> Picture {
    let plan = plan_of(folder, &format!("{text}\noutput \"f.png\"\n"));
    let render = &plan.renders[0];
    frames_on(render, &mut cpu(2, SimdLevel::active()), [0]).remove(0)
}

/// Writes the files of a plan, with a look in after every frame: it is told how many are done.
///
/// # Errors
/// Those of [`render`](vfxb_engine::exec::render::render).
pub fn written(
    plan: &Plan,
    overwrite: bool,
    look: &(dyn Fn(u64) + Sync),
) -> Result<Vec<Written>, RenderError> {
    let options = RenderOptions {
        overwrite,
        decode_threads: 2,
        cancel: &AtomicBool::new(false),
        progress: &|progress| look(progress.frame),
        notice: &|_| {},
    };
    let drawings = Arc::new(Drawings::new(Fonts::new(false)));
    render_files(plan, &mut cpu(2, SimdLevel::active()), &drawings, &options)
}

/// A sample's code, of any whole depth.
pub fn code(picture: &Picture, plane: usize, x: u32, y: u32) -> u32 {
    match picture.spec().format.sample {
        Sample::U8 => u32::from(picture.row(plane, y)[x as usize]),
        _ => u32::from(picture.row_u16(plane, y)[x as usize]),
    }
}

/// The codes of an RGB picture's pixel.
pub fn rgb(picture: &Picture, x: u32, y: u32) -> [i32; 3] {
    [0, 1, 2].map(|plane| code(picture, plane, x, y) as i32)
}

/// Left and right of all of a text's sound.
///
/// # Panics
/// If it cannot be mixed.
pub fn sound(folder: &Path, text: &str) -> [Vec<f32>; 2] {
    let plan = plan_of(folder, text);
    let render = &plan.renders[0];
    let (timeline, samples) = (&render.timeline, &render.deliveries[0].samples);
    let mut mixer = Mixer::new(&timeline.sources, &timeline.sound, timeline.sample_rate, samples.start)
        .unwrap_or_else(|e| panic!("{e}"));
    let length = usize::try_from(samples.end - samples.start).unwrap_or(0);
    let mut planes = [vec![0.0; length], vec![0.0; length]];
    for start in (0..length).step_by(1000) {
        let end = (start + 1000).min(length);
        let [left, right] = &mut planes;
        mixer.read(&mut [&mut left[start..end], &mut right[start..end]]).unwrap_or_else(|e| panic!("{e}"));
    }
    planes
}

/// Writes an RGBA still of a function of its pixels.
///
/// # Panics
/// If it cannot be written.
pub fn still(path: &Path, size: (u32, u32), pixel: impl Fn(u32, u32) -> [u8; 4]) {
    png_of(path, size, png::ColorType::Rgba, pixel);
}

/// Writes an RGB still of a function of its pixels: one that has no alpha.
///
/// # Panics
/// If it cannot be written.
pub fn photo(path: &Path, size: (u32, u32), pixel: impl Fn(u32, u32) -> [u8; 3]) {
    png_of(path, size, png::ColorType::Rgb, pixel);
}

fn png_of<const N: usize>(
    path: &Path,
    (width, height): (u32, u32),
    colour: png::ColorType,
    pixel: impl Fn(u32, u32) -> [u8; N],
) {
    let file = std::fs::File::create(path).unwrap_or_else(|e| panic!("{e}"));
    let mut encoder = png::Encoder::new(std::io::BufWriter::new(file), width, height);
    encoder.set_color(colour);
    let bytes: Vec<u8> = (0..height)
        .flat_map(|y| (0..width).flat_map(move |x| [(x, y)]))
        .flat_map(|(x, y)| pixel(x, y))
        .collect();
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&bytes));
    written.unwrap_or_else(|e| panic!("{e}"));
}
