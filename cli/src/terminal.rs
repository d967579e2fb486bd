//! What the user sees: products on standard output, findings and progress on standard error; with `--json` everything
//! as one object a line on standard output. Colours and width are decided here and nowhere else.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde_json::{Value, json};
use vfxb_dsl::diagnostic::{self, Code, Diagnostic, Severity};
use vfxb_dsl::source::SourceMap;

use crate::codes;
use crate::stop::Stop;

/// Both streams.
pub(crate) struct Terminal {
    json: bool,
}

/// A finding that no text is to blame for.
pub(crate) fn placeless(code: Code, message: impl Into<String>, help: Option<String>) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code,
        message: message.into(),
        primary: None,
        secondary: Vec::new(),
        help,
    }
}

impl Terminal {
    pub(crate) fn new(json: bool) -> Self {
        Terminal { json }
    }

    /// Whether objects are wanted.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Columns of standard output; no end of them where it is no terminal, so that lines stay whole.
    pub(crate) fn width(&self) -> usize {
        terminal_size::terminal_size_of(io::stdout())
            .map_or(usize::MAX, |(width, _)| usize::from(width.0).max(40))
    }

    /// What the command was asked for, for people. Its colours are dropped where they are not wanted.
    pub(crate) fn print(&self, text: &str) -> Result<(), Stop> {
        if self.json {
            return Ok(());
        }
        let mut out = anstream::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// One object for programs.
    pub(crate) fn object(&self, object: &Value) -> Result<(), Stop> {
        if !self.json {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{object}")?;
        Ok(out.flush()?)
    }

    /// A line that is good to know; left out where nobody looks.
    pub(crate) fn status(&self, line: &str) {
        if !self.json && io::stderr().is_terminal() {
            // Nobody is there to be told that nobody is there.
            let _ = writeln!(anstream::stderr(), "{line}");
        }
    }

    /// Something that happened and is no error, such as a machine that is not there: always said.
    pub(crate) fn notice(&self, message: &str) {
        let note = Diagnostic { severity: Severity::Note, ..placeless(codes::NOTICE, message, None) };
        self.findings(&[note], &SourceMap::new());
    }

    /// Findings, with the lines they point at, and how many there are. What they mean for the command stays true where
    /// nobody reads them.
    pub(crate) fn findings(&self, findings: &[Diagnostic], map: &SourceMap) {
        if self.json {
            let _ = findings.iter().try_for_each(|f| self.object(&diagnostic::to_json(f, map)));
            return;
        }
        let mut text = diagnostic::render(findings, map, true);
        if findings.len() > 1 {
            text.push_str(&diagnostic::summary(findings));
            text.push('\n');
        }
        let _ = anstream::stderr().lock().write_all(text.as_bytes());
    }

    /// Shows one error, and ends.
    pub(crate) fn fail<T>(&self, finding: Diagnostic, stop: Stop) -> Result<T, Stop> {
        self.findings(&[finding], &SourceMap::new());
        Err(stop)
    }

    /// The last line of `--json`, and the exit code.
    pub(crate) fn end(&self, command: &str, outcome: Result<Value, Stop>) -> ExitCode {
        let mut result = json!({"type": "result", "ok": outcome.is_ok(), "command": command});
        if let (Ok(Value::Object(more)), Value::Object(all)) = (&outcome, &mut result) {
            all.extend(more.clone());
        }
        match (outcome, self.object(&result)) {
            (Err(stop), _) => stop.exit_code(),
            (Ok(_), Ok(())) => ExitCode::SUCCESS,
            (Ok(_), Err(stop)) => stop.exit_code(),
        }
    }
}
