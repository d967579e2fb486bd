//! Names of files that trip programs: leading dashes, spaces, quotes, line feeds, bytes that are no UTF-8.

use super::*;

#[test]
fn odd_names_work_as_media_scripts_and_outputs() {
    for (medium, written) in [
        ("-i.mp4", "-i.mp4"),
        ("a b.mp4", "a b.mp4"),
        ("it's \"x\".mp4", "it's \\\"x\\\".mp4"),
        ("new\nline.mp4", "new\\nline.mp4"),
        ("%03d[0-9]{a,b}.mp4", "%03d[0-9]{a,b}.mp4"),
        ("http:x.mp4", "http:x.mp4"),
        ("日本 ${t}.mp4", "日本 $${t}.mp4"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        Film::new(10).write(&path.join("plain.mp4")).unwrap();
        std::fs::rename(path.join("plain.mp4"), path.join(medium)).unwrap();
        let script = format!("timeline {{\n  video \"{written}\"\n}}\n");
        write(path, "-edit.vfx", &script);
        let output = format!("out-{medium}");
        run(path, ["render", "-o", &output, "--", "-edit.vfx"]).ok();
        assert_eq!(pictures(&path.join(&output)), 10, "{medium}");
        run(path, ["probe", "--", medium]).ok();
        run(path, ["new", "begun.vfx", "--", medium]).ok();
        run(path, ["check", "begun.vfx"]).ok();
        let leading = run(path, ["render", "-o", "-o.mp4", "--", "-edit.vfx"]).ok();
        assert_eq!(leading.err(), "");
        assert_eq!(pictures(&path.join("-o.mp4")), 10);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_utf8_work_or_are_told() {
    use std::os::unix::ffi::OsStrExt;

    let folder = folder();
    let path = folder.path();
    let name = |bytes: &'static [u8]| OsStr::from_bytes(bytes).to_owned();
    let (odd, script, output) = (name(b"\xff\xfe"), name(b"\xff.vfx"), name(b"\xff.mp4"));
    let inner = path.join(&odd);
    std::fs::create_dir(&inner).unwrap();
    std::fs::rename(path.join("film.mp4"), inner.join("film.mp4")).unwrap();
    std::fs::rename(path.join("edit.vfx"), inner.join(&script)).unwrap();
    let script = Path::new(&odd).join(script);
    let args: [&OsStr; 5] = ["render".as_ref(), script.as_ref(), "-o".as_ref(), &output, "--json".as_ref()];
    let objects = run(path, args).ok().objects();
    assert_eq!(objects.last().unwrap()["files"][0], "\u{fffd}.mp4");
    assert_eq!(pictures(&path.join(&output)), 25);
    run(path, ["plan".as_ref(), script.as_os_str(), "--json".as_ref()]).ok();
    run(path, ["probe".as_ref(), output.as_os_str(), "--json".as_ref()]).ok();
    let begun = run(path, ["new".as_ref(), "begun.vfx".as_ref(), output.as_os_str()]);
    assert_eq!(begun.code(), 1);
    assert!(begun.err().contains("rename the file"), "{}", begun.err());
}
