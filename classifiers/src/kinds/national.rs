//! Identifiers of the United States and the United Kingdom.

use super::{Kind, words};
use crate::EntityType::{
    UkNhs, UkNino, UkPassport, UsDea, UsDriverLicense, UsItin, UsMbi, UsNpi, UsPassport, UsSsn,
};
use crate::check;

pub(super) const KINDS: &[Kind] = &[
    Kind::shape(UsSsn, "social security number with hyphens", r"\d{3}-\d{2}-\d{4}\b")
        .sum(check::ssn)
        .score(0.5)
        .words(words::SOCIAL)
        .sample("536-90-4399"),
    Kind::shape(UsSsn, "social security number", r"\d{3} \d{2} \d{4}\b|\d{9}\b|\d{3}\.\d{2}\.\d{4}\b")
        .sum(check::ssn)
        .score(0.15)
        .words(words::SOCIAL)
        .sample("SSN 536904399"),
    Kind::shape(UsItin, "taxpayer identification number", r"9\d{2}[- ]?\d{2}[- ]?\d{4}\b")
        .sum(check::itin)
        .score(0.2)
        .words(&["itin", "individual taxpayer", "taxpayer id", "taxpayer identification", "tax id", "tin"])
        .sample("ITIN 912-78-1234"),
    Kind::label(UsPassport, "United States passport", r"[A-Z]?\d{8,9}\b").words(words::PASSPORT).sample("passport number: 483920156"),
    Kind::label(UsDriverLicense, "driver's licence", r"[A-Z]{0,3}[- ]?\d{2,9}(?:[- ]?[A-Z0-9]{1,6}){0,4}\b|[A-Z]{5}[A-Z0-9*]{6,13}\b")
        .must(check::licence)
        .words(words::DRIVER)
        .sample("driver's license: D4820193"),
    Kind::shape(UsNpi, "national provider identifier", r"[12]\d{9}\b")
        .sum(check::npi)
        .score(0.15)
        .words(&["npi", "national provider", "provider id", "provider identifier"])
        .sample("NPI 1234567893"),
    Kind::shape(UsMbi, "Medicare beneficiary identifier", r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}\b")
        .score(0.6)
        .words(&["mbi", "medicare", "beneficiary", "medicare number"])
        .sample("1EG4-TE5-MK73"),
    Kind::shape(UsDea, "Drug Enforcement Administration number", r"[ABCDEFGHJKLMPRSTUX][A-Z9]\d{7}\b")
        .sum(check::dea)
        .score(0.2)
        .words(&["dea", "dea number", "dea registration", "prescriber"])
        .sample("DEA number AB1234563"),
    Kind::shape(UkNhs, "National Health Service number", r"\d{3}[ -]\d{3}[ -]\d{4}\b|\d{10}\b")
        .sum(check::nhs)
        .score(0.2)
        .words(&["nhs", "nhs number", "national health service", "health service number"])
        .sample("NHS number 943 476 5919"),
    Kind::shape(UkNino, "national insurance number", r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b")
        .sum(check::nino)
        .score(0.5)
        .words(&["national insurance", "national insurance number", "ni number", "nino", "insurance number"])
        .sample("AB 12 34 56 C"),
    Kind::label(UkPassport, "United Kingdom passport", r"\d{9}\b|\d{3} \d{3} \d{3}\b")
        .score(0.9)
        .words(&["uk passport", "british passport", "hm passport", "uk passport number", "british passport number"])
        .sample("British passport number 533401372"),
];
