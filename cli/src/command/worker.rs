//! `vfxb worker`: the process in which the service has one task done.

use clap::Args;
use serde_json::{Value, json};

use crate::Context;
use crate::codes;
use crate::stop::Stop;
use crate::terminal::placeless;

/// Do one task for `vfxb serve`
#[derive(Args)]
#[command(hide = true)]
pub(crate) struct Options {}

pub(crate) fn run(_: Options, context: &Context) -> Result<Value, Stop> {
    match vfxb_server::worker::run() {
        Ok(()) => Ok(json!({})),
        Err(error) => context.terminal.fail(placeless(codes::UNFIT, error.to_string(), None), Stop::Failed),
    }
}
