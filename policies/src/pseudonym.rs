//! Pseudonyms: stand-ins for values on the way to a model, and the way back.
//!
//! A pseudonym is written `⟦EMAIL_ADDRESS_K7QX3MNP⟧`. Its id is an HMAC of the value under a key of the
//! tenant, so the same value has the same pseudonym in every turn, on every node and after a restart,
//! and another tenant's pseudonyms mean nothing. Which value an id stands for is known only to the
//! exchange's own [`Vault`]. A surrogate is a pseudonym that looks like a value of the same type.

mod cipher;
mod key;
mod restore;
mod spelling;
mod stand_in;
mod surrogate;
mod token;
mod vault;

pub(crate) use cipher::encrypt;
pub use key::PseudonymKey;
pub(crate) use key::TenantKey;
pub(crate) use restore::Restorer;
pub(crate) use spelling::{escaped, quoted};
pub(crate) use stand_in::Standing;
pub(crate) use token::{Ended, Step, recognise};
pub(crate) use vault::{Exhausted, Named, Vault};

/// Type of the pseudonyms that stand for text which looks like a pseudonym itself.
pub(crate) const LITERAL: &str = "LITERAL";

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a wrong offset should fail the test")]
mod tests;
