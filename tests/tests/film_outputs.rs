//! Several files of one render: other sizes, other clocks, other parts, each with the right pictures in the right order.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use vfxb_engine::colour::Range;
use vfxb_engine::exec::cpu::CpuExecutor;
use vfxb_engine::exec::drawings::Drawings;
use vfxb_engine::exec::job::FrameJob;
use vfxb_engine::exec::render::{RenderOptions, render};
use vfxb_engine::exec::tile::SimdLevel;
use vfxb_engine::exec::{ExecError, Executor};
use vfxb_engine::media::{DecodeOptions, LibavMedia, Media, VideoReader};
use vfxb_engine::picture::Picture;
use vfxb_engine::text::Fonts;
use vfxb_tests::films::{Film, number};
use vfxb_tests::scripts::{cpu, plan_of};

/// A machine that keeps pictures in flight, as a GPU does.
struct Late {
    inner: CpuExecutor,
    flying: VecDeque<Picture>,
    depth: usize,
}

impl Executor for Late {
    fn name(&self) -> String {
        format!("late by {}", self.depth)
    }

    fn submit(&mut self, job: FrameJob) -> Result<Option<Picture>, ExecError> {
        self.flying.extend(self.inner.submit(job)?);
        Ok(if self.flying.len() > self.depth { self.flying.pop_front() } else { None })
    }

    fn flush(&mut self) -> Result<Option<Picture>, ExecError> {
        Ok(self.flying.pop_front())
    }
}

fn rendered(folder: &Path, text: &str, depth: usize) {
    let plan = plan_of(folder, text);
    let drawings = Arc::new(Drawings::new(Fonts::new(false)));
    let cancel = AtomicBool::new(false);
    let options = RenderOptions {
        overwrite: true,
        decode_threads: 1,
        cancel: &cancel,
        progress: &|_| (),
        notice: &|_| (),
    };
    let mut executor = Late { inner: cpu(2, SimdLevel::active()), flying: VecDeque::new(), depth };
    render(&plan, &mut executor, &drawings, &options).unwrap_or_else(|e| panic!("{e}"));
}

/// The size of a file's pictures and the numbers that they carry.
fn seen(path: &Path) -> ((u32, u32), Vec<u64>) {
    let info = LibavMedia::default().probe(path).unwrap();
    let video = info.video.as_ref().unwrap();
    let mut reader =
        VideoReader::open(&info, DecodeOptions { threads: 1, ..DecodeOptions::default() }).unwrap();
    let numbers = (0..video.times.count()).map(|n| number(&reader.picture(n).unwrap())).collect();
    ((video.width, video.height), numbers)
}

#[test]
fn each_file_has_its_own_pictures_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    Film { width: 192, height: 96, ..Film::new(30) }.write(&path.join("a.mkv")).unwrap();
    let text = "timeline {\n video \"a.mkv\" in:0.2s\n}\n\
        output \"whole.mp4\"\noutput \"half.mp4\" size:96x48\noutput \"other.mp4\" size:144x72\n\
        output \"part.mp4\" size:96x48 range:0.4s..0.8s\noutput \"wide.mp4\" size:192x60 fit:fill\n\
        output \"fast.mkv\" fps:50\noutput \"odd.mp4\" size:97x49\noutput \"still.png\" at:0.5s\noutput \"n-%03d.png\" range:0s..0.2s\n";
    for depth in [0, 1, 3, 7] {
        rendered(path, text, depth);
        let all: Vec<u64> = (5..30).collect();
        assert_eq!(seen(&path.join("whole.mp4")), ((192, 96), all.clone()), "late by {depth}");
        assert_eq!(seen(&path.join("half.mp4")), ((96, 48), all.clone()), "late by {depth}");
        assert_eq!(seen(&path.join("other.mp4")), ((144, 72), all.clone()), "late by {depth}");
        assert_eq!(seen(&path.join("part.mp4")), ((96, 48), all[10..20].to_vec()), "late by {depth}");
        assert_eq!(seen(&path.join("wide.mp4")), ((192, 60), all.clone()), "late by {depth}");
        let twice = all.iter().flat_map(|n| [*n; 2]).collect();
        assert_eq!(seen(&path.join("fast.mkv")), ((192, 96), twice), "late by {depth}");
        let ((width, height), numbers) = seen(&path.join("odd.mp4"));
        assert!((97..=98).contains(&width) && (49..=50).contains(&height), "{width}x{height}");
        assert_eq!(numbers, all, "late by {depth}");
        assert_eq!(seen(&path.join("still.png")).1, [17], "late by {depth}");
        let first =
            std::fs::read_dir(path).unwrap().filter_map(|e| e.unwrap().file_name().into_string().ok());
        assert_eq!(first.filter(|n| n.starts_with("n-")).count(), 5, "late by {depth}");
    }
}

#[test]
fn another_clock_changes_no_length() {
    let folder = tempfile::tempdir().unwrap();
    Film::new(30).write(&folder.path().join("a.mkv")).unwrap();
    // 1.01 s: 26 frames at 25, 61 at 60; `7f` is of the canvas.
    let text = "canvas 64x48 fps:25\ntimeline {\n video \"a.mkv\" out:1.01s\n}\noutput \"o.mkv\"\noutput \"p.mkv\" fps:60\n";
    rendered(folder.path(), text, 0);
    assert_eq!(seen(&folder.path().join("o.mkv")).1, (0..26).collect::<Vec<u64>>());
    let wanted: Vec<u64> =
        (0..61u64).map(|n| ((2 * n + 1) * 25).div_ceil(120).saturating_sub(1).min(25)).collect();
    assert_eq!(seen(&folder.path().join("p.mkv")).1, wanted);
    let text = "canvas 64x48 fps:25\ntimeline {\n video \"a.mkv\" out:10f duration:7f\n color black duration:3f\n}\noutput \"o.mkv\" fps:50\n";
    rendered(folder.path(), text, 0);
    assert_eq!(seen(&folder.path().join("o.mkv")).1.len(), 20);
}

#[test]
fn a_film_of_one_range_keeps_it_where_the_codec_can_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    // Codes that limited range does not have, in luma and chroma.
    let codes =
        |plane: usize, x: u32, y: u32, n: u64| (x * 4 + y * 3 + n as u32 * 9 + plane as u32 * 50) & 255;
    let full = Film { full_range: true, options: vec![("qp", "0")], ..Film::new(4) };
    full.write_with(&path.join("full.mkv"), codes).unwrap();
    Film { full_range: false, ..full }.write_with(&path.join("limited.mkv"), codes).unwrap();
    let video = |file: &str| LibavMedia::default().probe(&path.join(file)).unwrap().video.clone().unwrap();
    let pictures = |file: &str| -> Vec<Picture> {
        let info = LibavMedia::default().probe(&path.join(file)).unwrap();
        let mut reader =
            VideoReader::open(&info, DecodeOptions { threads: 1, ..DecodeOptions::default() }).unwrap();
        (0..4).map(|n| reader.picture(n).unwrap()).collect()
    };
    let outputs = [
        ("a.mp4", "quality:lossless"),
        ("b.mkv", "quality:lossless codec:ffv1"),
        ("c.mkv", "quality:lossless codec:vp9"),
        ("d.mp4", "quality:lossless codec:hevc"),
        ("e.mp4", ""),
        ("f.webm", "preset:8"),
        ("g.mp4", "codec:av1 preset:8"),
    ];
    let list: String = outputs.map(|(file, fields)| format!("output \"{file}\" {fields}\n")).concat();
    let source = video("full.mkv").colour;
    assert_eq!(source.range, Range::Full);
    rendered(
        path,
        &format!("timeline {{\n video \"full.mkv\"\n}}\n{list}output \"p.mov\" codec:prores\n"),
        0,
    );
    let decoded = pictures("full.mkv");
    for (file, fields) in outputs {
        let colour = video(file).colour;
        assert_eq!((colour.range, colour.matrix), (Range::Full, source.matrix), "{file}");
        if fields.contains("lossless") {
            for (a, b) in pictures(file).iter().zip(&decoded) {
                let rows = |p: &Picture, plane: usize| {
                    (0..p.plane_size(plane).1).map(|y| p.row(plane, y).to_vec()).collect::<Vec<_>>()
                };
                assert!((0..3).all(|plane| rows(a, plane) == rows(b, plane)), "{file}");
            }
        }
    }
    // ProRes has no full range; its codes are made of what is seen, not handed on.
    let pro = video("p.mov").colour;
    assert_eq!(pro.range, Range::Limited);
    // Sources that mean different things by their codes meet in the usual range.
    rendered(
        path,
        "timeline {\n video \"full.mkv\"\n video \"limited.mkv\"\n}\noutput \"m.mp4\" quality:lossless\n",
        0,
    );
    assert_eq!(video("m.mp4").colour.range, Range::Limited);
}
