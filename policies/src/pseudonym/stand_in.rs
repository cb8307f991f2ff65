//! The surrogates of one exchange, and how they are recognised in what a model writes.
//!
//! As with pseudonyms, what is said of a place depends on the text from there on and on nothing that has not been
//! read, so that the cutting of a stream cannot change it.

use std::collections::HashMap;

use super::spelling::{self, Dress, Sign};
use super::surrogate::{self, Ask, Made, Style, Words};
use super::token::{Dressed, Ended, Step, touches_word};
use super::vault::Named;
use super::{TenantKey, Vault};
use crate::Pair;

/// Most surrogates of a value that are tried before it gets a pseudonym instead.
const ATTEMPTS: u32 = 12;
/// Most signs that may stand between two signs of a number.
const BETWEEN: usize = 2;

/// The surrogates of one exchange. No `Debug`: it holds the values.
#[derive(Default)]
pub(super) struct StandIns {
    entries: Vec<StandIn>,
    spelled: HashMap<(String, String), usize>,
    /// By what is left of a surrogate without case and separators: the value it stands for.
    meant: HashMap<String, String>,
    words: Words,
    salt: String,
}

struct StandIn {
    kind: String,
    canonical: String,
    text: String,
    signs: Vec<char>,
    style: Style,
    value: String,
    /// Whether this exchange has it, and not only an earlier one.
    is_used: bool,
}

/// What a surrogate may not be, since it stands in the request: all its text in lower case, and the letters and
/// digits of it.
pub(crate) struct Standing {
    folded: String,
    squeezed: String,
}

impl Standing {
    pub(crate) fn of<'t>(texts: impl Iterator<Item = &'t str>) -> Self {
        let (mut folded, mut squeezed) = (String::new(), String::new());
        for text in texts {
            let lower = text.to_lowercase();
            squeezed.extend(lower.chars().filter(|c| c.is_alphanumeric()));
            folded.push_str(&lower);
            folded.push('\n');
            squeezed.push('\n');
        }
        Self { folded, squeezed }
    }

    fn holds(&self, text: &str, style: Style) -> bool {
        match style {
            Style::Spaced => self.squeezed.contains(&squeeze(text)),
            _ => self.folded.contains(&text.to_lowercase()),
        }
    }
}

impl StandIns {
    /// With what dates are shifted by.
    pub(super) fn new(salt: &str) -> Self {
        Self { salt: salt.to_owned(), ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The surrogate of a value; none where its kind or form has none, or none that could be told from the request's
    /// own text or from another's.
    pub(super) fn of(&mut self, key: &TenantKey, value: Named<'_>, standing: &Standing) -> Option<String> {
        let spelled = (value.kind.to_owned(), value.spelling.to_owned());
        if let Some(known) = self.spelled.get(&spelled).and_then(|index| self.entries.get_mut(*index)) {
            known.is_used = true;
            return Some(known.text.clone());
        }
        let made = if value.kind == "PERSON" {
            let is_taken = |word: &str| standing.holds(word, Style::Exact);
            let made = self.words.name(key, (value.canonical, value.spelling), &is_taken);
            made.filter(|made| self.is_free(made, value, standing))?
        } else {
            self.find(key, value, standing)?
        };
        let text = made.text.clone();
        self.add(value, made);
        Some(text)
    }

    /// Takes in a surrogate of an earlier exchange.
    pub(super) fn recall(&mut self, pair: &Pair) {
        let Pair { kind, name, value } = pair;
        if !self.meant.contains_key(&squeeze(name)) {
            let made = Made { text: name.clone(), style: surrogate::style(kind, name) };
            self.add(Named { kind, canonical: value, spelling: value }, made);
            self.entries.last_mut().into_iter().for_each(|entry| entry.is_used = false);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The surrogates that this exchange has.
    pub(super) fn pairs(&self) -> impl Iterator<Item = Pair> + '_ {
        self.entries.iter().filter(|entry| entry.is_used).map(|entry| Pair {
            kind: entry.kind.clone(),
            name: entry.text.clone(),
            value: entry.value.clone(),
        })
    }

    /// What surrogates can begin with.
    pub(super) fn last_begin(&self) -> Option<char> {
        self.entries.last().and_then(|entry| entry.signs.first()).copied()
    }

    fn add(&mut self, value: Named<'_>, made: Made) {
        self.meant.insert(squeeze(&made.text), value.canonical.to_owned());
        self.spelled.insert((value.kind.to_owned(), value.spelling.to_owned()), self.entries.len());
        self.entries.push(StandIn {
            is_used: true,
            kind: value.kind.to_owned(),
            canonical: value.canonical.to_owned(),
            signs: made.text.chars().collect(),
            text: made.text,
            style: made.style,
            value: value.spelling.to_owned(),
        });
    }

    fn find(&self, key: &TenantKey, value: Named<'_>, standing: &Standing) -> Option<Made> {
        let same = |entry: &&StandIn| entry.kind == value.kind && entry.canonical == value.canonical;
        let nth = self.entries.iter().filter(same).count();
        let Named { kind, canonical, spelling } = value;
        (0..ATTEMPTS)
            .map_while(|attempt| {
                surrogate::make(key, Ask { kind, canonical, spelling, nth, attempt, salt: &self.salt })
            })
            .find(|made| self.is_free(made, value, standing))
    }

    fn is_free(&self, made: &Made, value: Named<'_>, standing: &Standing) -> bool {
        let another = self.meant.get(&squeeze(&made.text)).is_some_and(|meant| meant != value.canonical);
        let twice = self.entries.iter().any(|entry| entry.text == made.text);
        !another && !twice && !standing.holds(&made.text, made.style)
    }
}

/// Says whether a surrogate stands at the beginning of `rest`; of several the longest, then the one written exactly
/// so. `before` is what stands before it.
pub(super) fn recognise<'v>(vault: &'v Vault, before: &str, rest: &str, ended: Ended) -> Step<'v> {
    let stand_ins = vault.stand_ins();
    if stand_ins.is_empty() || (rest.starts_with(is_word) && touches_word(before)) {
        return Step::No;
    }
    let mut best: Option<(usize, bool, &StandIn, Dress)> = None;
    let mut undecided = false;
    for entry in &stand_ins.entries {
        let joins = entry.style == Style::Address && before.ends_with(['.', '-', '+', '%']);
        let read = if joins { Read::No } else { entry.read(rest, ended) };
        match read {
            Read::No => {}
            Read::More => undecided = true,
            Read::Whole(length, exact, dress) => {
                if best.is_none_or(|(longest, was_exact, ..)| (length, exact) > (longest, was_exact)) {
                    best = Some((length, exact, entry, dress));
                }
            }
        }
    }
    match best {
        _ if undecided => Step::More,
        Some((length, _, entry, dress)) => Step::Token(length, &entry.value, Dressed::in_place_of(dress)),
        None => Step::No,
    }
}

/// What was read of one surrogate.
enum Read {
    No,
    /// The text ends before that can be said.
    More,
    /// So many bytes, whether it is written exactly so, and its dress.
    Whole(usize, bool, Dress),
}

impl StandIn {
    fn read(&self, rest: &str, ended: Ended) -> Read {
        let (mut at, mut exact, mut dress) = (0, true, Dress::Plain);
        for (index, wanted) in self.signs.iter().enumerate() {
            let mut skipped = 0;
            loop {
                let Some((c, length, worn)) = sign(rest, at, ended) else {
                    return if ended == Ended::No { Read::More } else { Read::No };
                };
                if self.fits(c, *wanted) {
                    exact &= c == *wanted;
                    dress = if dress == Dress::Plain { worn } else { dress };
                    at += length;
                    break;
                }
                let spaced = self.style == Style::Spaced && index > 0;
                // A separator of ours that the model left out.
                if spaced && is_separator(*wanted) && (c.is_alphanumeric() || is_separator(c)) {
                    exact = false;
                    break;
                }
                if !(spaced && is_separator(c) && skipped < BETWEEN) {
                    return Read::No;
                }
                (skipped, exact, at) = (skipped + 1, false, at + length);
            }
        }
        self.end(rest, at, ended).map_or_else(|read| read, |()| Read::Whole(at, exact, dress))
    }

    fn fits(&self, c: char, wanted: char) -> bool {
        match self.style {
            Style::Exact => c == wanted,
            _ => c == wanted || c.to_lowercase().eq(wanted.to_lowercase()),
        }
    }

    /// Whether the surrogate ends where it was read to.
    fn end(&self, rest: &str, at: usize, ended: Ended) -> Result<(), Read> {
        let mut after = rest.get(at..).unwrap_or_default().chars();
        let Some(next) = after.next() else {
            return if ended == Ended::No { Err(Read::More) } else { Ok(()) };
        };
        if is_word(next) {
            return Err(Read::No);
        }
        // More of an address may follow, which is another one then.
        if self.style == Style::Address && matches!(next, '.' | '-' | '@') {
            return match after.next() {
                None if ended == Ended::No => Err(Read::More),
                Some(c) if is_word(c) => Err(Read::No),
                _ => Ok(()),
            };
        }
        Ok(())
    }
}

/// The sign that stands at a place, in any dress.
fn sign(rest: &str, at: usize, ended: Ended) -> Option<(char, usize, Dress)> {
    let rest = rest.get(at..).unwrap_or_default();
    match spelling::read(rest) {
        Sign::Is(c, length, dress) => Some((c, length, dress)),
        Sign::Unfinished if ended == Ended::No => None,
        Sign::Unfinished => rest.chars().next().map(|c| (c, c.len_utf8(), Dress::Plain)),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}' | '\u{202f}' | '\u{2011}')
}

fn squeeze(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a wrong offset should fail the test")]
mod tests {
    use super::*;
    use crate::Kind;
    use crate::PseudonymKey;
    use crate::pseudonym::Restorer;

    /// Surrogates of names, given as whole name and spelling, and what comes back of a text made of them.
    fn names(spellings: &[(&str, &str)]) -> (Vec<String>, String) {
        let mut vault = Vault::new(PseudonymKey::from_bytes([5; 32]).tenant("t"));
        let standing = Standing::of(spellings.iter().map(|(_, spelling)| *spelling));
        let made: Vec<String> = spellings
            .iter()
            .map(|(canonical, spelling)| {
                let named = Named { kind: "PERSON", canonical, spelling };
                vault.surrogate(named, &standing).unwrap_or_else(|| panic!("{spelling} has no surrogate"))
            })
            .collect();
        let mut text = made.join("; ");
        Restorer::default().push(&vault, &mut text, (Kind::Prose, Ended::Yes));
        (made, text)
    }

    #[test]
    fn parts_of_a_name_stay_together_and_each_spelling_comes_back() {
        let spellings = [
            ("john smith", "John Smith"),
            ("john smith", "Smith"),
            ("john smith", "Mr. Smith"),
            ("john smith", "John"),
            ("john smith", "SMITH"),
            ("john smith", "J. Smith"),
            ("john smith", "john smith"),
            ("anna smith", "Anna Smith"),
        ];
        let (made, back) = names(&spellings);
        let (given, family) = made[0].split_once(' ').unwrap();
        assert_eq!(made[1], family);
        assert_eq!(made[2], format!("Mr. {family}"));
        assert_eq!(made[3], given);
        assert_eq!(made[4], family.to_uppercase());
        assert_eq!(made[5], format!("{}. {family}", &given[..1]));
        assert!(made[7].ends_with(family) && !made[7].starts_with(given));
        assert!(!made.concat().to_lowercase().contains("smith"));
        assert_eq!(back, spellings.map(|(_, spelling)| spelling).join("; "));
    }

    #[test]
    fn names_of_a_language_become_names_of_it_and_particles_stay() {
        let (made, back) =
            names(&[("jürgen von müller", "Jürgen von Müller"), ("jean-luc picardé", "Jean-Luc Picardé")]);
        assert!(made[0].contains(" von ") && made[1].split_once(' ').unwrap().0.contains('-'), "{made:?}");
        assert_eq!(back, "Jürgen von Müller; Jean-Luc Picardé");
        let mut vault = Vault::new(PseudonymKey::from_bytes([5; 32]).tenant("t"));
        let named = Named { kind: "PERSON", canonical: "анна", spelling: "Анна" };
        assert_eq!(vault.surrogate(named, &Standing::of(std::iter::empty())), None);
    }

    #[test]
    fn surrogates_of_other_types_are_made_and_come_back() {
        let standing = Standing::of(std::iter::empty());
        for (kind, spelling, looks) in [
            ("LOCATION", "12 High Street, Leeds", ", "),
            ("LOCATION", "Leeds", ""),
            ("ORGANIZATION", "Acme Ltd", " "),
            ("IP_ADDRESS", "10.1.2.3", "."),
            ("IP_ADDRESS", "fe80::1", "2001:db8:"),
            ("MAC_ADDRESS", "aa-bb-cc-dd-ee-ff", "00-00-5e-00-53-"),
            ("URL", "http://intra.acme.test/x", "http://example."),
            ("USERNAME", "@ada", "@"),
            ("DATE_TIME", "1984-03-12", "-"),
            ("DATE_TIME", "12 March 1984", " "),
            ("DATE_TIME", "March 12, 1984", ", "),
            ("DATE_TIME", "3/13/1984", "/"),
            ("DATE_TIME", "12.03.1984", "."),
        ] {
            let mut vault = Vault::new(PseudonymKey::from_bytes([5; 32]).tenant("t"));
            let named = Named { kind, canonical: &spelling.to_lowercase(), spelling };
            let made = vault.surrogate(named, &standing).unwrap_or_else(|| panic!("{spelling}"));
            assert!(made.contains(looks) && made != spelling, "{spelling} → {made}");
            let mut text = format!("({made})");
            Restorer::default().push(&vault, &mut text, (Kind::Prose, Ended::Yes));
            assert_eq!(text, format!("({spelling})"));
        }
        let mut vault = Vault::new(PseudonymKey::from_bytes([5; 32]).tenant("t"));
        for (kind, spelling) in
            [("AGE", "47"), ("SECRET_TOKEN", "sk-123"), ("LOCATION", "LS1 4AP"), ("DATE_TIME", "yesterday")]
        {
            assert_eq!(
                vault.surrogate(Named { kind, canonical: spelling, spelling }, &standing),
                None,
                "{spelling}"
            );
        }
    }
}
