//! Telephone numbers that regulators keep for fiction: nobody has them.
//!
//! Sources: NANPA (555-0100 to 555-0199), Ofcom, Bundesnetzagentur, Arcep and ACMA, each in its list of numbers for
//! use in drama.

use super::draw::Draw;
use super::{Ask, Made, Style};

/// A range: what stands before the free digits, and how many those are.
type Range = (&'static str, u32);

const BRITISH: [Range; 10] = [
    ("+44 113 496 0", 3),
    ("+44 114 496 0", 3),
    ("+44 117 496 0", 3),
    ("+44 121 496 0", 3),
    ("+44 131 496 0", 3),
    ("+44 141 496 0", 3),
    ("+44 161 496 0", 3),
    ("+44 20 7946 0", 3),
    ("+44 1632 960", 3),
    ("+44 7700 900", 3),
];
const GERMAN: [Range; 5] = [
    ("+49 30 23125 ", 3),
    ("+49 69 90009 ", 3),
    ("+49 40 66969 ", 3),
    ("+49 221 4710 ", 3),
    ("+49 89 99998 ", 3),
];
const FRENCH: [Range; 6] = [
    ("+33 1 99 00 ", 4),
    ("+33 2 61 91 ", 4),
    ("+33 3 53 01 ", 4),
    ("+33 4 65 71 ", 4),
    ("+33 5 36 49 ", 4),
    ("+33 6 39 98 ", 4),
];
const AUSTRALIAN: [Range; 4] =
    [("+61 2 5550 ", 4), ("+61 3 5550 ", 4), ("+61 7 5550 ", 4), ("+61 8 5550 ", 4)];
/// Area codes of the United States.
const AREAS: [u16; 24] = [
    202, 206, 212, 303, 305, 312, 404, 412, 415, 503, 512, 602, 612, 615, 617, 702, 713, 716, 801, 804, 808,
    816, 904, 919,
];

/// A number kept for fiction, of the value's country where that has such numbers.
pub(super) fn phone(mut draw: Draw<'_>, ask: Ask<'_>) -> Option<Made> {
    let ranges: &[Range] = match ask.canonical.get(..3) {
        Some("+44") => &BRITISH,
        Some("+49") => &GERMAN,
        Some("+33") => &FRENCH,
        Some("+61") => &AUSTRALIAN,
        _ => &[],
    };
    let text = match draw.of(ranges) {
        Some((before, free)) => {
            let digits: String = (0..free).map(|_| char::from(b'0' + draw.digit())).collect();
            format!("{before}{digits}")
        }
        None => {
            let area = draw.of(&AREAS)?;
            format!("+1 {area} 555 01{}{}", draw.digit(), draw.digit())
        }
    };
    // Further spellings of a number are further layouts of its surrogate.
    let separator = [" ", "-", ".", ""].get(ask.nth)?;
    Some(Made { text: text.replace(' ', separator), style: Style::Spaced })
}
