//! Edits as scripts: what an endpoint asks for, put onto the script of the video that it is asked of.
//!
//! An [`Operation`] and the script of a video come in; the script of the result goes out, still naming the original: so
//! a chain of edits is one pass and one generation of encoding. Times and coordinates of an edit refer to the picture
//! that the previous one gave.

pub mod operation;
