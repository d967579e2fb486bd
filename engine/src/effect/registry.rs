//! The one list of effects and transitions. A new one is a file and a line here.

use vfxb_dsl::vocabulary::Catalogue;

use super::Effect;
use super::{
    blackwhite, blur, brightness, contrast, dip, exposure, gamma, hue, invert, opacity, saturation, sepia,
    sharpen, temperature, vignette, vintage,
};
use crate::transition::{crossfade, fade_black, fade_white, push, slide, wipe};

const EFFECTS: &[Effect] = &[
    brightness::EFFECT,
    contrast::EFFECT,
    saturation::EFFECT,
    exposure::EFFECT,
    gamma::EFFECT,
    hue::EFFECT,
    temperature::EFFECT,
    vintage::EFFECT,
    blackwhite::EFFECT,
    sepia::EFFECT,
    invert::EFFECT,
    dip::EFFECT,
    vignette::EFFECT,
    opacity::EFFECT,
    blur::EFFECT,
    sharpen::EFFECT,
    crossfade::EFFECT,
    fade_black::EFFECT,
    fade_white::EFFECT,
    wipe::EFFECT,
    slide::EFFECT,
    push::EFFECT,
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

#[cfg(test)]
mod tests {
    use vfxb_dsl::vocabulary::LATER_EFFECTS;

    #[test]
    fn what_is_there_is_not_told_to_come_later() {
        for (_, names) in LATER_EFFECTS {
            for name in *names {
                assert!(
                    super::effect(name).is_none(),
                    "{name} is in the registry: take it out of LATER_EFFECTS"
                );
            }
        }
    }
}
