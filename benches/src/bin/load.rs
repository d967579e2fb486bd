//! The service under load, on loopback, with rate limits off.
//!
//! ```text
//! cargo build --release && cargo run --release -p vfxb-benches --bin load -- [--clients N] [--seconds S] [--uploads N]
//! ```
//!
//! Three rounds, each with the service's memory before and at its highest: clients that ask for health, lists and a
//! job's state as fast as they are answered while two renders run; sockets that are open and idle; uploads of 50 MB at once.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::multipart::{Form, Part};
use reqwest::{Body, Client};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Ten minutes of film at full size: longer than the round.
const LONG: &str =
    "canvas 1080p\ntimeline {\n color teal duration:600s | vignette 0.5\n}\noutput \"long.mp4\"";
const IDLE: usize = 1000;
const UPLOAD: usize = 50_000_000;
/// Bytes that are sent at once.
const BLOCK: usize = 1 << 16;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let option = |name: &str, default: u64| {
        let mut arguments = std::env::args().skip_while(|a| a != name).skip(1);
        arguments.next().and_then(|n| n.parse().ok()).unwrap_or(default)
    };
    let folder = std::env::temp_dir().join(format!("vfxb-load-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let service = Service::start(&folder)?;
    let result = async {
        service.clients(option("--clients", 200), Duration::from_secs(option("--seconds", 20))).await?;
        service.idle().await?;
        service.uploads(option("--uploads", 20)).await
    }
    .await;
    drop(service);
    std::fs::remove_dir_all(&folder)?;
    result
}

struct Service {
    child: Child,
    url: String,
    client: Client,
}

impl Service {
    fn start(folder: &Path) -> Result<Service, Failure> {
        let binary = PathBuf::from("target/release/vfxb").canonicalize()?;
        let mut command = Command::new(binary);
        for class in ["GENERAL", "AI", "UPLOAD", "STATUS"] {
            command.env(format!("RATE_LIMIT_{class}"), "off");
        }
        let mut child = command
            .args(["serve", "--json", "--port", "0"])
            .env("JOBS_RUNNING", "2")
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        let out = child.stdout.take().ok_or("no standard output")?;
        BufReader::new(out).read_line(&mut line)?;
        let told: Value = serde_json::from_str(&line)?;
        let url = told["url"].as_str().ok_or("no url")?.trim_end_matches('/').to_owned();
        Ok(Service { child, url, client: Client::new() })
    }

    /// Clients that ask as fast as they are answered, while two renders run.
    async fn clients(&self, clients: u64, time: Duration) -> Result<(), Failure> {
        let mut jobs = Vec::new();
        for _ in 0..2 {
            let answer =
                self.client.post(format!("{}/api/renders", self.url)).header("content-type", "text/x-vfx");
            let answer: Value = answer.body(LONG).send().await?.json().await?;
            jobs.push(answer["jobId"].as_str().ok_or_else(|| answer.to_string())?.to_owned());
        }
        let memory = Memory::of(&self.child);
        let paths =
            ["/api/health".to_owned(), "/api/renders".to_owned(), format!("/api/renders/{}", jobs[0])];
        let mut tasks = JoinSet::new();
        for n in 0..clients {
            let urls: Vec<String> = paths.iter().map(|path| format!("{}{path}", self.url)).collect();
            tasks.spawn(ask(Client::new(), urls, n as usize, Instant::now() + time));
        }
        let mut times = [Vec::new(), Vec::new(), Vec::new()];
        while let Some(asked) = tasks.join_next().await {
            for (all, own) in times.iter_mut().zip(asked??) {
                all.extend(own);
            }
        }
        let memory = memory.peak().await;
        for (path, mut times) in ["health", "list", "status"].iter().zip(times) {
            times.sort_unstable();
            let at =
                |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default();
            let (p50, p99, most) = (at(0.5), at(0.99), times.last().copied().unwrap_or_default());
            show(&format!("{path}: {} answers, p50 {p50:.1?}, p99 {p99:.1?}, most {most:.1?}", times.len()));
        }
        show(&format!("{clients} clients, two renders running: {memory}"));
        for job in jobs {
            let state: Value =
                self.client.get(format!("{}/api/renders/{job}", self.url)).send().await?.json().await?;
            show(&format!(
                "a render meanwhile: {} {:.3}",
                state["state"],
                state["progress"].as_f64().unwrap_or(0.0)
            ));
            let started = Instant::now();
            self.client.delete(format!("{}/api/renders/{job}", self.url)).send().await?.error_for_status()?;
            show(&format!("cancelled in {:.1?}", started.elapsed()));
        }
        Ok(())
    }

    /// Connections that say nothing more after their first request.
    async fn idle(&self) -> Result<(), Failure> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let memory = Memory::of(&self.child);
        let host = self.url.trim_start_matches("http://");
        let mut open = Vec::new();
        for _ in 0..IDLE {
            let mut socket = TcpStream::connect(host).await?;
            let request = format!("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: {host}\r\n\r\n");
            socket.write_all(request.as_bytes()).await?;
            let mut head = [0; 512];
            if socket.read(&mut head).await? == 0 {
                return Err("a socket was closed".into());
            }
            open.push(socket);
        }
        let started = Instant::now();
        self.client.get(format!("{}/api/health", self.url)).send().await?.error_for_status()?;
        let health = started.elapsed();
        show(&format!("{IDLE} idle sockets: health in {health:.1?}, {}", memory.peak().await));
        Ok(())
    }

    /// Uploads at once: films whose rest is a box of padding, each with another content.
    async fn uploads(&self, uploads: u64) -> Result<(), Failure> {
        let film = std::fs::read("examples/media/big_buck_bunny.mp4")?;
        let padding = UPLOAD.saturating_sub(film.len() + 8);
        // ISO 14496-12 §8.1.2: a size and `free`; what is in it counts for nothing.
        let free = [&u32::try_from(padding + 8)?.to_be_bytes()[..], b"free"].concat();
        let head = [film, free].concat();
        let memory = Memory::of(&self.child);
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for n in 0..uploads {
            let head = head.clone();
            let (client, url) = (self.client.clone(), format!("{}/api/video/upload", self.url));
            tasks.spawn(async move {
                let rest = [padding % BLOCK].into_iter().chain(std::iter::repeat_n(BLOCK, padding / BLOCK));
                let blocks = std::iter::once(head).chain(rest.map(move |length| vec![n as u8; length]));
                let stream = tokio_stream::iter(blocks.map(Ok::<_, std::io::Error>));
                let part = Part::stream(Body::wrap_stream(stream)).file_name("film.mp4");
                let answer = client.post(url).multipart(Form::new().part("video", part)).send().await?;
                Ok::<_, reqwest::Error>(answer.status().as_u16())
            });
        }
        let mut statuses = Vec::new();
        while let Some(status) = tasks.join_next().await {
            statuses.push(status??);
        }
        let took = started.elapsed();
        show(&format!(
            "{uploads} uploads of {UPLOAD} bytes in {took:.1?}, answered {statuses:?}: {}",
            memory.peak().await
        ));
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks each url in turn until the end; how long each answer took.
async fn ask(
    client: Client,
    urls: Vec<String>,
    first: usize,
    end: Instant,
) -> Result<[Vec<Duration>; 3], Failure> {
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    let mut n = first;
    while Instant::now() < end {
        let at = n % urls.len();
        let started = Instant::now();
        let answer = client.get(&urls[at]).send().await?.error_for_status()?;
        answer.bytes().await?;
        times[at].push(started.elapsed());
        n += 1;
    }
    Ok(times)
}

/// Resident memory of a process, looked at ten times a second.
struct Memory {
    before: u64,
    peak: Arc<AtomicU64>,
    watch: tokio::task::JoinHandle<()>,
}

impl Memory {
    fn of(child: &Child) -> Memory {
        let id = child.id();
        let before = resident(id);
        let peak = Arc::new(AtomicU64::new(before));
        let watch = tokio::spawn({
            let peak = Arc::clone(&peak);
            async move {
                let mut tick = tokio::time::interval(Duration::from_millis(100));
                loop {
                    tick.tick().await;
                    peak.fetch_max(resident(id), Ordering::Relaxed);
                }
            }
        });
        Memory { before, peak, watch }
    }

    async fn peak(self) -> String {
        self.watch.abort();
        let _ = self.watch.await;
        let peak = self.peak.load(Ordering::Relaxed);
        format!("memory {} MiB before, {} MiB at most", self.before >> 10, peak >> 10)
    }
}

/// KiB, by the kernel.
fn resident(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn show(line: &str) {
    println!("{line}");
}
