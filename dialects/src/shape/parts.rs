//! Shapes that several tables share.

use weir_policies::slot::Kind;

use super::{Keys, Lane, Leaf, Scope, Shape, Why};

/// Natural language.
pub static PROSE: Shape = Shape::leaf(Leaf::Text(Kind::Prose));
/// Source code.
pub static CODE: Shape = Shape::text(Kind::Code);
/// A name others refer to.
pub static NAME: Shape = Shape::text(Kind::Identifier);
/// A word of the API's vocabulary.
pub static CLOSED: Shape = Shape::leaf(Leaf::Skip(Why::Closed));
/// An opaque id.
pub static REFERENCE: Shape = Shape::leaf(Leaf::Skip(Why::Reference));
/// The model's name.
pub static MODEL: Shape = Shape::leaf(Leaf::Skip(Why::Model));
/// Pictures, sound, files, encrypted state; or the address where they lie.
pub static BLOB: Shape = Shape::leaf(Leaf::Blob);
/// Follows other text of the same choice.
pub static DERIVED: Shape = Shape::leaf(Leaf::Derived);
/// Counters, categories and their verdicts: numbers and words under keys of a vocabulary.
pub static COUNTS: Shape =
    Shape { other: Some(&COUNTS), keys: Keys::Closed, ..Shape::leaf(Leaf::Skip(Why::Closed)) };
/// JSON in a string, given to a tool.
pub static ARGUMENTS: Shape = Shape::leaf(Leaf::Nested(Kind::Arguments)).lane(Lane::ToolArguments);
/// Plain values given to or returned by a tool.
pub static VALUES: Shape = Shape { other: Some(&VALUES), ..Shape::text(Kind::Arguments) };

/// A file's name, id, address or content.
pub static FILE: Shape = Shape::object(&[
    ("file_id", &REFERENCE),
    ("filename", &PROSE),
    ("file_data", &BLOB),
    ("file_url", &BLOB),
    ("detail", &CLOSED),
]);

static MEDIA: Shape = Shape::leaf(Leaf::Blob).fields(&[
    ("url", &BLOB),
    ("data", &BLOB),
    ("detail", &CLOSED),
    ("format", &CLOSED),
    ("file_id", &REFERENCE),
    ("image_url", &BLOB),
]);

static REFUSAL: Shape = Shape::leaf(Leaf::Text(Kind::Prose)).lane(Lane::Refusal);
static PART_TEXT: Shape = Shape::leaf(Leaf::Text(Kind::Prose)).lane(Lane::Content);

/// One part of a message's content, in either API, in requests and replies.
pub static PART: Shape = Shape {
    leaf: Leaf::Text(Kind::Prose),
    ..Shape::object(&[
        ("type", &CLOSED),
        ("text", &PART_TEXT),
        ("refusal", &REFUSAL),
        ("image_url", &MEDIA),
        ("input_audio", &MEDIA),
        ("video_url", &MEDIA),
        ("file", &FILE),
        ("file_id", &REFERENCE),
        ("filename", &PROSE),
        ("file_data", &BLOB),
        ("file_url", &BLOB),
        ("detail", &CLOSED),
        ("logprobs", &DERIVED),
        ("annotations", &ANNOTATION),
        ("prompt_cache_breakpoint", &CACHE),
        ("cache_control", &CACHE),
    ])
}
.scope(Scope::Content);

static OFFSET: Shape = Shape::leaf(Leaf::Offset);

/// A citation.
pub static ANNOTATION: Shape = Shape::object(&[
    ("type", &CLOSED),
    ("url", &PROSE),
    ("title", &PROSE),
    ("filename", &PROSE),
    ("file_id", &REFERENCE),
    ("container_id", &REFERENCE),
    ("url_citation", &ANNOTATION),
    ("start_index", &OFFSET),
    ("end_index", &OFFSET),
    ("index", &CLOSED),
]);

/// Where a prompt may be cached.
pub static CACHE: Shape = Shape::object(&[
    ("type", &CLOSED),
    ("mode", &CLOSED),
    ("ttl", &CLOSED),
    ("comparison_response_id", &REFERENCE),
]);

static WORD: Shape = Shape::text(Kind::Schema);

/// Who asks from where. A part of a tool's definition, so no prose.
pub static PLACE: Shape = Shape::object(&[
    ("type", &CLOSED),
    ("city", &WORD),
    ("country", &WORD),
    ("region", &WORD),
    ("timezone", &CLOSED),
]);

/// The vendor's own moderation of input and output.
pub static MODERATION: Shape = Shape::object(&[
    ("model", &CLOSED),
    ("policy", &Shape::object(&[("input", &CACHE), ("output", &CACHE)])),
]);
