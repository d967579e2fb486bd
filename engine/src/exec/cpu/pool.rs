//! Memory for pictures, used again and again: fresh pages cost more than the work on them.
//!
//! A picture made here gives its memory back when its last holder (an encoder, the next stage) drops it. Planes of
//! different pictures can be put together to one without a copy.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::picture::{Model, Picture, PictureBuffer, PictureSpec, PixelFormat, Sample, Storage};

/// Free buffers that are kept, oldest dropped first.
const KEPT_BUFFERS: usize = 32;
/// Bytes of free buffers that are kept.
const KEPT_BYTES: usize = 256 << 20;

/// Buffers that nobody uses at the moment. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct BufferPool {
    free: Arc<Mutex<VecDeque<PictureBuffer>>>,
}

impl BufferPool {
    /// A buffer with the planes of `spec`, filled with anything.
    pub fn take(&self, spec: PictureSpec) -> PictureBuffer {
        let layout = |s: &PictureSpec| (s.width, s.height, s.format);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let found = free.iter().rposition(|b| layout(b.spec()) == layout(&spec));
        match found.and_then(|at| free.remove(at)) {
            Some(buffer) => buffer,
            None => {
                drop(free);
                PictureBuffer::new(spec)
            }
        }
    }

    /// A picture of what has been filled in, with the meaning of `spec`; its memory comes back here.
    pub fn freeze(&self, buffer: PictureBuffer, spec: PictureSpec) -> Picture {
        Picture::new(spec, Arc::new(Pooled { buffer: Some(buffer), pool: self.clone() }))
    }

    /// Takes a buffer back that no picture was made of.
    pub fn give(&self, buffer: PictureBuffer) {
        let bytes =
            |b: &PictureBuffer| (0..b.spec().format.planes()).map(|i| b.plane(i).len()).sum::<usize>();
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.push_back(buffer);
        let mut total: usize = free.iter().map(bytes).sum();
        while free.len() > KEPT_BUFFERS || (total > KEPT_BYTES && free.len() > 1) {
            total -= free.pop_front().as_ref().map_or(0, bytes);
        }
    }
}

/// A buffer on loan.
struct Pooled {
    /// Empty only while it is being dropped.
    buffer: Option<PictureBuffer>,
    pool: BufferPool,
}

impl Storage for Pooled {
    fn plane(&self, index: usize) -> &[u8] {
        self.buffer.as_ref().map_or(&[], |b| b.plane(index))
    }

    fn stride(&self, index: usize) -> usize {
        self.buffer.as_ref().map_or(0, |b| PictureBuffer::stride(b, index))
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn planes_mut(&mut self) -> Option<Vec<&mut [u8]>> {
        self.buffer.as_mut().map(PictureBuffer::planes_mut)
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            self.pool.give(buffer);
        }
    }
}

/// Planes that lie in different storages.
pub(super) struct Composite {
    /// For each plane its storage, and its index there.
    pub(super) planes: Vec<(Arc<dyn Storage>, usize)>,
}

impl Storage for Composite {
    fn plane(&self, index: usize) -> &[u8] {
        let (storage, at) = &self.planes[index];
        storage.plane(*at)
    }

    fn stride(&self, index: usize) -> usize {
        let (storage, at) = &self.planes[index];
        storage.stride(*at)
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// A spec whose only plane is plane `index` of `of`.
pub(super) fn single_plane(of: &PictureSpec, index: usize) -> PictureSpec {
    let (width, height) = of.format.plane_size(index, of.width, of.height);
    PictureSpec { width, height, format: grey(of.format.sample), ..*of }
}

fn grey(sample: Sample) -> PixelFormat {
    PixelFormat { model: Model::Grey, sample, log2_x: 0, log2_y: 0, alpha: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::ColourSpec;

    #[test]
    fn memory_comes_back_when_the_last_holder_drops_the_picture() {
        let spec = PictureSpec {
            width: 70,
            height: 5,
            format: PixelFormat::YUV420P,
            colour: ColourSpec::BT709,
            premultiplied: false,
        };
        let pool = BufferPool::default();
        let mut buffer = pool.take(spec);
        buffer.plane_mut(0)[0] = 77;
        let picture = pool.freeze(buffer, PictureSpec { colour: ColourSpec::SRGB, ..spec });
        assert_eq!(picture.spec().colour, ColourSpec::SRGB);
        let other = picture.clone();
        drop(picture);
        assert_eq!(pool.take(spec).plane(0)[0], 0, "still held by the clone");
        drop(other);
        assert_eq!(pool.take(spec).plane(0)[0], 77, "the same memory");
    }
}
