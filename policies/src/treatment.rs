//! What becomes of a value that is replaced, and for which callers.

use crate::Caller;

/// How a value is replaced. Ordered by how little is left of it: of several modes the greater wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    /// By another value of the same kind; restored in the reply.
    Surrogate,
    /// By a pseudonym `⟦TYPE_ID⟧`; restored in the reply.
    Token,
    /// By its ciphertext, which only an authorised person opens; not restored.
    Encrypt,
    /// By its keyed hash; not restored.
    Hash,
    /// By signs that say nothing, of which the last may stay; not restored.
    Mask(Hidden),
    /// By nothing; not restored.
    Drop,
}

/// How much a mask hides: the fewer signs stay, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hidden {
    pub(crate) keep_last: u8,
}

impl Ord for Hidden {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.keep_last.cmp(&self.keep_last)
    }
}

impl PartialOrd for Hidden {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Mode {
    /// A mask that leaves nothing.
    pub(crate) const MASK: Self = Self::Mask(Hidden { keep_last: 0 });

    /// The mode's name in policy files and records.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Surrogate => "surrogate",
            Self::Token => "token",
            Self::Encrypt => "encrypt",
            Self::Hash => "hash",
            Self::Mask(_) => "mask",
            Self::Drop => "drop",
        }
    }

    /// Whether the reply gets the value back.
    pub(crate) fn is_restored(self) -> bool {
        matches!(self, Self::Surrogate | Self::Token)
    }
}

/// How the values that a rule finds are replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Treatment {
    /// Mode of every type that has none of its own.
    pub(crate) mode: Mode,
    /// Types with a mode of their own, by the names that pseudonyms have.
    pub(crate) by_type: Vec<(String, Mode)>,
}

impl Treatment {
    /// All types by one mode.
    pub(crate) fn all(mode: Mode) -> Self {
        Self { mode, by_type: Vec::new() }
    }

    /// The mode of a type.
    pub(crate) fn of(&self, kind: &str) -> Mode {
        let own = self.by_type.iter().find(|(name, _)| name == kind);
        own.map_or(self.mode, |(_, mode)| *mode)
    }
}

/// For whom a rule is: every list that isn't empty must hold the caller's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Audience {
    pub(crate) tenants: Vec<String>,
    pub(crate) teams: Vec<String>,
    pub(crate) apps: Vec<String>,
    pub(crate) roles: Vec<String>,
}

impl Audience {
    /// Whether it is for all callers.
    pub(crate) fn is_everyone(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a caller belongs to it. A caller without a team is in no list of teams.
    pub(crate) fn includes(&self, caller: &Caller) -> bool {
        let among = |list: &[String], own: Option<&str>| {
            list.is_empty() || own.is_some_and(|own| list.iter().any(|it| it == own))
        };
        among(&self.tenants, Some(&caller.tenant))
            && among(&self.teams, caller.team.as_deref())
            && among(&self.apps, caller.app.as_deref())
            && (self.roles.is_empty() || caller.roles.iter().any(|role| self.roles.contains(role)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_that_leaves_less_wins() {
        let keep = |keep_last| Mode::Mask(Hidden { keep_last });
        let order = [
            Mode::Surrogate,
            Mode::Token,
            Mode::Encrypt,
            Mode::Hash,
            keep(4),
            keep(2),
            Mode::MASK,
            Mode::Drop,
        ];
        assert!(order.is_sorted_by(|a, b| a < b), "{order:?}");
    }

    #[test]
    fn an_audience_asks_for_every_list() {
        let list = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let caller = Caller {
            tenant: "acme".into(),
            team: Some("retail".into()),
            roles: list(&["clerk", "lead"]),
            ..Caller::default()
        };
        let audience = |tenants: &[&str], teams: &[&str], apps: &[&str], roles: &[&str]| Audience {
            tenants: list(tenants),
            teams: list(teams),
            apps: list(apps),
            roles: list(roles),
        };
        for (wanted, included) in [
            (audience(&[], &[], &[], &[]), true),
            (audience(&["acme", "beta"], &[], &[], &[]), true),
            (audience(&["beta"], &[], &[], &[]), false),
            (audience(&["acme"], &["retail"], &[], &["lead"]), true),
            (audience(&["acme"], &["retail"], &[], &["boss"]), false),
            (audience(&[], &["private"], &[], &[]), false),
            (audience(&[], &[], &["chat"], &[]), false),
        ] {
            assert_eq!(wanted.includes(&caller), included, "{wanted:?}");
        }
    }
}
