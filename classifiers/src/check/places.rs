//! Conditions of addresses, dates, codes and names of accounts, on the text as it is.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::is_day;

/// A web address with a host that has a dot, and no mere example of a format.
pub(crate) fn url(text: &str) -> bool {
    let host =
        text.split("://").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    host.contains('.') && !host.starts_with('.')
}

/// Four octets; loopback, unspecified and broadcast addresses name nobody.
pub(crate) fn ipv4(text: &str) -> bool {
    let bare = text.split('/').next().unwrap_or_default();
    bare.parse::<Ipv4Addr>().is_ok_and(|it| {
        let first = it.octets()[0];
        !it.is_loopback() && !it.is_unspecified() && first != 0 && first != 255
    })
}

/// An IPv6 address with digits and at least four groups written; loopback names nobody.
pub(crate) fn ipv6(text: &str) -> bool {
    let groups = text.split(':').filter(|group| !group.is_empty()).count();
    groups >= 4 && text.bytes().any(|byte| byte.is_ascii_digit()) && text.parse::<Ipv6Addr>().is_ok()
}

/// A date that can be one of birth.
pub(crate) fn date(text: &str) -> bool {
    let numbers: Vec<u32> = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|piece| !piece.is_empty())
        .filter_map(|piece| piece.parse().ok())
        .collect();
    let year = |it: u32| (1900..=2099).contains(&it);
    match numbers.as_slice() {
        [first, month, day] if *first > 31 => year(*first) && is_day(*day, *month),
        [a, b, last] => (year(*last) || *last < 100) && (is_day(*a, *b) || is_day(*b, *a)),
        [day, last] => is_day(*day, 1) && year(*last) && text.bytes().any(|byte| byte.is_ascii_alphabetic()),
        [whole] => {
            let (head, tail) = (whole / 10_000, whole % 10_000);
            (year(head) && is_day(tail % 100, tail / 100))
                || (year(tail) && (is_day(head / 100, head % 100) || is_day(head % 100, head / 100)))
        }
        _ => false,
    }
}

/// A name of an account, not a word of a sentence or of a program.
pub(crate) fn handle(text: &str) -> bool {
    let name = text.trim_start_matches('@');
    let marked = name.bytes().any(|byte| byte.is_ascii_digit()) || text.starts_with('@') || {
        name.contains(['.', '_', '-']) && !name.ends_with(['.', '-'])
    };
    let placeholder = ["example", "username", "user_name", "your", "string", "none", "null"];
    let lower = name.to_ascii_lowercase();
    marked && !placeholder.iter().any(|word| lower.contains(word))
}

/// A country in the code, and a code that isn't a word.
pub(crate) fn bic(text: &str) -> bool {
    text.get(4..6).is_some_and(|country| COUNTRIES.as_bytes().chunks(2).any(|it| it == country.as_bytes()))
}

/// Enough digits for an account, and no year or date.
pub(crate) fn account(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (6..=17).contains(&digits) && !date(text)
}

/// Enough digits for a licence.
pub(crate) fn licence(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let all = text.bytes().filter(u8::is_ascii_alphanumeric).count();
    digits >= 4 && (6..=18).contains(&all)
}

/// A street: words of letters and a house number.
pub(crate) fn street(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let code = text.contains(['=', '(', '{', '[', '&', ';', '/']);
    letters >= 4 && (1..=9).contains(&digits) && letters > digits && !code
}

/// Not a single character over and over, as in masks and examples.
pub(crate) fn varied(text: &str) -> bool {
    let tail = text.get(2..).unwrap_or_default();
    let mut seen = [false; 128];
    for byte in tail.bytes() {
        if let Some(slot) = seen.get_mut(usize::from(byte)) {
            *slot = true;
        }
    }
    seen.iter().filter(|seen| **seen).count() >= 8
}

/// Country codes of ISO 3166-1, two letters each, and XK, which banks use.
const COUNTRIES: &str = "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSYEYTZAZMZWXK";
