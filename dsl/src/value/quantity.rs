//! Quantities that are one number with a unit: rates, bitrates, frequencies, gains, angles, sizes and their like.
//!
//! Each function reads one type from the text of a value, and knows the unit names and the limits of its type.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Rational;
use super::number::{self, Misread, to_f64};

/// Longest side of a picture, in pixels.
pub const LARGEST_SIDE: u32 = 16_384;

/// A picture's size as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Size {
    /// `1920x1080`, `4k`, `square`, `vertical`.
    Exact(u32, u32),
    /// `1080p`: 16:9 on a canvas, the shorter side on an output.
    Lines(u32),
}

impl Size {
    /// Width and height of a canvas of this size: `1080p` and its like are 16:9, with an even width.
    pub fn on_canvas(self) -> (u32, u32) {
        match self {
            Size::Exact(width, height) => (width, height),
            // 2 · round(lines · 8 / 9) is the even width nearest to 16:9.
            Size::Lines(lines) => (2 * ((lines * 16 + 9) / 18), lines),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Size::Exact(width, height) => write!(f, "{width}x{height}"),
            Size::Lines(lines) => write!(f, "{lines}p"),
        }
    }
}

/// Sizes that people call by a name; [`size`] reads any other number of lines and `WIDTHxHEIGHT` as well.
pub const SIZES: [&str; 8] = ["480p", "720p", "1080p", "1440p", "2160p", "4k", "square", "vertical"];

/// Reads `1920x1080`, `1080p`, `4k`, `square`, `vertical`.
///
/// # Errors
/// If `text` is none of these, or a side is not 1 to [`LARGEST_SIDE`] pixels.
pub fn size(text: &str) -> Result<Size, Misread> {
    match text {
        "4k" => return Ok(Size::Exact(3840, 2160)),
        "square" => return Ok(Size::Exact(1080, 1080)),
        "vertical" => return Ok(Size::Exact(1080, 1920)),
        _ => {}
    }
    if let Some(lines) = text.strip_suffix('p').and_then(digits) {
        // The longer side of 16:9 must keep to the limit as well.
        let size = Size::Lines(side(lines, text)?);
        side(size.on_canvas().0.to_string().as_str(), text)?;
        return Ok(size);
    }
    let parts = text.split_once('x').and_then(|(w, h)| Some((signed_digits(w)?, signed_digits(h)?)));
    match parts {
        Some((width, height)) => Ok(Size::Exact(side(width, text)?, side(height, text)?)),
        None => Err(Misread::form(
            format!("`{text}` is not a size"),
            "write `WIDTHxHEIGHT` in pixels, such as `1920x1080`, or `1080p`, `720p`, `480p`, `4k`, `square`, \
             `vertical`",
        )),
    }
}

fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then_some(text)
}

fn signed_digits(text: &str) -> Option<&str> {
    digits(text.strip_prefix('-').unwrap_or(text)).map(|_| text)
}

fn side(digits: &str, whole: &str) -> Result<u32, Misread> {
    match digits.parse::<u32>() {
        Ok(n) if (1..=LARGEST_SIDE).contains(&n) => Ok(n),
        _ => Err(Misread::limit(
            format!("`{whole}` is beyond the limits of a picture"),
            format!("each side is 1 to {LARGEST_SIDE} pixels"),
        )),
    }
}

/// Reads a frame rate: `30`, `29.97` (exactly 30000/1001), `30000/1001`, `ntsc`, `pal`, `film`.
///
/// # Errors
/// If `text` is no rate, or one outside 1/1000 to 1000 frames a second.
pub fn rate(text: &str) -> Result<Rational, Misread> {
    let ntsc = |n: i128| Ok(Rational::new(n, 1001));
    match text {
        "ntsc" | "29.97" => return ntsc(30_000),
        "23.976" | "23.98" => return ntsc(24_000),
        "59.94" => return ntsc(60_000),
        "119.88" => return ntsc(120_000),
        "pal" => return Ok(Rational::from_integer(25)),
        "film" => return Ok(Rational::from_integer(24)),
        _ => {}
    }
    let wrong = |fault: Misread| {
        fault.for_type("write frames a second, such as `30`, `29.97`, `30000/1001`, `ntsc`, `pal` or `film`")
    };
    let rate = match text.split_once('/') {
        Some((n, d)) => {
            let (n, d) = (number::bare(n).map_err(wrong)?, number::bare(d).map_err(wrong)?);
            (*d.numer() != 0).then(|| n / d).ok_or_else(|| rate_limit(text))?
        }
        None => number::bare(text).map_err(wrong)?,
    };
    let allowed = Rational::new(1, 1000)..=Rational::from_integer(1000);
    if allowed.contains(&rate) { Ok(rate) } else { Err(rate_limit(text)) }
}

fn rate_limit(text: &str) -> Misread {
    Misread::limit(
        format!("`{text}` frames a second is beyond the limits"),
        "a rate lies between 1/1000 and 1000",
    )
}

/// A frame rate as a person would write it.
pub fn rate_text(rate: Rational) -> String {
    let ntsc = [(24_000, "23.976"), (30_000, "29.97"), (60_000, "59.94")];
    for (n, text) in ntsc {
        if rate == Rational::new(n, 1001) {
            return text.to_string();
        }
    }
    rate.to_string()
}

/// Reads bits a second: `4M`, `192k`, `800000`.
///
/// # Errors
/// If `text` is no bitrate, or one outside 1k to 10G.
pub fn bitrate(text: &str) -> Result<u64, Misread> {
    let help = "write bits a second, such as `192k` or `4M`";
    let (n, unit) = number::split(text).map_err(|e| e.for_type(help))?;
    let factor: i128 = match unit {
        "" => 1,
        "k" | "K" => 1000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        _ => return Err(Misread::unit(format!("`{unit}` is no unit of a bitrate"), help)),
    };
    let bits = n * Rational::from_integer(factor);
    if bits < Rational::from_integer(1000) || bits > Rational::from_integer(10_000_000_000) {
        return Err(Misread::limit(
            format!("`{text}` is beyond the limits"),
            "a bitrate lies between `1k` and `10G`",
        ));
    }
    Ok(u64::try_from(bits.round().to_integer()).unwrap_or(u64::MAX))
}

/// Reads a frequency in hertz: `80Hz`, `48kHz`, `48000`.
///
/// # Errors
/// If `text` is no frequency, or one outside 0.001 Hz to 1 MHz.
pub fn frequency(text: &str) -> Result<Rational, Misread> {
    let help = "write hertz, such as `80Hz` or `48kHz`";
    let (n, unit) = number::split(text).map_err(|e| e.for_type(help))?;
    let hertz = match unit {
        "" | "Hz" | "hz" => n,
        "kHz" | "khz" => n * Rational::from_integer(1000),
        _ => return Err(Misread::unit(format!("`{unit}` is no unit of a frequency"), help)),
    };
    if hertz < Rational::new(1, 1000) || hertz > Rational::from_integer(1_000_000) {
        let limit = "a frequency lies between 0.001 Hz and 1 MHz";
        return Err(Misread::limit(format!("`{text}` is beyond the limits"), limit));
    }
    Ok(hertz)
}

/// Reads a colour temperature in kelvin: `5600K`.
///
/// # Errors
/// If `text` is no temperature, or one outside 1000 K to 40,000 K.
pub fn temperature(text: &str) -> Result<f64, Misread> {
    let help = "write kelvin, such as `5600K`";
    let (n, unit) = number::split(text).map_err(|e| e.for_type(help))?;
    match unit {
        "K" => {}
        "" => return Err(Misread::unit(format!("`{text}` has no unit"), help)),
        _ => return Err(Misread::unit(format!("`{unit}` is no unit of a temperature"), help)),
    }
    if n < Rational::from_integer(1000) || n > Rational::from_integer(40_000) {
        return Err(Misread::limit(
            format!("`{text}` is beyond the limits"),
            "a temperature lies between 1000K and 40000K",
        ));
    }
    Ok(to_f64(n))
}

/// Reads a gain as linear amplitude: `-12dB`, `0.5`, `50%`.
///
/// # Errors
/// If `text` is no gain, a linear one below 0, or more than 100 (+40 dB).
pub fn gain(text: &str) -> Result<f64, Misread> {
    let help = "write decibels, such as `-12dB`, or a factor, such as `0.5` or `50%`";
    let (n, unit) = number::split(text).map_err(|e| e.for_type(help))?;
    let linear = match unit {
        "" => to_f64(n),
        "%" => to_f64(n / Rational::from_integer(100)),
        "dB" | "db" => libm::pow(10.0, to_f64(n) / 20.0),
        _ => return Err(Misread::unit(format!("`{unit}` is no unit of a gain"), help)),
    };
    if (0.0..=100.0).contains(&linear) {
        return Ok(linear);
    }
    let limits = "a gain lies between 0 and 100 (+40dB)";
    // Below 0 is no factor: who writes it thinks of decibels.
    let help = if unit.is_empty() && linear < 0.0 {
        format!("write `{text}dB`; {limits}")
    } else {
        limits.to_owned()
    };
    Err(Misread::limit(format!("`{text}` is beyond the limits"), help))
}

/// Reads an angle in degrees, clockwise: `90deg`, `0.25turn`, `1.57rad`, `0`.
///
/// # Errors
/// If `text` is no angle, has no unit, or is more than a thousand turns.
pub fn angle(text: &str) -> Result<f64, Misread> {
    let help = "write degrees or turns, such as `90deg` or `0.25turn`";
    let (n, unit) = number::split(text).map_err(|e| e.for_type(help))?;
    let degrees = match unit {
        "deg" => to_f64(n),
        "turn" => to_f64(n * Rational::from_integer(360)),
        "rad" => to_f64(n) * (180.0 / std::f64::consts::PI),
        "" if *n.numer() == 0 => 0.0,
        "" => return Err(Misread::unit(format!("`{text}` has no unit"), help)),
        _ => return Err(Misread::unit(format!("`{unit}` is no unit of an angle"), help)),
    };
    if degrees.abs() <= 360_000.0 {
        Ok(degrees)
    } else {
        Err(Misread::limit(format!("`{text}` is beyond the limits"), "an angle is at most 1000turn"))
    }
}

/// Reads `true` or `false`.
///
/// # Errors
/// If `text` is anything else (`yes` and `no` are words, not booleans).
pub fn boolean(text: &str) -> Result<bool, Misread> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Misread::form(format!("`{text}` is neither true nor false"), "write `true` or `false`")),
    }
}

/// Reads a ratio: `16:9`, `16/9`.
///
/// # Errors
/// If `text` is no ratio of two positive numbers, or beyond 1:1000.
pub fn ratio(text: &str) -> Result<Rational, Misread> {
    let help = "write two numbers, such as `16:9`";
    let wrong = || Misread::form(format!("`{text}` is not a ratio"), help);
    let (n, d) = text.split_once([':', '/']).ok_or_else(wrong)?;
    let (n, d) = (number::bare(n).map_err(|_| wrong())?, number::bare(d).map_err(|_| wrong())?);
    let zero = Rational::from_integer(0);
    let limit =
        || Misread::limit(format!("`{text}` is beyond the limits"), "a ratio lies between 1:1000 and 1000:1");
    if n <= zero || d <= zero {
        return Err(limit());
    }
    let ratio = n / d;
    let allowed = Rational::new(1, 1000)..=Rational::from_integer(1000);
    if allowed.contains(&ratio) { Ok(ratio) } else { Err(limit()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn sizes() {
        assert_eq!(size("1920x1080"), Ok(Size::Exact(1920, 1080)));
        assert_eq!(size("vertical"), Ok(Size::Exact(1080, 1920)));
        assert_eq!(size("1080p").map(Size::on_canvas), Ok((1920, 1080)));
        assert_eq!(size("720p").map(Size::on_canvas), Ok((1280, 720)));
        assert_eq!(size("480p").map(Size::on_canvas), Ok((854, 480)));
        assert!(SIZES.into_iter().all(|name| size(name).is_ok()));
        for text in ["0x10", "100000x1", "-5x5", "0p", "99999999999p", "16000p"] {
            let fault = size(text).unwrap_err();
            assert_eq!(fault.code, codes::OUT_OF_RANGE, "{text}");
            assert!(fault.help.contains("16384"), "{}", fault.help);
        }
        for text in ["1920", "x", "1920x", "hd", "19.5x3"] {
            assert_eq!(size(text).unwrap_err().code, codes::BAD_VALUE, "{text}");
        }
    }

    #[test]
    fn rates_are_the_exact_fractions() {
        for (text, n, d) in [
            ("30", 30, 1),
            ("29.97", 30_000, 1001),
            ("23.976", 24_000, 1001),
            ("59.94", 60_000, 1001),
            ("30000/1001", 30_000, 1001),
            ("ntsc", 30_000, 1001),
            ("pal", 25, 1),
            ("film", 24, 1),
            ("12.5", 25, 2),
        ] {
            assert_eq!(rate(text), Ok(Rational::new(n, d)), "{text}");
            assert_eq!(rate(&rate_text(Rational::new(n, d))), Ok(Rational::new(n, d)));
        }
        for text in ["0", "1000000", "-1", "1/0", "0.0001", "1e308"] {
            assert_eq!(rate(text).unwrap_err().code, codes::OUT_OF_RANGE, "{text}");
        }
        assert_eq!(rate("nan").unwrap_err().code, codes::BAD_VALUE);
    }

    #[test]
    fn numbers_with_units() {
        assert_eq!(bitrate("4M"), Ok(4_000_000));
        assert_eq!(bitrate("192k"), Ok(192_000));
        assert_eq!(frequency("48kHz"), Ok(Rational::from_integer(48_000)));
        assert_eq!(temperature("5600K"), Ok(5600.0));
        assert_eq!(angle("0.25turn"), Ok(90.0));
        assert_eq!(angle("0"), Ok(0.0));
        assert_eq!(gain("50%"), Ok(0.5));
        assert_eq!(gain("-20dB"), Ok(0.1));
        assert_eq!(ratio("16:9"), Ok(Rational::new(16, 9)));
        assert_eq!(boolean("true"), Ok(true));
        assert!(boolean("no").is_err());
    }

    #[test]
    fn units_and_limits_are_named() {
        assert!(angle("90").unwrap_err().help.contains("deg"));
        assert!(temperature("5600").unwrap_err().help.contains("5600K"));
        for fault in [gain("-1"), gain("60dB"), temperature("0K"), angle("1e9deg")] {
            assert_eq!(fault.unwrap_err().code, codes::OUT_OF_RANGE);
        }
        assert_eq!(bitrate("0").unwrap_err().code, codes::OUT_OF_RANGE);
        assert_eq!(ratio("16:0").unwrap_err().code, codes::OUT_OF_RANGE);
    }
}
