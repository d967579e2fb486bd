//! What a text file is: a colour table, subtitles, a shader. By its first lines; whether it is right, its use shows.

use crate::model::AssetKind;

/// First bytes as text, if that is what they are: UTF-8 (the end may be cut within a character) without control
/// characters but for those of lines.
pub(crate) fn text(head: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(head.get(..error.valid_up_to())?).unwrap_or_default()
        }
        Err(_) => return None,
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let readable = text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\u{c}'));
    (readable && !text.is_empty()).then_some(text)
}

/// What a text is, and its ending.
pub(crate) fn kind(text: &str) -> Option<(AssetKind, &'static str)> {
    type Test = (fn(&str) -> bool, AssetKind, &'static str);
    let tests: [Test; 5] = [
        (is_cube, AssetKind::Lut, "cube"),
        (is_webvtt, AssetKind::Subtitle, "vtt"),
        (is_ass, AssetKind::Subtitle, "ass"),
        (is_subrip, AssetKind::Subtitle, "srt"),
        (is_wgsl, AssetKind::Shader, "wgsl"),
    ];
    tests.iter().find(|(is, ..)| is(text)).map(|(_, kind, ending)| (*kind, *ending))
}

/// Adobe's Cube LUT Specification 1.0: a line gives the size.
fn is_cube(text: &str) -> bool {
    text.lines().any(|line| {
        let mut words = line.split_whitespace();
        matches!(words.next(), Some("LUT_1D_SIZE" | "LUT_3D_SIZE"))
            && words.next().is_some_and(|size| size.parse::<u32>().is_ok_and(|size| size >= 2))
    })
}

/// WebVTT §4.1: the word, then nothing or white space.
fn is_webvtt(text: &str) -> bool {
    text.strip_prefix("WEBVTT").is_some_and(|rest| rest.chars().next().is_none_or(char::is_whitespace))
}

fn is_ass(text: &str) -> bool {
    lines(text).next().is_some_and(|line| line.eq_ignore_ascii_case("[script info]"))
}

/// A number, then `00:00:01,000 --> 00:00:02,000`.
fn is_subrip(text: &str) -> bool {
    let mut lines = lines(text);
    let numbered = lines.next().is_some_and(|line| line.parse::<u64>().is_ok());
    let timed = |line: &str| line.split_once("-->").is_some_and(|(from, to)| is_time(from) && is_time(to));
    numbered && lines.next().is_some_and(timed)
}

/// `00:00:01,000`; places after it are left alone.
fn is_time(text: &str) -> bool {
    let time = text.split_whitespace().next().unwrap_or_default();
    let digits = time.bytes().filter(u8::is_ascii_digit).count();
    digits >= 6
        && time.matches(':').count() == 2
        && time.bytes().all(|b| b.is_ascii_digit() || b":,.".contains(&b))
}

/// WGSL has no mark of its own: a function in braces, and a type that no other language calls so.
fn is_wgsl(text: &str) -> bool {
    let function = text.match_indices("fn ").any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let name = text.get(at + 3..).unwrap_or_default().trim_start();
        let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
        before.is_none_or(char::is_whitespace)
            && end > 0
            && name.get(end..).is_some_and(|rest| rest.trim_start().starts_with('('))
    });
    let types = ["vec2", "vec3", "vec4", "mat3x3", "mat4x4", "texture_2d", "f32"];
    function && text.contains('{') && types.iter().any(|word| text.contains(word))
}

/// Lines that have something on them.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Option<&'static str> {
        kind(text(bytes)?).map(|(_, ending)| ending)
    }

    #[test]
    fn texts_are_known_by_their_first_lines() {
        for (bytes, expected) in [
            (&b"# made by hand\nTITLE \"warm\"\nLUT_3D_SIZE 33\n0 0 0\n"[..], Some("cube")),
            (b"LUT_1D_SIZE 1024\r\n0 0 0\r\n", Some("cube")),
            (b"LUT_3D_SIZE many\n", None),
            (b"WEBVTT\n\n00:01.000 --> 00:02.000\nhi", Some("vtt")),
            (b"\xef\xbb\xbfWEBVTT - title\n", Some("vtt")),
            (b"WEBVTTX\n", None),
            (b"\xef\xbb\xbf[Script Info]\r\nTitle: a\r\n", Some("ass")),
            (b"1\r\n00:00:01,000 --> 00:00:02,500\r\nhello\r\n", Some("srt")),
            (b"\n12\n00:00:01.000 --> 00:00:02.5 X1:1\nhello\n", Some("srt")),
            (b"1\nfrom --> to\n", None),
            (b"@fragment fn main(@location(0) uv: vec2<f32>) -> @location(0) vec4<f32> { return vec4(uv, 0, 1); }", Some("wgsl")),
            (b"function main() { return 1 }", None),
            (b"fn main() { println!(\"hi\") }", None),
            (b"", None),
            (b"LUT_3D_SIZE 33\0\n", None),
            (b"caf\xe9 LUT_3D_SIZE 33\n", None),
        ] {
            assert_eq!(of(bytes), expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn an_end_within_a_character_is_still_text() {
        assert_eq!(
            text("LUT_3D_SIZE 2 ü".as_bytes().split_last().map(|(_, head)| head).unwrap_or_default()),
            Some("LUT_3D_SIZE 2 ")
        );
    }
}
