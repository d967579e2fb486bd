//! What each command says, and with which code it ends.

use std::io::Write;
use std::process::Stdio;

use vfxb_engine::exec::tile::SimdLevel;

use super::*;

#[test]
fn check_prints_the_timetable() {
    let folder = folder();
    let script = "\
media film = \"film.mp4\"
timeline {
  video film[0s..1s] id:first
  transition crossfade 400ms
  video film[1s..2s] speed:2
}
overlays {
  text \"A title\" at:@first.start+200ms duration:500ms
  track at:300ms { color red duration:200ms
    gap 100ms
    color blue duration:200ms }
}
output \"a.mp4\"
output \"b.gif\" fps:10
output \"c.png\" at:500ms
";
    write(folder.path(), "table.vfx", script);
    let shown = run(folder.path(), ["check", "table.vfx"]).ok();
    assert_eq!(shown.err(), "");
    insta::assert_snapshot!(shown.out());

    let objects = run(folder.path(), ["check", "table.vfx", "--json"]).ok().objects();
    let result = objects.last().unwrap();
    assert_eq!(objects.len(), 1);
    assert_eq!((&result["type"], &result["ok"]), (&"result".into(), &true.into()));
    assert_eq!((&result["frames"], &result["duration"]), (&28.into(), &1.12.into()));
    assert_eq!(result["items"][0]["name"], "first");
    assert_eq!(result["outputs"][1]["fps"], "10");
}

#[test]
fn plan_says_what_and_why() {
    let folder = folder();
    let script = "\
timeline {
  video \"film.mp4\"[0s..2s] | vintage 0.5
}
overlays {
  text \"A title\" at:1s duration:500ms
}
output \"a.mp4\"
";
    write(folder.path(), "plan.vfx", script);
    insta::assert_snapshot!(run(folder.path(), ["plan", "plan.vfx", "--backend", "gpu"]).ok().out());
    insta::assert_snapshot!(run(folder.path(), ["plan", "plan.vfx", "--dot"]).ok().out());
    let objects = run(folder.path(), ["plan", "plan.vfx", "--json"]).ok().objects();
    let ends: Vec<u64> = objects[0]["renders"][0]["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|segment| segment["end"].as_u64().unwrap())
        .collect();
    assert_eq!(ends, [25, 38, 50]);
}

#[test]
fn effects_is_the_manual() {
    let here = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(run(here.path(), ["effects", "vintage"]).ok().out());
    insta::assert_snapshot!(run(here.path(), ["effects", "wipe"]).ok().out());
    let all = run(here.path(), ["effects", "--json"]).ok().objects();
    let effects = all[0]["effects"].as_array().unwrap();
    let listed = run(here.path(), ["effects"]).ok().out();
    for effect in effects {
        let name = effect["name"].as_str().unwrap();
        assert!(listed.contains(&format!("\n  {name} ")), "{name} is not listed");
        assert!(run(here.path(), ["effects", name]).ok().out().starts_with(name));
    }
    assert!(["crop", "flip", "rotate"].iter().all(|name| effects.iter().any(|e| e["name"] == *name)));
    let unknown = run(here.path(), ["effects", "vintge"]);
    assert_eq!(unknown.code(), 2);
    assert!(unknown.err().contains("did you mean `vintage`?"));
    let later = run(here.path(), ["effects", "lut"]);
    assert_eq!(later.code(), 2);
    assert!(later.err().contains("`lut` is not available yet"), "{}", later.err());
}

#[test]
fn a_wrong_script_ends_with_2_and_writes_nothing() {
    let folder = folder();
    write(
        folder.path(),
        "wrong.vfx",
        "timeline {\n  video \"film.mp4\" | vintge 0.8\n}\noutput \"out.mp4\"\n",
    );
    let before = names(folder.path());
    let render = run(folder.path(), ["render", "wrong.vfx"]);
    assert_eq!((render.code(), render.out().as_str()), (2, ""));
    insta::assert_snapshot!(render.err());
    let objects = run(folder.path(), ["render", "wrong.vfx", "--json"]).objects();
    let expected = serde_json::json!([
        {"type": "diagnostic", "severity": "error", "code": "V0203", "message": "unknown effect `vintge`",
         "file": "wrong.vfx", "line": 2, "column": 22, "endLine": 2, "endColumn": 28,
         "help": "did you mean `vintage`?"},
        {"type": "result", "ok": false, "command": "render"},
    ]);
    assert_eq!(Value::Array(objects), expected);
    assert_eq!(names(folder.path()), before);
}

#[test]
fn what_is_no_script_is_told_with_a_remedy() {
    let folder = folder();
    write(folder.path(), "large.vfx", &"// \n".repeat(3 << 20));
    for (name, says) in [
        ("missing.vfx", "there is no script missing.vfx"),
        ("no/such.vfx", "there is no folder no either"),
        (".", ". is a folder"),
        ("film.mp4", "is not UTF-8 text"),
        ("large.vfx", "has more than the 8388608 bytes"),
    ] {
        let run = run(folder.path(), ["check", name]);
        assert_eq!(run.code(), 2, "{name}");
        assert!(run.err().contains(says) && run.err().contains("= help:"), "{name}: {}", run.err());
    }
}

#[test]
fn what_cannot_be_written_ends_with_1_before_anything_is_rendered() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("dir.mp4")).unwrap();
    write(folder.path(), "there.mp4", "kept");
    write(folder.path(), "still-0003.png", "kept");
    let before = names(folder.path());
    for (output, says) in [
        ("there.mp4", "it exists already"),
        ("film.mp4", "it is one of the sources"),
        ("dir.mp4", "it is a folder"),
        ("still-%04d.png", "still-0003.png: it exists already"),
        ("film.mp4/x.mp4", "there is no folder"),
    ] {
        let run = run(folder.path(), ["render", "edit.vfx", "-o", output]);
        assert_eq!(run.code(), 1, "{output}: {}", run.err());
        assert!(run.err().contains(says), "{output}: {}", run.err());
    }
    let there = folder.path().join("there.mp4");
    let read_only = |set| {
        let mut permissions = std::fs::metadata(&there).unwrap().permissions();
        permissions.set_readonly(set);
        std::fs::set_permissions(&there, permissions).unwrap();
    };
    read_only(true);
    let refused = run(folder.path(), ["render", "edit.vfx", "-o", "there.mp4", "--overwrite"]);
    assert_eq!(refused.code(), 1);
    assert!(refused.err().contains("it is read-only"), "{}", refused.err());
    assert_eq!(names(folder.path()), before);
    assert_eq!(std::fs::read(&there).unwrap(), b"kept");
    read_only(false);
    run(folder.path(), ["render", "edit.vfx", "-o", "there.mp4", "--overwrite"]).ok();
    assert_eq!(pictures(&there), 25);
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_no_place_for_files_is_told_before_anything_is_rendered() {
    let folder = folder();
    std::os::unix::fs::symlink("nowhere.mp4", folder.path().join("link.mp4")).unwrap();
    let before = names(folder.path());
    for (output, says) in [
        ("/proc/self/out.mp4", "cannot write /proc/self/out.mp4"),
        ("/dev/null/out.mp4", "there is no folder"),
        ("link.mp4", "it is a link to nothing"),
    ] {
        let objects = run(folder.path(), ["render", "edit.vfx", "-o", output, "--json"]).objects();
        assert!(objects.iter().all(|object| object["type"] != "progress"), "{output}");
        assert_eq!(objects[0]["code"], "V0701", "{output}");
        assert!(objects[0]["message"].as_str().unwrap().contains(says), "{}", objects[0]);
    }
    assert_eq!(names(folder.path()), before);
}

#[test]
fn of_two_processes_that_write_one_file_one_wins() {
    let folder = folder();
    let mut before = names(folder.path());
    let start = || {
        let mut render = vfxb(folder.path());
        render.args(["render", "edit.vfx"]).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut runs = [start(), start()].map(|child| Run(child.wait_with_output().unwrap()));
    runs.sort_by_key(Run::code);
    assert_eq!(runs.each_ref().map(Run::code), [0, 1]);
    assert!(runs[1].err().contains("cannot write out.mp4: it exists already"), "{}", runs[1].err());
    before.insert(2, "out.mp4".into());
    assert_eq!(names(folder.path()), before);
    assert_eq!(pictures(&folder.path().join("out.mp4")), 25);
}

#[test]
fn render_tells_programs_how_far_it_is_and_pipes_nothing() {
    let folder = folder();
    let quiet = run(folder.path(), ["render", "edit.vfx"]).ok();
    assert_eq!((quiet.out().as_str(), quiet.err().as_str()), ("", ""));
    let objects = run(folder.path(), ["render", "edit.vfx", "--overwrite", "--json", "--backend", "cpu"])
        .ok()
        .objects();
    let (progress, rest): (Vec<_>, Vec<_>) = objects.iter().partition(|o| o["type"] == "progress");
    let last = progress.last().unwrap();
    assert_eq!((&last["frame"], &last["frames"], &last["progress"]), (&25.into(), &25.into(), &1.0.into()));
    for key in ["fps", "etaSeconds", "segment"] {
        assert!(last[key].is_number(), "{key}");
    }
    let size = std::fs::metadata(folder.path().join("out.mp4")).unwrap().len();
    let output = serde_json::json!(
        {"type": "output", "file": "out.mp4", "frames": 25, "duration": 1.0, "size": size});
    assert_eq!(rest[0], &output);
    assert_eq!((&rest[1]["type"], &rest[1]["ok"]), (&"result".into(), &true.into()));
    assert_eq!(rest.len(), 2);
}

#[test]
fn options_change_what_is_rendered() {
    let folder = folder();
    let script =
        "var word = \"a\"\ntimeline {\n  video \"film.mp4\"\n}\noverlays {\n  text ${word} duration:end\n}\n";
    write(folder.path(), "set.vfx", script);
    let args = ["render", "set.vfx", "-o", "part.mp4", "--range", "0.4s..1.2s", "--set", "word=b"];
    run(folder.path(), args).ok();
    assert_eq!(pictures(&folder.path().join("part.mp4")), 20);

    let unset = run(folder.path(), ["check", "set.vfx", "--set", "wrd=b"]);
    assert_eq!(unset.code(), 2, "{}", unset.err());
    assert_eq!(run(folder.path(), ["check", "set.vfx", "--set", "word"]).code(), 2);

    write(folder.path(), "unused.vfx", "var unused = 1\ntimeline {\n  video \"film.mp4\"\n}\n");
    assert!(run(folder.path(), ["check", "unused.vfx"]).ok().err().contains("warning["));
    assert_eq!(run(folder.path(), ["check", "unused.vfx", "--deny-warnings"]).code(), 2);

    run(folder.path(), ["frame", "set.vfx", "--at", "end-1f", "-o", "last.png"]).ok();
    let picture = probe(&folder.path().join("last.png"));
    assert_eq!(picture.video.as_ref().unwrap().square_size(), (64, 48));
    let nowhere = run(folder.path(), ["render", "set.vfx"]);
    assert_eq!(nowhere.code(), 2);
    assert!(nowhere.err().contains("the script has no output"), "{}", nowhere.err());
    let beyond = run(folder.path(), ["frame", "set.vfx", "--at", "3s", "-o", "none.png"]);
    assert_eq!(beyond.code(), 2);
    assert!(beyond.err().contains("the film is 2s long"), "{}", beyond.err());
}

#[test]
fn an_unknown_simd_level_is_an_error() {
    let folder = folder();
    let run = Run(vfxb(folder.path())
        .args(["render", "edit.vfx", "--backend", "cpu"])
        .env("VFXB_SIMD", "sse9")
        .output()
        .unwrap());
    assert_eq!(run.code(), 1);
    assert!(run.err().contains("baseline, avx2 and avx512"), "{}", run.err());
    assert!(!folder.path().join("out.mp4").exists());
}

#[test]
fn every_simd_level_that_is_asked_for_gives_the_same_picture() {
    let folder = folder();
    let script =
        "timeline {\n  video \"film.mp4\" zoom:1.3 | vintage 0.7 | blur 0.2\n}\noutput \"out.mp4\"\n";
    write(folder.path(), "look.vfx", script);
    let pictures: Vec<Vec<u8>> = SimdLevel::all()
        .map(|level| {
            let name = format!("{level}.png");
            let at_level = |args: &[&str]| {
                Run(vfxb(folder.path()).args(args).env("VFXB_SIMD", level.to_string()).output().unwrap()).ok()
            };
            let plan = at_level(&["plan", "look.vfx", "--backend", "cpu"]).out();
            assert!(plan.contains(&format!("cpu ({level})")), "{plan}");
            at_level(&["frame", "look.vfx", "--at", "1s", "-o", &name, "--backend", "cpu"]);
            std::fs::read(folder.path().join(name)).unwrap()
        })
        .collect();
    assert!(pictures.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn scripts_come_from_standard_input_in_either_spelling() {
    let folder = folder();
    for script in [
        "timeline {\n  video \"film.mp4\"\n}\n",
        "timeline:\n  - video: film.mp4\n",
        "{\"timeline\": [{\"video\": \"film.mp4\"}]}",
    ] {
        let mut child = vfxb(folder.path())
            .args(["check", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let run = Run(child.wait_with_output().unwrap()).ok();
        assert!(run.out().starts_with("film  64x48  25 fps  50 frames  0:02.000\n"), "{}", run.out());
    }
}

#[test]
fn scripts_are_formatted_converted_and_begun() {
    let folder = folder();
    let path = folder.path();
    write(path, "ugly.vfx", "timeline{video   \"film.mp4\"  in:0s|vintage 0.5}\n");
    let check = run(path, ["fmt", "--check", "ugly.vfx", "edit.vfx"]);
    assert_eq!((check.code(), check.out().as_str()), (1, "ugly.vfx\n"));
    run(path, ["fmt", "ugly.vfx"]).ok();
    run(path, ["fmt", "--check", "ugly.vfx"]).ok();

    let there = run(path, ["convert", "ugly.vfx"]).ok().out();
    run(path, ["convert", "ugly.vfx", "tidy.yaml"]).ok();
    assert_eq!(std::fs::read_to_string(path.join("tidy.yaml")).unwrap(), there);
    let back = run(path, ["convert", "tidy.yaml"]).ok().out();
    assert_eq!(back, std::fs::read_to_string(path.join("ugly.vfx")).unwrap());
    assert_eq!(run(path, ["convert", "ugly.vfx", "tidy.yaml"]).code(), 1);

    write(path, "remark.yaml", "# a remark\ntimeline:\n- video:   film.mp4 # another\n");
    run(path, ["fmt", "remark.yaml"]).ok();
    let text = std::fs::read_to_string(path.join("remark.yaml")).unwrap();
    assert_eq!(text, "# a remark\ntimeline:\n  - video: film.mp4 # another\n");

    for name in ["new.vfx", "new.yaml"] {
        run(path, ["new", name, "film.mp4", "film.mp4"]).ok();
        let check = run(path, ["check", name, "--deny-warnings"]).ok();
        assert!(check.out().starts_with("film  64x48  25 fps  88 frames"), "{}", check.out());
        assert_eq!(run(path, ["new", name]).code(), 1);
    }
    let json = run(path, ["new", "new.json"]);
    assert_eq!((json.code(), path.join("new.json").exists()), (2, false), "{}", json.err());
    run(path, ["new", "empty.vfx"]).ok();
    run(path, ["check", "empty.vfx", "--deny-warnings"]).ok();
}

#[test]
fn instants_and_ranges_may_be_anchored() {
    let folder = folder();
    let path = folder.path();
    let film = "timeline {\n  color red id:a duration:1s\n  color blue id:b duration:1s\n}\n";
    write(path, "film.vfx", &format!("canvas 64x48 fps:10\n{film}output \"o.gif\" loop:2\n"));
    for (at, png) in [("500ms", "red.png"), ("1500ms", "blue.png"), ("@b.start", "b.png"), ("end", "end.png")]
    {
        run(path, ["frame", "film.vfx", "--at", at, "-o", png]).ok();
    }
    let bytes = |name: &str| std::fs::read(path.join(name)).unwrap();
    assert_ne!(bytes("red.png"), bytes("blue.png"));
    assert_eq!(bytes("b.png"), bytes("blue.png"));
    assert_eq!(bytes("end.png"), bytes("blue.png"));
    let unknown = run(path, ["frame", "film.vfx", "--at", "@nosuch.start", "-o", "n.png"]);
    assert_eq!((unknown.code(), path.join("n.png").exists()), (2, false));
    assert!(unknown.err().contains("no item of the film has the id `nosuch`"), "{}", unknown.err());

    run(path, ["render", "film.vfx", "--range", "@b.start..@b.end"]).ok();
    assert_eq!(pictures(&path.join("o.gif")), 10);
    // Netscape's extension of GIF: a block of three bytes, 1 and how often it repeats.
    let gif = bytes("o.gif");
    let at = gif.windows(11).position(|w| w == b"NETSCAPE2.0").unwrap() + 11;
    assert_eq!(&gif[at..at + 4], [3, 1, 2, 0]);
}

#[test]
fn probe_schema_and_completions_print() {
    let folder = folder();
    let probe = run(folder.path(), ["probe", "film.mp4"]).ok().out();
    assert!(probe.contains("h264  64x48  25 fps  50 frames  4:2:0 8 bit"), "{probe}");
    let objects = run(folder.path(), ["probe", "film.mp4", "--json"]).ok().objects();
    assert_eq!((&objects[0]["video"]["frames"], &objects[0]["duration"]), (&50.into(), &2.0.into()));
    assert_eq!(run(folder.path(), ["probe", "edit.vfx"]).code(), 1);
    let schema: Value = serde_json::from_str(&run(folder.path(), ["schema"]).ok().out()).unwrap();
    assert_eq!(schema["title"], "vfxb script");
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(folder.path(), ["completions", shell]).ok().out().contains("vfxb"));
    }
}

#[test]
fn nobody_has_to_read_to_the_end() {
    let folder = folder();
    for args in [&["schema"][..], &["effects"], &["completions", "zsh"], &["effects", "--json"]] {
        let mut child =
            vfxb(folder.path()).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let run = Run(child.wait_with_output().unwrap());
        assert_eq!((run.code(), run.err().as_str()), (0, ""), "{args:?}");
    }

    write(folder.path(), "wrong.vfx", "timeline {\n  vdeo \"film.mp4\"\n}\n");
    let mut child = vfxb(folder.path()).args(["check", "wrong.vfx"]).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(2), "wrong all the same");
}
