//! People: the table `users`.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Row, ToSql, params};
use uuid::Uuid;

use super::SqliteStore;
use super::connection::Outlives;
use super::values::Instant;
use crate::model::User;
use crate::store::{Result, Users};

#[async_trait]
impl Users for SqliteStore {
    async fn add_user(&self, user: &User) -> Result<()> {
        let user = user.clone();
        self.database
            .write(Outlives::Machine, move |transaction| {
                let sql = "INSERT INTO users (id, email, password_hash, created_at) VALUES (?, ?, ?, ?)";
                let User { id, email, password_hash, created_at } = &user;
                transaction.prepare_cached(sql)?.execute(params![
                    id,
                    email,
                    password_hash,
                    Instant(*created_at)
                ])?;
                Ok(())
            })
            .await
    }

    async fn user_by_email(&self, email: &str) -> Result<Option<User>> {
        self.one_user("SELECT * FROM users WHERE email = ?", email.to_owned()).await
    }

    async fn user(&self, id: Uuid) -> Result<Option<User>> {
        self.one_user("SELECT * FROM users WHERE id = ?", id).await
    }
}

impl SqliteStore {
    async fn one_user(&self, sql: &'static str, key: impl ToSql + Send + 'static) -> Result<Option<User>> {
        self.database
            .read(move |transaction| {
                Ok(transaction.prepare_cached(sql)?.query_one([key], read).optional()?)
            })
            .await
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<User> {
    let Instant(created_at) = row.get("created_at")?;
    Ok(User {
        id: row.get("id")?,
        email: row.get("email")?,
        password_hash: row.get("password_hash")?,
        created_at,
    })
}
