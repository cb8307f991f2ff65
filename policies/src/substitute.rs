//! Replaces values in the slots of a request, and escapes text that looks like what stands for a value.

use std::ops::Range;

use crate::pseudonym::{Ended, Exhausted, LITERAL, Named, Standing, Step, Vault, encrypt, recognise};
use crate::slot::{Kind, Role, Slot, Slots};
use crate::treatment::{Hidden, Mode};

/// A value to be replaced: where, as what, and how.
pub(crate) struct Value {
    pub(crate) range: Range<usize>,
    pub(crate) kind: String,
    /// One spelling for all spellings of the value.
    pub(crate) canonical: String,
    pub(crate) mode: Mode,
}

/// What is written in place of a stretch of a slot's text.
type Edit = (Range<usize>, String);

/// Bytes of a keyed hash that stands for a value.
const HASH: usize = 16;

/// What the model is told when a policy asks for it.
const HINT: &str = "Text of the form ⟦TYPE_ID⟧ stands for a value that is withheld. Repeat such text exactly as it \
                    is wherever you refer to the value; never change, shorten, explain or invent it.";

/// Replaces the values found in each slot (in order, none overlapping; one entry a slot), and then
/// everything in the slots that reads like one of the exchange's pseudonyms, or is written like any.
pub(crate) fn substitute(
    vault: &mut Vault,
    slots: &mut Slots,
    values: &[Vec<Value>],
) -> Result<(), Exhausted> {
    let surrogates = values.iter().flatten().any(|value| value.mode == Mode::Surrogate);
    let standing = Standing::of(slots.iter().filter(|_| surrogates).map(Slot::text));
    let mut names: Vec<Vec<Edit>> = Vec::with_capacity(values.len());
    for (slot, found) in slots.iter().zip(values) {
        let edit = |value: &Value| Ok((value.range.clone(), written(vault, (slot, &standing), value)?));
        names.push(found.iter().map(edit).collect::<Result<_, _>>()?);
    }
    for (index, edits) in names.iter_mut().enumerate() {
        let looks = slots.get(index).map(|slot| look_alikes(vault, slot.text(), edits)).unwrap_or_default();
        for range in looks {
            let edit = escape(vault, slots, (index, range))?;
            edits.extend(edit);
        }
        edits.sort_by_key(|(range, _)| range.start);
    }
    for (slot, edits) in slots.iter_mut().zip(&names) {
        slot.splice(edits);
    }
    Ok(())
}

/// Tells the model to keep pseudonyms as they are: at the end of the first system message, if any.
pub(crate) fn hint(slots: &mut Slots) {
    let holds_prose = |slot: &&mut Slot| {
        slot.role() == Role::System
            && slot.kind() == Kind::Prose
            && ["/content", "/text", "/instructions"].iter().any(|end| slot.path().ends_with(end))
    };
    let system = slots.iter_mut().find(holds_prose);
    if let Some(slot) = system {
        let text = format!("{}\n\n{HINT}", slot.text());
        slot.set_text(text);
    }
}

/// What is written in place of a value.
fn written(vault: &mut Vault, place: (&Slot, &Standing), value: &Value) -> Result<String, Exhausted> {
    let (slot, standing) = place;
    let spelling = slot.text().get(value.range.clone()).unwrap_or_default();
    stand_in(vault, (value, spelling), (slot.kind(), standing))
}

/// What stands for a spelling of a value in a text of a kind.
pub(crate) fn stand_in(
    vault: &mut Vault,
    (value, spelling): (&Value, &str),
    (kind, standing): (Kind, &Standing),
) -> Result<String, Exhausted> {
    let named = Named { kind: &value.kind, canonical: &value.canonical, spelling };
    let is_name = kind == Kind::Identifier;
    Ok(match value.mode {
        Mode::Surrogate if !is_name => match vault.surrogate(named, standing) {
            Some(text) => text,
            None => bracketed(kind, &vault.name(named, |_| false)?),
        },
        Mode::Surrogate | Mode::Token => bracketed(kind, &vault.name(named, |_| false)?),
        Mode::Encrypt => {
            let text = encrypt(vault.key(), &value.kind, spelling).ok_or(Exhausted)?;
            bracketed(kind, &if is_name { text.replace(':', "_") } else { text })
        }
        Mode::Hash => {
            let between = if is_name { '_' } else { ':' };
            let hash = vault.key().bytes(&["weir value hash v1", &value.kind, &value.canonical]);
            let digits: String = hash.iter().take(HASH).map(|byte| format!("{byte:02x}")).collect();
            format!("{}{between}{digits}", value.kind)
        }
        Mode::Mask(hidden) => masked(spelling, hidden, if is_name { 'x' } else { '*' }),
        // A name must not become empty: the call would break.
        Mode::Drop if is_name => "removed".to_owned(),
        Mode::Drop => String::new(),
    })
}

/// A spelling whose letters and digits are hidden, but for the last few: at most half of them stay.
fn masked(spelling: &str, hidden: Hidden, sign: char) -> String {
    let signs = spelling.chars().filter(|c| c.is_alphanumeric()).count();
    let kept = usize::from(hidden.keep_last).min(signs / 2);
    let mut left = signs - kept;
    let hide = |c: char| {
        if !c.is_alphanumeric() {
            return if sign == 'x' { sign } else { c };
        }
        let shown = left == 0;
        left = left.saturating_sub(1);
        if shown { c } else { sign }
    };
    spelling.chars().map(hide).collect()
}

/// A pseudonym as a text of a kind can hold it: names and ids take no brackets.
fn bracketed(kind: Kind, name: &str) -> String {
    if kind == Kind::Identifier { name.to_owned() } else { format!("⟦{name}⟧") }
}

/// Where a text, outside the edits, reads like a pseudonym of the vault or is written like any.
fn look_alikes(vault: &Vault, text: &str, edits: &[Edit]) -> Vec<Range<usize>> {
    let marked = text.contains('⟦');
    if !marked && vault.is_empty() {
        return Vec::new();
    }
    // A bracket right before a pseudonym would be read as its own, doubled.
    let doubled = |start: usize| {
        Some(start.checked_sub('⟦'.len_utf8())?..start).filter(|range| text.get(range.clone()) == Some("⟦"))
    };
    let mut found: Vec<Range<usize>> = edits.iter().filter_map(|(range, _)| doubled(range.start)).collect();
    let mut at = 0;
    while let Some(offset) = text.get(at..).and_then(|rest| vault.first_begin(rest)) {
        at += offset;
        let (head, rest) = (text.get(..at).unwrap_or_default(), text.get(at..).unwrap_or_default());
        let length = match recognise(vault, head, rest, Ended::Yes) {
            Step::Token(length, ..) => Some(length),
            _ if marked => written_alike(rest),
            _ => None,
        };
        let length = length.unwrap_or(0);
        let edited = |edit: &Edit| edit.0.start < at + length && at < edit.0.end;
        if length > 0 && !edits.iter().any(edited) {
            found.extend(doubled(at).filter(|range| !found.contains(range)));
            found.push(at..at + length);
            at += length;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    found
}

/// The length of text written as pseudonyms are: `⟦`, capitals, digits and underscores, `⟧`.
fn written_alike(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('⟦')?;
    let end = body.find('⟧').filter(|end| (6..=96).contains(end))?;
    let alike = body.get(..end)?.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    alike.then_some(end + 2 * '⟦'.len_utf8())
}

/// A pseudonym for the look-alike at a place, whose id stands nowhere in the request.
fn escape(vault: &mut Vault, slots: &Slots, place: (usize, Range<usize>)) -> Result<Option<Edit>, Exhausted> {
    let (index, range) = place;
    let Some((kind, text)) =
        slots.get(index).and_then(|slot| Some((slot.kind(), slot.text().get(range.clone())?)))
    else {
        return Ok(None);
    };
    let named = Named { kind: LITERAL, canonical: text, spelling: text };
    let taken = |id: &str| slots.iter().any(|slot| slot.text().to_ascii_uppercase().contains(id));
    Ok(Some((range, bracketed(kind, &vault.name(named, taken)?))))
}
