//! Compositions against pictures that were looked at. `VFXB_BLESS=1` writes them anew.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::{Path, PathBuf};

use vfxb_engine::picture::Picture;
use vfxb_tests::scripts::{rgb, rgb_frame, still};

/// How far a channel may be from the golden picture.
const TOLERANCE: i32 = 2;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/compositions").join(format!("{name}.png"))
}

/// `sky.png`: a gradient with a sun. `leaf.png`: a disc that fades out, on nothing.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let sky = |x: u32, y: u32| {
        let sun = (x as i32 - 110).pow(2) + (y as i32 - 25).pow(2) < 225;
        if sun { [255, 230, 120, 255] } else { [(40 + y) as u8, (90 + y) as u8, (220 - x / 2) as u8, 255] }
    };
    still(&folder.path().join("sky.png"), (160, 90), sky);
    let leaf = |x: u32, y: u32| {
        let away = f64::from((x as i32 - 20).pow(2) + (y as i32 - 20).pow(2)).sqrt() / 20.0;
        [30, 180, 60, ((1.0 - away).clamp(0.0, 1.0) * 255.0) as u8]
    };
    still(&folder.path().join("leaf.png"), (40, 40), leaf);
    folder
}

fn save(path: &Path, picture: &Picture) {
    let pixel = |x, y| {
        let [r, g, b] = rgb(picture, x, y).map(|v| v as u8);
        [r, g, b, 255]
    };
    still(path, (picture.spec().width, picture.spec().height), pixel);
}

fn load(path: &Path) -> (u32, u32, Vec<u8>) {
    let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    (info.width, info.height, pixels)
}

fn check(name: &str, script: &str) {
    let folder = folder();
    let picture = rgb_frame(folder.path(), &format!("canvas 160x90 fps:25\n{script}"));
    let path = golden(name);
    if std::env::var_os("VFXB_BLESS").is_some() {
        save(&path, &picture);
    }
    let (width, height, pixels) = load(&path);
    assert_eq!((picture.spec().width, picture.spec().height), (width, height), "{name}");
    for (at, want) in pixels.chunks_exact(4).enumerate() {
        let (x, y) = (at as u32 % width, at as u32 / width);
        let got = rgb(&picture, x, y);
        let close = got.iter().zip(want).all(|(g, w)| (g - i32::from(*w)).abs() <= TOLERANCE);
        assert!(close, "{name}: {got:?} for {want:?} at {x}, {y}");
    }
}

const SKY: &str = "timeline {\n image \"sky.png\" duration:2s\n}\n";

#[test]
fn lettering_and_shapes() {
    check(
        "lettering",
        &format!(
            "{SKY}overlays {{\n shape rect width:120px height:26px fill:#00000080 radius:8px position:bottom offset:\"0px -6px\"\n text \"Ada & Bo\" size:18px color:white outline:\"1px #203040\" position:bottom offset:\"0px -7px\"\n shape circle width:24px height:24px stroke:\"3px white\" position:top-left offset:\"6px 6px\"\n}}"
        ),
    );
}

#[test]
fn scaled_turned_and_blended() {
    check(
        "blended",
        &format!(
            "{SKY}overlays {{\n image \"leaf.png\" width:60px rotate:30deg position:left\n image \"leaf.png\" blend:multiply position:center\n image \"leaf.png\" blend:screen scale:1.5 position:right opacity:0.7\n}}"
        ),
    );
}

#[test]
fn graded_and_sharpened() {
    check("graded", "timeline {\n image \"sky.png\" | vintage 0.8 | vignette 0.7 | sharpen 0.5\n}");
}

#[test]
fn blurred_bars_and_a_group() {
    check(
        "bars",
        "timeline {\n image \"sky.png\" crop:60x80 fit:blur\n}\noverlays {\n group size:80x80 width:30px position:top-right opacity:0.8 {\n timeline {\n image \"sky.png\" | hue 180deg\n }\n overlays {\n text \"g\" size:60px\n }\n }\n}",
    );
}

#[test]
fn shadows_of_boxes_pictures_and_letters() {
    check(
        "shadows",
        "timeline {\n color #e8e0d0 duration:2s\n}\noverlays {\n image \"sky.png\" width:64px radius:8px border:\"2px white\" rotate:-8deg position:left offset:\"8px 0px\" shadow:\"3px 4px 8px #00000099\"\n image \"leaf.png\" position:top-right shadow:\"6px 6px 3px #403010\"\n shape circle width:26px height:26px fill:#d04020 stroke:\"2px #601000\" position:bottom offset:\"10px -8px\" shadow:\"4px 4px 5px #0008\"\n group size:50x30 position:bottom-right offset:\"-6px -6px\" shadow:\"2px 3px 4px #000c\" {\n overlays {\n text \"Ada\" size:22px color:#204080 duration:1s\n }\n }\n}",
    );
}
