//! Embedded model server: SmolLM2-135M-Instruct for chat and completions, all-MiniLM-L6-v2 for
//! embeddings, so that the product works with no key and no network.
//!
//! A request goes `api` (checked fields) → `chat_template`, `tokenizer` (tokens) → `engine` (one
//! thread, continuous batching) → `model` (one forward pass for all rows) → `sampler`, `text`
//! (pieces that never split a character or leak a stop sequence) → `api` (words of the endpoint).
//!
//! What is accepted but not enforced: `tool_choice` and `response_format` are not forced on the
//! model; tools and the wish for one are put into the prompt in words, and an answer that is a
//! tool call is given back as one. A field that only asks for something beside the answer (`store`,
//! `service_tier`, `moderation`, `prediction`, `web_search_options`, and any unknown one) is ignored, as
//! other engines do. What would change the meaning of the answer and can't be done (`modalities` with audio,
//! images, `suffix`, other `dimensions`, a bias for no token) is refused with status 400.

mod answer;
mod api;
mod bert;
mod cache;
mod chat_template;
mod embed;
mod endpoints;
mod engine;
mod error;
mod exposition;
mod files;
mod generate;
mod gguf;
mod job;
mod kernels;
mod meter;
mod model;
mod router;
mod sampler;
mod sequence;
mod service;
mod text;
mod tokenizer;
mod weights;

pub use answer::{Answer, Body};
pub use engine::{EngineOptions, Load};
pub use error::InferenceError;
pub use files::ModelFiles;
pub use meter::Meter;
pub use router::router;
pub use service::Service;
