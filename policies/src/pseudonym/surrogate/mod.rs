//! Surrogates: realistic values of the same kind, made from nothing but a keyed hash of the value.
//!
//! All come from ranges that no person has: reserved by a standard, kept for fiction by a regulator, or invented
//! here. A type or a form that has no such range has no surrogate, and gets a pseudonym instead.

mod account;
mod date;
mod draw;
mod names;
mod network;
mod person;
mod phone;
mod place;
mod place_names;

use super::TenantKey;
use draw::Draw;
pub(super) use person::Words;

/// How much a model may change a surrogate that is still recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Nothing.
    Exact,
    /// The case of letters.
    AnyCase,
    /// Spaces, hyphens, dots and brackets between its signs.
    Spaced,
    /// The case, and it may be part of no longer address.
    Address,
}

/// A surrogate, and how it is recognised.
pub(super) struct Made {
    pub(super) text: String,
    pub(super) style: Style,
}

/// What a surrogate is wanted for.
#[derive(Clone, Copy)]
pub(super) struct Ask<'v> {
    pub(super) kind: &'v str,
    pub(super) canonical: &'v str,
    pub(super) spelling: &'v str,
    /// How many other spellings of the value have a surrogate already.
    pub(super) nth: usize,
    /// How many surrogates of this value could not be used.
    pub(super) attempt: u32,
    /// What dates are shifted by depends on this.
    pub(super) salt: &'v str,
}

/// How a surrogate of a kind is recognised.
pub(super) fn style(kind: &str, text: &str) -> Style {
    match kind {
        "EMAIL_ADDRESS" | "URL" | "IP_ADDRESS" => Style::Address,
        "PHONE_NUMBER" | "CREDIT_CARD" | "IBAN_CODE" => Style::Spaced,
        "USERNAME" | "MAC_ADDRESS" => Style::AnyCase,
        "PERSON" if text.contains(' ') => Style::AnyCase,
        _ => Style::Exact,
    }
}

/// A surrogate of a value that is not a name of a person; none where its kind or form has none.
pub(super) fn make(key: &TenantKey, ask: Ask<'_>) -> Option<Made> {
    let draw = Draw::new(key, ask.kind, &format!("{} {}", ask.canonical, ask.attempt));
    match ask.kind {
        "EMAIL_ADDRESS" => network::email(draw, ask),
        "USERNAME" => network::username(draw, ask),
        "URL" => network::url(draw, ask),
        "IP_ADDRESS" => network::ip(draw, ask),
        "MAC_ADDRESS" => network::mac(draw, ask),
        "PHONE_NUMBER" => phone::phone(draw, ask),
        "CREDIT_CARD" => account::card(draw, ask),
        "IBAN_CODE" => account::iban(draw, ask),
        "DATE_TIME" => date::date(Draw::new(key, "date shift", ask.salt), ask),
        "LOCATION" => place::location(draw, ask),
        "ORGANIZATION" => place::organization(draw, ask),
        _ => None,
    }
}
