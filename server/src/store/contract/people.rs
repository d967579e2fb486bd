//! Users, projects, resumable uploads, and lists of all kinds.

use std::sync::Arc;

use tokio::task::JoinSet;
use uuid::Uuid;

use super::rows::{at, project};
use crate::model::{Project, RawJson, Upload, User};
use crate::store::{Page, ProjectChange, Store, StoreError};

pub(crate) async fn answers(store: &Arc<dyn Store>) {
    store.alive().await.expect("a store that answers and writes");
}

pub(crate) async fn keeps_users_and_refuses_an_email_twice(store: &Arc<dyn Store>) {
    let user = User {
        id: Uuid::new_v4(),
        email: "a@example.org".to_owned(),
        password_hash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned(),
        created_at: at(0),
    };
    store.add_user(&user).await.expect("a user");
    let again = User { id: Uuid::new_v4(), password_hash: "other".to_owned(), ..user.clone() };
    assert!(matches!(store.add_user(&again).await, Err(StoreError::Taken)));
    assert_eq!(store.user_by_email("a@example.org").await.expect("a read"), Some(user.clone()));
    assert_eq!(store.user_by_email("b@example.org").await.expect("a read"), None);
    assert_eq!(store.user(user.id).await.expect("a read"), Some(user));
    assert_eq!(store.user(again.id).await.expect("a read"), None);
}

pub(crate) async fn keeps_projects_for_their_owner(store: &Arc<dyn Store>) {
    let (owner, other) = (Uuid::new_v4(), Uuid::new_v4());
    let kept = project(owner, "one", 0);
    store.add_project(&kept, u64::MAX).await.expect("a project");
    assert_eq!(store.project(owner, kept.id).await.expect("a read"), Some(kept.clone()));
    assert_eq!(store.project(other, kept.id).await.expect("a read"), None);

    let change = ProjectChange {
        name: Some("two".to_owned()),
        timeline: Some(serde_json::Value::Null.into()),
        script: Some(None),
        ..ProjectChange::default()
    };
    let changed = Project {
        name: "two".to_owned(),
        timeline: serde_json::Value::Null.into(),
        script: None,
        updated_at: at(9),
        ..kept.clone()
    };
    let answered = store.change_project(owner, kept.id, &change, u64::MAX, at(9)).await.expect("a write");
    assert_eq!(answered.as_ref(), Some(&changed));
    assert_eq!(store.project(owner, kept.id).await.expect("a read").as_ref(), Some(&changed));
    assert_eq!(store.change_project(other, kept.id, &change, u64::MAX, at(10)).await.expect("a write"), None);
    assert_eq!(
        store.change_project(owner, Uuid::new_v4(), &change, u64::MAX, at(10)).await.expect("a write"),
        None
    );
    // A clock that was set back does not make it older.
    let late = ProjectChange { script: Some(Some("clip b".to_owned())), ..ProjectChange::default() };
    let scripted = Project { script: Some("clip b".to_owned()), ..changed };
    let answered = store.change_project(owner, kept.id, &late, u64::MAX, at(3)).await.expect("a write");
    assert_eq!(answered.as_ref(), Some(&scripted));
    assert_eq!(store.project(owner, kept.id).await.expect("a read"), Some(scripted));

    assert!(!store.delete_project(other, kept.id).await.expect("a write"));
    assert!(store.delete_project(owner, kept.id).await.expect("a write"));
    assert!(!store.delete_project(owner, kept.id).await.expect("a write"));
    assert_eq!(store.project(owner, kept.id).await.expect("a read"), None);
}

/// Each of them changes another field, all at once: every change must be there afterwards.
pub(crate) async fn merges_changes_that_come_at_once(store: &Arc<dyn Store>) {
    for round in 0..20 {
        let kept = project(Uuid::nil(), "one", 0);
        store.add_project(&kept, u64::MAX).await.expect("a project");
        let value = RawJson::from(serde_json::json!({"round": round}));
        let nothing = ProjectChange::default;
        let changes = [
            ProjectChange { name: Some(format!("name {round}")), ..nothing() },
            ProjectChange { description: Some(format!("description {round}")), ..nothing() },
            ProjectChange { timeline: Some(value.clone()), ..nothing() },
            ProjectChange { settings: Some(value.clone()), ..nothing() },
            ProjectChange { script: Some(Some(format!("script {round}"))), ..nothing() },
        ];
        let mut changing = JoinSet::new();
        for change in changes {
            let (store, id) = (Arc::clone(store), kept.id);
            changing
                .spawn(async move { store.change_project(Uuid::nil(), id, &change, u64::MAX, at(5)).await });
        }
        for answered in changing.join_all().await {
            answered.expect("a write").expect("the project");
        }
        let expected = Project {
            name: format!("name {round}"),
            description: format!("description {round}"),
            timeline: value.clone(),
            settings: value,
            script: Some(format!("script {round}")),
            updated_at: at(5),
            ..kept.clone()
        };
        assert_eq!(store.project(Uuid::nil(), kept.id).await.expect("a read"), Some(expected));
    }
}

pub(crate) async fn pages_and_sorts_projects(store: &Arc<dyn Store>) {
    let owner = Uuid::new_v4();
    for (name, seconds) in [("b", 3), ("a", 1), ("c", 2), ("b", 5)] {
        store.add_project(&project(owner, name, seconds), u64::MAX).await.expect("a project");
    }
    store.add_project(&project(Uuid::new_v4(), "z", 0), u64::MAX).await.expect("a project");
    let names = async |page: Page| {
        let listed = store.projects(owner, &page).await.expect("a page");
        assert_eq!(listed.total, 4);
        let seconds = |project: &Project| project.created_at.as_second() - at(0).as_second();
        listed.rows.iter().map(|row| (row.name.clone(), seconds(row))).collect::<Vec<_>>()
    };
    let expected =
        |rows: &[(&str, i64)]| rows.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect::<Vec<_>>();
    assert_eq!(names(Page::default()).await, expected(&[("b", 5), ("b", 3), ("c", 2), ("a", 1)]));
    let middle = Page { offset: 1, limit: 2, ..Page::default() };
    assert_eq!(names(middle).await, expected(&[("b", 3), ("c", 2)]));
    let by_name =
        Page { sort: vec![("name".to_owned(), true), ("createdAt".to_owned(), false)], ..Page::default() };
    assert_eq!(names(by_name).await, expected(&[("c", 2), ("b", 3), ("b", 5), ("a", 1)]));
    assert_eq!(names(Page { offset: u64::MAX, ..Page::default() }).await, expected(&[]));
}

pub(crate) async fn refuses_columns_that_a_list_has_not(store: &Arc<dyn Store>) {
    for column in ["owner", "r.name", "name; DROP TABLE projects", "", "created_at"] {
        let page = Page { sort: vec![(column.to_owned(), false)], ..Page::default() };
        let listed = store.projects(Uuid::nil(), &page).await;
        assert!(matches!(listed, Err(StoreError::Failed(_))), "{column:?} gives {listed:?}");
    }
}

pub(crate) async fn keeps_uploads_until_they_expire(store: &Arc<dyn Store>) {
    let owner = Uuid::new_v4();
    let upload = |seconds| Upload {
        id: Uuid::new_v4(),
        owner,
        length: 1 << 40,
        offset: 0,
        metadata: [("filename".to_owned(), "ä.mp4".to_owned())].into(),
        became: None,
        created_at: at(seconds - 9),
        expires_at: at(seconds),
    };
    let (first, second, third) = (upload(10), upload(20), upload(30));
    for one in [&first, &second, &third] {
        store.add_upload(one, 3, u64::MAX).await.expect("an upload");
    }
    assert_eq!(store.upload(owner, first.id).await.expect("a read"), Some(first.clone()));
    assert_eq!(store.upload(Uuid::new_v4(), first.id).await.expect("a read"), None);

    let media = Uuid::new_v4();
    store.set_upload(first.id, 5_000_000_000, at(40)).await.expect("a write");
    store.upload_became(first.id, media).await.expect("a write");
    let expected = Upload { offset: 5_000_000_000, became: Some(media), expires_at: at(40), ..first.clone() };
    assert_eq!(store.upload(owner, first.id).await.expect("a read"), Some(expected));

    assert_eq!(store.upload_ids().await.expect("a read").len(), 3);
    assert_eq!(store.expired_uploads(at(20)).await.expect("a write"), [second.id]);
    assert_eq!(store.expired_uploads(at(20)).await.expect("a write"), Vec::<Uuid>::new());
    assert_eq!(store.upload(owner, second.id).await.expect("a read"), None);
    assert!(!store.delete_upload(Uuid::new_v4(), third.id).await.expect("a write"));
    assert!(store.delete_upload(owner, third.id).await.expect("a write"));
    assert!(!store.delete_upload(owner, third.id).await.expect("a write"));
    assert_eq!(store.upload_ids().await.expect("a read"), [first.id]);
}

pub(crate) async fn holds_open_uploads_to_their_number_and_the_quota(store: &Arc<dyn Store>) {
    let upload = |owner, length| Upload {
        id: Uuid::new_v4(),
        owner,
        length,
        offset: 0,
        metadata: [].into(),
        became: None,
        created_at: at(0),
        expires_at: at(10),
    };
    // At once, the last room is taken once.
    for (open, quota, expected) in [(1000, 70, 7), (3, 1000, 3)] {
        let owner = Uuid::new_v4();
        let mut adding = JoinSet::new();
        for _ in 0..12 {
            let (store, upload) = (Arc::clone(store), upload(owner, 10));
            adding.spawn(async move { store.add_upload(&upload, open, quota).await.is_ok() });
        }
        assert_eq!(adding.join_all().await.into_iter().filter(|added| *added).count(), expected);
    }

    let owner = Uuid::new_v4();
    let kept = project(owner, "one", 0);
    store.add_project(&kept, u64::MAX).await.expect("a project");
    let there = store.bytes_kept(owner).await.expect("a read");
    let (first, second) = (upload(owner, 6), upload(owner, 5));
    store.add_upload(&first, 2, there + 10).await.expect("room");
    let over = store.add_upload(&second, 2, there + 10).await;
    assert!(matches!(over, Err(StoreError::Quota { limit }) if limit == there + 10), "{over:?}");
    assert_eq!(store.upload(owner, second.id).await.expect("a read"), None);
    store.add_upload(&second, 2, there + 11).await.expect("room");
    let many = store.add_upload(&upload(owner, 1), 2, u64::MAX).await;
    assert!(matches!(many, Err(StoreError::Open { limit: 2 })), "{many:?}");
    // What it became counts from then on, and no more the upload.
    store.upload_became(first.id, first.id).await.expect("a write");
    store.add_upload(&upload(owner, 6), 2, there + 11).await.expect("room");
}
