//! The sum of all clips, limited.

use std::sync::Arc;

use super::clip::Clip;
use super::limiter::Limiter;
use super::played::Played;
use super::speed::Paced;
use super::{CHANNELS, Samples, read_planes};
use crate::media::{AudioReader, Channels, MediaError, SourceInfo};
use crate::timeline::{SoundClip, SoundContent, SoundMix};

/// Samples that are mixed at once.
const BLOCK: usize = 2048;

/// Mixes a film's sound, in order.
pub struct Mixer {
    sum: Sum,
    limiter: Limiter,
    /// The next sample of the sum that the limiter has not seen.
    position: i64,
    /// Samples of the sum not yet pushed, from `taken` on.
    block: [Vec<f32>; CHANNELS],
    taken: usize,
}

impl Mixer {
    /// A mix at `rate` samples a second that will be read from sample `from` on. Streams are opened when first heard.
    ///
    /// # Errors
    /// If a source cannot be opened.
    pub fn new(
        sources: &[Arc<SourceInfo>],
        mix: &SoundMix,
        rate: u32,
        from: i64,
    ) -> Result<Mixer, MediaError> {
        let mut mixer = Mixer {
            sum: Sum::new(sources, mix, rate),
            limiter: Limiter::new(rate),
            position: from,
            block: super::silence(0),
            taken: 0,
        };
        for _ in 0..mixer.limiter.delay() {
            let sample = mixer.next()?;
            mixer.limiter.push(sample);
        }
        Ok(mixer)
    }

    /// How many planes [`Mixer::read`] fills.
    pub fn channels(&self) -> usize {
        CHANNELS
    }

    /// The next samples.
    ///
    /// # Errors
    /// If a source cannot be read.
    pub fn read(&mut self, planes: &mut [&mut [f32]]) -> Result<(), MediaError> {
        let count = planes.first().map_or(0, |plane| plane.len());
        for n in 0..count {
            let sample = self.next()?;
            let limited = self.limiter.push(sample);
            for (plane, value) in planes.iter_mut().zip(limited) {
                plane[n] = value;
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<[f32; CHANNELS], MediaError> {
        if self.taken >= self.block[0].len() {
            self.block = read_planes(&mut self.sum, self.position, BLOCK)?;
            self.position += BLOCK as i64;
            self.taken = 0;
        }
        let n = self.taken;
        self.taken += 1;
        Ok([self.block[0][n], self.block[1][n]])
    }
}

/// The clips of one mix, summed.
struct Sum {
    sources: Vec<Arc<SourceInfo>>,
    rate: u32,
    /// In order of their starts; opened from the front.
    later: Vec<SoundClip>,
    open: Vec<Clip>,
}

impl Sum {
    fn new(sources: &[Arc<SourceInfo>], mix: &SoundMix, rate: u32) -> Sum {
        let mut later = mix.clips.clone();
        later.sort_by_key(|clip| std::cmp::Reverse(clip.samples.start));
        Sum { sources: sources.to_vec(), rate, later, open: Vec::new() }
    }

    fn open(&self, clip: &SoundClip) -> Result<Clip, MediaError> {
        let content: Box<dyn Samples> = match &clip.content {
            SoundContent::Stream { source, stream } => Box::new(Stream(AudioReader::open(
                &self.sources[*source],
                *stream,
                self.rate,
                Channels::Stereo,
            )?)),
            SoundContent::Mix(mix) => Box::new(Group::new(&self.sources, mix, self.rate)),
        };
        let played = Played::new(content, &clip.map, self.rate);
        Ok(Clip::new(clip, Paced::new(played, &clip.map, clip.keep_pitch, self.rate), self.rate))
    }
}

impl Samples for Sum {
    /// Goes forward only: a clip that has ended is closed.
    fn read(&mut self, from: i64, planes: &mut [&mut [f32]]) -> Result<(), MediaError> {
        let end = from + planes.first().map_or(0, |plane| plane.len()) as i64;
        planes.iter_mut().for_each(|plane| plane.fill(0.0));
        while let Some(clip) = self.later.pop_if(|clip| clip.samples.start < end) {
            if clip.samples.end > from {
                let clip = self.open(&clip)?;
                self.open.push(clip);
            }
        }
        self.open.retain(|clip| clip.end > from);
        for clip in &mut self.open {
            clip.add(from, planes)?;
        }
        Ok(())
    }
}

/// A group's mix, which may be read from anywhere (it may be reversed or looped).
struct Group {
    sources: Vec<Arc<SourceInfo>>,
    mix: SoundMix,
    rate: u32,
    sum: Sum,
    position: i64,
}

impl Group {
    fn new(sources: &[Arc<SourceInfo>], mix: &SoundMix, rate: u32) -> Group {
        Group {
            sources: sources.to_vec(),
            mix: mix.clone(),
            rate,
            sum: Sum::new(sources, mix, rate),
            position: 0,
        }
    }
}

impl Samples for Group {
    fn read(&mut self, from: i64, planes: &mut [&mut [f32]]) -> Result<(), MediaError> {
        if from < self.position {
            self.sum = Sum::new(&self.sources, &self.mix, self.rate);
        }
        self.position = from + planes.first().map_or(0, |plane| plane.len()) as i64;
        self.sum.read(from, planes)
    }
}

/// A stream of a file.
struct Stream(AudioReader);

impl Samples for Stream {
    fn read(&mut self, from: i64, planes: &mut [&mut [f32]]) -> Result<(), MediaError> {
        self.0.read(from, planes)
    }
}
