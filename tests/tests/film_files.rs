//! Files under a render: sources that change or go while it runs, and outputs that appear whole, together, or not at all.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use vfxb_engine::codes;
use vfxb_engine::exec::RenderError;
use vfxb_engine::exec::drawings::Drawings;
use vfxb_engine::exec::render::{RenderOptions, check_files, render};
use vfxb_engine::exec::tile::SimdLevel;
use vfxb_engine::text::Fonts;
use vfxb_tests::films::{Film, Sound};
use vfxb_tests::scripts::{cpu, plan_of, still, written};

/// A folder with `a.mkv`, of 30 pictures and their sound, and three stills, all written long ago.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let sound = Sound::clicks("pcm_s16le", 48_000, 2, 57_600, &[100, 50_000]);
    Film { sound: Some(sound), ..Film::new(30) }.write(&folder.path().join("a.mkv")).unwrap();
    for n in 0..3 {
        still(&folder.path().join(format!("s{n}.png")), (64, 48), |x, y| [x as u8, y as u8, n, 255]);
    }
    for name in ["a.mkv", "s0.png", "s1.png", "s2.png"] {
        age(&folder.path().join(name));
    }
    folder
}

/// Makes a file old, so that the next change of it has another time, however coarse the file system's clock is.
fn age(path: &Path) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
}

/// Names and bytes of all that is in a folder.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap())).collect()
}

/// Renders `script`, does something to its folder when the tenth frame is done, and gives back what came of it; a
/// render that fails may leave nothing.
fn disturbed(script: &str, disturb: impl Fn(&Path) + Sync) -> Result<(), RenderError> {
    let folder = folder();
    let plan = plan_of(folder.path(), script);
    let left = Mutex::new(Vec::new());
    let result = written(&plan, false, &|frame| {
        if frame == 10 {
            disturb(folder.path());
            left.lock()
                .unwrap()
                .extend(contents(folder.path()).into_keys().filter(|n| !n.ends_with(".part")));
        }
    });
    if result.is_err() {
        let now: Vec<String> = contents(folder.path()).into_keys().collect();
        assert_eq!(now, *left.lock().unwrap(), "{script}");
    }
    result.map(drop)
}

const FILM: &str = "timeline {\n video \"a.mkv\"\n}\noutput \"o.mp4\"\noutput \"o.wav\"\n";
const STILLS: &str =
    "canvas 64x48 fps:25\ntimeline {\n image \"s%d.png\" fps:2.5\n}\noutput \"o-%02d.png\"\n";

#[test]
fn a_source_that_changes_or_goes_is_told_and_leaves_no_output() {
    type Change = fn(&Path);
    let changes: [(&str, &str, Change); 8] = [
        (FILM, "has gone", |f| std::fs::remove_file(f.join("a.mkv")).unwrap()),
        (FILM, "has gone", |f| std::fs::rename(f.join("a.mkv"), f.join("b.mkv")).unwrap()),
        (FILM, "has changed", |f| std::fs::write(f.join("a.mkv"), "no film").unwrap()),
        (FILM, "has changed", |f| {
            let mut bytes = std::fs::read(f.join("a.mkv")).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            std::fs::write(f.join("a.mkv"), bytes).unwrap();
        }),
        (FILM, "has changed", |f| {
            std::fs::copy(f.join("a.mkv"), f.join("copy.mkv")).unwrap();
            std::fs::rename(f.join("copy.mkv"), f.join("a.mkv")).unwrap();
        }),
        (FILM, "has changed", |f| {
            File::options().append(true).open(f.join("a.mkv")).unwrap().set_len(700).unwrap();
        }),
        (STILLS, "s0.png has gone", |f| std::fs::remove_file(f.join("s0.png")).unwrap()),
        (STILLS, "s2.png has changed", |f| {
            std::fs::copy(f.join("s1.png"), f.join("s2.png")).unwrap();
        }),
    ];
    for (n, (script, says, change)) in changes.into_iter().enumerate() {
        let error = disturbed(script, change).unwrap_err();
        assert!(error.to_string().contains(says), "{n}: {error}");
        assert_eq!(error.code(), codes::SOURCE_CHANGED, "{n}: {error}");
        assert!(error.help().is_some(), "{n}");
    }
}

#[test]
fn a_source_whose_bytes_stay_may_get_other_names_and_permissions() {
    disturbed(FILM, |folder| {
        std::fs::hard_link(folder.join("a.mkv"), folder.join("b.mkv")).unwrap();
        let mut permissions = std::fs::metadata(folder.join("a.mkv")).unwrap().permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(folder.join("a.mkv"), permissions).unwrap();
    })
    .unwrap();
}

#[test]
fn a_source_that_changed_between_plan_and_render_is_told_before_a_frame_is_made() {
    let folder = folder();
    let plan = plan_of(folder.path(), FILM);
    Film::new(30).write(&folder.path().join("a.mkv")).unwrap();
    let frames = Mutex::new(0);
    let error = written(&plan, false, &|frame| *frames.lock().unwrap() = frame).unwrap_err();
    assert_eq!((error.code(), *frames.lock().unwrap()), (codes::SOURCE_CHANGED, 0), "{error}");
    assert_eq!(contents(folder.path()).len(), 4);
}

#[test]
fn of_two_renders_to_one_name_one_wins_and_the_other_says_so() {
    let folder = folder();
    let script = |effect: &str| {
        format!(
            "timeline {{\n video \"a.mkv\" | {effect}\n}}\noutput \"o.wav\"\noutput \"o.mp4\"\noutput \"p-%02d.png\"\n"
        )
    };
    let (slow, fast) = (plan_of(folder.path(), &script("invert")), plan_of(folder.path(), &script("sepia")));
    let won = Mutex::new(BTreeMap::new());
    let both = |overwrite| {
        written(&slow, overwrite, &|frame| {
            if frame == 10 {
                written(&fast, overwrite, &|_| {}).unwrap();
                let mut now = contents(folder.path());
                now.retain(|name, _| !name.ends_with(".part"));
                *won.lock().unwrap() = now;
            }
        })
    };
    let error = both(false).unwrap_err();
    assert!(error.to_string().contains("it exists already"), "{error}");
    assert_eq!(contents(folder.path()), *won.lock().unwrap());
    assert_eq!(contents(folder.path()).len(), 4 + 2 + 30);
    both(true).unwrap();
    let last = contents(folder.path());
    assert_eq!(last.len(), 4 + 2 + 30);
    assert_ne!(last["p-01.png"], won.lock().unwrap()["p-01.png"]);
}

#[test]
fn outputs_appear_together_or_not_at_all() {
    let folder = folder();
    let before = contents(folder.path());
    let text = "timeline {\n video \"a.mkv\"\n}\noutput \"o.wav\"\noutput \"p-%02d.png\"\noutput \"o.mp4\"\n";
    let plan = plan_of(folder.path(), text);
    for taken in ["p-30.png", "o.mp4"] {
        let error = written(&plan, false, &|frame| {
            if frame == 10 {
                std::fs::write(folder.path().join(taken), "somebody else's").unwrap();
            }
        });
        assert!(error.unwrap_err().to_string().contains(taken));
        assert_eq!(std::fs::read(folder.path().join(taken)).unwrap(), b"somebody else's");
        std::fs::remove_file(folder.path().join(taken)).unwrap();
        assert_eq!(contents(folder.path()), before, "{taken}");
    }
}

#[test]
fn every_still_of_a_run_is_looked_at_before_rendering() {
    let folder = folder();
    let plan = plan_of(folder.path(), STILLS);
    let told = |overwrite| check_files(&plan, overwrite).map_err(|error| error.to_string());
    assert_eq!(told(false), Ok(()));
    std::fs::write(folder.path().join("o-07.png"), "kept").unwrap();
    assert!(told(false).unwrap_err().contains("o-07.png: it exists already"));
    assert_eq!(told(true), Ok(()));
    let onto_itself = plan_of(folder.path(), &STILLS.replace("o-%02d", "s%d"));
    let error = check_files(&onto_itself, true).unwrap_err().to_string();
    assert!(error.contains("s1.png: it is one of the sources"), "{error}");
}

#[test]
fn a_render_can_be_stopped_until_its_files_appear() {
    let folder = folder();
    let before = contents(folder.path());
    let sound = "timeline {\n video \"a.mkv\"\n}\noutput \"o.wav\"\n";
    // Sound alone has no frames: it is stopped from the start; a film when its last frame is done.
    for (text, at_once) in [(sound, true), (FILM, false)] {
        let plan = plan_of(folder.path(), text);
        let cancel = AtomicBool::new(at_once);
        let options = RenderOptions {
            overwrite: false,
            decode_threads: 1,
            cancel: &cancel,
            progress: &|progress| cancel.store(progress.frame == progress.frames, Ordering::Relaxed),
            notice: &|_| {},
        };
        let drawings = Arc::new(Drawings::new(Fonts::new(false)));
        let result = render(&plan, &mut cpu(1, SimdLevel::active()), &drawings, &options);
        assert_eq!(result, Err(RenderError::Cancelled));
        assert_eq!(contents(folder.path()), before);
    }
}
