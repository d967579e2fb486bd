//! What is written reads back: every format and codec, its pictures, times, tags and sound.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::Path;
use std::sync::Arc;

use vfxb_dsl::script::Quality;
use vfxb_dsl::value::{Rational, Time};
use vfxb_engine::colour::{ColourSpec, MatrixCoefficients, Primaries, Range, Siting};
use vfxb_engine::media::encode::{
    AudioCodec, AudioSettings, Container, FORMATS, RateControl, VideoCodec, VideoSettings, Writer, available,
    place,
};
use vfxb_engine::media::{
    DecodeOptions, FrameTimes, LibavMedia, Media, MediaErrorKind, SourceInfo, VideoReader,
};
use vfxb_engine::picture::{Model, Picture, PixelFormat};
use vfxb_tests::films;

const RATE: (i128, i128) = (30_000, 1001);

fn settings(codec: VideoCodec, format: PixelFormat, width: u32, height: u32) -> VideoSettings {
    let full = codec.spec().range == Some(Range::Full);
    let colour = if format.model == Model::Rgb {
        ColourSpec::SRGB
    } else {
        ColourSpec { range: if full { Range::Full } else { Range::Limited }, ..ColourSpec::BT709 }
    };
    VideoSettings {
        codec,
        width,
        height,
        format,
        colour,
        rate: Rational::new(RATE.0, RATE.1),
        own_times: None,
        control: codec.quality(Quality::High).unwrap(),
        preset: codec.spec().presets.first().map(|p| (*p).to_owned()),
        threads: 2,
        gop: None,
        repeat: 0,
    }
}

fn write(
    path: &Path,
    video: Option<&VideoSettings>,
    audio: Option<&AudioSettings>,
    count: u64,
    samples: &[Vec<f32>],
) {
    let writer =
        Writer::create(path, video, audio, false).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    std::thread::scope(|scope| {
        if let Some(video) = video {
            let spec = films::spec(video.width, video.height, video.format);
            let writer = &writer;
            scope
                .spawn(move || (0..count).for_each(|n| writer.picture(&films::picture(spec, n), n).unwrap()));
        }
        if audio.is_some() {
            for from in (0..samples[0].len()).step_by(777) {
                let planes: Vec<&[f32]> =
                    samples.iter().map(|p| &p[from..(from + 777).min(p.len())]).collect();
                writer.sound(&planes).unwrap();
            }
        }
    });
    writer.finish().and_then(|file| place([file])).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

fn read(path: &Path) -> (Arc<SourceInfo>, Vec<Picture>) {
    let info = LibavMedia::default().probe(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let Some(video) = &info.video else { return (info, Vec::new()) };
    let mut reader =
        VideoReader::open(&info, DecodeOptions { threads: 1, ..DecodeOptions::default() }).unwrap();
    let pictures = (0..video.times.count()).map(|n| reader.picture(n).unwrap()).collect();
    (info, pictures)
}

fn is_same(a: &Picture, b: &Picture) -> bool {
    (0..a.spec().format.planes()).all(|p| (0..a.plane_size(p).1).all(|y| a.row(p, y) == b.row(p, y)))
}

#[test]
fn every_format_and_codec_round_trips() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS.iter().filter(|f| !f.is_still()) {
        for codec in format.video {
            if !available().contains(&codec.spec().names[0]) {
                continue;
            }
            let path = folder.path().join(format!("{codec:?}.{}", format.ending));
            let video = settings(*codec, codec.spec().formats[0], 96, 64);
            write(&path, Some(&video), None, 10, &[]);
            let (info, pictures) = read(&path);
            assert_eq!(
                pictures.iter().map(films::number).collect::<Vec<_>>(),
                (0..10).collect::<Vec<_>>(),
                "{}",
                path.display()
            );
            let read = info.video.as_ref().unwrap();
            // They count in hundredths and in milliseconds.
            if !matches!(codec, VideoCodec::Gif | VideoCodec::Apng) {
                assert_eq!(
                    read.times,
                    FrameTimes::Constant { rate: video.rate, count: 10 },
                    "{}",
                    path.display()
                );
                assert_eq!(
                    (read.colour.matrix, read.colour.range),
                    (video.colour.matrix, video.colour.range),
                    "{}",
                    path.display()
                );
            }
            assert_eq!((read.width, read.height, read.sample_aspect), (96, 64, Rational::from_integer(1)));
        }
    }
}

#[test]
fn lossless_keeps_every_sample_of_every_layout() {
    let folder = tempfile::tempdir().unwrap();
    for (codec, ending) in [
        (VideoCodec::H264, "mp4"),
        (VideoCodec::Hevc, "mkv"),
        (VideoCodec::Vp9, "webm"),
        (VideoCodec::Ffv1, "mkv"),
        (VideoCodec::Apng, "apng"),
        (VideoCodec::Png, "png"),
        (VideoCodec::WebP, "webp"),
    ] {
        for (i, format) in codec.spec().formats.iter().enumerate() {
            // libwebp is lossless in RGB alone, and VP9 codes alpha as a lossy second stream.
            let exact_alpha = codec != VideoCodec::Vp9;
            if codec == VideoCodec::WebP && format.model != Model::Rgb {
                continue;
            }
            let path = folder.path().join(format!("{codec:?}{i}.{ending}"));
            let count = if ending.ends_with("png") && ending != "apng" || ending == "webp" { 1 } else { 3 };
            let video = VideoSettings { control: RateControl::Lossless, ..settings(codec, *format, 50, 38) };
            write(&path, Some(&video), None, count, &[]);
            let (_, pictures) = read(&path);
            assert_eq!(pictures.len() as u64, count);
            for (n, picture) in pictures.iter().enumerate() {
                let wanted = films::picture(films::spec(50, 38, *format), n as u64);
                assert_eq!(picture.spec().format, *format, "{codec:?}");
                assert!(
                    is_same(picture, &wanted) || (format.alpha && !exact_alpha),
                    "{codec:?} {format:?} {n}"
                );
            }
        }
    }
}

#[test]
fn stills_and_sequences_are_written_and_read() {
    let folder = tempfile::tempdir().unwrap();
    for ending in ["png", "jpg", "webp"] {
        let codec = FORMATS.iter().find(|f| f.ending == ending).unwrap().video[0];
        let video = settings(codec, codec.spec().formats[0], 97, 61);
        let single = folder.path().join(format!("one.{ending}"));
        write(&single, Some(&video), None, 1, &[]);
        let (info, pictures) = read(&single);
        assert!(info.video.as_ref().unwrap().still && films::number(&pictures[0]) == 0);
        let pattern = folder.path().join(format!("100%-%03d.{ending}"));
        write(&pattern, Some(&video), None, 12, &[]);
        let info = LibavMedia::default().probe_sequence(&pattern, Rational::new(24, 1), 1).unwrap();
        assert_eq!(
            info.video.as_ref().unwrap().times,
            FrameTimes::Constant { rate: Rational::new(24, 1), count: 12 }
        );
        let mut reader = VideoReader::open(&info, DecodeOptions::default()).unwrap();
        assert!([11, 0, 5].iter().all(|n| films::number(&reader.picture(*n).unwrap()) == *n));
    }
}

#[test]
fn colour_tags_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let colour = ColourSpec {
        matrix: MatrixCoefficients::Bt601,
        primaries: Primaries::Bt601Pal,
        range: Range::Full,
        siting: Siting::Center,
        ..ColourSpec::BT709
    };
    for (codec, ending) in [(VideoCodec::H264, "mp4"), (VideoCodec::Hevc, "mov"), (VideoCodec::Ffv1, "mkv")] {
        let path = folder.path().join(format!("{codec:?}.{ending}"));
        write(
            &path,
            Some(&VideoSettings { colour, ..settings(codec, PixelFormat::YUV420P, 64, 64) }),
            None,
            2,
            &[],
        );
        let read = read(&path).0.video.as_ref().unwrap().colour;
        assert_eq!(
            (read.matrix, read.range, read.primaries),
            (colour.matrix, colour.range, colour.primaries),
            "{codec:?}"
        );
    }
}

#[test]
fn sound_and_picture_start_and_end_together() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS.iter().filter(|f| !f.audio.is_empty()) {
        for codec in format.audio {
            let audio = AudioSettings { codec: *codec, rate: 48_000, channels: 2, bitrate: None };
            let tone: Vec<f32> = (0..48_048).map(|i| (i as f32 * 0.05).sin() * 0.5).collect();
            let path = folder.path().join(format!("{codec:?}.{}", format.ending));
            let video = format.video.first().filter(|c| available().contains(&c.spec().names[0]));
            let video = video.map(|c| settings(*c, c.spec().formats[0], 64, 64));
            write(&path, video.as_ref(), Some(&audio), 30, &[tone.clone(), tone.clone()]);
            let (info, _) = read(&path);
            let sound = info.audio.first().unwrap_or_else(|| panic!("{}", path.display()));
            // Matroska counts in milliseconds and declares priming for Opus alone: that of others sounds, before 0.
            let loose = matches!(format.container, Container::Film("matroska" | "webm"));
            let bound = if loose { Time::ratio(1, 500) } else { Time::ratio(1, 48_000) };
            let priming =
                if loose && *codec != AudioCodec::Opus { Time::ratio(-1, 30) } else { Time::ZERO - bound };
            let name = path.display();
            assert!(sound.start >= priming && sound.start <= bound, "{name} starts at {}", sound.start);
            let end = sound.start + sound.duration;
            // Vorbis pads its last block, which Matroska does not say.
            let bound = if loose && *codec == AudioCodec::Vorbis { Time::ratio(1, 40) } else { bound };
            let near = |a: Time, b: Time| (a - b) <= bound && (b - a) <= bound;
            assert!(near(end, Time::ratio(1001, 1000)), "{name} ends at {end}");
        }
    }
}

#[test]
fn refusals_name_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let video = settings(VideoCodec::Vp9, PixelFormat::YUV420P, 64, 64);
    let error = |name: &str, video: &VideoSettings| {
        Writer::create(&folder.path().join(name), Some(video), None, false).err().unwrap()
    };
    assert_eq!(error("a.xyz", &video).kind, MediaErrorKind::Encoder);
    assert!(error("a.gif", &video).help.unwrap().contains("gif"));
    let odd = settings(VideoCodec::H264, PixelFormat::YUV420P, 63, 64);
    assert!(error("a.mp4", &odd).message.contains("63x64"));
    let preset = VideoSettings {
        preset: Some("warp".into()),
        ..settings(VideoCodec::H264, PixelFormat::YUV420P, 64, 64)
    };
    assert!(error("a.mp4", &preset).help.unwrap().contains("veryfast"));
    let good = settings(VideoCodec::H264, PixelFormat::YUV420P, 64, 64);
    let writer = Writer::create(&folder.path().join("a.mp4"), Some(&good), None, false).unwrap();
    writer.picture(&films::picture(films::spec(64, 64, good.format), 0), 0).unwrap();
    drop(writer);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
