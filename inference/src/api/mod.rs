//! The OpenAI-shaped API: requests checked once at the edge, answers whole or as server-sent events.

pub(crate) mod chat;
pub(crate) mod completions;
pub(crate) mod embeddings;
pub(crate) mod fields;
pub(crate) mod models;
pub(crate) mod problem;
pub(crate) mod responses;
pub(crate) mod responses_stream;
pub(crate) mod settings;
pub(crate) mod stream;
pub(crate) mod tool_answer;
pub(crate) mod usage;
