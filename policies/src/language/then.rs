//! What a rule does with what it finds: the word or the mapping after `then`.

use crate::Action;
use crate::document::{Map, Spot, Value, nearest};
use crate::treatment::{Hidden, Mode, Treatment};

/// What the caller is told when a rule that blocks has no message of its own.
const BLOCKED: &str = "The request was blocked by policy.";
/// Modes by the action that they belong to.
const RESTORED: [&str; 2] = ["token", "surrogate"];
const FINAL: [&str; 4] = ["mask", "hash", "encrypt", "drop"];
/// Most signs a mask may leave: those that are printed on receipts.
const MOST_KEPT: u8 = 8;

/// A rule's action, and all that it needs.
pub(super) struct Then {
    pub(super) action: Action,
    pub(super) treatment: Treatment,
    pub(super) message: String,
    /// Where it is demanded that values are kept.
    pub(super) demand: Option<Spot>,
}

/// Reads what a rule does. `kinds` are the names of what it finds.
pub(super) fn read(value: Value<'_>, kinds: &[String]) -> Option<Then> {
    if value.is_map() {
        return mapping(value, kinds);
    }
    let action = value.choice(&[
        ("block", Action::Block),
        ("redact", Action::Redact),
        ("pseudonymise", Action::Pseudonymise),
        ("flag", Action::Flag),
    ])?;
    let treatment = Treatment::all(default_mode(action));
    Some(Then { action, treatment, message: BLOCKED.to_owned(), demand: None })
}

fn default_mode(action: Action) -> Mode {
    if action == Action::Redact { Mode::MASK } else { Mode::Token }
}

/// One key, which is the action.
fn mapping(value: Value<'_>, kinds: &[String]) -> Option<Then> {
    let mut map = value.map()?;
    let block = map.get("block");
    let redact = map.get("redact");
    let pseudonymise = map.get("pseudonymise");
    map.finish();
    let plain = |action, treatment| Then { action, treatment, message: BLOCKED.to_owned(), demand: None };
    let replacing = |action, how| {
        let (treatment, demand) = treatment(how, (action, kinds))?;
        Some(Then { demand, ..plain(action, treatment) })
    };
    match (block, redact, pseudonymise) {
        (Some(message), None, None) => {
            let message = message.text()?;
            Some(Then { message, ..plain(Action::Block, Treatment::all(Mode::Token)) })
        }
        (None, Some(how), None) => replacing(Action::Redact, how),
        (None, None, Some(how)) => replacing(Action::Pseudonymise, how),
        _ => value.expected("one action: block, redact or pseudonymise"),
    }
}

/// `{mode: …, keep_last: …, types: {…}, vault: …}`; and where the vault is demanded.
fn treatment(value: Value<'_>, rule: (Action, &[String])) -> Option<(Treatment, Option<Spot>)> {
    let (action, kinds) = rule;
    let mut map = value.map()?;
    let mode = mode(&mut map, action);
    let by_type = map.or("types", Vec::new(), |v| types(v, rule));
    let demand = map.or("vault", None, |v| vault(v, action));
    map.finish();
    for (kind, _) in by_type.iter().filter(|(kind, _)| !kinds.contains(kind)) {
        let name = kind.to_lowercase();
        value.problem(format!("`{name}` has a mode of its own, and the rule doesn't find it"));
    }
    Some((Treatment { mode: mode?, by_type }, demand))
}

/// Whether calls must not leave before their values are kept: where that is demanded.
fn vault(value: Value<'_>, action: Action) -> Option<Option<Spot>> {
    let is_required = value.choice(&[("required", true), ("optional", false)])?;
    if action == Action::Redact {
        value.problem("what is redacted is not kept; `vault` belongs to pseudonymise");
        return None;
    }
    Some(is_required.then(|| value.spot().clone()))
}

/// A mode for each of some types: a word, or a mapping like the rule's own.
fn types(value: Value<'_>, rule: (Action, &[String])) -> Option<Vec<(String, Mode)>> {
    let (action, _) = rule;
    let read = value.entries(|v| {
        if v.is_map() {
            let mut map = v.map()?;
            let mode = mode(&mut map, action);
            map.finish();
            return mode;
        }
        word(v, action)
    })?;
    Some(read.into_iter().map(|(name, mode)| (name.to_ascii_uppercase(), mode)).collect())
}

/// `mode` and what belongs to it.
fn mode(map: &mut Map<'_>, action: Action) -> Option<Mode> {
    let mode = match map.get("mode") {
        Some(value) => word(value, action)?,
        None => default_mode(action),
    };
    let keep_last = map.get("keep_last");
    match (mode, keep_last) {
        (Mode::Mask(_), Some(value)) => {
            let keep_last = value.integer(0..=MOST_KEPT)?;
            Some(Mode::Mask(Hidden { keep_last }))
        }
        (_, Some(value)) => {
            value.problem("`keep_last` belongs to the mode mask");
            None
        }
        (mode, None) => Some(mode),
    }
}

/// The word of a mode that belongs to the action.
fn word(value: Value<'_>, action: Action) -> Option<Mode> {
    let word = value.scalar().unwrap_or_default();
    let mode = match word {
        "token" => Some(Mode::Token),
        "surrogate" => Some(Mode::Surrogate),
        "mask" => Some(Mode::MASK),
        "hash" => Some(Mode::Hash),
        "encrypt" => Some(Mode::Encrypt),
        "drop" => Some(Mode::Drop),
        _ => None,
    };
    let (own, other): (&[&str], _) =
        if action == Action::Redact { (&FINAL, Action::Pseudonymise) } else { (&RESTORED, Action::Redact) };
    match mode {
        Some(mode) if mode.is_restored() == (action == Action::Pseudonymise) => Some(mode),
        Some(mode) => {
            let restored = if mode.is_restored() { "is" } else { "isn't" };
            let (word, other) = (mode.name(), other.name());
            value.problem(format!(
                "what the mode {word} replaces {restored} restored; write `{other}` for it"
            ));
            None
        }
        None => {
            let message = format!("expected one of {}", own.join(", "));
            value.problem_suggesting(message, nearest(word, own.iter().copied()));
            None
        }
    }
}
