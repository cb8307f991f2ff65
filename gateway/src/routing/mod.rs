//! Which upstream answers: model names to routes, routes to upstreams, and how each is doing.

mod health;
mod models;
mod peer;
mod table;
mod upstream;

pub use health::{Prober, Standing};
pub use models::ModelCard;
pub use table::{Picked, Table};
pub use upstream::{Engine, Upstream, Wire};
