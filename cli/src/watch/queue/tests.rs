//! The queue under a folder, a clock and renders that are made up.

use std::fs;

use tempfile::TempDir;

use super::super::inbox::Entry;
use super::*;

const SETTLE: Duration = Duration::from_millis(2000);
const HOME: u64 = 77;

/// A folder that is made up, and what was rendered of it.
struct World {
    folder: TempDir,
    queue: Queue,
    now: Instant,
    files: BTreeMap<String, Stamp>,
    home: u64,
    /// Names and stamps of ended renders, in order.
    rendered: Vec<(String, Stamp)>,
    clock: i64,
}

fn queue(folder: &TempDir, jobs: usize) -> Queue {
    Queue::new(Journal::open(&folder.path().join("journal.jsonl")).unwrap(), jobs, SETTLE).unwrap()
}

/// In memory where there is such a folder: that lines reach the disk is the system's to prove, and takes its time.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

impl World {
    fn new(jobs: usize) -> World {
        let folder = folder();
        let queue = queue(&folder, jobs);
        let (now, files) = (Instant::now(), BTreeMap::new());
        World { folder, queue, now, files, home: HOME, rendered: Vec::new(), clock: 0 }
    }

    /// A new file of that name, of content that never was.
    fn drop_file(&mut self, name: &str) {
        self.clock += 1;
        let inode = self.clock as u64;
        self.files.insert(name.to_owned(), Stamp { size: 10, modified: self.clock, inode });
    }

    /// The same file, written to again.
    fn write_to(&mut self, name: &str) {
        self.clock += 1;
        let modified = self.clock;
        self.files.get_mut(name).unwrap().modified = modified;
    }

    fn rename(&mut self, from: &str, to: &str) {
        let stamp = self.files.remove(from).unwrap();
        self.files.insert(to.to_owned(), stamp);
    }

    fn look(&mut self) {
        let inbox = Inbox {
            entries: self.files.iter().map(|(n, s)| Entry { name: n.clone(), stamp: *s }).collect(),
            stamps: self.files.values().copied().collect(),
            home: self.home,
            ..Inbox::default()
        };
        self.queue.look(&inbox, self.now).unwrap();
    }

    fn wait(&mut self) {
        self.look();
        self.now += SETTLE;
        self.look();
    }

    fn output(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.out"))
    }

    fn begin(&mut self) -> Option<Begin> {
        let (name, stamp, _) = self.queue.next()?;
        let output = self.output(&name);
        Some(self.queue.begin(&name, stamp, &[output]).unwrap())
    }

    /// Ends a render as a real one does.
    fn end(&mut self, begin: &Begin) {
        let running = self.queue.running.get(&begin.id).unwrap();
        let (name, stamp, outputs) = (running.name.clone(), running.stamp, running.outputs.clone());
        if begin.cancel.load(Ordering::Relaxed) {
            return self.queue.dropped(begin.id).unwrap();
        }
        write_film(&self.folder.path().join(&outputs[0]));
        self.rendered.push((name, stamp));
        self.queue.done(begin.id, Some(format!("{stamp:?}"))).unwrap();
    }

    fn render_all(&mut self) {
        self.wait();
        while let Some(begin) = self.begin() {
            self.end(&begin);
        }
        self.look();
    }

    /// The process dies, and another begins.
    fn restart(&mut self) {
        self.queue = queue(&self.folder, self.queue.jobs);
    }

    fn names(&self) -> Vec<&str> {
        self.rendered.iter().map(|(name, _)| name.as_str()).collect()
    }
}

/// As the engine does it: a new file in the place of the old one.
fn write_film(path: &Path) {
    let beside = path.with_extension("beside");
    fs::write(&beside, "film").unwrap();
    fs::rename(beside, path).unwrap();
}

#[test]
fn each_file_is_rendered_once_across_restarts() {
    let mut world = World::new(1);
    ["a", "b"].iter().for_each(|name| world.drop_file(name));
    world.render_all();
    world.render_all();
    world.restart();
    world.render_all();
    assert_eq!(world.names(), ["a", "b"]);
    assert!(world.queue.is_idle());
}

#[test]
fn a_thousand_at_once_with_the_process_killed_again_and_again() {
    let mut world = World::new(4);
    (0..1000).for_each(|n| world.drop_file(&format!("{n:04}.mp4")));
    // A generator of Knuth's, so that the moments are the same every time.
    let mut seed = 1u64;
    let mut dice = move |sides: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % sides
    };
    let mut running: Vec<Begin> = Vec::new();
    world.wait();
    while !world.queue.is_idle() {
        while let Some(begin) = world.begin() {
            running.push(begin);
        }
        match dice(40) {
            0 => {
                running.clear();
                world.restart();
                world.wait();
            }
            1 => {
                // The film is in its place, and the process dies before it can say so.
                let begin = running.remove(0);
                let lost = world.queue.running.get(&begin.id).unwrap();
                write_film(&world.folder.path().join(&lost.outputs[0]));
                world.rendered.push((lost.name.clone(), lost.stamp));
                running.clear();
                world.restart();
                world.wait();
            }
            n => {
                let begin = running.remove(n as usize % running.len());
                world.end(&begin);
            }
        }
    }
    let once: BTreeSet<_> = world.rendered.iter().cloned().collect();
    assert_eq!((world.rendered.len(), once.len()), (1000, 1000));
}

#[test]
fn what_is_replaced_is_rendered_again_and_what_is_stale_is_cancelled() {
    let mut world = World::new(2);
    world.drop_file("a");
    world.wait();
    let begin = world.begin().unwrap();
    assert_eq!(begin.known, None);
    world.write_to("a");
    world.look();
    assert!(begin.cancel.load(Ordering::Relaxed));
    world.wait();
    assert!(world.begin().is_none(), "the stale one is still there");
    world.end(&begin);
    let begin = world.begin().unwrap();
    world.end(&begin);
    assert_eq!(world.names(), ["a"]);

    let first = world.files["a"];
    world.drop_file("a");
    world.wait();
    let begin = world.begin().unwrap();
    assert_eq!(begin.known, Some(format!("{first:?}")));
    world.queue.unchanged(begin.id, "the same bytes".into()).unwrap();
    world.render_all();
    world.restart();
    world.render_all();
    assert_eq!(world.names(), ["a"], "it was only touched");
    world.write_to("a");
    world.render_all();
    assert_eq!(world.names(), ["a", "a"]);
}

#[test]
fn a_new_name_changes_nothing_before_during_or_after() {
    let mut world = World::new(1);
    world.drop_file("settling");
    world.look();
    world.rename("settling", "a");
    world.wait();
    let begin = world.begin().unwrap();
    world.rename("a", "b");
    world.look();
    assert_eq!(world.queue.name(begin.id), Some("b"));
    assert!(!begin.cancel.load(Ordering::Relaxed));
    world.end(&begin);
    world.render_all();
    world.rename("b", "c");
    world.restart();
    world.render_all();
    assert_eq!(world.names(), ["b"]);
    // What it made belongs to it under its new name too.
    let film = world.output("a");
    assert_eq!((world.queue.claim(&film, "c"), world.queue.claim(&film, "a")), (Claim::Own, Claim::Taken));
}

#[test]
fn what_went_is_forgotten_but_not_when_the_folder_did() {
    let mut world = World::new(1);
    world.drop_file("a");
    world.render_all();
    let file = world.files.remove("a").unwrap();
    world.home = 1;
    world.look();
    world.restart();
    world.look();
    world.home = HOME;
    world.files.insert("a".into(), file);
    world.render_all();
    assert_eq!(world.names(), ["a"], "the share was away and came back");
    world.files.clear();
    world.look();
    world.files.insert("a".into(), file);
    world.render_all();
    assert_eq!(world.names(), ["a", "a"], "it was taken out and put in again");
}

#[test]
fn a_file_that_goes_while_it_is_rendered_is_let_go() {
    let mut world = World::new(1);
    world.drop_file("a");
    world.wait();
    let begin = world.begin().unwrap();
    world.files.clear();
    world.look();
    assert!(begin.cancel.load(Ordering::Relaxed));
    assert!(world.queue.is_stale(begin.id, world.folder.path()), "nobody is told of a file that is gone");
    world.queue.dropped(begin.id).unwrap();
    world.look();
    assert!(world.queue.is_idle());
    assert_eq!(world.queue.journal.inputs().len(), 0);
}

#[test]
fn what_ends_the_process_comes_last_and_is_counted() {
    let mut world = World::new(1);
    world.drop_file("a");
    for tries in 1..=3 {
        world.wait();
        assert_eq!(world.queue.next().unwrap().2, tries - 1);
        world.begin().unwrap();
        world.restart();
    }
    world.drop_file("b");
    world.wait();
    assert_eq!(world.queue.next().unwrap().0, "b");
    assert_eq!(world.queue.broken_off(), BTreeSet::from([std::process::id()]));
    let begin = world.begin().unwrap();
    world.end(&begin);
    let begin = world.begin().unwrap();
    world.queue.dropped(begin.id).unwrap();
    world.restart();
    world.wait();
    assert_eq!(world.queue.next().unwrap().2, 3, "to be stopped is no crash");
}

#[test]
fn names_of_outputs_belong_to_who_made_them() {
    let mut world = World::new(2);
    world.drop_file("a");
    world.render_all();
    let film = world.output("a");
    assert_eq!(world.queue.claim(&film, "a"), Claim::Own);
    assert_eq!(world.queue.claim(&film, "b"), Claim::Taken);
    assert_eq!(world.queue.claim(&world.output("new"), "b"), Claim::Free);
    write_film(&film);
    assert_eq!(world.queue.claim(&film, "a"), Claim::Foreign, "somebody put another there");
    fs::remove_file(&film).unwrap();
    assert_eq!(world.queue.claim(&film, "b"), Claim::Free);
    world.drop_file("c");
    world.wait();
    world.begin().unwrap();
    assert_eq!(world.queue.claim(&world.output("c"), "d"), Claim::Taken, "it is being made");
}
