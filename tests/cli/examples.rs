//! Every example renders: as many frames as it should have, as long as it should be, and the pictures in `golden/`; and
//! is written in the form that `fmt` gives.

use super::*;

/// How far two samples of a picture may be apart: decoders and executors are exact, so a code is generous.
const TOLERANCE: u8 = 2;
/// Golden pictures are so much smaller than the frames.
const SHRUNK: usize = 4;

/// An example's files: name, frames, seconds.
type Files = &'static [(&'static str, u64, f64)];

macro_rules! examples {
    ($($test:ident: $script:literal, $files:expr, at $at:expr;)*) => {
        $(#[test]
        fn $test() {
            renders($script, $files);
            $at.iter().for_each(|at| looks($script, at));
        })*

        #[test]
        fn none_is_left_out_and_all_are_in_our_form() {
            let mut here = vec!["15-five-edits.vfx", "15-five-edits.yaml", $($script),*];
            here.sort_unstable();
            let is_script = |name: &String| name.ends_with(".vfx") || name.ends_with(".yaml");
            let there: Vec<String> = names(&project().join("examples")).into_iter().filter(is_script).collect();
            assert_eq!(there, here);
            let check = ["fmt", "--check"].into_iter().chain(here);
            run(&project().join("examples"), check).ok();
        }
    };
}

examples! {
    trim_and_join: "01-trim-and-join.vfx", &[("trim-and-join.mp4", 72, 3.0)], at ["1s", "1.5s"];
    transitions: "02-transitions.yaml", &[("transitions.mp4", 132, 5.5)], at ["1.25s", "2.25s", "3.25s", "4.25s"];
    grade: "03-grade.vfx", &[("grade.mp4", 125, 5.0)], at ["500ms", "1.5s", "2.5s", "3.5s", "4.5s"];
    titles: "04-titles.yaml", &[("titles.mp4", 135, 5.625)], at ["1s", "2.5s", "3s", "4.5s", "5s"];
    zoom_and_pan: "05-zoom-and-pan.vfx", &[("zoom-and-pan.mp4", 100, 4.0)], at ["1s", "3.2s"];
    picture_in_picture: "06-picture-in-picture.yaml", &[("picture-in-picture.mp4", 100, 4.0)], at ["700ms", "3s"];
    speed: "07-speed.vfx", &[("speed.mp4", 156, 6.24)], at ["500ms", "1.52s", "2.2s", "3.7s", "6s"];
    sound: "08-sound.yaml",
        &[("sound.mp4", 100, 4.0), ("sound.mp3", 0, 4.0), ("sound.wav", 0, 4.0)], at ["0s"];
    variables: "09-variables-and-styles.vfx", &[("for-you.mp4", 50, 2.0)], at ["1s"];
    groups: "10-groups.yaml", &[("groups.mp4", 42, 1.75)], at ["500ms", "1s"];
    adjust: "11-adjust.vfx", &[("adjust.mp4", 75, 3.0)], at ["500ms", "1.5s"];
    outputs: "12-outputs.yaml",
        &[("film.mp4", 50, 2.0), ("film-small.webm", 50, 2.0), ("film.gif", 20, 2.0), ("poster.jpg", 1, 0.04),
          ("still-%04d.png", 4, 2.0)], at ["1s"];
    lower_third: "13-lower-third.vfx", &[("lower-third.mp4", 88, 3.52)], at ["500ms", "2s"];
    tracks: "14-tracks.yaml", &[("tracks.mp4", 100, 4.0)], at ["1.15s", "3s"];
    watched_folder: "16-watched-folder.vfx", &[("big_buck_bunny-titled.mp4", 132, 5.28)], at ["1s"];
}

/// The example in a folder of its own, so that its films do not land in the project.
fn staged(script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let examples = project().join("examples");
    std::fs::copy(examples.join(script), folder.path().join(script)).unwrap();
    std::fs::create_dir(folder.path().join("media")).unwrap();
    for name in names(&examples.join("media")) {
        std::fs::copy(examples.join("media").join(&name), folder.path().join("media").join(&name)).unwrap();
    }
    folder
}

fn renders(script: &str, files: Files) {
    let folder = staged(script);
    let args = ["render", script, "--backend", "cpu", "--deny-warnings", "--json"];
    let objects = run(folder.path(), args).ok().objects();
    let outputs: Vec<&Value> = objects.iter().filter(|object| object["type"] == "output").collect();
    assert_eq!(outputs.len(), files.len());
    for (output, &(name, frames, seconds)) in outputs.iter().zip(files) {
        let path = folder.path().join("out").join(name);
        assert_eq!(output["file"], format!("out/{name}"));
        assert_eq!((&output["frames"], &output["duration"]), (&frames.into(), &seconds.into()), "{name}");
        if name.contains('%') {
            let stills = names(path.parent().unwrap()).iter().filter(|n| n.starts_with("still-")).count();
            assert_eq!(stills as u64, frames);
        } else if frames == 0 {
            // MP3 ends in a whole frame.
            let heard = probe(&path).audio[0].duration.to_f64();
            assert!((heard - seconds).abs() < 1152.0 / 48_000.0, "{name}: {heard} s");
        } else {
            assert_eq!(pictures(&path), frames, "{name}");
        }
    }
}

/// Compares the frame at an instant with the golden picture of it.
fn looks(script: &str, at: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (name, picture) = (format!("{script}-{at}.png"), folder.path().join("frame.png"));
    let file = project().join("examples").join(script);
    let args = ["frame".as_ref(), file.as_os_str(), "--at".as_ref(), at.as_ref()];
    let more: [&OsStr; 4] = ["-o".as_ref(), picture.as_ref(), "--backend".as_ref(), "cpu".as_ref()];
    run(folder.path(), args.into_iter().chain(more)).ok();
    let (size, found) = shrunk(read(&picture));
    let golden = project().join("tests/golden").join(&name);
    if std::env::var_os("VFXB_BLESS").is_some() {
        return save(&golden, size, &found);
    }
    assert!(
        golden.exists(),
        "there is no golden picture {name}: look at the frame, and bless it with VFXB_BLESS=1"
    );
    let (wanted_size, wanted) = read(&golden);
    assert_eq!(size, wanted_size, "{name}");
    let worst = found.iter().zip(&wanted).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(worst <= TOLERANCE, "{name}: samples are {worst} apart");
}

type Pixels = ((usize, usize), Vec<u8>);

/// Red, green and blue of a PNG of 8 bits.
fn read(path: &Path) -> Pixels {
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    let channels = info.color_type.samples();
    let rgb = bytes[..info.buffer_size()].chunks(channels).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]);
    ((info.width as usize, info.height as usize), rgb.collect())
}

/// The mean of each block of pixels.
fn shrunk(((width, height), pixels): Pixels) -> Pixels {
    let (w, h) = (width / SHRUNK, height / SHRUNK);
    let mean = |x: usize, y: usize, c: usize| {
        let block = (0..SHRUNK * SHRUNK).map(|i| (x * SHRUNK + i % SHRUNK, y * SHRUNK + i / SHRUNK));
        let sum: usize = block.map(|(x, y)| usize::from(pixels[(y * width + x) * 3 + c])).sum();
        ((sum + SHRUNK * SHRUNK / 2) / (SHRUNK * SHRUNK)) as u8
    };
    let means = (0..h).flat_map(|y| (0..w).flat_map(move |x| (0..3).map(move |c| (x, y, c))));
    ((w, h), means.map(|(x, y, c)| mean(x, y, c)).collect())
}

fn save(path: &Path, (width, height): (usize, usize), pixels: &[u8]) {
    let file = std::fs::File::create(path).unwrap();
    let mut encoder = png::Encoder::new(file, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::High);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
}
