//! Words that people bring from other programs and from CSS, and what they are called here: for help alone. No script
//! means anything by them.

/// Names of effects and transitions elsewhere, and what to write instead.
pub const EFFECTS_ELSEWHERE: &[(&str, &str)] = &[
    ("grayscale", "blackwhite"),
    ("greyscale", "blackwhite"),
    ("monochrome", "blackwhite"),
    ("desaturate", "saturation 0"),
    ("hue-rotate", "hue"),
    ("gaussian_blur", "blur"),
    ("negate", "invert"),
    ("negative", "invert"),
    ("hflip", "flip horizontal"),
    ("vflip", "flip vertical"),
];

/// Names of transitions elsewhere, and what to write instead.
pub const TRANSITIONS_ELSEWHERE: &[(&str, &str)] =
    &[("fade", "crossfade"), ("cross_dissolve", "crossfade"), ("fadeblack", "fade_black"), ("cut", "none")];

/// Fields as they are called elsewhere, and how they are called here: `fade` behind a `|` is one of these too.
pub const FIELDS_ELSEWHERE: &[(&str, &str)] = &[
    ("fade", "fade_in"),
    ("start", "in"),
    ("end", "out"),
    ("gain", "volume"),
    ("rotation", "rotate"),
    ("alpha", "opacity"),
    ("pos", "position"),
    ("text_align", "align"),
    ("font_size", "size"),
    ("font_weight", "weight"),
    ("font_family", "font"),
];

/// Words that fields take elsewhere, and what they are called here.
pub const WORDS_ELSEWHERE: &[(&str, &str)] = &[
    ("stretch", "fill"),
    ("crop", "cover"),
    ("fit", "contain"),
    ("letterbox", "contain"),
    ("linear-dodge", "add"),
    ("plus-lighter", "add"),
    ("plus", "add"),
    ("rectangle", "rect"),
    ("ellipse", "circle"),
    ("middle", "center"),
    ("best", "high"),
];

/// Names of letters' weights, as CSS and fonts have them.
pub const WEIGHTS: &[(&str, u16)] = &[
    ("thin", 100),
    ("light", 300),
    ("normal", 400),
    ("regular", 400),
    ("medium", 500),
    ("semibold", 600),
    ("bold", 700),
    ("extrabold", 800),
    ("black", 900),
];

/// What a word of one of these tables is called here.
pub fn here(table: &[(&'static str, &'static str)], word: &str) -> Option<&'static str> {
    table.iter().find(|(elsewhere, _)| *elsewhere == word).map(|(_, here)| *here)
}
