//! The index in PostgreSQL, shared by several nodes: shipped by COPY, applied by a function of the database.

mod anchor;
mod connect;
mod read;
mod write;

pub use connect::PostgresSettings;
pub use read::PostgresIndex;
pub use write::PostgresStore;

use std::error::Error;

use tokio_postgres::Row as Found;
use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use uuid::Uuid;

use crate::error::IndexError;
use crate::value::{ColumnType, LeafHash, Value};

impl ToSql for Value<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(it) => it.to_sql(kind, out),
            Self::Real(it) => it.to_sql(kind, out),
            Self::Text(it) => it.as_ref().to_sql(kind, out),
            Self::Id(it) => it.to_sql(kind, out),
            Self::Hash(it) => it.0.as_slice().to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::FLOAT8, Type::TEXT, Type::UUID, Type::BYTEA].contains(kind)
    }

    to_sql_checked!();
}

impl ColumnType {
    fn postgres(self) -> Type {
        match self {
            Self::Int => Type::INT8,
            Self::Real => Type::FLOAT8,
            Self::Text => Type::TEXT,
            Self::Id => Type::UUID,
            Self::Hash => Type::BYTEA,
        }
    }
}

/// The first columns of a row, as `types` says.
fn cells(row: &Found, types: &[ColumnType]) -> Result<Vec<Value<'static>>, IndexError> {
    types.iter().enumerate().map(|(index, kind)| cell(row, index, *kind).ok_or(IndexError::Damaged)).collect()
}

fn cell(row: &Found, index: usize, kind: ColumnType) -> Option<Value<'static>> {
    let value = match kind {
        ColumnType::Int => row.try_get::<_, Option<i64>>(index).ok()?.map(Value::Int),
        ColumnType::Real => row.try_get::<_, Option<f64>>(index).ok()?.map(Value::Real),
        ColumnType::Text => row.try_get::<_, Option<String>>(index).ok()?.map(|it| Value::Text(it.into())),
        ColumnType::Id => row.try_get::<_, Option<Uuid>>(index).ok()?.map(Value::Id),
        ColumnType::Hash => match row.try_get::<_, Option<&[u8]>>(index).ok()? {
            Some(bytes) => Some(Value::Hash(LeafHash(bytes.try_into().ok()?))),
            None => None,
        },
    };
    Some(value.unwrap_or(Value::Null))
}

impl IndexError {
    /// What failed, without the database's own words, which may quote a row.
    pub(crate) fn postgres(action: &'static str) -> impl FnOnce(tokio_postgres::Error) -> Self {
        move |error| {
            let code = error.code().map(|code| code.code().to_owned());
            if code.as_deref() == Some("57014") {
                return Self::Late { action };
            }
            let lost = if error.is_closed() { "connection lost" } else { "no answer" };
            Self::Postgres { action, code: code.unwrap_or_else(|| lost.to_owned()) }
        }
    }
}
