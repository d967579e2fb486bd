//! A whole plan to files: decoding, rendering, mixing and encoding side by side, with short queues between them.
//!
//! ```text
//! prepare thread ──jobs──▶ executor (this thread) ──pictures──▶ one encoder thread a file
//!                                   └──how far──▶ sound thread ──samples──▶ the same files
//! ```
//!
//! Whatever fails first stops everything; files appear only when all is done.

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;
use vfxb_dsl::value::{Rational, Time};

use super::drawings::Drawings;
use super::frames::{Preparer, delivered};
use super::job::FrameJob;
use super::{ExecError, Executor, RenderError};
use crate::audio::Mixer;
use crate::media::encode::{Writer, check_folder, check_output, place};
use crate::media::{DecodeOptions, MediaErrorKind, SourceInfo, check_source};
use crate::picture::Picture;
use crate::plan::{Backend, Delivery, Plan, Recipe, Render, delivery};

/// Frames that may wait between two threads.
const QUEUE: usize = 4;
/// Samples that are mixed at once.
const MIX_BLOCK: usize = 4096;

/// How a plan is rendered.
pub struct RenderOptions<'a> {
    /// Existing files may be replaced.
    pub overwrite: bool,
    /// Decoder threads; 0 for one a core.
    pub decode_threads: usize,
    /// Set from elsewhere to stop: within a frame or two, leaving nothing behind.
    pub cancel: &'a AtomicBool,
    /// Told after every frame.
    pub progress: &'a (dyn Fn(&Progress) + Sync),
    /// Told what happened that is no error, such as a GPU that was lost.
    pub notice: &'a (dyn Fn(&str) + Sync),
}

/// How far a render is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Progress {
    /// Frames done, over all renders of the plan.
    pub frame: u64,
    /// Frames in all.
    pub frames: u64,
    /// Frames a second so far.
    pub fps: f64,
    /// Seconds to go, by the rate so far.
    pub eta_seconds: f64,
    /// Segments begun.
    pub segment: usize,
    /// Segments in all.
    pub segments: usize,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Written {
    /// Where.
    pub file: PathBuf,
    /// How many frames it has.
    pub frames: u64,
    /// How long it is.
    #[serde(serialize_with = "seconds")]
    pub duration: Time,
    /// Its bytes.
    pub size: u64,
}

fn seconds<S: serde::Serializer>(time: &Time, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_f64(time.to_f64())
}

/// Whether every file of a plan may be written: asked before anything is rendered.
///
/// # Errors
/// Names the first file that may not, and why.
pub fn check_files(plan: &Plan, overwrite: bool) -> Result<(), RenderError> {
    let sources: HashSet<PathBuf> =
        sources(plan).flat_map(|source| source.files()).filter_map(|file| file.canonicalize().ok()).collect();
    for delivery in plan.renders.iter().flat_map(|render| &render.deliveries) {
        check_folder(&delivery.file)?;
        for file in delivery.files() {
            check_output(&file, overwrite, &sources)?;
        }
    }
    Ok(())
}

fn sources(plan: &Plan) -> impl Iterator<Item = &SourceInfo> {
    plan.renders.iter().flat_map(|render| &render.timeline.sources).map(|source| &**source)
}

/// Renders a plan.
///
/// # Errors
/// Whatever failed first, or that a source is not what it was when it was planned; no file has appeared then.
pub fn render(
    plan: &Plan,
    executor: &mut dyn Executor,
    drawings: &Arc<Drawings>,
    options: &RenderOptions<'_>,
) -> Result<Vec<Written>, RenderError> {
    check_files(plan, options.overwrite)?;
    let rendered = render_all(plan, executor, drawings, options);
    // Looked at when all is read, and also where reading failed: that a file has changed says more than that it is
    // broken.
    if rendered.as_ref().err().is_none_or(blames_source) {
        sources(plan).try_for_each(check_source)?;
    }
    let going_on =
        || if options.cancel.load(Ordering::Relaxed) { Err(RenderError::Cancelled) } else { Ok(()) };
    let mut finished = Vec::new();
    for writer in rendered? {
        going_on()?;
        finished.push(writer.finish()?);
    }
    going_on()?;
    place(finished)?;
    let deliveries =
        plan.renders.iter().flat_map(|render| render.deliveries.iter().map(move |d| (render, d)));
    Ok(deliveries.map(|(render, delivery)| describe(render, delivery)).collect())
}

/// Whether an error may come of a source that is not what it was.
fn blames_source(error: &RenderError) -> bool {
    use MediaErrorKind as K;
    matches!(error, RenderError::Media(error)
        if matches!(error.kind, K::NotFound | K::Unsupported | K::Damaged | K::Changed))
}

/// Renders every canvas; gives back the files of all, in the plan's order, with all that belongs into them.
fn render_all(
    plan: &Plan,
    executor: &mut dyn Executor,
    drawings: &Arc<Drawings>,
    options: &RenderOptions<'_>,
) -> Result<Vec<Writer>, RenderError> {
    let count = |render: &Render| render.segments.iter().map(|s| s.frames.end - s.frames.start).sum::<u64>();
    let meter = Meter {
        started: Instant::now(),
        frames: plan.renders.iter().map(count).sum(),
        segments: plan.renders.iter().map(|r| r.segments.len()).sum(),
        done: 0,
        segment: 0,
    };
    let mut work = Work { executor, drawings, options, meter };
    let mut cpu: Option<Box<dyn Executor>> = None;
    let mut files = Vec::new();
    for render in &plan.renders {
        let done = work.meter;
        let writers = match work.render(render) {
            Err(RenderError::Exec(ExecError::DeviceLost(reason))) => {
                (options.notice)(&format!("the GPU was lost ({reason}); rendering on the cpu from here on"));
                let (executor, _) = super::executor(Backend::Cpu, 0)?;
                work = Work { executor: &mut **cpu.insert(executor), drawings, options, meter: done };
                work.render(render)?
            }
            result => result?,
        };
        files.extend(writers);
    }
    Ok(files)
}

fn describe(render: &Render, delivery: &Delivery) -> Written {
    let size = std::fs::metadata(&delivery.file).map_or(0, |meta| meta.len());
    let frames = if delivery.video.is_some() { delivery.frames.end - delivery.frames.start } else { 0 };
    Written {
        file: delivery.file.clone(),
        frames,
        duration: delivery.duration(&render.timeline.film.clock),
        size,
    }
}

#[derive(Clone, Copy)]
struct Meter {
    started: Instant,
    frames: u64,
    segments: usize,
    done: u64,
    segment: usize,
}

impl Meter {
    fn progress(&self) -> Progress {
        let passed = self.started.elapsed().as_secs_f64().max(1e-9);
        let fps = self.done as f64 / passed;
        let left = self.frames.saturating_sub(self.done) as f64;
        let eta_seconds = if self.done == 0 { 0.0 } else { left / fps };
        let (frame, frames, segment, segments) = (self.done, self.frames, self.segment, self.segments);
        Progress { frame, frames, fps, eta_seconds, segment, segments }
    }
}

/// The first thing that went wrong, and the word to all threads that something did.
#[derive(Default)]
struct Failure {
    stop: AtomicBool,
    first: Mutex<Option<RenderError>>,
}

impl Failure {
    fn set(&self, error: RenderError) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
        self.stop.store(true, Ordering::Relaxed);
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Notes an error, if it is one.
    fn note(&self, result: Result<(), RenderError>) {
        if let Err(error) = result {
            self.set(error);
        }
    }

    fn into_result(self) -> Result<(), RenderError> {
        self.first.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

struct Work<'a> {
    executor: &'a mut dyn Executor,
    drawings: &'a Arc<Drawings>,
    options: &'a RenderOptions<'a>,
    meter: Meter,
}

/// What the next picture out of the executor is.
#[derive(Debug, Clone, Copy)]
enum Tag {
    /// A frame of the canvas.
    Frame(u64),
    /// A picture of a file, and its index there.
    Delivered { delivery: usize, index: u64 },
}

impl Work<'_> {
    /// Renders one canvas into its files.
    fn render(&mut self, render: &Render) -> Result<Vec<Writer>, RenderError> {
        let writers: Vec<Writer> = render
            .deliveries
            .iter()
            .map(|d| Writer::create(&d.file, d.video.as_ref(), d.audio.as_ref(), self.options.overwrite))
            .collect::<Result<_, _>>()?;
        let failure = Failure::default();
        std::thread::scope(|scope| {
            let failure = &failure;
            let (jobs, prepared) = sync_channel::<(u64, FrameJob)>(QUEUE);
            let options = DecodeOptions { threads: self.options.decode_threads, ..DecodeOptions::default() };
            let mut preparer = Preparer::new(render, Arc::clone(self.drawings), options);
            scope.spawn(move || prepare(render, &mut preparer, &jobs, failure));

            let (heard, wanted) = channel::<i64>();
            if render.deliveries.iter().any(|d| d.audio.is_some()) {
                let writers = &writers;
                let cancel = self.options.cancel;
                scope.spawn(move || failure.note(mix(render, writers, &wanted, failure, cancel)));
            }
            let encoders: Vec<Option<SyncSender<(u64, Picture)>>> = render
                .deliveries
                .iter()
                .zip(&writers)
                .map(|(delivery, writer)| {
                    delivery.video.as_ref()?;
                    let (pictures, queue) = sync_channel::<(u64, Picture)>(QUEUE);
                    scope.spawn(move || encode(writer, &queue, failure));
                    Some(pictures)
                })
                .collect();
            let mut stage = Stages { render, encoders: &encoders, heard: &heard, tags: VecDeque::new() };
            failure.note(self.pictures(&mut stage, &prepared, failure));
            let last = render.deliveries.iter().map(|d| d.samples.end).max().unwrap_or(0);
            // A sound thread that is gone has said why.
            let _ = heard.send(last);
            drop(prepared);
            drop(heard);
            drop(encoders);
        });
        failure.into_result()?;
        Ok(writers)
    }

    fn pictures(
        &mut self,
        stages: &mut Stages<'_>,
        jobs: &Receiver<(u64, FrameJob)>,
        failure: &Failure,
    ) -> Result<(), RenderError> {
        let recipes = stages.recipes();
        for (frame, job) in jobs {
            if self.options.cancel.load(Ordering::Relaxed) {
                return Err(RenderError::Cancelled);
            }
            if failure.stopped() {
                return Ok(());
            }
            if stages.render.segments.iter().any(|s| s.frames.start == frame) {
                self.meter.segment += 1;
            }
            stages.tags.push_back(Tag::Frame(frame));
            let ready = self.executor.submit(job)?;
            self.hand_on(stages, &recipes, ready)?;
        }
        while !stages.tags.is_empty() && !failure.stopped() {
            match self.executor.flush()? {
                Some(picture) => self.hand_on(stages, &recipes, Some(picture))?,
                None => break,
            }
        }
        Ok(())
    }

    /// Sends a picture that came out of the executor where it is wanted, and those that come out in exchange for
    /// further work, in the order of their tags.
    fn hand_on(
        &mut self,
        stages: &mut Stages<'_>,
        recipes: &[Option<Recipe>],
        ready: Option<Picture>,
    ) -> Result<(), RenderError> {
        let mut ready = VecDeque::from_iter(ready);
        while let Some(picture) = ready.pop_front() {
            self.picture(stages, recipes, picture, &mut ready)?;
        }
        Ok(())
    }

    /// Sends one finished picture where it is wanted; what the executor gives back in exchange goes behind `ready`.
    fn picture(
        &mut self,
        stages: &mut Stages<'_>,
        recipes: &[Option<Recipe>],
        picture: Picture,
        ready: &mut VecDeque<Picture>,
    ) -> Result<(), RenderError> {
        match stages.tags.pop_front() {
            Some(Tag::Delivered { delivery, index }) => {
                stages.send(delivery, index, picture);
            }
            Some(Tag::Frame(frame)) => {
                for (at, delivery) in stages.render.deliveries.iter().enumerate() {
                    if delivery.video.is_none() || !delivery.frames.contains(&frame) {
                        continue;
                    }
                    let index = frame - delivery.frames.start;
                    match &recipes[at] {
                        None => stages.send(at, index, picture.clone()),
                        Some(recipe) => {
                            stages.tags.push_back(Tag::Delivered { delivery: at, index });
                            ready.extend(self.executor.submit(delivered(recipe, &picture))?);
                        }
                    }
                }
                self.done(stages, frame);
            }
            None => {}
        }
        Ok(())
    }

    fn done(&mut self, stages: &Stages<'_>, frame: u64) {
        self.meter.done += 1;
        (self.options.progress)(&self.meter.progress());
        let film = &stages.render.timeline.film;
        let end = film.frame_time(frame + 1);
        let sample = end.at_rate(Rational::from_integer(i128::from(stages.render.timeline.sample_rate)));
        // A sound thread that is gone has said why.
        let _ = stages.heard.send(i64::try_from(sample.round().to_integer()).unwrap_or(i64::MAX));
    }
}

struct Stages<'a> {
    render: &'a Render,
    encoders: &'a [Option<SyncSender<(u64, Picture)>>],
    heard: &'a Sender<i64>,
    tags: VecDeque<Tag>,
}

impl Stages<'_> {
    /// How each file's pictures come from the canvas; `None` where they are the canvas.
    fn recipes(&self) -> Vec<Option<Recipe>> {
        let (target, background) = (&self.render.target, self.render.timeline.film.background);
        self.render
            .deliveries
            .iter()
            .map(|d| d.spec().and_then(|spec| delivery(target, &spec, d.framing, background)))
            .collect()
    }

    fn send(&self, delivery: usize, index: u64, picture: Picture) {
        if let Some(Some(encoder)) = self.encoders.get(delivery) {
            // An encoder that is gone has said why.
            let _ = encoder.send((index, picture));
        }
    }
}

fn prepare(
    render: &Render,
    preparer: &mut Preparer<'_>,
    jobs: &SyncSender<(u64, FrameJob)>,
    failure: &Failure,
) {
    for frame in render.segments.iter().flat_map(|segment| segment.frames.clone()) {
        if failure.stopped() {
            return;
        }
        match preparer.job(frame) {
            Ok(job) => {
                if jobs.send((frame, job)).is_err() {
                    return;
                }
            }
            Err(error) => return failure.set(error),
        }
    }
}

fn encode(writer: &Writer, pictures: &Receiver<(u64, Picture)>, failure: &Failure) {
    for (index, picture) in pictures {
        if failure.stopped() {
            return;
        }
        if let Err(error) = writer.picture(&picture, index) {
            return failure.set(error.into());
        }
    }
}

/// Mixes the sound up to where the picture is, and hands each file its part.
fn mix(
    render: &Render,
    writers: &[Writer],
    wanted: &Receiver<i64>,
    failure: &Failure,
    cancel: &AtomicBool,
) -> Result<(), RenderError> {
    let timeline = &render.timeline;
    let heard = || render.deliveries.iter().zip(writers).filter(|(d, _)| d.audio.is_some());
    let start = heard().map(|(d, _)| d.samples.start).min().unwrap_or(0);
    let end = heard().map(|(d, _)| d.samples.end).max().unwrap_or(0);
    let mut mixer = Mixer::new(&timeline.sources, &timeline.sound, timeline.sample_rate, start)?;
    let mut position = start;
    let mut block = vec![vec![0.0f32; MIX_BLOCK]; mixer.channels()];
    for until in wanted {
        while position < until.min(end) && !failure.stopped() {
            // Sound alone has nobody else to look.
            if cancel.load(Ordering::Relaxed) {
                return Err(RenderError::Cancelled);
            }
            let length = usize::try_from(end - position).unwrap_or(MIX_BLOCK).min(MIX_BLOCK);
            let mut planes: Vec<&mut [f32]> = block.iter_mut().map(|plane| &mut plane[..length]).collect();
            mixer.read(&mut planes)?;
            for (delivery, writer) in heard() {
                let from = (delivery.samples.start - position).clamp(0, length as i64) as usize;
                let to = (delivery.samples.end - position).clamp(0, length as i64) as usize;
                if from < to {
                    let part: Vec<&[f32]> = block.iter().map(|plane| &plane[from..to]).collect();
                    writer.sound(&part)?;
                }
            }
            position += length as i64;
        }
    }
    Ok(())
}
