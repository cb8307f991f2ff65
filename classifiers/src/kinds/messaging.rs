//! Tokens of messengers, mail and telephony.

use super::{Kind, Trigger};
use crate::EntityType::SecretToken;
use crate::check;

const fn key(name: &'static str, prefixes: &'static [&'static str], pattern: &'static str) -> Kind {
    Kind::token(name, prefixes, pattern).must(check::random)
}

pub(super) const KINDS: &[Kind] = &[
    key("Slack bot or user token", &["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxo-"], r"xox[abposr]-(?:\d+-)?[A-Za-z0-9-]{20,220}").sample("xoxb-{d12}-{d12}-{a24}"),
    key("Slack app token", &["xapp-"], r"xapp-\d-[A-Z0-9]{8,13}-\d{10,14}-[a-f0-9]{60,70}\b").sample("xapp-1-A{u10}-{d13}-{x64}"),
    key("Slack configuration token", &["xoxe"], r"xoxe(?:\.xox[bp])?-\d-[A-Za-z0-9+/=]{100,250}").sample("xoxe-1-{a146}"),
    key("Slack webhook", &["hooks.slack.com/"], r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9]{6,14}/[A-Za-z0-9]{6,14}/[A-Za-z0-9/]{18,60}").sample("hooks.slack.com/services/T{u9}/B{u9}/{a24}"),
    key("Discord webhook", &["discord.com/api/webhooks/", "discordapp.com/api/webhooks/"], r"discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_-]{60,72}").sample("discord.com/api/webhooks/{d18}/{b68}"),
    key("Microsoft Teams webhook", &["webhook.office.com/"], r"webhook\.office\.com/webhookb2/[a-f0-9-]{36}@[a-f0-9-]{36}/IncomingWebhook/[a-f0-9]{32}/[a-f0-9-]{36}").sample("webhook.office.com/webhookb2/{x8}-{x4}-{x4}-{x4}-{x12}@{x8}-{x4}-{x4}-{x4}-{x12}/IncomingWebhook/{x32}/{x8}-{x4}-{x4}-{x4}-{x12}"),
    Kind::shape(SecretToken, "Discord bot token", r"[MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}").must(check::random).score(0.95).sample("MT{d4}{a18}.{b6}.{b38}"),
    key("Telegram bot token", &[], r"\d{8,10}:AA[A-Za-z0-9_-]{33}").on(Trigger::Inside(":AA", 8, 10)).sample("{d10}:AA{b33}"),
    key("Twilio key", &["SK"], r"SK[0-9a-f]{32}\b").sample("SK{x32}"),
    Kind::label(SecretToken, "Twilio token", r"[0-9a-f]{32}\b").score(0.9).must(check::random).words(&["twilio auth token", "twilio token", "twilio secret"]).sample("TWILIO_AUTH_TOKEN={x32}"),
    key("SendGrid key", &["SG."], r"SG\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{39,50}").sample("SG.{b22}.{b43}"),
    key("Mailgun key", &["key-"], r"key-[0-9a-f]{32}\b").sample("key-{x32}"),
    Kind::shape(SecretToken, "Mailchimp key", r"[0-9a-f]{32}-us\d{1,2}\b").must(check::random).score(0.95).sample("{x32}-us14"),
    key("Brevo key", &["xkeysib-", "xsmtpsib-"], r"x(?:keys|smtps)ib-[a-f0-9]{64}-[A-Za-z0-9]{16}\b").sample("xkeysib-{x64}-{a16}"),
    key("Resend key", &["re_"], r"re_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}\b").sample("re_{a8}_{a24}"),
    key("Facebook or Meta token", &["EAA"], r"EAA[A-Za-z0-9]{90,400}\b").sample("EAA{a160}"),
    key("X bearer token", &["AAAAAAAAAAAAAAAAAAAA"], r"AAAAAAAAAAAAAAAAAAAA[A-Za-z0-9%]{60,120}").must(check::entropic).sample("AAAAAAAAAAAAAAAAAAAA{a90}"),
    key("Dropbox token", &["sl."], r"sl\.(?:u\.)?[A-Za-z0-9_-]{130,1300}").sample("sl.{b140}"),
    key("LINE, Intercom or Zendesk token behind a label", &[], r"[A-Za-z0-9+/_=-]{32,180}")
        .on(Trigger::Label)
        .score(0.9)
        .words(&["line channel secret", "line channel access token", "intercom access token", "zendesk api token", "postmark server token", "mandrill api key", "sparkpost api key", "mailjet secret key", "vonage api secret", "nexmo api secret"])
        .sample("ZENDESK_API_TOKEN={a40}"),
];
