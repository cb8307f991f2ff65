//! Tokens, money, energy and carbon: what an exchange consumed, what it cost and what it emitted.
//!
//! Unknown is `None`, never 0: a model without a price has no [`Cost`], a model without published
//! parameters no [`Impact`]. Money is whole pico-dollars; only energy and emissions are floats.

mod catalogue;
mod ecologits;
mod factors;
mod impact;
mod model_name;
mod money;
mod usage;

pub use catalogue::{Catalogue, CatalogueError, Cost, Priced, Problem};
pub use ecologits::{Deployment, ElectricityMix, Footprint, Generation, Phase, Site, footprint};
pub use factors::{Factors, FactorsError, Served};
pub use impact::{Impact, Quality, Range};
pub use money::{PICO_PER_USD, PicoUsd, Rate, TOKENS_PER_MTOK};
pub use usage::{Usage, UsageSource};
