//! A job as everybody is told of it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use crate::model::{Job, JobView, OutputView};

/// RFC 3986's unreserved characters; everything else of a name is escaped in a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What clients see of a job; `sign` makes a path a url that opens without a header.
pub fn view(job: &Job, sign: &dyn Fn(&str) -> String) -> JobView {
    let outputs = job.outputs.iter().map(|output| OutputView {
        name: output.name.clone(),
        url: sign(&output_path(job.id, &output.name)),
        size: output.size,
        video_id: output.video,
    });
    JobView {
        id: job.id,
        state: job.state,
        operation: job.operation.clone(),
        progress: job.progress,
        events_url: sign(&events_path(job.id)),
        outputs: outputs.collect(),
        diagnostics: job.diagnostics.clone(),
        error: job.error.clone(),
        video_id: job.video,
        created_at: job.created_at,
        finished_at: job.finished_at,
    }
}

/// Where a job's events are.
pub fn events_path(job: Uuid) -> String {
    format!("/api/renders/{job}/events")
}

/// Where an output is.
pub fn output_path(job: Uuid, name: &str) -> String {
    format!("/api/renders/{job}/outputs/{}", utf8_percent_encode(name, SEGMENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment_of_a_path() {
        let path = output_path(Uuid::nil(), "a b/../ü?#%.mp4");
        assert_eq!(path, format!("/api/renders/{}/outputs/a%20b%2F..%2F%C3%BC%3F%23%25.mp4", Uuid::nil()));
    }
}
