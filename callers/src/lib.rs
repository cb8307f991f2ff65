//! Who is calling: API keys and JSON Web Tokens.
