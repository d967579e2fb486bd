//! One file a subcommand: its options, and what it does with them.

pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod convert;
pub(crate) mod effects;
pub(crate) mod fmt;
pub(crate) mod frame;
pub(crate) mod new;
pub(crate) mod plan;
pub(crate) mod probe;
pub(crate) mod render;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod watch;
pub(crate) mod worker;
