//! Names of people, word by word: the same word of a name becomes the same word everywhere, so that the parts of a
//! name still belong together.

use std::collections::HashMap;

use super::draw::Draw;
use super::names::{FRENCH, GENERAL, GERMAN, GIVEN, SPANISH};
use super::{Made, Style, TenantKey};
use crate::coreference::{is_particle, is_title};

/// Which words of names stand for which, in one exchange. No `Debug`: it holds the caller's.
#[derive(Default)]
pub(in crate::pseudonym) struct Words {
    chosen: HashMap<(Part, String), &'static str>,
}

/// Which part of a name a word is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Given,
    Family,
}

/// Where words are taken from.
struct Source<'s> {
    key: &'s TenantKey,
    families: &'static [&'static str],
    is_taken: &'s dyn Fn(&str) -> bool,
}

impl Words {
    /// A name for a spelling of the person whose whole name is `canonical`; none for a name that isn't written in
    /// Latin letters, or when every word of ours is taken.
    pub(in crate::pseudonym) fn name(
        &mut self,
        key: &TenantKey,
        (canonical, spelling): (&str, &str),
        is_taken: &dyn Fn(&str) -> bool,
    ) -> Option<Made> {
        let whole: Vec<&str> = canonical.split(' ').filter(|word| !is_particle(word)).collect();
        let from = Source { key, families: families(canonical), is_taken };
        let mut out = String::with_capacity(spelling.len());
        let mut renamed = 0;
        for (index, piece) in spelling.split_inclusive(|c: char| c.is_whitespace() || c == '-').enumerate() {
            let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
            let after = piece.get(word.len()..).unwrap_or_default();
            let lower = word.to_lowercase();
            if word.is_empty() || is_particle(&lower) || (index == 0 && is_title(&lower)) {
                out.push_str(piece);
                continue;
            }
            if !word.chars().all(is_latin) {
                return None;
            }
            renamed += 1;
            let letters = word.chars().count();
            if letters == 1 {
                let of = whole.iter().find(|it| it.starts_with(&lower) && it.chars().count() > 1);
                let ours = self.choose(&from, (Part::Given, of.copied().unwrap_or(&lower)))?;
                out.push_str(ours.get(..1)?);
            } else {
                let is_last = whole.last().is_none_or(|last| last.split('-').any(|it| it == lower));
                let part = if is_last || whole.len() < 2 { Part::Family } else { Part::Given };
                out.push_str(&cased(self.choose(&from, (part, &lower))?, word));
            }
            out.push_str(after);
        }
        let style = if renamed > 1 { Style::AnyCase } else { Style::Exact };
        (renamed > 0).then_some(Made { text: out, style })
    }

    fn choose(&mut self, from: &Source<'_>, (part, word): (Part, &str)) -> Option<&'static str> {
        if let Some(known) = self.chosen.get(&(part, word.to_owned())) {
            return Some(known);
        }
        let (list, kind): (&'static [&'static str], _) = match part {
            Part::Given => (&GIVEN, "given name"),
            Part::Family => (from.families, "family name"),
        };
        let start = Draw::new(from.key, kind, word).below(list.len());
        let fits =
            |ours: &&&str| !self.chosen.values().any(|other| *other == **ours) && !(from.is_taken)(ours);
        let ours = *list.iter().cycle().skip(start).take(list.len()).find(fits)?;
        self.chosen.insert((part, word.to_owned()), ours);
        Some(ours)
    }
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '\u{c0}'..='\u{24f}' | '\'' | '’' | '.')
}

/// Family names of the language that a name seems to be of.
fn families(canonical: &str) -> &'static [&'static str] {
    let has = |signs: &[char]| canonical.contains(signs);
    let word = |words: &[&str]| canonical.split(' ').any(|it| words.contains(&it));
    if has(&['ä', 'ö', 'ü', 'ß']) || word(&["von", "zu", "vom"]) {
        &GERMAN
    } else if has(&['ñ', 'á', 'í', 'ó', 'ú']) || word(&["del", "los"]) {
        &SPANISH
    } else if has(&['é', 'è', 'ê', 'ë', 'ç', 'à', 'ô', 'î', 'œ']) || word(&["du", "des"]) {
        &FRENCH
    } else {
        &GENERAL
    }
}

/// Our word in the case of the other.
fn cased(ours: &str, word: &str) -> String {
    let mut letters = word.chars().filter(|c| c.is_alphabetic());
    let upper = letters.clone().all(char::is_uppercase);
    if upper && word.chars().count() > 1 {
        ours.to_uppercase()
    } else if letters.all(char::is_lowercase) {
        ours.to_lowercase()
    } else {
        ours.to_owned()
    }
}
