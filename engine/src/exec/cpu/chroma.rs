//! Where chroma samples lie among luma samples, as indices and weights: bilinear on the way up, a tent on the way
//! down, both at the true siting. Pure geometry of one axis; it knows nothing of planes.

/// The two chroma samples that a luma sample lies between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Phase {
    /// The first of the two, from the cell's own sample: 0 or −1.
    pub(super) offset: i32,
    /// Its weight.
    pub(super) near: f32,
    /// The next one's weight.
    pub(super) far: f32,
}

/// Bilinear interpolation up to luma's grid.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Up {
    /// log₂ of luma samples a cell.
    pub(super) log2: u8,
    /// For each luma sample of a cell.
    pub(super) phases: Vec<Phase>,
}

impl Up {
    /// `siting`: position of a chroma sample from the first luma sample of its cell, in luma samples.
    pub(super) fn new(log2: u8, siting: f32) -> Up {
        let cell = 1usize << log2;
        let siting = siting.clamp(0.0, cell as f32 - 1.0);
        let phases = (0..cell)
            .map(|p| {
                let at = (p as f32 - siting) / cell as f32;
                let far = at - at.floor();
                Phase { offset: at.floor() as i32, near: 1.0 - far, far }
            })
            .collect();
        Up { log2, phases }
    }

    /// Which two of `count` samples luma sample `luma` lies between, edges continued, and their weights.
    pub(super) fn at(&self, luma: usize, count: usize) -> (usize, usize, f32, f32) {
        let phase = self.phases[luma & (self.phases.len() - 1)];
        let first = (luma >> self.log2) as i32 + phase.offset;
        let clamp = |k: i32| (k.max(0) as usize).min(count - 1);
        (clamp(first), clamp(first + 1), phase.near, phase.far)
    }
}

/// A triangle of twice the sampling distance about the chroma sample, down from luma's grid.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tent {
    /// Luma samples a cell.
    pub(super) cell: usize,
    /// The first luma sample that counts, from the first of the cell.
    pub(super) first: i32,
    /// Weights from there on; they sum up to 1.
    pub(super) weights: Vec<f32>,
}

impl Tent {
    /// `siting` as for [`Up::new`].
    pub(super) fn new(log2: u8, siting: f32) -> Tent {
        let cell = 1i32 << log2;
        if log2 == 0 {
            return Tent { cell: 1, first: 0, weights: vec![1.0] };
        }
        let span = cell as f32;
        let siting = siting.clamp(0.0, span - 1.0);
        let weight = |l: i32| (1.0 - (l as f32 - siting).abs() / span) / span;
        let counts: Vec<i32> = (1 - 2 * cell..3 * cell).filter(|l| weight(*l) > 0.0).collect();
        Tent {
            cell: cell as usize,
            first: counts.first().copied().unwrap_or(0),
            weights: counts.iter().map(|l| weight(*l)).collect(),
        }
    }

    /// The luma samples of 0 to `count` − 1 that chroma sample `k` is made of, edges continued.
    pub(super) fn taps(&self, k: usize, count: usize) -> impl Iterator<Item = usize> + '_ {
        let start = (k * self.cell) as i64 + i64::from(self.first);
        (0..self.weights.len() as i64).map(move |i| ((start + i).max(0) as usize).min(count - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sitings_give_the_textbook_weights() {
        let phase = |offset, near, far| Phase { offset, near, far };
        assert_eq!(Up::new(1, 0.0).phases, [phase(0, 1.0, 0.0), phase(0, 0.5, 0.5)]);
        assert_eq!(Up::new(1, 0.5).phases, [phase(-1, 0.25, 0.75), phase(0, 0.75, 0.25)]);
        let tent = |log2, siting| (Tent::new(log2, siting).first, Tent::new(log2, siting).weights);
        assert_eq!(tent(1, 0.0), (-1, vec![0.25, 0.5, 0.25]));
        assert_eq!(tent(1, 0.5), (-1, vec![0.125, 0.375, 0.375, 0.125]));
        assert_eq!(tent(0, 0.0), (0, vec![1.0]));
        assert_eq!(tent(2, 1.5).1.iter().sum::<f32>(), 1.0);
    }
}
