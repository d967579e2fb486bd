//! The diagnostic codes that the engine adds to the language's ([`vfxb_dsl::codes`]): what only shows once files are
//! probed and times are resolved. Never reused, never renumbered.

use vfxb_dsl::diagnostic::Code;

/// Keyframes whose resolved times do not increase.
pub const KEYFRAMES_NOT_INCREASING: Code = Code("V0451");
/// Times that wait for each other.
pub const TIME_CYCLE: Code = Code("V0452");
/// An anchor that names no item of its film.
pub const UNKNOWN_ANCHOR: Code = Code("V0453");
/// An item that would start before its film, or end before it starts.
pub const IMPOSSIBLE_TIME: Code = Code("V0454");
/// `at`, `duration` and `at:a..b` that disagree.
pub const TIMES_DISAGREE: Code = Code("V0455");
/// `in` and `out` that name nothing of the source.
pub const OUTSIDE_SOURCE: Code = Code("V0456");
/// Transitions that are longer than the item between them.
pub const TRANSITION_TOO_LONG: Code = Code("V0457");
/// An item without any length of its own, where it needs one.
pub const LENGTH_UNKNOWN: Code = Code("V0458");
/// A film without any length.
pub const EMPTY_FILM: Code = Code("V0459");
/// Longer, or more items, than the limits.
pub const FILM_LIMIT: Code = Code("V0460");
/// A `duration` that shows nothing at its end.
pub const SHOWS_NOTHING: Code = Code("V0461");
/// Sound that is cut at the film's end.
pub const SOUND_CUT: Code = Code("V0462");
/// An item that is never seen or heard.
pub const NEVER_SEEN: Code = Code("V0463");
/// A crop that reaches beyond its source.
pub const CROP_OUTSIDE: Code = Code("V0464");

/// A file that cannot be used.
pub const MEDIA: Code = Code("V0501");
/// A file without the kind of stream that is asked for.
pub const NO_SUCH_STREAM: Code = Code("V0502");
/// A font that is not there.
pub const MISSING_FONT: Code = Code("V0503");
/// Letters that no font at hand has.
pub const MISSING_LETTERS: Code = Code("V0504");

/// An output whose ending is unknown.
pub const UNKNOWN_FORMAT: Code = Code("V0601");
/// An output that cannot be written.
pub const OUTPUT_REFUSED: Code = Code("V0602");
/// Settings that the format or its encoder does not have.
pub const OUTPUT_SETTINGS: Code = Code("V0603");
/// Two outputs with one name.
pub const SAME_OUTPUT: Code = Code("V0604");
/// An output whose picture is padded to an even size.
pub const ODD_SIZE: Code = Code("V0605");
/// Nothing is written.
pub const NO_OUTPUT: Code = Code("V0606");
/// An effect that this version cannot do in this place.
pub const NOT_YET: Code = Code("V0607");
