//! Videos, assets, their files, their quota and their end.

use std::sync::Arc;

use tokio::task::JoinSet;
use uuid::Uuid;

use super::rows::{
    self, asset, at, blob, finished, job, job_for, metadata, output, project, result, script_bytes, video,
};
use crate::model::{
    Asset, AssetKind, Blob, Folder, Job, JobState, Made, Project, ScriptText, Video, VideoStatus,
};
use crate::store::{Added, Ended, PAGE_BYTES, Page, ProjectChange, Store, StoreError};

/// Adds a video with a file of its own.
async fn added(store: &Arc<dyn Store>, owner: Uuid, content: &str) -> Video {
    let video = video(owner, content);
    store.add_video(&video, u64::MAX).await.expect("a video");
    video
}

/// Adds a result with a file, by a job that ends well.
async fn made(store: &Arc<dyn Store>, owner: Uuid, sources: &[Uuid], content: &str) -> (Uuid, Blob) {
    let video = result(owner, sources);
    let job = job_for(&video);
    store.add_job(&job, Some(&video), None, rows::AMPLE).await.expect("a job");
    store.claim(at(3)).await.expect("a claim").expect("a job");
    let file = blob(Folder::Videos, "mp4", content);
    let finished = finished(vec![output("o.mp4", file.clone())]);
    store.finish(job.id, &finished, u64::MAX, at(4)).await.expect("a write").expect("an end");
    (video.id, file)
}

fn ids(blobs: Vec<Blob>) -> Vec<Uuid> {
    let mut ids: Vec<_> = blobs.into_iter().map(|blob| blob.id).collect();
    ids.sort();
    ids
}

fn sorted<const N: usize>(mut ids: [Uuid; N]) -> [Uuid; N] {
    ids.sort();
    ids
}

pub(crate) async fn gives_back_what_was_kept(store: &Arc<dyn Store>) {
    let (owner, other) = (Uuid::new_v4(), Uuid::new_v4());
    let video = added(store, owner, "one").await;
    let unmade = result(owner, &[video.id, Uuid::new_v4()]);
    store.add_unmade_video(&unmade, None, u64::MAX).await.expect("a video");
    let lut = asset(owner, AssetKind::Lut, "lut");
    let sound = Asset { metadata: Some(metadata()), ..asset(owner, AssetKind::Audio, "sound") };
    for asset in [&lut, &sound] {
        assert_eq!(store.add_asset(asset, u64::MAX).await.expect("an asset"), asset.blob);
        assert_eq!(store.asset(owner, asset.id).await.expect("a read").as_ref(), Some(asset));
        assert_eq!(store.asset(other, asset.id).await.expect("a read"), None);
        assert_eq!(store.video(owner, asset.id).await.expect("a read"), None);
    }
    for video in [&video, &unmade] {
        assert_eq!(store.video(owner, video.id).await.expect("a read").as_ref(), Some(video));
        assert_eq!(store.video(other, video.id).await.expect("a read"), None);
        assert_eq!(store.asset(owner, video.id).await.expect("a read"), None);
        assert_eq!(store.video_status(video.id).await.expect("a read"), Some(video.status));
    }
    assert_eq!(store.video_status(lut.id).await.expect("a read"), None);

    let file = video.blob.clone().expect("a file");
    assert_eq!(store.blob(file.id).await.expect("a read"), Some(file.clone()));
    let asked = [lut.id, unmade.id, Uuid::new_v4(), video.id];
    let expected = vec![(lut.id, false, lut.blob.clone()), (video.id, true, file)];
    assert_eq!(store.sources(owner, &asked, false).await.expect("a read"), expected);
    assert_eq!(store.sources(other, &asked, true).await.expect("a read"), []);
}

pub(crate) async fn shares_one_file_of_equal_content(store: &Arc<dyn Store>) {
    let first = added(store, Uuid::new_v4(), "same").await.blob.expect("a file");
    let second = video(Uuid::new_v4(), "same");
    assert_eq!(store.add_video(&second, u64::MAX).await.expect("a video"), first);
    let seen = store.video(second.owner, second.id).await.expect("a read").expect("a video");
    assert_eq!(seen.blob.as_ref(), Some(&first));

    let elsewhere = Video { blob: Some(blob(Folder::Videos, "mov", "same")), ..video(second.owner, "same") };
    let own = store.add_video(&elsewhere, u64::MAX).await.expect("a video");
    assert_eq!(Some(&own), elsewhere.blob.as_ref());
    assert_eq!(store.blob_ids().await.expect("a read").len(), 2);
}

pub(crate) async fn shares_one_file_when_many_add_at_once(store: &Arc<dyn Store>) {
    let mut adding = JoinSet::new();
    for _ in 0..32 {
        let store = Arc::clone(store);
        adding.spawn(async move {
            store.add_video(&video(Uuid::nil(), "same"), u64::MAX).await.expect("a video")
        });
    }
    let blobs = adding.join_all().await;
    assert_eq!(store.blob_ids().await.expect("a read"), [blobs[0].id]);
    assert!(blobs.iter().all(|blob| *blob == blobs[0]));
    assert_eq!(store.videos(Uuid::nil(), &Page::default()).await.expect("a page").total, 32);
}

pub(crate) async fn holds_the_quota(store: &Arc<dyn Store>) {
    let owner = Uuid::new_v4();
    let full = |result: Result<Blob, StoreError>| matches!(result, Err(StoreError::Quota { limit: 10 }));
    store.add_video(&video(owner, "123456"), 10).await.expect("room");
    let large = video(owner, "12345");
    assert!(full(store.add_video(&large, 10).await));
    assert_eq!(store.video(owner, large.id).await.expect("a read"), None);
    assert_eq!(store.blob_ids().await.expect("a read").len(), 1);
    store.add_asset(&asset(owner, AssetKind::Lut, "1234"), 10).await.expect("room");
    assert!(full(store.add_asset(&asset(owner, AssetKind::Lut, "1"), 10).await));
    // What is shared on disk counts for each of its rows.
    assert!(full(store.add_video(&video(owner, "123456"), 10).await));
    assert_eq!(store.bytes_kept(owner).await.expect("a read"), 10);

    let other = Uuid::new_v4();
    store.add_video(&video(other, "123456"), 10).await.expect("room");
    assert_eq!(store.bytes_kept(other).await.expect("a read"), 6);
}

pub(crate) async fn holds_what_is_written_to_the_quota(store: &Arc<dyn Store>) {
    let owner = Uuid::new_v4();
    let over = |answer: Result<(), StoreError>| matches!(answer, Err(StoreError::Quota { .. }));
    let kept = project(owner, "one", 0);
    // Bytes, not characters: the ü of its timeline is two.
    let bytes = kept.name.len()
        + kept.description.len()
        + kept.timeline.text().len()
        + kept.settings.text().len()
        + kept.script.as_ref().map_or(0, String::len);
    let bytes = bytes as u64;
    assert!(over(store.add_project(&kept, bytes - 1).await));
    assert_eq!(store.bytes_kept(owner).await.expect("a read"), 0);
    store.add_project(&kept, bytes).await.expect("room");
    assert_eq!(store.bytes_kept(owner).await.expect("a read"), bytes);

    let scripted =
        |script: &str| ProjectChange { script: Some(Some(script.to_owned())), ..ProjectChange::default() };
    let change = async |script, quota| {
        store.change_project(owner, kept.id, &scripted(script), quota, at(9)).await.map(drop)
    };
    assert!(over(change("clip ab", bytes).await));
    assert_eq!(store.project(owner, kept.id).await.expect("a read").as_ref(), Some(&kept));
    change("clip", 0).await.expect("less is always allowed");
    change("clip a", bytes).await.expect("room");

    let unmade = result(owner, &[]);
    assert!(over(store.add_unmade_video(&unmade, None, bytes + script_bytes() - 1).await.map(drop)));
    assert_eq!(store.video_status(unmade.id).await.expect("a read"), None);
    store.add_unmade_video(&unmade, None, bytes + script_bytes()).await.expect("room");
    assert_eq!(store.bytes_kept(owner).await.expect("a read"), bytes + script_bytes());
    assert_eq!(store.bytes_kept(Uuid::new_v4()).await.expect("a read"), 0);
}

pub(crate) async fn holds_the_quota_when_many_add_at_once(store: &Arc<dyn Store>) {
    let mut adding = JoinSet::new();
    for n in 10..30 {
        let store = Arc::clone(store);
        adding.spawn(async move { store.add_video(&video(Uuid::nil(), &n.to_string()), 7).await.is_ok() });
    }
    assert_eq!(adding.join_all().await.into_iter().filter(|added| *added).count(), 3);
    assert_eq!(store.bytes_kept(Uuid::nil()).await.expect("a read"), 6);
}

pub(crate) async fn pages_and_sorts_what_is_not_deleted(store: &Arc<dyn Store>) {
    let owner = Uuid::new_v4();
    let mut videos = Vec::new();
    for (seconds, content) in ["c", "a", "d", "b"].into_iter().enumerate() {
        let video = Video { created_at: at(seconds as i64), ..video(owner, content) };
        store.add_video(&video, u64::MAX).await.expect("a video");
        videos.push(video);
    }
    added(store, Uuid::new_v4(), "other").await;
    for kind in [AssetKind::Lut, AssetKind::Font, AssetKind::Lut] {
        store.add_asset(&asset(owner, kind, "x"), u64::MAX).await.expect("an asset");
    }
    store.delete_media(owner, videos[2].id).await.expect("a write").expect("a video");

    let newest = store.videos(owner, &Page::default()).await.expect("a page");
    assert_eq!(
        (newest.total, newest.rows),
        (3, vec![videos[3].clone(), videos[1].clone(), videos[0].clone()])
    );
    let sort = vec![("originalName".to_owned(), false)];
    let by_name = Page { offset: 1, limit: 1, sort, ..Page::default() };
    let second = store.videos(owner, &by_name).await.expect("a page");
    assert_eq!((second.total, second.rows), (3, vec![videos[3].clone()]));

    let luts = store.assets(owner, Some(AssetKind::Lut), &Page::default()).await.expect("a page");
    assert_eq!((luts.total, luts.rows.len()), (2, 2));
    assert!(luts.rows.iter().all(|asset| asset.kind == AssetKind::Lut));
    let all = store.assets(owner, None, &Page { limit: 2, ..Page::default() }).await.expect("a page");
    assert_eq!((all.total, all.rows.len()), (3, 2));
}

pub(crate) async fn keeps_hidden_what_results_need(store: &Arc<dyn Store>) {
    let owner = Uuid::new_v4();
    let original = added(store, owner, "original").await;
    let original_file = original.blob.clone().expect("a file");
    let (middle, middle_file) = made(store, owner, &[original.id], "middle").await;
    let (last, last_file) = made(store, owner, &[middle], "last").await;

    assert_eq!(store.delete_media(Uuid::new_v4(), original.id).await.expect("a write"), None);
    assert_eq!(store.delete_media(owner, original.id).await.expect("a write"), Some(vec![]));
    assert_eq!(store.delete_media(owner, original.id).await.expect("a write"), None);
    assert_eq!(store.delete_media(owner, middle).await.expect("a write"), Some(vec![]));
    assert_eq!(store.release_media().await.expect("a write"), []);
    assert_eq!(store.video(owner, original.id).await.expect("a read"), None);
    assert_eq!(store.videos(owner, &Page::default()).await.expect("a page").total, 1);
    let asked = [original.id, middle];
    assert_eq!(store.sources(owner, &asked, false).await.expect("a read"), []);
    let hidden = vec![(original.id, true, original_file.clone()), (middle, true, middle_file.clone())];
    assert_eq!(store.sources(owner, &asked, true).await.expect("a read"), hidden);
    // It is on disk still, so it counts.
    let files = "originalmiddlelast".len() as u64;
    assert_eq!(store.bytes_kept(owner).await.expect("a read"), files + 4 * script_bytes());

    let gone = store.delete_media(owner, last).await.expect("a write").expect("a video");
    assert_eq!(ids(gone), sorted([original_file.id, middle_file.id, last_file.id]));
    assert_eq!(store.blob_ids().await.expect("a read"), Vec::<Uuid>::new());
    assert_eq!(store.sources(owner, &asked, true).await.expect("a read"), []);
    assert_eq!(store.bytes_kept(owner).await.expect("a read"), 2 * script_bytes(), "of the jobs");
}

pub(crate) async fn keeps_hidden_what_unfinished_jobs_need(store: &Arc<dyn Store>) {
    let owner = Uuid::new_v4();
    let source = added(store, owner, "source").await;
    let lut = asset(owner, AssetKind::Lut, "lut");
    store.add_asset(&lut, u64::MAX).await.expect("an asset");
    let job = Job { sources: vec![lut.id, source.id], ..job(owner) };
    store.add_job(&job, None, None, rows::AMPLE).await.expect("a job");
    assert_eq!(store.delete_media(owner, source.id).await.expect("a write"), Some(vec![]));
    store.claim(at(3)).await.expect("a claim").expect("a job");
    assert_eq!(store.delete_media(owner, lut.id).await.expect("a write"), Some(vec![]));
    assert_eq!(store.sources(owner, &job.sources, true).await.expect("a read").len(), 2);
    assert_eq!(store.release_media().await.expect("a write"), []);

    let failed =
        Ended { state: JobState::Failed, error: None, diagnostics: vec![], crashed: false, not_before: None };
    store.end(job.id, &failed, at(4)).await.expect("a write").expect("an end");
    let released = store.release_media().await.expect("a write");
    assert_eq!(ids(released), sorted([lut.blob.id, source.blob.expect("a file").id]));
    assert_eq!(store.release_media().await.expect("a write"), []);
}

pub(crate) async fn keeps_a_shared_file_until_the_last_row_goes(store: &Arc<dyn Store>) {
    let first = added(store, Uuid::new_v4(), "same").await;
    let second = added(store, Uuid::new_v4(), "same").await;
    let file = first.blob.clone().expect("a file");
    // A picture that a job made keeps its file for the job.
    let still = blob(Folder::Images, "png", "still");
    let job = job(first.owner);
    store.add_job(&job, None, None, rows::AMPLE).await.expect("a job");
    store.claim(at(3)).await.expect("a claim").expect("a job");
    let outputs =
        vec![output("o.png", still.clone()), output("same.mp4", blob(Folder::Videos, "mp4", "same"))];
    let ended =
        store.finish(job.id, &finished(outputs), u64::MAX, at(4)).await.expect("a write").expect("an end");
    assert_eq!(ended.outputs[1].blob, file.id);
    let third = ended.outputs[1].video.expect("a video");

    assert_eq!(store.delete_media(first.owner, first.id).await.expect("a write"), Some(vec![]));
    assert_eq!(store.delete_media(first.owner, third).await.expect("a write"), Some(vec![]));
    let gone = store.delete_media(second.owner, second.id).await.expect("a write");
    assert_eq!(gone, Some(vec![file.clone()]));
    assert_eq!(store.blob(file.id).await.expect("a read"), None);
    assert_eq!(store.blob_ids().await.expect("a read"), [still.id]);
    assert_eq!(store.bytes_kept(first.owner).await.expect("a read"), still.size + script_bytes());
}

pub(crate) async fn releases_a_video_deleted_while_it_was_made(store: &Arc<dyn Store>) {
    let owner = Uuid::new_v4();
    let source = added(store, owner, "source").await;
    let video = result(owner, &[source.id]);
    let job = job_for(&video);
    assert_eq!(store.add_job(&job, Some(&video), None, rows::AMPLE).await.expect("a job"), Added::New);
    store.claim(at(3)).await.expect("a claim").expect("a job");
    assert_eq!(store.delete_media(owner, video.id).await.expect("a write"), Some(vec![]));
    assert_eq!(store.video_status(video.id).await.expect("a read"), Some(VideoStatus::Processing));
    let file = blob(Folder::Videos, "mp4", "made");
    let made = finished(vec![output("o.mp4", file.clone())]);
    let ended = store.finish(job.id, &made, u64::MAX, at(4)).await.expect("a write").expect("an end");
    assert_eq!(ended.outputs[0].video, Some(video.id));
    assert_eq!(store.release_media().await.expect("a write"), [file]);
    assert_eq!(store.video_status(video.id).await.expect("a read"), None);
    // What it needed was never deleted.
    assert!(store.video(owner, source.id).await.expect("a read").is_some());
}

pub(crate) async fn lists_scripts_of_videos_if_they_are_wanted(store: &Arc<dyn Store>) {
    let unmade = result(Uuid::nil(), &[Uuid::new_v4()]);
    store.add_unmade_video(&unmade, None, u64::MAX).await.expect("a video");
    let listed = async |fields: &[&str]| {
        let fields = fields.iter().map(|field| field.to_string()).collect();
        let page = Page { fields, ..Page::default() };
        store.videos(Uuid::nil(), &page).await.expect("a page").rows.remove(0)
    };
    assert_eq!(listed(&["script", "id"]).await, unmade);
    for fields in [&[][..], &["id"]] {
        let video = listed(fields).await;
        let made = video.made.expect("how it came about");
        assert_eq!((made.script.text.as_str(), made.script.vars.len()), ("", 0));
        let whole = unmade.made.as_ref().expect("how it came about");
        assert_eq!((made.sources, made.operation), (whole.sources.clone(), whole.operation.clone()));
    }
}

pub(crate) async fn refuses_a_page_that_is_too_large(store: &Arc<dyn Store>) {
    let owner = Uuid::nil();
    let long = "x".repeat(6 << 20);
    for n in 0..3 {
        let unmade = result(owner, &[]);
        let made =
            unmade.made.map(|made| Made { script: ScriptText { text: long.clone(), ..made.script }, ..made });
        store.add_unmade_video(&Video { made, ..unmade }, None, u64::MAX).await.expect("a video");
        let script = Some(long.clone());
        store
            .add_project(&Project { script, ..project(owner, "long", n) }, u64::MAX)
            .await
            .expect("a project");
        let findings = Ended {
            state: JobState::Failed,
            error: None,
            diagnostics: vec![long.clone().into()],
            crashed: false,
            not_before: None,
        };
        let job = job(owner);
        store.add_job(&job, None, None, rows::AMPLE).await.expect("a job");
        store.end(job.id, &findings, at(4)).await.expect("a write").expect("an end");
    }
    let page = |limit, field: &str| Page { limit, fields: vec![field.to_owned()], ..Page::default() };
    let all = Page::default();
    let refused = |refused: bool, error: Option<StoreError>| match error {
        Some(StoreError::Page { limit: PAGE_BYTES }) => assert!(refused),
        other => assert!(!refused && other.is_none(), "{other:?}"),
    };
    for (expected, page) in
        [(true, all.clone()), (true, page(3, "script")), (false, page(2, "script")), (false, page(3, "name"))]
    {
        refused(expected, store.projects(owner, &page).await.err());
    }
    for (expected, page) in [(false, all.clone()), (true, page(3, "script")), (false, page(2, "script"))] {
        refused(expected, store.videos(owner, &page).await.err());
    }
    for (expected, page) in [(true, all), (true, page(3, "diagnostics")), (false, page(3, "id"))] {
        refused(expected, store.jobs(owner, &page).await.err());
    }
    let named = store.projects(owner, &page(3, "name")).await.expect("a page").rows;
    assert!(named.iter().all(|project| project.script.is_none() && project.name == "long"));
}
