//! Frames of one render, one after another or any one alone.

use std::collections::VecDeque;
use std::sync::Arc;

use super::drawings::Drawings;
use super::job::{FrameJob, Stage};
use super::sources::Sources;
use super::{Executor, RenderError};
use crate::media::DecodeOptions;
use crate::picture::Picture;
use crate::plan::{Recipe, Render, fuse};

/// Makes the jobs of a render's frames: evaluates, fetches, draws.
pub struct Preparer<'a> {
    render: &'a Render,
    drawings: Arc<Drawings>,
    sources: Sources,
}

impl<'a> Preparer<'a> {
    /// For this render, with these drawings.
    pub fn new(render: &'a Render, drawings: Arc<Drawings>, options: DecodeOptions) -> Self {
        let sources = Sources::new(render.timeline.sources.clone(), options);
        Preparer { render, drawings, sources }
    }

    /// The job of a frame.
    ///
    /// # Errors
    /// If a source's picture cannot be decoded.
    pub fn job(&mut self, frame: u64) -> Result<FrameJob, RenderError> {
        let timeline = &self.render.timeline;
        let recipe = fuse::recipe(
            &timeline.film,
            &self.render.graph,
            &timeline.sources,
            &*self.drawings,
            frame,
            &self.render.target,
        );
        Ok(self.sources.fill(recipe)?)
    }
}

/// The job that makes a file's picture of the canvas, by its recipe ([`crate::plan::delivery`]).
pub fn delivered(recipe: &Recipe, canvas: &Picture) -> FrameJob {
    let input = Stage::Input { to: 0, picture: canvas.clone() };
    let stages = std::iter::once(input).chain(recipe.stages.iter().cloned()).collect();
    FrameJob { stages, slots: recipe.slots.len(), output: recipe.output }
}

/// Renders frames of `render` on `executor`, handing each on as it is done, in order.
///
/// # Errors
/// If a frame cannot be made, or `each` refuses it.
pub fn render_frames(
    preparer: &mut Preparer<'_>,
    executor: &mut dyn Executor,
    frames: impl IntoIterator<Item = u64>,
    mut each: impl FnMut(u64, Picture) -> Result<(), RenderError>,
) -> Result<(), RenderError> {
    let mut waiting = VecDeque::new();
    for frame in frames {
        waiting.push_back(frame);
        if let Some(picture) = executor.submit(preparer.job(frame)?)? {
            each(waiting.pop_front().unwrap_or(frame), picture)?;
        }
    }
    while let Some(picture) = executor.flush()? {
        if let Some(frame) = waiting.pop_front() {
            each(frame, picture)?;
        }
    }
    Ok(())
}
