//! Legal holds: which stand, told from the log's `hold` records alone. Placing and lifting take two people.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use uuid::Uuid;

use crate::error::AuditError;
use crate::event::Hold;
use crate::read::of_kind;
use crate::record::{Kind, Record};
use crate::text::Text;

/// All holds of a log, as far as its records have been applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    holds: BTreeMap<Uuid, Standing>,
}

/// One hold and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Tenant it covers; empty for all.
    pub tenant: Text,
    /// Subject it covers; all of the tenant's without one.
    pub subject_ref: Option<Text>,
    /// How far it has come.
    pub stage: Stage,
    /// Who acted last.
    pub actor: Text,
    /// The last reason given.
    pub reason: Text,
}

/// How far a hold has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// One person asked for it. It holds nothing yet.
    Asked,
    /// A second person placed it.
    Placed,
    /// One person asked to lift it. It still holds.
    LiftAsked,
    /// A second person lifted it.
    Lifted,
}

impl Holds {
    /// The holds that all lanes of the log in `dir` tell of.
    ///
    /// # Errors
    /// As [`crate::read::Tail::next`]; [`AuditError::Corrupt`] for a hold's record that can't be read.
    pub fn read(dir: &Path) -> Result<Self, AuditError> {
        let mut lanes: Vec<_> = of_kind(dir, Kind::Hold)?.into_iter().map(VecDeque::from).collect();
        let mut holds = Self::default();
        // By time among the lanes, but within a lane in its own order, whatever its clock did.
        loop {
            let earliest = lanes.iter_mut().filter(|lane| !lane.is_empty());
            let earliest = earliest.min_by_key(|lane| lane.front().map(|record| record.time));
            let Some(record) = earliest.and_then(VecDeque::pop_front) else { return Ok(holds) };
            holds.apply(&record);
        }
    }

    /// Takes note of one record; of any that isn't a hold's, or that [`Holds::check`] refuses, nothing changes.
    pub fn apply(&mut self, record: &Record) {
        let Some(hold) = record.hold.as_ref().filter(|_| record.kind == Kind::Hold) else { return };
        // The tenant is spelled in the envelope.
        let hold = Hold { tenant: record.tenant.clone(), ..hold.clone() };
        if let Ok(standing) = self.step(&hold) {
            self.holds.insert(hold.hold, standing);
        }
    }

    /// Whether a step may be taken now; ask this before the step is appended to the log.
    ///
    /// # Errors
    /// [`AuditError::HoldRefused`] with the reason.
    pub fn check(&self, hold: &Hold) -> Result<(), AuditError> {
        self.step(hold).map(drop).map_err(|reason| AuditError::HoldRefused { reason })
    }

    /// A hold in force that covers a subject, or anything of the tenant if none is given.
    pub fn covering(&self, tenant: &str, subject_ref: Option<&str>) -> Option<Uuid> {
        let covers = |it: &Standing| {
            let in_tenant = it.tenant == *"" || it.tenant == *tenant;
            let of_subject = match (&it.subject_ref, subject_ref) {
                (Some(held), Some(wanted)) => *held == *wanted,
                _ => true,
            };
            it.is_in_force() && in_tenant && of_subject
        };
        self.holds.iter().find(|(_, it)| covers(it)).map(|(id, _)| *id)
    }

    /// One hold.
    pub fn get(&self, id: Uuid) -> Option<&Standing> {
        self.holds.get(&id)
    }

    /// All holds, lifted ones too.
    pub fn iter(&self) -> impl Iterator<Item = (Uuid, &Standing)> {
        self.holds.iter().map(|(id, standing)| (*id, standing))
    }

    fn step(&self, hold: &Hold) -> Result<Standing, &'static str> {
        let before = self.holds.get(&hold.hold);
        if hold.actor == *"" {
            return Err("it names nobody who acts");
        }
        let stage = match (hold.action.as_str(), before.map(|it| it.stage)) {
            ("ask", None) => Stage::Asked,
            ("place", Some(Stage::Asked)) => Stage::Placed,
            ("ask-lift", Some(Stage::Placed)) => Stage::LiftAsked,
            ("lift", Some(Stage::LiftAsked)) => Stage::Lifted,
            ("ask", Some(_)) => return Err("a hold with this id was asked for before"),
            ("place", _) => return Err("only a hold that was asked for can be placed"),
            ("ask-lift", _) => return Err("only a placed hold can be asked to be lifted"),
            ("lift", _) => return Err("only a hold that was asked to be lifted can be lifted"),
            _ => return Err("the action is none of ask, place, ask-lift, lift"),
        };
        let needs_second = matches!(stage, Stage::Placed | Stage::Lifted);
        if needs_second && before.is_some_and(|it| it.actor == hold.actor) {
            return Err("it takes a second person");
        }
        let (tenant, subject_ref) = (hold.tenant.clone(), hold.subject_ref.clone());
        if before.is_some_and(|it| it.tenant != tenant || it.subject_ref != subject_ref) {
            return Err("it covers something else than what was asked for");
        }
        Ok(Standing { tenant, subject_ref, stage, actor: hold.actor.clone(), reason: hold.reason.clone() })
    }
}

impl Standing {
    /// Whether it stops erasure and pruning.
    pub fn is_in_force(&self) -> bool {
        matches!(self.stage, Stage::Placed | Stage::LiftAsked)
    }
}

#[cfg(test)]
impl Holds {
    /// One hold in force over a whole tenant.
    pub(crate) fn placed_for_test(tenant: &'static str) -> Self {
        let standing = Standing {
            tenant: tenant.into(),
            subject_ref: None,
            stage: Stage::Placed,
            actor: "bob".into(),
            reason: Text::default(),
        };
        Self { holds: BTreeMap::from([(Uuid::from_u128(1), standing)]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(action: &'static str, actor: &'static str, subject: Option<&'static str>) -> Hold {
        Hold {
            action: action.into(),
            actor: actor.into(),
            hold: Uuid::from_u128(1),
            subject_ref: subject.map(Text::from),
            tenant: "acme".into(),
            ..Hold::default()
        }
    }

    /// Takes steps that must be allowed; the holds after them.
    fn after(steps: &[Hold]) -> Holds {
        let mut holds = Holds::default();
        for step in steps {
            let standing = holds.step(step).unwrap();
            holds.holds.insert(step.hold, standing);
        }
        holds
    }

    #[test]
    fn each_step_needs_the_one_before_and_a_second_person() {
        let path = [("ask", "ann"), ("place", "bob"), ("ask-lift", "bob"), ("lift", "ann")]
            .map(|(a, b)| hold(a, b, None));
        let check = |taken: usize, action, actor, fine: bool| {
            let holds = after(&path[..taken]);
            assert_eq!(holds.check(&hold(action, actor, None)).is_ok(), fine, "{taken} {action} {actor}");
        };
        check(0, "ask", "ann", true);
        check(0, "ask", "", false);
        check(0, "place", "ann", false);
        check(0, "lift", "ann", false);
        check(0, "keep", "ann", false);
        check(1, "place", "ann", false);
        check(1, "place", "bob", true);
        check(1, "ask-lift", "bob", false);
        check(2, "place", "cid", false);
        check(2, "lift", "ann", false);
        check(2, "ask-lift", "ann", true);
        check(3, "lift", "bob", false);
        check(3, "lift", "cid", true);
        check(4, "ask", "ann", false);
        let narrowed = hold("place", "bob", Some("ref"));
        assert!(after(&path[..1]).check(&narrowed).is_err(), "placed over something else");
        let in_force: Vec<bool> =
            (0..=4).map(|taken| after(&path[..taken]).covering("acme", None).is_some()).collect();
        assert_eq!(in_force, [false, false, true, true, false]);
    }

    #[test]
    fn a_hold_covers_its_subject_or_the_whole_tenant() {
        let check = |held: Option<&'static str>, tenant, subject, covered: bool| {
            let holds = after(&[hold("ask", "ann", held), hold("place", "bob", held)]);
            assert_eq!(holds.covering(tenant, subject).is_some(), covered, "{held:?} {tenant} {subject:?}");
        };
        check(None, "acme", Some("r1"), true);
        check(None, "acme", None, true);
        check(None, "other", Some("r1"), false);
        check(Some("r1"), "acme", Some("r1"), true);
        check(Some("r1"), "acme", Some("r2"), false);
        // What has no known subject may be the held one's.
        check(Some("r1"), "acme", None, true);
        check(Some("r1"), "other", Some("r1"), false);
    }
}
