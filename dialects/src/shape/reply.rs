//! Reply tables of chat, completions, embeddings and models; a stream's chunks have the same members.

use weir_policies::slot::Kind;

use super::chat::MESSAGE;
use super::parts::{CLOSED, COUNTS, DERIVED, MODEL, PROSE, REFERENCE};
use super::{Lane, Leaf, Scope, Shape};

/// A completion or one chunk of it.
pub static COMPLETION: Shape = Shape::object(&[
    ("id", &REFERENCE),
    ("object", &CLOSED),
    ("created", &CLOSED),
    ("model", &MODEL),
    ("system_fingerprint", &REFERENCE),
    ("service_tier", &CLOSED),
    ("choices", &CHOICE),
    ("usage", &COUNTS),
    ("timings", &COUNTS),
    ("obfuscation", &REFERENCE),
    ("prompt_filter_results", &COUNTS),
    ("error", &ERROR),
]);

static TEXT: Shape = Shape::leaf(Leaf::Text(Kind::Prose)).lane(Lane::Content);
static CHOICE: Shape = Shape::object(&[
    ("index", &CLOSED),
    ("delta", &MESSAGE),
    ("message", &MESSAGE),
    ("text", &TEXT),
    ("finish_reason", &CLOSED),
    ("stop_reason", &PROSE),
    ("native_finish_reason", &CLOSED),
    ("logprobs", &DERIVED),
    ("content_filter_results", &COUNTS),
])
.scope(Scope::Choice);

/// An error inside a reply.
pub static ERROR: Shape =
    Shape::object(&[("message", &PROSE), ("type", &CLOSED), ("param", &CLOSED), ("code", &CLOSED)]);

/// A list of embeddings: numbers, or base64 of numbers.
pub static EMBEDDING_LIST: Shape = Shape::object(&[
    ("object", &CLOSED),
    ("model", &MODEL),
    ("data", &EMBEDDING),
    ("usage", &COUNTS),
    ("id", &REFERENCE),
    ("created", &CLOSED),
    ("error", &ERROR),
]);
static EMBEDDING: Shape =
    Shape::object(&[("object", &CLOSED), ("index", &CLOSED), ("embedding", &super::parts::BLOB)]);

/// A list of models or one of them.
pub static MODEL_LIST: Shape = Shape::object(&[
    ("object", &CLOSED),
    ("id", &MODEL),
    ("created", &CLOSED),
    ("owned_by", &CLOSED),
    ("data", &MODEL_LIST),
    ("error", &ERROR),
]);
