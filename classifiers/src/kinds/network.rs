//! Addresses of the Internet, of hardware and of wallets.

use super::{Kind, Trigger};
use crate::EntityType::{Crypto, IpAddress, MacAddress, Url};
use crate::check;

pub(super) const KINDS: &[Kind] = &[
    Kind::shape(Url, "web address", r#"(?i:https?|ftps?|wss?)://[^\s<>"'`{}|\\^\[\]]{3,2000}"#)
        .on(Trigger::Prefix(&["http://", "https://", "ftp://", "ftps://", "ws://", "wss://"]))
        .must(check::url)
        .score(0.9)
        .sample("https://intranet.example.org/people/42?view=full"),
    Kind::shape(
        Url,
        "web address without scheme",
        r#"(?i:www)\.[A-Za-z0-9-]{1,63}\.[^\s<>"'`{}|\\^\[\]]{2,2000}"#,
    )
    .on(Trigger::Prefix(&["www."]))
    .score(0.8)
    .sample("www.example.org/people"),
    Kind::shape(IpAddress, "IPv4 address", r"\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2}\b)?")
        .must(check::ipv4)
        .score(0.7)
        .words(&[
            "ip",
            "address",
            "host",
            "server",
            "client",
            "adresse",
            "dirección",
            "indirizzo",
            "adres",
            "endereço",
        ])
        .sample("203.0.113.77"),
    Kind::shape(IpAddress, "IPv6 address", r"[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){3,7}")
        .must(check::ipv6)
        .score(0.8)
        .sample("2001:db8:85a3::8a2e:370:7334"),
    Kind::shape(
        MacAddress,
        "EUI-48 address",
        r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}",
    )
    .score(0.85)
    .sample("00:1b:63:84:45:e6"),
    Kind::shape(MacAddress, "EUI-64 address", r"(?:[0-9A-Fa-f]{2}[:-]){7}[0-9A-Fa-f]{2}")
        .score(0.8)
        .sample("02-1b-63-ff-fe-84-45-e6"),
    Kind::shape(
        MacAddress,
        "EUI-48 address in three groups",
        r"[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}",
    )
    .score(0.4)
    .words(&["mac", "mac address", "hardware address", "ethernet", "interface", "lladdr"])
    .sample("mac 001b.6384.45e6"),
    Kind::shape(Crypto, "Bitcoin address", r"[13][1-9A-HJ-NP-Za-km-z]{25,34}")
        .must(check::base58)
        .score(0.95)
        .sample("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
    Kind::shape(
        Crypto,
        "Bitcoin address (Bech32)",
        r"(?:bc1|tb1)[02-9ac-hj-np-z]{11,71}|(?:BC1|TB1)[02-9AC-HJ-NP-Z]{11,71}",
    )
    .on(Trigger::Prefix(&["bc1", "tb1"]))
    .must(check::bech32)
    .score(0.95)
    .sample("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"),
    Kind::shape(Crypto, "Ethereum address", r"0[xX][0-9a-fA-F]{40}")
        .on(Trigger::Prefix(&["0x"]))
        .must(check::varied)
        .score(0.8)
        .sample("0x52908400098527886E0F7030069857D2E4169EE7"),
    Kind::shape(Crypto, "Litecoin, Dogecoin, Tron or Ripple address", r"[LMDTr][1-9A-HJ-NP-Za-km-z]{25,34}")
        .must(check::base58)
        .score(0.9)
        .sample("LaMT348PWRnrqeeWArpwQPbuanpXDZGEUz"),
];
