//! Towns, streets and companies that there are not.

use super::draw::Draw;
use super::place_names::{COMPANIES, STREETS, TOWNS, TRADES};
use super::{Ask, Made, Style};

/// A street with a number where the value has a number and words, a town where it has words alone. A bare
/// postcode has no surrogate.
pub(super) fn location(mut draw: Draw<'_>, ask: Ask<'_>) -> Option<Made> {
    let has_digits = ask.spelling.contains(|c: char| c.is_ascii_digit());
    let longest = ask.spelling.split(|c: char| !c.is_alphabetic()).map(str::len).max().unwrap_or(0);
    if ask.nth > 0 || longest < 3 {
        return None;
    }
    let town = draw.of(&TOWNS)?;
    let text = if has_digits {
        format!("{} {}, {town}", 1 + draw.below(180), draw.of(&STREETS)?)
    } else {
        town.to_owned()
    };
    Some(Made { text, style: Style::Exact })
}

/// A company with a trade.
pub(super) fn organization(mut draw: Draw<'_>, ask: Ask<'_>) -> Option<Made> {
    let (name, trade) = (draw.of(&COMPANIES)?, draw.of(&TRADES)?);
    (ask.nth == 0).then(|| Made { text: format!("{name} {trade}"), style: Style::Exact })
}
