//! Facts about real files in the folder that `VFXB_CORPUS` names; without it these tests have nothing to say.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::PathBuf;
use std::sync::Arc;

use vfxb_dsl::value::Rational;
use vfxb_engine::media::{
    AudioReader, Channels, DecodeOptions, FrameTimes, LibavMedia, Media, Rotation, SourceInfo, VideoReader,
};
use vfxb_engine::picture::Picture;

fn file(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("VFXB_CORPUS")?);
    ["fixtures", "redistributable"].iter().map(|f| folder.join(f).join(name)).find(|p| p.is_file())
}

fn probe(name: &str) -> Option<Arc<SourceInfo>> {
    Some(LibavMedia::default().probe(&file(name)?).unwrap())
}

fn constant(n: i128, d: i128, count: u64) -> FrameTimes {
    FrameTimes::Constant { rate: Rational::new(n, d), count }
}

/// A number that two different pictures hardly share.
fn sum(picture: &Picture) -> u64 {
    let rows = (0..picture.plane_size(0).1).flat_map(|y| picture.row(0, y));
    rows.fold(17, |sum, b| sum.wrapping_mul(31).wrapping_add(u64::from(*b)))
}

#[test]
fn times_and_headers_of_real_files() {
    let Some(bunny) = probe("big_buck_bunny_0_30.webm") else { return };
    assert_eq!(bunny.video.as_ref().unwrap().times, constant(24, 1, 720));
    // A browser's recording: neither constant nor, in spite of its header, with alpha.
    let recorded = probe("no_duration.webm").unwrap();
    let video = recorded.video.as_ref().unwrap();
    assert_eq!(
        (video.times.count(), video.rate, video.format.alpha),
        (74, Rational::new(15_000, 1001), false)
    );
    let fire = probe("fire2.mp4").unwrap();
    let video = fire.video.as_ref().unwrap();
    assert_eq!((video.orientation.rotation, video.rate), (Rotation::Half, Rational::new(10, 1)));
    assert!(matches!(&video.times, FrameTimes::Variable { ticks, .. } if ticks.len() == 25));
    let aspect = probe("SAR-2by3.mp4").unwrap();
    assert_eq!(aspect.video.as_ref().unwrap().sample_aspect, Rational::new(2, 3));
    let mono = probe("mono.mp3").unwrap();
    assert_eq!((mono.audio[0].channels, mono.audio[0].rate, mono.video.is_none()), (1, 16_000, true));
    assert_eq!(probe("webvtt.mkv").unwrap().video.as_ref().unwrap().times.count(), 40);
    assert_eq!(probe("big_buck_bunny.mp4").unwrap().audio[0].channels, 6);
}

#[test]
fn real_files_give_the_same_pictures_in_any_order() {
    for name in
        ["fire2.mp4", "no_duration.webm", "testsrc-hevc.mp4", "test_yuv422p.mp4", "webvtt.mkv", "bikes.mp4"]
    {
        let Some(info) = probe(name) else { return };
        let count = info.video.as_ref().unwrap().times.count();
        let mut forward = VideoReader::open(&info, DecodeOptions::default()).unwrap();
        let sums: Vec<u64> = (0..count).map(|n| sum(&forward.picture(n).unwrap())).collect();
        let mut other = VideoReader::open(&info, DecodeOptions::default()).unwrap();
        for n in (0..count).rev().chain((0..30).map(|k| k * 7919 % count)) {
            assert_eq!(sum(&other.picture(n).unwrap()), sums[n as usize], "{name} {n}");
        }
    }
}

#[test]
fn real_sound_is_read_to_its_end() {
    for name in [
        "chaplin.mp4",
        "mono.mp3",
        "crunching.mp3",
        "fire2.mp4",
        "big_buck_bunny.mp4",
        "big_buck_bunny_0_30.webm",
    ] {
        let Some(info) = probe(name) else { return };
        let mut reader = AudioReader::open(&info, 0, 48_000, Channels::Stereo).unwrap();
        let length = (info.audio[0].duration.to_f64() * 48_000.0) as usize;
        let (mut left, mut right) = (vec![0.0; length + 48_000], vec![0.0; length + 48_000]);
        reader.read(0, &mut [&mut left, &mut right]).unwrap();
        let last = left.iter().rposition(|v| v.abs() > 1e-4).unwrap();
        assert!(last < length + 200, "{name}: sounds until {last} of {length}");
        assert!(last > length * 8 / 10, "{name}: sounds until {last} of {length}");
    }
}
