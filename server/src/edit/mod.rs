//! Edits as scripts: what an endpoint asks for, put onto the script of the video that it is asked of.
//!
//! The body of a request ([`operation`]) and the [`Film`] of a video come in; the film of the result goes out, still
//! naming the original: so a chain of edits is one pass and one generation of encoding. Times and coordinates of an
//! edit refer to the picture that the previous one gave. [`submit`] alone asks the store and the workers.

pub mod apply;
pub mod film;
pub mod operation;
pub mod submit;

pub use apply::{Edit, Facts, filters};
pub use film::Film;

#[cfg(test)]
mod tests;
