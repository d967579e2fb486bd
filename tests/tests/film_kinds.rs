//! Which files are what: stills and films, runs of stills, default sounds, endings, qualities.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::Path;

use ffmpeg_next::codec::Id;
use vfxb_engine::media::encode::FORMATS;
use vfxb_engine::media::{DecodeOptions, LibavMedia, Media, VideoReader};
use vfxb_engine::picture::Picture;
use vfxb_tests::films::{Film, Sound, number};
use vfxb_tests::scripts::{code, photo, plan_of, planned, rgb, rgb_frames, sound, written};

fn findings(folder: &Path, item: &str) -> Vec<(&'static str, String, Option<String>)> {
    let text = format!("canvas 64x48 fps:25\ntimeline {{\n {item}\n}}\noutput \"o.mp4\"\n");
    let (_, findings, _) = planned(folder, &text, &LibavMedia::default());
    findings.iter().map(|f| (f.code.0, f.message.clone(), f.help.clone())).collect()
}

fn render(folder: &Path, text: &str) {
    written(&plan_of(folder, text), true, &|_| ()).unwrap();
}

fn first_picture(path: &Path) -> Picture {
    let info = LibavMedia::default().probe(path).unwrap();
    VideoReader::open(&info, DecodeOptions::default()).unwrap().picture(0).unwrap()
}

#[test]
fn stills_are_images_and_films_are_videos() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    photo(&path.join("photo.png"), (64, 48), |x, y| [x as u8, y as u8, 0]);
    Film::new(5).write(&path.join("clip.mkv")).unwrap();
    let moving = "canvas 64x48 fps:25\ntimeline {\n video \"clip.mkv\"\n}\noutput \"clip.gif\"\noutput \"clip.apng\"\noutput \"n-%04d.png\"\n";
    render(path, moving);
    let wrong = |item: &str, is: &str, right: &str| {
        let found = findings(path, item);
        let told = matches!(found.as_slice(), [(code, message, Some(help))]
            if *code == "V0555" && message.ends_with(is) && help.contains(&format!("write `{right}`")));
        assert!(told, "{item}: {found:?}");
    };
    wrong("video \"photo.png\"", "is a still", "image");
    wrong("video \"n-0001.png\"", "is a still", "image");
    wrong("video \"n-%04d.png\"", "is a run of stills", "image");
    wrong("video \"n-*.png\"", "is a run of stills", "image");
    for film in ["clip.mkv", "clip.gif", "clip.apng"] {
        wrong(&format!("image \"{film}\""), "is a film", "video");
        assert_eq!(findings(path, &format!("video \"{film}\"")), [], "{film}");
    }
    assert_eq!(findings(path, "image \"photo.png\""), []);
    let sound = "color red duration:1s\n}\naudio {\n audio \"n-*.png\"";
    let heard = findings(path, sound);
    assert!(matches!(heard.as_slice(), [("V0551", ..)]), "no sound was written as `video`: {heard:?}");
    let missing = findings(path, "video \"none.mp4\"");
    assert!(matches!(missing.as_slice(), [("V0551", ..)]), "{missing:?}");
}

#[test]
fn what_is_written_as_a_run_of_stills_is_read_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    Film::new(5).write(&path.join("clip.mkv")).unwrap();
    render(path, "canvas 64x48 fps:25\ntimeline {\n video \"clip.mkv\"\n}\noutput \"n-%04d.png\"\n");
    let seen = |fields: &str| -> Vec<u64> {
        let text = format!("canvas 64x48 fps:25\ntimeline {{\n image \"n-%04d.png\" fps:25 {fields}\n}}");
        rgb_frames(path, &text).iter().map(number).collect()
    };
    assert_eq!(seen(""), [0, 1, 2, 3, 4]);
    assert_eq!(seen("start:3"), [2, 3, 4]);
}

#[test]
fn every_ending_that_is_written_is_known_to_the_language() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let tone = Sound { encoder: "pcm_s16le", rate: 48_000, planes: vec![vec![0.1; 9_600]; 2], start: 0 };
    Film { sound: Some(tone), ..Film::new(5) }.write(&path.join("a.mkv")).unwrap();
    for format in FORMATS {
        let name = format!("o.{}", format.ending);
        render(path, &format!("canvas 64x48 fps:25\ntimeline {{\n video \"a.mkv\"\n}}\noutput \"{name}\"\n"));
        let info = LibavMedia::default().probe(&path.join(&name)).unwrap();
        assert_eq!(info.video.is_some(), !format.video.is_empty(), "{name}");
        assert_eq!(info.audio.is_empty(), format.audio.is_empty(), "{name}");
    }
}

#[test]
fn the_sound_that_a_file_marks_is_played() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    two_sounds(&path.join("two.mkv"), 1);
    two_sounds(&path.join("first.mkv"), 0);
    let level = |file: &str, fields: &str| {
        let text = format!("audio {{\n audio \"{file}\" {fields}\n}}\noutput \"o.wav\"\n");
        sound(path, &text)[0][12_000]
    };
    for (file, fields, want) in [
        ("two.mkv", "", 0.5),
        ("two.mkv", "stream:0", 0.25),
        ("two.mkv", "stream:1", 0.5),
        ("first.mkv", "", 0.25),
    ] {
        let got = level(file, fields);
        assert!((got - want).abs() < 0.01, "{file} {fields}: {got} for {want}");
    }
}

/// A file of two sounds, constants of 0.25 and 0.5, of which one is marked as the default.
fn two_sounds(path: &Path, default: usize) {
    use ffmpeg_next as ff;
    ff::init().unwrap();
    let mut out = ff::format::output(path).unwrap();
    let codec = ff::encoder::find(Id::PCM_S16LE).unwrap();
    let levels = [8_192i16, 16_384];
    let mut encoders: Vec<_> = levels
        .iter()
        .enumerate()
        .map(|(index, _)| {
            let mut audio = ff::codec::Context::new_with_codec(codec).encoder().audio().unwrap();
            audio.set_rate(48_000);
            audio.set_channel_layout(ff::ChannelLayout::MONO);
            audio.set_format(ff::format::Sample::I16(ff::format::sample::Type::Packed));
            audio.set_time_base((1, 48_000));
            let encoder = audio.open().unwrap();
            let mut stream = out.add_stream_with(&encoder).unwrap();
            stream.set_time_base((1, 48_000));
            let marked = if index == default { ff::ffi::AV_DISPOSITION_DEFAULT } else { 0 };
            // SAFETY: writes a plain field of a stream that is ours alone.
            unsafe { (*stream.as_mut_ptr()).disposition = marked };
            encoder
        })
        .collect();
    // Without this the muxer marks the first of them where none is.
    let mut options = ff::Dictionary::new();
    options.set("default_mode", "passthrough");
    out.write_header_with(options).unwrap();
    for (index, (encoder, level)) in encoders.iter_mut().zip(levels).enumerate() {
        let mut frame = ff::frame::Audio::new(
            ff::format::Sample::I16(ff::format::sample::Type::Packed),
            24_000,
            ff::ChannelLayout::MONO,
        );
        frame.set_rate(48_000);
        frame.set_pts(Some(0));
        frame.data_mut(0).chunks_exact_mut(2).for_each(|cell| cell.copy_from_slice(&level.to_ne_bytes()));
        encoder.send_frame(&frame).unwrap();
        encoder.send_eof().unwrap();
        let mut packet = ff::Packet::empty();
        while encoder.receive_packet(&mut packet).is_ok() {
            let to = out.stream(index).unwrap().time_base();
            packet.set_stream(index);
            packet.rescale_ts((1, 48_000), to);
            packet.write_interleaved(&mut out).unwrap();
        }
    }
    out.write_trailer().unwrap();
}

#[test]
fn a_better_quality_of_jpeg_is_nearer_and_larger() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    // Noise keeps every step of the scale busy.
    photo(&path.join("noise.png"), (128, 96), |x, y| {
        let n = x.wrapping_mul(0x9e37_79b9) ^ y.wrapping_mul(0x85eb_ca6b);
        let n = (n ^ n >> 15).wrapping_mul(0x2c1b_3c6d);
        [(n >> 8) as u8, (n >> 16) as u8, (n >> 24) as u8]
    });
    let text = |name: &str, fields: &str| {
        format!(
            "canvas 128x96 fps:25\ntimeline {{\n image \"noise.png\" duration:1s\n}}\noutput \"{name}\" {fields}\n"
        )
    };
    let source = rgb_frames(path, &text("x.png", "").replace("output \"x.png\" \n", "")).remove(0);
    let luma = |x: u32, y: u32| {
        let [r, g, b] = rgb(&source, x, y).map(f64::from);
        0.299 * r + 0.587 * g + 0.114 * b
    };
    let made = |fields: &str| {
        render(path, &text("o.jpg", fields));
        let file = path.join("o.jpg");
        let picture = first_picture(&file);
        let error: f64 = (0..96)
            .flat_map(|y| (0..128).map(move |x| (x, y)))
            .map(|(x, y)| (f64::from(code(&picture, 0, x, y)) - luma(x, y)).powi(2))
            .sum();
        (std::fs::metadata(&file).unwrap().len(), error)
    };
    let steps = ["crf:31", "quality:low", "quality:medium", "quality:high", "crf:1"].map(made);
    for (worse, better) in steps.iter().zip(&steps[1..]) {
        assert!(worse.0 < better.0 && worse.1 > better.1, "{steps:?}");
    }
}
