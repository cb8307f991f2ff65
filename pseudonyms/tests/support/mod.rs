//! What the tests of both vaults share.

use weir_pseudonyms::{Kept, Owner};

/// A stand-in for the keyed hash that a gateway gives.
pub fn blind(text: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out.iter_mut()
        .zip(text.bytes().cycle())
        .enumerate()
        .for_each(|(at, (to, from))| *to = from.wrapping_add(at as u8));
    out
}

/// Whose values are.
pub fn owner(tenant: &str, subject: Option<&str>, conversation: Option<&str>) -> Owner {
    Owner {
        tenant: tenant.into(),
        subject: subject.map(Into::into),
        conversation: conversation.map(Into::into),
        tenant_blind: blind(tenant),
        conversation_blind: conversation.map(blind),
        key_blind: blind(subject.or(conversation).unwrap_or("day")),
    }
}

/// A value behind a pseudonym.
pub fn kept(name: &str, value: &str) -> Kept {
    Kept { blind: blind(name), kind: "EMAIL_ADDRESS".into(), name: name.into(), value: value.into() }
}
