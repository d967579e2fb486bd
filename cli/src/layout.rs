//! Text in columns: tables, wrapped paragraphs, clocks. Knows widths of characters, and nothing of what they say.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;
use vfxb_dsl::value::{Rational, Time, quantity};

/// Headings.
pub(crate) const HEADING: Style = Style::new().bold();
/// Names of things.
pub(crate) const NAME: Style = AnsiColor::Cyan.on_default();
/// What matters less.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// What went well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();

/// What went wrong.
pub(crate) const WRONG: Style = AnsiColor::Red.on_default().bold();

/// Into fewer columns than these nothing is wrapped.
const LEAST_WRAPPED: usize = 20;

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

/// Rows of cells under a heading, if there is one; two spaces stand before and between the columns. What does not fit
/// into `width` in the last column goes on in the next line.
pub(crate) fn table(
    columns: &[Column],
    heading: Option<&[&str]>,
    rows: &[Vec<String>],
    width: usize,
) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| visible(cell)).collect()).collect();
    let heading = heading.map(|cells| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>());
    let all = || heading.iter().chain(&rows);
    let widths: Vec<usize> = (0..columns.len())
        .map(|at| all().filter_map(|row| row.get(at)).map(|cell| cell.width()).max().unwrap_or(0))
        .collect();
    let faint: Vec<Column> = columns.iter().map(|column| column.with(FAINT)).collect();
    let heading = heading.iter().map(|cells| line(cells, &faint, &widths, width));
    heading.chain(rows.iter().map(|cells| line(cells, columns, &widths, width))).collect()
}

/// One row, and its line feed.
fn line(cells: &[String], columns: &[Column], widths: &[usize], width: usize) -> String {
    let used = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
    let mut line = String::new();
    let mut before = 0;
    for (at, ((cell, column), &wide)) in cells.iter().zip(columns).zip(widths).enumerate().take(used) {
        before += 2;
        let gap = " ".repeat(wide.saturating_sub(cell.width()));
        let last = at + 1 == columns.len();
        let breaks = last && before + cell.width() > width && before + LEAST_WRAPPED <= width;
        let broken = if breaks { wrapped(cell, before, width) } else { String::new() };
        let cell = if breaks { broken.trim() } else { cell };
        let (left, right) = match column {
            Column::Right(_) => (gap.as_str(), ""),
            Column::Left(_) if at + 1 == used => ("", ""),
            Column::Left(_) => ("", gap.as_str()),
        };
        // Writing to a string cannot fail.
        let _ = write!(line, "  {left}{}{right}", styled(column.style(), cell));
        before += wide;
    }
    line.push('\n');
    line
}

impl Column {
    fn style(self) -> Style {
        let (Column::Left(style) | Column::Right(style)) = self;
        style
    }

    fn with(self, style: Style) -> Column {
        match self {
            Column::Left(_) => Column::Left(style),
            Column::Right(_) => Column::Right(style),
        }
    }
}

/// The text on one line, without what would move a terminal's cursor.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
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

/// The rate of a film, and whether that is only an average.
pub(crate) fn frame_rate(clock: &vfxb_engine::clock::Clock) -> String {
    let variable = if clock.own.is_some() { " (the source's own times)" } else { "" };
    format!("{}{variable}", rate(clock.rate))
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
    fn what_does_not_fit_goes_on_below() {
        let rows = [vec!["one".into(), "a text longer than that".into()], vec!["two".into(), String::new()]];
        let text = table(&[Column::Left(NAME), Column::Left(FAINT)], None, &rows, 27);
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(plain, "  one  a text longer than\n       that\n  two\n");
    }

    #[test]
    fn paragraphs_wrap_and_clocks_round() {
        assert_eq!(wrapped("one two three\n\nfour", 2, 10), "  one two\n  three\n\n  four\n");
        assert_eq!(clock(Time::ratio(125, 2)), "1:02.500");
        assert_eq!(clock(Time::ratio(1, 3)), "0:00.333");
        assert_eq!(bytes(1_234_567), "1.2 MB");
    }
}
