//! Buffers that are used again: a frame's are those of an earlier frame.
//!
//! A [`Pooled`] buffer goes back on the shelf when its last holder lets go. Buffers that only the device touches may
//! be taken again at once, since the device works in order; those that the host maps must be held until their frame
//! is done. What nobody has taken for a while is freed.

use std::sync::{Arc, Mutex, PoisonError};

use super::device::Device;
use crate::exec::ExecError;

/// What a buffer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Written by the host.
    Upload,
    /// Touched by the device alone.
    Work,
    /// Read by the host.
    Download,
}

/// Frames after which an unused buffer is freed.
const PATIENCE: u32 = 48;

#[derive(Debug)]
struct Idle {
    buffer: wgpu::Buffer,
    purpose: Purpose,
    age: u32,
}

type Shelf = Arc<Mutex<Vec<Idle>>>;

/// The buffers that are free.
pub(super) struct Pool {
    device: Arc<Device>,
    shelf: Shelf,
}

/// A buffer on loan.
#[derive(Debug)]
pub(super) struct Pooled {
    buffer: Option<wgpu::Buffer>,
    purpose: Purpose,
    shelf: Shelf,
}

impl Pool {
    pub(super) fn new(device: Arc<Device>) -> Pool {
        Pool { device, shelf: Shelf::default() }
    }

    /// A buffer of at least so many bytes, its contents anything.
    pub(super) fn take(&self, purpose: Purpose, bytes: u64) -> Result<Arc<Pooled>, ExecError> {
        let size = size_class(bytes, self.device.limits.max_buffer_size);
        let found = {
            let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
            let at = shelf.iter().position(|idle| idle.purpose == purpose && idle.buffer.size() == size);
            at.map(|at| shelf.swap_remove(at).buffer)
        };
        let buffer = match found {
            Some(buffer) => buffer,
            None => self.create(purpose, size)?,
        };
        Ok(Arc::new(Pooled { buffer: Some(buffer), purpose, shelf: Arc::clone(&self.shelf) }))
    }

    fn create(&self, purpose: Purpose, size: u64) -> Result<wgpu::Buffer, ExecError> {
        use wgpu::BufferUsages as U;
        let work = U::STORAGE | U::UNIFORM | U::COPY_SRC | U::COPY_DST;
        let usage = match (purpose, self.device.direct) {
            (Purpose::Work, _) => work,
            (Purpose::Upload, true) => U::MAP_WRITE | U::STORAGE | U::UNIFORM | U::COPY_SRC,
            (Purpose::Upload, false) => U::MAP_WRITE | U::COPY_SRC,
            (Purpose::Download, true) => U::MAP_READ | work,
            (Purpose::Download, false) => U::MAP_READ | U::COPY_DST,
        };
        let scope = self.device.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let descriptor = wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false };
        let buffer = self.device.device.create_buffer(&descriptor);
        match pollster::block_on(scope.pop()) {
            Some(_) => Err(ExecError::OutOfMemory(format!("the GPU has no {} MiB left", (size >> 20) + 1))),
            None => self.device.check().map(|()| buffer),
        }
    }

    /// A frame has passed: what has been idle for long is freed.
    pub(super) fn age(&self) {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.retain_mut(|idle| {
            idle.age += 1;
            idle.age <= PATIENCE
        });
    }
}

impl Pooled {
    /// The buffer itself.
    ///
    /// # Errors
    /// Never while it is on loan.
    pub(super) fn buffer(&self) -> Result<&wgpu::Buffer, ExecError> {
        self.buffer
            .as_ref()
            .ok_or_else(|| ExecError::Unavailable("a buffer was used after its return".to_owned()))
    }

    pub(super) fn purpose(&self) -> Purpose {
        self.purpose
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            let idle = Idle { buffer, purpose: self.purpose, age: 0 };
            self.shelf.lock().unwrap_or_else(PoisonError::into_inner).push(idle);
        }
    }
}

/// Few sizes, so that buffers fit again: powers of two below 64 KiB, multiples of that above.
fn size_class(bytes: u64, most: u64) -> u64 {
    const STEP: u64 = 1 << 16;
    if bytes <= STEP {
        bytes.max(256).next_power_of_two()
    } else {
        let rounded = bytes.next_multiple_of(STEP);
        if rounded > most { bytes } else { rounded }
    }
}
