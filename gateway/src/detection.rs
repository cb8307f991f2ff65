//! What the command `detect` and the admin API share: chosen types, and findings as JSON.

use serde::Serialize;
use weir_classifiers::{Detectors, EntityType, Finding, Group, Tier};

/// A finding as users see it. It never holds the text.
#[derive(Debug, PartialEq, Serialize)]
pub struct Entity {
    /// Name of the type.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Where it begins, in Unicode code points.
    start: usize,
    /// Where it ends, exclusive.
    end: usize,
    /// How sure the detector is, in hundredths.
    score: f64,
}

/// A name that is no type or group, or one that no detector finds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownType {
    /// No such name.
    #[error("no type or group is called `{0}`")]
    Name(String),
    /// A type without a detector.
    #[error("no detector finds `{0}`")]
    Undetected(&'static str),
}

/// A name that is no tier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no tier is called `{0}`: rules, fast, accurate")]
pub struct UnknownTier(String);

/// The types that `names` choose; of a group those that a detector finds. No name means all.
///
/// # Errors
/// The first name that chooses nothing.
pub fn types<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Vec<EntityType>, UnknownType> {
    let mut types = Vec::new();
    for name in names {
        match (Group::parse(name), EntityType::parse(name)) {
            (Some(group), _) => types.extend(group.types().into_iter().filter(|it| Detectors::detects(*it))),
            (_, Some(entity)) if Detectors::detects(entity) => types.push(entity),
            (_, Some(entity)) => return Err(UnknownType::Undetected(entity.name())),
            (None, None) => return Err(UnknownType::Name(name.chars().take(40).collect())),
        }
    }
    if types.is_empty() { Ok(Detectors::detectable()) } else { Ok(types) }
}

/// The tiers that `names` choose. No name means rules and the fast tagger.
///
/// # Errors
/// The first name that is no tier.
pub fn tiers<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Vec<Tier>, UnknownTier> {
    let parse = |name: &str| {
        let known = Tier::ALL.iter().find(|(known, _)| *known == name);
        known.map(|(_, tier)| *tier).ok_or_else(|| UnknownTier(name.chars().take(40).collect()))
    };
    let tiers = names.into_iter().map(parse).collect::<Result<Vec<Tier>, UnknownTier>>()?;
    Ok(if tiers.is_empty() { vec![Tier::Rules, Tier::Fast] } else { tiers })
}

/// Findings with their places in code points. `found` is in order.
pub fn entities(text: &str, found: &[Finding]) -> Vec<Entity> {
    let mut at = 0;
    let mut points = 0;
    let mut place = |byte: usize| {
        points += text.get(at..byte).map_or(0, |piece| piece.chars().count());
        at = byte;
        points
    };
    found
        .iter()
        .map(|it| Entity {
            kind: it.entity.name(),
            start: place(it.range.start),
            end: place(it.range.end),
            score: (f64::from(it.score) * 100.0).round() / 100.0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_code_points() {
        let text = "é漢 bob@x.org 😀 amy@x.org";
        let found = Detectors::new(&[EntityType::EmailAddress]).search(text).unwrap();
        let places: Vec<_> = entities(text, &found).iter().map(|it| (it.kind, it.start, it.end)).collect();
        assert_eq!(places, [("EMAIL_ADDRESS", 3, 12), ("EMAIL_ADDRESS", 15, 24)]);
    }

    #[test]
    fn tiers_are_chosen_by_name() {
        assert_eq!(tiers([]), Ok(vec![Tier::Rules, Tier::Fast]));
        assert_eq!(tiers(["accurate"]), Ok(vec![Tier::Accurate]));
        assert_eq!(tiers(["fast", "slow"]), Err(UnknownTier("slow".to_owned())));
    }

    #[test]
    fn types_are_chosen_by_name_and_group() {
        assert_eq!(types(["email_address"]), Ok(vec![EntityType::EmailAddress]));
        assert_eq!(types([]).map(|all| all.len()), Ok(Detectors::detectable().len()));
        assert!(types(["secrets"]).is_ok_and(|all| all.iter().all(|it| it.is_secret()) && all.len() == 6));
        assert_eq!(types(["title"]), Ok(vec![EntityType::Title]));
        assert_eq!(types(["titel"]), Err(UnknownType::Name("titel".to_owned())));
    }
}
