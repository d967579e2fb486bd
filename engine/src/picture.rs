//! Pictures in memory: planes, their format, and their colour.
//!
//! A [`Picture`] is shared: handing a frame on costs a reference count, and what more than one holds never changes. Its
//! planes may belong to the decoder, to our own pool, or to a caller; who renders never asks. All formats are planar;
//! plane order is Y, Cb, Cr [, A] or R, G, B [, A] or Y [, A], whatever the codec's own order was.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::colour::ColourSpec;

/// What the colour planes mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Model {
    /// Luma and two colour differences, possibly subsampled.
    Yuv,
    /// Red, green, blue.
    Rgb,
    /// Luma alone.
    Grey,
}

/// How one sample is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sample {
    /// One byte, a code of 8 bits.
    U8,
    /// Two bytes, native order, a code of so many bits (9 to 16) in the low bits.
    U16(u8),
    /// 32-bit float on the scale of codes of so many bits, unrounded and unclamped: what a kernel makes of codes. With
    /// 0 bits, R, G, B and alpha are 0–1.
    F32(u8),
}

impl Sample {
    /// Bytes a sample.
    pub fn bytes(self) -> usize {
        match self {
            Sample::U8 => 1,
            Sample::U16(_) => 2,
            Sample::F32(_) => 4,
        }
    }

    /// Bits of a code; 0 where R, G, B and alpha are 0–1.
    pub fn depth(self) -> u8 {
        match self {
            Sample::U8 => 8,
            Sample::U16(depth) | Sample::F32(depth) => depth,
        }
    }

    /// The code of full opacity, and of the top of a full range.
    pub fn top(self) -> f32 {
        match self.depth() {
            0 => 1.0,
            depth => ((1u32 << depth.min(16)) - 1) as f32,
        }
    }
}

/// How a picture's samples are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PixelFormat {
    /// What the planes mean.
    pub model: Model,
    /// How a sample is stored; the same in every plane.
    pub sample: Sample,
    /// log₂ of luma columns a chroma column: 1 for 4:2:0 and 4:2:2. 0 unless [`Model::Yuv`].
    pub log2_x: u8,
    /// log₂ of luma rows a chroma row: 1 for 4:2:0.
    pub log2_y: u8,
    /// Whether the last plane is alpha.
    pub alpha: bool,
}

impl PixelFormat {
    /// 8-bit 4:2:0.
    pub const YUV420P: PixelFormat =
        PixelFormat { model: Model::Yuv, sample: Sample::U8, log2_x: 1, log2_y: 1, alpha: false };
    /// Float red, green, blue and alpha: what passes hand to kernels.
    pub const RGBA_F32: PixelFormat =
        PixelFormat { model: Model::Rgb, sample: Sample::F32(0), log2_x: 0, log2_y: 0, alpha: true };
    /// The same without alpha.
    pub const RGB_F32: PixelFormat =
        PixelFormat { model: Model::Rgb, sample: Sample::F32(0), log2_x: 0, log2_y: 0, alpha: false };
    /// 8-bit red, green, blue and alpha.
    pub const RGBA_U8: PixelFormat =
        PixelFormat { model: Model::Rgb, sample: Sample::U8, log2_x: 0, log2_y: 0, alpha: true };

    /// How many planes.
    pub fn planes(self) -> usize {
        let colour = if self.model == Model::Grey { 1 } else { 3 };
        colour + usize::from(self.alpha)
    }

    /// Whether plane `index` is subsampled chroma.
    pub fn is_chroma(self, index: usize) -> bool {
        self.model == Model::Yuv && (index == 1 || index == 2)
    }

    /// Width and height of plane `index` of a `width` × `height` picture: odd sizes round up.
    pub fn plane_size(self, index: usize, width: u32, height: u32) -> (u32, u32) {
        if self.is_chroma(index) {
            let half = |n: u32, log2: u8| (n + (1 << log2) - 1) >> log2;
            (half(width, self.log2_x), half(height, self.log2_y))
        } else {
            (width, height)
        }
    }
}

/// Everything about a picture but its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PictureSpec {
    /// Columns; at least 1.
    pub width: u32,
    /// Rows; at least 1.
    pub height: u32,
    /// Layout.
    pub format: PixelFormat,
    /// Meaning.
    pub colour: ColourSpec,
    /// Whether colour has been multiplied by alpha.
    pub premultiplied: bool,
}

/// Memory that planes lie in.
pub trait Storage: Send + Sync {
    /// The bytes of plane `index`: `stride × rows`, the last row possibly without its padding. For samples of
    /// more than one byte every row starts at a multiple of the sample's size.
    fn plane(&self, index: usize) -> &[u8];
    /// Bytes from one row to the next.
    fn stride(&self, index: usize) -> usize;
    /// For those who can take a frame back without a copy.
    fn into_any(self: Arc<Self>) -> Arc<dyn std::any::Any + Send + Sync>;
    /// All planes, as [`Storage::plane`] has them, to be written to; `None` if anything else may read their memory.
    fn planes_mut(&mut self) -> Option<Vec<&mut [u8]>> {
        None
    }
}

/// A picture: cheap to clone, immutable but for its only holder.
#[derive(Clone)]
pub struct Picture {
    spec: PictureSpec,
    storage: Arc<dyn Storage>,
}

impl Picture {
    /// A picture over storage that holds planes of `spec`'s sizes.
    pub fn new(spec: PictureSpec, storage: Arc<dyn Storage>) -> Self {
        Picture { spec, storage }
    }

    /// Everything but the samples.
    pub fn spec(&self) -> &PictureSpec {
        &self.spec
    }

    /// The same samples with other meaning (colour tags that a script overrides).
    #[must_use]
    pub fn with_colour(&self, colour: ColourSpec) -> Picture {
        Picture { spec: PictureSpec { colour, ..self.spec }, storage: Arc::clone(&self.storage) }
    }

    /// The memory.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// All planes to be drawn into, rows at the storage's strides; `None` if anyone else holds this picture or its
    /// memory: what was handed out never changes.
    pub fn planes_mut(&mut self) -> Option<Vec<&mut [u8]>> {
        Arc::get_mut(&mut self.storage)?.planes_mut()
    }

    /// Width and height of a plane, in samples.
    pub fn plane_size(&self, index: usize) -> (u32, u32) {
        self.spec.format.plane_size(index, self.spec.width, self.spec.height)
    }

    /// Row `y` of a plane as bytes, without padding.
    ///
    /// # Panics
    /// If the plane or row does not exist: a mistake of ours, never of a file's.
    pub fn row(&self, plane: usize, y: u32) -> &[u8] {
        let width = self.plane_size(plane).0 as usize * self.spec.format.sample.bytes();
        let start = self.storage.stride(plane) * y as usize;
        &self.storage.plane(plane)[start..start + width]
    }

    /// Row `y` of a plane of 16-bit samples.
    ///
    /// # Panics
    /// As [`Picture::row`], and if samples are not two bytes.
    pub fn row_u16(&self, plane: usize, y: u32) -> &[u16] {
        bytemuck::cast_slice(self.row(plane, y))
    }

    /// Row `y` of a plane of floats.
    ///
    /// # Panics
    /// As [`Picture::row`], and if samples are not four bytes.
    pub fn row_f32(&self, plane: usize, y: u32) -> &[f32] {
        bytemuck::cast_slice(self.row(plane, y))
    }

    /// Whether both are the very same memory: nothing was computed in between.
    pub fn same_memory(&self, other: &Picture) -> bool {
        Arc::ptr_eq(&self.storage, &other.storage)
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Picture").field(&self.spec).finish()
    }
}

/// Planes of our own, aligned to 64 bytes a row: filled, then frozen into a [`Picture`].
#[derive(Debug)]
pub struct PictureBuffer {
    spec: PictureSpec,
    planes: Vec<OwnedPlane>,
}

/// One cache line: what rows start at.
#[derive(Debug, Clone, Copy, bytemuck::Zeroable, bytemuck::Pod)]
#[repr(C, align(64))]
struct Line([u8; 64]);

#[derive(Debug)]
struct OwnedPlane {
    lines: Vec<Line>,
    stride: usize,
}

impl PictureBuffer {
    /// Zeroed planes for `spec`.
    pub fn new(spec: PictureSpec) -> Self {
        let planes = (0..spec.format.planes())
            .map(|i| {
                let (w, h) = spec.format.plane_size(i, spec.width, spec.height);
                let lines = (w as usize * spec.format.sample.bytes()).div_ceil(64);
                OwnedPlane { lines: vec![Line([0; 64]); lines * h as usize], stride: lines * 64 }
            })
            .collect();
        PictureBuffer { spec, planes }
    }

    /// Everything but the samples.
    pub fn spec(&self) -> &PictureSpec {
        &self.spec
    }

    /// Bytes from one row of a plane to the next.
    pub fn stride(&self, plane: usize) -> usize {
        self.planes[plane].stride
    }

    /// All bytes of a plane, rows at [`PictureBuffer::stride`].
    pub fn plane_mut(&mut self, plane: usize) -> &mut [u8] {
        bytemuck::cast_slice_mut(&mut self.planes[plane].lines)
    }

    /// All planes at once, for filling them side by side.
    pub fn planes_mut(&mut self) -> Vec<&mut [u8]> {
        self.planes.iter_mut().map(|p| bytemuck::cast_slice_mut(p.lines.as_mut_slice())).collect()
    }

    /// No longer changed from here on.
    pub fn freeze(self) -> Picture {
        Picture { spec: self.spec, storage: Arc::new(self) }
    }

    /// The buffer behind a picture again, for its memory to be used anew, if nobody else holds it and it is ours.
    pub fn reclaim(picture: Picture) -> Option<PictureBuffer> {
        Arc::into_inner(picture.storage.into_any().downcast::<PictureBuffer>().ok()?)
    }
}

impl Storage for PictureBuffer {
    fn plane(&self, index: usize) -> &[u8] {
        bytemuck::cast_slice(&self.planes[index].lines)
    }

    fn stride(&self, index: usize) -> usize {
        self.planes[index].stride
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn std::any::Any + Send + Sync> {
        self
    }

    fn planes_mut(&mut self) -> Option<Vec<&mut [u8]>> {
        Some(PictureBuffer::planes_mut(self))
    }
}
