//! Sound of files lies where it was put, wherever reading starts.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::Path;
use std::sync::Arc;

use vfxb_dsl::value::{Rational, Time};
use vfxb_engine::media::{AudioReader, Channels, LibavMedia, Media, SourceInfo};
use vfxb_tests::films::{Film, Sound};

const CLICKS: [usize; 5] = [4410, 20_000, 44_100, 61_234, 88_000];

fn probe(path: &Path) -> Arc<SourceInfo> {
    LibavMedia::default().probe(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn read(reader: &mut AudioReader, channels: Channels, from: i64, length: usize) -> Vec<Vec<f32>> {
    let mut planes = vec![vec![9.0; length]; channels.count()];
    let mut slices: Vec<&mut [f32]> = planes.iter_mut().map(Vec::as_mut_slice).collect();
    reader.read(from, &mut slices).unwrap();
    planes
}

/// The place of the greatest value near each expected place.
fn peaks(plane: &[f32], expected: &[f64]) -> Vec<usize> {
    let near = |at: f64| {
        let from = (at as usize).saturating_sub(400);
        let window = plane.iter().enumerate().skip(from).take(800);
        window.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).map_or(0, |(i, _)| i)
    };
    expected.iter().map(|at| near(*at)).collect()
}

fn film(sound: Sound) -> Film {
    Film { sound: Some(sound), ..Film::new(60) }
}

#[test]
fn clicks_stay_in_place_through_codecs_containers_and_rates() {
    let folder = tempfile::tempdir().unwrap();
    for (encoder, name, rate) in [
        ("pcm_s16le", "a.mkv", 44_100),
        ("flac", "a.flac.mkv", 44_100),
        ("aac", "a.mp4", 44_100),
        ("aac", "a.mkv", 44_100),
        ("aac", "a.ts", 48_000),
        ("libmp3lame", "a.mp4", 44_100),
        ("libmp3lame", "mp3.mkv", 44_100),
        ("libopus", "a.webm", 48_000),
        ("libopus", "opus.mp4", 48_000),
        ("libvorbis", "v.webm", 44_100),
        ("libvorbis", "v.ogg", 44_100),
    ] {
        let path = folder.path().join(format!("{encoder}-{name}"));
        let sound = Sound::clicks(encoder, rate, 2, 2 * rate as usize + 5000, &CLICKS);
        let video = match name.rsplit('.').next() {
            Some("webm") => Film { encoder: "libvpx", options: vec![("b", "1M")], ..film(sound) },
            Some("ogg") => Film { encoder: "libtheora", options: vec![], ..film(sound) },
            _ => film(sound),
        };
        video.write(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        let info = probe(&path);
        let start = info.audio[0].start;
        for target in [48_000_u32, 44_100, 32_000] {
            let mut reader = AudioReader::open(&info, 0, target, Channels::Stereo).unwrap();
            let planes = read(&mut reader, Channels::Stereo, 0, 3 * target as usize);
            let scale = f64::from(target) / f64::from(rate);
            // Opus and Vorbis smear a click; milliseconds cannot place a start more exactly than that.
            let shift = start.to_f64() * f64::from(target);
            let bound = if shift.abs() > 1.0 { 2.0 * f64::from(target) / 1000.0 } else { 1.5 };
            // libav's WebM muxer moves the picture, but not the sound, to make room for Opus's priming.
            let moved = if name == "a.webm" { shift } else { 0.0 };
            let expected: Vec<f64> = CLICKS.iter().map(|c| *c as f64 * scale + moved).collect();
            for (found, wanted) in peaks(&planes[0], &expected).iter().zip(&expected) {
                let off = *found as f64 - wanted;
                assert!(
                    off.abs() <= bound,
                    "{encoder} {name} {target}: {found} for {wanted}, starts {start}"
                );
            }
        }
    }
}

#[test]
fn where_reading_starts_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    for (encoder, name) in [("pcm_s16le", "a.mov"), ("flac", "a.mkv"), ("libmp3lame", "a.mp4")] {
        let path = folder.path().join(format!("{encoder}-{name}"));
        let mut sound = Sound::clicks(encoder, 44_100, 2, 44_100 * 8, &[]);
        let tone = (0..44_100 * 8).map(|i| (f64::from(i) * f64::from(i) * 1e-6).sin() as f32 * 0.7);
        sound.planes[0] = tone.collect();
        film(sound).write(&path).unwrap();
        let info = probe(&path);
        for rate in [48_000, 44_100, 11_025] {
            let mut whole = AudioReader::open(&info, 0, rate, Channels::Stereo).unwrap();
            let all = read(&mut whole, Channels::Stereo, 0, 8 * rate as usize);
            let mut other = AudioReader::open(&info, 0, rate, Channels::Stereo).unwrap();
            for from in [7 * rate as usize + 17, 12_345, 0, 5 * rate as usize + 1, 999] {
                let part = read(&mut other, Channels::Stereo, from as i64, 1500);
                assert!(part[0] == all[0][from..from + 1500], "{encoder} {rate} {from}");
            }
        }
    }
}

#[test]
fn starts_gaps_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("late.mkv");
    let sound = Sound { start: 12_000, ..Sound::clicks("pcm_s16le", 48_000, 1, 24_000, &[0, 23_999]) };
    film(sound).write(&path).unwrap();
    let info = probe(&path);
    let audio = &info.audio[0];
    assert_eq!((audio.start, audio.duration), (Time::ratio(1, 4), Time::ratio(1, 2)));
    let mut reader = AudioReader::open(&info, 0, 48_000, Channels::Mono).unwrap();
    let plane = &read(&mut reader, Channels::Mono, -1000, 60_000)[0];
    let loud: Vec<usize> = (0..plane.len()).filter(|i| plane[*i] != 0.0).collect();
    assert_eq!(loud, [13_000, 36_999]);
    let film_late =
        Film { pts: (10..70).collect(), ..film(Sound::clicks("pcm_s16le", 48_000, 1, 48_000, &[24_000])) };
    let path = folder.path().join("picture-late.mkv");
    film_late.write(&path).unwrap();
    let info = probe(&path);
    assert_eq!(info.audio[0].start, Time::new(Rational::new(-10, 25)));
    let mut reader = AudioReader::open(&info, 0, 48_000, Channels::Stereo).unwrap();
    let planes = read(&mut reader, Channels::Stereo, 0, 9600);
    assert!(planes.iter().all(|p| p[4800] > 0.8 && p.iter().filter(|v| **v != 0.0).count() == 1));
}

#[test]
fn channels_are_mixed_by_the_standard() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("six.mkv");
    let mut sound = Sound::clicks("pcm_s16le", 48_000, 6, 6000, &[]);
    for (channel, plane) in sound.planes.iter_mut().enumerate() {
        plane[1000 * channel] = 0.5;
    }
    film(sound).write(&path).unwrap();
    let info = probe(&path);
    assert_eq!(info.audio[0].channels, 6);
    let at = |channels, plane: usize, channel: usize| {
        let mut reader = AudioReader::open(&info, 0, 48_000, channels).unwrap();
        read(&mut reader, channels, 0, 6000)[plane][1000 * channel]
    };
    let close = |a: f32, b: f32| assert!((a - b).abs() < 1e-4, "{a} {b}");
    close(at(Channels::Stereo, 0, 0), 0.5);
    close(at(Channels::Stereo, 1, 0), 0.0);
    close(at(Channels::Stereo, 0, 2), 0.353_55);
    close(at(Channels::Stereo, 0, 3), 0.0);
    close(at(Channels::Stereo, 1, 5), 0.353_55);
    (0..6).for_each(|c| close(at(Channels::Surround51, c, c), 0.5));
}
