//! Workers: what they answer, what they refuse, what they cannot do, and what is left when they end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use vfxb_server::config::{Config, JobLimits};
use vfxb_server::model::{JobProgress, Metadata, OPEN_OWNER, ScriptSpelling, ScriptText};
use vfxb_server::worker::protocol::{Answer, Fault, MadeFile, Refusal, Task, Work};
use vfxb_server::worker::{Processes, WorkError, Workers};
use vfxb_tests::films::{Film, Sound};

use crate::vfxb;

/// An hour: longer than any test.
const LONG: &str =
    "canvas 1280x720 fps:25\ntimeline {\n  color \"teal\" duration:3600s\n}\noutput \"long.mp4\"\n";
/// How long something may take that comes by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// Files as the service keeps them, by the names that scripts use.
struct Store {
    folder: tempfile::TempDir,
    files: BTreeMap<String, PathBuf>,
    workers: Processes,
}

impl Store {
    fn new() -> Store {
        Store::limited(|_| ())
    }

    fn limited(change: impl FnOnce(&mut JobLimits)) -> Store {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::local(folder.path());
        change(&mut config.jobs);
        let workers = Processes::new(vfxb(), &config);
        Store { folder, files: BTreeMap::new(), workers }
    }

    /// With `video:1`, two seconds of 64×48 at 25 pictures a second, with sound.
    fn with_film() -> Store {
        let mut store = Store::new();
        let mut film = Film::new(50);
        film.sound = Some(Sound::clicks("aac", 48_000, 2, 96_000, &[24_000]));
        film.write(&store.keep("video:1", "9d3c6f1e2b.mp4")).unwrap();
        store
    }

    /// A place for a file that scripts call `name`.
    fn keep(&mut self, name: &str, stored: &str) -> PathBuf {
        let folder = self.folder.path().join("uploads");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(stored);
        self.files.insert(name.to_owned(), file.clone());
        file
    }

    fn work(&self, text: &str) -> Work {
        let script =
            ScriptText { text: text.to_owned(), spelling: ScriptSpelling::Vfx, vars: BTreeMap::new() };
        Work { script, files: self.files.clone() }
    }

    fn job(&self) -> PathBuf {
        self.folder.path().join("job")
    }

    fn render(&self, text: &str) -> Task {
        Task::Render { work: self.work(text), folder: self.job(), file_size: u64::MAX }
    }

    async fn answer(&self, task: Task) -> Result<Answer, WorkError> {
        self.workers.work(OPEN_OWNER, task, &|_| (), &CancellationToken::new()).await
    }

    async fn made(&self, task: Task) -> Vec<MadeFile> {
        match self.answer(task).await {
            Ok(Answer::Made { files, .. }) => files,
            other => panic!("nothing was made: {other:?}"),
        }
    }

    async fn refused(&self, task: Task) -> Refusal {
        match self.answer(task).await {
            Err(WorkError::Refused(refusal)) => self.without_paths(*refusal),
            other => panic!("not refused: {other:?}"),
        }
    }

    /// The same; fails if it tells where something lies.
    fn without_paths<T: serde::Serialize>(&self, told: T) -> T {
        let text = serde_json::to_string(&told).unwrap();
        let folder = self.folder.path().to_string_lossy().into_owned();
        assert!(!text.contains(&folder), "{text}");
        let stored = self.files.values().filter_map(|file| file.file_name()?.to_str());
        stored.for_each(|name| assert!(!text.contains(name), "{text}"));
        told
    }

    /// The process that writes into the job's folder, once there is one: unfinished files bear its number.
    async fn writer(&self) -> u32 {
        eventually(|| {
            let names = std::fs::read_dir(self.job()).ok()?.flatten();
            names
                .filter_map(|entry| {
                    entry.file_name().to_str()?.strip_prefix(".vfxb-")?.split('-').next()?.parse().ok()
                })
                .next()
        })
        .await
    }
}

/// Waits until there is something.
async fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "it did not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn codes(diagnostics: &[Value]) -> Vec<&str> {
    diagnostics.iter().filter_map(|finding| finding["code"].as_str()).collect()
}

#[tokio::test]
async fn a_file_is_probed() {
    let mut store = Store::with_film();
    let wanted = Metadata {
        width: 64,
        height: 48,
        fps: 25.0,
        duration: 2.0,
        codec: "h264".into(),
        format: "mov,mp4,m4a,3gp,3g2,mj2".into(),
        frames: 50,
        audio_codec: Some("aac".into()),
        sample_rate: Some(48_000),
        channels: Some(2),
        variable: false,
    };
    let file = store.files["video:1"].clone();
    let answer = store.answer(Task::Probe { file }).await.unwrap();
    assert_eq!(answer, Answer::Probed { metadata: wanted, moving: true, still: false });

    let picture = store.keep("asset:1", "77aa.png");
    png(&picture);
    let Answer::Probed { metadata, moving, still } =
        store.answer(Task::Probe { file: picture }).await.unwrap()
    else {
        panic!("not probed")
    };
    assert_eq!((metadata.width, metadata.height, metadata.fps, metadata.duration), (3, 2, 0.0, 0.0));
    assert!(still && !moving);
}

fn png(path: &Path) {
    let mut encoder = png::Encoder::new(std::fs::File::create(path).unwrap(), 3, 2);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&[200; 18]).unwrap();
}

#[tokio::test]
async fn a_script_is_checked_as_the_command_line_does() {
    let store = Store::with_film();
    let script = |name: &str| format!("timeline {{\n  video \"{name}\"[0s..1s]\n}}\noutput \"out.mp4\"\n");
    std::fs::write(store.folder.path().join("edit.vfx"), script("uploads/9d3c6f1e2b.mp4")).unwrap();
    for (command, task) in [
        ("check", Task::Check { work: store.work(&script("video:1")) }),
        ("plan", Task::Plan { work: store.work(&script("video:1")) }),
    ] {
        let Answer::Told { ok, diagnostics, told } = store.answer(task).await.unwrap() else {
            panic!("not told")
        };
        assert!(ok && diagnostics.is_empty());
        let told = store.without_paths(told);
        let mut process = std::process::Command::new(vfxb());
        process.current_dir(store.folder.path()).args(["--json", command, "edit.vfx"]);
        let backend: &[&str] = if command == "plan" { &["--backend", "cpu"] } else { &[] };
        let output = process.args(backend).output().unwrap();
        let line = String::from_utf8(output.stdout).unwrap().lines().last().unwrap().to_owned();
        let line = line.replace("uploads/9d3c6f1e2b.mp4", "video:1").replace("9d3c6f1e2b.mp4", "video:1");
        let mut printed: Value = serde_json::from_str(&line).unwrap();
        ["type", "ok", "command"].iter().for_each(|key| drop(printed.as_object_mut().unwrap().remove(*key)));
        assert_eq!(told, printed);
    }
}

#[tokio::test]
async fn a_wrong_script_is_told_where() {
    let store = Store::with_film();
    let text = "timeline {\n  video \"video:1\" | vintge\n}\noutput \"out.mp4\"\n";
    let Answer::Told { ok, diagnostics, told } =
        store.answer(Task::Check { work: store.work(text) }).await.unwrap()
    else {
        panic!("not told")
    };
    assert!(!ok && told.is_null());
    assert_eq!(codes(&diagnostics), ["V0203"]);
    assert_eq!((&diagnostics[0]["line"], &diagnostics[0]["file"]), (&2.into(), &"script".into()));
    let refusal = store.refused(store.render(text)).await;
    assert_eq!((refusal.fault, refusal.error.code.as_str()), (Fault::Script, "V0203"));
    assert_eq!(codes(&refusal.diagnostics), ["V0203"]);
    assert!(!store.job().exists());
}

#[tokio::test]
async fn a_film_is_rendered_into_its_folder() {
    let store = Store::with_film();
    let text = "timeline {\n  video \"video:1\"[0s..1s] | sepia\n}\noutput \"out.mp4\"\noutput \"at-%02d.png\" range:0s..80ms\noutput \"out.wav\"\n";
    let told = Mutex::new(Vec::new());
    let hear = |progress: JobProgress| told.lock().unwrap().push(progress.progress);
    let answer =
        store.workers.work(OPEN_OWNER, store.render(text), &hear, &CancellationToken::new()).await.unwrap();
    let Answer::Made { files, diagnostics } = answer else { panic!("nothing was made") };
    assert_eq!(diagnostics, [] as [Value; 0]);
    let made: Vec<_> =
        files.iter().map(|f| (f.name.as_str(), f.metadata.frames, f.metadata.duration, f.moving)).collect();
    assert_eq!(
        made,
        [
            ("out.mp4", 25, 1.0, true),
            ("out.wav", 0, 1.0, false),
            ("at-01.png", 1, 0.0, false),
            ("at-02.png", 1, 0.0, false)
        ]
    );
    assert_eq!(names(&store.job()), ["at-01.png", "at-02.png", "out.mp4", "out.wav"]);
    for file in &files {
        assert_eq!(file.file, store.job().join(&file.name));
        assert_eq!(file.size, std::fs::metadata(&file.file).unwrap().len());
    }
    let told = told.into_inner().unwrap();
    assert!(told.is_sorted() && told.last() == Some(&1.0), "{told:?}");
}

#[tokio::test]
async fn an_instant_is_a_picture_of_the_size_that_is_asked_for() {
    let store = Store::with_film();
    let file = store.folder.path().join("at.png");
    let frame = |at: &str, rows| Task::Frame {
        work: store.work("timeline {\n  video \"video:1\"\n}\n"),
        at: at.to_owned(),
        file: file.clone(),
        rows,
    };
    for (rows, size) in [(0, (64, 48)), (24, (32, 24)), (1000, (64, 48))] {
        let files = store.made(frame("50%", rows)).await;
        assert_eq!((files[0].metadata.width, files[0].metadata.height), size, "{rows}");
        assert_eq!(files[0].file, file);
    }
    for at in ["soon", "3s"] {
        assert_eq!(store.refused(frame(at, 0)).await.fault, Fault::Script, "{at}");
    }
    assert_eq!(names(store.folder.path()), ["at.png", "uploads"]);
}

/// Rows 18 and 20 of what must happen on bad input.
#[tokio::test]
async fn a_script_names_only_what_it_was_given() {
    let store = Store::with_film();
    let secret = store.folder.path().join("secret.mp4");
    std::fs::copy(&store.files["video:1"], &secret).unwrap();
    std::os::unix::fs::symlink(&secret, store.folder.path().join("link.mp4")).unwrap();
    let own = secret.to_string_lossy().into_owned();
    for name in [
        own.as_str(),
        "../secret.mp4",
        "secret.mp4",
        "link.mp4",
        "..%2fsecret.mp4",
        "video:1/../../secret.mp4",
        "video:1\\u0000.mp4",
        "video:2",
        "/dev/zero",
        "/proc/self/environ",
        "concat:video:1|video:1",
        "subfile,,start,0,end,0,,:video:1",
        "data:video/mp4;base64,AAAA",
        "pipe:0",
        "file:secret.mp4",
        "http://127.0.0.1:1/a.mp4",
        "https://169.254.169.254/latest",
    ] {
        let text = format!("timeline {{\n  video \"{name}\"\n}}\noutput \"out.mp4\"\n");
        let Err(WorkError::Refused(refusal)) = store.answer(store.render(&text)).await else {
            panic!("{name} is not refused")
        };
        assert_eq!(refusal.fault, Fault::Script, "{name}");
        assert!(!refusal.diagnostics.is_empty(), "{name}");
    }
    for name in ["/tmp/out.mp4", "../out.mp4", "a/out.mp4", "-i.mp4", ".mp4"] {
        let text = format!("timeline {{\n  video \"video:1\"\n}}\noutput \"{name}\"\n");
        assert_eq!(store.refused(store.render(&text)).await.fault, Fault::Script, "{name}");
    }
    assert_eq!(store.refused(store.render("timeline {\n  video \"video:1\"\n}\n")).await.error.code, "V0656");
}

#[tokio::test]
async fn a_file_that_is_no_medium_is_refused_by_its_name() {
    let mut store = Store::with_film();
    let film = std::fs::read(&store.files["video:1"]).unwrap();
    let named = store.files["video:1"].to_string_lossy().into_owned();
    let playlist = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{named}\n#EXT-X-ENDLIST\n");
    for (number, bytes) in [
        b"not a film".to_vec(),
        Vec::new(),
        film[..film.len() / 3].to_vec(),
        playlist.into_bytes(),
        format!("ffconcat version 1.0\nfile '{named}'\n").into_bytes(),
    ]
    .into_iter()
    .enumerate()
    {
        let file = store.keep("video:2", &format!("bad-{number}.mp4"));
        std::fs::write(&file, bytes).unwrap();
        let refusal = store.refused(Task::Probe { file }).await;
        assert_eq!(refusal.fault, Fault::Media, "{number}");
        assert!(refusal.error.message.contains("the file"), "{refusal:?}");
        let text = "timeline {\n  video \"video:2\"\n}\noutput \"out.mp4\"\n";
        let refusal = store.refused(store.render(text)).await;
        assert_eq!(refusal.fault, Fault::Media, "{number}");
        assert!(refusal.error.message.contains("video:2"), "{refusal:?}");
    }
}

/// Row 17: whatever happens to a worker, its job fails with the reason and the next one runs.
#[tokio::test]
async fn a_job_that_takes_too_much_ends_alone() {
    let store = Store::limited(|jobs| {
        jobs.memory = 96 << 20;
        jobs.time = Duration::from_secs(20);
        jobs.file_size = 100_000;
    });
    let color = |canvas: &str, duration: &str, output: &str| {
        format!(
            "canvas {canvas} fps:25\ntimeline {{\n  color \"teal\" duration:{duration}\n}}\noutput {output}\n"
        )
    };
    let greedy = store.render(&color("7680x4320", "2s", "\"large.mp4\""));
    match store.answer(greedy).await {
        // Whoever runs out of memory first says so in its own way; none asks for another try.
        Err(WorkError::Refused(refusal)) => assert_ne!(refusal.fault, Fault::Machine, "{refusal:?}"),
        Err(WorkError::Crashed(_)) => (),
        other => panic!("{other:?}"),
    }
    assert!(!store.job().exists());
    let refusal = store.refused(store.render(&color("16x16", "10s", "\"long.wav\""))).await;
    assert_eq!(refusal.fault, Fault::Script);
    let files = store.made(store.render(&color("64x48", "1s", "\"small.mp4\""))).await;
    assert_eq!(files[0].metadata.frames, 25);
}

#[tokio::test]
async fn a_file_that_grows_too_large_is_an_error_of_its_job() {
    let mut store = Store::limited(|jobs| jobs.file_size = 100_000);
    let mut film = Film::new(50);
    film.sound = Some(Sound::clicks("aac", 48_000, 2, 96_000, &[24_000]));
    film.write(&store.keep("video:1", "9d3c6f1e2b.mp4")).unwrap();
    let refusal =
        store.refused(store.render("timeline {\n  video \"video:1\"\n}\noutput \"out.wav\"\n")).await;
    assert_eq!(refusal.fault, Fault::Size, "{refusal:?}");
    assert!(!store.job().exists());
}

#[tokio::test]
async fn a_job_that_takes_too_long_is_ended() {
    let store = Store::limited(|jobs| jobs.time = Duration::from_secs(1));
    let started = Instant::now();
    assert_eq!(store.answer(store.render(LONG)).await, Err(WorkError::TimedOut(1)));
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(!store.job().exists());
}

#[tokio::test]
async fn a_cancelled_job_stops_within_a_second_and_leaves_nothing() {
    let store = Store::new();
    let cancel = CancellationToken::new();
    let render = store.workers.work(OPEN_OWNER, store.render(LONG), &|_| (), &cancel);
    let stop = async {
        let pid = store.writer().await;
        cancel.cancel();
        (pid, Instant::now())
    };
    let (outcome, (pid, cancelled)) = tokio::join!(render, stop);
    assert_eq!(outcome, Err(WorkError::Cancelled));
    assert!(cancelled.elapsed() < Duration::from_secs(1), "{:?}", cancelled.elapsed());
    assert!(!store.job().exists() && !Path::new(&format!("/proc/{pid}")).exists());
}

/// Row 37.
#[tokio::test]
async fn a_worker_that_is_killed_has_crashed_and_leaves_nothing() {
    let store = Store::new();
    let (render, ()) = tokio::join!(store.answer(store.render(LONG)), async {
        kill(store.writer().await);
    });
    let Err(WorkError::Crashed(why)) = render else { panic!("{render:?}") };
    assert!(why.contains("signal: 9"), "{why}");
    assert!(!store.job().exists());
}

fn kill(pid: u32) {
    let killed = std::process::Command::new("sh").args(["-c", &format!("kill -9 {pid}")]).status().unwrap();
    assert!(killed.success());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn every_thread_of_a_worker_is_locked_in_and_knows_no_secret() {
    if !vfxb_server::worker::sandbox::support().seccomp {
        return;
    }
    let store = Store::new();
    let cancel = CancellationToken::new();
    let render = store.workers.work(OPEN_OWNER, store.render(LONG), &|_| (), &cancel);
    let look = async {
        let pid = store.writer().await;
        // Some threads come a moment after the file.
        let threads = eventually(|| Some(locks(pid)).filter(|locks| locks.len() > 4)).await;
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
        cancel.cancel();
        (threads, environment)
    };
    let (_, (threads, environment)) = tokio::join!(render, look);
    for status in threads {
        for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "Seccomp_filters:\t2"] {
            assert!(status.contains(line), "{line} is not in\n{status}");
        }
    }
    let environment = String::from_utf8_lossy(&environment);
    // The tests' own environment is full of these.
    let names = environment.split('\0').filter_map(|entry| Some(entry.split_once('=')?.0));
    let told: Vec<&str> = names.filter(|name| *name == "PATH" || name.starts_with("CARGO")).collect();
    assert!(told.is_empty(), "{told:?}");
}

#[cfg(target_os = "linux")]
fn locks(pid: u32) -> Vec<String> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("status")).ok()).collect()
}

/// A worker whose service has gone: its input closes.
#[tokio::test]
async fn a_worker_that_nobody_waits_for_stops_and_leaves_nothing() {
    use std::io::Write;
    use vfxb_server::worker::protocol::{Limits, Order};
    let store = Store::new();
    std::fs::create_dir(store.job()).unwrap();
    let limits = Limits { memory: 4 << 30, cpu_seconds: 60, file_size: 1 << 30 };
    let mut order = serde_json::to_vec(&Order { task: store.render(LONG), limits }).unwrap();
    order.push(b'\n');
    let pipe = std::process::Stdio::piped;
    let mut command = std::process::Command::new(vfxb());
    let mut child = command.arg("worker").stdin(pipe()).stdout(pipe()).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(&order).unwrap();
    assert_eq!(store.writer().await, child.id());
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(names(&store.job()), [] as [&str; 0]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.lines().all(|line| line.contains("\"type\":\"progress\"")), "{said}");
}
