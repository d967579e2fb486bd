//! How a picture lies in a buffer of 32-bit words: planes at multiples of 256 bytes, rows at multiples of 4.
//!
//! Float pictures lie exactly as `kernel::PlaneLayout::packed` says, so that kernels take them as they are.

use crate::exec::ExecError;
use crate::picture::{PictureSpec, PixelFormat, Sample};

/// Where a plane lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plane {
    /// First word.
    pub(super) offset: u32,
    /// Words a row.
    pub(super) stride: u32,
    /// Samples a row.
    pub(super) width: u32,
    /// Rows.
    pub(super) height: u32,
}

/// A picture in a buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// Plane after plane.
    pub(super) planes: Vec<Plane>,
    /// Bytes of the whole.
    pub(super) bytes: u64,
}

impl Layout {
    /// The layout of a picture on a device.
    ///
    /// # Errors
    /// If a binding of the device cannot hold it.
    pub(super) fn new(spec: &PictureSpec, limits: &wgpu::Limits) -> Result<Layout, ExecError> {
        let mut words: u64 = 0;
        let mut planes = Vec::new();
        for index in 0..spec.format.planes() {
            let (width, height) = spec.format.plane_size(index, spec.width, spec.height);
            let stride = u64::from(width).div_ceil(u64::from(per_word(spec.format)));
            planes.push(Plane { offset: words as u32, stride: stride as u32, width, height });
            words += (stride * u64::from(height)).next_multiple_of(64);
        }
        let bytes = words * 4;
        if bytes > limits.max_storage_buffer_binding_size.min(limits.max_buffer_size) {
            return Err(ExecError::OutOfMemory(format!(
                "a picture of {}×{} takes {} MiB here, and this GPU binds at most {} MiB at once; render with \
                 `--backend cpu`",
                spec.width,
                spec.height,
                bytes >> 20,
                limits.max_storage_buffer_binding_size >> 20,
            )));
        }
        Ok(Layout { planes, bytes })
    }
}

/// Samples a word.
pub(super) fn per_word(format: PixelFormat) -> u32 {
    match format.sample {
        Sample::U8 => 4,
        Sample::U16(_) => 2,
        Sample::F32(_) => 1,
    }
}

/// The code of no colour; of floats of 0–1 the middle.
pub(super) fn neutral(sample: Sample) -> f32 {
    match sample.depth() {
        0 => 0.5,
        depth => (1u32 << (depth.min(16) - 1)) as f32,
    }
}
