//! Text in, findings out: identifiers, names, secrets, harm, bias.
