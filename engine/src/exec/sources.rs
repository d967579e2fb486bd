//! Decoded pictures for recipes: one reader for each layer on each source, so that each reads on where it was.

use std::collections::HashMap;
use std::sync::Arc;

use super::job::{FrameJob, Stage};
use crate::media::{DecodeOptions, VideoReader};
use crate::media::{MediaError, SourceInfo};
use crate::picture::Picture;
use crate::plan::fuse::{InputRef, Recipe};

/// Most readers that are open at once: each holds a decoder and its frames.
const OPEN: usize = 16;

/// The sources of a render.
pub struct Sources {
    infos: Vec<Arc<SourceInfo>>,
    options: DecodeOptions,
    readers: HashMap<(usize, Vec<usize>), Reader>,
    clock: u64,
}

struct Reader {
    reader: VideoReader,
    used: u64,
    last: Option<(u64, Picture)>,
}

impl Sources {
    /// Readers for these sources, opened when first needed.
    pub fn new(infos: Vec<Arc<SourceInfo>>, options: DecodeOptions) -> Self {
        Sources { infos, options, readers: HashMap::new(), clock: 0 }
    }

    /// A recipe with its pictures put in.
    ///
    /// # Errors
    /// If a picture cannot be decoded.
    pub fn fill(&mut self, recipe: Recipe) -> Result<FrameJob, MediaError> {
        let mut stages = Vec::with_capacity(recipe.inputs.len() + recipe.stages.len());
        for (to, input) in recipe.inputs {
            let picture = match input {
                InputRef::Drawn(picture) => picture,
                InputRef::Source { source, picture, reader } => self.picture(source, picture, reader)?,
            };
            stages.push(Stage::Input { to, picture });
        }
        stages.extend(recipe.stages);
        Ok(FrameJob { stages, slots: recipe.slots.len(), output: recipe.output })
    }

    fn picture(&mut self, source: usize, index: u64, layer: Vec<usize>) -> Result<Picture, MediaError> {
        self.clock += 1;
        let key = (source, layer);
        if !self.readers.contains_key(&key) {
            self.make_room();
            let reader = VideoReader::open(&self.infos[source], self.options)?;
            self.readers.insert(key.clone(), Reader { reader, used: 0, last: None });
        }
        let Some(reader) = self.readers.get_mut(&key) else {
            unreachable!("the reader was put there above");
        };
        reader.used = self.clock;
        if let Some((last, picture)) = &reader.last
            && *last == index
        {
            return Ok(picture.clone());
        }
        let picture = reader.reader.picture(index)?;
        reader.last = Some((index, picture.clone()));
        Ok(picture)
    }

    /// Closes the reader that was used longest ago.
    fn make_room(&mut self) {
        if self.readers.len() < OPEN {
            return;
        }
        if let Some(oldest) = self.readers.iter().min_by_key(|(_, r)| r.used).map(|(key, _)| key.clone()) {
            self.readers.remove(&oldest);
        }
    }
}
