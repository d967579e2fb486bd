//! The engine over HTTP.
//!
//! Nothing is served yet: the crate holds the place that the service has in the workspace, above the engine and below
//! the command line.
