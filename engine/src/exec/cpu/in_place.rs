//! What a pass changed, put into the base's own memory.
//!
//! Where a pass touches little of its base and nobody else holds that, what is left alone is not even copied. The pass
//! reads the base about every pixel (chroma has neighbours), so it draws beside, and what is done is moved over after.

use std::ops::Range;

use super::ExecError;
use super::program::broken;
use crate::picture::{Picture, PictureBuffer};

/// Rows and columns of luma that a pass has changed.
#[derive(Debug, Clone)]
pub(super) struct Patch {
    /// Rows; begins and ends with a chroma cell, or at the picture's end.
    pub(super) rows: Range<usize>,
    /// Columns.
    pub(super) columns: Range<usize>,
}

/// Copies what was drawn in `drawn`, of the same layout, into `base`.
pub(super) fn put(base: &mut Picture, drawn: &PictureBuffer, patches: &[Patch]) -> Result<(), ExecError> {
    let spec = *base.spec();
    let format = spec.format;
    let strides: Vec<usize> = (0..format.planes()).map(|plane| base.storage().stride(plane)).collect();
    let planes = base.planes_mut().ok_or(broken("a base that was ours alone has another holder"))?;
    let bytes = format.sample.bytes();
    for (index, (to, stride)) in planes.into_iter().zip(strides).enumerate() {
        let (width, height) = format.plane_size(index, spec.width, spec.height);
        let subsampled = format.is_chroma(index);
        let (log2_x, log2_y) = if subsampled { (format.log2_x, format.log2_y) } else { (0, 0) };
        let from = crate::picture::Storage::plane(drawn, index);
        for Patch { rows, columns } in patches {
            // The tent reaches less than two cells.
            let reach = if log2_x > 0 { 2 } else { 0 };
            let first = (columns.start >> log2_x).saturating_sub(reach);
            let end = (columns.end.div_ceil(1 << log2_x) + reach).min(width as usize);
            let last = rows.end.div_ceil(1 << log2_y).min(height as usize);
            for y in rows.start >> log2_y..last {
                let own = y * drawn.stride(index) + first * bytes;
                let length = (end - first) * bytes;
                to[y * stride + first * bytes..][..length].copy_from_slice(&from[own..][..length]);
            }
        }
    }
    Ok(())
}
