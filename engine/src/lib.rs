//! The vfxb render engine.
//!
//! A typed script comes in, files go out. The phases, each its own module, each knowing nothing of the next:
//!
//! ```text
//! Script --timeline--> Timeline --graph--> Graph --plan--> Plan --exec--> packets --media--> files
//! ```
//!
//! Everything up to the plan is pure: no codec, no GPU, no disk (probing sits behind [`media::Media`]). [`exec`]
//! renders a plan on one of two executors that run the same [`effect`]s, each written once.

pub mod colour;
pub mod effect;
pub mod exec;
pub mod kernel;
pub mod media;
pub mod picture;
pub mod shape;
pub mod text;
pub mod transition;
