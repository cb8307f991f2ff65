//! Request tables of `/v1/chat/completions`, `/v1/completions` and `/v1/embeddings`.

use weir_policies::slot::{Kind, Role};

use super::parts::{ARGUMENTS, BLOB, CACHE, CLOSED, MODEL, MODERATION, NAME, PART, PLACE, PROSE, REFERENCE};
use super::tools::{CHOICE_OF_TOOL, FORMAT, TOOL};
use super::{Lane, Leaf, Scope, Shape};

/// `/v1/chat/completions`.
pub static CHAT: Shape = Shape::object(&[
    ("model", &MODEL),
    ("messages", &MESSAGE),
    ("stream", &CLOSED),
    ("stream_options", &STREAM_OPTIONS),
    ("n", &CLOSED),
    ("max_tokens", &CLOSED),
    ("max_completion_tokens", &CLOSED),
    ("temperature", &CLOSED),
    ("top_p", &CLOSED),
    ("seed", &CLOSED),
    ("stop", &PROSE),
    ("presence_penalty", &CLOSED),
    ("frequency_penalty", &CLOSED),
    ("logit_bias", &super::parts::COUNTS),
    ("logprobs", &CLOSED),
    ("top_logprobs", &CLOSED),
    ("parallel_tool_calls", &CLOSED),
    ("store", &CLOSED),
    ("tools", &TOOL),
    ("tool_choice", &CHOICE_OF_TOOL),
    ("functions", &TOOL),
    ("function_call", &CHOICE_OF_TOOL),
    ("response_format", &FORMAT),
    ("prediction", &PREDICTION),
    ("audio", &VOICE),
    ("modalities", &CLOSED),
    ("metadata", &PROSE),
    ("user", &PROSE),
    ("safety_identifier", &PROSE),
    ("prompt_cache_key", &PROSE),
    ("prompt_cache_options", &CACHE),
    ("prompt_cache_retention", &CLOSED),
    ("moderation", &MODERATION),
    ("reasoning_effort", &CLOSED),
    ("verbosity", &CLOSED),
    ("service_tier", &CLOSED),
    ("web_search_options", &SEARCH),
]);

/// A message, in requests and replies; in a stream, a delta of one.
pub static MESSAGE: Shape = Shape::object(&[
    ("role", &CLOSED),
    ("content", &CONTENT),
    ("name", &NAME),
    ("refusal", &REFUSAL),
    ("reasoning_content", &REASONING),
    ("reasoning", &REASONING_ALT),
    ("tool_calls", &TOOL_CALL),
    ("tool_call_id", &REFERENCE),
    ("function_call", &FUNCTION_CALL),
    ("annotations", &super::parts::ANNOTATION),
    ("audio", &AUDIO),
])
.scope(Scope::Message);

/// `/v1/completions`.
pub static COMPLETIONS: Shape = Shape::object(&[
    ("model", &MODEL),
    ("prompt", &USER_TEXT),
    ("suffix", &USER_TEXT),
    ("stream", &CLOSED),
    ("stream_options", &STREAM_OPTIONS),
    ("n", &CLOSED),
    ("best_of", &CLOSED),
    ("max_tokens", &CLOSED),
    ("temperature", &CLOSED),
    ("top_p", &CLOSED),
    ("seed", &CLOSED),
    ("echo", &CLOSED),
    ("logprobs", &CLOSED),
    ("presence_penalty", &CLOSED),
    ("frequency_penalty", &CLOSED),
    ("logit_bias", &super::parts::COUNTS),
    ("stop", &PROSE),
    ("user", &PROSE),
]);

/// `/v1/embeddings`.
pub static EMBEDDINGS: Shape = Shape::object(&[
    ("model", &MODEL),
    ("input", &USER_TEXT),
    ("encoding_format", &CLOSED),
    ("dimensions", &CLOSED),
    ("user", &PROSE),
]);

/// Options of a stream.
pub static STREAM_OPTIONS: Shape =
    Shape::object(&[("include_usage", &CLOSED), ("include_obfuscation", &CLOSED)]);

static USER_TEXT: Shape = Shape::leaf(Leaf::Text(Kind::Prose)).scope(Scope::As(Role::User));
static CONTENT: Shape = Shape::leaf(Leaf::Text(Kind::Prose)).lane(Lane::Content).items(&PART);
static REFUSAL: Shape = Shape::leaf(Leaf::Text(Kind::Prose)).lane(Lane::Refusal);
static REASONING: Shape = Shape::leaf(Leaf::Text(Kind::Prose)).lane(Lane::Reasoning);
static REASONING_ALT: Shape = Shape::leaf(Leaf::Text(Kind::Prose)).lane(Lane::ReasoningAlt);

static TOOL_CALL: Shape = Shape::object(&[
    ("index", &CLOSED),
    ("id", &REFERENCE),
    ("type", &CLOSED),
    ("function", &FUNCTION),
    ("custom", &CUSTOM),
])
.scope(Scope::ToolCall);
static TOOL_NAME: Shape = Shape::text(Kind::Identifier).lane(Lane::ToolName);
static FUNCTION: Shape = Shape::object(&[("name", &TOOL_NAME), ("arguments", &ARGUMENTS)]);
static INPUT: Shape = Shape::leaf(Leaf::Text(Kind::Prose)).lane(Lane::ToolInput);
static CUSTOM: Shape = Shape::object(&[("name", &TOOL_NAME), ("input", &INPUT)]);
static FUNCTION_NAME: Shape = Shape::text(Kind::Identifier).lane(Lane::FunctionName);
static FUNCTION_ARGUMENTS: Shape = Shape::leaf(Leaf::Nested(Kind::Arguments)).lane(Lane::FunctionArguments);
static FUNCTION_CALL: Shape = Shape::object(&[("name", &FUNCTION_NAME), ("arguments", &FUNCTION_ARGUMENTS)]);

static TRANSCRIPT: Shape = Shape::leaf(Leaf::Text(Kind::Prose)).lane(Lane::Transcript);
static AUDIO: Shape = Shape::object(&[
    ("id", &REFERENCE),
    ("data", &BLOB),
    ("transcript", &TRANSCRIPT),
    ("expires_at", &CLOSED),
]);
static VOICE: Shape = Shape::object(&[
    ("format", &CLOSED),
    ("voice", &Shape::leaf(Leaf::Skip(super::Why::Reference)).fields(&[("id", &REFERENCE)])),
]);
static PREDICTION: Shape = Shape::object(&[("type", &CLOSED), ("content", &PREDICTED)]);
static PREDICTED: Shape = Shape::leaf(Leaf::Text(Kind::Prose)).items(&PART).scope(Scope::As(Role::Assistant));
static SEARCH: Shape = Shape::object(&[
    ("search_context_size", &CLOSED),
    ("user_location", &Shape::object(&[("type", &CLOSED), ("approximate", &PLACE)])),
]);
