//! Lists: words and patterns of a policy's own, which are types of its own; with a check and words nearby.

use weir_classifiers::{CheckDigit, EntityType, Lexicon, LexiconError, TermGroup};

use crate::document::Value;
use crate::pseudonym::LITERAL;

/// One list.
pub(super) fn read(value: Value<'_>) -> Option<TermGroup> {
    let mut map = value.map()?;
    let words = map.optional("words", |v| v.one_or_more(|v| term(v, Term::Word)));
    let patterns = map.optional("patterns", |v| v.one_or_more(|v| term(v, Term::Pattern)));
    if words.is_none() && patterns.is_none() && map.get("words").is_none() && map.get("patterns").is_none() {
        value.problem("a list needs `words` or `patterns`");
    }
    let check = map.optional("check", |v| v.choice(&CheckDigit::ALL));
    let near = map.or("near", Vec::new(), |v| v.one_or_more(|v| term(v, Term::Near)));
    map.finish();
    Some(TermGroup { words: words.unwrap_or_default(), patterns: patterns.unwrap_or_default(), check, near })
}

enum Term {
    Word,
    Pattern,
    Near,
}

/// A word or pattern, tried on its own so that the report names its line.
fn term(value: Value<'_>, term: Term) -> Option<String> {
    let text = value.text()?;
    let (mut group, own) = (TermGroup::default(), vec![text.clone()]);
    match term {
        Term::Word => group.words = own,
        Term::Pattern => group.patterns = own,
        Term::Near => group.near = own,
    }
    match Lexicon::new(&[group]) {
        Ok(_) => Some(text),
        Err(errors) => {
            for error in errors {
                match error {
                    LexiconError::Word { .. } => value.problem("word is empty or longer than 256 bytes"),
                    LexiconError::Near { .. } => value.problem("word is empty or longer than 32 bytes"),
                    LexiconError::Pattern { reason, .. } => value.problem(format!("pattern {reason}")),
                    LexiconError::TooLarge => value.problem(error.to_string()),
                }
            }
            None
        }
    }
}

/// List names become types of pseudonyms, so they are held to the same form.
pub(super) fn names(value: Value<'_>, lists: &[(String, Option<TermGroup>)]) {
    for (name, _) in lists {
        let letters = name.starts_with(|c: char| c.is_ascii_lowercase());
        let fits = name.len() <= 40
            && !name.ends_with('_')
            && !name.contains("__")
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !letters || !fits {
            value.problem(format!(
                "list name `{name}` must be lower-case letters, digits and single underscores"
            ));
        } else if EntityType::parse(name).is_some() || name.eq_ignore_ascii_case(LITERAL) {
            value.problem(format!("list name `{name}` is taken by a built-in type"));
        }
    }
}
