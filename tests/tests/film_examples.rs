//! Every script of `examples/` is rendered to the same bits by any number of threads, at every SIMD level, whole and in
//! segments that are rendered alone, the last first. A new example is taken by itself.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use vfxb_engine::exec::Executor;
use vfxb_engine::exec::cpu::CpuExecutor;
use vfxb_engine::exec::drawings::Drawings;
use vfxb_engine::exec::frames::{Preparer, delivered};
use vfxb_engine::exec::job::FrameJob;
use vfxb_engine::exec::tile::SimdLevel;
use vfxb_engine::media::DecodeOptions;
use vfxb_engine::picture::Picture;
use vfxb_engine::plan::{Delivery, Recipe, Render, delivery};
use vfxb_engine::text::Fonts;
use vfxb_tests::scripts::{cpu, preview_of};

/// Scripts that are rendered at once.
const AT_ONCE: usize = 2;

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("examples");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let script = |file: &PathBuf| file.extension().is_some_and(|ending| ending == "vfx" || ending == "yaml");
    let mut scripts: Vec<PathBuf> = files.filter(script).collect();
    scripts.sort();
    scripts
}

/// The frames of a segment that are looked at: the first, one inside and the last.
fn looked_at(frames: &Range<u64>) -> Vec<u64> {
    let mut some = vec![frames.start, frames.start + (frames.end - frames.start) / 3, frames.end - 1];
    some.dedup();
    some
}

fn digest(picture: &Picture) -> u64 {
    let mut hasher = DefaultHasher::new();
    let spec = picture.spec();
    (spec.width, spec.height, spec.format).hash(&mut hasher);
    for plane in 0..spec.format.planes() {
        let (_, rows) = picture.plane_size(plane);
        (0..rows).for_each(|y| picture.row(plane, y).hash(&mut hasher));
    }
    hasher.finish()
}

fn rendered(machine: &mut CpuExecutor, job: FrameJob) -> Picture {
    let done = machine.submit(job).unwrap();
    done.or_else(|| machine.flush().unwrap()).unwrap()
}

/// The canvas at a frame and what each file that wants the frame gets of it, as digests.
fn digests(machine: &mut CpuExecutor, job: FrameJob, recipes: &[&Recipe]) -> Vec<u64> {
    let canvas = rendered(machine, job);
    let files = recipes.iter().map(|recipe| digest(&rendered(machine, delivered(recipe, &canvas))));
    std::iter::once(digest(&canvas)).chain(files.collect::<Vec<_>>()).collect()
}

fn preparer(render: &Render, threads: usize) -> Preparer<'_> {
    let drawings = Arc::new(Drawings::new(Fonts::new(false)));
    Preparer::new(render, drawings, DecodeOptions { threads, ..DecodeOptions::default() })
}

/// Renders some frames of every segment in all ways; how many were compared.
fn compare(name: &str, render: &Render) -> usize {
    let background = render.timeline.film.background;
    let recipe = |d: &Delivery| delivery(&render.target, &d.spec()?, d.framing, background);
    let recipes: Vec<(Range<u64>, Recipe)> =
        render.deliveries.iter().filter_map(|d| Some((d.frames.clone(), recipe(d)?))).collect();
    let wanted = |frame| -> Vec<&Recipe> {
        recipes.iter().filter(|(frames, _)| frames.contains(&frame)).map(|(_, recipe)| recipe).collect()
    };
    let mut whole = BTreeMap::new();
    let mut forward = preparer(render, 1);
    let mut first = cpu(1, SimdLevel::Baseline);
    let mut others: Vec<CpuExecutor> = SimdLevel::all().map(|level| cpu(3, level)).collect();
    for frame in render.segments.iter().flat_map(|segment| looked_at(&segment.frames)) {
        let job = forward.job(frame).unwrap();
        let expected = digests(&mut first, job.clone(), &wanted(frame));
        for machine in &mut others {
            let found = digests(machine, job.clone(), &wanted(frame));
            assert_eq!(found, expected, "frame {frame} of {name} on {}", machine.name());
        }
        whole.insert(frame, expected);
    }
    for segment in render.segments.iter().rev() {
        let mut alone = preparer(render, 2);
        let jobs: Vec<_> =
            looked_at(&segment.frames).into_iter().map(|n| (n, alone.job(n).unwrap())).collect();
        // No reader holds their pictures any more, so that they are drawn into where that saves a copy.
        drop(alone);
        let mut machine = cpu(2, SimdLevel::active());
        for (frame, job) in jobs {
            let found = digests(&mut machine, job, &wanted(frame));
            assert_eq!(found, whole[&frame], "frame {frame} of {name}, its segment alone");
        }
    }
    let different: BTreeSet<_> = whole.values().collect();
    assert!(different.len() > 1 || whole.len() == 1, "{name} does not move");
    whole.len()
}

#[test]
fn examples_are_equal_bit_by_bit_however_they_are_made() {
    let scripts = examples();
    let next = AtomicUsize::new(0);
    let compared = Mutex::new(BTreeMap::new());
    let work = || {
        while let Some(script) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
            let name = script.file_name().unwrap().to_string_lossy().into_owned();
            let plan = preview_of(script);
            let frames: usize = plan.renders.iter().map(|render| compare(&name, render)).sum();
            compared.lock().unwrap().insert(name, frames);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        // A worker's own panic says which frame of which example it was.
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
    let compared = compared.into_inner().unwrap();
    assert_eq!(compared.len(), scripts.len());
    assert!(compared.values().all(|frames| *frames > 0), "{compared:?}");
}
