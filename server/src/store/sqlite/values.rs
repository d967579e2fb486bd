//! How the model's values stand in columns: times as nanoseconds, words by their own serialised names, opaque parts as
//! JSON text, numbers without NaN (which SQLite would make a NULL).

use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An instant, as nanoseconds since 1970: 1677 to 2262.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Instant(pub(super) Timestamp);

impl ToSql for Instant {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        i64::try_from(self.0.as_nanosecond())
            .map(ToSqlOutput::from)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
    }
}

impl FromSql for Instant {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Instant> {
        Timestamp::from_nanosecond(value.as_i64()?.into()).map(Instant).map_err(FromSqlError::other)
    }
}

/// A word of a list: an enum without fields, by the name that it is serialised as.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Word<T>(pub(super) T);

impl<T: Serialize> ToSql for Word<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match serde_json::to_value(&self.0) {
            Ok(serde_json::Value::String(word)) => Ok(word.into()),
            Ok(other) => Err(rusqlite::Error::ToSqlConversionFailure(format!("{other} is no word").into())),
            Err(error) => Err(rusqlite::Error::ToSqlConversionFailure(error.into())),
        }
    }
}

impl<T: DeserializeOwned> FromSql for Word<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Word<T>> {
        let word = serde_json::Value::String(value.as_str()?.to_owned());
        serde_json::from_value(word).map(Word).map_err(FromSqlError::other)
    }
}

/// Something that the database does not look into.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Opaque<T>(pub(super) T);

impl<T: Serialize> ToSql for Opaque<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        serde_json::to_string(&self.0)
            .map(ToSqlOutput::from)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
    }
}

impl<T: DeserializeOwned> FromSql for Opaque<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Opaque<T>> {
        serde_json::from_str(value.as_str()?).map(Opaque).map_err(FromSqlError::other)
    }
}

/// A number that a column and JSON can hold: 0 for what is none.
pub(super) fn finite(number: f64) -> f64 {
    if number.is_finite() { number } else { 0.0 }
}
