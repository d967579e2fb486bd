//! `vfxb watch --folder`: files as they come into folders, processes as they end.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::time::SystemTime;

use super::watching::{Watching, wait_until};
use super::*;

const TEMPLATE: &str = "var input\ntimeline {\n  video \"${input}\"\n}\noutput \"film.mp4\"\n";
const ARGS: [&str; 6] = ["--folder", "in", "--script", "brand.vfx", "--out", "out"];

/// A folder with a template, an empty folder for files, and a small film that can be put there.
fn stage(template: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    write(folder.path(), "brand.vfx", template);
    film(folder.path(), "small.mp4", 3);
    folder
}

fn film(folder: &Path, name: &str, pictures: i64) {
    let made = folder.join("made.mp4");
    Film::new(pictures).write(&made).unwrap();
    fs::rename(made, folder.join(name)).unwrap();
}

fn watch(folder: &Path, more: &[&str]) -> Watching {
    watch_settling(folder, "0.4", more)
}

/// With another time that files stand still, in seconds.
fn watch_settling(folder: &Path, settle: &str, more: &[&str]) -> Watching {
    Watching::start(folder, ARGS.iter().chain(&["--settle", settle]).chain(more))
}

/// Copies the small film into the watched folder.
fn put(folder: &Path, name: &str) {
    fs::copy(folder.join("small.mp4"), folder.join("in").join(name)).unwrap();
}

/// The files in the folder of films, without what the watch keeps for itself.
fn films(folder: &Path) -> Vec<String> {
    let Ok(_) = fs::metadata(folder.join("out")) else { return Vec::new() };
    names(&folder.join("out")).into_iter().filter(|name| !name.starts_with(".vfxb-watch")).collect()
}

#[test]
fn many_at_once_are_each_rendered_once_and_a_restart_knows() {
    let folder = stage(TEMPLATE);
    let path = folder.path();
    let mut watching = watch(path, &["--jobs", "3"]);
    watching.until_type("watching");
    let inputs: Vec<String> = (0..40).map(|n| format!("clip {n:02}.mov")).collect();
    inputs.iter().for_each(|name| put(path, name));
    assert_eq!(watching.until(|line| line["type"] == "watching" && line["done"] == 40)["failed"], 0);
    let mut done = watching.inputs("done");
    done.sort_unstable();
    assert_eq!((done, watching.inputs("began").len()), (inputs.iter().map(String::as_str).collect(), 40));
    let expected: Vec<String> = (0..40).map(|n| format!("clip {n:02}.mp4")).collect();
    assert_eq!(films(path), expected);
    assert!(expected.iter().all(|name| pictures(&path.join("out").join(name)) == 3));

    watching.kill();
    let mut watching = watch(path, &[]);
    put(path, "new.mp4");
    watching.until_input("done", "new.mp4");
    assert_eq!(watching.inputs("began"), ["new.mp4"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_slow_copy_waits_for_its_end_and_for_its_name() {
    let folder = stage(TEMPLATE);
    let path = folder.path();
    let mut watching = watch_settling(path, "0.5", &[]);
    watching.until_type("watching");
    let bytes = fs::read(path.join("small.mp4")).unwrap();
    let mut slow = fs::File::create(path.join("in/slow.mp4")).unwrap();
    let mut download = fs::File::create(path.join("in/download.mp4.part")).unwrap();
    for (n, piece) in bytes.chunks(bytes.len().div_ceil(2)).enumerate() {
        slow.write_all(piece).unwrap();
        download.write_all(piece).unwrap();
        // Nobody tells of this one's closing: by the time that it is done, whatever came before has stood still for
        // long enough.
        let clock = format!("clock-{n}.mp4");
        put(path, &format!(".{clock}"));
        fs::rename(path.join(format!("in/.{clock}")), path.join("in").join(&clock)).unwrap();
        watching.until_input("done", &clock);
    }
    drop((slow, download));
    watching.until_input("done", "slow.mp4");
    fs::rename(path.join("in/download.mp4.part"), path.join("in/download.mp4")).unwrap();
    watching.until_input("done", "download.mp4");
    let began = watching.inputs("began");
    assert_eq!(began.iter().position(|name| *name == "slow.mp4"), Some(began.len() - 2), "{began:?}");
    assert_eq!(watching.inputs("failed"), [""; 0]);
    assert_eq!(pictures(&path.join("out/slow.mp4")), 3);
}

/// The digest of a file's bytes is what a render begins with: there is time to rename one that is large.
#[test]
fn a_new_name_while_it_is_rendered_is_no_failure() {
    let folder = stage(TEMPLATE);
    let path = folder.path();
    let mut watching = watch(path, &["--poll=0.05"]);
    watching.until_type("watching");
    put(path, ".a.mp4");
    let large = fs::File::options().write(true).open(path.join("in/.a.mp4")).unwrap();
    large.set_len(1 << 28).unwrap();
    drop(large);
    fs::rename(path.join("in/.a.mp4"), path.join("in/a.mp4")).unwrap();
    watching.until_input("began", "a.mp4");
    fs::rename(path.join("in/a.mp4"), path.join("in/b.mp4")).unwrap();
    watching.until(|line| line["type"] == "done");
    assert_eq!((watching.inputs("done"), watching.inputs("failed")), (vec!["b.mp4"], vec![]));
    assert_eq!(films(path).iter().filter(|name| name.ends_with(".mp4")).count(), 1);
}

#[test]
fn another_name_is_no_other_file_but_other_content_is() {
    let folder = stage(TEMPLATE);
    let path = folder.path();
    let mut watching = watch(path, &["--poll=0.05"]);
    put(path, "a.mp4");
    watching.until_input("done", "a.mp4");

    fs::rename(path.join("in/a.mp4"), path.join("in/b.mp4")).unwrap();
    put(path, "clock.mp4");
    watching.until_input("done", "clock.mp4");

    // The same bytes again, written anew; then other ones.
    let later = fs::metadata(path.join("in/b.mp4")).unwrap().modified().unwrap();
    put(path, "b.mp4");
    let touched = fs::File::options().write(true).open(path.join("in/b.mp4")).unwrap();
    touched.set_modified(later + std::time::Duration::from_secs(1)).unwrap();
    watching.until_input("same", "b.mp4");
    film(path, "in/b.mp4", 5);
    watching.until_input("done", "b.mp4");
    assert_eq!(pictures(&path.join("out/b.mp4")), 5);
    film(path, "in/b.mp4", 7);
    watching.until_input("done", "b.mp4");
    assert_eq!(pictures(&path.join("out/b.mp4")), 7);
    assert_eq!(pictures(&path.join("out/a.mp4")), 3, "the film of the first version keeps its name");

    // Taken out, and put in again.
    fs::remove_file(path.join("in/clock.mp4")).unwrap();
    put(path, "clock-2.mp4");
    watching.until_input("done", "clock-2.mp4");
    put(path, "clock.mp4");
    watching.until_input("done", "clock.mp4");
    assert_eq!(watching.inputs("done"), ["a.mp4", "clock.mp4", "b.mp4", "b.mp4", "clock-2.mp4", "clock.mp4"]);
}

#[test]
fn what_cannot_be_rendered_goes_aside_with_the_reason_and_texts_stay() {
    let folder = stage(TEMPLATE);
    let path = folder.path();
    fs::write(path.join("in/broken.mp4"), "no film at all").unwrap();
    fs::write(path.join("in/notes.txt"), "what to do").unwrap();
    put(path, "good.mp4");
    put(path, ".hidden.mp4");
    let mut watching = watch(path, &[]);
    let told = watching.until_type("diagnostic");
    assert_eq!((&told["input"], &told["code"]), (&"broken.mp4".into(), &"V0551".into()));
    let failed = watching.until_type("failed");
    let (report, file) = (failed["report"].as_str().unwrap(), failed["file"].as_str().unwrap());
    assert_eq!((report, file), ("out/failed/broken.mp4.txt", "out/failed/broken.mp4"));
    let text = fs::read_to_string(path.join(report)).unwrap();
    assert!(text.contains("broken.mp4 could not be rendered") && text.contains("error[V0551]"), "{text}");
    let end = watching.until_type("watching");
    assert_eq!((&end["done"], &end["failed"]), (&1.into(), &1.into()));
    assert_eq!(watching.inputs("ignored"), ["notes.txt"]);
    assert_eq!(names(&path.join("in")), [".hidden.mp4", "good.mp4", "notes.txt"]);

    // Mended and put back, it is rendered.
    fs::copy(path.join("small.mp4"), path.join("out/failed/broken.mp4")).unwrap();
    fs::rename(path.join("out/failed/broken.mp4"), path.join("in/broken.mp4")).unwrap();
    watching.until_input("done", "broken.mp4");
    assert_eq!(films(path), ["broken.mp4", "failed", "good.mp4"]);
}

#[test]
fn films_never_take_the_place_of_others() {
    let folder = stage(
        "var input\nvar stem\ntimeline {\n  video \"${input}\"\n}\noutput \"x/${stem}-hd.mp4\"\noutput \"poster.jpg\" at:0s\n",
    );
    let path = folder.path();
    fs::create_dir(path.join("out")).unwrap();
    write(path, "out/mine-hd.mp4", "kept");
    ["a.mp4", "a.mov", "mine.mp4"].iter().for_each(|name| put(path, name));
    let mut watching = watch(path, &[]);
    watching.until_type("watching");
    assert_eq!(watching.inputs("failed"), ["mine.mp4"]);
    assert_eq!(fs::read(path.join("out/mine-hd.mp4")).unwrap(), b"kept");
    assert_eq!(
        films(path),
        ["a-hd.mp4", "a-poster.jpg", "a.mp4-hd.mp4", "a.mp4-poster.jpg", "failed", "mine-hd.mp4"]
    );
    drop(watching);
    fs::rename(path.join("out/failed/mine.mp4"), path.join("in/mine.mp4")).unwrap();
    watch(path, &["--overwrite"]).until_input("done", "mine.mp4");
    assert_eq!(pictures(&path.join("out/mine-hd.mp4")), 3);
}

/// Every film, and which file it is on the disk.
fn identities(folder: &Path) -> BTreeMap<String, (SystemTime, u64)> {
    let of = |name: String| {
        let meta = fs::metadata(folder.join("out").join(&name)).unwrap();
        (name, (meta.modified().unwrap(), meta.len()))
    };
    films(folder)
        .into_iter()
        .filter(|name| name.ends_with(".mp4") && !name.starts_with('.'))
        .map(of)
        .collect()
}

#[test]
fn killed_again_and_again_each_file_is_rendered_once() {
    let folder = stage(TEMPLATE);
    let path = folder.path();
    (0..16).for_each(|n| put(path, &format!("{n:02}.mp4")));
    let mut made = BTreeMap::new();
    // A generator of Knuth's, so that the moments are the same every time.
    let mut seed = 7u64;
    for _ in 0..8 {
        let mut watching = watch_settling(path, "0.05", &["--jobs", "2"]);
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        for _ in 0..(seed >> 33) % 12 {
            if watching.next().is_none_or(|line| line["type"] == "watching") {
                break;
            }
        }
        watching.kill();
        let now = identities(path);
        made.iter().for_each(|(name, film)| assert_eq!(now.get(name), Some(film), "{name} was made twice"));
        now.keys().for_each(|name| assert_eq!(pictures(&path.join("out").join(name)), 3, "{name} is whole"));
        made = now;
    }
    let mut watching = watch(path, &["--jobs", "2"]);
    watching.until_type("watching");
    let now = identities(path);
    made.iter().for_each(|(name, film)| assert_eq!(now.get(name), Some(film), "{name} was made twice"));
    let expected: Vec<String> = (0..16).map(|n| format!("{n:02}.mp4")).collect();
    assert_eq!(films(path), expected, "all are there, and nothing unfinished is left");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_cleanly_and_a_file_that_changes_stops_its_render() {
    let template = "var input\ncanvas 1920x1080\ntimeline {\n  video \"${input}\" loop:true duration:1000s | blur 0.5\n}\noutput \"film.mp4\"\n";
    let folder = stage(template);
    let path = folder.path();
    put(path, "a.mp4");
    let mut watching = watch(path, &[]);
    watching.until_input("progress", "a.mp4");
    let second = run(path, ["watch"].iter().chain(&ARGS));
    assert_eq!(second.code(), 1);
    assert!(second.err().contains("another watch works in out"), "{}", second.err());

    film(path, "in/a.mp4", 4);
    watching.until_input("dropped", "a.mp4");
    watching.until_input("progress", "a.mp4");
    fs::remove_file(path.join("in/a.mp4")).unwrap();
    watching.until_input("dropped", "a.mp4");
    watching.until_type("watching");

    put(path, "b.mp4");
    watching.until_input("progress", "b.mp4");
    let watching = watching.interrupt();
    assert_eq!((watching.inputs("done"), watching.inputs("failed")), (vec![], vec![]));
    assert_eq!(films(path), [""; 0]);
    // Another template, and what was stopped is done.
    write(path, "brand.vfx", TEMPLATE);
    let mut watching = watch(path, &[]);
    watching.until_input("done", "b.mp4");
    assert_eq!(films(path), ["b.mp4"]);

    // A template that is changed serves the next; one that is wrong does not.
    write(path, "brand.vfx", "var input\ntimeline {\n  vdeo \"${input}\"\n}\n");
    watching.until(|line| line["message"] == "the template is wrong: going on with the one from before");
    put(path, "c.mp4");
    watching.until_input("done", "c.mp4");
}

#[test]
fn a_folder_that_goes_is_waited_for() {
    let folder = stage(TEMPLATE);
    let path = folder.path();
    put(path, "a.mp4");
    let mut watching = watch(path, &[]);
    watching.until_input("done", "a.mp4");
    fs::rename(path.join("in"), path.join("away")).unwrap();
    watching.until(|line| line["message"].as_str().is_some_and(|text| text.contains("waiting for it")));
    fs::create_dir(path.join("in")).unwrap();
    put(path, "b.mp4");
    watching.until_input("done", "b.mp4");
    fs::remove_dir_all(path.join("in")).unwrap();
    fs::rename(path.join("away"), path.join("in")).unwrap();
    put(path, "c.mp4");
    watching.until_input("done", "c.mp4");
    assert_eq!(watching.inputs("began"), ["a.mp4", "b.mp4", "c.mp4"]);
    wait_until("the films are there", || films(path) == ["a.mp4", "b.mp4", "c.mp4"]);
}

#[test]
fn what_cannot_be_watched_is_told_before_anything_is_made() {
    let folder = stage(TEMPLATE);
    let path = folder.path();
    write(path, "plain.vfx", "timeline {\n  video \"small.mp4\"\n}\noutput \"a.mp4\"\n");
    for (replaced, by, code, says) in [
        ("in", "nowhere", 2, "nowhere cannot be watched"),
        ("in", "small.mp4", 2, "small.mp4 is no folder"),
        ("out", "in", 2, "cannot be the folder of films too"),
        ("brand.vfx", "plain.vfx", 2, "does not ask for the file"),
        ("brand.vfx", "none.vfx", 2, "there is no script"),
        ("out", "small.mp4/out", 1, "cannot keep a journal"),
    ] {
        let args = ARGS.map(|arg| if arg == replaced { by } else { arg });
        let run = run(path, ["watch"].iter().chain(&args));
        assert_eq!(run.code(), code, "{by}: {}", run.err());
        assert!(run.err().contains(says) && run.err().contains("= help:"), "{by}: {}", run.err());
    }
    assert_eq!(names(path), ["brand.vfx", "in", "plain.vfx", "small.mp4"]);
}
