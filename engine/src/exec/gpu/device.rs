//! The GPU itself: which adapters there are, the one device that the executor opened, and what went wrong on it.
//!
//! In comes a wish (real hardware, or anything that runs compute shaders), out comes a device with its queue. wgpu
//! reports errors by call-back and would panic on those that nobody catches; here they all land in one place and come
//! out as [`ExecError`]. It knows nothing of pictures.
//!
//! `unsafe`: one call, for shaders whose every access is in bounds by construction and which are all our own.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::exec::ExecError;

/// A machine that could render.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterInfo {
    /// The device's name.
    pub name: String,
    /// Whether it is a real (or virtualised) graphics processor; else it is software on the processor.
    pub hardware: bool,
    /// The interface: `vulkan`, `metal`, `dx12`.
    pub backend: String,
    /// The driver and its version.
    pub driver: String,
}

/// Which adapters will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preference {
    /// Only a real graphics processor.
    Hardware,
    /// A real one if there is one, else software.
    Any,
}

/// One for the process: making one loads every driver.
fn instance() -> &'static wgpu::Instance {
    static INSTANCE: OnceLock<wgpu::Instance> = OnceLock::new();
    INSTANCE.get_or_init(|| wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle()))
}

fn is_hardware(info: &wgpu::AdapterInfo) -> bool {
    use wgpu::DeviceType::{DiscreteGpu, IntegratedGpu, VirtualGpu};
    matches!(info.device_type, DiscreteGpu | IntegratedGpu | VirtualGpu)
}

/// Whether there can be hardware at all. On Linux every driver needs a device file; looking for one spares machines
/// without it the time of loading all drivers, some of which write to standard error.
fn conceivable() -> bool {
    const DEVICES: [&str; 5] = ["/dev/dri", "/dev/nvidiactl", "/dev/dxg", "/dev/kgsl-3d0", "/dev/mali0"];
    !cfg!(target_os = "linux") || DEVICES.iter().any(|device| std::path::Path::new(device).exists())
}

fn describe(info: &wgpu::AdapterInfo) -> AdapterInfo {
    AdapterInfo {
        name: info.name.clone(),
        hardware: is_hardware(info),
        backend: info.backend.to_string(),
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
    }
}

fn enumerate() -> Vec<wgpu::Adapter> {
    let adapters = pollster::block_on(instance().enumerate_adapters(wgpu::Backends::PRIMARY));
    let can_compute = |a: &wgpu::Adapter| {
        a.get_downlevel_capabilities().flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS)
    };
    adapters.into_iter().filter(can_compute).collect()
}

/// All machines with compute shaders, as the drivers list them.
pub fn adapters() -> Vec<AdapterInfo> {
    enumerate().iter().map(|a| describe(&a.get_info())).collect()
}

/// Whether there is a real graphics processor that runs compute shaders. Drivers are loaded only where there can be one.
pub fn hardware() -> bool {
    conceivable() && adapters().iter().any(|adapter| adapter.hardware)
}

/// What has gone wrong, the first of it; shared with wgpu's call-backs.
type Fault = Arc<Mutex<Option<ExecError>>>;

/// An open device.
pub(super) struct Device {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) info: AdapterInfo,
    pub(super) limits: wgpu::Limits,
    /// Whether shaders may read and write memory that the host maps, so that nothing is staged: so it is where both
    /// are the same memory anyway.
    pub(super) direct: bool,
    fault: Fault,
}

impl Device {
    /// Opens the best adapter that will do.
    ///
    /// # Errors
    /// [`ExecError::Unavailable`] if there is none or it cannot be opened.
    pub(super) fn open(preference: Preference) -> Result<Device, ExecError> {
        let rank = |a: &wgpu::Adapter| match a.get_info().device_type {
            wgpu::DeviceType::DiscreteGpu => 0,
            wgpu::DeviceType::IntegratedGpu => 1,
            wgpu::DeviceType::VirtualGpu => 2,
            _ => 3,
        };
        if preference == Preference::Hardware && !conceivable() {
            return Err(ExecError::Unavailable(missing(preference)));
        }
        let adapter = enumerate()
            .into_iter()
            .filter(|a| preference == Preference::Any || is_hardware(&a.get_info()))
            .min_by_key(rank)
            .ok_or_else(|| ExecError::Unavailable(missing(preference)))?;
        Device::request(&adapter)
    }

    fn request(adapter: &wgpu::Adapter) -> Result<Device, ExecError> {
        let info = adapter.get_info();
        let mappable = wgpu::Features::MAPPABLE_PRIMARY_BUFFERS;
        let direct = info.device_type == wgpu::DeviceType::Cpu && adapter.features().contains(mappable);
        let limits = wanted_limits(&adapter.limits());
        let request = adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("vfxb"),
            required_features: if direct { mappable } else { wgpu::Features::empty() },
            required_limits: limits.clone(),
            memory_hints: wgpu::MemoryHints::Performance,
            ..Default::default()
        });
        let (device, queue) = pollster::block_on(request)
            .map_err(|e| ExecError::Unavailable(format!("cannot open {}: {e}", info.name)))?;
        let fault = Fault::default();
        let on_error = Arc::clone(&fault);
        device.on_uncaptured_error(Arc::new(move |error| note(&on_error, from_wgpu(&error))));
        let on_lost = Arc::clone(&fault);
        device.set_device_lost_callback(move |reason, message| {
            let text = if message.is_empty() { format!("{reason:?}") } else { message };
            note(&on_lost, ExecError::DeviceLost(text));
        });
        Ok(Device { device, queue, info: describe(&info), limits, direct, fault })
    }

    /// The first thing that went wrong so far. What is wrong stays wrong: the device is not to be used again.
    pub(super) fn check(&self) -> Result<(), ExecError> {
        match self.fault.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// A compute pipeline of one of our own shaders: entry point `main`, buffers in group 0.
    pub(super) fn pipeline(
        &self,
        label: &str,
        wgsl: &str,
        bindings: &[Access],
    ) -> Result<wgpu::ComputePipeline, ExecError> {
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(label),
            source: wgpu::ShaderSource::Wgsl(wgsl.into()),
        };
        // SAFETY: the text comes from our own generator and kernels, never from a user. Every index that it computes
        // is clamped into its plane, every plane lies within its binding (`Layout`), and every loop counts to a bound.
        let module = unsafe {
            self.device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked())
        };
        // Not derived from the shader: that leaves out buffers which a shader happens not to use.
        let entries: Vec<_> = (0..).zip(bindings).map(|(binding, access)| entry(binding, *access)).collect();
        let group = self
            .device
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries });
        let layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            bind_group_layouts: &[Some(&group)],
            ..Default::default()
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(label),
            layout: Some(&layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        });
        match pollster::block_on(validation.pop()) {
            Some(error) => Err(ExecError::Unavailable(format!("{label} does not compile: {error}"))),
            None => self.check().map(|()| pipeline),
        }
    }
}

/// How a shader uses a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Uniform,
    Read,
    Write,
}

fn entry(binding: u32, access: Access) -> wgpu::BindGroupLayoutEntry {
    let ty = match access {
        Access::Uniform => wgpu::BufferBindingType::Uniform,
        Access::Read => wgpu::BufferBindingType::Storage { read_only: true },
        Access::Write => wgpu::BufferBindingType::Storage { read_only: false },
    };
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    }
}

/// More than the defaults where the adapter has it: whole planes as one buffer, many inputs a pass.
fn wanted_limits(has: &wgpu::Limits) -> wgpu::Limits {
    wgpu::Limits {
        max_storage_buffers_per_shader_stage: has.max_storage_buffers_per_shader_stage.min(64),
        max_storage_buffer_binding_size: has.max_storage_buffer_binding_size,
        max_buffer_size: has.max_buffer_size,
        ..wgpu::Limits::downlevel_defaults().using_alignment(has.clone())
    }
    .or_worse_values_from(has)
}

fn missing(preference: Preference) -> String {
    match preference {
        Preference::Hardware => {
            "no graphics processor was found; `--backend cpu` renders without one".to_owned()
        }
        Preference::Any => {
            "no Vulkan, Metal or DirectX 12 device was found; install a driver (Mesa's software \
                            Vulkan is the package mesa-vulkan-drivers), or render with `--backend cpu`"
                .to_owned()
        }
    }
}

fn from_wgpu(error: &wgpu::Error) -> ExecError {
    match error {
        wgpu::Error::OutOfMemory { source } => ExecError::OutOfMemory(source.to_string()),
        wgpu::Error::Validation { description, .. } | wgpu::Error::Internal { description, .. } => {
            ExecError::DeviceLost(description.clone())
        }
    }
}

/// Keeps the first error: later ones follow from it.
fn note(fault: &Fault, error: ExecError) {
    fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
}
