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

pub mod animate;
pub mod audio;
pub mod check;
pub mod clock;
pub mod codes;
pub mod colour;
pub mod compile;
pub mod describe;
pub mod effect;
pub mod exec;
pub mod graph;
pub mod kernel;
pub mod media;
pub mod picture;
pub mod plan;
pub mod shape;
pub mod text;
pub mod timeline;
pub mod transition;

use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_dsl::script::Script;
use vfxb_dsl::source::{FileId, SourceMap};
use vfxb_dsl::syntax::Spelling;

/// A text to a typed script, against the engine's own effects. `sets` are values for variables, name and value. Every
/// finding comes back, whether or not there is a script.
pub fn parse(
    map: &SourceMap,
    file: FileId,
    spelling: Spelling,
    sets: &[(String, String)],
) -> (Option<Script>, Vec<Diagnostic>) {
    vfxb_dsl::lower::compile(map, file, spelling, &effect::registry::catalogue(), sets)
}
