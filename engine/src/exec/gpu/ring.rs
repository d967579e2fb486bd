//! Frames in flight: recorded work goes in, pictures come out in the same order.
//!
//! A [`Recording`] gathers a frame's copies and dispatches with their numbers; [`Ring::submit`] hands it to the device
//! as one submission. Pictures are *views* of the memory that the device wrote: nothing is copied on the host, and the
//! buffer goes back to the pool when the last holder of the picture lets go.

use std::any::Any;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::device::Device;
use super::layout::Layout;
use super::pool::{Pool, Pooled, Purpose};
use crate::exec::ExecError;
use crate::picture::{Picture, PictureSpec, Storage};

/// Frames that may be under way when a picture is asked for: one uploading, one computing.
const IN_FLIGHT: usize = 2;

/// A picture on the device.
#[derive(Debug, Clone)]
pub(super) struct DevicePicture {
    pub(super) spec: PictureSpec,
    pub(super) layout: Layout,
    pub(super) buffer: Arc<Pooled>,
}

/// What a shader's binding shows.
pub(super) enum Binding {
    /// Numbers of the recording.
    Params(Range<u64>),
    /// So many bytes from the start of a buffer.
    Buffer(Arc<Pooled>, u64),
}

impl Binding {
    /// A whole picture.
    pub(super) fn picture(picture: &DevicePicture) -> Binding {
        Binding::Buffer(Arc::clone(&picture.buffer), picture.layout.bytes)
    }
}

enum Command {
    Copy { from: Arc<Pooled>, to: Arc<Pooled>, offset: u64, bytes: u64 },
    Dispatch { pipeline: Arc<wgpu::ComputePipeline>, bindings: Vec<Binding>, groups: [u32; 2] },
}

/// A frame's work.
#[derive(Default)]
pub(super) struct Recording {
    params: Vec<u8>,
    commands: Vec<Command>,
}

impl Recording {
    /// Numbers for a binding.
    pub(super) fn params(&mut self, words: &[u32]) -> Binding {
        let start = self.params.len();
        self.params.extend_from_slice(bytemuck::cast_slice(words));
        let end = self.params.len().max(start + 16).next_multiple_of(16);
        self.params.resize(end.next_multiple_of(256), 0);
        Binding::Params(start as u64..end as u64)
    }

    /// Copies bytes between equal places of two buffers.
    pub(super) fn copy(&mut self, from: &Arc<Pooled>, to: &Arc<Pooled>, bytes: Range<u64>) {
        self.commands.push(Command::Copy {
            from: Arc::clone(from),
            to: Arc::clone(to),
            offset: bytes.start,
            bytes: bytes.end - bytes.start,
        });
    }

    /// Runs a shader.
    pub(super) fn dispatch(
        &mut self,
        pipeline: &Arc<wgpu::ComputePipeline>,
        bindings: Vec<Binding>,
        groups: [u32; 2],
    ) {
        self.commands.push(Command::Dispatch { pipeline: Arc::clone(pipeline), bindings, groups });
    }

    fn keeps(&self) -> Vec<Arc<Pooled>> {
        let mut kept = Vec::new();
        for command in &self.commands {
            match command {
                Command::Copy { from, to, .. } => kept.extend([Arc::clone(from), Arc::clone(to)]),
                Command::Dispatch { bindings, .. } => kept.extend(bindings.iter().filter_map(|b| match b {
                    Binding::Buffer(buffer, _) => Some(Arc::clone(buffer)),
                    Binding::Params(_) => None,
                })),
            }
        }
        kept.retain(|buffer| buffer.purpose() != Purpose::Work);
        kept
    }
}

/// The answer of an asynchronous mapping.
type Mapped = Arc<Mutex<Option<Result<(), wgpu::BufferAsyncError>>>>;

fn map(buffer: &wgpu::Buffer, mode: wgpu::MapMode) -> Mapped {
    let mapped = Mapped::default();
    let answer = Arc::clone(&mapped);
    buffer.map_async(mode, .., move |result| {
        *answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    });
    mapped
}

/// A frame that has been asked for.
enum Frame {
    Ready(Picture),
    Pending { picture: DevicePicture, index: wgpu::SubmissionIndex, mapped: Mapped, _keeps: Vec<Arc<Pooled>> },
}

/// The frames in flight, oldest first.
pub(super) struct Ring {
    device: Arc<Device>,
    frames: VecDeque<Frame>,
}

impl Ring {
    pub(super) fn new(device: Arc<Device>) -> Ring {
        Ring { device, frames: VecDeque::new() }
    }

    /// A frame that needs no work.
    pub(super) fn ready(&mut self, picture: Picture) {
        self.frames.push_back(Frame::Ready(picture));
    }

    /// Hands a recording over whose result is `picture`, in a buffer that the host can map.
    pub(super) fn submit(
        &mut self,
        pool: &Pool,
        recording: &Recording,
        picture: DevicePicture,
    ) -> Result<(), ExecError> {
        let device = &self.device.device;
        let mut keeps = recording.keeps();
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let params = self.upload_params(pool, recording, &mut encoder, &mut keeps)?;
        let mut compute: Option<wgpu::ComputePass<'static>> = None;
        for command in &recording.commands {
            match command {
                Command::Copy { from, to, offset, bytes } => {
                    compute = None;
                    let (from, to) = (from.buffer()?, to.buffer()?);
                    encoder.copy_buffer_to_buffer(from, *offset, to, *offset, Some(*bytes));
                }
                Command::Dispatch { pipeline, bindings, groups } => {
                    let group = bind(device, pipeline, bindings, &params)?;
                    let descriptor = wgpu::ComputePassDescriptor::default();
                    let pass = compute
                        .get_or_insert_with(|| encoder.begin_compute_pass(&descriptor).forget_lifetime());
                    pass.set_pipeline(pipeline);
                    pass.set_bind_group(0, &group, &[]);
                    pass.dispatch_workgroups(groups[0], groups[1], 1);
                }
            }
        }
        drop(compute);
        let index = self.device.queue.submit([encoder.finish()]);
        let mapped = map(picture.buffer.buffer()?, wgpu::MapMode::Read);
        self.device.check()?;
        self.frames.push_back(Frame::Pending { picture, index, mapped, _keeps: keeps });
        Ok(())
    }

    /// Puts the recording's numbers where shaders see them.
    fn upload_params(
        &self,
        pool: &Pool,
        recording: &Recording,
        encoder: &mut wgpu::CommandEncoder,
        keeps: &mut Vec<Arc<Pooled>>,
    ) -> Result<Arc<Pooled>, ExecError> {
        let bytes = recording.params.len().max(256) as u64;
        let upload = pool.take(Purpose::Upload, bytes)?;
        write(&self.device, &upload, |put| put(0, &recording.params))?;
        keeps.push(Arc::clone(&upload));
        if self.device.direct {
            return Ok(upload);
        }
        let work = pool.take(Purpose::Work, bytes)?;
        encoder.copy_buffer_to_buffer(upload.buffer()?, 0, work.buffer()?, 0, Some(bytes));
        Ok(work)
    }

    /// The oldest picture, if more than the ring wants are in flight.
    pub(super) fn surplus(&mut self) -> Result<Option<Picture>, ExecError> {
        if self.frames.len() > IN_FLIGHT { self.oldest() } else { Ok(None) }
    }

    /// The oldest picture, waiting for it.
    pub(super) fn oldest(&mut self) -> Result<Option<Picture>, ExecError> {
        match self.frames.pop_front() {
            None => Ok(None),
            Some(Frame::Ready(picture)) => Ok(Some(picture)),
            Some(Frame::Pending { picture, index, mapped, _keeps }) => {
                self.wait(index)?;
                let answer = mapped.lock().unwrap_or_else(PoisonError::into_inner).take();
                match answer {
                    Some(Ok(())) => view(picture).map(Some),
                    Some(Err(e)) => Err(ExecError::DeviceLost(e.to_string())),
                    None => Err(ExecError::DeviceLost("a finished frame could not be read".to_owned())),
                }
            }
        }
    }

    fn wait(&self, index: wgpu::SubmissionIndex) -> Result<(), ExecError> {
        self.device.check()?;
        let poll = wgpu::PollType::Wait { submission_index: Some(index), timeout: None };
        self.device.device.poll(poll).map_err(|e| ExecError::DeviceLost(e.to_string()))?;
        self.device.check()
    }
}

fn bind(
    device: &wgpu::Device,
    pipeline: &wgpu::ComputePipeline,
    bindings: &[Binding],
    params: &Pooled,
) -> Result<wgpu::BindGroup, ExecError> {
    let mut entries = Vec::with_capacity(bindings.len());
    for (binding, what) in (0..).zip(bindings) {
        let (buffer, offset, bytes) = match what {
            Binding::Params(range) => (params.buffer()?, range.start, range.end - range.start),
            Binding::Buffer(buffer, bytes) => (buffer.buffer()?, 0, *bytes),
        };
        let resource = wgpu::BufferBinding { buffer, offset, size: wgpu::BufferSize::new(bytes) };
        entries.push(wgpu::BindGroupEntry { binding, resource: wgpu::BindingResource::Buffer(resource) });
    }
    let layout = pipeline.get_bind_group_layout(0);
    Ok(device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &layout,
        entries: &entries,
    }))
}

/// Fills a buffer of [`Purpose::Upload`] that no frame in flight uses: `fill` is handed a function that puts bytes at
/// an offset.
pub(super) fn write(
    device: &Device,
    upload: &Pooled,
    fill: impl FnOnce(&mut dyn FnMut(usize, &[u8])),
) -> Result<(), ExecError> {
    let buffer = upload.buffer()?;
    let mapped = map(buffer, wgpu::MapMode::Write);
    let lost = |text: String| ExecError::DeviceLost(text);
    let answer = || mapped.lock().unwrap_or_else(PoisonError::into_inner).take();
    device.device.poll(wgpu::PollType::Poll).map_err(|e| lost(e.to_string()))?;
    let ready = match answer() {
        Some(answer) => Some(answer),
        None => {
            device.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|e| lost(e.to_string()))?;
            answer()
        }
    };
    device.check()?;
    ready.unwrap_or(Err(wgpu::BufferAsyncError)).map_err(|e| lost(e.to_string()))?;
    let mut view = buffer.get_mapped_range_mut(..).map_err(|e| lost(e.to_string()))?;
    fill(&mut |offset, bytes| view.slice(offset..offset + bytes.len()).copy_from_slice(bytes));
    drop(view);
    buffer.unmap();
    Ok(())
}

/// A mapped buffer as a picture.
fn view(picture: DevicePicture) -> Result<Picture, ExecError> {
    let DevicePicture { spec, layout, buffer } = picture;
    let bytes = buffer
        .buffer()?
        .get_mapped_range(..layout.bytes)
        .map_err(|e| ExecError::DeviceLost(e.to_string()))?;
    Ok(Picture::new(spec, Arc::new(Downloaded { bytes: Some(bytes), layout, buffer })))
}

/// Planes that the device wrote, mapped.
struct Downloaded {
    /// `None` only while it is being dropped.
    bytes: Option<wgpu::BufferView>,
    layout: Layout,
    buffer: Arc<Pooled>,
}

impl Storage for Downloaded {
    fn plane(&self, index: usize) -> &[u8] {
        let plane = self.layout.planes[index];
        let start = plane.offset as usize * 4;
        let end = start + plane.stride as usize * 4 * plane.height as usize;
        self.bytes.as_ref().and_then(|bytes| bytes.get(start..end)).unwrap_or_default()
    }

    fn stride(&self, index: usize) -> usize {
        self.layout.planes[index].stride as usize * 4
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl Drop for Downloaded {
    fn drop(&mut self) {
        self.bytes = None;
        if let Ok(buffer) = self.buffer.buffer() {
            buffer.unmap();
        }
    }
}
