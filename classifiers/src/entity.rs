//! The types of personal data and secrets that can be found, and what a finding says.

use std::ops::Range;

use crate::identifiers;

/// Writes the enum, its names and the list of all types from one table.
macro_rules! entities {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// A type of personal data, named as Presidio names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum EntityType {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl EntityType {
            /// All types.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The type's name in policies, pseudonyms and records.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

entities! {
    /// A name of a person.
    Person = "PERSON",
    /// A place, street address or postcode.
    Location = "LOCATION",
    /// A company, authority, hospital or other body.
    Organization = "ORGANIZATION",
    /// A date or time that belongs to a person, such as a birth date.
    DateTime = "DATE_TIME",
    /// An age of a person.
    Age = "AGE",
    /// Nationality, religious or political group.
    Nrp = "NRP",
    /// A form of address or academic title.
    Title = "TITLE",
    /// An e-mail address.
    EmailAddress = "EMAIL_ADDRESS",
    /// A telephone number, international or national.
    PhoneNumber = "PHONE_NUMBER",
    /// A web address.
    Url = "URL",
    /// An IPv4 or IPv6 address.
    IpAddress = "IP_ADDRESS",
    /// A hardware address (EUI-48 or EUI-64).
    MacAddress = "MAC_ADDRESS",
    /// A payment card number (ISO/IEC 7812, Luhn check digit).
    CreditCard = "CREDIT_CARD",
    /// An international bank account number (ISO 13616, mod 97).
    IbanCode = "IBAN_CODE",
    /// An address of a crypto-currency wallet.
    Crypto = "CRYPTO",
    /// A business identifier code (ISO 9362).
    Bic = "BIC",
    /// A legal entity identifier (ISO 17442, mod 97).
    Lei = "LEI",
    /// A vehicle identification number (ISO 3779).
    Vin = "VIN",
    /// An identity of a mobile device (3GPP TS 23.003, Luhn check digit).
    Imei = "IMEI",
    /// A name of an account or handle.
    Username = "USERNAME",
    /// A customer's number.
    CustomerId = "CUSTOMER_ID",
    /// An employee's number.
    EmployeeId = "EMPLOYEE_ID",
    /// A medical record number.
    Mrn = "MRN",
    /// An identifier of a person or case whose kind isn't known.
    Id = "ID",
    /// United States social security number.
    UsSsn = "US_SSN",
    /// United States individual taxpayer identification number.
    UsItin = "US_ITIN",
    /// United States passport number.
    UsPassport = "US_PASSPORT",
    /// United States driver's licence number.
    UsDriverLicense = "US_DRIVER_LICENSE",
    /// United States bank account number.
    UsBankNumber = "US_BANK_NUMBER",
    /// United States bank routing number.
    AbaRoutingNumber = "ABA_ROUTING_NUMBER",
    /// United States national provider identifier.
    UsNpi = "US_NPI",
    /// United States Medicare beneficiary identifier.
    UsMbi = "US_MBI",
    /// United States Drug Enforcement Administration number.
    UsDea = "US_DEA",
    /// United Kingdom National Health Service number.
    UkNhs = "UK_NHS",
    /// United Kingdom national insurance number.
    UkNino = "UK_NINO",
    /// United Kingdom passport number.
    UkPassport = "UK_PASSPORT",
    /// German tax identification number.
    DeTaxId = "DE_TAX_ID",
    /// German social security number.
    DeSocialSecurity = "DE_SOCIAL_SECURITY",
    /// German health insurance number.
    DeHealthInsurance = "DE_HEALTH_INSURANCE",
    /// German identity card number.
    DeIdCard = "DE_ID_CARD",
    /// French social security number.
    FrNir = "FR_NIR",
    /// Spanish tax identification number.
    EsNif = "ES_NIF",
    /// Spanish foreigner's identity number.
    EsNie = "ES_NIE",
    /// Italian fiscal code.
    ItFiscalCode = "IT_FISCAL_CODE",
    /// Dutch citizen service number.
    NlBsn = "NL_BSN",
    /// Belgian national number.
    BeNn = "BE_NN",
    /// Polish PESEL.
    PlPesel = "PL_PESEL",
    /// Swedish personal identity number.
    SePersonnummer = "SE_PERSONNUMMER",
    /// Finnish personal identity code.
    FiPersonalIdentityCode = "FI_PERSONAL_IDENTITY_CODE",
    /// Swiss AHV number.
    ChAhv = "CH_AHV",
    /// Indian Aadhaar number.
    InAadhaar = "IN_AADHAAR",
    /// Indian permanent account number.
    InPan = "IN_PAN",
    /// Australian tax file number.
    AuTfn = "AU_TFN",
    /// Australian business number.
    AuAbn = "AU_ABN",
    /// Australian company number.
    AuAcn = "AU_ACN",
    /// Australian Medicare number.
    AuMedicare = "AU_MEDICARE",
    /// Singapore identity card or foreign identification number.
    SgNricFin = "SG_NRIC_FIN",
    /// South Korean resident registration number.
    KrRrn = "KR_RRN",
    /// Canadian social insurance number.
    CaSin = "CA_SIN",
    /// South African identity number.
    ZaIdNumber = "ZA_ID_NUMBER",
    /// Turkish national identity number.
    TrNationalId = "TR_NATIONAL_ID",
    /// Thai national identity number.
    ThTnin = "TH_TNIN",
    /// Brazilian taxpayer number of a person.
    BrCpf = "BR_CPF",
    /// Brazilian taxpayer number of a company.
    BrCnpj = "BR_CNPJ",
    /// An access key of a cloud provider.
    SecretCloudKey = "SECRET_CLOUD_KEY",
    /// A token or API key of a service.
    SecretToken = "SECRET_TOKEN",
    /// A private key.
    SecretPrivateKey = "SECRET_PRIVATE_KEY",
    /// A connection string or address that holds a password.
    SecretConnectionString = "SECRET_CONNECTION_STRING",
    /// A JSON Web Token.
    SecretJwt = "SECRET_JWT",
    /// A password or high-entropy value behind a keyword.
    SecretPassword = "SECRET_PASSWORD",
}

impl EntityType {
    /// The type called `name`, in upper or lower case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|entity| entity.name().eq_ignore_ascii_case(name))
    }

    /// Whether it is a secret of a machine rather than a value of a person.
    pub fn is_secret(self) -> bool {
        self.name().starts_with("SECRET_")
    }

    /// One spelling for all spellings of a value: lower-case e-mail, digits of numbers, compact
    /// upper-case IBAN. Two findings with equal canonical text are the same value.
    pub fn canonical(self, text: &str) -> String {
        identifiers::canonical(self, text)
    }
}

/// A value found in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What it is.
    pub entity: EntityType,
    /// Where it stands, in bytes of the text; always on character boundaries.
    pub range: Range<usize>,
    /// How sure the detector is, from 0 to 1.
    pub score: f32,
}
