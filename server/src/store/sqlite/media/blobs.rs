//! One row a file: the table `blobs`.

use rusqlite::{OptionalExtension, Row, Transaction, params};
use uuid::Uuid;

use crate::model::Blob;
use crate::store::Result;
use crate::store::sqlite::values::Word;

/// The blob of equal content, folder and extension that is there, else this one, which is kept from now on.
pub(in crate::store::sqlite) fn keep(transaction: &Transaction<'_>, blob: &Blob) -> Result<Blob> {
    let Blob { id, folder, extension, hash, size } = blob;
    let sql = "SELECT * FROM blobs WHERE hash = ? AND folder = ? AND extension = ?";
    let there = transaction
        .prepare_cached(sql)?
        .query_one(params![hash, Word(folder), extension], read)
        .optional()?;
    if let Some(there) = there {
        return Ok(there);
    }
    let sql = "INSERT INTO blobs (id, folder, extension, hash, size) VALUES (?, ?, ?, ?, ?)";
    transaction.prepare_cached(sql)?.execute(params![id, Word(folder), extension, hash, size])?;
    Ok(blob.clone())
}

pub(super) fn find(transaction: &Transaction<'_>, id: Uuid) -> Result<Option<Blob>> {
    Ok(transaction.prepare_cached("SELECT * FROM blobs WHERE id = ?")?.query_one([id], read).optional()?)
}

/// Removes a blob that no row has any more; comes back with it then.
pub(in crate::store::sqlite) fn release(transaction: &Transaction<'_>, id: Uuid) -> Result<Option<Blob>> {
    let sql = "DELETE FROM blobs WHERE id = ?1
        AND NOT EXISTS (SELECT 1 FROM media WHERE blob = ?1)
        AND NOT EXISTS (SELECT 1 FROM job_outputs WHERE blob = ?1 AND video IS NULL)
        RETURNING *";
    Ok(transaction.prepare_cached(sql)?.query_one([id], read).optional()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Blob> {
    let Word(folder) = row.get("folder")?;
    Ok(Blob {
        id: row.get("id")?,
        folder,
        extension: row.get("extension")?,
        hash: row.get("hash")?,
        size: row.get("size")?,
    })
}
