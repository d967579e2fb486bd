//! vfxb against ffmpeg, job by job, both sides in one run on one machine.
//!
//! ```text
//! cargo build --release && cargo run --release -p vfxb-benches --bin side_by_side -- [--runs N] [--jobs a,b] [--gpu]
//! ```
//!
//! Each job is one film of 600 frames of 1920x1080 with noise, made once. Both sides use the same codec, preset, crf and
//! encoder threads, and take turns; the table has medians and the ratio of each pair's median. The floor is decoding the
//! source and encoding the job's *own* output pictures with no filter between.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// One job on both sides.
struct Job {
    name: &'static str,
    /// The body of a `.vfx` timeline's clip, after the source.
    effects: &'static str,
    /// Whether a line of text stands over the whole film.
    text: bool,
    /// ffmpeg's filter graph for the same work, without the text.
    filters: &'static str,
}

const JOBS: &[Job] = &[
    Job {
        name: "grade",
        effects: " | vintage 0.6 | temperature 5600K | vignette 0.5 | contrast 1.1 | saturation 1.2",
        text: true,
        filters: "curves=preset=vintage,colorbalance=rs=.1:bs=-.1,vignette,eq=contrast=1.1:saturation=1.2",
    },
    Job {
        name: "blackwhite",
        effects: " | blackwhite",
        text: false,
        filters: "colorchannelmixer=.2126:.7152:.0722:0:.2126:.7152:.0722:0:.2126:.7152:.0722",
    },
    Job { name: "text", effects: "", text: true, filters: "" },
];

const TEXT: &str = "Hello World";
const FRAMES: u32 = 600;
const ENCODER_THREADS: &str = "4";

fn main() -> Result<(), String> {
    let options = Options::read()?;
    let folder = std::env::temp_dir().join("vfxb-side-by-side");
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let source = source(&folder)?;
    let mut table = String::from(
        "| job | vfxb | ffmpeg | floor | vfxb / ffmpeg | (vfxb − floor) / (ffmpeg − floor) |\n|---|---|---|---|---|---|\n",
    );
    for job in JOBS.iter().filter(|job| options.jobs.is_empty() || options.jobs.iter().any(|j| j == job.name))
    {
        let row = measure(job, &source, &folder, &options)?;
        show(&row);
        table.push_str(&row);
    }
    show("\n");
    show(&table);
    Ok(())
}

struct Options {
    runs: usize,
    jobs: Vec<String>,
    gpu: bool,
}

impl Options {
    fn read() -> Result<Options, String> {
        let mut options = Options { runs: 3, jobs: Vec::new(), gpu: false };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--runs" => {
                    let runs = arguments.next().and_then(|n| n.parse().ok());
                    options.runs = runs.ok_or("--runs wants a number")?;
                }
                "--jobs" => {
                    let jobs = arguments.next().ok_or("--jobs wants names")?;
                    options.jobs = jobs.split(',').map(str::to_owned).collect();
                }
                "--gpu" => options.gpu = true,
                other => {
                    return Err(format!("unknown option {other}; there are --runs N, --jobs a,b and --gpu"));
                }
            }
        }
        Ok(options)
    }
}

/// The film that every job reads: made once, kept.
fn source(folder: &Path) -> Result<PathBuf, String> {
    let path = folder.join("source.mp4");
    if path.exists() {
        return Ok(path);
    }
    let picture = format!("testsrc2=size=1920x1080:rate=30:duration={}", FRAMES / 30);
    let mut command = ffmpeg();
    command.args(["-f", "lavfi", "-i", &picture, "-vf", "noise=alls=6:allf=t,format=yuv420p"]);
    command.args(["-c:v", "libx264", "-preset", "veryfast", "-crf", "23"]).arg(&path);
    timed(&mut command)?;
    Ok(path)
}

/// The times of one job, as a row of the table.
fn measure(job: &Job, source: &Path, folder: &Path, options: &Options) -> Result<String, String> {
    let script = folder.join(format!("{}.vfx", job.name));
    let ours = folder.join(format!("{}-vfxb.mp4", job.name));
    std::fs::write(&script, script_of(job, source, &ours)).map_err(|e| e.to_string())?;
    let pictures = folder.join(format!("{}-pictures.mkv", job.name));
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for run in 0..=options.runs {
        let mut vfxb = vfxb(&script, options.gpu);
        let (own, peer) = (timed(&mut vfxb)?, timed(&mut ffmpeg_job(job, source, folder))?);
        if run == 0 {
            // The first pair warms the caches; the floor's pictures are the ones that were just made.
            lossless(&ours, &pictures)?;
            continue;
        }
        let floor = timed(&mut floor_decode(source))? + timed(&mut encode(&pictures, folder))?
            - timed(&mut floor_decode(&pictures))?;
        for (list, time) in times.iter_mut().zip([own, peer, floor]) {
            list.push(time);
        }
    }
    let [own, peer, floor] = times.map(median);
    let mut row = String::new();
    // Writing to a `String` cannot fail.
    let _ = writeln!(
        row,
        "| {} | {own:.2} s | {peer:.2} s | {floor:.2} s | {:.2} | {:.2} |",
        job.name,
        own / peer,
        (own - floor) / (peer - floor)
    );
    Ok(row)
}

fn script_of(job: &Job, source: &Path, out: &Path) -> String {
    let text = if job.text {
        format!(
            "overlays {{\n  text \"{TEXT}\" at:0s duration:end position:bottom offset:\"0px -8%\" size:64px color:white\n}}\n"
        )
    } else {
        String::new()
    };
    format!(
        "timeline {{\n  video \"{}\"{}\n}}\n{text}output \"{}\" codec:h264 preset:veryfast crf:23\n",
        source.display(),
        job.effects,
        out.display()
    )
}

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-nostdin"]);
    command
}

fn ffmpeg_job(job: &Job, source: &Path, folder: &Path) -> Command {
    let font = concat!(env!("CARGO_MANIFEST_DIR"), "/../engine/assets/fonts/NotoSans.ttf");
    let text =
        format!("drawtext=fontfile='{font}':text='{TEXT}':fontsize=64:fontcolor=white:x=(w-tw)/2:y=h*0.86");
    let filters: Vec<&str> =
        [job.filters, if job.text { &text } else { "" }].into_iter().filter(|f| !f.is_empty()).collect();
    let mut command = ffmpeg();
    command.arg("-i").arg(source).args(["-vf", &filters.join(","), "-pix_fmt", "yuv420p"]);
    x264(&mut command, folder.join(format!("{}-ffmpeg.mp4", job.name)));
    command
}

/// The encoder's settings, the same for all.
fn x264(command: &mut Command, out: PathBuf) {
    command.args(["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-threads", ENCODER_THREADS]);
    command.arg(out);
}

fn encode(pictures: &Path, folder: &Path) -> Command {
    let mut command = ffmpeg();
    command.arg("-i").arg(pictures);
    x264(&mut command, folder.join("floor.mp4"));
    command
}

fn floor_decode(source: &Path) -> Command {
    let mut command = ffmpeg();
    command.arg("-i").arg(source).args(["-f", "null", "-"]);
    command
}

/// The finished pictures, quick to decode.
fn lossless(film: &Path, out: &Path) -> Result<(), String> {
    let mut command = ffmpeg();
    command.arg("-i").arg(film).args(["-an", "-c:v", "libx264", "-preset", "ultrafast", "-qp", "0"]).arg(out);
    timed(&mut command).map(|_| ())
}

fn vfxb(script: &Path, gpu: bool) -> Command {
    let own = std::env::current_exe().ok();
    let beside =
        own.as_deref().and_then(Path::parent).map(|folder| folder.join("vfxb")).filter(|p| p.exists());
    let mut command = Command::new(beside.unwrap_or_else(|| "vfxb".into()));
    command.arg("render").arg(script).args(["--overwrite", "--backend", if gpu { "gpu" } else { "cpu" }]);
    command
}

/// Wall-clock seconds of a command that must succeed.
fn timed(command: &mut Command) -> Result<f64, String> {
    let started = Instant::now();
    let output = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()
        .map_err(|e| format!("{command:?}: {e}"))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(started.elapsed().as_secs_f64())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(0.0)
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn show(text: &str) {
    print!("{text}");
}
