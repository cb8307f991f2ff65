//! The words just before a number, which say what it is when its shape does not.

/// How far back a word still speaks of a number, in bytes.
const REACH: usize = 40;
/// How many words back.
const WORDS: usize = 5;

const PHONE: [&str; 34] = [
    "phone",
    "phones",
    "telephone",
    "telefon",
    "telefonnummer",
    "tel",
    "tél",
    "téléphone",
    "telephone's",
    "teléfono",
    "telefono",
    "mobile",
    "mobil",
    "móvil",
    "movil",
    "cell",
    "cellphone",
    "cellular",
    "handy",
    "handynummer",
    "fax",
    "whatsapp",
    "sms",
    "rufnummer",
    "dial",
    "hotline",
    "landline",
    "telefoonnummer",
    "telefoon",
    "portable",
    "phone_number",
    "phonenumber",
    "telefax",
    "mob",
];
const VERBS: [&str; 8] = ["call", "reach", "text", "ring", "contact", "phone", "erreichen", "appelez"];
const PERSONS: [&str; 10] = ["me", "us", "him", "her", "them", "at", "on", "mich", "uns", "moi"];
const CARD: [&str; 20] = [
    "card",
    "cards",
    "creditcard",
    "credit",
    "debit",
    "visa",
    "mastercard",
    "maestro",
    "amex",
    "pan",
    "diners",
    "unionpay",
    "kreditkarte",
    "kartennummer",
    "karte",
    "carte",
    "tarjeta",
    "carta",
    "creditcardnumber",
    "cc",
];
const OTHER: [&str; 30] = [
    "order",
    "orders",
    "invoice",
    "ticket",
    "case",
    "serial",
    "sku",
    "version",
    "isbn",
    "id",
    "ids",
    "ref",
    "reference",
    "tracking",
    "article",
    "item",
    "bestellung",
    "bestellnummer",
    "rechnung",
    "rechnungsnummer",
    "auftrag",
    "artikel",
    "commit",
    "build",
    "issue",
    "transaction",
    "timestamp",
    "port",
    "line",
    "pid",
];

/// What the words before a number say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    Phone,
    Other,
    Nothing,
}

/// What the words before `at` say a number is; the nearest telling word counts.
pub(super) fn spoken(bytes: &[u8], at: usize) -> Spoken {
    let mut after: &[u8] = &[];
    for word in words_before(bytes, at) {
        if is_one_of(word, &PHONE) {
            return Spoken::Phone;
        }
        if is_one_of(word, &OTHER) {
            return Spoken::Other;
        }
        if is_one_of(word, &VERBS) && is_one_of(after, &PERSONS) {
            return Spoken::Phone;
        }
        after = word;
    }
    Spoken::Nothing
}

/// Whether the words before `at` speak of a payment card.
pub(super) fn speaks_of_card(bytes: &[u8], at: usize) -> bool {
    words_before(bytes, at).any(|word| is_one_of(word, &CARD))
}

fn is_one_of(word: &[u8], list: &[&str]) -> bool {
    list.iter().any(|listed| listed.as_bytes().eq_ignore_ascii_case(word))
}

/// The last few words before `at`, nearest first. Bytes beyond ASCII count as letters.
fn words_before(bytes: &[u8], at: usize) -> impl Iterator<Item = &[u8]> {
    let window = bytes.get(at.saturating_sub(REACH)..at).unwrap_or_default();
    window.rsplit(|b| b.is_ascii() && !b.is_ascii_alphabetic()).filter(|word| !word.is_empty()).take(WORDS)
}
