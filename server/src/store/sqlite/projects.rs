//! Projects: the table `projects`.

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, named_params};
use uuid::Uuid;

use super::SqliteStore;
use super::connection::Outlives;
use super::list::{Large, List};
use super::media::hold_quota;
use super::values::{Instant, Opaque};
use crate::model::{Owner, Project};
use crate::store::{Listed, Page, ProjectChange, Projects, Result};

const OF_OWNER: List = List {
    columns: "r.id, r.owner, r.name, r.description, r.created_at, r.updated_at",
    large: &[
        Large { field: "timeline", column: "timeline", empty: "'null'", usual: true },
        Large { field: "settings", column: "settings", empty: "'null'", usual: true },
        Large { field: "script", column: "script", empty: "NULL", usual: true },
    ],
    from: "projects r",
    table: "projects r",
    filter: "r.owner = :owner",
    sortable: &[("name", "r.name"), ("createdAt", "r.created_at"), ("updatedAt", "r.updated_at")],
};

const INSERT: &str = "INSERT INTO projects
    (id, owner, name, description, timeline, settings, script, created_at, updated_at) VALUES
    (:id, :owner, :name, :description, :timeline, :settings, :script, :created_at, :updated_at)";

/// One statement reads, merges and writes. A clock that was set back must not make a project older than it is.
const CHANGE: &str = "UPDATE projects SET name = coalesce(:name, name),
    description = coalesce(:description, description), timeline = coalesce(:timeline, timeline),
    settings = coalesce(:settings, settings), script = iif(:scripted, :script, script),
    updated_at = max(updated_at, :now) WHERE id = :id AND owner = :owner RETURNING *";

#[async_trait]
impl Projects for SqliteStore {
    async fn add_project(&self, project: &Project, quota: u64) -> Result<()> {
        let project = project.clone();
        self.database
            .write(Outlives::Machine, move |transaction| {
                transaction.prepare_cached(INSERT)?.execute(named_params! {
                    ":id": project.id,
                    ":owner": project.owner,
                    ":name": project.name,
                    ":description": project.description,
                    ":timeline": Opaque(project.timeline),
                    ":settings": Opaque(project.settings),
                    ":script": project.script,
                    ":created_at": Instant(project.created_at),
                    ":updated_at": Instant(project.updated_at),
                })?;
                hold_quota(transaction, project.owner, 0, quota)
            })
            .await
    }

    async fn project(&self, owner: Owner, id: Uuid) -> Result<Option<Project>> {
        self.database
            .read(move |transaction| {
                let sql = "SELECT * FROM projects WHERE owner = ? AND id = ?";
                Ok(transaction.prepare_cached(sql)?.query_one([owner, id], read).optional()?)
            })
            .await
    }

    async fn projects(&self, owner: Owner, page: &Page) -> Result<Listed<Project>> {
        let page = page.clone();
        self.database
            .read(move |transaction| {
                OF_OWNER.page(transaction, named_params! {":owner": owner}, &page, |_, row| read(row))
            })
            .await
    }

    async fn change_project(
        &self,
        owner: Owner,
        id: Uuid,
        change: &ProjectChange,
        quota: u64,
        now: Timestamp,
    ) -> Result<Option<Project>> {
        let ProjectChange { name, description, timeline, settings, script } = change.clone();
        self.database
            .write(Outlives::Machine, move |transaction| {
                let parameters = named_params! {
                    ":id": id,
                    ":owner": owner,
                    ":name": name,
                    ":description": description,
                    ":timeline": timeline.map(Opaque),
                    ":settings": settings.map(Opaque),
                    ":scripted": script.is_some(),
                    ":script": script.flatten(),
                    ":now": Instant(now),
                };
                let before = bytes(transaction, id)?;
                let changed = transaction.prepare_cached(CHANGE)?.query_one(parameters, read).optional()?;
                // Who has too much may make it less.
                if changed.is_some() && bytes(transaction, id)? > before {
                    hold_quota(transaction, owner, 0, quota)?;
                }
                Ok(changed)
            })
            .await
    }

    async fn delete_project(&self, owner: Owner, id: Uuid) -> Result<bool> {
        self.database
            .write(Outlives::Machine, move |transaction| {
                let sql = "DELETE FROM projects WHERE owner = ? AND id = ?";
                Ok(transaction.prepare_cached(sql)?.execute([owner, id])? == 1)
            })
            .await
    }
}

/// What a project counts in the quota.
fn bytes(transaction: &Transaction<'_>, id: Uuid) -> Result<u64> {
    let sql = "SELECT coalesce(sum(text_bytes), 0) FROM projects WHERE id = ?";
    Ok(transaction.prepare_cached(sql)?.query_one([id], |row| row.get(0))?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Project> {
    let Opaque(timeline) = row.get("timeline")?;
    let Opaque(settings) = row.get("settings")?;
    let Instant(created_at) = row.get("created_at")?;
    let Instant(updated_at) = row.get("updated_at")?;
    Ok(Project {
        id: row.get("id")?,
        owner: row.get("owner")?,
        name: row.get("name")?,
        description: row.get("description")?,
        timeline,
        settings,
        script: row.get("script")?,
        created_at,
        updated_at,
    })
}
