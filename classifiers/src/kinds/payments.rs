//! Keys of payment services and shops.

use super::Kind;
use crate::check;

const fn key(name: &'static str, prefixes: &'static [&'static str], pattern: &'static str) -> Kind {
    Kind::token(name, prefixes, pattern).must(check::random)
}

pub(super) const KINDS: &[Kind] = &[
    key("Stripe secret key", &["sk_live_", "sk_test_"], r"sk_(?:live|test)_[A-Za-z0-9]{16,247}\b")
        .sample("sk_live_{a24}"),
    key("Stripe restricted key", &["rk_live_", "rk_test_"], r"rk_(?:live|test)_[A-Za-z0-9]{16,247}\b")
        .sample("rk_live_{a24}"),
    key("Stripe webhook secret", &["whsec_"], r"whsec_[A-Za-z0-9+/=]{32,64}").sample("whsec_{a32}"),
    key(
        "Square token",
        &["sq0atp-", "sq0csp-", "EAAA"],
        r"sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}|EAAA[A-Za-z0-9_-]{60}",
    )
    .sample("sq0atp-{b22}"),
    key(
        "PayPal Braintree token",
        &["access_token$"],
        r"access_token\$(?:production|sandbox)\$[a-z0-9]{16}\$[a-f0-9]{32}\b",
    )
    .sample("access_token$production${l16}${x32}"),
    key("Shopify token", &["shpat_", "shpca_", "shppa_", "shpss_"], r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b")
        .sample("shpat_{x32}"),
    key(
        "Plaid token",
        &["access-sandbox-", "access-production-", "access-development-"],
        r"access-(?:sandbox|production|development)-[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}",
    )
    .sample("access-production-{x8}-{x4}-{x4}-{x4}-{x12}"),
    key("Razorpay key", &["rzp_live_", "rzp_test_"], r"rzp_(?:live|test)_[A-Za-z0-9]{14}\b")
        .sample("rzp_live_{a14}"),
    key("Flutterwave key", &["FLWSECK"], r"FLWSECK(?:_TEST)?-[A-Za-z0-9]{32,40}(?:-X)?")
        .sample("FLWSECK-{x32}-X"),
    key("EasyPost key", &["EZAK", "EZTK"], r"EZ[AT]K[A-Za-z0-9]{54}\b").sample("EZAK{a54}"),
    key("Shippo token", &["shippo_live_", "shippo_test_"], r"shippo_(?:live|test)_[a-f0-9]{40}\b")
        .sample("shippo_live_{x40}"),
    key("Duffel token", &["duffel_live_", "duffel_test_"], r"duffel_(?:live|test)_[A-Za-z0-9_=-]{43}")
        .sample("duffel_live_{b43}"),
    key("Lob key", &["live_", "test_"], r"(?:live|test)_[a-f0-9]{35}\b").sample("live_{x35}"),
    key("Frame.io token", &["fio-u-"], r"fio-u-[A-Za-z0-9_=-]{64}").sample("fio-u-{b64}"),
    key("Mollie key", &["live_", "test_"], r"(?:live|test)_[A-Za-z0-9]{30}\b").sample("live_{a30}"),
    key("GoCardless token", &["live_"], r"live_[A-Za-z0-9_=-]{40}").sample("live_{b40}"),
    key(
        "Finicity or Coinbase key",
        &["organizations/"],
        r"organizations/[a-f0-9-]{36}/apiKeys/[a-f0-9-]{36}",
    )
    .sample("organizations/{x8}-{x4}-{x4}-{x4}-{x12}/apiKeys/{x8}-{x4}-{x4}-{x4}-{x12}"),
];
