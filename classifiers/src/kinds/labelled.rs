//! Values that only a label or a key tells: account names, numbers of customers, employees and patients,
//! dates of birth, ages, and addresses of houses.

use super::Kind;
use crate::EntityType::{Age, CustomerId, DateTime, EmployeeId, Id, Location, Mrn, Username};
use crate::check;

const NUMBER: &str = r"[A-Za-z]{0,5}[-_/]?\d[A-Za-z0-9]{1,19}(?:[-_/.][A-Za-z0-9]{1,10}){0,3}\b";
const DATE: &str = r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\s?\d{1,2}[-/.]\s?\d{2,4}|\d{1,2}(?:st|nd|rd|th|\.|er|º)?(?: de| of)? ?[A-Za-z\x80-\xff]{3,12}\.?,?(?: de| of)? ?\d{4}|[A-Z][a-z]{2,8}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4}|\d{8})\b";

pub(super) const KINDS: &[Kind] = &[
    Kind::label(DateTime, "date of birth", DATE)
        .must(check::date)
        .score(0.9)
        .words(&[
            "date of birth", "birth date", "birthdate", "dob", "d.o.b", "born", "born on", "birthday", "geburtsdatum",
            "geboren am", "geboren", "geb", "date de naissance", "né le", "née le", "fecha de nacimiento", "nacido el",
            "nacida el", "data di nascita", "nato il", "nata il", "geboortedatum", "geboren op", "data urodzenia",
            "urodzony", "urodzona", "data de nascimento", "nascido em", "nascida em",
        ])
        .sample("date of birth: 1984-03-17"),
    Kind::label(Age, "age behind a label", r"(?:1[01]\d|[1-9]?\d)\b(?: ?(?:years?(?: old)?|yrs?|y/?o|jahre(?: alt)?|ans|años|anni|jaar|lat|anos)\b)?")
        .score(0.75)
        .words(&["age", "aged", "alter", "âge", "edad", "età", "leeftijd", "wiek", "idade", "patient age"])
        .sample("age: 47"),
    Kind::shape(Age, "age in years", r"(?:1[01]\d|[1-9]?\d)[- ]?(?:years?[- ]old|y/o|yo|jahre alt|jährige[rn]?|ans|años|anni|jaar oud|lat|anos)\b")
        .score(0.45)
        .words(&[
            "he", "she", "patient", "man", "woman", "boy", "girl", "i'm", "i am", "is", "was", "aged", "er", "sie", "ist",
            "il", "elle", "tiene", "ha", "ma", "tem", "paciente", "mother", "father", "son", "daughter",
        ])
        .sample("she is 47 years old"),
    Kind::label(Username, "account name", r"@?[A-Za-z][A-Za-z0-9._-]{2,39}\b")
        .must(check::handle)
        .score(0.7)
        .words(&[
            "username", "user name", "login name", "login id", "user id", "userid", "screen name", "account name",
            "handle", "benutzername", "nutzername", "nom d'utilisateur", "nombre de usuario", "nome utente",
            "gebruikersnaam", "nazwa użytkownika", "nome de usuário", "nome de utilizador",
        ])
        .sample("username: nightowl_84"),
    Kind::label(CustomerId, "customer number", NUMBER)
        .words(&[
            "customer id", "customer number", "customer no", "client id", "client number", "member id", "member number",
            "membership number", "policy number", "subscriber id", "cust id", "kundennummer", "kunden-nr", "kundennr",
            "mitgliedsnummer", "versicherungsnummer", "numéro client", "numéro de client", "número de cliente",
            "id de cliente", "codice cliente", "klantnummer", "numer klienta", "número do cliente", "loyalty number",
        ])
        .sample("customer_id: C-104772"),
    Kind::label(EmployeeId, "employee number", NUMBER)
        .words(&[
            "employee id", "employee number", "employee no", "staff id", "staff number", "badge number", "personnel number",
            "emp id", "worker id", "payroll number", "personalnummer", "mitarbeiternummer", "personal-nr", "matricule",
            "numéro d'employé", "número de empleado", "id de empleado", "matricola", "personeelsnummer",
            "numer pracownika", "número do funcionário",
        ])
        .sample("employee id: E48213"),
    Kind::label(Mrn, "medical record number", NUMBER)
        .words(&[
            "mrn", "medical record number", "medical record", "patient id", "patient number", "hospital number", "chart number",
            "patientennummer", "patienten-id", "fallnummer", "numéro de dossier", "numéro patient", "número de historia clínica",
            "historia clínica", "nhc", "cartella clinica", "patiëntnummer", "numer pacjenta", "número do paciente", "prontuário",
        ])
        .sample("MRN: 00482913"),
    Kind::label(Id, "number of an identity document or case", NUMBER)
        .score(0.6)
        .words(&[
            "identity number", "id number", "document number", "case number", "file number", "registration number",
            "aktenzeichen", "vorgangsnummer", "ausweisnummer", "numéro d'identité", "número de documento",
            "número de expediente", "numero di documento", "documentnummer", "numer dokumentu", "número do documento",
            "national id", "license plate", "licence plate", "kennzeichen",
        ])
        .sample("case number: 2024-XR-7741"),
    Kind::shape(Location, "street address, number first", r"\d{1,5}[A-Za-z]?,? (?:[NSEW]\.? )?(?:(?:[A-Z][A-Za-z'.-]{1,20}|\d{1,3}(?:st|nd|rd|th)) ){1,4}(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Terrace|Way|Parkway|Pkwy|Circle|Highway|Hwy|Close|Crescent|Gardens|Grove|Row)\b\.?(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Flat|#)\.? ?[A-Za-z0-9-]{1,6}\b)?(?:,? [A-Z][A-Za-z]+(?: [A-Z][A-Za-z]+){0,2},? [A-Z]{2} \d{5}(?:-\d{4})?\b)?")
        .score(0.8)
        .sample("221 Baker Street"),
    Kind::shape(Location, "French street address", r"\d{1,4}(?: ?(?:bis|ter))?,? (?i:rue|avenue|boulevard|allée|chemin|place|impasse|quai|route)(?: (?:de|du|des|la|le|les|l'|d'))* ?[A-Z\x80-\xff][A-Za-z\x80-\xff'-]{1,25}(?: [A-Z\x80-\xff][A-Za-z\x80-\xff'-]{1,25}){0,3}")
        .score(0.75)
        .sample("12 rue de Rivoli"),
    Kind::shape(Location, "United Kingdom postcode", r"(?:[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}|GIR 0AA)\b")
        .score(0.65)
        .words(&["postcode", "post code", "address", "london"])
        .sample("SW1A 1AA"),
    Kind::shape(Location, "United States state and ZIP code", r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]) \d{5}(?:-\d{4})?\b")
        .score(0.55)
        .words(&["zip", "zip code", "address", "city", "street"])
        .sample("CA 94103-1234"),
    Kind::shape(Location, "Netherlands postcode", r"[1-9]\d{3} ?[A-Z]{2}\b")
        .score(0.3)
        .words(&["postcode", "adres", "straat", "amsterdam", "rotterdam", "utrecht"])
        .sample("postcode 1012 AB"),
    Kind::shape(Location, "Canadian postcode", r"[ABCEGHJ-NPRSTVXY]\d[A-Z][ -]\d[A-Z]\d\b")
        .score(0.7)
        .sample("K1A 0B1"),
    Kind::label(Location, "postcode behind a label", r"(?:[A-Z]{1,2}-)?\d{4,5}(?:-\d{3,4})?\b")
        .score(0.7)
        .words(&[
            "zip", "zip code", "zipcode", "postcode", "postal code", "plz", "postleitzahl", "code postal", "código postal",
            "codice postale", "cap", "postcode nl", "kod pocztowy", "cep",
        ])
        .sample("PLZ: 10117"),
    Kind::label(Location, "street behind a label", r"[^\n\r\x22;|<>]{3,60}")
        .must(check::street)
        .score(0.7)
        .words(&[
            "street address", "home address", "street", "mailing address", "shipping address", "billing address", "anschrift",
            "wohnanschrift", "straße", "strasse", "domicile", "domicilio", "dirección", "indirizzo", "adres", "endereço",
        ])
        .sample("address_street: \"Hauptstrasse 12\""),
];
