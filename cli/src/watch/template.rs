//! The script that every file of a watched folder is rendered through: its text, the variables that it is given, and
//! the names of what it writes.
//!
//! A template is a script. It declares what it wants to know of a file, `var input` and if it likes `var name` and
//! `var stem`; with defaults it renders by itself too. Its outputs lie in one folder, whatever folder it names, and are
//! told apart by the stem: names that hold `${stem}` or `${name}` stay as they are, others get it.

use std::path::{Path, PathBuf};

use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_dsl::lower;
use vfxb_dsl::script::Script;
use vfxb_dsl::syntax;
use vfxb_engine::effect::registry;
use vfxb_engine::media::encode::numbered;

use crate::args::ScriptOptions;
use crate::codes;
use crate::script::{self, Text};
use crate::stop::Stop;
use crate::terminal::{Terminal, placeless};

/// Stands for a stem to see where it goes; no file is called so.
const MARK: &str = "\u{F8FF}";

/// A script with gaps for a file.
pub(crate) struct Template {
    text: Text,
    /// Values for its variables, of those that it declares.
    sets: Vec<(String, String)>,
    declared: Vec<String>,
    /// Which of its outputs have names of their own for each file.
    own_names: Vec<bool>,
}

/// A file that came.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    /// Where it is, from the root.
    pub(crate) input: String,
    /// Its name.
    pub(crate) name: String,
    /// Its name without ending, or as much as tells it from others.
    pub(crate) stem: String,
}

/// The script for one file.
pub(crate) struct Filled {
    pub(crate) script: Script,
    /// What it writes.
    pub(crate) outputs: Vec<PathBuf>,
    /// The one of these that the script does not name itself.
    pub(crate) unnamed: Option<PathBuf>,
}

impl Template {
    /// Reads a template, and shows what is wrong with it.
    pub(crate) fn read(options: &ScriptOptions, terminal: &Terminal) -> Result<Template, Stop> {
        let text = script::read(&options.script, terminal)?;
        let catalogue = registry::catalogue();
        let (document, _) = syntax::parse(&text.map, text.file, text.spelling);
        let declared = document.map(|document| lower::variables(&document, &catalogue)).unwrap_or_default();
        let mut template = Template { text, sets: options.set.clone(), declared, own_names: Vec::new() };
        let mark = Given { input: format!("/{MARK}"), name: format!("{MARK}.mp4"), stem: MARK.to_owned() };
        let (script, findings) = template.parse(&mark);
        let findings = script::told(findings, options.deny_warnings);
        terminal.findings(&findings, &template.text.map);
        let Some(script) = script.filter(|_| !findings.iter().any(Diagnostic::is_error)) else {
            return Err(Stop::Wrong);
        };
        if !template.declared.iter().any(|name| name == "input") {
            let message = format!("{} does not ask for the file to render", options.script.display());
            let help = "put `var input` at its top, and `video \"${input}\"` into its timeline".to_owned();
            return terminal.fail(placeless(codes::NO_TEMPLATE, message, Some(help)), Stop::Wrong);
        }
        let marked = |path: &PathBuf| path.file_name().is_some_and(|n| n.to_string_lossy().contains(MARK));
        template.own_names = script.outputs.iter().map(|output| marked(&output.file.value)).collect();
        Ok(template)
    }

    /// Its text, for findings.
    pub(crate) fn text(&self) -> &Text {
        &self.text
    }

    fn parse(&self, given: &Given) -> (Option<Script>, Vec<Diagnostic>) {
        let values = [("input", &given.input), ("name", &given.name), ("stem", &given.stem)];
        let known = values.into_iter().filter(|(name, _)| self.declared.iter().any(|d| d == name));
        let mut sets = self.sets.clone();
        sets.extend(known.map(|(name, value)| (name.to_owned(), value.clone())));
        vfxb_engine::parse(&self.text.map, self.text.file, self.text.spelling, &sets)
    }

    /// The script for a file, its outputs in the folder `out`.
    ///
    /// # Errors
    /// What is wrong with it for this file.
    pub(crate) fn fill(
        &self,
        given: &Given,
        out: &Path,
    ) -> Result<(Filled, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (script, findings) = self.parse(given);
        let Some(mut script) = script else { return Err(findings) };
        let alone = script.outputs.len() == 1;
        for (at, output) in script.outputs.iter_mut().enumerate() {
            let own = self.own_names.get(at).copied().unwrap_or(false);
            output.file.value = out.join(output_name(&output.file.value, &given.stem, own, alone));
        }
        let unnamed = script.outputs.is_empty().then(|| out.join(format!("{}.mp4", given.stem)));
        let mut outputs: Vec<PathBuf> = script.outputs.iter().map(|o| o.file.value.clone()).collect();
        outputs.extend(unnamed.clone());
        Ok((Filled { script, outputs, unnamed }, findings))
    }
}

/// What an output is called for a stem.
fn output_name(written: &Path, stem: &str, own: bool, alone: bool) -> String {
    let name = written.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match written.extension() {
        _ if own => name,
        Some(ending) if alone && numbered(written, 1).is_none() => {
            format!("{stem}.{}", ending.to_string_lossy())
        }
        _ => format!("{stem}-{name}"),
    }
}

/// So many stems are tried for a file.
const MOST_STEMS: usize = 100;

/// What `${stem}` may be for a file, best first: without its ending, whole, and counted.
pub(crate) fn stems(name: &str) -> impl Iterator<Item = String> {
    let stem = Path::new(name).file_stem().map_or(name.into(), |stem| stem.to_string_lossy());
    let first = [stem.into_owned(), name.to_owned()];
    let name = name.to_owned();
    first.into_iter().chain((2..).map(move |n| format!("{name}-{n}"))).take(MOST_STEMS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_told_apart_by_the_stem() {
        for (written, own, alone, name) in [
            ("out/film.mp4", false, true, "clip.mp4"),
            ("out/film.mp4", false, false, "clip-film.mp4"),
            ("posters/clip.jpg", true, false, "clip.jpg"),
            ("still-%04d.png", false, true, "clip-still-%04d.png"),
        ] {
            assert_eq!(output_name(Path::new(written), "clip", own, alone), name);
        }
        assert_eq!(stems("a.b.mov").take(3).collect::<Vec<_>>(), ["a.b", "a.b.mov", "a.b.mov-2"]);
    }
}
