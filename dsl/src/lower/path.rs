//! Names of files: what a text may read and write.
//!
//! In a text of our own they are paths, put behind its folder. In a stranger's text they are the names that the caller
//! gave, each one file that it may read, and plain names for what it writes.

use std::path::PathBuf;

use crate::codes;
use crate::script::Source;
use crate::source::{Base, Spanned};
use crate::syntax::node::Value;
use crate::value::Misread;

use super::Lowering;

/// Most bytes of a name that a stranger gives to an output: what file systems take, less what we put around it.
const LONGEST_NAME: usize = 200;

impl Lowering<'_> {
    /// A file that a value names.
    pub(super) fn path(&self, field: &str, value: &Value) -> Option<Source> {
        let token = self.scalar(field, value)?;
        Some(Source { path: self.input(field, &token)?, span: token.span })
    }

    /// Whether a text is one of the names that a stranger may use.
    pub(super) fn is_named(&self, text: &str) -> bool {
        matches!(self.base, Base::Named(named) if named.files.contains_key(text))
    }

    /// A file that is read; reported if there can be none.
    pub(super) fn input(&self, field: &str, token: &Spanned<String>) -> Option<PathBuf> {
        match self.base {
            Base::Folder(folder) => self.check_path(field, token).map(|()| folder.join(&token.value)),
            Base::Named(named) => named.files.get(&token.value).cloned().or_else(|| {
                let what = format!("there is no file `{}`", token.value);
                let help = "scripts here use uploads by their names, `video:ID` or `asset:ID`, and no paths";
                self.misread(
                    field,
                    token.span,
                    Misread { code: codes::UNKNOWN_FILE, what, help: help.into() },
                );
                None
            }),
        }
    }

    /// A file that is written; reported if there can be none.
    pub(super) fn target(&self, field: &str, token: &Spanned<String>) -> Option<PathBuf> {
        self.check_path(field, token)?;
        let name = &token.value;
        match self.base {
            Base::Folder(folder) => Some(folder.join(name)),
            Base::Named(named) => {
                let plain = name.len() <= LONGEST_NAME
                    && !name.starts_with(['.', '-'])
                    && !name.chars().any(|c| matches!(c, '/' | '\\' | ':') || c.is_control());
                if plain {
                    return Some(named.outputs.join(name));
                }
                let what = format!("`{name}` is not a plain name of a file");
                let help = "write the name alone, such as `film.mp4`: it has no folder here";
                self.misread(field, token.span, Misread { code: codes::NOT_A_FILE, what, help: help.into() });
                None
            }
        }
    }

    /// `Some` if a text can name a file; reported if not.
    fn check_path(&self, field: &str, token: &Spanned<String>) -> Option<()> {
        let text = &token.value;
        let (what, help) = if text.trim().is_empty() {
            ("it is empty".to_string(), "write the path of a file")
        } else if text.contains('\0') {
            ("a path cannot hold a NUL".to_string(), "write the path of a file")
        } else if text.contains("://") {
            (format!("`{text}` is not a file"), "only files can be used: write a path relative to the script")
        } else {
            return Some(());
        };
        self.misread(field, token.span, Misread { code: codes::NOT_A_FILE, what, help: help.into() });
        None
    }
}
