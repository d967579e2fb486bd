//! What a job that ended well leaves: blobs, outputs, videos.

use jiff::Timestamp;
use rusqlite::Transaction;
use uuid::Uuid;

use super::rows;
use crate::model::{Folder, Job, JobOutput, Made, Video, VideoStatus};
use crate::store::sqlite::media::blobs;
use crate::store::sqlite::media::rows::{self as media, MediaRow};
use crate::store::{Finished, FinishedOutput, Result};

/// Keeps the files of a job and what they become, and notes them in it.
pub(super) fn keep_outputs(
    transaction: &Transaction<'_>,
    job: &mut Job,
    finished: &Finished,
    now: Timestamp,
) -> Result<()> {
    let own = own_output(transaction, job, finished)?;
    job.outputs.clear();
    for (index, output) in finished.outputs.iter().enumerate() {
        let blob = blobs::keep(transaction, &output.blob)?;
        let video = match job.video {
            Some(video) if own == Some(index) => {
                media::set_status(transaction, video, VideoStatus::Ready, Some(blob.id))?;
                media::set_metadata(transaction, video, Some(&output.metadata))?;
                Some(video)
            }
            _ if blob.folder == Folder::Videos => {
                let kept = FinishedOutput { blob: blob.clone(), ..output.clone() };
                Some(add_video(transaction, job, kept, now)?)
            }
            _ => None,
        };
        job.outputs.push(JobOutput { name: output.name.clone(), blob: blob.id, size: blob.size, video });
    }
    if let (Some(video), None) = (job.video, own) {
        media::set_status(transaction, video, VideoStatus::Failed, None)?;
    }
    rows::insert_outputs(transaction, job)
}

/// Which output is the video that the job makes: the one that it was made for, else the first that moves, else the
/// first (an edit may ask for sound alone).
fn own_output(transaction: &Transaction<'_>, job: &Job, finished: &Finished) -> Result<Option<usize>> {
    let Some(video) = job.video else { return Ok(None) };
    let row = MediaRow::find(transaction, job.owner, video)?;
    let named = row.and_then(|row| row.made).and_then(|made| made.output);
    let outputs = &finished.outputs;
    Ok(match named {
        Some(named) => outputs.iter().position(|output| output.name == named),
        None => outputs
            .iter()
            .position(|output| output.blob.folder == Folder::Videos)
            .or_else(|| (!outputs.is_empty()).then_some(0)),
    })
}

/// A video of its own: rendering the job's script again gives it.
fn add_video(
    transaction: &Transaction<'_>,
    job: &Job,
    output: FinishedOutput,
    now: Timestamp,
) -> Result<Uuid> {
    let FinishedOutput { name, blob, metadata } = output;
    let video = Video {
        id: Uuid::new_v4(),
        owner: job.owner,
        original_name: name.clone(),
        blob: Some(blob),
        metadata: Some(metadata),
        status: VideoStatus::Ready,
        made: Some(Made {
            operation: job.operation.clone(),
            of: None,
            script: job.script.clone(),
            output: Some(name),
            sources: job.sources.clone(),
            job: Some(job.id),
        }),
        deleted: false,
        created_at: now,
    };
    MediaRow::of_video(&video).insert(transaction)?;
    Ok(video.id)
}
