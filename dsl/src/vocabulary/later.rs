//! Words of the language that this version does not do yet: each gets its own finding instead of "unknown".
//!
//! A word that is done leaves these tables; tests see to it that none of them stands in two places.

use super::nodes::PICTURES;
use super::{Place, Role};

/// A word of the language that this version does not do yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaterWord {
    /// The word.
    pub name: &'static str,
    /// Where it will stand.
    pub places: &'static [Place],
    /// What it will be.
    pub doc: &'static str,
}

/// Kinds of nodes that the language has but this version does not do yet.
pub const LATER: &[LaterWord] = &[
    LaterWord { name: "captions", places: &[Place::Top], doc: "subtitles, burnt in or beside the film" },
    LaterWord { name: "loudness", places: &[Place::Top], doc: "the film's loudness" },
    LaterWord { name: "adjust", places: &[Place::Top], doc: "effects on the whole film" },
    LaterWord { name: "include", places: &[Place::Top], doc: "another script's nodes" },
    LaterWord {
        name: "repeat",
        places: &[Place::Top, Place::Sequence, Place::Overlays, Place::Audio, Place::Group],
        doc: "nodes once for each row of a table",
    },
    LaterWord { name: "gradient", places: PICTURES, doc: "a run of colours" },
    LaterWord { name: "say", places: &[Place::Audio, Place::AudioSequence], doc: "speech from text" },
    LaterWord { name: "tone", places: &[Place::Audio, Place::AudioSequence], doc: "a test tone" },
    LaterWord { name: "silence", places: &[Place::Audio, Place::AudioSequence], doc: "a stretch of silence" },
];

/// `${…}` names that the language itself gives a value, but not in this version yet.
pub const LATER_VARIABLES: &[&str] = &["t", "timecode", "frame", "row"];

/// Effects and transitions that the language has but this version does not do yet, by what they act on. A word may
/// stand twice: `shader` is an effect and a transition.
#[rustfmt::skip]
pub const LATER_EFFECTS: &[(Role, &[&str])] = &[
    (Role::Picture, &[
        "vibrance", "tint", "levels", "curves", "color_balance", "lift_gamma_gain", "channel_mixer", "lut", "grade",
        "posterize", "threshold", "duotone", "grain",
        "box_blur", "zoom_blur", "motion_blur", "unsharp", "glow", "denoise", "deinterlace", "stabilize",
        "cartoon", "oil_paint", "sketch", "edge", "emboss", "pixelate", "halftone", "glitch", "chromatic_aberration",
        "scanlines", "crt", "stylize",
        "mirror", "ken_burns", "shake", "lens", "perspective",
        "chroma_key", "luma_key", "upscale", "shader",
    ]),
    (Role::Sound, &[
        "gain", "eq", "highpass", "lowpass", "compressor", "limiter", "denoise_audio", "normalize", "duck", "reverb",
        "echo", "pitch_shift", "enhance_voice",
    ]),
    (Role::Transition, &[
        "dissolve", "cover", "reveal", "iris", "clock", "barn_door", "zoom_through", "blur_through",
        "pixelate_through", "glitch_through", "luma", "shader",
    ]),
];

/// What a word will be that is an effect or transition of a later version.
pub fn later_effect(name: &str) -> Option<Role> {
    LATER_EFFECTS.iter().find(|(_, names)| names.contains(&name)).map(|(role, _)| *role)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::GEOMETRY;

    #[test]
    fn no_word_is_there_and_yet_to_come() {
        for word in LATER {
            for place in word.places {
                assert!(place.kind(word.name).is_none(), "{} in {}", word.name, place.name());
            }
        }
        for (_, names) in LATER_EFFECTS {
            assert!(names.iter().all(|name| GEOMETRY.iter().all(|g| g.name != *name)));
        }
        assert_eq!(LATER_EFFECTS.iter().map(|(_, names)| names.len()).sum::<usize>(), 67);
    }
}
