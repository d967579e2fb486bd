//! A row of `media`, with its blob and its sources: what videos and assets have in common, and what only one has.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, named_params, params};
use uuid::Uuid;

use crate::model::{Asset, AssetKind, Blob, Made, Metadata, Owner, ScriptText, Video, VideoStatus};
use crate::store::Result;
use crate::store::sqlite::values::{Instant, Opaque, Word, finite};

pub(super) const TABLE: &str = "media r";
pub(super) const FROM: &str = "media r LEFT JOIN blobs b ON b.id = r.blob";
/// What lists read of every row: all but what may be large.
pub(super) const LISTED: &str = "r.id, r.owner, r.asset_kind, r.status, r.original_name, r.blob, r.made_operation,
    r.made_of, r.made_script_spelling, r.made_output, r.made_job, r.width, r.height, r.fps, r.duration, r.codec,
    r.format, r.frames, r.audio_codec, r.sample_rate, r.channels, r.variable, r.deleted, r.created_at,
    b.folder, b.extension, b.hash, b.size";

/// Which of the two a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Video(VideoStatus),
    Asset(AssetKind),
}

/// A video or an asset.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store::sqlite) struct MediaRow {
    pub(in crate::store::sqlite) id: Uuid,
    pub(in crate::store::sqlite) owner: Owner,
    sort: Sort,
    original_name: String,
    pub(in crate::store::sqlite) blob: Option<Blob>,
    metadata: Option<Metadata>,
    pub(in crate::store::sqlite) made: Option<Made>,
    pub(super) deleted: bool,
    created_at: Timestamp,
}

impl MediaRow {
    pub(in crate::store::sqlite) fn of_video(video: &Video) -> MediaRow {
        MediaRow {
            id: video.id,
            owner: video.owner,
            sort: Sort::Video(video.status),
            original_name: video.original_name.clone(),
            blob: video.blob.clone(),
            metadata: video.metadata.clone(),
            made: video.made.clone(),
            deleted: video.deleted,
            created_at: video.created_at,
        }
    }

    pub(super) fn of_asset(asset: &Asset) -> MediaRow {
        MediaRow {
            id: asset.id,
            owner: asset.owner,
            sort: Sort::Asset(asset.kind),
            original_name: asset.original_name.clone(),
            blob: Some(asset.blob.clone()),
            metadata: asset.metadata.clone(),
            made: None,
            deleted: asset.deleted,
            created_at: asset.created_at,
        }
    }

    pub(super) fn is_video(&self) -> bool {
        matches!(self.sort, Sort::Video(_))
    }

    pub(in crate::store::sqlite) fn status(&self) -> Option<VideoStatus> {
        match self.sort {
            Sort::Video(status) => Some(status),
            Sort::Asset(_) => None,
        }
    }

    pub(super) fn video(self) -> Option<Video> {
        let Sort::Video(status) = self.sort else { return None };
        let MediaRow { id, owner, original_name, blob, metadata, made, deleted, created_at, .. } = self;
        Some(Video { id, owner, original_name, blob, metadata, status, made, deleted, created_at })
    }

    pub(super) fn asset(self) -> Option<Asset> {
        let Sort::Asset(kind) = self.sort else { return None };
        let MediaRow { id, owner, original_name, metadata, deleted, created_at, .. } = self;
        Some(Asset { id, owner, kind, original_name, blob: self.blob?, metadata, deleted, created_at })
    }

    /// One row of an owner, hidden or not.
    pub(in crate::store::sqlite) fn find(
        transaction: &Transaction<'_>,
        owner: Owner,
        id: Uuid,
    ) -> Result<Option<MediaRow>> {
        let sql = format!(
            "SELECT {LISTED}, r.made_script, r.made_script_vars FROM {FROM} WHERE r.owner = ? AND r.id = ?"
        );
        let mut statement = transaction.prepare_cached(&sql)?;
        Ok(statement.query_one([owner, id], |row| MediaRow::read(transaction, row)).optional()?)
    }

    /// Keeps a new row; its blob is kept already.
    pub(in crate::store::sqlite) fn insert(&self, transaction: &Transaction<'_>) -> Result<()> {
        let (status, kind) = match self.sort {
            Sort::Video(status) => (Some(Word(status)), None),
            Sort::Asset(kind) => (None, Some(Word(kind))),
        };
        let sql =
            "INSERT INTO media (id, owner, asset_kind, status, original_name, deleted, created_at, blob)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        transaction.prepare_cached(sql)?.execute(params![
            self.id,
            self.owner,
            kind,
            status,
            self.original_name,
            self.deleted,
            Instant(self.created_at),
            self.blob.as_ref().map(|blob| blob.id),
        ])?;
        set_metadata(transaction, self.id, self.metadata.as_ref())?;
        set_made(transaction, self.id, self.made.as_ref())
    }

    pub(super) fn read(transaction: &Transaction<'_>, row: &Row<'_>) -> rusqlite::Result<MediaRow> {
        let id = row.get("id")?;
        let status: Option<Word<VideoStatus>> = row.get("status")?;
        let sort = match status {
            Some(Word(status)) => Sort::Video(status),
            None => Sort::Asset(row.get::<_, Word<AssetKind>>("asset_kind")?.0),
        };
        let Instant(created_at) = row.get("created_at")?;
        Ok(MediaRow {
            id,
            owner: row.get("owner")?,
            sort,
            original_name: row.get("original_name")?,
            blob: read_blob(row)?,
            metadata: read_metadata(row)?,
            made: read_made(transaction, row, id)?,
            deleted: row.get("deleted")?,
            created_at,
        })
    }
}

/// A video's status and file.
pub(in crate::store::sqlite) fn set_status(
    transaction: &Transaction<'_>,
    id: Uuid,
    status: VideoStatus,
    blob: Option<Uuid>,
) -> Result<()> {
    let sql = "UPDATE media SET status = ?, blob = ? WHERE id = ? AND status IS NOT NULL";
    transaction.prepare_cached(sql)?.execute(params![Word(status), blob, id])?;
    Ok(())
}

pub(in crate::store::sqlite) fn set_metadata(
    transaction: &Transaction<'_>,
    id: Uuid,
    metadata: Option<&Metadata>,
) -> Result<()> {
    let sql =
        "UPDATE media SET width = :width, height = :height, fps = :fps, duration = :duration, codec = :codec,
        format = :format, frames = :frames, audio_codec = :audio_codec, sample_rate = :sample_rate,
        channels = :channels, variable = :variable WHERE id = :id";
    transaction.prepare_cached(sql)?.execute(named_params! {
        ":id": id,
        ":width": metadata.map(|m| m.width),
        ":height": metadata.map(|m| m.height),
        ":fps": metadata.map(|m| finite(m.fps)),
        ":duration": metadata.map(|m| finite(m.duration)),
        ":codec": metadata.map(|m| &m.codec),
        ":format": metadata.map(|m| &m.format),
        ":frames": metadata.map(|m| m.frames),
        ":audio_codec": metadata.and_then(|m| m.audio_codec.as_ref()),
        ":sample_rate": metadata.and_then(|m| m.sample_rate),
        ":channels": metadata.and_then(|m| m.channels),
        ":variable": metadata.map(|m| m.variable),
    })?;
    Ok(())
}

/// How a result came about, and what it needs for it.
pub(in crate::store::sqlite) fn set_made(
    transaction: &Transaction<'_>,
    id: Uuid,
    made: Option<&Made>,
) -> Result<()> {
    let sql = "UPDATE media SET made_operation = :operation, made_of = :of, made_script = :script,
        made_script_spelling = :spelling, made_script_vars = :vars, made_output = :output, made_job = :job
        WHERE id = :id";
    transaction.prepare_cached(sql)?.execute(named_params! {
        ":id": id,
        ":operation": made.map(|m| &m.operation),
        ":of": made.and_then(|m| m.of),
        ":script": made.map(|m| &m.script.text),
        ":spelling": made.map(|m| Word(m.script.spelling)),
        ":vars": made.map(|m| Opaque(&m.script.vars)),
        ":output": made.and_then(|m| m.output.as_ref()),
        ":job": made.and_then(|m| m.job),
    })?;
    transaction.prepare_cached("DELETE FROM media_sources WHERE media = ?")?.execute([id])?;
    let mut insert =
        transaction.prepare_cached("INSERT INTO media_sources (media, position, source) VALUES (?, ?, ?)")?;
    for (position, source) in made.iter().flat_map(|made| &made.sources).enumerate() {
        insert.execute(params![id, position, source])?;
    }
    Ok(())
}

/// What a result needs.
pub(super) fn sources_of(transaction: &Transaction<'_>, id: Uuid) -> rusqlite::Result<Vec<Uuid>> {
    let sql = "SELECT source FROM media_sources WHERE media = ? ORDER BY position";
    transaction.prepare_cached(sql)?.query_map([id], |row| row.get(0))?.collect()
}

fn read_blob(row: &Row<'_>) -> rusqlite::Result<Option<Blob>> {
    let Some(id) = row.get("blob")? else { return Ok(None) };
    let Word(folder) = row.get("folder")?;
    let extension = row.get("extension")?;
    Ok(Some(Blob { id, folder, extension, hash: row.get("hash")?, size: row.get("size")? }))
}

fn read_metadata(row: &Row<'_>) -> rusqlite::Result<Option<Metadata>> {
    let Some(width) = row.get("width")? else { return Ok(None) };
    Ok(Some(Metadata {
        width,
        height: row.get("height")?,
        fps: row.get("fps")?,
        duration: row.get("duration")?,
        codec: row.get("codec")?,
        format: row.get("format")?,
        frames: row.get("frames")?,
        audio_codec: row.get("audio_codec")?,
        sample_rate: row.get("sample_rate")?,
        channels: row.get("channels")?,
        variable: row.get("variable")?,
    }))
}

fn read_made(transaction: &Transaction<'_>, row: &Row<'_>, id: Uuid) -> rusqlite::Result<Option<Made>> {
    let Some(operation) = row.get("made_operation")? else { return Ok(None) };
    let Word(spelling) = row.get("made_script_spelling")?;
    let Opaque(vars) = row.get("made_script_vars")?;
    Ok(Some(Made {
        operation,
        of: row.get("made_of")?,
        script: ScriptText { text: row.get("made_script")?, spelling, vars },
        output: row.get("made_output")?,
        sources: sources_of(transaction, id)?,
        job: row.get("made_job")?,
    }))
}
