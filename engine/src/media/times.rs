//! From the stamps of packets to when pictures are shown: engine.md's rules on source times.
//!
//! In come presentation and decoding stamps in decode order, out come the order of presentation and [`FrameTimes`].
//! Pure: it knows no file and no codec.

use vfxb_dsl::value::Rational;

use super::FrameTimes;

/// What a packet says of its time, in ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Presentation.
    pub(super) pts: Option<i64>,
    /// Decoding.
    pub(super) dts: Option<i64>,
    /// How long it is shown; 0 if unknown.
    pub(super) duration: i64,
}

/// The stamps of a stream, put in order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Arranged {
    /// For each picture in presentation order the index of its stamp.
    pub(super) order: Vec<u32>,
    /// Whether that order is known, or merely the decoder's.
    pub(super) ordered: bool,
    /// When each is shown.
    pub(super) times: FrameTimes,
    /// The rate to make a film at.
    pub(super) rate: Rational,
    /// The first picture's stamp.
    pub(super) first: i64,
}

/// Rates that films have, as fractions. The low ones are those of slide shows, animations and phones in the dark.
const STANDARD_RATES: [(i128, i128); 24] = [
    (1, 1),
    (2, 1),
    (3, 1),
    (4, 1),
    (5, 1),
    (6, 1),
    (8, 1),
    (10, 1),
    (12, 1),
    (15_000, 1001),
    (15, 1),
    (20, 1),
    (24_000, 1001),
    (24, 1),
    (25, 1),
    (30_000, 1001),
    (30, 1),
    (48, 1),
    (50, 1),
    (60_000, 1001),
    (60, 1),
    (100, 1),
    (120_000, 1001),
    (120, 1),
];

/// What a stream without any usable rate is taken for.
const DEFAULT_RATE: (i128, i128) = (25, 1);

/// Arranges stamps of `tick` seconds; `reorders` says whether the codec decodes in another order than it shows, and
/// `declared` what the container says of the rate (0/0 and the like are passed over).
pub(super) fn arrange(stamps: &[Stamp], tick: Rational, reorders: bool, declared: &[Rational]) -> Arranged {
    let declared: Vec<Rational> = declared.iter().copied().filter(|r| plausible(*r)).collect();
    let fallback = declared.first().copied().unwrap_or_else(|| ratio(DEFAULT_RATE));
    let decode_order: Vec<u32> = (0..stamps.len() as u32).collect();
    let by_count = |order: Vec<u32>, ordered: bool| Arranged {
        order,
        ordered,
        times: FrameTimes::Constant { rate: fallback, count: stamps.len() as u64 },
        rate: fallback,
        first: stamps.first().and_then(|s| s.pts.or(s.dts)).unwrap_or(0),
    };
    if stamps.iter().any(|s| s.pts.is_none()) && (reorders || stamps.iter().all(|s| s.dts.is_none())) {
        return by_count(decode_order, !reorders);
    }
    if stamps.len() < 2 {
        return by_count(decode_order, true);
    }
    let nominal = (Rational::from_integer(1) / (fallback * tick)).round().to_integer().max(1);
    let raw = filled(stamps, nominal);
    let mut order = decode_order;
    if reorders {
        order.sort_by_key(|i| raw.get(*i as usize).copied());
    }
    let sorted = order.iter().filter_map(|i| raw.get(*i as usize).copied());
    let ticks = increasing(sorted, tick, nominal);
    let first = ticks.first().copied().unwrap_or(0);
    let offsets: Vec<i128> = ticks.iter().map(|t| t - first).collect();
    let last = order.last().and_then(|i| stamps.get(*i as usize)).map_or(0, |s| s.duration);
    let (times, rate) = shown(&offsets, last, tick, &declared);
    Arranged { order, ordered: true, times, rate, first: clamp(first) }
}

fn ratio((n, d): (i128, i128)) -> Rational {
    Rational::new(n, d)
}

fn plausible(rate: Rational) -> bool {
    rate > Rational::new(1, 1000) && rate <= Rational::from_integer(1000)
}

fn clamp(n: i128) -> i64 {
    n.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

/// Missing stamps by best effort: the decoding stamp, else one nominal duration on.
fn filled(stamps: &[Stamp], nominal: i128) -> Vec<i128> {
    let mut last = None;
    stamps
        .iter()
        .map(|s| {
            let pts = s.pts.or(s.dts).map_or_else(|| last.map_or(0, |l| l + nominal), i128::from);
            last = Some(pts);
            pts
        })
        .collect()
}

/// Equal or backward stamps go one tick on; where they fall back by more than a second, a clock has started anew, and
/// what follows goes on from here.
fn increasing(stamps: impl Iterator<Item = i128>, tick: Rational, nominal: i128) -> Vec<i128> {
    let second = (Rational::from_integer(1) / tick).to_integer().max(1);
    let (mut offset, mut out) = (0, Vec::<i128>::new());
    for stamp in stamps {
        let next = match out.last() {
            None => stamp,
            Some(&last) => {
                if stamp + offset < last - second {
                    offset = last + nominal - stamp;
                }
                (stamp + offset).max(last + 1)
            }
        };
        out.push(next);
    }
    out
}

/// Constant if every picture lies within a tick of a rate's grid, else variable.
fn shown(
    offsets: &[i128],
    last_duration: i64,
    tick: Rational,
    declared: &[Rational],
) -> (FrameTimes, Rational) {
    let intervals = offsets.len().saturating_sub(1).max(1) as i128;
    let span = offsets.last().copied().unwrap_or(1).max(1);
    let average = Rational::new(intervals, span) / tick;
    let standard = |r: &Rational| STANDARD_RATES.iter().any(|s| ratio(*s) == *r);
    let mut near: Vec<Rational> = STANDARD_RATES.iter().map(|r| ratio(*r)).collect();
    near.sort_by(|a, b| distance(*a, average).total_cmp(&distance(*b, average)));
    let nearest = near.first().copied().unwrap_or(average);
    let candidates = declared
        .iter()
        .copied()
        .filter(standard)
        .chain(near.iter().copied().filter(|r| distance(*r, average) < 0.05))
        .chain(declared.iter().copied())
        .chain(std::iter::once(average).filter(|r| plausible(*r)));
    for rate in candidates {
        if on_grid(offsets, rate, tick) {
            return (FrameTimes::Constant { rate, count: offsets.len() as u64 }, rate);
        }
    }
    let mean = (span / intervals).max(1);
    let last = if last_duration > 0 { i128::from(last_duration) } else { mean };
    let ticks = offsets.iter().map(|t| clamp(*t)).collect();
    (FrameTimes::Variable { tick, ticks, end: clamp(span + last) }, nearest)
}

/// How far two rates are apart, as the logarithm of their quotient: for choosing only.
fn distance(a: Rational, b: Rational) -> f64 {
    let float = |r: Rational| *r.numer() as f64 / *r.denom() as f64;
    (float(a) / float(b)).ln().abs()
}

/// Whether every offset is within a tick of `k / rate`. Where ticks are hardly finer than pictures, a tick of jitter
/// cannot be told from a dropped picture, and only the exact grid counts.
fn on_grid(offsets: &[i128], rate: Rational, tick: Rational) -> bool {
    let interval = Rational::from_integer(1) / (rate * tick);
    let (n, d) = (*interval.numer(), *interval.denom());
    let tolerance = if interval >= Rational::from_integer(4) { d } else { 0 };
    offsets.iter().enumerate().all(|(k, t)| {
        matches!((t.checked_mul(d), (k as i128).checked_mul(n)), (Some(a), Some(b)) if (a - b).abs() <= tolerance)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamps(pts: &[i64]) -> Vec<Stamp> {
        pts.iter().map(|p| Stamp { pts: Some(*p), dts: Some(*p), duration: 0 }).collect()
    }

    fn r(n: i128, d: i128) -> Rational {
        Rational::new(n, d)
    }

    #[test]
    fn milliseconds_that_stand_for_a_rate_become_it() {
        let ms: Vec<i64> = (0..720).map(|k| (k * 1000 + 12) / 24 + 3).collect();
        let a = arrange(&stamps(&ms), r(1, 1000), false, &[]);
        assert_eq!(a.times, FrameTimes::Constant { rate: r(24, 1), count: 720 });
        assert_eq!((a.rate, a.first), (r(24, 1), 3));
        let ntsc: Vec<i64> = (0..300).map(|k| k * 1001 / 30).collect();
        let a = arrange(&stamps(&ntsc), r(1, 1000), false, &[r(0, 1)]);
        assert_eq!(a.times, FrameTimes::Constant { rate: r(30_000, 1001), count: 300 });
    }

    #[test]
    fn an_odd_rate_stays_exact_and_a_variable_one_is_snapped() {
        let sevens: Vec<i64> = (0..40).map(|k| k * 7).collect();
        let a = arrange(&stamps(&sevens), r(1, 100), false, &[]);
        assert_eq!(a.times, FrameTimes::Constant { rate: r(100, 7), count: 40 });
        let a = arrange(&stamps(&[0, 3000, 15_000, 18_000, 40_000]), r(1, 90_000), false, &[r(90_000, 1)]);
        let FrameTimes::Variable { ticks, end, .. } = &a.times else { panic!("{:?}", a.times) };
        assert_eq!((&ticks[..], *end, a.rate), (&[0, 3000, 15_000, 18_000, 40_000][..], 50_000, r(10, 1)));
    }

    #[test]
    fn a_dropped_picture_on_a_coarse_clock_is_not_jitter() {
        let a = arrange(&stamps(&[0, 1, 2, 4, 5]), r(1, 25), false, &[]);
        assert!(matches!(a.times, FrameTimes::Variable { .. }), "{:?}", a.times);
    }

    #[test]
    fn equal_backward_and_restarted_stamps_keep_the_decoders_order() {
        let a = arrange(&stamps(&[0, 40, 40, 35, 160]), r(1, 1000), false, &[]);
        let FrameTimes::Variable { ticks, .. } = &a.times else { panic!("{:?}", a.times) };
        assert_eq!(ticks[..], [0, 40, 41, 42, 160]);
        let a = arrange(&stamps(&[5000, 5040, 5080, 0, 40]), r(1, 1000), false, &[r(25, 1)]);
        assert_eq!(a.times, FrameTimes::Constant { rate: r(25, 1), count: 5 });
    }

    #[test]
    fn missing_and_reordered_stamps() {
        let none = vec![Stamp::default(); 3];
        let a = arrange(&none, r(1, 1000), true, &[r(0, 1), r(30, 1)]);
        assert_eq!((a.times, a.ordered), (FrameTimes::Constant { rate: r(30, 1), count: 3 }, false));
        let a = arrange(&stamps(&[-512, 1536, 512, 0, 1024]), r(1, 12_800), true, &[]);
        assert_eq!(a.order, [0, 3, 2, 4, 1]);
        assert_eq!((a.times, a.first), (FrameTimes::Constant { rate: r(25, 1), count: 5 }, -512));
    }

    #[test]
    fn extreme_stamps_do_not_overflow() {
        let a = arrange(&stamps(&[i64::MIN + 1, 0, i64::MAX]), r(1, 1000), false, &[r(1, 1)]);
        assert_eq!(a.times.count(), 3);
    }
}
