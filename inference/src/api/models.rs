//! `/v1/models`: what this server runs.

use serde_json::{Value, json};

/// The chat and completion model.
pub(crate) const CHAT: &str = "smollm2-135m-instruct";
/// The embedding model.
pub(crate) const EMBEDDING: &str = "all-minilm-l6-v2";

/// One entry; `created` in seconds since 1970.
pub(crate) fn entry(id: &str, created: u64) -> Value {
    json!({"id": id, "object": "model", "created": created, "owned_by": "weir"})
}

/// The list.
pub(crate) fn list<'a>(ids: impl IntoIterator<Item = &'a str>, created: u64) -> Value {
    let data: Vec<Value> = ids.into_iter().map(|id| entry(id, created)).collect();
    json!({"object": "list", "data": data})
}
