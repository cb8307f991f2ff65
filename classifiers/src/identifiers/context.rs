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
    let mut after: Option<String> = None;
    for word in words_before(bytes, at) {
        if PHONE.contains(&word.as_str()) {
            return Spoken::Phone;
        }
        if OTHER.contains(&word.as_str()) {
            return Spoken::Other;
        }
        let addressed = after.as_deref().is_some_and(|after| PERSONS.contains(&after));
        if addressed && VERBS.contains(&word.as_str()) {
            return Spoken::Phone;
        }
        after = Some(word);
    }
    Spoken::Nothing
}

/// Whether the words before `at` speak of a payment card.
pub(super) fn speaks_of_card(bytes: &[u8], at: usize) -> bool {
    words_before(bytes, at).any(|word| CARD.contains(&word.as_str()))
}

/// The last few words before `at`, nearest first, in lower case.
fn words_before(bytes: &[u8], at: usize) -> impl Iterator<Item = String> {
    let start = at.saturating_sub(REACH);
    let window = String::from_utf8_lossy(bytes.get(start..at).unwrap_or_default()).to_lowercase();
    let words: Vec<String> = window
        .rsplit(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty())
        .take(WORDS)
        .map(str::to_owned)
        .collect();
    words.into_iter()
}
