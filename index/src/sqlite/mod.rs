//! The index in one SQLite file: the default, for a node of its own.

mod calls;
mod open;
mod read;
mod write;

pub use read::SqliteIndex;
pub use write::SqliteStore;

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Value as Cell, ValueRef};
use uuid::Uuid;

use crate::error::IndexError;
use crate::value::{ColumnType, LeafHash, Value};

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Cell::Null),
            Self::Int(it) => ToSqlOutput::Owned(Cell::Integer(*it)),
            Self::Real(it) => ToSqlOutput::Owned(Cell::Real(*it)),
            Self::Text(it) => ToSqlOutput::Borrowed(ValueRef::Text(it.as_bytes())),
            Self::Id(it) => ToSqlOutput::Borrowed(ValueRef::Blob(it.as_bytes())),
            Self::Hash(it) => ToSqlOutput::Borrowed(ValueRef::Blob(&it.0)),
        })
    }
}

/// The first columns of a row, as `types` says.
fn cells(
    row: &rusqlite::Row<'_>,
    types: impl Iterator<Item = ColumnType>,
) -> Result<Vec<Value<'static>>, IndexError> {
    let cell = |(index, kind): (usize, ColumnType)| {
        let raw = row.get_ref(index).map_err(IndexError::sqlite("reading"))?;
        cell(raw, kind).ok_or(IndexError::Damaged)
    };
    types.enumerate().map(cell).collect()
}

fn cell(raw: ValueRef<'_>, kind: ColumnType) -> Option<Value<'static>> {
    Some(match (raw, kind) {
        (ValueRef::Null, _) => Value::Null,
        (ValueRef::Integer(it), ColumnType::Int) => Value::Int(it),
        (ValueRef::Real(it), ColumnType::Real) => Value::Real(it),
        (ValueRef::Text(it), ColumnType::Text) => {
            Value::Text(std::str::from_utf8(it).ok()?.to_owned().into())
        }
        (ValueRef::Blob(it), ColumnType::Id) => Value::Id(Uuid::from_slice(it).ok()?),
        (ValueRef::Blob(it), ColumnType::Hash) => Value::Hash(LeafHash(it.try_into().ok()?)),
        _ => return None,
    })
}
