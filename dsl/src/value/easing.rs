//! Easing: how a value goes from one keyframe to the next.
//!
//! The names are CSS's and Penner's. Everything is computed with the `libm` crate, so that no platform's own
//! mathematics shows in a picture.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::number::{self, Misread};

/// The curve families that Penner's names combine with a [`Direction`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// 1 − cos.
    Sine,
    /// t².
    Quad,
    /// t³.
    Cubic,
    /// t⁴.
    Quart,
    /// t⁵.
    Quint,
    /// 2^10(t − 1).
    Expo,
    /// 1 − √(1 − t²).
    Circ,
    /// Draws back first.
    Back,
    /// A damped spring.
    Elastic,
    /// A bouncing ball.
    Bounce,
}

/// Where a family's curve is slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Slow at the start.
    In,
    /// Slow at the end.
    Out,
    /// Slow at both.
    InOut,
}

/// How a value is approached from the keyframe before.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub enum Easing {
    /// In a straight line.
    #[default]
    Linear,
    /// The value before is held until this keyframe.
    Hold,
    /// `cubic-bezier(x1, y1, x2, y2)`; `ease`, `ease-in`, `ease-out` and `ease-in-out` are CSS's four.
    CubicBezier([f64; 4]),
    /// `steps(n)`: n equal jumps, the last at the end (CSS `jump-end`).
    Steps(u32),
    /// `cubic-in` … `bounce-out`.
    Penner(Family, Direction),
}

/// CSS's own four, by name.
const CSS: [(&str, [f64; 4]); 4] = [
    ("ease", [0.25, 0.1, 0.25, 1.0]),
    ("ease-in", [0.42, 0.0, 1.0, 1.0]),
    ("ease-out", [0.0, 0.0, 0.58, 1.0]),
    ("ease-in-out", [0.42, 0.0, 0.58, 1.0]),
];

const FAMILIES: [(&str, Family); 10] = [
    ("sine", Family::Sine),
    ("quad", Family::Quad),
    ("cubic", Family::Cubic),
    ("quart", Family::Quart),
    ("quint", Family::Quint),
    ("expo", Family::Expo),
    ("circ", Family::Circ),
    ("back", Family::Back),
    ("elastic", Family::Elastic),
    ("bounce", Family::Bounce),
];

// The longest first, so that `in-out` is not taken for `out`.
const DIRECTIONS: [(&str, Direction); 3] =
    [("-in-out", Direction::InOut), ("-in", Direction::In), ("-out", Direction::Out)];

/// Most steps of `steps(n)`.
const MOST_STEPS: i64 = 10_000;

impl Easing {
    /// Every name without parameters, for completion and suggestions.
    pub fn names() -> Vec<String> {
        let penner = FAMILIES
            .iter()
            .flat_map(|(family, _)| DIRECTIONS.iter().map(move |(way, _)| format!("{family}{way}")));
        let css = CSS.iter().map(|(name, _)| (*name).to_string());
        ["linear", "hold"].into_iter().map(String::from).chain(css).chain(penner).collect()
    }

    /// Whether it may leave the range of the two values that it goes between.
    pub fn overshoots(self) -> bool {
        match self {
            Easing::CubicBezier([_, y1, _, y2]) => [y1, y2].iter().any(|y| !(0.0..=1.0).contains(y)),
            Easing::Penner(family, _) => matches!(family, Family::Back | Family::Elastic),
            Easing::Linear | Easing::Hold | Easing::Steps(_) => false,
        }
    }

    /// How far the value has gone when the share `t` of the time has passed. 0 gives 0 and 1 gives 1; between them
    /// `back` and `elastic` leave that range. `t` outside 0–1 counts as its nearer end.
    pub fn apply(self, t: f64) -> f64 {
        if t.is_nan() || t <= 0.0 {
            return 0.0;
        }
        if t >= 1.0 {
            return 1.0;
        }
        match self {
            Easing::Linear => t,
            Easing::Hold => 0.0,
            Easing::CubicBezier(curve) => bezier(curve, t),
            Easing::Steps(n) => libm::floor(t * f64::from(n)) / f64::from(n.max(1)),
            Easing::Penner(family, Direction::In) => family.rise(t, false),
            Easing::Penner(family, Direction::Out) => 1.0 - family.rise(1.0 - t, false),
            Easing::Penner(family, Direction::InOut) if t < 0.5 => family.rise(2.0 * t, true) / 2.0,
            Easing::Penner(family, Direction::InOut) => 1.0 - family.rise(2.0 - 2.0 * t, true) / 2.0,
        }
    }
}

impl Family {
    /// The `in` curve. Penner's `in-out` of `back` and `elastic` is made of slightly stronger ones.
    fn rise(self, t: f64, both: bool) -> f64 {
        use std::f64::consts::{FRAC_PI_2, TAU};
        match self {
            Family::Sine => 1.0 - libm::cos(t * FRAC_PI_2),
            Family::Quad => t * t,
            Family::Cubic => t * t * t,
            Family::Quart => t * t * t * t,
            Family::Quint => t * t * t * t * t,
            Family::Expo if t <= 0.0 => 0.0,
            Family::Expo => libm::exp2(10.0 * (t - 1.0)),
            Family::Circ => 1.0 - libm::sqrt((1.0 - t * t).max(0.0)),
            Family::Back => {
                let overshoot = if both { 1.70158 * 1.525 } else { 1.70158 };
                t * t * ((overshoot + 1.0) * t - overshoot)
            }
            Family::Elastic if t <= 0.0 => 0.0,
            Family::Elastic => {
                let period = if both { 0.45 } else { 0.3 };
                -libm::exp2(10.0 * (t - 1.0)) * libm::sin((t - 1.0 - period / 4.0) * TAU / period)
            }
            Family::Bounce => 1.0 - bounce_out(1.0 - t),
        }
    }
}

/// Four parabolas, each of the same fall (Penner 2001).
fn bounce_out(t: f64) -> f64 {
    let fall = |t: f64, floor: f64| 7.5625 * t * t + floor;
    if t < 1.0 / 2.75 {
        fall(t, 0.0)
    } else if t < 2.0 / 2.75 {
        fall(t - 1.5 / 2.75, 0.75)
    } else if t < 2.5 / 2.75 {
        fall(t - 2.25 / 2.75, 0.9375)
    } else {
        fall(t - 2.625 / 2.75, 0.984_375)
    }
}

/// CSS Easing Level 1 §2.3: the y of the curve where its x is `t`. x rises throughout, so bisection always ends at
/// the root; it takes a fixed number of steps, so that every machine takes the same.
fn bezier([x1, y1, x2, y2]: [f64; 4], t: f64) -> f64 {
    let at = |a: f64, b: f64, s: f64| {
        let r = 1.0 - s;
        3.0 * r * r * s * a + 3.0 * r * s * s * b + s * s * s
    };
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..54 {
        let middle = (low + high) / 2.0;
        if at(x1, x2, middle) < t {
            low = middle;
        } else {
            high = middle;
        }
    }
    at(y1, y2, (low + high) / 2.0)
}

impl FromStr for Easing {
    type Err = Misread;

    /// Reads a name, `steps(4)`, `cubic-bezier(a,b,c,d)`.
    fn from_str(text: &str) -> Result<Self, Misread> {
        match text {
            "linear" => return Ok(Easing::Linear),
            "hold" => return Ok(Easing::Hold),
            _ => {}
        }
        if let Some((_, curve)) = CSS.iter().find(|(name, _)| *name == text) {
            return Ok(Easing::CubicBezier(*curve));
        }
        for (suffix, direction) in DIRECTIONS {
            let family = text.strip_suffix(suffix).and_then(|f| FAMILIES.iter().find(|(name, _)| *name == f));
            if let Some((_, family)) = family {
                return Ok(Easing::Penner(*family, direction));
            }
        }
        let call = text.strip_suffix(')').and_then(|t| t.split_once('('));
        match call {
            Some(("steps", n)) => steps(n.trim(), text),
            Some(("cubic-bezier", numbers)) => cubic_bezier(numbers, text),
            _ => Err(Misread::form(
                format!("`{text}` is not an easing"),
                "write `linear`, `ease`, `ease-in`, `ease-out`, `ease-in-out`, `hold`, `cubic-in` … `bounce-out`, \
                 `steps(4)` or `cubic-bezier(a,b,c,d)`",
            )),
        }
    }
}

fn steps(n: &str, text: &str) -> Result<Easing, Misread> {
    match number::whole(n)? {
        n if (1..=MOST_STEPS).contains(&n) => Ok(Easing::Steps(n as u32)),
        _ => Err(Misread::limit(
            format!("`{text}` is beyond the limits"),
            format!("steps are 1 to {MOST_STEPS}"),
        )),
    }
}

fn cubic_bezier(numbers: &str, text: &str) -> Result<Easing, Misread> {
    let parts = numbers.split(',').map(|n| number::bare(n.trim()).map(number::to_f64));
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    let &[x1, y1, x2, y2] = parts.as_slice() else {
        return Err(Misread::form(format!("`{text}` has not four numbers"), "write `cubic-bezier(a,b,c,d)`"));
    };
    let unit = 0.0..=1.0;
    if !unit.contains(&x1) || !unit.contains(&x2) || y1.abs() > 1000.0 || y2.abs() > 1000.0 {
        return Err(Misread::limit(
            format!("`{text}` is beyond the limits"),
            "the first and the third number lie between 0 and 1",
        ));
    }
    Ok(Easing::CubicBezier([x1, y1, x2, y2]))
}

impl fmt::Display for Easing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Easing::Linear => f.write_str("linear"),
            Easing::Hold => f.write_str("hold"),
            Easing::Steps(n) => write!(f, "steps({n})"),
            Easing::CubicBezier(curve) => match CSS.iter().find(|(_, c)| c == curve) {
                Some((name, _)) => f.write_str(name),
                None => {
                    let [a, b, c, d] = curve.map(number::float_text);
                    write!(f, "cubic-bezier({a},{b},{c},{d})")
                }
            },
            Easing::Penner(family, direction) => {
                let family = FAMILIES.iter().find(|(_, x)| x == family).map_or("", |(name, _)| name);
                let way = DIRECTIONS.iter().find(|(_, x)| x == direction).map_or("", |(name, _)| name);
                write!(f, "{family}{way}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn easing(name: &str) -> Easing {
        name.parse().unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    #[test]
    fn closed_forms() {
        let half = std::f64::consts::FRAC_1_SQRT_2;
        for (name, t, value) in [
            ("linear", 0.3, 0.3),
            ("hold", 0.999, 0.0),
            ("steps(4)", 0.49, 0.25),
            ("steps(4)", 0.75, 0.75),
            ("quad-in", 0.5, 0.25),
            ("cubic-out", 0.5, 0.875),
            ("quart-in-out", 0.25, 0.03125),
            ("quint-in", 0.5, 0.03125),
            ("sine-in", 0.5, 1.0 - half),
            ("expo-in", 0.9, 0.5),
            ("expo-out", 0.1, 0.5),
            ("circ-in", 0.6, 0.2),
            ("back-in", 0.5, 0.25 * (2.70158 * 0.5 - 1.70158)),
            ("bounce-out", 1.0 / 2.75, 1.0),
            ("bounce-out", 1.5 / 2.75, 0.75),
            ("bounce-in", 1.0 - 1.5 / 2.75, 0.25),
            // sin((10·0.9 − 10.75)·2π/3) = sin(−7π/6) = 1/2
            ("elastic-in", 0.9, -0.25),
            ("ease-in-out", 0.5, 0.5),
            ("cubic-bezier(0.25,0.25,0.75,0.75)", 0.37, 0.37),
            // x = 3s² − 2s³ and y = s³, so s = 1/2 gives (1/2, 1/8).
            ("cubic-bezier(0,0,1,0)", 0.5, 0.125),
        ] {
            let got = easing(name).apply(t);
            assert!((got - value).abs() < 1e-12, "{name}({t}) = {got}, not {value}");
        }
    }

    #[test]
    fn every_curve_goes_from_0_to_1_and_halves_meet() {
        for name in Easing::names() {
            let curve = easing(&name);
            assert_eq!(
                (curve.apply(0.0), curve.apply(1.0), curve.apply(-1.0), curve.apply(2.0)),
                (0.0, 1.0, 0.0, 1.0)
            );
            assert_eq!(curve.to_string(), name);
            if name.ends_with("-in-out") {
                assert!((curve.apply(0.5) - 0.5).abs() < 1e-12, "{name}");
            }
            assert!((0..=1000).all(|i| curve.apply(f64::from(i) / 1000.0).is_finite()), "{name}");
        }
    }

    #[test]
    fn monotonous_bezier_has_no_jump() {
        let curve = easing("cubic-bezier(1,0,0,1)");
        let values: Vec<f64> = (0..=10_000).map(|i| curve.apply(f64::from(i) / 10_000.0)).collect();
        assert!(values.windows(2).all(|w| w[1] >= w[0]));
    }

    #[test]
    fn faults() {
        for text in [
            "eas-in",
            "steps()",
            "steps(0)",
            "steps(1e9)",
            "cubic-bezier(1,2,3)",
            "cubic-bezier(2,0,0,1)",
            "",
        ] {
            assert!(text.parse::<Easing>().is_err(), "{text}");
        }
    }
}
