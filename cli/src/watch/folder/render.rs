//! Single files of a watched folder: how their renders begin and how they end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use vfxb_dsl::diagnostic::Diagnostic;

use super::super::failed::Place;
use super::super::job::{Ending, Job, about, tell};
use super::super::queue::{Claim, MOST_TRIES};
use super::super::stamp::Stamp;
use super::super::template::{Filled, Given, stems};
use super::state::{Message, State};
use crate::codes;
use crate::layout::{FAINT, GOOD, WRONG, styled};
use crate::rendering;
use crate::stop::Stop;
use crate::terminal::placeless;

impl<'a> State<'a> {
    /// Begins what is ready, as long as there are places.
    pub(super) fn start<'s>(&mut self, scope: &'s std::thread::Scope<'s, 'a>) -> Result<(), Stop> {
        while let Some((name, stamp, tries)) = self.queue.next() {
            // Files may wait for their turn for long.
            if Stamp::of(&self.folder.join(&name)) != Some(stamp) {
                self.queue.withdraw(&name);
                continue;
            }
            let Some(job) = self.job(&name, stamp, tries)? else { continue };
            let (kit, terminal, tell) = (self.kit, self.terminal, self.tell.clone());
            self.terminal.object(&about(&name, json!({"type": "began"})))?;
            scope.spawn(move || {
                let id = job.id;
                let run = AssertUnwindSafe(|| job.run(kit, terminal));
                let broken = "the renderer broke: please report it, with this file".to_owned();
                let ending = catch_unwind(run).unwrap_or(Ending::Failed { report: broken });
                // Whoever listens no more has stopped this.
                drop(tell.send(Message::Ended(id, ending)));
            });
        }
        Ok(())
    }

    /// The job for a file; `None` if it failed before it began.
    fn job(&mut self, name: &str, stamp: Stamp, tries: u32) -> Result<Option<Job>, Stop> {
        let filled = if tries < MOST_TRIES { self.fill(name) } else { Err(poison(name, tries)) };
        let outputs: &[PathBuf] = filled.as_ref().map_or(&[], |filled| &filled.0.outputs);
        let begin = self.queue.begin(name, stamp, outputs).map_err(|error| self.unkept(&error))?;
        match filled {
            Ok((filled, overwrite, findings)) => Ok(Some(Job {
                id: begin.id,
                name: name.to_owned(),
                input: self.folder.join(name),
                template: Arc::clone(&self.template),
                filled,
                findings,
                overwrite,
                known: begin.known,
                cancel: begin.cancel,
            })),
            Err(findings) => {
                let report = tell(self.terminal, name, &findings, &self.template.text().map);
                self.ended(begin.id, Ending::Failed { report })?;
                Ok(None)
            }
        }
    }

    /// The template filled in for a file, with a stem that no other file's films have; whether they replace some; and
    /// what was found.
    fn fill(&self, name: &str) -> Result<(Filled, bool, Vec<Diagnostic>), Vec<Diagnostic>> {
        let input = self.folder.join(name).to_string_lossy().into_owned();
        for stem in stems(name) {
            let given = Given { input: input.clone(), name: name.to_owned(), stem };
            let (filled, findings) = self.template.fill(&given, &self.watch.out)?;
            let claims: Vec<Claim> =
                filled.outputs.iter().map(|output| self.queue.claim(output, name)).collect();
            if claims.contains(&Claim::Taken) {
                continue;
            }
            let foreign = filled.outputs.iter().zip(&claims).find(|(_, claim)| **claim == Claim::Foreign);
            if let Some((output, _)) = foreign.filter(|_| !self.watch.overwrite) {
                let message =
                    format!("cannot write {}: it is there, and was not made by this watch", output.display());
                let help = "move it away, or watch with --overwrite".to_owned();
                return Err(vec![placeless(vfxb_engine::codes::OUTPUT_REFUSED, message, Some(help))]);
            }
            let overwrite = claims.iter().any(|claim| *claim != Claim::Free);
            return Ok((filled, overwrite, findings));
        }
        let message = format!("the films of {name} have names that other files' films have");
        let help = "write ${stem} into the names of the template's outputs, or rename the file".to_owned();
        Err(vec![placeless(vfxb_engine::codes::SAME_OUTPUT, message, Some(help))])
    }

    /// Notes and says how a render ended.
    pub(super) fn ended(&mut self, id: u64, ending: Ending) -> Result<(), Stop> {
        let Some(name) = self.queue.name(id).map(str::to_owned) else { return Ok(()) };
        let say = |object: Value| self.terminal.object(&about(&name, object));
        match ending {
            Ending::Done { digest, written, seconds } => {
                self.queue.done(id, Some(digest)).map_err(|error| self.unkept(&error))?;
                self.counts.done += 1;
                written.iter().try_for_each(|file| say(rendering::output(file)))?;
                let files: Vec<_> = written.iter().map(|file| file.file.to_string_lossy()).collect();
                say(json!({"type": "done", "files": files, "seconds": seconds}))?;
                let line = format!("{} {name}  {}", styled(GOOD, "✓"), files.join("  "));
                self.terminal.print(&format!("{line}  {}\n", styled(FAINT, &format!("in {seconds:.1} s"))))
            }
            Ending::Same(digest) => {
                self.queue.unchanged(id, digest).map_err(|error| self.unkept(&error))?;
                say(json!({"type": "same"}))?;
                self.terminal.status(&styled(FAINT, &format!("  {name} is what it was")));
                Ok(())
            }
            Ending::Failed { report } if !self.queue.is_stale(id, &self.folder) => {
                self.failed(id, &name, &report)
            }
            Ending::Failed { .. } | Ending::Stopped => {
                self.queue.dropped(id).map_err(|error| self.unkept(&error))?;
                say(json!({"type": "dropped"}))
            }
            Ending::Closed => {
                self.queue.dropped(id).map_err(|error| self.unkept(&error))?;
                Err(Stop::Interrupted)
            }
        }
    }

    /// The text is there before the failure is noted, and that before the file is moved: whatever happens between, the
    /// next start goes on from there.
    fn failed(&mut self, id: u64, name: &str, report: &str) -> Result<(), Stop> {
        let place = Place::new(&self.watch.failed, name);
        let kept = place.explain(&format!("{name} could not be rendered.\n\n{report}"));
        kept.and_then(|()| self.queue.failed(id)).map_err(|error| self.unkept(&error))?;
        self.counts.failed += 1;
        let moved = place.take(&self.folder.join(name)).map(|file| file.to_string_lossy().into_owned());
        let report = place.report().to_string_lossy().into_owned();
        self.terminal.object(&about(name, json!({"type": "failed", "report": report, "file": moved})))?;
        self.terminal.print(&format!("{} {name}  {report}\n", styled(WRONG, "✗")))
    }

    /// Moves what failed and was not moved: the process ended before it could, or the disk was another.
    pub(super) fn take_failures(&self) {
        for (name, stamp) in self.queue.failures() {
            let file = self.folder.join(&name);
            if Stamp::of(&file) == Some(stamp) {
                Place::new(&self.watch.failed, &name).take(&file);
            }
        }
    }
}

fn poison(name: &str, tries: u32) -> Vec<Diagnostic> {
    let message = format!("the program ended {tries} times while it rendered {name}");
    let help = "the file may be broken in a way that ends the program".to_owned();
    vec![placeless(codes::WATCH_POISON, message, Some(help))]
}
