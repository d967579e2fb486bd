//! Every sound of a film lies where its picture does, to the sample; and is as loud as it should be.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use vfxb_engine::exec::drawings::Drawings;
use vfxb_engine::exec::render::{RenderOptions, render};
use vfxb_engine::exec::tile::SimdLevel;
use vfxb_engine::media::{AudioReader, Channels, LibavMedia, Media};
use vfxb_engine::text::Fonts;
use vfxb_tests::films::{Film, Sound};
use vfxb_tests::scripts::{cpu, plan_of, planned, sound};

/// Where the source clicks, in samples at 48 kHz.
const CLICKS: [usize; 4] = [12_000, 40_000, 60_000, 100_000];

/// `a.mkv`: 60 pictures at 25 a second with 2.4 s of clicks at 48 kHz. `low.mkv`: the same times at 44.1 kHz.
/// `mono.wav`, `six.mkv`: one and six channels. `late.mkv`: stamps from 4 s on, the sound 0.1 s after the picture.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, film: Film| film.write(&folder.path().join(name)).unwrap();
    let clicks = |channels| Sound::clicks("pcm_s16le", 48_000, channels, 115_200, &CLICKS);
    let film = |sound| Film { sound: Some(sound), ..Film::new(60) };
    write("a.mkv", film(clicks(2)));
    write("mono.mkv", film(clicks(1)));
    write("six.mkv", film(clicks(6)));
    let at: Vec<usize> = CLICKS.iter().map(|c| c * 441 / 480).collect();
    write("low.mkv", film(Sound::clicks("pcm_s16le", 44_100, 2, 105_840, &at)));
    let late = Sound { start: 4 * 48_000 + 4_800, ..clicks(2) };
    write("late.mkv", Film { pts: (100..160).collect(), ..film(late) });
    folder
}

/// Where the left plane's clicks are: the strongest sample of each, and how strong.
fn clicks(plane: &[f32]) -> Vec<(usize, f32)> {
    let mut found: Vec<(usize, f32)> = Vec::new();
    for (n, value) in plane.iter().map(|v| v.abs()).enumerate().filter(|(_, v)| *v > 0.05) {
        match found.last_mut() {
            Some(last) if n - last.0 < 600 => {
                if value > last.1 {
                    *last = (n, value);
                }
            }
            _ => found.push((n, value)),
        }
    }
    found
}

fn assert_clicks(folder: &Path, items: &str, wanted: &[usize]) -> Vec<(usize, f32)> {
    let text = format!("canvas 64x48 fps:25\n{items}\noutput \"a.wav\"\n");
    let [left, right] = sound(folder, &text);
    assert_eq!(left, right, "{items}");
    let got = clicks(&left);
    let right = got.len() == wanted.len() && got.iter().zip(wanted).all(|(g, w)| g.0.abs_diff(*w) <= 1);
    assert!(right, "{items}: {got:?} for {wanted:?}");
    got
}

#[test]
fn cuts_speeds_and_loops_keep_sound_with_the_picture() {
    let folder = folder();
    let path = folder.path();
    let plays = |fields: &str, wanted: &[usize]| {
        assert_clicks(path, &format!("timeline {{\n video {fields}\n}}"), wanted);
    };
    plays("\"a.mkv\"", &CLICKS);
    plays("\"low.mkv\"", &CLICKS);
    plays("\"mono.mkv\"", &CLICKS);
    plays(
        "\"late.mkv\"",
        &CLICKS.map(|c| c + 4800)[..3].iter().copied().chain([104_800]).collect::<Vec<_>>(),
    );
    plays("\"a.mkv\" in:0.5s out:1.5s", &[16_000, 36_000]);
    plays("\"a.mkv\" in:0.5s out:1.5s reverse:true", &[48_000 - 36_000 - 1, 48_000 - 16_000 - 1]);
    plays("\"a.mkv\" out:1s loop:2", &[12_000, 40_000, 60_000, 88_000]);
    plays("\"a.mkv\" in:0.5s out:1.5s reverse:true loop:true duration:1.5s", &[11_999, 31_999, 59_999]);
    plays("\"a.mkv\" speed:2 pitch:follow", &CLICKS.map(|c| c / 2));
    plays("\"a.mkv\" speed:0.5 pitch:follow", &CLICKS.map(|c| c * 2));
    plays("\"a.mkv\" out:1s freeze:\"0.5s for 0.5s\"", &[12_000, 40_000 + 24_000]);
}

#[test]
fn a_kept_pitch_keeps_the_place_to_a_window() {
    let folder = folder();
    for (speed, factor) in [("2", 0.5), ("0.5", 2.0)] {
        let text = format!(
            "canvas 64x48 fps:25\ntimeline {{\n video \"a.mkv\" speed:{speed}\n}}\noutput \"a.wav\"\n"
        );
        let [left, _] = sound(folder.path(), &text);
        assert_eq!(left.len(), (115_200.0 * factor) as usize);
        for click in CLICKS {
            let want = (click as f64 * factor) as usize;
            // A window is 25 ms, and may be shifted by a quarter of it.
            let heard = left[want - 1200..want + 1200].iter().any(|v| v.abs() > 0.2);
            assert!(heard, "{speed}: nothing at {want}");
        }
    }
}

#[test]
fn transitions_gaps_groups_and_tracks() {
    let folder = folder();
    let path = folder.path();
    // Two clips of 1 s that overlap by 0.4 s: the second starts at 0.6 s.
    let text = "timeline {\n video \"a.mkv\" out:1s\n transition crossfade 0.4s\n video \"a.mkv\" in:0.7s out:1.7s\n}";
    // 40000 is in the overlap; in the second clip 60000 − 33600 + 28800, and 40000 − 33600 + 28800 in the overlap.
    let got = assert_clicks(path, text, &[12_000, 35_200, 40_000, 55_200]);
    let power = |at: usize| {
        let risen = (at as f64 - 28_800.0 + 0.5) / 19_200.0 * std::f64::consts::FRAC_PI_2;
        (risen.sin(), risen.cos())
    };
    let near = |value: f32, want: f64| (f64::from(value) - 0.9 * want).abs() < 0.002;
    assert!(near(got[1].1, power(35_200).0), "{got:?}");
    assert!(near(got[2].1, power(40_000).1), "{got:?}");
    let text = "timeline {\n video \"a.mkv\" out:0.5s\n gap 0.3s\n video \"a.mkv\" in:0.5s out:1.5s\n}";
    assert_clicks(path, text, &[12_000, 38_400 + 16_000, 38_400 + 36_000]);
    let group = "group speed:2 pitch:follow {\n timeline {\n video \"a.mkv\" out:1s\n gap 0.2s\n video \"a.mkv\" out:1s\n }\n }";
    let inner = [12_000, 40_000, 57_600 + 12_000, 57_600 + 40_000];
    assert_clicks(path, &format!("timeline {{\n gap 0.2s\n {group}\n}}"), &inner.map(|c| 9600 + c / 2));
    let group = "group reverse:true {\n timeline {\n video \"a.mkv\" out:1s\n gap 0.2s\n video \"a.mkv\" out:1s\n }\n }";
    let mut back = inner.map(|c| 105_600 - 1 - c);
    back.reverse();
    assert_clicks(path, &format!("timeline {{\n {group}\n}}"), &back);
    // Sound alone lies where it is written, not on the frame grid; a track's items follow each other.
    let black = "timeline {\n color black duration:2s\n}\n";
    assert_clicks(path, &format!("{black}audio {{\n audio \"a.mkv\" at:0.013s out:0.5s\n}}"), &[12_624]);
    let track =
        "audio {\n track at:0.1s {\n audio \"a.mkv\" out:0.505s\n audio \"a.mkv\" in:0.2s out:0.5s\n }\n}";
    assert_clicks(path, &format!("{black}{track}"), &[16_800, 4_800 + 24_240 + 2_400]);
    let crossed = "audio {\n track {\n audio \"a.mkv\" out:0.505s\n transition crossfade 0.105s\n audio \"a.mkv\" in:0.2s out:0.6s\n }\n}";
    assert_clicks(path, &format!("{black}{crossed}"), &[12_000, 19_200 + 2_400]);
}

/// A film of a colour with a constant level of sound under it.
fn constant(level: f32, length: usize) -> Sound {
    Sound { encoder: "pcm_f32le", rate: 48_000, planes: vec![vec![level; length]; 2], start: 0 }
}

#[test]
fn levels_are_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, level| {
        let film = Film { sound: Some(constant(level, 96_000)), ..Film::new(50) };
        film.write(&folder.path().join(name)).unwrap();
    };
    write("half.mkv", 0.5);
    write("loud.mkv", 0.8);
    let level = |items: &str, at: usize| {
        let text = format!(
            "canvas 64x48 fps:25\ntimeline {{\n color black duration:2s\n}}\naudio {{\n {items}\n}}\noutput \"a.wav\"\n"
        );
        let [left, right] = sound(folder.path(), &text);
        (left[at], right[at])
    };
    let close = |got: (f32, f32), want: (f32, f32)| {
        assert!((got.0 - want.0).abs() < 1e-3 && (got.1 - want.1).abs() < 1e-3, "{got:?} for {want:?}");
    };
    close(level("audio \"half.mkv\"", 48_000), (0.5, 0.5));
    close(level("audio \"half.mkv\" volume:-6dB", 48_000), (0.2506, 0.2506));
    close(level("audio \"half.mkv\" volume:50%", 48_000), (0.25, 0.25));
    close(level("audio \"half.mkv\" volume:[0s 0, 2s 1]", 48_000), (0.25, 0.25));
    close(level("audio \"half.mkv\" pan_audio:-1", 48_000), (0.5, 0.0));
    close(level("audio \"half.mkv\" pan_audio:0.5", 48_000), (0.25, 0.5));
    close(level("audio \"half.mkv\" fade_in:1s", 24_000), (0.25, 0.25));
    close(level("audio \"half.mkv\" fade_out:1s", 72_000), (0.25, 0.25));
    // A fade is anchored at the end that is heard.
    close(level("audio \"half.mkv\" at:1s fade_out:0.5s", 84_000), (0.25, 0.25));
    // Sums are not divided; only what is above full scale is turned down.
    close(level("audio \"half.mkv\"\n audio \"half.mkv\" volume:0.9", 48_000), (0.95, 0.95));
    let (loud, _) = level("audio \"loud.mkv\"\n audio \"loud.mkv\"", 48_000);
    assert!((0.9..=1.0).contains(&loud), "{loud}");
}

#[test]
fn crossfades_keep_the_power_and_cuts_do_not_click() {
    let folder = tempfile::tempdir().unwrap();
    let film = Film { sound: Some(constant(0.5, 96_000)), ..Film::new(50) };
    film.write(&folder.path().join("half.mkv")).unwrap();
    let text = "canvas 64x48 fps:25\ntimeline {\n video \"half.mkv\" out:1s\n transition crossfade 0.4s\n video \"half.mkv\" in:0.5s out:1.5s\n}\noutput \"a.wav\"\n";
    let [left, _] = sound(folder.path(), text);
    // The same sound on both sides adds up by amplitude: sin + cos, 3 dB more in the middle.
    assert!((left[38_400] - 0.5 * 2.0f32.sqrt()).abs() < 1e-3, "{}", left[38_400]);
    assert!((left[20_000] - 0.5).abs() < 1e-6 && (left[60_000] - 0.5).abs() < 1e-6);
    let steepest = left.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
    assert!(steepest < 0.51 && left[1..76_000].windows(2).all(|w| (w[1] - w[0]).abs() < 0.01), "{steepest}");
}

#[test]
fn sound_that_is_longer_or_shorter_than_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, length| {
        let film = Film { sound: Some(constant(0.5, length)), ..Film::new(50) };
        film.write(&folder.path().join(name)).unwrap();
    };
    write("short.mkv", 48_000);
    write("long.mkv", 144_000);
    let heard = |text: &str| {
        let [left, _] = sound(folder.path(), &format!("canvas 64x48 fps:25\n{text}\noutput \"a.wav\"\n"));
        (left.len(), left.iter().filter(|v| v.abs() > 0.49).count())
    };
    assert_eq!(heard("timeline {\n video \"short.mkv\"\n}"), (96_000, 48_000));
    assert_eq!(heard("timeline {\n video \"long.mkv\"\n}").0, 96_000);
    assert!(heard("timeline {\n video \"long.mkv\"\n}").1 >= 95_700);
    // Longer music is cut at the film's end, and it is said.
    let text = "canvas 64x48 fps:25\ntimeline {\n color black duration:1s\n}\naudio {\n audio \"long.mkv\"\n}\noutput \"a.wav\"\n";
    let (plan, findings, shown) = planned(folder.path(), text, &LibavMedia::default());
    assert!(plan.is_some(), "{shown}");
    assert!(findings.iter().any(|f| f.message.contains("cut")), "{shown}");
    assert_eq!(sound(folder.path(), text)[0].len(), 48_000);
    // A film of sound alone is as long as its sound.
    assert_eq!(heard("audio {\n audio \"long.mkv\" out:1.5s\n}").0, 72_000);
}

#[test]
fn six_channels_become_two_by_the_standard() {
    let folder = folder();
    let [left, _] =
        sound(folder.path(), "canvas 64x48 fps:25\ntimeline {\n video \"six.mkv\"\n}\noutput \"a.wav\"\n");
    let got = clicks(&left);
    assert_eq!(got.iter().map(|c| c.0).collect::<Vec<_>>(), CLICKS);
    // BS.775: front + 0.707 centre + 0.707 surround of 0.9 each is above full scale: limited, and not silent.
    assert!(got.iter().all(|c| (0.6..=1.0).contains(&c.1)), "{got:?}");
}

#[test]
fn encoded_sound_is_in_sync_at_both_ends() {
    let folder = folder();
    for name in ["out.mp4", "out.mkv", "out.wav", "out.mov", "out.webm", "out.m4a", "out.mp3"] {
        let path = folder.path().join(name);
        let text = format!(
            "canvas 64x48 fps:25\ntimeline {{\n video \"a.mkv\" in:0.2s out:1s\n video \"a.mkv\" in:1s\n}}\noutput \"{name}\"\n"
        );
        let plan = plan_of(folder.path(), &text);
        let drawings = Arc::new(Drawings::new(Fonts::new(false)));
        let cancel = AtomicBool::new(false);
        let options = RenderOptions {
            overwrite: false,
            decode_threads: 1,
            cancel: &cancel,
            progress: &|_| (),
            notice: &|_| (),
        };
        let mut executor = cpu(1, SimdLevel::active());
        render(&plan, &mut executor, &drawings, &options).unwrap_or_else(|e| panic!("{name}: {e}"));
        let info = LibavMedia::default().probe(&path).unwrap();
        if let Some(video) = &info.video {
            assert_eq!(video.times.count(), 55, "{name}");
        }
        let mut reader = AudioReader::open(&info, 0, 48_000, Channels::Stereo).unwrap();
        let mut planes = [vec![0.0; 120_000], vec![0.0; 120_000]];
        let [left, right] = &mut planes;
        reader.read(0, &mut [left, right]).unwrap();
        let got = clicks(left);
        let wanted = [2_400usize, 30_400, 50_400, 90_400];
        // Exact but for stamps of a millisecond, and for what an encoder's frame may be off.
        let frame = match name.rsplit('.').next() {
            Some("wav" | "mp4" | "mov" | "m4a") => 1,
            Some("mkv" | "webm") => 48,
            _ => 1152,
        };
        let right = got.len() == 4 && got.iter().zip(wanted).all(|(g, w)| g.0.abs_diff(w) <= frame);
        assert!(right, "{name}: {got:?} for {wanted:?}");
        assert!((info.audio[0].duration.to_f64() - 2.2).abs() < 0.05, "{name}: {}", info.audio[0].duration);
    }
}

#[test]
fn a_part_of_a_film_sounds_as_in_the_whole() {
    let folder = folder();
    let text = "canvas 64x48 fps:25\ntimeline {\n video \"low.mkv\" out:1.4s\n transition crossfade 0.4s\n video \"a.mkv\" in:0.2s speed:1.5 pitch:follow\n}\noutput \"a.wav\"";
    let [whole, _] = sound(folder.path(), text);
    // Parts begin with a frame.
    for (range, from, to) in [("0.6s..1.2s", 28_800, 57_600), ("1.1s..2s", 53_760, 96_000)] {
        let [part, _] = sound(folder.path(), &format!("{text} range:{range}"));
        assert_eq!(part.len(), to - from);
        let off = whole[from..to].iter().zip(&part).position(|(a, b)| (a - b).abs() > 1e-4);
        assert_eq!(off, None, "{range}");
    }
}
