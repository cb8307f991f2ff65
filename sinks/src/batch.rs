//! What is handed to a receiver at once: some messages of one lane, in order.

use std::fmt;

use uuid::Uuid;
use weir_audit::Stamp;

/// Messages of one lane, in the order of its log.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Number of the lane.
    pub lane: usize,
    /// The node that wrote the records.
    pub node_id: String,
    /// The messages; never empty.
    pub items: Vec<Item>,
}

/// One message: what stands in the log under one number.
#[derive(Clone, PartialEq)]
pub struct Item {
    /// `node_seq` of the record.
    pub seq: u64,
    /// The record's own id.
    pub record_id: Uuid,
    /// When the record was handed to the log.
    pub time: Stamp,
    /// What the record is, for example `completion`.
    pub kind: &'static str,
    /// Tenant of the record; empty for the node itself.
    pub tenant: String,
    /// How much attention it asks for.
    pub level: Level,
    /// The message: compact JSON.
    pub body: String,
}

/// How much attention a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// None.
    Plain,
    /// Somebody did something to the log, or to what it guards.
    Notice,
    /// A call was refused, flagged, or never ended.
    Warning,
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The body is what an audit record says: it has no place in a program's log.
        write!(f, "Item({} {}, {} bytes)", self.seq, self.record_id, self.body.len())
    }
}

/// Cuts items into batches of at most `bytes` of messages each; an item that is larger stands alone.
pub(crate) fn cut(items: Vec<Item>, bytes: usize) -> Vec<Vec<Item>> {
    let mut parts: Vec<Vec<Item>> = Vec::new();
    let mut size = 0;
    for item in items {
        size += item.body.len();
        match parts.last_mut() {
            Some(part) if size <= bytes => part.push(item),
            _ => {
                size = item.body.len();
                parts.push(vec![item]);
            }
        }
    }
    parts
}

#[cfg(test)]
pub(crate) mod samples {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    pub(crate) fn item(seq: u64, body: &str) -> Item {
        Item {
            seq,
            record_id: Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0000 + u128::from(seq)),
            time: Stamp::from(UNIX_EPOCH + Duration::from_secs(1_800_000_000)),
            kind: "completion",
            tenant: "acme".into(),
            level: Level::Plain,
            body: body.into(),
        }
    }

    pub(crate) fn batch(bodies: &[&str]) -> Batch {
        let items = (1..).zip(bodies).map(|(seq, body)| item(seq, body)).collect();
        Batch { lane: 0, node_id: "n1".into(), items }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::item;
    use super::*;

    #[test]
    fn batches_stay_within_their_bytes_and_keep_the_order() {
        let check = |sizes: &[usize], expect: &[&[u64]]| {
            let items = (1..).zip(sizes).map(|(seq, size)| item(seq, &"x".repeat(*size))).collect();
            let seqs: Vec<Vec<u64>> =
                cut(items, 10).iter().map(|part| part.iter().map(|it| it.seq).collect()).collect();
            assert_eq!(seqs, expect, "{sizes:?}");
        };
        check(&[], &[]);
        check(&[4, 6, 1], &[&[1, 2], &[3]]);
        check(&[40, 1, 9, 1], &[&[1], &[2, 3], &[4]]);
        check(&[11, 11], &[&[1], &[2]]);
    }

    #[test]
    fn debug_shows_no_body() {
        assert!(!format!("{:?}", item(1, "private")).contains("private"));
    }
}
