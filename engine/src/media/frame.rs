//! Between libav's frames and our pictures.
//!
//! A decoded frame becomes a [`Picture`] that shares its memory wherever its planes are ours already, else a copy whose
//! samples are merely put in another place: nothing is scaled, filtered or converted in colour (chroma of 4:4:0, 4:1:1
//! and 4:1:0, which the engine does not have, is repeated into the next larger layout). A picture becomes a frame that
//! shares the picture's memory.

use std::any::Any;
use std::ffi::c_void;
use std::ops::Range;
use std::sync::Arc;

use ff::ffi;
use ff::frame::Video as Frame;
use ffmpeg_next as ff;

use super::format::{self, Layout};
use crate::colour::ColourSpec;
use crate::picture::{Model, Picture, PictureBuffer, PictureSpec, Sample, Storage};

/// A libav frame as the memory of a picture.
struct FrameStorage {
    frame: Frame,
    /// libav's plane and the bytes of each of our planes.
    planes: Vec<(usize, usize)>,
}

impl Storage for FrameStorage {
    fn plane(&self, index: usize) -> &[u8] {
        let Some(&(plane, length)) = self.planes.get(index) else { return &[] };
        // SAFETY: `share` has checked that the plane exists, that its stride is positive, and `length` counts no byte
        // beyond the last row's samples. The frame owns the memory, and only `planes_mut` writes to it, which no one
        // else holds then.
        unsafe { std::slice::from_raw_parts((*self.frame.as_ptr()).data[plane], length) }
    }

    fn stride(&self, index: usize) -> usize {
        self.planes.get(index).map_or(0, |&(plane, _)| self.frame.stride(plane))
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn planes_mut(&mut self) -> Option<Vec<&mut [u8]>> {
        // SAFETY: reads the reference counts of a live frame. Libav calls it writable if ours is the only reference to
        // each of its buffers and none is marked read-only: no decoder refers to it then, and none can come to, because
        // a reference is only ever made of a reference.
        if unsafe { ffi::av_frame_is_writable(self.frame.as_mut_ptr()) } <= 0 {
            return None;
        }
        let mut places: Vec<Range<*const u8>> =
            (0..self.planes.len()).map(|index| self.plane(index).as_ptr_range()).collect();
        places.sort_by_key(|place| place.start);
        if places.windows(2).any(|pair| pair[0].end > pair[1].start) {
            return None;
        }
        // SAFETY: as for `plane`; nobody else refers to the memory, the slices do not overlap, and they borrow `self`
        // for as long as they live.
        let slice = |&(plane, length): &(usize, usize)| unsafe {
            std::slice::from_raw_parts_mut((*self.frame.as_ptr()).data[plane], length)
        };
        Some(self.planes.iter().map(slice).collect())
    }
}

/// The picture in a decoded frame, or `None` if its layout is none that we read. `colour` is what its codes mean.
pub(super) fn picture(frame: Frame, colour: ColourSpec) -> Option<Picture> {
    let layout = format::layout(frame.format())?;
    let spec = PictureSpec {
        width: frame.width(),
        height: frame.height(),
        format: layout.format,
        colour,
        premultiplied: false,
    };
    match share(&frame, &layout, &spec) {
        Some(planes) => Some(Picture::new(spec, Arc::new(FrameStorage { frame, planes }))),
        None => Some(copy(&frame, &layout, spec)),
    }
}

/// The planes of a frame whose memory can be used as it is.
fn share(frame: &Frame, layout: &Layout, spec: &PictureSpec) -> Option<Vec<(usize, usize)>> {
    let map = layout.planes?;
    let bytes = spec.format.sample.bytes();
    (0..spec.format.planes())
        .zip(map)
        .map(|(ours, theirs)| {
            let (width, height) = spec.format.plane_size(ours, spec.width, spec.height);
            // SAFETY: reads two fixed-size arrays of a live frame.
            let (data, stride) =
                unsafe { ((*frame.as_ptr()).data[theirs], (*frame.as_ptr()).linesize[theirs]) };
            let stride = usize::try_from(stride).ok()?;
            let row = width as usize * bytes;
            let usable = !data.is_null()
                && stride >= row
                && stride.is_multiple_of(bytes)
                && (data as usize).is_multiple_of(bytes);
            usable.then(|| (theirs, stride * (height as usize - 1) + row))
        })
        .collect()
}

/// The samples put into planes of our own.
fn copy(frame: &Frame, layout: &Layout, spec: PictureSpec) -> Picture {
    let mut out = PictureBuffer::new(spec);
    let (width, height) = (spec.width as usize, spec.height as usize);
    let mut line = vec![0_u16; width];
    let palette = layout.palette.then(|| palette(frame));
    for plane in 0..spec.format.planes() {
        let chroma = spec.format.is_chroma(plane);
        let shrink = |n: usize, log2: u8| if chroma { n.div_ceil(1 << log2) } else { n };
        let (coded_w, coded_h) = (shrink(width, layout.coded_log2.0), shrink(height, layout.coded_log2.1));
        let (out_w, out_h) = spec.format.plane_size(plane, spec.width, spec.height);
        let repeat = |ours: u8, coded: u8| if chroma { usize::from(coded - ours) } else { 0 };
        let repeat_x = repeat(spec.format.log2_x, layout.coded_log2.0);
        let repeat_y = repeat(spec.format.log2_y, layout.coded_log2.1);
        let stride = out.stride(plane);
        let target = out.plane_mut(plane);
        for y in 0..out_h as usize {
            read_line(
                frame,
                layout,
                if palette.is_some() { 0 } else { plane },
                (y >> repeat_y).min(coded_h - 1),
                &mut line[..coded_w],
            );
            let depth = layout.depths[plane];
            let value = |x: usize| {
                let code = line[(x >> repeat_x).min(coded_w - 1)];
                match &palette {
                    Some(colours) => u16::from(colours[usize::from(code & 255)][plane]),
                    None => widen(code, depth, spec.format.sample, layout.inverted),
                }
            };
            let row = &mut target[y * stride..];
            match spec.format.sample {
                Sample::U8 => {
                    row.iter_mut().take(out_w as usize).enumerate().for_each(|(x, b)| *b = value(x) as u8)
                }
                _ => row
                    .chunks_exact_mut(2)
                    .take(out_w as usize)
                    .enumerate()
                    .for_each(|(x, b)| b.copy_from_slice(&value(x).to_ne_bytes())),
            }
        }
    }
    out.freeze()
}

/// A code of fewer bits than its plane's on the plane's scale: 31 of 31 becomes 255 of 255.
fn widen(code: u16, depth: u8, sample: Sample, inverted: bool) -> u16 {
    let top = |bits: u8| (1_u32 << bits) - 1;
    let code = if inverted { top(depth) - u32::from(code) } else { u32::from(code) };
    let target = sample.depth();
    if depth == target {
        code as u16
    } else {
        ((code * top(target) * 2 + top(depth)) / (2 * top(depth))) as u16
    }
}

/// The components of one row, whatever they are packed with.
fn read_line(frame: &Frame, layout: &Layout, component: usize, y: usize, out: &mut [u16]) {
    let Some(description) = frame.format().descriptor() else { return };
    debug_assert!(layout.palette || component < usize::from(description.nb_components()));
    // SAFETY: libav reads `out.len()` samples of row `y` of a component that the format has; both are within the
    // frame's size by the caller's arithmetic. It writes two bytes an element.
    unsafe {
        let raw = frame.as_ptr();
        ffi::av_read_image_line2(
            out.as_mut_ptr().cast::<c_void>(),
            (&raw const (*raw).data).cast_mut().cast::<*const u8>(),
            (&raw const (*raw).linesize).cast::<i32>(),
            description.as_ptr(),
            0,
            y as i32,
            component as i32,
            out.len() as i32,
            0,
            2,
        );
    }
}

/// The 256 colours of a paletted frame as R, G, B, A.
fn palette(frame: &Frame) -> Vec<[u8; 4]> {
    // SAFETY: a frame of a paletted format has 256 native 32-bit ARGB words in its second plane.
    let words = unsafe {
        let data = (*frame.as_ptr()).data[1];
        if data.is_null() { &[] } else { std::slice::from_raw_parts(data, 1024) }
    };
    let mut colours: Vec<[u8; 4]> = words
        .chunks_exact(4)
        .map(|b| {
            let argb = u32::from_ne_bytes([b[0], b[1], b[2], b[3]]);
            [(argb >> 16) as u8, (argb >> 8) as u8, argb as u8, (argb >> 24) as u8]
        })
        .collect();
    colours.resize(256, [0; 4]);
    colours
}

/// A frame that shares a picture's memory, for an encoder that reads planes; `None` if libav has no such layout.
pub(super) fn frame(picture: &Picture, pixel: ff::format::Pixel) -> Option<Frame> {
    let layout = format::layout(pixel)?;
    let spec = picture.spec();
    let map = layout.planes.filter(|_| layout.format == spec.format)?;
    let mut frame = Frame::empty();
    frame.set_format(pixel);
    frame.set_width(spec.width);
    frame.set_height(spec.height);
    for (ours, theirs) in (0..spec.format.planes()).zip(map) {
        let storage = Arc::clone(picture.storage());
        let plane = storage.plane(ours);
        let (data, length) = (plane.as_ptr().cast_mut(), plane.len());
        let stride = i32::try_from(storage.stride(ours)).ok()?;
        let owner = Box::into_raw(Box::new(storage)).cast::<c_void>();
        // SAFETY: the buffer covers the plane's bytes, which the boxed storage keeps alive until libav releases the
        // buffer; it is marked read-only, so that libav copies before it would write.
        unsafe {
            let buffer =
                ffi::av_buffer_create(data, length, Some(release), owner, ffi::AV_BUFFER_FLAG_READONLY);
            if buffer.is_null() {
                release(owner, data);
                return None;
            }
            let raw = frame.as_mut_ptr();
            (*raw).buf[theirs] = buffer;
            (*raw).data[theirs] = data;
            (*raw).linesize[theirs] = stride;
        }
    }
    // SAFETY: `extended_data` of a video frame points to its own `data`.
    unsafe { (*frame.as_mut_ptr()).extended_data = (*frame.as_mut_ptr()).data.as_mut_ptr() };
    Some(frame)
}

unsafe extern "C" fn release(owner: *mut c_void, _data: *mut u8) {
    // SAFETY: `owner` is the box that `frame` leaked for exactly this call.
    drop(unsafe { Box::from_raw(owner.cast::<Arc<dyn Storage>>()) });
}

/// A frame of a packed format (RGB24, RGBA, RGB48, RGBA64, YA8, …) with a picture's samples, for encoders that know
/// no planes; `None` if the formats do not hold the same components at the same depth.
pub(super) fn packed(picture: &Picture, pixel: ff::format::Pixel) -> Option<Frame> {
    let layout = format::layout(pixel)?;
    let spec = picture.spec();
    if layout.format != spec.format || spec.format.model == Model::Yuv || layout.palette {
        return None;
    }
    let mut frame = Frame::new(pixel, spec.width, spec.height);
    let channels = spec.format.planes();
    let step = if pixel == ff::format::Pixel::BGRZ { 4 } else { channels };
    let order: Vec<usize> = match pixel {
        ff::format::Pixel::BGRA => vec![2, 1, 0, 3],
        ff::format::Pixel::BGR24 | ff::format::Pixel::BGRZ => vec![2, 1, 0],
        ff::format::Pixel::ARGB => vec![3, 0, 1, 2],
        _ => (0..channels).collect(),
    };
    let big_endian = pixel.descriptor().is_some_and(|d| d.name().ends_with("be"));
    let stride = frame.stride(0);
    let bytes = spec.format.sample.bytes();
    let target = frame.data_mut(0);
    for y in 0..spec.height {
        for (position, &plane) in order.iter().enumerate() {
            let source = picture.row(plane, y).chunks_exact(bytes);
            let row = &mut target[y as usize * stride..];
            let cells = row.chunks_exact_mut(bytes).skip(position).step_by(step);
            for (cell, code) in cells.zip(source) {
                match code {
                    [low] => cell[0] = *low,
                    [a, b] => {
                        let value = u16::from_ne_bytes([*a, *b]);
                        cell.copy_from_slice(&if big_endian {
                            value.to_be_bytes()
                        } else {
                            value.to_le_bytes()
                        });
                    }
                    _ => return None,
                }
            }
        }
    }
    Some(frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::PixelFormat;
    use ff::format::Pixel;

    #[test]
    fn packed_formats_unpack_to_what_was_packed() {
        for (format, pixels) in [
            (PixelFormat::RGBA_U8, vec![Pixel::RGBA, Pixel::BGRA, Pixel::ARGB]),
            (
                PixelFormat { sample: Sample::U16(16), ..PixelFormat::RGBA_U8 },
                vec![Pixel::RGBA64BE, Pixel::RGBA64LE],
            ),
            (PixelFormat { model: Model::Grey, ..PixelFormat::RGBA_U8 }, vec![Pixel::YA8]),
        ] {
            let spec =
                PictureSpec { width: 5, height: 3, format, colour: ColourSpec::SRGB, premultiplied: false };
            let mut buffer = PictureBuffer::new(spec);
            for (p, plane) in buffer.planes_mut().into_iter().enumerate() {
                plane.iter_mut().enumerate().for_each(|(i, b)| *b = (i * 7 + p * 50) as u8);
            }
            let source = buffer.freeze();
            for pixel in pixels {
                let back = picture(packed(&source, pixel).unwrap(), ColourSpec::SRGB).unwrap();
                assert_eq!(back.spec(), source.spec());
                for plane in 0..format.planes() {
                    for y in 0..3 {
                        assert_eq!(back.row(plane, y), source.row(plane, y), "{pixel:?} {plane} {y}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_shared_frame_keeps_the_picture_alive() {
        let spec = PictureSpec {
            width: 4,
            height: 4,
            format: PixelFormat::YUV420P,
            colour: ColourSpec::BT709,
            premultiplied: false,
        };
        let mut buffer = PictureBuffer::new(spec);
        buffer.plane_mut(1)[0] = 99;
        let source = buffer.freeze();
        let shared = frame(&source, Pixel::YUV420P).unwrap();
        let pointer = source.row(0, 0).as_ptr();
        drop(source);
        let back = picture(shared, ColourSpec::BT709).unwrap();
        assert_eq!((back.row(0, 0).as_ptr(), back.row(1, 0)), (pointer, &[99, 0][..]));
    }

    #[test]
    fn a_frame_is_drawn_into_only_while_nobody_else_refers_to_its_memory() {
        let decoded = Frame::new(Pixel::YUV420P, 8, 6);
        // What a decoder does that keeps a frame to predict others from.
        let mut kept = Frame::empty();
        // SAFETY: `kept` is an empty frame, `decoded` one with buffers.
        assert_eq!(unsafe { ffi::av_frame_ref(kept.as_mut_ptr(), decoded.as_ptr()) }, 0);
        let mut shown = picture(decoded, ColourSpec::BT709).unwrap();
        assert!(shown.planes_mut().is_none(), "the decoder refers to it");
        drop(kept);
        let mut again = shown.clone();
        assert!(shown.planes_mut().is_none() && again.planes_mut().is_none(), "it is shown twice");
        drop(again);
        let mut planes = shown.planes_mut().unwrap();
        assert_eq!(planes.len(), 3);
        planes[2][0] = 77;
        assert_eq!(shown.row(2, 0)[0], 77);
        let lent = frame(&shown, Pixel::YUV420P).unwrap();
        assert!(shown.planes_mut().is_none(), "an encoder has it");
        let mut back = picture(lent, ColourSpec::BT709).unwrap();
        drop(shown);
        assert!(back.planes_mut().is_none(), "what an encoder was lent is read-only");
    }

    #[test]
    fn narrow_codes_widen_over_the_whole_scale() {
        assert_eq!([0, 15, 31].map(|c| widen(c, 5, Sample::U8, false)), [0, 123, 255]);
        assert_eq!([0, 1].map(|c| widen(c, 1, Sample::U8, true)), [255, 0]);
    }
}
