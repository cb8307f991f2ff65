//! One spelling for all spellings of a value.

use crate::EntityType;
use crate::scan::compact;
use crate::spoken;
use crate::view::View;

/// Longest spelling of a number; what is longer hides it in some encoding.
const LONGEST_NUMBER: usize = 48;

/// The one spelling of a value; see [`EntityType::canonical`].
pub(crate) fn canonical(entity: EntityType, text: &str) -> String {
    let view = View::plain(text);
    let text = view.text();
    if is_encoded(text) {
        return text.to_owned();
    }
    match entity {
        EntityType::EmailAddress if !text.contains('@') && text.contains(char::is_whitespace) => {
            spoken::written(text)
        }
        EntityType::EmailAddress => text.to_lowercase(),
        EntityType::PhoneNumber if text.bytes().any(|byte| byte.is_ascii_alphabetic()) => words(text),
        EntityType::PhoneNumber => telephone(text),
        _ if is_number(entity) && text.len() <= LONGEST_NUMBER && text.is_ascii() => compact(text),
        _ if entity.is_secret() => text.to_owned(),
        EntityType::Crypto => text.to_owned(),
        _ => words(text),
    }
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

fn telephone(text: &str) -> String {
    let national = text.replace("(0)", "");
    let digits: String = national.chars().filter(char::is_ascii_digit).collect();
    match digits.strip_prefix("00") {
        Some(international) => format!("+{international}"),
        None if text.contains('+') => format!("+{digits}"),
        None => digits,
    }
}

/// Numbers whose separators and case say nothing.
fn is_number(entity: EntityType) -> bool {
    use EntityType::{Bic, BrCnpj, CreditCard, IbanCode, Imei, Lei, MacAddress, UsSsn, Vin};
    matches!(entity, CreditCard | IbanCode | Imei | Lei | Vin | Bic | MacAddress)
        || (UsSsn..=BrCnpj).contains(&entity)
}

/// A run of base64, in which every character counts.
fn is_encoded(text: &str) -> bool {
    text.len() >= 16
        && !text.contains([' ', '@', '.', ':'])
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
        && text.bytes().any(|byte| byte.is_ascii_uppercase())
        && crate::encoded::decode(text.as_bytes()).is_some_and(|bytes| std::str::from_utf8(&bytes).is_ok())
}
