//! Tone curves: a smooth function through a few points, for tables.

/// The monotone cubic through these points (Fritsch and Carlson, 1980), sorted by x, at `x`; constant outside.
pub(super) fn curve(points: &[(f64, f64)], x: f64) -> f64 {
    let Some(right) = points.iter().position(|p| x < p.0) else {
        return points.last().map_or(x, |p| p.1);
    };
    let Some(left) = right.checked_sub(1) else {
        return points[0].1;
    };
    let ((x0, y0), (x1, y1)) = (points[left], points[right]);
    let (m0, m1) = (tangent(points, left), tangent(points, right));
    let (width, t) = (x1 - x0, (x - x0) / (x1 - x0));
    let (t2, t3) = (t * t, t * t * t);
    y0 * (2.0 * t3 - 3.0 * t2 + 1.0)
        + m0 * width * (t3 - 2.0 * t2 + t)
        + y1 * (3.0 * t2 - 2.0 * t3)
        + m1 * width * (t3 - t2)
}

/// The slope at a point: the harmonic mean of its sides' slopes, 0 at an extremum; an end's own side.
fn tangent(points: &[(f64, f64)], i: usize) -> f64 {
    let slope = |i: usize| (points[i + 1].1 - points[i].1) / (points[i + 1].0 - points[i].0);
    match (i.checked_sub(1).map(slope), (i + 1 < points.len()).then(|| slope(i))) {
        (Some(a), Some(b)) if a * b > 0.0 => 2.0 * a * b / (a + b),
        (Some(_), Some(_)) | (None, None) => 0.0,
        (Some(side), None) | (None, Some(side)) => side,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_meets_its_points_and_does_not_overshoot() {
        let points = [(0.0, 0.1), (0.3, 0.2), (0.4, 0.9), (1.0, 0.9)];
        for (x, y) in points {
            assert!((curve(&points, x) - y).abs() < 1e-12);
        }
        let values: Vec<f64> = (0..=1000).map(|i| curve(&points, f64::from(i) / 1000.0)).collect();
        assert!(values.windows(2).all(|w| w[0] <= w[1] + 1e-12));
        assert_eq!((curve(&points, -1.0), curve(&points, 2.0)), (0.1, 0.9));
        assert!((curve(&[(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)], 0.37) - 0.37).abs() < 1e-12);
    }
}
