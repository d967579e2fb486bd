//! Where nobody else holds a decoded frame, an overlay is drawn into the decoder's own memory; nobody may ever see that:
//! not the decoder, which predicts other frames from it, no later showing of the same frame, no other file.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use ffmpeg_next::format::Pixel;
use vfxb_engine::exec::Executor;
use vfxb_engine::exec::drawings::Drawings;
use vfxb_engine::exec::frames::{Preparer, delivered};
use vfxb_engine::exec::job::{FrameJob, Stage};
use vfxb_engine::exec::tile::SimdLevel;
use vfxb_engine::media::{DecodeOptions, LibavMedia, Media, VideoReader};
use vfxb_engine::picture::Picture;
use vfxb_engine::plan::{Render, delivery};
use vfxb_engine::text::Fonts;
use vfxb_tests::films::Film;
use vfxb_tests::scripts::{cpu, plan_of, still, written};

/// Jobs that are made before the first of them is rendered, as a render does: readers have gone on by then, and decode
/// further frames after one has been drawn into.
const AHEAD: usize = 3;

/// All codes of a picture.
fn codes(picture: &Picture) -> Vec<u8> {
    (0..picture.spec().format.planes())
        .flat_map(|plane| (0..picture.plane_size(plane).1).map(move |y| (plane, y)))
        .flat_map(|(plane, y)| picture.row(plane, y).to_vec())
        .collect()
}

/// Frames of a render, and how many of them lie in the memory of what they were drawn on.
#[derive(Default)]
struct Drawn {
    frames: Vec<Vec<u8>>,
    in_place: usize,
}

impl Drawn {
    fn add(&mut self, machine: &mut dyn Executor, job: FrameJob) -> Picture {
        let memory: Vec<*const u8> = job
            .stages
            .iter()
            .filter_map(|stage| match stage {
                Stage::Input { picture, .. } => Some(picture.row(0, 0).as_ptr()),
                _ => None,
            })
            .collect();
        let frame = machine.submit(job).unwrap().unwrap();
        self.in_place += usize::from(memory.contains(&frame.row(0, 0).as_ptr()));
        self.frames.push(codes(&frame));
        frame
    }
}

fn preparer(render: &Render) -> Preparer<'_> {
    let drawings = Arc::new(Drawings::new(Fonts::new(false)));
    Preparer::new(render, drawings, DecodeOptions { threads: 2, ..DecodeOptions::default() })
}

/// All frames, of jobs whose pictures nobody else holds but where a reader shows them again.
fn alone(render: &Render) -> Drawn {
    let (mut preparer, mut machine) = (preparer(render), cpu(2, SimdLevel::active()));
    let (mut drawn, mut waiting) = (Drawn::default(), VecDeque::new());
    for frame in render.frames() {
        waiting.push_back(preparer.job(frame).unwrap());
        if waiting.len() > AHEAD {
            drawn.add(&mut machine, waiting.pop_front().unwrap());
        }
    }
    waiting.into_iter().for_each(|job| drop(drawn.add(&mut machine, job)));
    drawn
}

/// All frames, of jobs whose pictures are held elsewhere too.
fn shared(render: &Render) -> Drawn {
    let (mut preparer, mut machine) = (preparer(render), cpu(2, SimdLevel::active()));
    let mut drawn = Drawn::default();
    for frame in render.frames() {
        let job = preparer.job(frame).unwrap();
        drawn.add(&mut machine, job.clone());
    }
    drawn
}

/// A film of moving noise, so high that it has five bands, and a picture to be moved over it.
fn sources(folder: &Path, film: &str, encoder: &'static str, options: &[(&'static str, &'static str)]) {
    let options = options.to_vec();
    let film_of = Film { width: 64, height: 320, pixel: Pixel::YUV420P, encoder, options, ..Film::new(24) };
    film_of
        .write_with(&folder.join(film), |plane, x, y, n| {
            let (x, y) = (x + 3 * n as u32, y + 5 * n as u32);
            40 + ((x * 37 + y * 91) ^ (plane as u32 * 77 + x * y)) % 160
        })
        .unwrap_or_else(|e| panic!("{encoder}: {e}"));
    still(&folder.join("logo.png"), (24, 16), |x, y| [255, 200, 0, (x * 10 + y) as u8]);
}

/// A film of `source` under a moving picture.
fn script(source: &str, speed: &str, outputs: &str) -> String {
    format!(
        "timeline {{\n video \"{source}\" speed:{speed}\n}}\noverlays {{\n \
         image \"logo.png\" position:[0s \"3px 8px\", end \"37px 297px\"]\n}}\n{outputs}\n"
    )
}

#[test]
fn what_a_decoder_still_reads_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let coders: [(&str, &str, &[_]); 7] = [
        ("h264.mp4", "libx264", &[("preset", "medium"), ("bf", "3"), ("refs", "4"), ("g", "24")]),
        ("mpeg4.avi", "mpeg4", &[("q", "2"), ("bf", "2"), ("g", "12")]),
        ("mpeg2.mkv", "mpeg2video", &[("q", "2"), ("bf", "2"), ("g", "12")]),
        ("vp9.webm", "libvpx-vp9", &[("b", "2M"), ("cpu-used", "8"), ("deadline", "realtime")]),
        ("ffv1.mkv", "ffv1", &[]),
        ("utvideo.mkv", "utvideo", &[]),
        ("raw.mkv", "rawvideo", &[]),
    ];
    for (film, encoder, options) in coders {
        sources(folder.path(), film, encoder, options);
        let plan = plan_of(folder.path(), &script(film, "1", "output \"o.mkv\" quality:lossless"));
        let (alone, shared) = (alone(&plan.renders[0]), shared(&plan.renders[0]));
        assert_eq!((shared.in_place, shared.frames.len()), (0, 24), "{film}");
        let differs: Vec<usize> = (0..24).filter(|n| alone.frames[*n] != shared.frames[*n]).collect();
        assert!(differs.is_empty(), "{film}: {differs:?}, {} in place", alone.in_place);
        if ["h264.mp4", "utvideo.mkv"].contains(&film) {
            assert!(alone.in_place > 8, "{film}: {} in place", alone.in_place);
        }
    }
}

#[test]
fn a_frame_that_is_shown_again_shows_nothing_of_the_time_before() {
    let folder = tempfile::tempdir().unwrap();
    sources(folder.path(), "a.mkv", "libx264", &[("crf", "10"), ("bf", "2")]);
    for speed in ["0.3", "[0s 0.2, 1s 1] duration:1.2s"] {
        let plan = plan_of(folder.path(), &script("a.mkv", speed, "output \"o.mkv\" quality:lossless"));
        let (alone, shared) = (alone(&plan.renders[0]), shared(&plan.renders[0]));
        assert!(alone.frames == shared.frames, "at {speed}");
        assert!(shared.in_place == 0 && alone.in_place > 0, "{} in place at {speed}", alone.in_place);
    }
}

#[test]
fn a_frame_under_itself_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    sources(folder.path(), "a.mkv", "libx264", &[("crf", "10")]);
    let text = "timeline {\n video \"a.mkv\"\n}\noverlays {\n \
                video \"a.mkv\" width:20px position:[0s \"3px 8px\", end \"37px 217px\"]\n}\n\
                output \"o.mkv\" quality:lossless\n";
    let plan = plan_of(folder.path(), text);
    assert!(alone(&plan.renders[0]).frames == shared(&plan.renders[0]).frames);
}

#[test]
fn every_file_of_a_render_has_the_frames_that_it_has_alone() {
    let folder = tempfile::tempdir().unwrap();
    sources(folder.path(), "a.mkv", "libx264", &[("crf", "10"), ("bf", "2")]);
    let outputs = "output \"one.mkv\" codec:ffv1\noutput \"half.mkv\" codec:ffv1 size:32x160\n\
                   output \"two.mkv\" codec:ffv1";
    let plan = plan_of(folder.path(), &script("a.mkv", "0.7", outputs));
    let render = &plan.renders[0];
    written(&plan, true, &|_| ()).unwrap();
    let (mut preparer, mut machine) = (preparer(render), cpu(1, SimdLevel::active()));
    let mut files: Vec<VideoReader> = render
        .deliveries
        .iter()
        .map(|d| {
            let info = LibavMedia::default().probe(&d.file).unwrap();
            VideoReader::open(&info, DecodeOptions::default()).unwrap()
        })
        .collect();
    for frame in render.frames() {
        let job = preparer.job(frame).unwrap();
        let canvas = machine.submit(job.clone()).unwrap().unwrap();
        for (d, file) in render.deliveries.iter().zip(&mut files) {
            let wanted = match delivery(
                &render.target,
                &d.spec().unwrap(),
                d.framing,
                render.timeline.film.background,
            ) {
                None => canvas.clone(),
                Some(recipe) => machine.submit(delivered(&recipe, &canvas)).unwrap().unwrap(),
            };
            let found = file.picture(frame).unwrap();
            assert!(codes(&found) == codes(&wanted), "frame {frame} of {}", d.file.display());
        }
    }
}
