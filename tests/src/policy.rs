//! Policy files that several scenarios share.

/// Personal data leaves as pseudonyms and comes back.
pub const PERSONAL: &str = "\
weir: v1
policy: personal-data
owner: tests
rules:
  - id: pseudonymise
    on: request
    find: [email_address, phone_number, credit_card, iban_code]
    then: pseudonymise
";

/// One word that no request and no reply may hold.
pub const NO_BLUEBIRD: &str = "\
weir: v1
policy: house
owner: tests
lists:
  secret_projects:
    words: [bluebird]
rules:
  - id: no-bluebird
    on: [request, reply]
    find: secret_projects
    then: {block: \"Leave that project out.\"}
";
