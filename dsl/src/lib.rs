//! The vfxb edit script.
//!
//! Text comes in, in either spelling (`.vfx` or YAML/JSON); a typed [`script::Script`] goes out, with *every*
//! diagnostic at once. The way of the data:
//!
//! ```text
//! text --syntax::{vfx,yaml}--> syntax::Document --lower--> Script + Vec<Diagnostic>
//!                                      |
//!                                      +--print--> text of either spelling
//! ```
//!
//! [`syntax`] knows the grammar and no words; [`vocabulary`] knows the words; [`value`] knows how one value is
//! read by the type of the field it stands in. Effects and transitions are words too, but their list belongs to the
//! engine: it hands a [`vocabulary::Catalogue`] in. This crate knows no engine, no GPU and no codec, opens no
//! medium and never prints.

pub mod codes;
pub mod diagnostic;
pub mod lower;
pub mod print;
pub mod schema;
pub mod script;
pub mod source;
pub mod syntax;
pub mod value;
pub mod vocabulary;

pub use lower::{compile, lower};
