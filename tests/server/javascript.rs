//! The official clients of what the service speaks, in Node: socket.io-client and tus-js-client, of tests/javascript.
//!
//! Node is optional: without it, or with one before 18, a note says that nothing was tested.

use std::path::{Path, PathBuf};
use std::process::Command;

use vfxb_tests::films::Film;

use crate::serve::{Running, SECRET};

/// Every file that the tests are.
const FILES: [&str; 5] =
    ["package.json", "package-lock.json", "service.js", "sockets.test.js", "uploads.test.js"];

/// The clients ask as often as they like.
const UNLIMITED: [(&str, &str); 4] = [
    ("RATE_LIMIT_GENERAL", "off"),
    ("RATE_LIMIT_AI", "off"),
    ("RATE_LIMIT_UPLOAD", "off"),
    ("RATE_LIMIT_STATUS", "off"),
];

#[test]
fn the_official_clients_work() {
    if let Err(why) = node() {
        eprintln!("the official JavaScript clients were not tried: {why}");
        return;
    }
    let folder = installed();
    let film = folder.join("film.mp4");
    Film { width: 320, height: 240, ..Film::new(250) }.write(&film).unwrap();
    let kept = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let open = Running::start(kept[0].path(), &UNLIMITED);
    let login = Running::start(kept[1].path(), &[&UNLIMITED[..], &[("JWT_SECRET", SECRET)]].concat());
    let tests = FILES.iter().filter(|name| name.ends_with(".test.js"));
    let output = Command::new("node")
        .arg("--test")
        .args(tests)
        .current_dir(&folder)
        .env("VFXB_OPEN", format!("http://{}", open.host))
        .env("VFXB_LOGIN", format!("http://{}", login.host))
        .env("VFXB_FILM", &film)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", told(&output));
}

/// Whether Node and npm are there.
fn node() -> Result<(), String> {
    let version = Command::new("node").arg("--version").output().map_err(|error| format!("node: {error}"))?;
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < 18) {
        return Err(format!("node is {version}, 18 or later is needed"));
    }
    Command::new("npm").arg("--version").output().map_err(|error| format!("npm: {error}"))?;
    Ok(())
}

/// A copy of the tests beside what they need.
fn installed() -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/javascript");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("javascript");
    std::fs::create_dir_all(&folder).unwrap();
    for name in FILES {
        std::fs::copy(from.join(name), folder.join(name)).unwrap();
    }
    let install = ["ci", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
    let output = Command::new("npm").args(install).current_dir(&folder).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    folder
}

fn told(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
