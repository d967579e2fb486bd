//! What every request passes through, and what handlers take from it.
//!
//! Extractors ([`body::Checked`], [`query::CheckedQuery`], [`path::Id`]) hold what a client sent to the published schema and
//! tell every finding at once; [`signed`] makes the urls that a page's `<video>` can follow; [`file`]
//! sends stored files; [`list`] reads which part of a list is meant; [`guard`] says where we may connect to
//! ourselves; [`script`] and [`idempotency`] read what several endpoints take. Knows no endpoint.

pub mod body;
pub mod file;
pub mod guard;
pub(crate) mod idempotency;
pub mod list;
pub mod path;
pub mod query;
pub mod schema;
pub(crate) mod script;
pub mod signed;
