//! The one list of effects and transitions. A new one is a file and a line here.

use vfxb_dsl::vocabulary::Catalogue;

use super::Effect;
use super::{blackwhite, brightness, contrast, gamma, vignette};
use crate::transition::crossfade;

const EFFECTS: &[Effect] = &[
    blackwhite::EFFECT,
    brightness::EFFECT,
    contrast::EFFECT,
    gamma::EFFECT,
    vignette::EFFECT,
    crossfade::EFFECT,
];

/// Every picture effect and transition, in the order in which they are listed to people.
pub fn effects() -> &'static [Effect] {
    EFFECTS
}

/// The one of that name.
pub fn effect(name: &str) -> Option<&'static Effect> {
    EFFECTS.iter().find(|e| e.spec.name == name)
}

/// What the language may know of them.
pub fn catalogue() -> Catalogue {
    Catalogue::new(EFFECTS.iter().map(|e| e.spec).collect())
}
