//! The README's way from nothing to a film, by `curl` alone, as it stands there.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use vfxb_engine::media::{LibavMedia, Media};

use crate::client::Service;

/// The commands of the README's second block under *Serve*.
fn commands() -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let serve = readme.split_once("\n## Serve\n").unwrap().1;
    let block = serve.split("```sh\n").nth(2).unwrap().split_once("```").unwrap().0;
    let mut commands: Vec<String> = Vec::new();
    for line in block.lines().filter(|line| !line.starts_with('#')) {
        match commands.last_mut() {
            Some(last) if !line.starts_with("curl ") => *last += &format!("\n{line}"),
            _ => commands.push(line.to_owned()),
        }
    }
    commands
}

#[test]
fn the_readmes_curls_make_a_film() {
    let service = Service::start(&[]);
    let folder = service.folder.path();
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/media/big_buck_bunny.mp4");
    std::fs::copy(clip, folder.join("clip.mp4")).unwrap();
    let (mut video, mut job) = (String::new(), String::new());
    for command in commands() {
        let command = command
            .replace("http://127.0.0.1:3001", &service.url)
            .replace("VIDEO_ID", &video)
            .replace("JOB_ID", &job);
        let ran = Command::new("sh").args(["-c", &command]).current_dir(folder).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{command}\n{out}{err}");
        let answer: Value = serde_json::from_str(&out).unwrap_or_default();
        let take = |name: &str, id: &mut String| {
            if let Some(found) = answer[name].as_str() {
                found.clone_into(id);
            }
        };
        take("videoId", &mut video);
        take("jobId", &mut job);
    }
    let film = LibavMedia::default().probe(&folder.join("film.mp4")).unwrap();
    let picture = film.video.as_ref().unwrap();
    assert_eq!(picture.square_size().1, 480);
    assert_eq!(film.duration().to_f64(), 2.0);
}
