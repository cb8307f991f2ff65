//! Numbers of accounts, banks, companies, vehicles and devices.

use super::{Kind, words};
use crate::EntityType::{AbaRoutingNumber, Bic, Imei, Lei, UsBankNumber, Vin};
use crate::check;

pub(super) const KINDS: &[Kind] = &[
    Kind::label(Bic, "business identifier code", r"[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?\b")
        .must(check::bic)
        .score(0.9)
        .words(&[
            "bic",
            "swift",
            "swift code",
            "swift-bic",
            "bic code",
            "swift bic",
            "bic/swift",
            "code bic",
            "código swift",
            "codice bic",
            "kod swift",
            "kod bic",
        ])
        .sample("BIC: DEUTDEFF500"),
    Kind::shape(Lei, "legal entity identifier", r"[0-9A-Z]{18}\d{2}\b")
        .sum(check::lei)
        .score(0.25)
        .words(&["lei", "legal entity identifier", "legal entity"])
        .sample("LEI 529900T8BM49AURSDO55"),
    Kind::shape(Vin, "vehicle identification number", r"[A-HJ-NPR-Z0-9]{17}\b")
        .sum(check::vin)
        .score(0.25)
        .words(&[
            "vin",
            "vehicle identification number",
            "vehicle",
            "chassis",
            "chassis number",
            "fahrgestellnummer",
            "fahrzeug-identifizierungsnummer",
            "fin",
            "numéro de châssis",
            "bastidor",
            "número de bastidor",
            "telaio",
            "numero di telaio",
            "chassisnummer",
            "numer vin",
            "chassi",
        ])
        .sample("VIN 1M8GDM9AXKP042788"),
    Kind::shape(Imei, "mobile device identity", r"\d{2}[- ]?\d{6}[- ]?\d{6}[- ]?\d\b")
        .sum(check::luhn)
        .score(0.15)
        .words(&["imei", "imei number", "imeisv", "device id", "handset"])
        .sample("IMEI 490154203237518"),
    Kind::shape(AbaRoutingNumber, "United States bank routing number", r"\d{9}\b|\d{4}-\d{4}-\d\b")
        .sum(check::aba)
        .score(0.15)
        .words(&["aba", "routing", "routing number", "routing no", "aba number", "rtn", "transit number"])
        .sample("routing number 021000021"),
    Kind::label(UsBankNumber, "bank account number", r"\d{4,17}(?:[ -]\d{2,10}){0,4}\b")
        .must(check::account)
        .score(0.7)
        .words(words::BANK)
        .sample("bank account 9457813605512"),
];
