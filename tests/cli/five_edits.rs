//! Trim, crop, vintage, a title and 1080p in one script, in both spellings: the same film, exact and in sync.

use vfxb_dsl::source::SourceMap;
use vfxb_dsl::syntax::Spelling;
use vfxb_engine::media::{AudioReader, Channels};
use vfxb_engine::plan::{Plan, Request};

use super::*;

/// Samples a second of the film's sound, and samples of one of its packets.
const RATE: u32 = 48_000;
const PACKET: i64 = 1024;

/// What is planned for one spelling, its output called `out.mp4`.
fn planned(name: &str) -> Plan {
    let path = project().join("examples").join(name);
    let mut map = SourceMap::new();
    let file = map.add(name, path.parent().unwrap(), std::fs::read_to_string(&path).unwrap());
    let (script, findings) = vfxb_engine::parse(&map, file, Spelling::of_path(&path).unwrap(), &[]);
    assert_eq!(findings, []);
    let request = Request { output: Some("out.mp4".into()), ..Request::default() };
    vfxb_engine::plan::plan(&script.unwrap(), &LibavMedia::default(), &request).0.unwrap()
}

#[test]
fn both_spellings_are_one_plan() {
    let plans =
        ["15-five-edits.vfx", "15-five-edits.yaml"].map(|name| serde_json::to_value(planned(name)).unwrap());
    assert_eq!(plans[0], plans[1]);
}

#[test]
fn both_spellings_are_one_film_exact_and_in_sync() {
    let folder = tempfile::tempdir().unwrap();
    let films = ["15-five-edits.vfx", "15-five-edits.yaml"].map(|name| {
        let (script, film) =
            (project().join("examples").join(name), folder.path().join(format!("{name}.mp4")));
        let args = ["render".as_ref(), script.as_os_str(), "-o".as_ref(), film.as_os_str()];
        run(folder.path(), args.into_iter().chain(["--backend".as_ref(), "cpu".as_ref()])).ok();
        film
    });
    let source = probe(&films[0]);
    let video = source.video.as_ref().unwrap();
    assert_eq!(video.square_size(), (1920, 1080));
    assert_eq!((video.times.count(), video.rate), (228, 24.into()));
    assert_eq!(video.times.duration().to_f64(), 9.5);
    let heard = source.audio[0].duration.to_f64();
    assert!((heard - 9.5).abs() <= PACKET as f64 / f64::from(RATE), "{heard} s of sound");

    let mut readers =
        films.each_ref().map(|film| VideoReader::open(&probe(film), DecodeOptions::default()).unwrap());
    for n in 0..228 {
        let [a, b] = readers.each_mut().map(|reader| reader.picture(n).unwrap());
        for y in 0..1080 {
            assert_eq!(a.row(0, y), b.row(0, y), "frame {n}, row {y}");
        }
    }

    let trailer = probe(&project().join("examples/media/big_buck_bunny_trailer.mp4"));
    for at in [0.3, 8.7] {
        let lag = lag(&sound(&trailer, 10.5 + at), &sound(&source, at));
        assert!(lag.abs() <= PACKET, "the sound at {at} s is {lag} samples late");
    }
}

/// Half a second of sound from a time on, both channels in one, with a packet more to both sides.
fn sound(source: &Arc<SourceInfo>, from: f64) -> Vec<f32> {
    let mut reader = AudioReader::open(source, 0, RATE, Channels::Stereo).unwrap();
    let length = RATE as usize / 2 + 4 * PACKET as usize;
    let mut planes = vec![vec![0.0; length]; 2];
    let mut views: Vec<&mut [f32]> = planes.iter_mut().map(Vec::as_mut_slice).collect();
    reader.read((from * f64::from(RATE)) as i64 - 2 * PACKET, &mut views).unwrap();
    planes[0].iter().zip(&planes[1]).map(|(l, r)| l + r).collect()
}

/// By how many samples `heard` comes after `played`: where they agree best.
fn lag(played: &[f32], heard: &[f32]) -> i64 {
    let reach = 2 * PACKET;
    let core = reach as usize..played.len() - reach as usize;
    let agreement = |lag: i64| -> f64 {
        core.clone().map(|i| f64::from(played[i]) * f64::from(heard[(i as i64 + lag) as usize])).sum()
    };
    (-reach..=reach).max_by(|a, b| agreement(*a).total_cmp(&agreement(*b))).unwrap()
}
