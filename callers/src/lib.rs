//! Who is calling: API keys and JSON Web Tokens.

pub mod jwt;
mod pattern;
mod secret;

pub use pattern::Pattern;
pub use secret::Secret;
