//! The few kinds of value a row holds, and how Rust's types map to them, the same for every database.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use weir_audit::{PicoUsd, Stamp};

/// One cell, or one parameter of a question. Borrowed from its row where it is only to be written.
#[derive(Clone, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Int(i64),
    Real(f64),
    Text(Cow<'a, str>),
    Id(Uuid),
    Hash(LeafHash),
}

impl fmt::Debug for Value<'_> {
    /// Without the content, which may be about a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(..)")
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnType {
    Int,
    Real,
    Text,
    Id,
    Hash,
}

/// A type that a column can hold.
pub(crate) trait Cell: Sized {
    const TYPE: ColumnType;
    fn to_value(&self) -> Value<'_>;
    fn from_value(value: Value<'_>) -> Option<Self>;
}

/// A struct that is a row, or a part of one.
pub(crate) trait Row: Sized {
    const COLUMNS: &'static [(&'static str, ColumnType)];
    /// How many columns it has.
    const WIDTH: usize = Self::COLUMNS.len();
    /// Appends its cells.
    fn show<'a>(&'a self, values: &mut Vec<Value<'a>>);
    fn from_values(values: &mut dyn Iterator<Item = Value<'static>>) -> Option<Self>;

    fn values(&self) -> Vec<Value<'_>> {
        let mut values = Vec::with_capacity(Self::WIDTH);
        self.show(&mut values);
        values
    }
}

/// RFC 6962 leaf hash of a record: SHA-256 over a zero byte and the record's canonical JSON.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct LeafHash(pub [u8; 32]);

impl LeafHash {
    /// The hash of a record's canonical JSON.
    pub fn of(json: &[u8]) -> Self {
        Self(Sha256::new().chain_update([0]).chain_update(json).finalize().into())
    }
}

impl fmt::Display for LeafHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for LeafHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for LeafHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Microseconds since 1970-01-01T00:00:00Z; spelled as RFC 3339.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Micros(pub i64);

impl Micros {
    /// The instant as a stamp of the log.
    pub fn stamp(self) -> Stamp {
        Stamp::from(UNIX_EPOCH + Duration::from_micros(u64::try_from(self.0).unwrap_or_default()))
    }
}

impl From<Stamp> for Micros {
    fn from(stamp: Stamp) -> Self {
        Self(clamp(stamp.unix_micros()))
    }
}

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.stamp().serialize(serializer)
    }
}

/// Money of one call in pico-USD, spelled as decimal integer text. Sixty-four bits hold 9.2 million USD, which no
/// single call can cost; an amount beyond that stands as the limit, and exactly in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pico(pub i64);

impl From<PicoUsd> for Pico {
    fn from(amount: PicoUsd) -> Self {
        let limit = if amount.0 < 0 { i64::MIN } else { i64::MAX };
        Self(i64::try_from(amount.0).unwrap_or(limit))
    }
}

impl Serialize for Pico {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        PicoUsd(i128::from(self.0)).serialize(serializer)
    }
}

/// A count as a database holds it; what is beyond sixty-three bits stands as the limit.
pub(crate) fn clamp(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

macro_rules! cell {
    ($type:ty, $kind:ident, $to:expr, $from:expr) => {
        impl Cell for $type {
            const TYPE: ColumnType = ColumnType::$kind;
            fn to_value(&self) -> Value<'_> {
                Value::$kind($to(self))
            }
            fn from_value(value: Value<'_>) -> Option<Self> {
                if let Value::$kind(inner) = value { $from(inner) } else { None }
            }
        }
    };
}
cell!(i64, Int, |it: &i64| *it, Some);
cell!(u64, Int, |it: &u64| clamp(*it), |it| u64::try_from(it).ok());
cell!(f64, Real, |it: &f64| *it, Some);
cell!(bool, Int, |it: &bool| i64::from(*it), |it| Some(it != 0));
cell!(Uuid, Id, |it: &Uuid| *it, Some);
cell!(LeafHash, Hash, |it: &LeafHash| *it, Some);
cell!(Micros, Int, |it: &Micros| it.0, |it| Some(Micros(it)));
cell!(Pico, Int, |it: &Pico| it.0, |it| Some(Pico(it)));

impl Cell for String {
    const TYPE: ColumnType = ColumnType::Text;
    fn to_value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
    fn from_value(value: Value<'_>) -> Option<Self> {
        if let Value::Text(text) = value { Some(text.into_owned()) } else { None }
    }
}

impl<T: Cell> Cell for Option<T> {
    const TYPE: ColumnType = T::TYPE;
    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, Cell::to_value)
    }
    fn from_value(value: Value<'_>) -> Option<Self> {
        if value == Value::Null { Some(None) } else { T::from_value(value).map(Some) }
    }
}

/// Declares a struct and how it stands in a row: each field is a column of the same name.
macro_rules! row {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Default, PartialEq, serde::Serialize)]
        pub struct $name { $($(#[$doc])* pub $field: $type,)* }

        impl $crate::value::Row for $name {
            const COLUMNS: &'static [(&'static str, $crate::value::ColumnType)] =
                &[$((stringify!($field), <$type as $crate::value::Cell>::TYPE)),*];
            fn show<'a>(&'a self, values: &mut Vec<$crate::value::Value<'a>>) {
                $(values.push($crate::value::Cell::to_value(&self.$field));)*
            }
            fn from_values(values: &mut dyn Iterator<Item = $crate::value::Value<'static>>) -> Option<Self> {
                Some(Self { $($field: <$type as $crate::value::Cell>::from_value(values.next()?)?,)* })
            }
        }
    };
}
pub(crate) use row;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_beyond_the_range_stands_as_the_limit() {
        let check = |amount: i128, expect: i64| assert_eq!(Pico::from(PicoUsd(amount)), Pico(expect));
        check(0, 0);
        check(-5, -5);
        check(i128::from(i64::MAX) + 1, i64::MAX);
        check(i128::MIN, i64::MIN);
    }

    #[test]
    fn the_leaf_hash_of_nothing_is_the_one_rfc_6962_gives() {
        let expect = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        assert_eq!(LeafHash::of(b"").to_string(), expect);
    }
}
