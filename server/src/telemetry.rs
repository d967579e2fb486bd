//! What is measured and what is logged: the names of the measurements, and where both go.

use std::path::Path;
use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::Config;

/// Seconds that requests took, by `method`, `route` and `status_code`.
pub const REQUEST_SECONDS: &str = "http_request_duration_seconds";
/// Seconds that jobs took, by `operation`.
pub const PROCESSING_SECONDS: &str = "video_processing_duration_seconds";
/// Sockets that are open.
pub const SOCKETS: &str = "websocket_connections_active";

/// Frames of finished jobs.
pub const FRAMES: &str = "frames_rendered_total";
/// Jobs that wait for their turn.
pub const JOBS_WAITING: &str = "jobs_waiting";
/// Jobs that a worker has.
pub const JOBS_RUNNING: &str = "jobs_running";

/// Lines of the log that nobody took in time.
pub const LINES_LOST: &str = "log_lines_lost_total";

/// Bounds of requests' seconds.
const REQUEST_BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
/// Bounds of jobs' seconds.
const JOB_BUCKETS: [f64; 10] = [0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];

/// Log files that are kept.
const LOG_FILES: usize = 14;
/// Lines of the log that wait for whoever reads it; about 8 MB.
const LINES_WAITING: usize = 1 << 14;

/// What counts the lines that were lost, of each place that is logged to.
static LOST: OnceLock<Vec<ErrorCounter>> = OnceLock::new();

/// Libraries whose own debugging would show headers and bodies, and with them secrets.
const QUIET: [&str; 9] = [
    "h2=info",
    "hyper=info",
    "hyper_util=info",
    "reqwest=info",
    "rustls=info",
    "tungstenite=info",
    "engineioxide=info",
    "socketioxide=info",
    "tower_http=info",
];

/// The process's measurements; the first call begins them.
///
/// # Errors
/// If another part of the process measures elsewhere.
pub fn measurements() -> Result<&'static PrometheusHandle, String> {
    static HANDLE: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    HANDLE.get_or_init(begin).as_ref().map_err(Clone::clone)
}

fn begin() -> Result<PrometheusHandle, String> {
    let buckets = |builder: PrometheusBuilder, name: &str, bounds: &[f64]| {
        builder
            .set_buckets_for_metric(Matcher::Full(name.to_owned()), bounds)
            .map_err(|error| error.to_string())
    };
    let builder = buckets(PrometheusBuilder::new(), REQUEST_SECONDS, &REQUEST_BUCKETS)?;
    let recorder = buckets(builder, PROCESSING_SECONDS, &JOB_BUCKETS)?.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| error.to_string())?;
    metrics::describe_histogram!(REQUEST_SECONDS, metrics::Unit::Seconds, "Seconds that requests took.");
    metrics::describe_histogram!(PROCESSING_SECONDS, metrics::Unit::Seconds, "Seconds that jobs took.");
    metrics::describe_gauge!(JOBS_WAITING, "Jobs that wait for their turn.");
    metrics::describe_gauge!(JOBS_RUNNING, "Jobs that a worker has.");
    metrics::describe_gauge!(SOCKETS, "Sockets that are open.");
    metrics::describe_counter!(LINES_LOST, "Lines of the log that nobody took in time.");
    metrics::gauge!(SOCKETS).set(0.0);
    Ok(handle)
}

/// Tells the measurements of the lines that were lost by now.
pub(crate) fn count_lost_lines() {
    let lost: usize = LOST.get().into_iter().flatten().map(ErrorCounter::dropped_lines).sum();
    metrics::counter!(LINES_LOST).absolute(lost as u64);
}

/// Begins the log: JSON lines on standard error and, if configured, in a file that rotates daily. Threads of their own write
/// them, so that a reader who has stopped, or a slow disk, holds nothing up: what is too much for them is lost and counted.
/// What comes back must live as long as the service, so that the last lines are written.
///
/// # Errors
/// If the file cannot be made, or somebody else logs already.
pub fn log(config: &Config) -> Result<Vec<WorkerGuard>, String> {
    let mut places = vec![aside(std::io::stderr())];
    if let Some(path) = &config.log_file {
        places.push(aside(appender(path)?));
    }
    let mut layers = Vec::new();
    let mut guards = Vec::new();
    let mut lost = Vec::new();
    for (writer, guard) in places {
        lost.push(writer.error_counter());
        guards.push(guard);
        let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
        layers.push(lines.with_writer(writer).with_filter(filter(&config.log_level)?).boxed());
    }
    tracing_subscriber::registry().with(layers).try_init().map_err(|error| error.to_string())?;
    LOST.get_or_init(|| lost);
    Ok(guards)
}

fn aside(writer: impl std::io::Write + Send + 'static) -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default().buffered_lines_limit(LINES_WAITING).thread_name("log").finish(writer)
}

fn filter(level: &str) -> Result<EnvFilter, String> {
    let filter = EnvFilter::builder().parse(level).map_err(|error| error.to_string())?;
    QUIET.iter().try_fold(filter, |filter, directive| {
        directive.parse().map(|directive| filter.add_directive(directive)).map_err(|error| format!("{error}"))
    })
}

fn appender(path: &Path) -> Result<RollingFileAppender, String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let text = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
    let builder = RollingFileAppender::builder().rotation(Rotation::DAILY).max_log_files(LOG_FILES);
    let builder = builder.filename_prefix(text(path.file_stem()).unwrap_or_else(|| "vfxb".to_owned()));
    let builder = builder.filename_suffix(text(path.extension()).unwrap_or_else(|| "log".to_owned()));
    let failed = |error: &dyn std::fmt::Display| format!("cannot log to {}: {error}", path.display());
    std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    builder.build(folder).map_err(|error| failed(&error))
}
