//! Pages of lists: which columns a list may be sorted by, as a table, so that nothing of a request ever becomes SQL.

use rusqlite::{Row, ToSql, Transaction};

use crate::store::{Listed, Page, Result, StoreError};

/// What a list is made from.
pub(super) struct List {
    /// `SELECT … FROM …`, with the row's table as `r`.
    pub(super) select: &'static str,
    /// `… WHERE …` after [`List::select`], and after `SELECT count(*) FROM` with [`List::table`].
    pub(super) filter: &'static str,
    /// The row's table, as `r`.
    pub(super) table: &'static str,
    /// The list's names of columns, and the columns.
    pub(super) sortable: &'static [(&'static str, &'static str)],
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
        let order = self.order(page)?;
        let sql =
            format!("{} WHERE {} ORDER BY {order} LIMIT :limit OFFSET :offset", self.select, self.filter);
        let mut parameters = key.to_vec();
        parameters.push((":limit", &limit));
        parameters.push((":offset", &offset));
        let mut statement = transaction.prepare_cached(&sql)?;
        let rows = statement.query_map(parameters.as_slice(), |row| read(transaction, row))?;
        Ok(Listed { rows: rows.collect::<rusqlite::Result<_>>()?, total })
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
