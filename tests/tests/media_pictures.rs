//! Pictures of films, read in any order, are the right ones.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ffmpeg_next::format::Pixel;
use vfxb_dsl::value::Rational;
use vfxb_engine::media::{
    DecodeOptions, FrameTimes, LibavMedia, Limits, Media, MediaErrorKind, Orientation, Rotation, SourceInfo,
    VideoReader,
};
use vfxb_engine::picture::{Model, Sample};
use vfxb_tests::films::{self, Film};

fn probe(path: &Path) -> Arc<SourceInfo> {
    LibavMedia::default().probe(path).unwrap()
}

fn reader(info: &Arc<SourceInfo>) -> VideoReader {
    VideoReader::open(info, DecodeOptions { threads: 2, ..DecodeOptions::default() }).unwrap()
}

fn made(film: &Film, folder: &tempfile::TempDir, name: &str) -> PathBuf {
    let path = folder.path().join(name);
    film.write(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
    path
}

/// Reads every picture forward, backward, in leaps and at random; each must carry its own number.
fn reads_exactly(path: &Path, count: u64) {
    let info = probe(path);
    let video = info.video.as_ref().unwrap();
    assert_eq!(video.times.count(), count, "{}", path.display());
    let random = (0..60).map(|k: u64| (k * 7919 + 13) % count);
    let orders: [(&str, Vec<u64>); 4] = [
        ("forward", (0..count).collect()),
        ("backward", (0..count).rev().collect()),
        ("leaps", (0..count).step_by(17).chain((0..count).step_by(3)).collect()),
        ("random", random.collect()),
    ];
    for (name, order) in orders {
        let mut reader = reader(&info);
        for index in order {
            let picture =
                reader.picture(index).unwrap_or_else(|e| panic!("{name} {index} {}: {e}", path.display()));
            assert_eq!(films::number(&picture), index, "{name} {}", path.display());
        }
    }
}

#[test]
fn every_container_and_group_structure_seeks_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let film = Film::new(100);
    for name in ["a.mp4", "a.mkv", "a.ts", "a.mov", "a.avi", "a.flv"] {
        reads_exactly(&made(&film, &folder, name), 100);
    }
    let open = [
        ("preset", "medium"),
        ("crf", "10"),
        ("g", "10"),
        ("bf", "3"),
        ("flags", "-cgop"),
        ("x264-params", "open-gop=1:scenecut=0"),
    ];
    let film = Film { options: open.to_vec(), ..Film::new(100) };
    for name in ["open.mp4", "open.mkv", "open.ts"] {
        reads_exactly(&made(&film, &folder, name), 100);
    }
    let hevc = Film {
        encoder: "libx265",
        options: vec![("crf", "10"), ("x265-params", "log-level=none:keyint=20")],
        ..Film::new(70)
    };
    reads_exactly(&made(&hevc, &folder, "hevc.mp4"), 70);
    let vp9 = Film {
        encoder: "libvpx-vp9",
        options: vec![("crf", "10"), ("b", "0"), ("g", "20"), ("cpu-used", "8")],
        ..Film::new(70)
    };
    reads_exactly(&made(&vp9, &folder, "vp9.webm"), 70);
    let vp8 = Film {
        encoder: "libvpx",
        options: vec![("b", "2000000"), ("g", "20"), ("auto-alt-ref", "1"), ("lag-in-frames", "16")],
        ..Film::new(70)
    };
    reads_exactly(&made(&vp8, &folder, "vp8.webm"), 70);
    let mpeg4 =
        Film { encoder: "mpeg4", options: vec![("q", "2"), ("bf", "2"), ("g", "12")], ..Film::new(70) };
    reads_exactly(&made(&mpeg4, &folder, "mpeg4.avi"), 70);
    let mpeg2 =
        Film { encoder: "mpeg2video", options: vec![("q", "2"), ("bf", "2"), ("g", "12")], ..Film::new(70) };
    reads_exactly(&made(&mpeg2, &folder, "mpeg2.ts"), 70);
    reads_exactly(&made(&mpeg2, &folder, "mpeg2.mpg"), 70);
}

#[test]
fn variable_and_shifted_stamps_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let pts: Vec<i64> = (0..80).map(|k| 3000 * k + 700 * (k % 3)).collect();
    let film = Film { tick: (1, 90_000), pts: pts.clone(), rate: (30, 1), ..Film::new(0) };
    let path = made(&film, &folder, "vfr.mp4");
    reads_exactly(&path, 80);
    match &probe(&path).video.as_ref().unwrap().times {
        FrameTimes::Variable { tick, ticks, .. } => {
            let seconds = |t: i64| Rational::from_integer(i128::from(t)) * tick;
            let wanted = pts.iter().map(|p| Rational::new(i128::from(*p), 90_000));
            assert!(ticks.iter().map(|t| seconds(*t)).eq(wanted));
        }
        other => panic!("{other:?}"),
    }
    let late = Film { pts: (50..110).collect(), ..Film::new(0) };
    for name in ["late.mkv", "late.ts"] {
        let path = made(&late, &folder, name);
        reads_exactly(&path, 60);
        let times = probe(&path).video.as_ref().unwrap().times.clone();
        assert_eq!(times, FrameTimes::Constant { rate: Rational::from_integer(25), count: 60 });
    }
}

#[test]
fn layouts_depths_and_odd_sizes_keep_every_sample() {
    let folder = tempfile::tempdir().unwrap();
    let lossless = |pixel, name: &str| {
        let film = Film { encoder: "ffv1", options: vec![], pixel, width: 53, height: 37, ..Film::new(3) };
        made(&film, &folder, name)
    };
    for (i, pixel) in [
        Pixel::YUV420P,
        Pixel::YUV422P,
        Pixel::YUV444P,
        Pixel::YUV420P10LE,
        Pixel::YUV422P10LE,
        Pixel::YUV444P10LE,
        Pixel::YUVA420P,
        Pixel::GRAY8,
        Pixel::YUVA444P10LE,
    ]
    .into_iter()
    .enumerate()
    {
        let path = lossless(pixel, &format!("{i}.mkv"));
        let info = probe(&path);
        let mut reader = reader(&info);
        for n in 0..3 {
            let picture = reader.picture(n).unwrap();
            let wanted = films::picture(*picture.spec(), n);
            for plane in 0..picture.spec().format.planes() {
                for y in 0..picture.plane_size(plane).1 {
                    assert_eq!(picture.row(plane, y), wanted.row(plane, y), "{pixel:?} {n} {plane} {y}");
                }
            }
        }
    }
}

#[test]
fn headers_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let film = Film {
        sample_aspect: (2, 3),
        full_range: true,
        rate: (30_000, 1001),
        tick: (1001, 30_000),
        ..Film::new(5)
    };
    let path = made(&film, &folder, "a.mp4");
    for (matrix, mirrored, rotation) in [
        ((0, 1, -1, 0), false, Rotation::Quarter),
        ((-1, 0, 0, -1), false, Rotation::Half),
        ((0, -1, 1, 0), false, Rotation::ThreeQuarters),
        ((-1, 0, 0, 1), true, Rotation::None),
    ] {
        let turned = folder.path().join(format!("{rotation:?}{mirrored}.mp4"));
        std::fs::copy(&path, &turned).unwrap();
        films::orient(&turned, matrix).unwrap();
        assert_eq!(probe(&turned).video.as_ref().unwrap().orientation, Orientation { mirrored, rotation });
    }
    let info = probe(&path);
    let video = info.video.as_ref().unwrap();
    assert_eq!(video.sample_aspect, Rational::new(2, 3));
    assert_eq!(video.square_size(), (64, 72));
    assert_eq!(video.rate, Rational::new(30_000, 1001));
    assert_eq!(video.colour.range, vfxb_engine::colour::Range::Full);
    let alpha = Film {
        encoder: "libvpx-vp9",
        options: vec![("crf", "10"), ("b", "0"), ("auto-alt-ref", "0")],
        pixel: Pixel::YUVA420P,
        ..Film::new(5)
    };
    let path = made(&alpha, &folder, "alpha.webm");
    let info = probe(&path);
    assert!(info.video.as_ref().unwrap().format.alpha);
    let picture = reader(&info).picture(4).unwrap();
    let row = picture.row(3, 10);
    assert!(row[1] > 220 && row[62] < 40, "{row:?}");
    let deep = Film { pixel: Pixel::YUV422P10LE, ..Film::new(3) };
    let info = probe(&made(&deep, &folder, "deep.mp4"));
    let format = info.video.as_ref().unwrap().format;
    assert_eq!(
        (format.model, format.sample, format.log2_x, format.log2_y),
        (Model::Yuv, Sample::U16(10), 1, 0)
    );
}

#[test]
fn hostile_and_broken_inputs_are_typed_errors() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let kind = |path: &Path| LibavMedia::default().probe(path).unwrap_err().kind;
    let film = Film::new(40);
    let good = made(&film, &folder, "good.mp4");
    let segment = made(&film, &folder, "seg.ts");
    let playlist =
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.6,\n{}\n#EXT-X-ENDLIST\n", segment.display());
    std::fs::write(at("list.m3u8"), &playlist).unwrap();
    std::fs::write(at("list.mp4"), &playlist).unwrap();
    std::fs::write(at("list.ffconcat"), format!("ffconcat version 1.0\nfile '{}'\n", segment.display()))
        .unwrap();
    std::fs::write(at("text.mp4"), "this is no film\n").unwrap();
    std::fs::write(at("empty.mp4"), "").unwrap();
    assert_eq!(kind(&at("list.m3u8")), MediaErrorKind::NotAllowed);
    assert_eq!(kind(&at("list.mp4")), MediaErrorKind::NotAllowed);
    assert_eq!(kind(&at("list.ffconcat")), MediaErrorKind::NotAllowed);
    assert_eq!(kind(&at("text.mp4")), MediaErrorKind::Unsupported);
    assert_eq!(kind(&at("empty.mp4")), MediaErrorKind::Unsupported);
    assert_eq!(kind(&at("none.mp4")), MediaErrorKind::NotFound);
    assert_eq!(kind(folder.path()), MediaErrorKind::NotAllowed);
    for url in ["http://127.0.0.1/a.mp4", "concat:a|b", "pipe:0", "data:video/mp4,"] {
        assert_eq!(kind(Path::new(url)), MediaErrorKind::NotFound, "{url}");
    }
    #[cfg(target_os = "linux")]
    for path in ["/proc/self/status", "/dev/zero"] {
        assert_eq!(kind(Path::new(path)), MediaErrorKind::NotAllowed);
    }
    for name in ["-i.mp4", "a b'\"\n.mp4", "100%04d.mp4", "file:x.mp4", "http:x.mp4"] {
        std::fs::copy(&good, at(name)).unwrap();
        reads_exactly(&at(name), 40);
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let odd = folder.path().join(std::ffi::OsStr::from_bytes(b"\xff\xfe.mp4"));
        std::fs::copy(&good, &odd).unwrap();
        reads_exactly(&odd, 40);
        let fifo = at("fifo.mp4");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        assert_eq!(kind(&fifo), MediaErrorKind::NotAllowed);
    }
}

#[test]
fn a_truncated_or_damaged_film_gives_pictures_or_errors() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(made(&Film::new(60), &folder, "a.ts")).unwrap();
    let cut = folder.path().join("cut.ts");
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let info = probe(&cut);
    let count = info.video.as_ref().unwrap().times.count();
    assert!((20..60).contains(&count), "{count}");
    let mut cut_reader = reader(&info);
    for n in 0..count - 2 {
        assert_eq!(films::number(&cut_reader.picture(n).unwrap()), n);
    }
    let mut state = 1_u64;
    for round in 0..40 {
        let mut bytes = whole.clone();
        for _ in 0..30 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (state >> 20) as usize % bytes.len();
            bytes[at] ^= 1 << (state % 8);
        }
        let path = folder.path().join(format!("flip{round}.ts"));
        std::fs::write(&path, bytes).unwrap();
        if let Ok(info) = LibavMedia::default().probe(&path)
            && let Ok(mut reader) =
                VideoReader::open(&info, DecodeOptions { threads: 1, ..DecodeOptions::default() })
        {
            for n in 0..info.video.as_ref().unwrap().times.count() {
                let _ = reader.picture(n);
            }
        }
    }
}

#[test]
fn what_an_edit_list_cuts_away_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    for (name, pts) in [("b.mp4", -8..60), ("b.mov", -13..60)] {
        let cut = -pts.start as u64;
        let path = made(&Film { pts: pts.collect(), ..Film::new(0) }, &folder, name);
        let info = probe(&path);
        assert_eq!(info.video.as_ref().unwrap().times.count(), 60, "{name}");
        let mut reader = reader(&info);
        for index in (0..60).chain((0..60).rev()).chain([31, 2, 59, 17]) {
            assert_eq!(films::number(&reader.picture(index).unwrap()), index + cut, "{name}");
        }
    }
}

#[test]
fn limits_are_typed_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(&Film::new(40), &folder, "a.mp4");
    let limits = [
        Limits { max_frames: 39, ..Limits::default() },
        Limits { max_seconds: 1, ..Limits::default() },
        Limits { max_streams: 0, ..Limits::default() },
        Limits { max_side: 63, ..Limits::default() },
        Limits { max_pixels: 64 * 48 - 1, ..Limits::default() },
    ];
    for limits in limits {
        assert_eq!(LibavMedia { limits }.probe(&path).unwrap_err().kind, MediaErrorKind::Limit, "{limits:?}");
    }
    let mut bytes = std::fs::read(&path).unwrap();
    // The first is a brand, the second the sample entry.
    let entry = bytes.windows(4).enumerate().filter(|(_, w)| w == b"avc1").nth(1).unwrap().0;
    let size = entry + 28;
    bytes[size..size + 4].copy_from_slice(&[255; 4]);
    let huge = folder.path().join("huge.mp4");
    std::fs::write(&huge, bytes).unwrap();
    assert_eq!(LibavMedia::default().probe(&huge).unwrap_err().kind, MediaErrorKind::Limit);
}

#[test]
fn exif_turns_stills() {
    let folder = tempfile::tempdir().unwrap();
    let film = Film {
        encoder: "mjpeg",
        pixel: Pixel::YUVJ444P,
        options: vec![("update", "1")],
        full_range: true,
        ..Film::new(1)
    };
    let plain = std::fs::read(made(&film, &folder, "a.jpg")).unwrap();
    for (value, mirrored, rotation) in [
        (1, false, Rotation::None),
        (2, true, Rotation::None),
        (3, false, Rotation::Half),
        (4, true, Rotation::Half),
        (5, true, Rotation::ThreeQuarters),
        (6, false, Rotation::Quarter),
        (7, true, Rotation::Quarter),
        (8, false, Rotation::ThreeQuarters),
    ] {
        let mut exif = b"\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        exif.extend([value, 0, 0, 0, 0, 0, 0, 0]);
        let mut bytes = plain.clone();
        bytes.splice(2..2, exif);
        let path = folder.path().join(format!("{value}.jpg"));
        std::fs::write(&path, bytes).unwrap();
        let info = probe(&path);
        let video = info.video.as_ref().unwrap();
        assert_eq!(video.orientation, Orientation { mirrored, rotation }, "{value}");
        assert!(video.still && (video.width, video.height) == (64, 48));
        assert_eq!(films::number(&reader(&info).picture(0).unwrap()), 0);
    }
}

#[test]
fn readers_and_writers_go_to_other_threads() {
    fn sent<T: Send>() {}
    fn shared<T: Sync>() {}
    sent::<VideoReader>();
    sent::<vfxb_engine::media::AudioReader>();
    sent::<vfxb_engine::media::encode::Writer>();
    shared::<vfxb_engine::media::encode::Writer>();
}
