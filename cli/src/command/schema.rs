//! `vfxb schema`: the JSON Schema of the YAML and JSON spelling.

use clap::Args;
use serde_json::{Value, json};
use vfxb_dsl::schema::schema;
use vfxb_engine::effect::registry;

use crate::Context;
use crate::stop::Stop;

/// Print the JSON Schema of YAML and JSON scripts, for editors
#[derive(Args)]
pub(crate) struct Options {}

pub(crate) fn run(_: Options, context: &Context) -> Result<Value, Stop> {
    let schema = schema(&registry::catalogue());
    context.terminal.print(&format!("{schema:#}\n"))?;
    Ok(json!({"schema": schema}))
}
