//! The engine over HTTP: `vfxb serve`.
//!
//! Requests come in; scripts are written from them, stored as jobs, and rendered by child processes of the same binary
//! ([`worker`]); files and events go out.
//!
//! ```text
//! http ──▶ routes ──▶ edit (a script) ──▶ jobs ──▶ worker process ──▶ engine
//!                │                         │             │
//!                └──▶ files, store ◀───────┴── results ──┘──▶ events: SSE, Socket.IO, webhooks
//! ```
//!
//! The service itself decodes nothing and draws nothing: whatever looks into a stranger's file runs in a worker, under
//! limits. What is stored lies behind the traits of [`store`], files behind [`files`].

pub mod app;
pub mod auth;
pub mod config;
mod connections;
pub mod edit;
pub mod error;
pub mod files;
pub mod http;
pub mod jobs;
pub mod model;
pub mod probes;
pub mod realtime;
mod routes;
pub mod serve;
pub mod store;
pub mod telemetry;
pub mod thumbnails;
pub mod upload;
pub mod worker;

/// The whole service without a socket: every route and what stands before it.
pub fn router(app: app::App) -> axum::Router {
    let (routes, _document) = routes::table().split_for_parts();
    let routes = routes.merge(realtime::router(&app));
    http::layers::before(routes, &app).with_state(app)
}
