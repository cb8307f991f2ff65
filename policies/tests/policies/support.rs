//! Policies, passes and texts for the tests.

use std::sync::Arc;
use std::time::SystemTime;

use weir_policies::{
    Caller, Channel, Control, Delta, Findings, Kind, LexicalScreen, Outcome, Part, Pass, PersonalData,
    PolicySet, PseudonymKey, Role, Slot, Slots, Verdict,
};

/// What most tests look for.
pub const FIND: &str = "find: [email_address, phone_number, credit_card, iban_code]";

pub fn parse(rules: &str) -> Result<Arc<PolicySet>, String> {
    let text = format!("weir: v1\npolicy: p\nowner: o\n{rules}");
    let lines = |problems: Vec<weir_policies::document::Problem>| {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    PolicySet::parse(&[("p.yaml".to_owned(), text)]).map(Arc::new).map_err(lines)
}

pub fn set(rules: &str) -> Arc<PolicySet> {
    parse(rules).unwrap_or_else(|problems| panic!("{problems}"))
}

/// One rule on requests for all that [`FIND`] names.
pub fn rule(then: &str) -> Arc<PolicySet> {
    set(&format!("rules:\n  - id: r\n    on: request\n    {FIND}\n    then: {then}\n"))
}

pub fn key() -> PseudonymKey {
    PseudonymKey::from_bytes([1; 32])
}

pub fn caller(tenant: &str) -> Caller {
    Caller { tenant: tenant.to_owned(), ..Caller::default() }
}

pub fn personal(set: &Arc<PolicySet>) -> Box<dyn Pass> {
    PersonalData::from(set, &key()).begin(&caller("acme"))
}

pub fn lexical(set: &Arc<PolicySet>) -> Box<dyn Pass> {
    LexicalScreen::from(set, &key()).unwrap().begin(&caller("acme"))
}

pub fn baseline() -> Arc<PolicySet> {
    Arc::new(PolicySet::baseline().unwrap())
}

pub fn slots(texts: &[&str]) -> Slots {
    let slot = |text: &&str| Slot::new("/x".to_owned(), Role::User, Kind::Prose, (*text).to_owned());
    texts.iter().map(slot).collect()
}

pub fn texts(slots: &Slots) -> Vec<String> {
    slots.iter().map(|slot| slot.text().to_owned()).collect()
}

/// What is sent of one text.
pub fn send(pass: &mut dyn Pass, kind: Kind, text: &str) -> String {
    let slot = Slot::new("/x".to_owned(), Role::User, kind, text.to_owned());
    let mut slots: Slots = std::iter::once(slot).collect();
    pass.request(&mut slots).unwrap();
    slots.iter().map(|slot| slot.text().to_owned()).collect()
}

/// What the caller reads when `text` arrives on one channel, cut at `cuts`; nothing after a refusal.
pub fn reply(pass: &mut dyn Pass, text: &str, cuts: &[usize]) -> (String, Verdict) {
    reply_as(Kind::Prose, pass, text, cuts)
}

/// As [`reply`], for another kind of text.
pub fn reply_as(kind: Kind, pass: &mut dyn Pass, text: &str, cuts: &[usize]) -> (String, Verdict) {
    let mut ends: Vec<usize> =
        cuts.iter().map(|cut| text.floor_char_boundary(cut % (text.len() + 1))).collect();
    ends.extend([0, text.len()]);
    ends.sort_unstable();
    let mut out = String::new();
    let mut verdict = Verdict::Allow;
    for (index, pair) in ends.windows(2).enumerate() {
        let last = index + 2 == ends.len();
        let channel = Channel { choice: 0, part: Part::Text };
        let mut delta = Delta { channel, kind, text: text[pair[0]..pair[1]].to_owned(), last };
        verdict = pass.reply(&mut delta).unwrap().max(verdict);
        if matches!(verdict, Verdict::Deny(_)) {
            return (out, verdict);
        }
        out.push_str(&delta.text);
    }
    (out, verdict)
}

/// As [`reply_as`], what is read alone.
pub fn back(pass: &mut dyn Pass, kind: Kind, text: &str, cuts: &[usize]) -> String {
    reply_as(kind, pass, text, cuts).0
}

pub fn end(pass: Box<dyn Pass>) -> Findings {
    pass.end(&Outcome::bare(SystemTime::UNIX_EPOCH))
}
