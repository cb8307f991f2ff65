//! Which names of a request are names of one person: "John Smith", "Mr Smith", "J. Smith" and "John".
//!
//! A part of a name belongs to a whole name when it fits exactly one person of the request. Where it fits two, it
//! belongs to neither: a wrong guess would make two people one.

use std::collections::HashSet;

use crate::slot::Slots;
use crate::substitute::Value;

/// The type whose values are resolved.
const PERSON: &str = "PERSON";
/// Most whole names that parts are compared with; with more, each name stands for itself.
const MOST_WHOLE: usize = 512;

/// Forms of address and titles in several languages, without dots.
const TITLES: [&str; 46] = [
    "mr",
    "mrs",
    "ms",
    "miss",
    "mx",
    "dr",
    "prof",
    "professor",
    "doctor",
    "sir",
    "madam",
    "lady",
    "lord",
    "rev",
    "reverend",
    "herr",
    "herrn",
    "frau",
    "fräulein",
    "doktor",
    "monsieur",
    "madame",
    "mademoiselle",
    "mme",
    "mlle",
    "señor",
    "señora",
    "señorita",
    "sr",
    "sra",
    "srta",
    "don",
    "doña",
    "signor",
    "signora",
    "signorina",
    "sig",
    "senhor",
    "senhora",
    "dhr",
    "mevr",
    "mevrouw",
    "meneer",
    "pan",
    "pani",
    "fru",
];
/// What may follow a name.
const SUFFIXES: [&str; 9] = ["jr", "sr", "ii", "iii", "iv", "phd", "md", "esq", "mba"];
/// Words inside names that are no names.
const PARTICLES: [&str; 22] = [
    "von", "van", "der", "den", "de", "del", "della", "di", "da", "dos", "du", "des", "la", "le", "los",
    "las", "zu", "vom", "ter", "ten", "bin", "al",
];

/// Whether a word, in lower case and without a dot, is a form of address.
pub(crate) fn is_title(word: &str) -> bool {
    TITLES.contains(&word)
}

/// Whether a word, in lower case, belongs to no one's own name.
pub(crate) fn is_particle(word: &str) -> bool {
    PARTICLES.contains(&word)
}

/// Gives all names of one person the same canonical text, and leaves possessive endings outside.
pub(crate) fn resolve(slots: &Slots, values: &mut [Vec<Value>]) {
    let mut names: Vec<(&mut Value, Name)> = Vec::new();
    for (slot, found) in slots.iter().zip(values.iter_mut()) {
        for value in found.iter_mut().filter(|value| value.kind == PERSON) {
            let text = slot.text().get(value.range.clone()).unwrap_or_default();
            let owned = without_possessive(text);
            value.range.end = value.range.start + owned.len();
            names.push((value, Name::read(owned)));
        }
    }
    let people = People::of(names.iter().map(|(_, name)| name));
    for (value, name) in &mut names {
        if let Some(canonical) = people.whole(name) {
            value.canonical = canonical;
        }
    }
}

/// A name without `'s`, or the apostrophe after an `s`.
fn without_possessive(text: &str) -> &str {
    for ending in ["'s", "’s", "'S", "’S"] {
        if let Some(owned) = text.strip_suffix(ending) {
            return owned;
        }
    }
    let owned = text.strip_suffix(['\'', '’']);
    owned.filter(|owned| owned.ends_with(['s', 'S', 'x', 'z'])).unwrap_or(text)
}

/// A name, taken apart.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Name {
    /// Its words in lower case, particles too, the family name last.
    words: Vec<String>,
    /// Without particles.
    own: Vec<String>,
}

impl Name {
    fn read(text: &str) -> Self {
        let ordered = match text.split_once(',') {
            Some((family, given)) if !is_suffix(given) => format!("{given} {family}"),
            _ => text.to_owned(),
        };
        let mut words: Vec<String> = ordered
            .split_whitespace()
            .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
            .filter(|word| !word.is_empty())
            .collect();
        while words.len() > 1 && words.first().is_some_and(|word| is_title(word)) {
            words.remove(0);
        }
        while words.len() > 1 && words.last().is_some_and(|word| is_suffix(word)) {
            words.pop();
        }
        let own = words.iter().filter(|word| !is_particle(word)).cloned().collect();
        Self { words, own }
    }

    /// Whether it has a given name and a family name, both written out.
    fn is_whole(&self) -> bool {
        let ends = [self.own.first(), self.own.last()];
        self.own.len() > 1 && ends.into_iter().flatten().all(|word| !is_initial(word))
    }

    fn canonical(&self) -> String {
        self.words.join(" ")
    }

    /// Whether this name, which is whole, is another's written out: the same first and last, and all between.
    fn spells_out(&self, other: &Self) -> bool {
        let (Some(ours), Some(theirs)) = (Ends::of(&self.own), Ends::of(&other.own)) else { return false };
        let mut middle = ours.middle.iter();
        self != other
            && same(ours.first, theirs.first)
            && same(ours.last, theirs.last)
            && ours.middle.len() >= theirs.middle.len()
            && theirs.middle.iter().all(|word| middle.any(|it| same(it, word)))
    }

    /// Whether this name, which is whole, may be the one that a single word means.
    fn is_called(&self, word: &str) -> bool {
        [self.own.first(), self.own.last()].into_iter().flatten().any(|it| it == word)
    }
}

/// The outer and the inner words of a name of several.
struct Ends<'n> {
    first: &'n str,
    middle: &'n [String],
    last: &'n str,
}

impl<'n> Ends<'n> {
    fn of(words: &'n [String]) -> Option<Self> {
        let [first, middle @ .., last] = words else { return None };
        Some(Self { first, middle, last })
    }
}

/// Whether our word is the other one, or what the other one is the initial of.
fn same(ours: &str, theirs: &str) -> bool {
    ours == theirs || (is_initial(theirs) && ours.starts_with(theirs))
}

fn is_initial(word: &str) -> bool {
    word.chars().count() == 1
}

fn is_suffix(text: &str) -> bool {
    let word = text.trim().trim_matches('.').to_lowercase();
    SUFFIXES.contains(&word.as_str())
}

/// The people whose whole names stand in a request.
struct People {
    names: Vec<Name>,
}

impl People {
    fn of<'n>(names: impl Iterator<Item = &'n Name>) -> Self {
        let mut seen = HashSet::new();
        let names: Vec<Name> = names.filter(|name| name.is_whole() && seen.insert(*name)).cloned().collect();
        let few = names.len() <= MOST_WHOLE;
        Self { names: if few { names } else { Vec::new() } }
    }

    /// The canonical text of the person that a name means: the only one it fits, or itself.
    fn whole(&self, name: &Name) -> Option<String> {
        if name.own.is_empty() {
            return None;
        }
        let found = match name.own.as_slice() {
            [word] => self.only(|person| person.is_called(word)),
            [title, word] if title == "m" => {
                let initial = self.only(|person| person.spells_out(name));
                initial.or_else(|| self.only(|person| person.is_called(word)))
            }
            _ => self.only(|person| person.spells_out(name)),
        };
        Some(found.map_or_else(|| name.canonical(), Name::canonical))
    }

    /// The one person a test is true of. Two names of which one spells out the other are one person.
    fn only(&self, fits: impl Fn(&Name) -> bool) -> Option<&Name> {
        let fitting: Vec<&Name> = self.names.iter().filter(|person| fits(person)).collect();
        let longest =
            fitting.iter().copied().max_by_key(|person| (person.own.len(), person.canonical().len()))?;
        let all = fitting.iter().all(|person| *person == longest || longest.spells_out(person));
        all.then_some(longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slot::{Kind, Role, Slot};
    use crate::treatment::Mode;

    /// The canonical texts of names that stand in one request.
    fn canonical(names: &[&str]) -> Vec<String> {
        let slot = |name: &&str| Slot::new("/x".into(), Role::User, Kind::Prose, (*name).to_owned());
        let slots: Slots = names.iter().map(slot).collect();
        let value = |name: &&str| {
            vec![Value {
                range: 0..name.len(),
                kind: PERSON.into(),
                canonical: name.to_lowercase(),
                mode: Mode::Token,
            }]
        };
        let mut values: Vec<Vec<Value>> = names.iter().map(value).collect();
        resolve(&slots, &mut values);
        values.into_iter().flatten().map(|value| value.canonical).collect()
    }

    fn all_one(names: &[&str], expect: &str) {
        assert!(canonical(names).iter().all(|it| it == expect), "{names:?}: {:?}", canonical(names));
    }

    #[test]
    fn parts_of_a_name_are_one_person() {
        all_one(
            &[
                "John Smith",
                "Smith",
                "Mr Smith",
                "Mr. Smith",
                "John",
                "SMITH",
                "J. Smith",
                "J Smith",
                "Smith, John",
            ],
            "john smith",
        );
        all_one(&["John Smith's", "Smith’s", "JOHN SMITH'S"], "john smith");
        all_one(&["James", "James Jones", "James'", "Jones'"], "james jones");
        all_one(
            &["John Paul Smith", "John Smith", "John P. Smith", "Smith", "J. P. Smith"],
            "john paul smith",
        );
    }

    #[test]
    fn honorifics_of_other_languages_are_none_of_the_name() {
        all_one(&["Anna Müller", "Frau Müller", "Frau Dr. Müller", "Prof. Dr. Anna Müller"], "anna müller");
        all_one(&["Jean Dupont", "M. Dupont", "Monsieur Dupont"], "jean dupont");
        all_one(&["Marc Dupont", "M. Dupont", "Mme Dupont"], "marc dupont");
        all_one(&["Carmen Ibáñez", "Sra. Ibáñez", "Doña Carmen"], "carmen ibáñez");
        all_one(
            &["Ludwig van Beethoven", "Beethoven", "van Beethoven", "Herr van Beethoven"],
            "ludwig van beethoven",
        );
        all_one(&["Robert Downey Jr.", "Downey", "Robert Downey, Jr."], "robert downey");
    }

    #[test]
    fn what_fits_two_people_belongs_to_neither() {
        assert_eq!(
            canonical(&["John Smith", "Anna Smith", "Smith", "A. Smith", "Anna"]),
            ["john smith", "anna smith", "smith", "anna smith", "anna smith"]
        );
        assert_eq!(
            canonical(&["John Smith", "James Smith", "J. Smith"]),
            ["john smith", "james smith", "j smith"]
        );
        assert_eq!(
            canonical(&["John A. Smith", "John B. Smith", "John Smith"]),
            ["john a smith", "john b smith", "john smith"]
        );
        assert_eq!(canonical(&["Smith", "Jones"]), ["smith", "jones"]);
    }
}
