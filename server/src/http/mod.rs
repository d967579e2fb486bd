//! What every request passes through, and what handlers take from it.
//!
//! Extractors ([`body::Checked`], [`query::CheckedQuery`], [`path::Id`]) hold what a client sent to the published schema and
//! tell every finding at once; [`signed`] makes the urls that a page's `<video>` can follow; [`file`](mod@file) sends stored
//! files; [`list`] reads which part of a list is meant; [`guard`] says where we may connect to ourselves; `script` and
//! `idempotency` read what several endpoints take; `layers` puts the rest before the routes. Knows no endpoint but by
//! its name in the one table of [`class`].

pub mod address;
pub mod body;
pub mod class;
mod cors;
pub mod file;
pub mod guard;
mod headers;
pub(crate) mod idempotency;
mod json;
pub(crate) mod layers;
pub mod limits;
pub mod list;
pub mod origin;
pub mod path;
pub mod query;
pub mod schema;
pub(crate) mod script;
mod shape;
pub mod signed;
pub mod trace;
