//! Tokens, money, energy and carbon.
