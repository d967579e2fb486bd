//! What is measured and what is logged: the names of the measurements, and where both go.

use std::path::Path;
use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_appender::non_blocking::WorkerGuard;
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

/// Bounds of requests' seconds.
const REQUEST_BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
/// Bounds of jobs' seconds.
const JOB_BUCKETS: [f64; 10] = [0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];

/// Log files that are kept.
const LOG_FILES: usize = 14;

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
    metrics::gauge!(SOCKETS).set(0.0);
    Ok(handle)
}

/// Begins the log: JSON lines on standard error and, if configured, in a file that rotates daily. What comes back must live
/// as long as the service, so that the last lines are written.
///
/// # Errors
/// If the file cannot be made, or somebody else logs already.
pub fn log(config: &Config) -> Result<Option<WorkerGuard>, String> {
    let filter = || {
        let filter = EnvFilter::builder().parse(&config.log_level).map_err(|error| error.to_string())?;
        QUIET.iter().try_fold(filter, |filter, directive| {
            directive
                .parse()
                .map(|directive| filter.add_directive(directive))
                .map_err(|error| format!("{error}"))
        })
    };
    let lines = || tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    let mut layers = vec![lines().with_writer(std::io::stderr).with_filter(filter()?).boxed()];
    let mut guard = None;
    if let Some(path) = &config.log_file {
        let (writer, kept) = tracing_appender::non_blocking(appender(path)?);
        layers.push(lines().with_writer(writer).with_filter(filter()?).boxed());
        guard = Some(kept);
    }
    tracing_subscriber::registry().with(layers).try_init().map_err(|error| error.to_string())?;
    Ok(guard)
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
