//! `vfxb watch SCRIPT`: changes, faults and interruptions as people and editors make them.

use super::watching::Watching;
use super::*;

const WHOLE: &str = "timeline {\n  video \"film.mp4\"\n}\noutput \"out.mp4\"\n";

/// As editors save: beside it, then in its place.
fn save(folder: &Path, name: &str, text: &str) {
    write(folder, "saved~", text);
    std::fs::rename(folder.join("saved~"), folder.join(name)).unwrap();
}

fn rendered(watching: &mut Watching) -> bool {
    let ok = watching.until(|line| line["type"] == "rendered" && line["stale"] == false)["ok"] == true;
    watching.until_type("watching");
    ok
}

#[test]
fn every_change_is_rendered_once_and_faults_are_told_and_survived() {
    for more in [&[][..], &["--poll=0.05"]] {
        let folder = folder();
        let path = folder.path();
        let out = path.join("out.mp4");
        let mut watching = Watching::start(path, ["edit.vfx"].iter().chain(more));
        assert!(rendered(&mut watching));
        assert_eq!(pictures(&out), 25);

        save(path, "edit.vfx", WHOLE);
        assert!(rendered(&mut watching));
        assert_eq!(pictures(&out), 50);

        write(path, "edit.vfx", "timeline {\n  video \"film.mp4\" | vintge 0.8\n}\noutput \"out.mp4\"\n");
        let told = watching.until_type("diagnostic");
        assert_eq!((&told["code"], &told["line"]), (&"V0203".into(), &2.into()));
        assert!(!rendered(&mut watching));
        std::fs::remove_file(path.join("edit.vfx")).unwrap();
        assert!(
            watching.until_type("diagnostic")["message"].as_str().unwrap().contains("there is no script")
        );
        assert!(!rendered(&mut watching));
        assert_eq!(pictures(&out), 50, "the last good film stays");
        write(path, "edit.vfx", WHOLE);
        assert!(rendered(&mut watching));

        // The medium: gone, another one, that one again.
        std::fs::rename(path.join("film.mp4"), path.join("away.mp4")).unwrap();
        assert!(!rendered(&mut watching));
        Film::new(10).write(&path.join("other.mp4")).unwrap();
        std::fs::rename(path.join("other.mp4"), path.join("film.mp4")).unwrap();
        assert!(rendered(&mut watching));
        assert_eq!(pictures(&out), 10);

        #[cfg(unix)]
        {
            let watching = watching.interrupt();
            let round = ["changed", "rendered", "watching"];
            let faulty = ["changed", "diagnostic", "rendered", "watching"];
            let rounds = [&round[1..], &round, &faulty, &faulty, &round, &faulty, &round, &["result"]];
            assert_eq!(watching.types(), rounds.concat(), "its own films are no change");
        }
    }
}

#[test]
fn stills_that_come_to_a_sequence_are_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    Film::new(3).write(&path.join("film.mp4")).unwrap();
    write(path, "stills.vfx", "timeline {\n  video \"film.mp4\"\n}\noutput \"s-%04d.png\"\n");
    run(path, ["render", "stills.vfx"]).ok();
    write(
        path,
        "edit.vfx",
        "canvas fps:25\ntimeline {\n  image \"s-%04d.png\" fps:25 start:1\n}\noutput \"out.mp4\"\n",
    );
    let mut watching = Watching::start(path, ["edit.vfx"]);
    assert!(rendered(&mut watching));
    assert_eq!(pictures(&path.join("out.mp4")), 3);
    std::fs::copy(path.join("s-0001.png"), path.join("s-0004.png")).unwrap();
    assert!(rendered(&mut watching));
    assert_eq!(pictures(&path.join("out.mp4")), 4);
}

#[test]
fn a_font_that_comes_or_becomes_another_is_a_change() {
    let folder = folder();
    let path = folder.path();
    let font = |name: &str| {
        std::fs::copy(project().join("engine/assets/fonts").join(name), path.join("face.ttf")).unwrap();
    };
    let script = "timeline {\n  video \"film.mp4\"\n}\noverlays {\n  text \"A\" font:\"face.ttf\" duration:end\n}\noutput \"out.mp4\"\n";
    write(path, "edit.vfx", script);
    let mut watching = Watching::start(path, ["edit.vfx"]);
    assert!(!rendered(&mut watching));
    font("NotoSans.ttf");
    assert!(rendered(&mut watching));
    let upright = std::fs::read(path.join("out.mp4")).unwrap();
    font("NotoSans-Italic.ttf");
    assert!(rendered(&mut watching));
    assert_ne!(std::fs::read(path.join("out.mp4")).unwrap(), upright);
}

#[cfg(unix)]
#[test]
fn a_stale_render_is_stopped_and_so_is_one_at_the_end() {
    let folder = interrupted::long();
    let path = folder.path();
    let long = std::fs::read_to_string(path.join("long.vfx")).unwrap();
    let before = names(path);
    let mut watching = Watching::start(path, ["long.vfx"]);
    watching.until_type("progress");
    save(path, "long.vfx", WHOLE);
    let stale = watching.until_type("rendered");
    assert_eq!((&stale["ok"], &stale["stale"]), (&false.into(), &true.into()));
    assert!(rendered(&mut watching));
    assert_eq!(pictures(&path.join("out.mp4")), 50);
    std::fs::remove_file(path.join("out.mp4")).unwrap();

    // A medium that is written to while it is read makes a render stale too.
    save(path, "long.vfx", &long);
    watching.until_type("changed");
    watching.until_type("progress");
    let film = std::fs::read(path.join("film.mp4")).unwrap();
    std::fs::write(path.join("film.mp4"), film).unwrap();
    assert_eq!(watching.until_type("rendered")["stale"], true);
    watching.until_type("changed");
    watching.until_type("progress");
    watching.interrupt();
    assert_eq!(names(path), before);
}

#[test]
fn what_cannot_be_watched_is_told() {
    let folder = folder();
    for (args, says) in [
        (&["watch", "-"][..], "standard input cannot be watched"),
        (&["watch"], "required"),
        (&["watch", "edit.vfx", "--folder", "in"], "cannot be used with"),
        (&["watch", "--folder", "in"], "required"),
        (&["watch", "edit.vfx", "--poll=0"], "0.01 to 3600"),
    ] {
        let run = run(folder.path(), args);
        assert_eq!(run.code(), 2, "{args:?}");
        assert!(run.err().contains(says), "{args:?}: {}", run.err());
    }
}
