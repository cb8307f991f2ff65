//! Which value stands behind which pseudonym, for one exchange.

use std::collections::HashMap;

use super::key::ALPHABET;
use super::stand_in::{StandIns, Standing};
use super::{LITERAL, TenantKey};
use crate::{Caller, Pair};

/// Signs of an id at first, and by how many it grows when it is taken.
const SHORTEST: usize = 8;
const STEP: usize = 4;

/// The pseudonyms of one exchange. No `Debug`: it holds the values.
pub(crate) struct Vault {
    key: TenantKey,
    entries: Vec<Entry>,
    spellings: HashMap<(String, String), usize>,
    ids: HashMap<String, usize>,
    kinds: Vec<String>,
    stand_ins: StandIns,
    /// Bytes that a pseudonym of these types can begin with, in any form.
    begins: [bool; 256],
}

/// One pseudonym and the text it stands for.
pub(crate) struct Entry {
    kind: usize,
    id: String,
    value: String,
    /// Whether this exchange has it, and not only an earlier one.
    is_used: bool,
}

/// No id is left that is not taken; with 160 bits this is an attack or a fault, not chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

/// A value to stand in for: its type, the one spelling of all its spellings, and this spelling.
#[derive(Clone, Copy)]
pub(crate) struct Named<'v> {
    pub(crate) kind: &'v str,
    pub(crate) canonical: &'v str,
    pub(crate) spelling: &'v str,
}

impl Vault {
    pub(crate) fn new(key: TenantKey) -> Self {
        let mut begins = [false; 256];
        // The first bytes of ⟦ 〚 【 and of their escapes.
        for byte in [0xe2, 0xe3, b'[', b'\\', b'%', b'&'] {
            mark(&mut begins, byte);
        }
        Self {
            key,
            entries: Vec::new(),
            spellings: HashMap::new(),
            ids: HashMap::new(),
            kinds: Vec::new(),
            stand_ins: StandIns::default(),
            begins,
        }
    }

    /// The pseudonyms of an exchange of a caller. Dates are shifted alike for one subject or conversation.
    pub(crate) fn of(key: TenantKey, caller: &Caller) -> Self {
        let salt = caller.subject.as_deref().or(caller.conversation.as_deref()).unwrap_or_default();
        Self { stand_ins: StandIns::new(salt), ..Self::new(key) }
    }

    /// Takes in a pseudonym of an earlier exchange, which a reply may name.
    pub(crate) fn recall(&mut self, pair: &Pair) {
        let Pair { kind, name, value } = pair;
        let id = name.strip_prefix(kind.as_str()).and_then(|rest| rest.strip_prefix('_'));
        let id = id.filter(|id| id.len() >= SHORTEST && id.chars().all(|sign| ALPHABET.contains(&sign)));
        match id {
            Some(id) if self.is_free(id) => {
                let index = self.add(Named { kind, canonical: value, spelling: value }, id);
                self.entries.get_mut(index).into_iter().for_each(|entry| entry.is_used = false);
            }
            Some(_) => {}
            None => {
                self.stand_ins.recall(pair);
                self.mark_stand_in();
            }
        }
    }

    /// How many pseudonyms and surrogates there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() + self.stand_ins.len()
    }

    /// The pseudonyms that this exchange has, but for those of text that only looks like one.
    pub(crate) fn pairs(&self) -> Vec<Pair> {
        let own = self.entries.iter().filter(|entry| entry.is_used);
        let pair = |entry: &Entry| {
            let kind = self.kinds.get(entry.kind).filter(|kind| *kind != LITERAL)?;
            let (kind, name) = (kind.clone(), format!("{kind}_{}", entry.id));
            Some(Pair { kind, name, value: entry.value.clone() })
        };
        own.filter_map(pair).chain(self.stand_ins.pairs()).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.stand_ins.is_empty()
    }

    /// The tenant's key.
    pub(crate) fn key(&self) -> &TenantKey {
        &self.key
    }

    /// The surrogate of a value; none where it has none, and a pseudonym must do.
    pub(crate) fn surrogate(&mut self, value: Named<'_>, standing: &Standing) -> Option<String> {
        let text = self.stand_ins.of(&self.key, value, standing)?;
        self.mark_stand_in();
        Some(text)
    }

    pub(super) fn stand_ins(&self) -> &StandIns {
        &self.stand_ins
    }

    fn mark_stand_in(&mut self) {
        let Some(first) = self.stand_ins.last_begin() else { return };
        let mut bytes = [0; 4];
        for c in first.to_lowercase().chain(first.to_uppercase()) {
            if let Some(byte) = c.encode_utf8(&mut bytes).bytes().next() {
                mark(&mut self.begins, byte);
            }
        }
    }

    /// The pseudonym of a value: `KIND_ID`, without brackets. The first spelling of a value has the
    /// value's own id; further spellings have longer ids with the same beginning, so that each is
    /// restored exactly and the model still sees that they are one.
    pub(crate) fn name(
        &mut self,
        value: Named<'_>,
        avoid: impl Fn(&str) -> bool,
    ) -> Result<String, Exhausted> {
        let spelled = (value.kind.to_owned(), value.spelling.to_owned());
        if let Some(entry) = self.spellings.get(&spelled).and_then(|index| self.entries.get_mut(*index)) {
            entry.is_used = true;
            return Ok(format!("{}_{}", value.kind, entry.id));
        }
        let own = self.key.id(value.kind, value.canonical);
        let id = match own.get(..SHORTEST).filter(|id| self.is_free(id) && !avoid(id)) {
            Some(id) => id.to_owned(),
            None => self.longer(&own, value, avoid)?,
        };
        self.add(value, &id);
        Ok(format!("{}_{id}", value.kind))
    }

    /// Adds an entry; its index.
    fn add(&mut self, value: Named<'_>, id: &str) -> usize {
        let kind = self.kind(value.kind);
        let index = self.entries.len();
        self.ids.insert(id.to_owned(), index);
        self.spellings.insert((value.kind.to_owned(), value.spelling.to_owned()), index);
        self.entries.push(Entry { kind, id: id.to_owned(), value: value.spelling.to_owned(), is_used: true });
        index
    }

    /// Whether a spelling of a type already has a pseudonym.
    pub(crate) fn knows(&self, kind: &str, spelling: &str) -> bool {
        self.spellings.contains_key(&(kind.to_owned(), spelling.to_owned()))
    }

    /// The types in use, in order of appearance.
    pub(crate) fn kinds(&self) -> &[String] {
        &self.kinds
    }

    /// The value behind an id (upper case) of the type with index `kind`.
    pub(crate) fn value(&self, kind: usize, id: &str) -> Option<&str> {
        let entry = self.ids.get(id).and_then(|index| self.entries.get(*index))?;
        (entry.kind == kind).then_some(entry.value.as_str())
    }

    /// Whether an id of the type with index `kind` begins with `start` (upper case).
    pub(crate) fn may_continue(&self, kind: usize, start: &str) -> bool {
        self.entries.iter().any(|entry| entry.kind == kind && entry.id.starts_with(start))
    }

    /// Where in `text` the first byte stands that a pseudonym can begin with.
    pub(crate) fn first_begin(&self, text: &str) -> Option<usize> {
        text.bytes().position(|byte| self.begins.get(usize::from(byte)).copied().unwrap_or(true))
    }

    fn is_free(&self, id: &str) -> bool {
        !self.ids.contains_key(id)
    }

    fn longer(&self, own: &str, value: Named<'_>, avoid: impl Fn(&str) -> bool) -> Result<String, Exhausted> {
        let spelled = self.key.id(value.kind, &format!("{} {}", value.canonical, value.spelling));
        let root = own.get(..SHORTEST).ok_or(Exhausted)?;
        (STEP..=spelled.len())
            .step_by(STEP)
            .filter_map(|length| spelled.get(..length))
            .map(|more| format!("{root}{more}"))
            .find(|id| self.is_free(id) && !avoid(id))
            .ok_or(Exhausted)
    }

    fn kind(&mut self, kind: &str) -> usize {
        match self.kinds.iter().position(|known| known == kind) {
            Some(index) => index,
            None => {
                if let Some(first) = kind.bytes().next() {
                    mark(&mut self.begins, first.to_ascii_lowercase());
                    mark(&mut self.begins, first.to_ascii_uppercase());
                }
                self.kinds.push(kind.to_owned());
                self.kinds.len() - 1
            }
        }
    }
}

fn mark(table: &mut [bool; 256], byte: u8) {
    if let Some(place) = table.get_mut(usize::from(byte)) {
        *place = true;
    }
}
