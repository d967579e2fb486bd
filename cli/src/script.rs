//! From a script's name to a plan, with every finding shown on the way.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use vfxb_dsl::codes;
use vfxb_dsl::diagnostic::{Diagnostic, Severity};
use vfxb_dsl::script::Script;
use vfxb_dsl::source::{FileId, SourceMap};
use vfxb_dsl::syntax::node::Document;
use vfxb_dsl::syntax::{self, LONGEST_TEXT, Spelling};
use vfxb_engine::compile::{self, Compiled};
use vfxb_engine::exec::drawings::Drawings;
use vfxb_engine::media::{LibavMedia, Media};
use vfxb_engine::plan::{Plan, Request};
use vfxb_engine::text::Fonts;

use crate::args::ScriptOptions;
use crate::stop::Stop;
use crate::terminal::{Terminal, placeless};

/// A text that was read.
pub(crate) struct Text {
    pub(crate) map: SourceMap,
    pub(crate) file: FileId,
    pub(crate) spelling: Spelling,
}

/// A script that can be rendered.
pub(crate) struct Planned {
    pub(crate) script: Script,
    pub(crate) plan: Plan,
    pub(crate) media: Arc<dyn Media>,
    pub(crate) drawings: Arc<Drawings>,
}

/// Reads a script's text; `-` is standard input.
pub(crate) fn read(path: &Path, terminal: &Terminal) -> Result<Text, Stop> {
    let stdin = path.as_os_str() == "-";
    let name = if stdin { "<stdin>".into() } else { path.to_string_lossy() };
    let bytes = match bytes(path, stdin) {
        Ok(bytes) => bytes,
        Err(error) => return terminal.fail(unreadable(&name, path, &error), Stop::Wrong),
    };
    if bytes.len() > LONGEST_TEXT {
        let message = format!("{name} has more than the {LONGEST_TEXT} bytes that a script may have");
        let help = "split the film into several scripts".to_owned();
        return terminal.fail(placeless(codes::TEXT_TOO_LARGE, message, Some(help)), Stop::Wrong);
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return terminal.fail(not_text(&name, &error), Stop::Wrong),
    };
    let spelling = Spelling::of_path(path).unwrap_or_else(|| Spelling::guess(&text));
    let mut map = SourceMap::new();
    let base = if stdin { Path::new("") } else { path.parent().unwrap_or(Path::new("")) };
    let file = map.add(name, base, text);
    Ok(Text { map, file, spelling })
}

/// At most one byte more than is allowed.
fn bytes(path: &Path, stdin: bool) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = LONGEST_TEXT as u64 + 1;
    if stdin {
        io::stdin().lock().take(most).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn unreadable(name: &str, path: &Path, error: &io::Error) -> Diagnostic {
    let (message, help) = match error.kind() {
        io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty() && !p.is_dir());
            let help = match folder {
                Some(folder) => format!("there is no folder {} either", folder.display()),
                None => "check the spelling, or make one with `vfxb new`".to_owned(),
            };
            (format!("there is no script {name}"), help)
        }
        io::ErrorKind::IsADirectory => {
            (format!("{name} is a folder"), "name a script in it: .vfx, .yaml or .json".to_owned())
        }
        io::ErrorKind::PermissionDenied => {
            (format!("{name} may not be read"), "change its permissions".to_owned())
        }
        _ => (format!("{name} cannot be read: {error}"), "copy it to another disk".to_owned()),
    };
    placeless(codes::UNREADABLE, message, Some(help))
}

fn not_text(name: &str, error: &std::string::FromUtf8Error) -> Diagnostic {
    let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
    let line = good.iter().filter(|b| **b == b'\n').count() + 1;
    let message = format!("{name} is not UTF-8 text: line {line} holds bytes that are none");
    let help = "a script is text: save it as UTF-8, and name media inside it".to_owned();
    placeless(codes::NOT_TEXT, message, Some(help))
}

/// The tree of a text that has no syntactic mistakes.
pub(crate) fn tree(text: &Text, terminal: &Terminal) -> Result<Document, Stop> {
    let (document, findings) = syntax::parse(&text.map, text.file, text.spelling);
    terminal.findings(&findings, &text.map);
    document.filter(|_| !findings.iter().any(Diagnostic::is_error)).ok_or(Stop::Wrong)
}

/// Reads and plans a script.
pub(crate) fn plan(options: &ScriptOptions, request: &Request, terminal: &Terminal) -> Result<Planned, Stop> {
    let (planned, right) = plan_as_far(options, request, Arc::new(LibavMedia::default()), terminal)?;
    planned.filter(|_| right).ok_or(Stop::Wrong)
}

/// Reads and plans a script as far as that goes, from media that the caller chooses, and shows what is wrong with it:
/// the plan, and whether it may be rendered.
pub(crate) fn plan_as_far(
    options: &ScriptOptions,
    request: &Request,
    media: Arc<dyn Media>,
    terminal: &Terminal,
) -> Result<(Option<Planned>, bool), Stop> {
    let text = read(&options.script, terminal)?;
    let parsed = vfxb_engine::parse(&text.map, text.file, text.spelling, &options.set);
    let drawings = Arc::new(Drawings::new(Fonts::new(options.system_fonts)));
    let (planned, findings) = planned(parsed, request, media, &drawings);
    let findings = told(findings, options.deny_warnings);
    terminal.findings(&findings, &text.map);
    Ok((planned, !findings.iter().any(Diagnostic::is_error)))
}

/// Plans a script that was parsed, with all that was found.
pub(crate) fn planned(
    parsed: (Option<Script>, Vec<Diagnostic>),
    request: &Request,
    media: Arc<dyn Media>,
    drawings: &Arc<Drawings>,
) -> (Option<Planned>, Vec<Diagnostic>) {
    let (compiled, findings) = compile::planned(parsed, &*media, drawings, request);
    let planned =
        compiled.map(|Compiled { script, plan, drawings }| Planned { script, plan, media, drawings });
    (planned, findings)
}

/// The findings in order, as severe as the caller wants them.
pub(crate) fn told(findings: Vec<Diagnostic>, deny_warnings: bool) -> Vec<Diagnostic> {
    let mut findings = compile::in_order(findings);
    let warnings = findings.iter_mut().filter(|finding| finding.severity == Severity::Warning);
    if deny_warnings {
        warnings.for_each(|finding| finding.severity = Severity::Error);
    }
    findings
}
