//! Why a worker could not: the one place that says whose fault an error of the engine is.
//!
//! Errors and findings come in; [`Refusal`]s go out, still with paths in them.

use serde_json::Value;
use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_engine::codes;
use vfxb_engine::exec::{ExecError, RenderError};
use vfxb_engine::media::{MediaError, MediaErrorKind};

use super::protocol::{Fault, Refusal};
use crate::model::JobError;

/// Of a script that cannot be rendered, by the first of its errors; `objects` are all of its findings.
pub(super) fn findings(findings: &[Diagnostic], objects: Vec<Value>) -> Refusal {
    let mut errors = findings.iter().filter(|finding| finding.is_error());
    let error = match errors.clone().next() {
        Some(first) => JobError {
            code: first.code.0.to_owned(),
            message: first.message.clone(),
            help: first.help.clone(),
        },
        None => error("script_invalid", "the script cannot be rendered", None),
    };
    // A script is right that names a file which is none.
    let media = errors.all(|finding| finding.code == codes::MEDIA);
    let fault = if media && !findings.is_empty() { Fault::Media } else { Fault::Script };
    Refusal { error, diagnostics: objects, fault }
}

/// Of a script that writes nothing.
pub(super) fn no_output() -> Refusal {
    let help = "add `output \"film.mp4\"` to the script".to_owned();
    let message = "the script has no output, so nothing would be made";
    refusal(Fault::Script, error(codes::NO_OUTPUT.0, message, Some(help)))
}

/// Of an instant that cannot be read.
pub(super) fn instant(fault: &vfxb_dsl::value::Misread) -> Refusal {
    refusal(Fault::Script, error(fault.code.0, &fault.what, Some(fault.help.clone())))
}

/// Of a file that cannot be read or written.
pub(super) fn media(cause: &MediaError) -> Refusal {
    refusal(media_fault(cause.kind), error(codes::MEDIA.0, &cause.message, cause.help.clone()))
}

/// Of a render that failed; none if it was cancelled.
pub(super) fn rendering(cause: &RenderError) -> Option<Refusal> {
    let fault = match cause {
        RenderError::Media(error) => media_fault(error.kind),
        RenderError::Exec(ExecError::OutOfMemory(_)) => Fault::Media,
        RenderError::Exec(ExecError::DeviceLost(_) | ExecError::Unavailable(_)) => Fault::Machine,
        RenderError::Cancelled => return None,
    };
    Some(refusal(fault, error(cause.code().0, &cause.to_string(), cause.help().map(str::to_owned))))
}

/// Of a machine that cannot do what it must.
pub(super) fn machine(message: &str) -> Refusal {
    refusal(Fault::Machine, error("machine", message, None))
}

/// Of a process that wanted more memory than it may have.
pub(super) fn memory(limit: u64) -> Refusal {
    let message = format!("this needs more than the {} MB of memory that a job may take", limit >> 20);
    let help = "use smaller pictures, or fewer of them at once".to_owned();
    refusal(Fault::Media, error("memory", &message, Some(help)))
}

/// Whose fault an error of a file is: its content's, the script's that asks an encoder for what it cannot do, or ours.
fn media_fault(kind: MediaErrorKind) -> Fault {
    match kind {
        MediaErrorKind::NotFound
        | MediaErrorKind::NotAllowed
        | MediaErrorKind::Unsupported
        | MediaErrorKind::Damaged
        | MediaErrorKind::Limit
        | MediaErrorKind::Changed => Fault::Media,
        MediaErrorKind::Encoder => Fault::Script,
        MediaErrorKind::Full => Fault::Room,
        MediaErrorKind::Io | MediaErrorKind::Cancelled => Fault::Machine,
    }
}

fn error(code: &str, message: &str, help: Option<String>) -> JobError {
    JobError { code: code.to_owned(), message: message.to_owned(), help }
}

fn refusal(fault: Fault, error: JobError) -> Refusal {
    Refusal { error, diagnostics: Vec::new(), fault }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vfxb_dsl::codes::UNKNOWN_EFFECT;
    use vfxb_dsl::diagnostic::Code;
    use vfxb_dsl::source::Span;

    #[test]
    fn a_right_script_is_not_blamed_for_its_files() {
        let found = |code: Code| Diagnostic::error(code, Span::default(), "what");
        assert_eq!(findings(&[found(codes::MEDIA)], vec![]).fault, Fault::Media);
        let both = [found(codes::MEDIA), found(UNKNOWN_EFFECT)];
        assert_eq!(findings(&both, vec![]).fault, Fault::Script);
        assert_eq!(findings(&[], vec![]).fault, Fault::Script);
    }

    #[test]
    fn errors_of_files_find_whom_to_blame() {
        let fault = |kind| {
            let error = MediaError { kind, message: "what".into(), help: None };
            rendering(&RenderError::Media(error)).unwrap().fault
        };
        assert_eq!(fault(MediaErrorKind::Damaged), Fault::Media);
        assert_eq!(fault(MediaErrorKind::Full), Fault::Room);
        assert_eq!(fault(MediaErrorKind::Io), Fault::Machine);
        assert_eq!(fault(MediaErrorKind::Encoder), Fault::Script);
        assert_eq!(rendering(&RenderError::Cancelled), None);
    }
}
