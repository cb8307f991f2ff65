//! National identifiers of the European mainland.

use super::{Kind, words};
use crate::EntityType::{
    BeNn, ChAhv, DeHealthInsurance, DeIdCard, DeSocialSecurity, DeTaxId, EsNie, EsNif,
    FiPersonalIdentityCode, FrNir, ItFiscalCode, NlBsn, PlPesel, SePersonnummer,
};
use crate::check;

pub(super) const KINDS: &[Kind] = &[
    Kind::shape(DeTaxId, "German tax identification number", r"[1-9]\d{10}\b|[1-9]\d \d{3} \d{3} \d{3}\b")
        .sum(check::de_tax)
        .score(0.2)
        .words(words::TAX)
        .sample("Steuer-ID 86 095 742 719"),
    Kind::shape(DeSocialSecurity, "German social security number", r"\d{2} ?[0-3]\d[01]\d\d{2} ?[A-Z] ?\d{3}\b")
        .sum(check::de_social)
        .score(0.45)
        .words(words::SOCIAL)
        .sample("65 180539 W 001"),
    Kind::shape(DeHealthInsurance, "German health insurance number", r"[A-Z]\d{9}\b")
        .sum(check::de_health)
        .score(0.2)
        .words(&["krankenversicherung", "krankenversichertennummer", "kvnr", "krankenkasse", "versichertennummer", "health insurance", "insurance number"])
        .sample("KVNR A123456780"),
    Kind::shape(DeIdCard, "German identity card", r"[CFGHJKL-NPRTV-Z][CFGHJKL-NPRTV-Z0-9]{8}\d?\b")
        .sum(check::de_card)
        .score(0.1)
        .words(&["personalausweis", "personalausweisnummer", "ausweis", "ausweisnummer", "id card", "identity card", "reisepass", "passnummer"])
        .sample("Personalausweis L01X00T471"),
    Kind::shape(FrNir, "French social security number", r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}\b")
        .sum(check::nir)
        .score(0.4)
        .words(words::SOCIAL)
        .sample("2 55 08 14 168 025 38"),
    Kind::shape(EsNif, "Spanish tax identification number", r"\d{8}-?[A-HJ-NP-TV-Z]\b|\d{2}\.\d{3}\.\d{3}-?[A-HJ-NP-TV-Z]\b")
        .sum(check::nif)
        .score(0.4)
        .words(&["dni", "nif", "documento nacional", "documento nacional de identidad", "identificación fiscal"])
        .sample("12345678Z"),
    Kind::shape(EsNie, "Spanish foreigner's number", r"[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]\b")
        .sum(check::nie)
        .score(0.5)
        .words(&["nie", "extranjero", "número de identidad de extranjero", "tarjeta de residencia"])
        .sample("X1234567L"),
    Kind::shape(ItFiscalCode, "Italian fiscal code", r"[A-Za-z]{6}[0-9LMNP-Vlmnp-v]{2}[A-EHLMPR-Ta-ehlmpr-t][0-9LMNP-Vlmnp-v]{2}[A-Za-z][0-9LMNP-Vlmnp-v]{3}[A-Za-z]\b")
        .sum(check::fiscal_code)
        .score(0.6)
        .words(&["codice fiscale", "cod fiscale", "c.f", "cf", "fiscal code"])
        .sample("RSSMRA85T10A562S"),
    Kind::shape(NlBsn, "Dutch citizen service number", r"\d{9}\b|\d{4}[. ]\d{2}[. ]\d{3}\b")
        .sum(check::bsn)
        .score(0.15)
        .words(&["bsn", "burgerservicenummer", "sofinummer", "sofi", "citizen service number", "persoonsnummer"])
        .sample("BSN 111222333"),
    Kind::shape(BeNn, "Belgian national number", r"\d{2}[. ]?[0-1]\d[. ]?[0-3]\d[- ]?\d{3}[. ]?\d{2}\b")
        .sum(check::be_nn)
        .score(0.25)
        .words(&["rijksregisternummer", "rijksregister", "insz", "niss", "numéro national", "registre national", "national number", "numéro de registre national"])
        .sample("rijksregisternummer 85.07.30-033.28"),
    Kind::shape(PlPesel, "Polish PESEL", r"\d{2}[0-9]\d[0-3]\d{6}\b")
        .sum(check::pesel)
        .score(0.25)
        .words(&["pesel", "numer pesel", "nr pesel", "ewidencyjny"])
        .sample("PESEL 44051401359"),
    Kind::shape(SePersonnummer, "Swedish personal identity number", r"(?:19|20)?\d{2}[01]\d[0-9]\d[-+]\d{4}\b")
        .sum(check::personnummer)
        .score(0.4)
        .words(&["personnummer", "personnr", "samordningsnummer", "swedish personal"])
        .sample("811218-9876"),
    Kind::shape(SePersonnummer, "Swedish personal identity number without hyphen", r"(?:19|20)?\d{2}[01]\d[0-9]\d{5}\b")
        .sum(check::personnummer)
        .score(0.15)
        .words(&["personnummer", "personnr", "samordningsnummer", "swedish personal"])
        .sample("personnummer 198112189876"),
    Kind::shape(FiPersonalIdentityCode, "Finnish personal identity code", r"[0-3]\d[01]\d{3}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]\b")
        .sum(check::finnish)
        .score(0.5)
        .words(&["henkilötunnus", "hetu", "personbeteckning", "finnish personal"])
        .sample("131052-308T"),
    Kind::shape(ChAhv, "Swiss AHV number", r"756\.?\d{4}\.?\d{4}\.?\d{2}\b")
        .sum(check::ahv)
        .score(0.5)
        .words(&["ahv", "ahv-nummer", "avs", "numéro avs", "sozialversicherungsnummer", "navs", "avs number"])
        .sample("756.9217.0769.85"),
];
