//! Lists: which page of one, in which order, with which fields.
//!
//! A query comes in; a [`Page`] for the store and a cut of what a row shows go out. Every list takes the same four
//! parameters and answers in the same form.

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::error::ApiError;
use crate::http::json;
use crate::model::RawJson;
use crate::store::{Listed, Page};

/// The query of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Which page, from 1 on.
    #[param(minimum = 1, maximum = 1_000_000)]
    pub page: Option<u64>,
    /// Rows of a page; 100 if not given.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u64>,
    /// Fields to sort by, with `-` before one that runs downwards; newest first if not given.
    #[serde(default)]
    #[param(required = false, max_items = 4)]
    pub sort: Vec<String>,
    /// Fields of a row to show; all of them if not given, but for a video's `script`.
    #[serde(default)]
    #[param(required = false, max_items = 32)]
    pub fields: Vec<String>,
}

/// What a list says besides its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Which page this is.
    pub page: u64,
    /// Rows of a page.
    pub limit: u64,
    /// Rows in all.
    pub total: u64,
}

impl ListQuery {
    /// What the store is asked for, if the fields are known: `sortable` by the list, `shown` of a row.
    ///
    /// # Errors
    /// 400 with every finding.
    pub fn page(&self, sortable: &[&str], shown: &[&str]) -> Result<Page, ApiError> {
        let mut findings = Vec::new();
        let mut sort = Vec::new();
        for field in &self.sort {
            let (name, down) = field.strip_prefix('-').map_or((field.as_str(), false), |name| (name, true));
            if sortable.contains(&name) {
                sort.push((name.to_owned(), down));
            } else {
                findings.push(format!("`sort` must be one of {}, with or without `-`.", sortable.join(", ")));
            }
        }
        if !self.fields.iter().all(|field| shown.contains(&field.as_str())) {
            findings.push(format!("`fields` must be some of {}.", shown.join(", ")));
        }
        if !findings.is_empty() {
            findings.dedup();
            return Err(ApiError::validation(findings));
        }
        let (page, limit) = (self.number(), self.rows());
        Ok(Page { offset: (page - 1).saturating_mul(limit), limit, sort, fields: self.fields.clone() })
    }

    /// A row as it was asked for.
    ///
    /// # Errors
    /// 500 if it cannot be written as JSON.
    pub fn row(&self, row: &impl Serialize) -> Result<RawJson, ApiError> {
        let unwritten = |error: serde_json::Error| ApiError::internal(error.to_string());
        let whole = RawJson::of(row).map_err(unwritten)?;
        if self.fields.is_empty() {
            return Ok(whole);
        }
        let Some(mut fields) = json::fields(whole.text().as_bytes()) else { return Ok(whole) };
        fields.0.retain(|(name, _)| self.fields.contains(name));
        RawJson::of(&fields).map_err(unwritten)
    }

    /// Where in the list these rows are.
    pub fn place<T>(&self, listed: &Listed<T>) -> Place {
        Place { page: self.number(), limit: self.rows(), total: listed.total }
    }

    fn number(&self) -> u64 {
        self.page.unwrap_or(1).max(1)
    }

    fn rows(&self) -> u64 {
        self.limit.unwrap_or(100).clamp(1, 100)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::query;

    #[test]
    fn a_query_becomes_a_page() {
        let asked: ListQuery = query::read("page=3&limit=20&sort=name,-createdAt&fields=id").unwrap();
        let page = asked.page(&["name", "createdAt"], &["id", "name"]).unwrap();
        let sort = vec![("name".to_owned(), false), ("createdAt".to_owned(), true)];
        assert_eq!(page, Page { offset: 40, limit: 20, sort, fields: vec!["id".to_owned()] });
        let row = json!({"id": 1, "name": 2});
        assert_eq!(asked.row(&row).unwrap().text(), r#"{"id":1}"#);
        let plain: ListQuery = query::read("").unwrap();
        assert_eq!(plain.page(&[], &[]).unwrap(), Page::default());
        assert_eq!(plain.row(&row).unwrap().text(), r#"{"id":1,"name":2}"#);
    }

    #[test]
    fn unknown_fields_are_all_told() {
        let asked: ListQuery = query::read("sort=x,y&fields=z").unwrap();
        let details = asked.page(&["name"], &["id", "name"]).unwrap_err().details;
        assert_eq!(
            details,
            ["`sort` must be one of name, with or without `-`.", "`fields` must be some of id, name."]
        );
    }
}
