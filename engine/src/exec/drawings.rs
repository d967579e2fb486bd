//! Lettering, shapes and their shadows, drawn once and kept while they are in use.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::plan::fuse::{Drawing, Raster};
use crate::shape::{self, ShadowSpec, ShapePicture, ShapeSpec};
use crate::text::{self, Fonts, TextSpec, TextWarning};

/// Most drawings that are kept at once; animated lettering makes one a frame.
const KEPT: usize = 64;

/// Draws on demand and remembers the latest.
pub struct Drawings {
    fonts: Fonts,
    texts: Mutex<Memory<TextSpec>>,
    shapes: Mutex<Memory<ShapeSpec>>,
    shadows: Mutex<Memory<ShadowSpec>>,
}

struct Memory<K> {
    drawn: HashMap<K, (u64, Option<Drawing>)>,
    clock: u64,
}

impl<K: std::hash::Hash + Eq + Clone> Memory<K> {
    fn new() -> Self {
        Memory { drawn: HashMap::new(), clock: 0 }
    }

    fn get(&mut self, key: &K, draw: impl FnOnce() -> Option<Drawing>) -> Option<Drawing> {
        self.clock += 1;
        if let Some((used, drawing)) = self.drawn.get_mut(key) {
            *used = self.clock;
            return drawing.clone();
        }
        if self.drawn.len() >= KEPT
            && let Some(oldest) = self.drawn.iter().min_by_key(|(_, (used, _))| *used).map(|(k, _)| k.clone())
        {
            self.drawn.remove(&oldest);
        }
        let drawing = draw();
        self.drawn.insert(key.clone(), (self.clock, drawing.clone()));
        drawing
    }
}

impl Drawings {
    /// Draws with these fonts.
    pub fn new(fonts: Fonts) -> Self {
        let (texts, shapes, shadows) = (Memory::new(), Memory::new(), Memory::new());
        Drawings { fonts, texts: Mutex::new(texts), shapes: Mutex::new(shapes), shadows: Mutex::new(shadows) }
    }

    /// What is wrong with a text, without drawing it: an error's message and help, or warnings.
    ///
    /// # Errors
    /// If it cannot be set at all.
    pub fn check(&self, spec: &TextSpec) -> Result<Vec<TextWarning>, text::TextError> {
        text::measure(spec, &self.fonts).map(|measure| measure.warnings)
    }
}

impl Raster for Drawings {
    fn text(&self, spec: &TextSpec) -> Option<Drawing> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.get(spec, || {
            let drawn = text::render(spec, &self.fonts).ok()?;
            let size = (drawn.measure.layout_width, drawn.measure.layout_height);
            Some(Drawing { picture: drawn.picture, origin: drawn.origin, size })
        })
    }

    fn shape(&self, spec: &ShapeSpec) -> Option<Drawing> {
        let mut shapes = self.shapes.lock().unwrap_or_else(PoisonError::into_inner);
        shapes.get(spec, || Some(boxed(shape::render(spec).ok()?, spec)))
    }

    fn shadow(&self, spec: &ShadowSpec) -> Option<Drawing> {
        let mut shadows = self.shadows.lock().unwrap_or_else(PoisonError::into_inner);
        shadows.get(spec, || Some(boxed(shape::shadow(spec).ok()?, &spec.shape)))
    }
}

/// What was drawn with the box of its shape.
fn boxed(drawn: ShapePicture, shape: &ShapeSpec) -> Drawing {
    let size = (shape.width_px.ceil().max(1.0) as u32, shape.height_px.ceil().max(1.0) as u32);
    Drawing { picture: drawn.picture, origin: drawn.origin, size }
}
