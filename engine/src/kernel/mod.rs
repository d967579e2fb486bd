//! The few operations that look at a pixel's neighbours, each in two forms side by side in one file: one for the
//! processor, one in WGSL.
//!
//! In come a job of `exec::job` and planes; out come planes of floats. Every number that either machine needs (filter
//! weights, positions, shares of coverage) is made once on the host in f64, and both are handed the same f32 tables,
//! so they can differ only by the rounding of a sum. Nothing here knows of devices, layers or time.
//!
//! # On a GPU
//!
//! `plan` of each kernel gives a [`KernelPlan`]: compute dispatches to be done in order, as plain data. Every
//! shader has the entry point `main`, workgroups of 8 × 8 invocations, and in group 0
//!
//! | binding | what | access |
//! |---|---|---|
//! | 0 | floats that are read: [`Dispatch::input`] | `storage, read` `array<f32>` |
//! | 1 | floats that are written: [`Dispatch::output`] | `storage, read_write` `array<f32>` |
//! | 2 | words: [`Dispatch::params`] | `storage, read` `array<u32>` |
//!
//! Words are whole numbers or the bits of floats (a float that holds a small whole number's bits may be flushed to
//! zero on its way, a word may not). A shader may leave binding 0 alone, so the layout has to be explicit. A dispatch writes every sample that a later one reads.

pub mod coefficients;
#[cfg(test)]
mod fixtures;
pub mod gaussian;
pub mod resample;
pub mod rows;
pub mod separable;
pub mod transform;

use crate::picture::PictureSpec;

/// A compute shader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelShader {
    /// Its name: equal keys mean equal text.
    pub key: &'static str,
    /// The whole module.
    pub wgsl: &'static str,
}

/// Where a plane lies in a buffer of floats; everything counts floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaneLayout {
    /// Its first sample.
    pub offset: u32,
    /// From one row to the next.
    pub stride: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl PlaneLayout {
    /// The planes of a picture one after the other, each from a multiple of 64 floats on, rows without padding; and
    /// how many floats that makes.
    pub fn packed(spec: &PictureSpec) -> (Vec<PlaneLayout>, u32) {
        let mut offset = 0;
        let planes = (0..spec.format.planes())
            .map(|i| {
                let (width, height) = spec.format.plane_size(i, spec.width, spec.height);
                let plane = PlaneLayout { offset, stride: width, width, height };
                offset += (width * height).next_multiple_of(64);
                plane
            })
            .collect();
        (planes, offset)
    }
}

/// Names a buffer of floats of a [`KernelPlan`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floats {
    /// The input picture's planes, as floats of the input's scale.
    Input,
    /// The output picture's planes.
    Output,
    /// One of [`KernelPlan::intermediates`].
    Intermediate(usize),
}

/// One compute dispatch.
#[derive(Debug, Clone, PartialEq)]
pub struct Dispatch {
    /// What runs.
    pub shader: KernelShader,
    /// Binding 0.
    pub input: Floats,
    /// Binding 1; never the same buffer as binding 0.
    pub output: Floats,
    /// Binding 2.
    pub params: Vec<u32>,
    /// Workgroups in x and y.
    pub groups: [u32; 2],
}

/// A kernel on a GPU.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KernelPlan {
    /// In order.
    pub dispatches: Vec<Dispatch>,
    /// How many floats each buffer between them holds.
    pub intermediates: Vec<u32>,
}
