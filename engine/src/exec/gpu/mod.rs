//! The gpu executor: the same jobs as the cpu's, done by compute shaders. The only place that names wgpu.
//!
//! In come [`FrameJob`]s, out come pictures in the same order, two frames later: while one is computed the next is
//! uploaded and the one before read. A frame is one submission. Pictures are uploaded as they are, planes in buffers
//! of words; codes become colours inside the first pass that needs them and codes again inside the last. What several
//! frames in a row show (a still, a title) is uploaded once. What nothing touches never sees the device.
//!
//! `device` opens the device, `kernels` runs what looks at neighbours, `layout` places planes in buffers, `shader` writes a pass as WGSL, `pass` cuts
//! it into dispatches, `pool` keeps the buffers and `ring` the frames in flight.

mod affine;
mod device;
mod kernels;
mod layout;
mod pass;
mod pool;
mod ring;
mod shader;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

pub use device::{AdapterInfo, Preference, adapters, hardware};

use super::job::{FrameJob, PassJob, Slot, Stage};
use super::{ExecError, Executor};
use crate::kernel;
use crate::picture::{Picture, PictureSpec};
use device::{Access, Device};
use layout::Layout;
use pool::{Pool, Purpose};
use ring::{Binding, DevicePicture, Recording, Ring};
use shader::Shape;

/// A slot's picture, wherever it is.
#[derive(Clone)]
enum Value {
    Host(Picture),
    Device(DevicePicture),
}

impl Value {
    fn spec(&self) -> &PictureSpec {
        match self {
            Value::Host(picture) => picture.spec(),
            Value::Device(picture) => &picture.spec,
        }
    }

    /// The same samples with other meaning.
    fn with_spec(self, spec: PictureSpec) -> Value {
        match self {
            Value::Host(picture) => Value::Host(Picture::new(spec, Arc::clone(picture.storage()))),
            Value::Device(picture) => Value::Device(DevicePicture { spec, ..picture }),
        }
    }
}

/// Renders on a GPU.
pub struct GpuExecutor {
    device: Arc<Device>,
    pool: Pool,
    ring: Ring,
    shape: Shape,
    pipelines: HashMap<String, Arc<wgpu::ComputePipeline>>,
    /// What the last frame uploaded, and this one.
    uploads: [Vec<(Picture, DevicePicture)>; 2],
    /// Planes of one code, by its bits.
    constants: Vec<(u64, Picture)>,
}

/// A frame on its way through the stages.
struct Frame {
    slots: Vec<Option<Value>>,
    output: Slot,
    recording: Recording,
}

impl Frame {
    fn get(&self, slot: Slot) -> Result<&Value, ExecError> {
        let value = self.slots.get(slot).and_then(Option::as_ref);
        value.ok_or_else(|| ExecError::Unavailable(format!("the job reads slot {slot} before it is filled")))
    }

    fn set(&mut self, slot: Slot, value: Value) -> Result<(), ExecError> {
        let place = self.slots.get_mut(slot);
        *place.ok_or_else(|| ExecError::Unavailable(format!("the job has no slot {slot}")))? = Some(value);
        Ok(())
    }
}

impl GpuExecutor {
    /// Opens the best device there is.
    ///
    /// # Errors
    /// [`ExecError::Unavailable`] if there is none that will do.
    pub fn new(preference: Preference) -> Result<GpuExecutor, ExecError> {
        Ok(GpuExecutor::on(Device::open(preference)?))
    }

    fn on(device: Device) -> GpuExecutor {
        let shape = if device.info.hardware { Shape::HARDWARE } else { Shape::SOFTWARE };
        let device = Arc::new(device);
        GpuExecutor {
            pool: Pool::new(Arc::clone(&device)),
            ring: Ring::new(Arc::clone(&device)),
            device,
            shape,
            pipelines: HashMap::new(),
            uploads: [Vec::new(), Vec::new()],
            constants: Vec::new(),
        }
    }

    /// The device that it renders on.
    pub fn adapter(&self) -> &AdapterInfo {
        &self.device.info
    }

    /// The picture on the device, uploaded unless it is there.
    fn on_device(&mut self, frame: &mut Frame, slot: Slot) -> Result<DevicePicture, ExecError> {
        let picture = match frame.get(slot)? {
            Value::Device(picture) => return Ok(picture.clone()),
            Value::Host(picture) => picture.clone(),
        };
        let known = |(host, _): &&(Picture, DevicePicture)| {
            host.same_memory(&picture) && host.spec().format == picture.spec().format
        };
        let found = self.uploads.iter().flatten().find(known).map(|(_, device)| device.clone());
        let device = match found {
            Some(device) => DevicePicture { spec: *picture.spec(), ..device },
            None => self.upload(&mut frame.recording, &picture)?,
        };
        if !self.uploads[1].iter().any(|(host, _)| host.same_memory(&picture)) {
            self.uploads[1].push((picture, device.clone()));
        }
        frame.set(slot, Value::Device(device.clone()))?;
        Ok(device)
    }

    fn upload(&mut self, recording: &mut Recording, picture: &Picture) -> Result<DevicePicture, ExecError> {
        let spec = *picture.spec();
        let layout = Layout::new(&spec, &self.device.limits)?;
        let upload = self.pool.take(Purpose::Upload, layout.bytes)?;
        ring::write(&self.device, &upload, |put| {
            for (index, plane) in layout.planes.iter().enumerate() {
                let (start, stride) = (plane.offset as usize * 4, plane.stride as usize * 4);
                let bytes = plane.width as usize * spec.format.sample.bytes();
                let (source, from) = (picture.storage().plane(index), picture.storage().stride(index));
                if from == stride && bytes == stride {
                    put(start, &source[..stride * plane.height as usize]);
                    continue;
                }
                for y in 0..plane.height {
                    put(start + y as usize * stride, picture.row(index, y));
                }
            }
        })?;
        let buffer = if self.device.direct {
            upload
        } else {
            let work = self.pool.take(Purpose::Work, layout.bytes)?;
            recording.copy(&upload, &work, 0..layout.bytes);
            work
        };
        Ok(DevicePicture { spec, layout, buffer })
    }

    /// An empty picture for a slot; where the host can map it at once if it is the frame's last.
    fn target(&self, frame: &Frame, to: Slot, spec: PictureSpec) -> Result<DevicePicture, ExecError> {
        let layout = Layout::new(&spec, &self.device.limits)?;
        let last = to == frame.output && self.device.direct;
        let purpose = if last { Purpose::Download } else { Purpose::Work };
        let buffer = self.pool.take(purpose, layout.bytes)?;
        Ok(DevicePicture { spec, layout, buffer })
    }

    fn pipeline(
        &mut self,
        key: String,
        (label, bindings): (&str, &[Access]),
        text: impl FnOnce() -> String,
    ) -> Result<Arc<wgpu::ComputePipeline>, ExecError> {
        if let Some(pipeline) = self.pipelines.get(&key) {
            return Ok(Arc::clone(pipeline));
        }
        let pipeline = Arc::new(self.device.pipeline(label, &text(), bindings)?);
        self.pipelines.insert(key, Arc::clone(&pipeline));
        Ok(pipeline)
    }

    fn stage(&mut self, frame: &mut Frame, stage: &Stage) -> Result<(), ExecError> {
        match stage {
            Stage::Input { to, picture } => frame.set(*to, Value::Host(picture.clone())),
            Stage::Pass(pass) => self.pass(frame, pass),
            Stage::Affine { from, to, matrix, spec } => self.affine(frame, *from, *to, matrix, spec),
            Stage::Resample(job) => self.kernel(frame, job.from, job.to, &job.spec, |input, from, to| {
                kernel::resample::plan(job, input, from, to)
            }),
            Stage::Transform(job) => self.kernel(frame, job.from, job.to, &job.spec, |_, from, to| {
                kernel::transform::plan(job, from, to)
            }),
            Stage::Gaussian(job) => self.kernel(frame, job.from, job.to, &job.spec, |_, from, to| {
                kernel::gaussian::plan(job, from, to)
            }),
        }
    }

    fn pass(&mut self, frame: &mut Frame, job: &PassJob) -> Result<(), ExecError> {
        let specs =
            job.inputs.iter().map(|s| frame.get(*s).map(|v| *v.spec())).collect::<Result<Vec<_>, _>>()?;
        let prepared = pass::Prepared::new(job, &specs, self.shape, &self.device.limits)?;
        if let (Some(copied), true) = (prepared.copied, prepared.parts.is_empty())
            && let Some(slot) = job.inputs.get(copied)
        {
            let value = frame.get(*slot)?.clone().with_spec(job.spec);
            return frame.set(job.to, value);
        }
        let target = self.target(frame, job.to, job.spec)?;
        if let Some(slot) = prepared.copied.and_then(|input| job.inputs.get(input)) {
            let from = self.on_device(frame, *slot)?;
            frame.recording.copy(&from.buffer, &target.buffer, 0..target.layout.bytes);
        }
        let uniforms: Vec<u32> = prepared.uniforms.iter().map(|u| u.to_bits()).collect();
        for part in &prepared.parts {
            let sources = prepared.sources_of(part);
            let mut inputs = Vec::new();
            for (slot, _) in job.inputs.iter().zip(&sources).filter(|(_, s)| s.used()) {
                inputs.push(self.on_device(frame, *slot)?);
            }
            self.enough_bindings(inputs.len())?;
            let kind = ("pass", pass::bindings(inputs.len(), prepared.many));
            let pipeline = self.pipeline(prepared.key(part), (kind.0, &kind.1), || {
                shader::generate(&prepared.program(part))
            })?;
            let geometry = pass::geometry(part.region, &pictures(&target, &sources, &inputs));
            let mut bindings = vec![frame.recording.params(&uniforms), frame.recording.params(&geometry)];
            bindings.extend([&target].into_iter().chain(&inputs).map(Binding::picture));
            frame.recording.dispatch(&pipeline, bindings, pass::groups(part.region, prepared.shape()));
        }
        frame.set(job.to, Value::Device(target))
    }

    /// Whether a shader may read so many pictures.
    fn enough_bindings(&self, inputs: usize) -> Result<(), ExecError> {
        let most = self.device.limits.max_storage_buffers_per_shader_stage as usize;
        if inputs + 3 <= most {
            return Ok(());
        }
        Err(ExecError::Unavailable(format!(
            "{inputs} pictures lie over each other in one pass, and this GPU takes at most {}; render with \
             `--backend cpu`",
            most.saturating_sub(3)
        )))
    }

    /// Sends a frame off, or hands on a picture that nothing touched.
    fn finish(&mut self, mut frame: Frame) -> Result<(), ExecError> {
        let picture = match frame.get(frame.output)?.clone() {
            Value::Host(picture) => {
                self.ring.ready(picture);
                return Ok(());
            }
            Value::Device(picture) => picture,
        };
        let picture = if picture.buffer.purpose() == Purpose::Download {
            picture
        } else {
            let buffer = self.pool.take(Purpose::Download, picture.layout.bytes)?;
            frame.recording.copy(&picture.buffer, &buffer, 0..picture.layout.bytes);
            DevicePicture { buffer, ..picture }
        };
        self.ring.submit(&self.pool, &frame.recording, picture)
    }

    fn render(&mut self, job: &FrameJob) -> Result<(), ExecError> {
        self.device.check()?;
        let mut frame =
            Frame { slots: vec![None; job.slots], output: job.output, recording: Recording::default() };
        for stage in &job.stages {
            self.stage(&mut frame, stage)?;
        }
        self.finish(frame)?;
        self.uploads.swap(0, 1);
        self.uploads[1].clear();
        self.pool.age();
        Ok(())
    }
}

impl Executor for GpuExecutor {
    fn name(&self) -> String {
        format!("gpu ({}, {})", self.device.info.name, self.device.info.backend)
    }

    fn submit(&mut self, job: FrameJob) -> Result<Option<Picture>, ExecError> {
        self.render(&job)?;
        self.ring.surplus()
    }

    fn flush(&mut self) -> Result<Option<Picture>, ExecError> {
        self.ring.oldest()
    }
}

/// What `geometry` describes: the output and every input, those that are not used as the output once more.
fn pictures<'a>(
    target: &'a DevicePicture,
    sources: &[shader::Source],
    inputs: &'a [DevicePicture],
) -> Vec<(&'a PictureSpec, &'a Layout)> {
    let mut inputs = inputs.iter();
    let mut pictures = vec![target];
    pictures.extend(sources.iter().map(|s| if s.used() { inputs.next().unwrap_or(target) } else { target }));
    pictures.into_iter().map(|p| (&p.spec, &p.layout)).collect()
}
