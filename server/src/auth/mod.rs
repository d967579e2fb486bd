//! Who asks: tokens, passwords, and the extractor that handlers take the owner from.
//!
//! A request's head comes in, an [`Owner`](crate::model::Owner) goes out. Where people are kept is the store's business.

pub(crate) mod caller;
pub mod password;
pub mod token;
