//! What the end-to-end tests share.

pub mod films;
pub mod scripts;
