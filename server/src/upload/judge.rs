//! What a file is, by its content: first bytes here, everything deeper in a worker.
//!
//! A whole file and what is wanted come in; its kind, its ending and what was found in it go out, or 415 with the
//! reason. Names and declared types are not looked at.

use std::io::Read;
use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::container::{self, Found, VIDEOS};
use super::magic::{HEAD, Magic, magic};
use crate::app::App;
use crate::error::{ApiError, Kind};
use crate::files::FileError;
use crate::model::{AssetKind, Folder, Metadata, Owner};
use crate::worker::WorkError;
use crate::worker::protocol::{Answer, Fault, Task};

/// What is said of a file without bytes.
pub(crate) const EMPTY: &str = "The file is empty.";

/// What a client may send to where it sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A film in one of [`VIDEOS`].
    Video,
    /// Anything that scripts can name, or one kind of it.
    Asset(Option<AssetKind>),
    /// A video if it is one, else an asset.
    Any,
}

/// What a file turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    /// What it is.
    pub(crate) kind: AssetKind,
    /// Its ending.
    pub(crate) extension: &'static str,
    /// What was found in it, if it is media.
    pub(crate) metadata: Option<Metadata>,
    /// Whether it becomes a video, not an asset.
    pub(crate) video: bool,
}

impl Judged {
    /// Where it belongs.
    pub(crate) fn folder(&self) -> Folder {
        match self.kind {
            AssetKind::Video => Folder::Videos,
            AssetKind::Audio => Folder::Audio,
            AssetKind::Image | AssetKind::Lut | AssetKind::Font | AssetKind::Subtitle | AssetKind::Shader => {
                Folder::Images
            }
        }
    }
}

/// Judges an owner's file.
///
/// # Errors
/// 415 if it is not what is wanted or cannot be read, and what happens to workers.
pub(crate) async fn judge(app: &App, owner: Owner, path: &Path, wanted: Wanted) -> Result<Judged, ApiError> {
    let head = head(path).await?;
    let judged = match magic(&head) {
        Magic::Empty => return Err(refused(wanted, EMPTY)),
        Magic::Other(Some(ending)) => return Err(refused(wanted, &format!("This is {ending}."))),
        Magic::Other(None) => return Err(refused(wanted, "This is text that means nothing here.")),
        Magic::Plain(kind, extension) => Judged { kind, extension, metadata: None, video: false },
        Magic::Media => media(app, owner, path, &head, wanted).await?,
    };
    let film = judged.kind == AssetKind::Video && VIDEOS.contains(&judged.extension);
    match wanted {
        Wanted::Video if !film => Err(refused(wanted, &format!("This is {}.", judged.extension))),
        Wanted::Asset(Some(kind)) if kind != judged.kind => {
            Err(refused(wanted, &format!("This is {}.", judged.extension)))
        }
        Wanted::Video | Wanted::Any => Ok(Judged { video: film, ..judged }),
        Wanted::Asset(_) => Ok(judged),
    }
}

async fn head(path: &Path) -> Result<Vec<u8>, ApiError> {
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let mut head = Vec::new();
        std::fs::File::open(path)?.take(HEAD as u64).read_to_end(&mut head)?;
        Ok::<_, std::io::Error>(head)
    });
    let read = read.await.map_err(|error| ApiError::internal(error.to_string()))?;
    read.map_err(|error| FileError::from(error).into())
}

/// Has a worker look into a file.
async fn media(
    app: &App,
    owner: Owner,
    path: &Path,
    head: &[u8],
    wanted: Wanted,
) -> Result<Judged, ApiError> {
    // A client that hangs up does not leave a worker behind.
    let cancel = CancellationToken::new();
    let _hung_up = cancel.clone().drop_guard();
    let answer = app.workers.work(owner, Task::Probe { file: path.to_owned() }, &|_| {}, &cancel).await;
    let (metadata, moving, still) = match answer {
        Ok(Answer::Probed { metadata, moving, still }) => (metadata, moving, still),
        Ok(_) => return Err(ApiError::internal("a worker answered a probe with something else")),
        Err(WorkError::Refused(refusal)) if matches!(refusal.fault, Fault::Media | Fault::Script) => {
            let said = sentence(&refusal.error.message, refusal.error.help.as_deref());
            return Err(refused(wanted, &said));
        }
        Err(WorkError::Crashed(reason)) => {
            tracing::warn!(reason, "a file made its probe crash");
            return Err(refused(wanted, "The file is damaged so badly that it cannot be looked into."));
        }
        Err(other) => return Err(other.into()),
    };
    let found = Found { format: &metadata.format, moving, still, sound: metadata.audio_codec.is_some() };
    let (kind, extension) = container::kind(found, head)
        .ok_or_else(|| refused(wanted, "There is neither a picture nor sound in it that is known here."))?;
    Ok(Judged { kind, extension, metadata: Some(metadata), video: false })
}

/// The engine's message as a sentence.
fn sentence(message: &str, help: Option<&str>) -> String {
    let mut letters = message.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let help = help.map(|help| format!(" ({help})")).unwrap_or_default();
    format!("{first}{}{help}.", letters.as_str())
}

/// Why a file is not taken.
pub(crate) fn refused(wanted: Wanted, what: &str) -> ApiError {
    let taken = match wanted {
        Wanted::Video => format!("Only videos are taken here: {}.", VIDEOS.join(", ")),
        Wanted::Asset(Some(AssetKind::Video)) => "A video was announced.".to_owned(),
        Wanted::Asset(Some(AssetKind::Audio)) => "Sound was announced.".to_owned(),
        Wanted::Asset(Some(AssetKind::Image)) => "A picture was announced.".to_owned(),
        Wanted::Asset(Some(AssetKind::Lut)) => "A colour table (.cube) was announced.".to_owned(),
        Wanted::Asset(Some(AssetKind::Font)) => "A font (TrueType or OpenType) was announced.".to_owned(),
        Wanted::Asset(Some(AssetKind::Subtitle)) => {
            "Subtitles (SubRip, WebVTT or ASS, in UTF-8) were announced.".to_owned()
        }
        Wanted::Asset(Some(AssetKind::Shader)) => "A shader (WGSL) was announced.".to_owned(),
        Wanted::Asset(None) | Wanted::Any => {
            "Videos, sound, pictures, colour tables (.cube), fonts (TrueType, OpenType), subtitles (SubRip, WebVTT, \
             ASS) and shaders (WGSL) are taken, texts in UTF-8."
                .to_owned()
        }
    };
    ApiError { details: vec![what.to_owned()], ..ApiError::new(Kind::Unsupported, format!("{taken} {what}")) }
}
