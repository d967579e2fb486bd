//! `vfxb serve`: the engine over HTTP.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use vfxb_server::config::Config;
use vfxb_server::config::source::{Finding, Reading, Row, Sources, read};
use vfxb_server::serve::{ServeError, serve};
use vfxb_server::telemetry;

use crate::Context;
use crate::codes;
use crate::layout::{Column, FAINT, NAME, styled, table};
use crate::stop::Stop;
use crate::terminal::placeless;

/// Serve the engine over HTTP
#[derive(Args)]
#[command(
    after_help = "With nothing configured it listens on this machine alone, needs no login, and keeps everything in this folder."
)]
pub(crate) struct Options {
    /// Settings as YAML; the environment and .env count before them
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// Listen on this address
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,
    /// Listen on this port; 0 takes any free one
    #[arg(long)]
    port: Option<u16>,
    /// Show every setting and where it came from, and end
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: Options, context: &Context) -> Result<Value, Stop> {
    let reading = read(&sources(&options, context)?);
    let terminal = &context.terminal;
    reading.notes.iter().for_each(|note| terminal.notice(note));
    if options.check {
        terminal.print(&told(&reading.rows, terminal.width()))?;
        terminal.object(&described(&reading.rows))?;
    }
    let config = config(reading, context)?;
    if options.check { Ok(json!({})) } else { started(config, context) }
}

fn sources(options: &Options, context: &Context) -> Result<Sources, Stop> {
    let host = options.host.iter().map(|host| ("HOST", host.clone()));
    let port = options.port.iter().map(|port| ("PORT", port.to_string()));
    let flags = host.chain(port).collect();
    Sources::of_process(options.config.as_deref(), flags).or_else(|(path, error)| {
        let finding = placeless(codes::SETTING, format!("cannot read {}: {error}", path.display()), None);
        context.terminal.fail(finding, Stop::Wrong)
    })
}

/// The configuration, or every finding.
fn config(reading: Reading, context: &Context) -> Result<Config, Stop> {
    reading.config.map_err(|findings| {
        let all = findings
            .into_iter()
            .map(|Finding { message, help, .. }| placeless(codes::SETTING, message, Some(help)));
        context.terminal.findings(&all.collect::<Vec<_>>(), &vfxb_dsl::source::SourceMap::new());
        Stop::Wrong
    })
}

fn told(rows: &[Row], width: usize) -> String {
    let columns = [Column::Left(NAME), Column::Left(anstyle::Style::new()), Column::Left(FAINT)];
    let rows =
        rows.iter().map(|row| vec![row.name.to_owned(), row.value.clone(), row.origin.name().to_owned()]);
    table(&columns, None, &rows.collect::<Vec<_>>(), width)
}

fn described(rows: &[Row]) -> Value {
    let settings =
        rows.iter().map(|row| json!({"name": row.name, "value": row.value, "from": row.origin.name()}));
    json!({"type": "settings", "settings": settings.collect::<Vec<_>>()})
}

/// Serves until a signal.
fn started(config: Config, context: &Context) -> Result<Value, Stop> {
    let broken =
        |reason: String| context.terminal.fail(placeless(codes::SERVICE, reason, None), Stop::Failed);
    // Lives as long as the service: the last lines are written when it goes.
    let _log = match telemetry::log(&config) {
        Ok(log) => log,
        Err(reason) => return broken(reason),
    };
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return broken(format!("cannot find this program itself: {error}")),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return broken(format!("cannot start: {error}")),
    };
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    context.interrupt.wake(move || stopped.cancel());
    let told = config.clone();
    let served = runtime.block_on(serve(config, program, |address| listening(context, &told, address), stop));
    served.map(|()| json!({})).or_else(|error: ServeError| {
        let finding = placeless(codes::SERVICE, error.to_string(), Some(error.help().to_owned()));
        context.terminal.fail(finding, Stop::Failed)
    })
}

/// Says where the service is and what it keeps where. That nobody reads it is no reason to end.
fn listening(context: &Context, config: &Config, address: SocketAddr) {
    let url = format!("http://{address}");
    let open = config.login.is_none();
    let (files, database) = (config.upload_dir.display(), config.database.display());
    let who = if open { "open mode: no login, this machine alone" } else { "with login" };
    let rows = [
        vec!["listening".to_owned(), format!("{url}  ({who})")],
        vec!["docs".to_owned(), format!("{url}/docs")],
        vec!["files".to_owned(), files.to_string()],
        vec!["database".to_owned(), database.to_string()],
    ];
    let text = table(&[Column::Left(NAME), Column::Left(anstyle::Style::new())], None, &rows, usize::MAX);
    let object = json!({
        "type": "listening",
        "url": url,
        "open": open,
        "files": files.to_string(),
        "database": database.to_string(),
    });
    let _ =
        context.terminal.print(&(text + &styled(FAINT, "Ctrl-C ends it in order; twice, at once.") + "\n"));
    let _ = context.terminal.object(&object);
}
