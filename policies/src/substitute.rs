//! Puts pseudonyms into the slots of a request, and escapes text that looks like one.

use std::ops::Range;

use crate::pseudonym::{Ended, Exhausted, LITERAL, Named, Step, Vault, recognise};
use crate::slot::{Kind, Role, Slot, Slots};

/// A value to be replaced: where, and as what.
pub(crate) struct Value {
    pub(crate) range: Range<usize>,
    pub(crate) kind: String,
    /// One spelling for all spellings of the value.
    pub(crate) canonical: String,
}

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
    let mut names: Vec<Vec<(Range<usize>, String)>> = Vec::with_capacity(values.len());
    for (slot, found) in slots.iter().zip(values) {
        names.push(found.iter().map(|value| name(vault, slot, value)).collect::<Result<_, _>>()?);
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
        apply(slot, edits);
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

fn name(vault: &mut Vault, slot: &Slot, value: &Value) -> Result<(Range<usize>, String), Exhausted> {
    let spelling = slot.text().get(value.range.clone()).unwrap_or_default();
    let named = Named { kind: &value.kind, canonical: &value.canonical, spelling };
    Ok((value.range.clone(), vault.name(named, |_| false)?))
}

/// Where a text, outside the edits, reads like a pseudonym of the vault or is written like any.
fn look_alikes(vault: &Vault, text: &str, edits: &[(Range<usize>, String)]) -> Vec<Range<usize>> {
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
        let edited = |edit: &(Range<usize>, String)| edit.0.start < at + length && at < edit.0.end;
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
fn escape(
    vault: &mut Vault,
    slots: &Slots,
    place: (usize, Range<usize>),
) -> Result<Option<(Range<usize>, String)>, Exhausted> {
    let (index, range) = place;
    let Some(text) = slots.get(index).and_then(|slot| slot.text().get(range.clone())) else {
        return Ok(None);
    };
    let named = Named { kind: LITERAL, canonical: text, spelling: text };
    let taken = |id: &str| slots.iter().any(|slot| slot.text().to_ascii_uppercase().contains(id));
    Ok(Some((range, vault.name(named, taken)?)))
}

fn apply(slot: &mut Slot, edits: &[(Range<usize>, String)]) {
    if edits.is_empty() {
        return;
    }
    // Brackets are not allowed in names and ids; there the bare pseudonym must do.
    let (open, close) = if slot.kind() == Kind::Identifier { ("", "") } else { ("⟦", "⟧") };
    let mut text = String::with_capacity(slot.text().len() + edits.len() * 16);
    let mut from = 0;
    for (range, name) in edits {
        text.push_str(slot.text().get(from..range.start).unwrap_or_default());
        text.push_str(open);
        text.push_str(name);
        text.push_str(close);
        from = range.end;
    }
    text.push_str(slot.text().get(from..).unwrap_or_default());
    slot.set_text(text);
}
