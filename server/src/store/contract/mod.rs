//! What every store must do, as tests against `dyn Store`: an implementation runs all of them with
//! `contract!(open)`, where `open` is an async function that gives a [`Fixture`] with an empty store.

mod jobs;
mod media;
mod people;
mod queue;
pub(crate) mod rows;
mod webhooks;

use std::any::Any;
use std::sync::Arc;

use crate::store::Store;

/// An empty store, and what must stay as long as it is used.
pub(crate) struct Fixture {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) _guard: Box<dyn Any + Send>,
}

/// One test for each promise of the traits.
macro_rules! contract {
    ($open:path) => {
        $crate::store::contract::contract! { $open =>
            people::answers,
            people::keeps_users_and_refuses_an_email_twice,
            people::keeps_projects_for_their_owner,
            people::merges_changes_that_come_at_once,
            people::pages_and_sorts_projects,
            people::refuses_columns_that_a_list_has_not,
            people::keeps_uploads_until_they_expire,
            people::holds_open_uploads_to_their_number_and_the_quota,
            media::gives_back_what_was_kept,
            media::shares_one_file_of_equal_content,
            media::shares_one_file_when_many_add_at_once,
            media::holds_the_quota,
            media::holds_what_is_written_to_the_quota,
            media::holds_the_quota_when_many_add_at_once,
            media::pages_and_sorts_what_is_not_deleted,
            media::lists_scripts_of_videos_if_they_are_wanted,
            media::refuses_a_page_that_is_too_large,
            media::keeps_hidden_what_results_need,
            media::keeps_hidden_what_unfinished_jobs_need,
            media::keeps_a_shared_file_until_the_last_row_goes,
            media::releases_a_video_deleted_while_it_was_made,
            jobs::keeps_a_job_and_the_video_that_it_makes,
            jobs::takes_an_idempotency_key_once,
            jobs::takes_a_key_once_for_a_video_that_is_made_later,
            jobs::takes_a_key_once_when_many_send_it_at_once,
            jobs::refuses_jobs_without_room,
            jobs::refuses_jobs_of_who_fills_the_queue,
            jobs::holds_jobs_and_results_to_the_quota,
            jobs::lets_one_job_make_a_video,
            jobs::finishes_with_files_and_videos,
            jobs::keeps_nothing_of_a_job_that_was_cancelled,
            jobs::ends_jobs_and_their_videos,
            jobs::counts_every_change,
            jobs::removes_ended_jobs_and_what_is_theirs_alone,
            jobs::forgets_jobs_that_ended_long_ago,
            queue::claims_by_priority_then_age,
            queue::claims_only_what_is_due,
            queue::shares_workers_between_owners,
            queue::shares_a_single_worker_between_owners,
            queue::queues_again_what_ran,
            queue::loses_no_job_and_does_none_twice,
            webhooks::tells_every_end_until_it_is_forgotten,
            webhooks::shares_what_is_told_at_once_between_owners,
        }
    };
    ($open:path => $($module:ident::$test:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                let fixture = $open().await;
                $crate::store::contract::run::$test(&fixture.store).await;
            }
        )*
    };
}
pub(crate) use contract;

/// The tests, by their names alone.
pub(crate) mod run {
    pub(crate) use super::jobs::*;
    pub(crate) use super::media::*;
    pub(crate) use super::people::*;
    pub(crate) use super::queue::*;
    pub(crate) use super::webhooks::*;
}
