//! A bound pixel function: what a pass runs, on either machine.
//!
//! An effect of the registry, with its choices made, gives a [`Step`]; a blend mode or a transition gives a
//! [`Combine`]. Numbers that change from frame to frame are not in it: they are the uniforms that it is handed.

use crate::exec::tile::{SimdLevel, TILE_PIXELS, Tile, TilePlace};

/// One picture in, one out, pixel by pixel.
pub trait Step: Send + Sync {
    /// Its name, and everything that changes its code (the choices): equal keys mean equal code.
    fn key(&self) -> String;
    /// How many floats of uniforms it reads.
    fn uniforms(&self) -> usize;
    /// Whether it wants straight or multiplied alpha.
    fn alpha(&self) -> Alpha;
    /// The function over a tile, in place.
    fn run(&self, level: SimdLevel, tile: &mut Tile, uniforms: &[f32], place: &TilePlace);
    /// The same as a WGSL function `fn NAME(u: u32, at: vec4<f32>, px: vec4<f32>) -> vec4<f32>`, where `at` is x, y,
    /// width and height, and uniform `k` is `number(u + k)`, a global `fn number(i: u32) -> f32`.
    fn wgsl(&self, name: &str) -> String;
}

/// Two pictures in, one out: blends, mixes, transitions.
pub trait Combine: Send + Sync {
    /// As [`Step::key`].
    fn key(&self) -> String;
    /// As [`Step::uniforms`].
    fn uniforms(&self) -> usize;
    /// What both inputs have and the output gets.
    fn alpha(&self) -> Alpha;
    /// Whether the result is `below` wherever `above` is fully transparent, so that tiles that `above` does not
    /// reach may be left out.
    fn keeps_below(&self) -> bool;
    /// `below` becomes the combination of both.
    fn run(&self, level: SimdLevel, below: &mut Tile, above: &Tile, uniforms: &[f32], place: &TilePlace);
    /// `fn NAME(u: u32, at: vec4<f32>, below: vec4<f32>, above: vec4<f32>) -> vec4<f32>`.
    fn wgsl(&self, name: &str) -> String;
    /// Which share of the combination's colour is a certain picture's, where it has the first of `shares` of `below`'s
    /// and the second of `above`'s: the first becomes it. A share goes with the colour: multiplied by alpha where
    /// colour is.
    fn share(
        &self,
        level: SimdLevel,
        shares: (&mut Share, &Share),
        pixels: [&Tile; 2],
        uniforms: &[f32],
        place: &TilePlace,
    );
    /// `fn NAME(u: u32, at: vec4<f32>, below: vec4<f32>, above: vec4<f32>, shares: vec2<f32>) -> f32`.
    fn share_wgsl(&self, name: &str) -> String;
}

/// A number a pixel of a tile: how much of its colour is a certain picture's.
pub type Share = [f32; TILE_PIXELS];

/// What alpha means to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alpha {
    /// Colour is not multiplied by alpha.
    Straight,
    /// Colour is multiplied by alpha.
    Premultiplied,
    /// It works on either: it treats all four alike, or touches no colour.
    Either,
}
