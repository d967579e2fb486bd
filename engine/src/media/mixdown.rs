//! From any channels to mono, stereo or 5.1, by ITU-R BS.775-3 annex 4's coefficients.
//!
//! A sound of as many channels stays as it is. Centre and surrounds come down at √½, the low-frequency channel is left
//! out; nothing is scaled to keep from clipping, for the mix has a limiter. Mono goes to both sides at full level and
//! to the centre of 5.1; stereo comes down to mono at a half each.

use serde::{Deserialize, Serialize};

/// Channels that the engine mixes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Channels {
    /// One.
    Mono,
    /// Left, right.
    Stereo,
    /// Left, right, centre, low frequencies, left surround, right surround.
    Surround51,
}

impl Channels {
    /// How many planes.
    pub fn count(self) -> usize {
        match self {
            Channels::Mono => 1,
            Channels::Stereo => 2,
            Channels::Surround51 => 6,
        }
    }
}

const HALF_POWER: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// Where a channel of libav's (a bit of its layout mask) stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Left,
    Right,
    Centre,
    Low,
    SurroundLeft,
    SurroundRight,
    SurroundCentre,
    Elsewhere,
}

fn place(bit: u64) -> Place {
    match bit {
        0x1 | 0x40 => Place::Left,
        0x2 | 0x80 => Place::Right,
        0x4 => Place::Centre,
        0x8 => Place::Low,
        0x10 | 0x200 => Place::SurroundLeft,
        0x20 | 0x400 => Place::SurroundRight,
        0x100 => Place::SurroundCentre,
        _ => Place::Elsewhere,
    }
}

/// libav's usual mask for so many channels.
fn usual_mask(channels: usize) -> u64 {
    match channels {
        1 => 0x4,
        2 => 0x3,
        3 => 0xB,
        4 => 0x107,
        5 => 0x37,
        6 => 0x3F,
        7 => 0x70F,
        _ => 0x63F,
    }
}

/// Gains from each of `channels` inputs to each output. `mask` is libav's layout mask, 0 if unknown.
pub(super) fn gains(mask: u64, channels: usize, to: Channels) -> Vec<Vec<f32>> {
    let known = mask.count_ones() as usize == channels;
    let mask = if known { mask } else { usual_mask(channels) };
    let mut places: Vec<Place> = (0..64).map(|b| 1 << b).filter(|b| mask & b != 0).map(place).collect();
    places.resize(channels, Place::Elsewhere);
    let pairs = places.iter().filter(|p| **p == Place::SurroundLeft).count().max(1);
    let alone = channels == 1;
    let mono_of = |[l, r]: [f32; 2]| vec![(l + r) / 2.0];
    places
        .into_iter()
        .map(|place| match to {
            Channels::Mono if alone => vec![1.0],
            Channels::Mono => mono_of(stereo(place, false)),
            Channels::Stereo => stereo(place, alone).to_vec(),
            Channels::Surround51 => surround(place, alone, pairs),
        })
        .collect()
}

fn stereo(place: Place, alone: bool) -> [f32; 2] {
    match place {
        _ if alone => [1.0, 1.0],
        Place::Left => [1.0, 0.0],
        Place::Right => [0.0, 1.0],
        Place::Centre => [HALF_POWER; 2],
        Place::Low => [0.0; 2],
        Place::SurroundLeft => [HALF_POWER, 0.0],
        Place::SurroundRight => [0.0, HALF_POWER],
        Place::SurroundCentre | Place::Elsewhere => [0.5; 2],
    }
}

fn surround(place: Place, alone: bool, pairs: usize) -> Vec<f32> {
    let side = if pairs > 1 { HALF_POWER } else { 1.0 };
    let at = |i: usize, gain: f32| {
        let mut out = vec![0.0; 6];
        out.iter_mut().skip(i).take(1).for_each(|g| *g = gain);
        out
    };
    match place {
        _ if alone => at(2, 1.0),
        Place::Left => at(0, 1.0),
        Place::Right => at(1, 1.0),
        Place::Centre => at(2, 1.0),
        Place::Low => at(3, 1.0),
        Place::SurroundLeft => at(4, side),
        Place::SurroundRight => at(5, side),
        Place::SurroundCentre => vec![0.0, 0.0, 0.0, 0.0, HALF_POWER, HALF_POWER],
        Place::Elsewhere => vec![0.5, 0.5, 0.0, 0.0, 0.0, 0.0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_mixes() {
        let h = HALF_POWER;
        assert_eq!(gains(0x3, 2, Channels::Stereo), [[1.0, 0.0], [0.0, 1.0]]);
        assert_eq!(gains(0x4, 1, Channels::Stereo), [[1.0, 1.0]]);
        assert_eq!(gains(0x3, 2, Channels::Mono), [[0.5], [0.5]]);
        let five_one = [[1.0, 0.0], [0.0, 1.0], [h, h], [0.0, 0.0], [h, 0.0], [0.0, h]];
        assert_eq!(gains(0x60F, 6, Channels::Stereo), five_one);
        assert_eq!(gains(0, 6, Channels::Stereo), five_one);
        for mask in [0x3F, 0x60F] {
            let same = gains(mask, 6, Channels::Surround51);
            assert!(
                same.iter()
                    .enumerate()
                    .all(|(i, g)| g.iter().enumerate().all(|(j, v)| *v == f32::from(u8::from(i == j))))
            );
        }
        assert_eq!(gains(0x63F, 8, Channels::Surround51)[6][4], h);
        assert_eq!(gains(0, 11, Channels::Stereo).len(), 11);
    }
}
