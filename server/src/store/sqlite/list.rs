//! Pages of lists: which columns a list may be sorted by, as a table, so that nothing of a request ever becomes SQL.

use rusqlite::{Row, ToSql, Transaction};

use crate::store::{Listed, PAGE_BYTES, Page, Result, StoreError};

/// What a list is made from.
pub(super) struct List {
    /// The columns of every row, without the large ones.
    pub(super) columns: &'static str,
    /// Columns that may be large.
    pub(super) large: &'static [Large],
    /// `FROM …`: the row's table as `r`, and what else the columns are in.
    pub(super) from: &'static str,
    /// The row's table, as `r`.
    pub(super) table: &'static str,
    /// `… WHERE …`.
    pub(super) filter: &'static str,
    /// The list's names of columns, and the columns.
    pub(super) sortable: &'static [(&'static str, &'static str)],
}

/// A column that may be large.
pub(super) struct Large {
    /// The list's name for it.
    pub(super) field: &'static str,
    /// The column.
    pub(super) column: &'static str,
    /// What stands in its place, as SQL, where it is not wanted.
    pub(super) empty: &'static str,
    /// Whether it is wanted if nobody says which are.
    pub(super) usual: bool,
}

impl Large {
    fn wanted(&self, page: &Page) -> bool {
        if page.fields.is_empty() { self.usual } else { page.fields.iter().any(|field| field == self.field) }
    }
}

/// Rows that a page never exceeds.
const LONGEST: u64 = 100;

impl List {
    /// One page, as one moment saw it. `key` are the filter's parameters, by name.
    pub(super) fn page<T>(
        &self,
        transaction: &Transaction<'_>,
        key: &[(&str, &dyn ToSql)],
        page: &Page,
        read: impl Fn(&Transaction<'_>, &Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Listed<T>> {
        let count = format!("SELECT count(*) FROM {} WHERE {}", self.table, self.filter);
        let total = transaction.prepare_cached(&count)?.query_one(key, |row| row.get(0))?;
        let limit = page.limit.min(LONGEST);
        let offset = i64::try_from(page.offset).unwrap_or(i64::MAX);
        let mut parameters = key.to_vec();
        parameters.push((":limit", &limit));
        parameters.push((":offset", &offset));
        let rows =
            format!("WHERE {} ORDER BY {} LIMIT :limit OFFSET :offset", self.filter, self.order(page)?);
        self.weigh(transaction, &parameters, page, &rows)?;
        let mut sql = format!("SELECT {}", self.columns);
        for large in self.large {
            let value =
                if large.wanted(page) { format!("r.{}", large.column) } else { large.empty.to_owned() };
            sql.push_str(&format!(", {value} AS {}", large.column));
        }
        sql.push_str(&format!(" FROM {} {rows}", self.from));
        let mut statement = transaction.prepare_cached(&sql)?;
        let rows = statement.query_map(parameters.as_slice(), |row| read(transaction, row))?;
        Ok(Listed { rows: rows.collect::<rusqlite::Result<_>>()?, total })
    }

    /// Refuses a page that is too large, before anything of it is read.
    fn weigh(
        &self,
        transaction: &Transaction<'_>,
        parameters: &[(&str, &dyn ToSql)],
        page: &Page,
        rows: &str,
    ) -> Result<()> {
        let wanted = self.large.iter().filter(|large| large.wanted(page));
        let bytes: Vec<String> =
            wanted.map(|large| format!("coalesce(octet_length(r.{}), 0)", large.column)).collect();
        if bytes.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "SELECT coalesce(sum(bytes), 0) FROM (SELECT {} AS bytes FROM {} {rows})",
            bytes.join(" + "),
            self.table
        );
        let bytes: u64 = transaction.prepare_cached(&sql)?.query_one(parameters, |row| row.get(0))?;
        if bytes > PAGE_BYTES { Err(StoreError::Page { limit: PAGE_BYTES }) } else { Ok(()) }
    }

    /// The columns asked for, then the newest first: two pages never show the same row.
    fn order(&self, page: &Page) -> Result<String> {
        let mut order = String::new();
        for (name, downwards) in &page.sort {
            let Some((_, column)) = self.sortable.iter().find(|(known, _)| known == name) else {
                return Err(StoreError::Failed(format!("a list of {} has no column {name:?}", self.table)));
            };
            order.push_str(column);
            order.push_str(if *downwards { " DESC, " } else { ", " });
        }
        order.push_str("r.created_at DESC, r.sequence DESC");
        Ok(order)
    }
}
