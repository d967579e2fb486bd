//! The diagnostic codes that the engine adds to the language's ([`mod@vfxb_dsl::codes`]): what only shows once files are
//! probed, times are resolved and frames are made. Never reused, never renumbered.

vfxb_dsl::codes! {
    pub const ALL;

    KEYFRAMES_NOT_INCREASING = "V0451", "keyframes whose resolved times do not increase";
    TIME_CYCLE = "V0452", "times that wait for each other";
    UNKNOWN_ANCHOR = "V0453", "an anchor that names no item of its film";
    IMPOSSIBLE_TIME = "V0454", "an item that would start before its film, or end before it starts";
    TIMES_DISAGREE = "V0455", "`at`, `duration` and `at:a..b` that disagree";
    OUTSIDE_SOURCE = "V0456", "`in` and `out` that name nothing of the source";
    TRANSITION_TOO_LONG = "V0457", "transitions that are longer than the item between them";
    LENGTH_UNKNOWN = "V0458", "an item without any length of its own, where it needs one";
    EMPTY_FILM = "V0459", "a film without any length";
    FILM_LIMIT = "V0460", "longer, or more items, than the limits";
    SHOWS_NOTHING = "V0461", "a `duration` that shows nothing at its end";
    SOUND_CUT = "V0462", "sound that is cut at the film's end";
    NEVER_SEEN = "V0463", "an item that is never seen or heard";
    CROP_OUTSIDE = "V0464", "a crop that reaches beyond its source";
    NO_SOURCE_TIMES = "V0465", "`fps: source` where no one source has frame times to keep";
    NO_ONE_TIME = "V0466", "an anchor into a group that has no one time outside of it";
    FADES_NOTHING = "V0467", "a fade on what it does not act on";
    TRANSITION_ALONE = "V0468", "a transition beside which nothing is seen";
    MEDIA = "V0551", "a file that cannot be used";
    NO_SUCH_STREAM = "V0552", "a file without the kind of stream that is asked for";
    MISSING_FONT = "V0553", "a font that is not there";
    MISSING_LETTERS = "V0554", "letters that no font at hand has";
    WRONG_KIND = "V0555", "a still that is used as a film, or the reverse";
    UNKNOWN_FORMAT = "V0651", "an output whose ending is unknown";
    OUTPUT_REFUSED = "V0652", "an output that cannot be written";
    OUTPUT_SETTINGS = "V0653", "settings that the format or its encoder does not have";
    SAME_OUTPUT = "V0654", "two outputs with one name";
    ODD_SIZE = "V0655", "an output whose picture is padded to an even size";
    NO_OUTPUT = "V0656", "nothing is written";
    FILE_FAILED = "V0701", "a file that cannot be read or written while rendering";
    DEVICE_LOST = "V0702", "a GPU that went away";
    OUT_OF_MEMORY = "V0703", "a frame that does not fit into memory";
    NO_DEVICE = "V0704", "a machine to render on that is not there";
    CANCELLED = "V0705", "a render that was asked to stop";
    SOURCE_CHANGED = "V0708", "a source that changed or went while it was rendered";
}
