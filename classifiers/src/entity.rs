//! The types of personal data that can be found, and what a finding says.

use std::ops::Range;

use crate::identifiers;

/// A type of personal data, named as Presidio names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntityType {
    /// An e-mail address.
    EmailAddress,
    /// A telephone number, international or national.
    PhoneNumber,
    /// A payment card number (ISO/IEC 7812, Luhn check digit).
    CreditCard,
    /// An international bank account number (ISO 13616, mod 97).
    IbanCode,
}

impl EntityType {
    /// All types.
    pub const ALL: [Self; 4] = [Self::EmailAddress, Self::PhoneNumber, Self::CreditCard, Self::IbanCode];

    /// The type's name in policies, pseudonyms and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::EmailAddress => "EMAIL_ADDRESS",
            Self::PhoneNumber => "PHONE_NUMBER",
            Self::CreditCard => "CREDIT_CARD",
            Self::IbanCode => "IBAN_CODE",
        }
    }

    /// The type called `name`, in upper or lower case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entity| entity.name().eq_ignore_ascii_case(name))
    }

    /// One spelling for all spellings of a value: lower-case e-mail, digits of numbers, compact
    /// upper-case IBAN. Two findings with equal canonical text are the same value.
    pub fn canonical(self, text: &str) -> String {
        identifiers::canonical(self, text)
    }
}

/// A value found in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What it is.
    pub entity: EntityType,
    /// Where it stands, in bytes of the text; always on character boundaries.
    pub range: Range<usize>,
    /// How sure the detector is, from 0 to 1.
    pub score: f32,
}
