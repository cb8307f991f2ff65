//! Tables of `/v1/responses`: the request, the response object that echoes it, items and stream events.

use weir_policies::slot::{Kind, Role};

use super::parts::{
    ANNOTATION, ARGUMENTS, BLOB, CACHE, CLOSED, CODE, COUNTS, DERIVED, MODEL, MODERATION, NAME, PART, PROSE,
    REFERENCE, VALUES,
};
use super::reply::ERROR;
use super::tools::{CHOICE_OF_TOOL, CONTAINER, FORMAT, TOOL};
use super::{Lane, Leaf, Scope, Shape};

/// A request, or the response object with `output`, which repeats the request's members.
pub static RESPONSE: Shape = Shape::object(&[
    ("model", &MODEL),
    ("input", &INPUT),
    ("instructions", &INSTRUCTIONS),
    ("output", &ITEM),
    ("output_text", &OUTPUT_TEXT),
    ("stream", &CLOSED),
    ("stream_options", &super::chat::STREAM_OPTIONS),
    ("id", &REFERENCE),
    ("object", &CLOSED),
    ("status", &CLOSED),
    ("created_at", &CLOSED),
    ("completed_at", &CLOSED),
    ("error", &ERROR),
    ("incomplete_details", &Shape::object(&[("reason", &CLOSED)])),
    ("usage", &COUNTS),
    ("max_output_tokens", &CLOSED),
    ("max_tool_calls", &CLOSED),
    ("temperature", &CLOSED),
    ("top_p", &CLOSED),
    ("top_logprobs", &CLOSED),
    ("presence_penalty", &CLOSED),
    ("frequency_penalty", &CLOSED),
    ("tools", &TOOL),
    ("tool_choice", &CHOICE_OF_TOOL),
    ("parallel_tool_calls", &CLOSED),
    ("text", &TEXT),
    ("reasoning", &REASONING),
    ("metadata", &PROSE),
    ("user", &PROSE),
    ("safety_identifier", &PROSE),
    ("prompt", &PROMPT),
    ("prompt_cache_key", &PROSE),
    ("prompt_cache_options", &CACHE),
    ("prompt_cache_retention", &CLOSED),
    ("previous_response_id", &REFERENCE),
    ("conversation", &CONVERSATION),
    ("background", &CLOSED),
    ("background_options", &BACKGROUND),
    ("billing", &COUNTS),
    ("include", &CLOSED),
    ("image", &Shape::object(&[("context_compression", &CLOSED)])),
    ("access_programs", &COUNTS),
    ("context_management", &COUNTS),
    ("moderation", &MODERATION),
    ("service_tier", &CLOSED),
    ("store", &CLOSED),
    ("truncation", &CLOSED),
]);

static INSTRUCTIONS: Shape = Shape::leaf(Leaf::Text(Kind::Prose)).items(&ITEM).scope(Scope::As(Role::System));
static INPUT: Shape = Shape::leaf(Leaf::Text(Kind::Prose)).items(&ITEM).scope(Scope::As(Role::User));
static TEXT: Shape = Shape::object(&[("format", &FORMAT), ("verbosity", &CLOSED)]);
static REASONING: Shape = Shape::object(&[
    ("effort", &CLOSED),
    ("summary", &CLOSED),
    ("generate_summary", &CLOSED),
    ("context", &CLOSED),
    ("mode", &CLOSED),
]);
static PROMPT: Shape =
    Shape::object(&[("id", &REFERENCE), ("version", &REFERENCE), ("variables", &VARIABLES)]);
static VARIABLES: Shape =
    Shape { other: Some(&PART), ..Shape::leaf(Leaf::Text(Kind::Prose)) }.scope(Scope::As(Role::User));
static CONVERSATION: Shape = Shape::leaf(Leaf::Skip(super::Why::Reference)).fields(&[("id", &REFERENCE)]);
static BACKGROUND: Shape = Shape::object(&[("completion_window", &CLOSED), ("continuation_id", &REFERENCE)]);

/// An item of `input` or `output`: messages, calls, their outputs, reasoning.
pub static ITEM: Shape = Shape::object(&[
    ("type", &CLOSED),
    ("role", &CLOSED),
    ("id", &REFERENCE),
    ("status", &CLOSED),
    ("phase", &CLOSED),
    ("content", &CONTENT),
    ("summary", &SUMMARY),
    ("encrypted_content", &BLOB),
    ("call_id", &REFERENCE),
    ("approval_request_id", &REFERENCE),
    ("container_id", &REFERENCE),
    ("fingerprint", &REFERENCE),
    ("name", &TOOL_NAME),
    ("namespace", &NAME),
    ("server_label", &NAME),
    ("arguments", &ITEM_ARGUMENTS),
    ("input", &TOOL_INPUT),
    ("code", &CODE),
    ("output", &OUTPUT),
    ("outputs", &OUTPUT),
    ("results", &Shape::object(&[("file_id", &REFERENCE), ("filename", &PROSE), ("text", &PROSE)])),
    ("result", &BLOB),
    ("revised_prompt", &PROSE),
    ("queries", &PROSE),
    ("reason", &PROSE),
    ("action", &ACTION),
    ("actions", &ACTION),
    ("operation", &ACTION),
    ("caller", &Shape::object(&[("type", &CLOSED), ("caller_id", &REFERENCE)])),
    ("environment", &CONTAINER),
    ("error", &ERROR),
    ("reasoning", &REASONING),
    ("text", &TEXT),
    ("tools", &TOOL),
    ("svg_usage", &Shape { other: Some(&COUNTS), ..Shape::object(&[("model", &REFERENCE)]) }),
    ("execution", &CLOSED),
    ("background", &CLOSED),
    ("output_format", &CLOSED),
    ("quality", &CLOSED),
    ("size", &CLOSED),
])
.scope(Scope::Item);

static CONTENT: Shape = Shape::leaf(Leaf::Text(Kind::Prose)).lane(Lane::Content).items(&PART);
/// All texts of the answer once more, as some libraries and engines write them.
static OUTPUT_TEXT: Shape = Shape::leaf(Leaf::Text(Kind::Prose)).lane(Lane::Content);
static SUMMARY: Shape = Shape::object(&[("type", &CLOSED), ("text", &PROSE)]);
static TOOL_NAME: Shape = Shape::text(Kind::Identifier).lane(Lane::ToolName);
static TOOL_INPUT: Shape = Shape::leaf(Leaf::Text(Kind::Prose));
/// Stringified for functions, an object for tool search.
static ITEM_ARGUMENTS: Shape = Shape {
    other: Some(&VALUES),
    keys: super::Keys::Text(Kind::Arguments),
    ..Shape::leaf(Leaf::Nested(Kind::Arguments)).lane(Lane::ToolArguments)
};
/// A tool's output: text, content parts, a picture, or logs.
static OUTPUT: Shape = Shape::leaf(Leaf::Nested(Kind::Prose)).fields(&[
    ("type", &CLOSED),
    ("text", &PROSE),
    ("logs", &PROSE),
    ("stdout", &PROSE),
    ("stderr", &PROSE),
    ("outcome", &COUNTS),
    ("file_id", &REFERENCE),
    ("filename", &PROSE),
    ("file_data", &BLOB),
    ("file_url", &BLOB),
    ("image_url", &BLOB),
    ("url", &BLOB),
    ("detail", &CLOSED),
    ("prompt_cache_breakpoint", &CACHE),
]);
static ACTION: Shape = Shape::leaf(Leaf::Skip(super::Why::Closed)).fields(&[
    ("type", &CLOSED),
    ("button", &CLOSED),
    ("command", &CODE),
    ("commands", &CODE),
    ("env", &PROSE),
    ("keys", &PROSE),
    ("pattern", &PROSE),
    ("queries", &PROSE),
    ("query", &PROSE),
    ("sources", &ANNOTATION),
    ("text", &PROSE),
    ("url", &PROSE),
    ("user", &PROSE),
    ("working_directory", &PROSE),
    ("diff", &CODE),
    ("path", &PROSE),
]);

static DELTA: Shape = Shape::leaf(Leaf::Text(Kind::Prose)).lane(Lane::EventDelta);

/// An event of a stream.
pub static EVENT: Shape = Shape::object(&[
    ("type", &CLOSED),
    ("sequence_number", &CLOSED),
    ("item_id", &REFERENCE),
    ("output_index", &CLOSED),
    ("content_index", &CLOSED),
    ("summary_index", &CLOSED),
    ("annotation_index", &CLOSED),
    ("delta", &DELTA),
    ("logprobs", &DERIVED),
    ("text", &PROSE),
    ("refusal", &PROSE),
    ("arguments", &ARGUMENTS),
    ("input", &PROSE),
    ("code", &CODE),
    ("name", &NAME),
    ("item", &ITEM),
    ("part", &PART),
    ("annotation", &ANNOTATION),
    ("response", &RESPONSE),
    ("partial_image_b64", &BLOB),
    ("partial_image_index", &CLOSED),
    ("obfuscation", &REFERENCE),
    ("message", &PROSE),
    ("param", &CLOSED),
    ("error", &ERROR),
]);
