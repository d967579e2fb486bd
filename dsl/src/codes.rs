//! Every diagnostic code of this crate: its number, its name in the code and its meaning in one line.
//!
//! A number is never used again for something else and never renumbered: scripts of other people, logs and the
//! service's clients match on it. The first two digits are the phase (see [`crate::diagnostic::Code`]). Knows
//! nothing of when a code is given out.

/// Declares a crate's table of codes: each a constant, and all of them listed in one that is named first.
#[macro_export]
macro_rules! codes {
    ($vis:vis const $all:ident; $($name:ident = $number:literal, $meaning:literal;)*) => {
        $(
            #[doc = concat!($number, ": ", $meaning, ".")]
            $vis const $name: $crate::diagnostic::Code = $crate::diagnostic::Code($number);
        )*

        /// Every code with its meaning, in order of number.
        $vis const $all: &[($crate::diagnostic::Code, &str)] = &[$(($name, $meaning)),*];
    };
}

codes! {
    pub const ALL;

    // 01: syntax of both spellings.
    TEXT_TOO_LARGE = "V0101", "the text is larger than a script may be";
    TOO_DEEP = "V0102", "blocks, lists or mappings are nested too deeply";
    TOO_MANY_PARTS = "V0103", "the text has more nodes and values than a script may have";
    TOO_MANY_FINDINGS = "V0104", "there are more findings than are shown";
    CONTROL_CHARACTER = "V0105", "a control or invisible character stands outside what may hold it";
    UNREADABLE = "V0106", "the script's file cannot be read";
    NOT_TEXT = "V0107", "the script's file is not UTF-8 text";
    OTHER_SPELLING = "V0108", "the text of a `.vfx` file is YAML";

    // 011x and 012x: syntax of `.vfx`.
    UNCLOSED_STRING = "V0111", "a quoted string does not end on its line";
    UNKNOWN_ESCAPE = "V0112", "a backslash in a string is followed by nothing that it can escape";
    UNCLOSED_BLOCK = "V0113", "a `{` has no `}`";
    UNCLOSED_BRACKET = "V0114", "a `[`, `(` or `${` is not closed";
    UNCLOSED_COMMENT = "V0115", "a `/*` has no `*/`";
    STRAY_CLOSER = "V0116", "a `}`, `]` or `)` closes nothing";
    UNEXPECTED_TEXT = "V0117", "a character stands where nothing like it can stand";
    SPACE_BEFORE_COLON = "V0118", "white space stands between a field's name and its colon";
    MISSING_VALUE = "V0119", "a value is missing after a colon, an equals sign or a comma";
    MALFORMED_VALUE = "V0120", "a value is not written in any form that the language has";
    MISSING_EFFECT = "V0121", "no effect's name follows a `|`";
    NOTHING_TO_CONTINUE = "V0122", "a field, an effect or a block stands where there is no node that it belongs to";
    MISPLACED_BINDING = "V0123", "an `=` stands elsewhere than after the name of a binding";
    SECOND_BLOCK = "V0124", "a node has two blocks";
    FIELD_AFTER_BLOCK = "V0125", "a field or value stands after its node's block";
    NODE_ON_SAME_LINE = "V0126", "a node begins on the line on which another ended";
    MALFORMED_TRIM = "V0127", "no range stands in the brackets of `source[a..b]`";

    // 013x and 014x: syntax of YAML and JSON.
    YAML_SYNTAX = "V0131", "the text is not valid YAML here";
    DUPLICATE_KEY = "V0132", "a mapping has one key twice";
    TAB_INDENTATION = "V0133", "a line is indented with a tab";
    ALIAS_EXPANSION = "V0134", "aliases expand to more than a script may hold";
    MERGE_KEY = "V0135", "`<<` is not followed by a mapping";
    SEVERAL_DOCUMENTS = "V0136", "the text holds more than one YAML document";
    NOT_A_MAPPING = "V0137", "the top level is not a mapping";
    COMPLEX_KEY = "V0138", "a key is not a plain word";
    TAG = "V0139", "a YAML tag stands before a value";
    COMMENT_ATE_VALUE = "V0141", "`#` begins a comment and leaves the key without a value";
    COMMENT_ATE_TEXT = "V0142", "` #` begins a comment and cuts the value short";
    RESERVED_CHARACTER = "V0143", "a plain value begins with a character that YAML reserves";
    LEADING_STAR = "V0144", "a plain value begins with `*`, which makes it an alias of something unknown";
    LEADING_BRACKET = "V0145", "a plain value begins with `[` or `{`, which opens a list or a mapping";
    SPLIT_CALL = "V0146", "the commas of a call in a list or mapping in brackets split it";

    // 02: words.
    UNKNOWN_KIND = "V0201", "no node has this name in this place";
    UNKNOWN_FIELD = "V0202", "the node or effect has no field of this name";
    UNKNOWN_EFFECT = "V0203", "no effect has this name";
    UNKNOWN_TRANSITION = "V0204", "no transition has this name";
    WRONG_PLACE = "V0205", "a node stands where its kind cannot stand";
    NOT_YET = "V0206", "a word of the language that this version does not do yet";
    KIND_COUNT = "V0207", "a mapping has two kinds or none";
    FIELD_TWICE = "V0208", "a field is given twice";
    TOO_MANY_VALUES = "V0209", "more values are given by position than the node or effect takes";
    MISSING_FIELD = "V0210", "what the node or effect cannot do without is missing";
    NO_EFFECTS_HERE = "V0211", "effects are given to what takes none";
    NO_BLOCK_HERE = "V0212", "a block or list is given to what takes none, or missing where one is needed";
    WRONG_ROLE = "V0213", "a sound effect on a picture, a picture effect on sound, or a transition as an effect";
    SECOND_NODE = "V0214", "a node stands twice that may stand once";
    GEOMETRY_TWICE = "V0215", "crop, flip or rotate is asked for twice";
    GEOMETRY_FIRST = "V0216", "crop, flip or rotate acts at its own fixed step, not where it stands in the list";
    NOT_APPLICABLE = "V0217", "a field means nothing for this source";
    UNKNOWN_VARIABLE = "V0221", "no variable has this name";
    UNUSED_VARIABLE = "V0222", "a variable is never used";
    NO_VALUE = "V0223", "a variable has neither a default nor a value given from outside";
    UNKNOWN_TYPE = "V0224", "no type has this name";
    UNKNOWN_STYLE = "V0225", "no style has this name";
    UNUSED_STYLE = "V0226", "a style is never used";
    BOUND_TWICE = "V0227", "a name is bound twice";
    MALFORMED_VARIABLE = "V0228", "a `${` is not followed by a variable's name and `}`";

    // 03: values.
    BAD_VALUE = "V0301", "a value is not of the type of its field";
    BAD_UNIT = "V0302", "a unit is missing or is none of the type's";
    OUT_OF_RANGE = "V0303", "a value lies beyond the limits of its field";
    UNKNOWN_WORD = "V0304", "a word is none of those that the field takes";
    NOT_ANIMATED = "V0305", "keyframes stand where one value is wanted";
    BAD_KEYFRAME = "V0306", "a keyframe is not a time, a value and perhaps an easing";
    KEYFRAME_ORDER = "V0307", "the times of keyframes do not increase";
    LIKELY_SHARE = "V0308", "a factor is so large that percent were meant";

    // 04: times and ids.
    DUPLICATE_ID = "V0401", "two items have one id";
    UNKNOWN_ID = "V0402", "no item has this id";
    ANCHOR_CYCLE = "V0403", "times depend on each other in a circle";
    EMPTY_SPAN = "V0404", "the end is not after the start";
    TIME_CONFLICT = "V0405", "one time is given in two ways";
    AT_IN_SEQUENCE = "V0406", "`at` is given to an item that stands in a sequence";
    TRANSITION_PLACE = "V0407", "two transitions stand in a row";
    BAD_ID = "V0408", "an id or name holds a character that it cannot hold";

    // 05: media.
    UNKNOWN_MEDIUM = "V0501", "no medium has this name";
    UNUSED_MEDIUM = "V0502", "a medium is never used";
    NOT_A_FILE = "V0503", "a path names something other than a file";
    UNKNOWN_FILE = "V0504", "no upload has this name";

    // 06: outputs.
    UNKNOWN_FORMAT = "V0601", "the ending of an output is no known format";
    OUTPUT_FIELD = "V0602", "a field means nothing for an output of this format";
    SAME_OUTPUT = "V0603", "two outputs write one file";
    INEXPRESSIBLE = "V0604", "the other spelling, or another layout, cannot say this";
    UNWRITABLE = "V0605", "a script cannot be written to this file";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn numbers_are_well_formed_unique_and_in_order() {
        for (code, meaning) in ALL {
            assert!(code.0.len() == 5 && code.0.starts_with('V'), "{code:?}");
            assert!(code.0[1..].bytes().all(|b| b.is_ascii_digit()), "{code:?}");
            assert!(!meaning.is_empty() && !meaning.ends_with('.'), "{code:?}");
        }
        assert!(ALL.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
