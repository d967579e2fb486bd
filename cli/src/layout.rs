//! Text in columns: tables, wrapped paragraphs, clocks. Knows widths of characters, and nothing of what they say.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
use vfxb_dsl::value::{Rational, Time, quantity};

/// Headings.
pub(crate) const HEADING: Style = Style::new().bold();
/// Names of things.
pub(crate) const NAME: Style = AnsiColor::Cyan.on_default();
/// What matters less.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// What went well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();

/// The text in a style.
pub(crate) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// How a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// Flush left.
    Left(Style),
    /// Flush right.
    Right(Style),
}

/// Rows of cells, the first row perhaps a heading; two spaces stand before and between the columns. The last column is
/// cut at `width`.
pub(crate) fn table(
    columns: &[Column],
    heading: Option<&[&str]>,
    rows: &[Vec<String>],
    width: usize,
) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| visible(cell)).collect()).collect();
    let widest = |at: usize| {
        let heading = heading.and_then(|h| h.get(at)).map_or(0, |cell| cell.width());
        rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.width()).fold(heading, usize::max)
    };
    let widths: Vec<usize> = (0..columns.len()).map(widest).collect();
    let mut text = String::new();
    let heading = heading.map(|cells| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>());
    for (row, is_heading) in heading.iter().map(|h| (h, true)).chain(rows.iter().map(|r| (r, false))) {
        let mut line = String::new();
        let mut used = 0;
        for ((cell, column), &wide) in row.iter().zip(columns).zip(&widths) {
            let last = used + 2 + wide > width;
            let cell = if last { cut(cell, width.saturating_sub(used + 2)) } else { cell.clone() };
            let gap = " ".repeat(wide.saturating_sub(cell.width()));
            let (Column::Left(style) | Column::Right(style)) = *column;
            let cell = styled(if is_heading { FAINT } else { style }, &cell);
            let cell = if matches!(column, Column::Right(_)) { gap + &cell } else { cell + &gap };
            line.push_str("  ");
            line.push_str(&cell);
            used += 2 + wide;
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The text on one line, without what would move a terminal's cursor.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// At most so many columns of it.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(c);
    }
    kept + "…"
}

/// Paragraphs of at most `width` columns, each line after `indent` spaces. A blank line parts paragraphs.
pub(crate) fn wrapped(text: &str, indent: usize, width: usize) -> String {
    let mut out = String::new();
    for (number, paragraph) in text.split("\n\n").enumerate() {
        if number > 0 {
            out.push('\n');
        }
        let mut used = 0;
        for word in paragraph.split_whitespace() {
            if used > 0 && indent + used + 1 + word.width() > width {
                out.push('\n');
                used = 0;
            }
            let gap = if used == 0 { indent } else { 1 };
            // Writing to a string cannot fail.
            let _ = write!(out, "{:gap$}{word}", "");
            used += word.width() + usize::from(used > 0);
        }
        out.push('\n');
    }
    out
}

/// Minutes, seconds and milliseconds: `1:02.500`.
pub(crate) fn clock(time: Time) -> String {
    let ms = (time.rational() * Rational::from_integer(1000)).round().to_integer();
    let (sign, ms) = (if ms < 0 { "-" } else { "" }, ms.unsigned_abs());
    format!("{sign}{}:{:02}.{:03}", ms / 60_000, ms / 1000 % 60, ms % 1000)
}

/// `24 fps`.
pub(crate) fn rate(rate: Rational) -> String {
    format!("{} fps", quantity::rate_text(rate))
}

/// `96 frames`.
pub(crate) fn count(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// `1.2 MB`.
pub(crate) fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        _ => format!("{:.2} GB", n as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_stands_in_them() {
        let rows = [vec!["日本".into(), "1".into()], vec!["a\nb".into(), "10".into()]];
        let columns = [Column::Left(Style::new()), Column::Right(Style::new())];
        let text = table(&columns, None, &rows, 80);
        assert_eq!(anstream::adapter::strip_str(&text).to_string(), "  日本   1\n  a b   10\n");
    }

    #[test]
    fn the_last_column_is_cut_at_the_width() {
        let rows = [vec!["one".into(), "a long description".into()]];
        let text = table(&[Column::Left(NAME), Column::Left(FAINT)], None, &rows, 16);
        assert_eq!(anstream::adapter::strip_str(&text).to_string(), "  one  a long d…\n");
    }

    #[test]
    fn paragraphs_wrap_and_clocks_round() {
        assert_eq!(wrapped("one two three\n\nfour", 2, 10), "  one two\n  three\n\n  four\n");
        assert_eq!(clock(Time::ratio(125, 2)), "1:02.500");
        assert_eq!(clock(Time::ratio(1, 3)), "0:00.333");
        assert_eq!(bytes(1_234_567), "1.2 MB");
    }
}
