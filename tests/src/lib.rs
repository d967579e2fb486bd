//! What the end-to-end tests share: films made for them.

pub mod films;
