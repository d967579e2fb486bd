//! Source texts and places in them.
//!
//! A [`SourceMap`] owns every text of a compilation; a [`Span`] is a half-open byte range in one of them. Lines and
//! columns are computed only when a diagnostic is shown.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Names one text of a [`SourceMap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
pub struct FileId(pub u16);

/// A half-open range of bytes in one text. Both ends lie on character boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
pub struct Span {
    /// The text.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The span of bytes `start..end` of `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { file, start: clamp(start), end: clamp(end) }
    }

    /// The smallest span that holds both; `self` if they are of different files.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        if self.file != other.file {
            return self;
        }
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

impl Span {
    /// Whether `other` lies wholly in here.
    pub fn contains(self, other: Span) -> bool {
        self.file == other.file && self.start <= other.start && other.end <= self.end
    }
}

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Puts a value and its place together.
    pub fn new(value: T, span: Span) -> Self {
        Spanned { value, span }
    }

    /// The same place with another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: f(self.value), span: self.span }
    }
}

/// A line and column as people count them: from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LineColumn {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
}

/// What the names of files in a text mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// They are paths; relative ones start from this folder.
    Folder(PathBuf),
    /// There are these, and no others: the text is a stranger's.
    Named(NamedFiles),
}

/// The files that a stranger's text may use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamedFiles {
    /// What it may read: names, such as `video:ID`, and the files behind them.
    pub files: BTreeMap<String, PathBuf>,
    /// The folder that outputs go into, by plain names.
    pub outputs: PathBuf,
}

/// One text: where it came from and what it says.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// How diagnostics name it: the path as the user gave it, or `<stdin>`.
    pub name: String,
    /// What the names of files in it mean.
    pub base: Base,
    /// The text, without byte order mark.
    pub text: String,
    lines: Vec<u32>,
}

impl SourceFile {
    /// The bytes of a line, counted from 1, without its end; empty beyond the last.
    pub fn line(&self, number: usize) -> std::ops::Range<usize> {
        let start_of = |index: usize| self.lines.get(index).map_or(self.text.len(), |start| *start as usize);
        let (start, end) = (start_of(number.saturating_sub(1)), start_of(number));
        let line = self.text.get(start..end).unwrap_or("");
        start..start + line.trim_end_matches(['\n', '\r']).len()
    }
}

/// Every text of a compilation.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a text in. `name` is shown in diagnostics; relative paths in the text start from `base`. A leading
    /// byte order mark is dropped.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        base: impl AsRef<Path>,
        text: impl Into<String>,
    ) -> FileId {
        self.insert(name.into(), Base::Folder(base.as_ref().to_path_buf()), text.into())
    }

    /// Takes a stranger's text in: as [`SourceMap::add`], but it can name no path, only these files.
    pub fn add_named(
        &mut self,
        name: impl Into<String>,
        files: NamedFiles,
        text: impl Into<String>,
    ) -> FileId {
        self.insert(name.into(), Base::Named(files), text.into())
    }

    fn insert(&mut self, name: String, base: Base, mut text: String) -> FileId {
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        let lines = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i as u32 + 1))
            .collect();
        let id = FileId(u16::try_from(self.files.len()).unwrap_or(u16::MAX));
        self.files.push(SourceFile { name, base, text, lines });
        id
    }

    /// The text behind an id that this map gave out.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[usize::from(id.0)]
    }

    /// The characters under a span.
    pub fn text(&self, span: Span) -> &str {
        self.file(span.file).text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// Line and column of a byte offset in a file.
    pub fn line_column(&self, file: FileId, offset: u32) -> LineColumn {
        let file = self.file(file);
        let line = file.lines.partition_point(|start| *start <= offset).max(1);
        let start = file.lines[line - 1] as usize;
        let end = (offset as usize).min(file.text.len());
        let column = file.text.get(start..end).map_or(0, |s| s.chars().count()) + 1;
        LineColumn { line, column }
    }
}
