//! Names for several types at once, for policies and commands.

use crate::EntityType;

/// A named group of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Every type that is no secret.
    PersonalData,
    /// Passwords, keys and tokens.
    Secrets,
    /// Cards, accounts, banks and wallets.
    Financial,
    /// Numbers that a state gives to people and companies.
    NationalIds,
    /// How to reach somebody.
    Contact,
    /// Addresses of machines.
    Network,
    /// Numbers of patients and of those who treat them.
    Health,
    /// Numbers that a company or authority gives to its customers, staff and files.
    InternalIds,
}

impl Group {
    /// All groups.
    pub const ALL: [Self; 8] = [
        Self::PersonalData,
        Self::Secrets,
        Self::Financial,
        Self::NationalIds,
        Self::Contact,
        Self::Network,
        Self::Health,
        Self::InternalIds,
    ];

    /// The group's name in policies and commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::PersonalData => "personal_data",
            Self::Secrets => "secrets",
            Self::Financial => "financial",
            Self::NationalIds => "national_ids",
            Self::Contact => "contact",
            Self::Network => "network",
            Self::Health => "health",
            Self::InternalIds => "internal_ids",
        }
    }

    /// The group called `name`, in upper or lower case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name().eq_ignore_ascii_case(name))
    }

    /// The types of the group, whether or not a detector for them runs.
    pub fn types(self) -> Vec<EntityType> {
        EntityType::ALL.iter().copied().filter(|entity| self.holds(*entity)).collect()
    }

    fn holds(self, entity: EntityType) -> bool {
        use EntityType::{
            AbaRoutingNumber, AuMedicare, Bic, BrCnpj, CreditCard, Crypto, CustomerId, DeHealthInsurance,
            EmailAddress, EmployeeId, IbanCode, Id, IpAddress, Lei, Location, MacAddress, Mrn, PhoneNumber,
            UkNhs, Url, UsBankNumber, UsDea, UsMbi, UsNpi, UsSsn, Username,
        };
        match self {
            Self::PersonalData => !entity.is_secret(),
            Self::Secrets => entity.is_secret(),
            Self::Financial => {
                matches!(entity, CreditCard | IbanCode | Crypto | Bic | Lei | UsBankNumber | AbaRoutingNumber)
            }
            Self::NationalIds => {
                (UsSsn..=BrCnpj).contains(&entity) && !matches!(entity, UsBankNumber | AbaRoutingNumber)
            }
            Self::Contact => matches!(entity, EmailAddress | PhoneNumber | Location | Username),
            Self::Network => matches!(entity, IpAddress | MacAddress | Url),
            Self::Health => {
                matches!(entity, Mrn | UsNpi | UsMbi | UsDea | UkNhs | DeHealthInsurance | AuMedicare)
            }
            Self::InternalIds => matches!(entity, CustomerId | EmployeeId | Mrn | Username | Id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_known_by_name_and_none_is_empty() {
        for group in Group::ALL {
            assert_eq!(Group::parse(&group.name().to_uppercase()), Some(group));
            assert!(!group.types().is_empty());
            assert!(EntityType::parse(group.name()).is_none(), "a group must not be named as a type");
        }
        assert_eq!(Group::parse("person"), None);
    }
}
