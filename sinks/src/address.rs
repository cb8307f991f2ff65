//! Where a receiver is: an `https` address, or `http` where plaintext is allowed; never with credentials in it.

use std::fmt;

use http::Uri;

use crate::settings::Plaintext;

/// A checked address. `Debug` shows host and port only: a path or a query may hold a token.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    uri: Uri,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
}

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    Tls,
    /// Plaintext to this machine only.
    Loopback,
    /// Plaintext to anywhere.
    None,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it, without repeating it.
    pub(crate) fn parse(text: &str, plaintext: Plaintext) -> Result<Self, &'static str> {
        let uri: Uri = text.parse().map_err(|_| "is no address: write https://host/path")?;
        let authority = uri.authority().ok_or("has no host: write https://host/path")?;
        if authority.as_str().contains('@') {
            return Err("holds credentials: give them as a header or secret of their own");
        }
        let (security, own_port) = match (uri.scheme_str(), plaintext) {
            (Some("https"), _) => (Security::Tls, 443),
            (Some("http"), Plaintext::Loopback) => (Security::Loopback, 80),
            (Some("http"), Plaintext::Anywhere) => (Security::None, 80),
            _ => return Err("is neither https nor http"),
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err("has no host: write https://host/path");
        }
        let port = authority.port_u16().unwrap_or(own_port);
        Ok(Self { host, port, security, uri })
    }

    /// The value of the `Host` header.
    pub(crate) fn authority(&self) -> &str {
        self.uri.authority().map_or("", |it| it.as_str())
    }

    /// Path and query.
    pub(crate) fn target(&self) -> &str {
        self.uri.path_and_query().map_or("/", |it| it.as_str())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({}:{})", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        let check = |text: &str, plaintext: Plaintext, expect: Result<(&str, u16, Security), ()>| {
            let parsed = Address::parse(text, plaintext);
            let parts = parsed.as_ref().map(|it| (it.host.as_str(), it.port, it.security)).map_err(|_| ());
            assert_eq!(parts, expect, "{text}");
        };
        use Plaintext::{Anywhere, Loopback};
        check("https://siem.example/in?t=1", Loopback, Ok(("siem.example", 443, Security::Tls)));
        check("https://[::1]:8443/", Loopback, Ok(("::1", 8443, Security::Tls)));
        check("http://localhost:4318/v1/logs", Loopback, Ok(("localhost", 4318, Security::Loopback)));
        check("http://siem.example", Anywhere, Ok(("siem.example", 80, Security::None)));
        for bad in
            ["", "siem", "/path", "ftp://siem/", "https://user:pw@siem/", "https://user@siem/", "https://"]
        {
            check(bad, Anywhere, Err(()));
        }
    }

    #[test]
    fn neither_debug_nor_a_fault_shows_a_token() {
        let address = Address::parse("https://siem.example/hook/T0KEN?k=T0KEN", Plaintext::Loopback).unwrap();
        assert_eq!(format!("{address:?}"), "Address(siem.example:443)");
        let fault = Address::parse("https://T0KEN@siem.example/", Plaintext::Loopback).unwrap_err();
        assert!(!fault.contains("T0KEN"));
    }
}
