//! National identifiers beyond Europe.

use super::{Kind, words};
use crate::EntityType::{
    AuAbn, AuAcn, AuMedicare, AuTfn, BrCnpj, BrCpf, CaSin, InAadhaar, InPan, KrRrn, SgNricFin, ThTnin,
    TrNationalId, ZaIdNumber,
};
use crate::check;

pub(super) const KINDS: &[Kind] = &[
    Kind::shape(InAadhaar, "Indian Aadhaar number without separators", r"[2-9]\d{11}\b")
        .sum(check::aadhaar)
        .score(0.15)
        .words(&["aadhaar", "aadhar", "uidai", "aadhaar number", "aadhaar card"])
        .sample("Aadhaar 234123412346"),
    Kind::shape(InAadhaar, "Indian Aadhaar number", r"[2-9]\d{3}[ -]\d{4}[ -]\d{4}\b")
        .sum(check::aadhaar)
        .score(0.3)
        .words(&["aadhaar", "aadhar", "uidai", "aadhaar number", "aadhaar card"])
        .sample("2341 2341 2346"),
    Kind::shape(InPan, "Indian permanent account number", r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]\b")
        .score(0.65)
        .words(&["pan", "pan card", "pan number", "permanent account number", "income tax"])
        .sample("ABCPE1234F"),
    Kind::shape(AuTfn, "Australian tax file number", r"\d{3} ?\d{3} ?\d{3}\b")
        .sum(check::tfn)
        .score(0.15)
        .words(&["tfn", "tax file", "tax file number"])
        .sample("TFN 123 456 782"),
    Kind::shape(AuAbn, "Australian business number", r"\d{2} ?\d{3} ?\d{3} ?\d{3}\b")
        .sum(check::abn)
        .score(0.2)
        .words(&["abn", "australian business number", "business number"])
        .sample("ABN 51 824 753 556"),
    Kind::shape(AuAcn, "Australian company number", r"\d{3} ?\d{3} ?\d{3}\b")
        .sum(check::acn)
        .score(0.15)
        .words(&["acn", "australian company number", "company number"])
        .sample("ACN 004 085 616"),
    Kind::shape(AuMedicare, "Australian Medicare number", r"[2-6]\d{3} ?\d{5} ?\d(?:[ /-]?\d)?\b")
        .sum(check::medicare)
        .score(0.15)
        .words(&["medicare", "medicare number", "medicare card"])
        .sample("Medicare 2123 45670 1"),
    Kind::shape(SgNricFin, "Singapore identity number", r"[STFGM]\d{7}[A-Z]\b")
        .sum(check::nric)
        .score(0.5)
        .words(&["nric", "fin", "nric number", "identity card", "singapore"])
        .sample("S1234567D"),
    Kind::shape(KrRrn, "South Korean resident registration number", r"\d{2}[01]\d[0-3]\d-[1-8]\d{6}\b")
        .sum(check::rrn)
        .score(0.5)
        .words(&["rrn", "resident registration", "resident registration number", "주민등록번호"])
        .sample("900101-1234568"),
    Kind::shape(CaSin, "Canadian social insurance number", r"\d{3}[- ]\d{3}[- ]\d{3}\b|\d{9}\b")
        .sum(check::sin)
        .score(0.2)
        .words(&[
            "sin",
            "social insurance",
            "social insurance number",
            "nas",
            "assurance sociale",
            "numéro d'assurance sociale",
        ])
        .sample("SIN 130 692 544"),
    Kind::shape(ZaIdNumber, "South African identity number", r"\d{2}[01]\d[0-3]\d{5}[012]\d{2}\b")
        .sum(check::za)
        .score(0.2)
        .words(&["south african id", "rsa id", "sa id", "identity number", "id number", "id no"])
        .sample("South African ID 8001015009087"),
    Kind::shape(TrNationalId, "Turkish identity number", r"[1-9]\d{10}\b")
        .sum(check::turkish)
        .score(0.25)
        .words(&["tc kimlik", "t.c. kimlik", "kimlik", "kimlik no", "tckn", "turkish id"])
        .sample("TC Kimlik 10000000146"),
    Kind::shape(ThTnin, "Thai identity number", r"[1-8]-\d{4}-\d{5}-\d{2}-\d\b|[1-8]\d{12}\b")
        .sum(check::thai)
        .score(0.2)
        .words(&["thai id", "thai national id", "เลขประจำตัวประชาชน", "บัตรประชาชน", "citizen id"])
        .sample("Thai ID 1-2345-67890-12-1"),
    Kind::shape(BrCpf, "Brazilian CPF with separators", r"\d{3}\.\d{3}\.\d{3}-\d{2}\b")
        .sum(check::cpf)
        .score(0.55)
        .words(&["cpf", "cadastro de pessoas", "número do cpf"])
        .sample("111.444.777-35"),
    Kind::shape(BrCpf, "Brazilian CPF", r"\d{11}\b")
        .sum(check::cpf)
        .score(0.15)
        .words(&["cpf", "cadastro de pessoas", "número do cpf"])
        .sample("CPF 11144477735"),
    Kind::shape(BrCnpj, "Brazilian CNPJ", r"\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}\b")
        .sum(check::cnpj)
        .score(0.4)
        .words(&["cnpj", "cadastro nacional", "pessoa jurídica"])
        .sample("CNPJ 11.222.333/0001-81"),
    Kind::shape(BrCnpj, "Brazilian CNPJ without separators", r"\d{14}\b")
        .sum(check::cnpj)
        .score(0.15)
        .words(&["cnpj", "cadastro nacional", "pessoa jurídica"])
        .sample("CNPJ 11222333000181"),
    Kind::shape(
        InPan,
        "Indian permanent account number in small letters",
        r"[a-z]{3}[abcfghjlpt][a-z]\d{4}[a-z]\b",
    )
    .score(0.2)
    .words(&["pan", "pan card", "permanent account number"])
    .sample("pan card abcpe1234f"),
    Kind::label(crate::EntityType::Id, "identity number of another country", r"[A-Z]{0,3}\d{5,14}[A-Z]?\b")
        .score(0.6)
        .words(words::IDENTITY)
        .sample("national id 9912047745"),
];
