//! How a client calls a file, made fit to be shown: never a path, never part of one.

/// Characters of a name at most.
const LONGEST: usize = 255;

/// Characters of an ending that is kept when a name is cut.
const LONGEST_ENDING: usize = 16;

/// A client's name without folders, control characters and marks that turn writing round; `untitled` if nothing is left.
pub(crate) fn shown(name: &str, extension: &str) -> String {
    let own = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let fit: String = own.chars().filter(|c| !c.is_control() && !is_invisible(*c)).collect();
    let fit = fit.split_whitespace().collect::<Vec<_>>().join(" ");
    if fit.chars().all(|c| c == '.') {
        return format!("untitled.{extension}");
    }
    shortened(fit)
}

/// Marks that change the direction of what follows or that nobody sees (Unicode Standard Annex 9, §2): a name must read
/// as what it is.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn shortened(name: String) -> String {
    let length = name.chars().count();
    if length <= LONGEST {
        return name;
    }
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    let ending = ending.filter(|ending| ending.chars().count() <= LONGEST_ENDING);
    match ending {
        Some(ending) => {
            let room = LONGEST - ending.chars().count() - 1;
            format!("{}.{ending}", name.chars().take(room).collect::<String>())
        }
        None => name.chars().take(LONGEST).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_and_nothing_else() {
        for (name, expected) in [
            ("holiday.mp4", "holiday.mp4"),
            ("../../etc/passwd", "passwd"),
            ("C:\\films\\a b.mov", "a b.mov"),
            ("-rf.mp4", "-rf.mp4"),
            ("a\0b\n\u{1b}[31m.mp4", "ab[31m.mp4"),
            ("photo\u{202e}4pm.exe", "photo4pm.exe"),
            ("  many   spaces .mp4 ", "many spaces .mp4"),
            ("Урлаub 夏 🎬.mp4", "Урлаub 夏 🎬.mp4"),
            ("", "untitled.mp4"),
            ("..", "untitled.mp4"),
            ("a/", "untitled.mp4"),
            ("\u{200b}\u{feff}", "untitled.mp4"),
        ] {
            assert_eq!(shown(name, "mp4"), expected, "{name:?}");
        }
    }

    #[test]
    fn long_names_are_cut_before_their_ending() {
        let long = "ü".repeat(4096);
        assert_eq!(shown(&long, "mp4"), "ü".repeat(255));
        let cut = shown(&format!("{long}.webm"), "webm");
        assert_eq!((cut.chars().count(), cut.ends_with("ü.webm")), (255, true));
        assert_eq!(shown(&format!("a.{long}"), "mp4").chars().count(), 255);
    }
}
