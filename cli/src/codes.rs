//! The diagnostic codes that the command line adds to the language's and the engine's. Never reused, never renumbered.

vfxb_dsl::codes! {
    pub(crate) const ALL;

    NO_SIGNALS = "V0706", "signals cannot be listened for";
    NOTICE = "V0707", "something happened that is no error";
    UNFIT = "V0709", "a worker that cannot begin";
    NO_TEMPLATE = "V0711", "a template that does not ask for its input";
    WATCH_FOLDER = "V0712", "a folder that cannot be watched";
    WATCH_JOURNAL = "V0713", "what a watched folder was through cannot be kept";
    WATCH_POISON = "V0714", "a file that ended the program again and again";
    UNREADABLE_INPUT = "V0715", "a file that came and cannot be read";
    WATCH_BROKEN = "V0716", "a render that ended by a mistake of ours";
    SETTING = "V0720", "a setting of the service that is wrong";
    SERVICE = "V0721", "a service that cannot begin or broke";
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_number_is_given_twice_in_all_of_vfxb() {
        let tables = [super::ALL, vfxb_engine::codes::ALL, vfxb_dsl::codes::ALL];
        for table in tables {
            assert!(table.windows(2).all(|pair| pair[0].0.0 < pair[1].0.0), "{table:?}");
        }
        let mut numbers: Vec<&str> = tables.concat().iter().map(|(code, _)| code.0).collect();
        assert!(numbers.iter().all(|n| n.len() == 5 && n.starts_with('V') && n[1..].parse::<u16>().is_ok()));
        numbers.sort_unstable();
        assert_eq!(numbers.windows(2).find(|pair| pair[0] == pair[1]), None);
    }
}
