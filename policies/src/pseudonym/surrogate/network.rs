//! Addresses on networks, all in ranges reserved for documentation (RFC 2606, 3849, 5737, 7042).

use super::draw::Draw;
use super::names::{GENERAL, GIVEN};
use super::{Ask, Made, Style};

/// `given.family42@example.com`; a further spelling of a value has a tag before the at sign.
pub(super) fn email(mut draw: Draw<'_>, ask: Ask<'_>) -> Option<Made> {
    let name = login(&mut draw, ".")?;
    let host = draw.of(&["example.com", "example.net", "example.org"])?;
    let tag = if ask.nth == 0 { String::new() } else { format!("+{}", ask.nth) };
    Some(Made { text: format!("{name}{tag}@{host}"), style: Style::Address })
}

/// `givenfamily42`.
pub(super) fn username(mut draw: Draw<'_>, ask: Ask<'_>) -> Option<Made> {
    let at = if ask.spelling.starts_with('@') { "@" } else { "" };
    let name = login(&mut draw, "")?;
    (ask.nth == 0).then(|| Made { text: format!("{at}{name}"), style: Style::AnyCase })
}

fn login(draw: &mut Draw<'_>, between: &str) -> Option<String> {
    let (given, family) = (draw.of(&GIVEN)?, draw.of(&GENERAL)?);
    Some(format!("{given}{between}{family}{}", 10 + draw.below(90)).to_lowercase())
}

/// `https://example.com/k7q…`.
pub(super) fn url(mut draw: Draw<'_>, ask: Ask<'_>) -> Option<Made> {
    const SIGNS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let scheme = if ask.canonical.starts_with("http://") { "http" } else { "https" };
    let host = draw.of(&["example.com", "example.net", "example.org"])?;
    let path: String = (0..10).filter_map(|_| draw.of(SIGNS)).map(char::from).collect();
    (ask.nth == 0).then(|| Made { text: format!("{scheme}://{host}/{path}"), style: Style::Address })
}

/// An address of the same version.
pub(super) fn ip(mut draw: Draw<'_>, ask: Ask<'_>) -> Option<Made> {
    if ask.nth > 0 {
        return None;
    }
    let text = if ask.canonical.contains(':') {
        format!(
            "2001:db8:{:x}:{:x}::{:x}",
            1 + draw.below(0xfffe),
            1 + draw.below(0xfffe),
            1 + draw.below(0xfffe)
        )
    } else {
        let network = draw.of(&["192.0.2", "198.51.100", "203.0.113"])?;
        format!("{network}.{}", 1 + draw.below(254))
    };
    Some(Made { text, style: Style::Address })
}

/// An address from 00-00-5E-00-53.
pub(super) fn mac(mut draw: Draw<'_>, ask: Ask<'_>) -> Option<Made> {
    let separator = if ask.spelling.contains('-') { '-' } else { ':' };
    let parts = ["00", "00", "5e", "00", "53", &format!("{:02x}", draw.below(256))].map(str::to_owned);
    (ask.nth == 0).then(|| Made { text: parts.join(&separator.to_string()), style: Style::AnyCase })
}
