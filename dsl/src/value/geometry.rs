//! Lengths, points, anchors and colours: reading and printing.

use std::fmt;
use std::str::FromStr;

use super::number::{self, Misread, float_text, to_f64};
use super::{Anchor, Colour, Length, LengthUnit, Point};

/// Longest length, in any unit.
const LONGEST: f64 = 1_000_000.0;

impl FromStr for Length {
    type Err = Misread;

    /// Reads `100px`, `50%`, `6vmin`, `6vmax`, `0`.
    fn from_str(text: &str) -> Result<Self, Misread> {
        let help =
            "write pixels, percent or shares of the canvas's sides, such as `100px`, `50%`, `6vmin`, `6vmax`";
        let (n, unit) = number::split(text)
            .map_err(|e| Misread { what: e.what.replace("a number", "a length"), ..e.for_type(help) })?;
        let unit = match unit {
            "px" => LengthUnit::Px,
            "%" => LengthUnit::Percent,
            "vmin" => LengthUnit::Vmin,
            "vmax" => LengthUnit::Vmax,
            "" if *n.numer() == 0 => LengthUnit::Px,
            "" => {
                let help = format!("write `{text}px`, `{text}%`, `{text}vmin` or `{text}vmax`");
                return Err(Misread::unit(format!("`{text}` has no unit"), help));
            }
            _ => return Err(Misread::unit(format!("`{unit}` is no unit of a length"), help)),
        };
        let value = to_f64(n);
        if value.abs() > LONGEST {
            return Err(Misread::limit(
                format!("`{text}` is beyond the limits"),
                "a length is at most 1000000 of its unit",
            ));
        }
        Ok(Length { value, unit })
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            LengthUnit::Px => "px",
            LengthUnit::Percent => "%",
            LengthUnit::Vmin => "vmin",
            LengthUnit::Vmax => "vmax",
        };
        write!(f, "{}{unit}", float_text(self.value))
    }
}

impl FromStr for Point {
    type Err = Misread;

    /// Reads two lengths with white space between: `100px 50%`.
    fn from_str(text: &str) -> Result<Self, Misread> {
        let mut parts = text.split_whitespace();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(x), Some(y), None) => Ok(Point { x: x.parse()?, y: y.parse()? }),
            _ => Err(Misread::form(
                format!("`{text}` is not a point"),
                "write two lengths, x then y, such as `\"100px 50%\"`",
            )),
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.x, self.y)
    }
}

/// The nine anchors by name, each with one line of doc.
pub const ANCHORS: [(&str, Anchor); 9] = [
    ("top-left", Anchor { x: 0.0, y: 0.0 }),
    ("top", Anchor { x: 0.5, y: 0.0 }),
    ("top-right", Anchor { x: 1.0, y: 0.0 }),
    ("left", Anchor { x: 0.0, y: 0.5 }),
    ("center", Anchor { x: 0.5, y: 0.5 }),
    ("right", Anchor { x: 1.0, y: 0.5 }),
    ("bottom-left", Anchor { x: 0.0, y: 1.0 }),
    ("bottom", Anchor { x: 0.5, y: 1.0 }),
    ("bottom-right", Anchor { x: 1.0, y: 1.0 }),
];

impl FromStr for Anchor {
    type Err = Misread;

    /// Reads one of the nine names.
    fn from_str(text: &str) -> Result<Self, Misread> {
        ANCHORS.iter().find(|(name, _)| *name == text).map(|(_, anchor)| *anchor).ok_or_else(|| {
            let names: Vec<_> = ANCHORS.iter().map(|(name, _)| format!("`{name}`")).collect();
            Misread::form(format!("`{text}` is not an anchor"), format!("write one of {}", names.join(", ")))
        })
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = ANCHORS.iter().find(|(_, a)| a == self).map_or("center", |(name, _)| name);
        f.write_str(name)
    }
}

impl FromStr for Colour {
    type Err = Misread;

    /// Reads `#rgb[a]`, `#rrggbb[aa]`, `rgb(…)`, `hsl(…)` and CSS's other functions and names, `transparent`.
    fn from_str(text: &str) -> Result<Self, Misread> {
        let help = "write `#rrggbb`, `#rrggbbaa`, `rgb(…)`, `hsl(…)` or a CSS name, such as `white`";
        let wrong = || Misread::form(format!("`{text}` is not a colour"), help);
        // CSS has no hexadecimal colours without `#`; the library takes them, but then `add` would be one.
        if matches!(text.len(), 3 | 4 | 6 | 8) && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Misread { help: format!("write `#{text}`"), ..wrong() });
        }
        let colour = csscolorparser::parse(text).map_err(|_| wrong())?.clamp();
        let parts = [colour.r, colour.g, colour.b, colour.a];
        if parts.iter().any(|p| !p.is_finite()) {
            return Err(wrong());
        }
        Ok(Colour { r: colour.r, g: colour.g, b: colour.b, a: colour.a })
    }
}

impl fmt::Display for Colour {
    /// `#rrggbb[aa]` where that is exact, else `rgb(…)` with as many digits as it takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [self.r, self.g, self.b, self.a];
        let codes = parts.map(|p| (p * 255.0 + 0.5).floor().clamp(0.0, 255.0) as u8);
        let exact = parts.iter().zip(codes).all(|(p, code)| f32::from(code) / 255.0 == *p);
        let [r, g, b, a] = codes;
        match (exact, a) {
            (true, 255) => write!(f, "#{r:02x}{g:02x}{b:02x}"),
            (true, _) => write!(f, "#{r:02x}{g:02x}{b:02x}{a:02x}"),
            (false, _) => write!(f, "color(srgb {} {} {} / {})", self.r, self.g, self.b, self.a),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn lengths() {
        let read = |text: &str| text.parse::<Length>();
        assert_eq!(read("100px"), Ok(Length { value: 100.0, unit: LengthUnit::Px }));
        assert_eq!(read("-8%"), Ok(Length { value: -8.0, unit: LengthUnit::Percent }));
        assert_eq!(read("6vmin"), Ok(Length { value: 6.0, unit: LengthUnit::Vmin }));
        assert_eq!(read("0"), Ok(Length { value: 0.0, unit: LengthUnit::Px }));
        let fault = read("12").unwrap_err();
        assert_eq!((fault.code, fault.what.as_str()), (codes::BAD_UNIT, "`12` has no unit"));
        assert_eq!(fault.help, "write `12px`, `12%`, `12vmin` or `12vmax`");
        assert_eq!(read("12em").unwrap_err().code, codes::BAD_UNIT);
        assert_eq!(read("1e12px").unwrap_err().code, codes::OUT_OF_RANGE);
        assert_eq!(read("wide").unwrap_err().what, "`wide` is not a length");
        for text in ["0.5px", "33.3%", "6vmax"] {
            assert_eq!(read(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn points_and_anchors() {
        let point: Point = "100px 50%".parse().unwrap();
        assert_eq!(point.to_string(), "100px 50%");
        assert!("100px".parse::<Point>().is_err());
        assert_eq!("bottom-right".parse::<Anchor>(), Ok(Anchor { x: 1.0, y: 1.0 }));
        assert!("middle".parse::<Anchor>().unwrap_err().help.contains("center"));
    }

    #[test]
    fn colours() {
        let read = |text: &str| text.parse::<Colour>();
        let codes = |text: &str| read(text).map(|c| [c.r, c.g, c.b, c.a].map(|p| (p * 255.0).round() as u8));
        assert_eq!(codes("#fff"), Ok([255, 255, 255, 255]));
        assert_eq!(codes("#10203040"), Ok([16, 32, 48, 64]));
        assert_eq!(codes("rgb(255, 0, 0)"), Ok([255, 0, 0, 255]));
        assert_eq!(codes("hsl(120 100% 50%)"), Ok([0, 255, 0, 255]));
        assert_eq!(codes("white"), Ok([255; 4]));
        assert_eq!(read("transparent"), Ok(Colour::TRANSPARENT));
        assert_eq!(read("fff").unwrap_err().help, "write `#fff`");
        assert!(read("#ggg").is_err());
        assert!(read("wite").is_err());
        for text in ["#101014", "#10203040", "#ffffff"] {
            assert_eq!(read(text).unwrap().to_string(), text);
        }
        let odd = read("rgb(33.3% 0% 0% / 50%)").unwrap();
        assert_eq!(read(&odd.to_string()), Ok(odd));
    }
}
