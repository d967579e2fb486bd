//! What the end-to-end tests share.

pub mod fake;
pub mod films;
pub mod scripts;
