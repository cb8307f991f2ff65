//! JSON Web Tokens (RFC 7519) of trusted issuers.

mod settings;

pub use settings::{ClaimPaths, JwksSource, JwtSettings, SigningAlgorithm, TenantClaim};
