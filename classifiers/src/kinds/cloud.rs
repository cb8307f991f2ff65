//! Keys of clouds, hosts, databases and tools of infrastructure.

use super::{Kind, Trigger};
use crate::EntityType::SecretCloudKey;
use crate::check;

const fn key(name: &'static str, prefixes: &'static [&'static str], pattern: &'static str) -> Kind {
    Kind::token(name, prefixes, pattern).of(SecretCloudKey).must(check::random)
}

const fn named(name: &'static str, pattern: &'static str) -> Kind {
    Kind::label(SecretCloudKey, name, pattern).score(0.9).must(check::random)
}

pub(super) const KINDS: &[Kind] = &[
    key("AWS access key id", &["AKIA", "ASIA", "ABIA", "ACCA"], r"A(?:KI|SI|BI|CC)A[A-Z2-7]{16}\b")
        .sample("AKIA{v16}"),
    named("AWS secret access key", r"[A-Za-z0-9/+]{40}")
        .words(&["aws secret access key", "secret access key", "aws secret key", "aws secret"])
        .sample("aws_secret_access_key = {s40}"),
    named("AWS session token", r"[A-Za-z0-9/+]{100,2000}={0,2}")
        .words(&["aws session token"])
        .sample("AWS_SESSION_TOKEN={s180}"),
    key("AWS Bedrock key", &["ABSK"], r"ABSK[A-Za-z0-9+/]{109,269}={0,2}").sample("ABSK{s120}"),
    key("Google API key", &["AIza"], r"AIza[0-9A-Za-z_-]{35}").sample("AIza{b35}"),
    key("Google OAuth client secret", &["GOCSPX-"], r"GOCSPX-[A-Za-z0-9_-]{28}").sample("GOCSPX-{b28}"),
    key("Google OAuth access token", &["ya29."], r"ya29\.[A-Za-z0-9_-]{20,500}").sample("ya29.{b80}"),
    key("Google OAuth refresh token", &["1//0"], r"1//0[A-Za-z0-9_-]{40,200}").sample("1//0{b60}"),
    key("Azure storage account key", &["AccountKey="], r"AccountKey=[A-Za-z0-9+/]{86}==")
        .sample("AccountKey={s86}=="),
    key("Azure shared access key", &["SharedAccessKey="], r"SharedAccessKey=[A-Za-z0-9+/]{43}=")
        .sample("SharedAccessKey={s43}="),
    key("Azure shared access signature", &["sig="], r"sig=[A-Za-z0-9+/]{43}=")
        .sample("?sv=2022-11-02&sig={s43}="),
    key("Azure client secret", &[], r"[A-Za-z0-9_~.]{3}8Q~[A-Za-z0-9_~.-]{31,34}")
        .on(Trigger::Inside("8Q~", 3, 3))
        .sample("{a3}8Q~{a34}"),
    key("Azure DevOps token", &[], r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}")
        .on(Trigger::Inside("AZDO", 76, 76))
        .sample("{a76}AZDO{a4}"),
    key("Azure API management or OpenAI key", &[], r"[A-Za-z0-9]{52}JQQJ99[A-Z]{4}AC[A-Za-z0-9]{20}")
        .on(Trigger::Inside("JQQJ99", 52, 52))
        .sample("{a52}JQQJ99BAAAAC{a20}")
        .must(check::entropic),
    key("DigitalOcean token", &["dop_v1_", "doo_v1_", "dor_v1_"], r"do[opr]_v1_[a-f0-9]{64}")
        .sample("dop_v1_{x64}"),
    key("DigitalOcean Spaces key", &["DO00"], r"DO00[A-Z0-9]{16}\b").sample("DO00{u16}"),
    key("Alibaba Cloud access key id", &["LTAI"], r"LTAI[A-Za-z0-9]{16,20}\b").sample("LTAI{a20}"),
    key("Tencent Cloud secret id", &["AKID"], r"AKID[A-Za-z0-9]{32}\b").sample("AKID{a32}"),
    key("Scaleway access key", &["SCW"], r"SCW[A-Z0-9]{17}\b").sample("SCW{u17}"),
    key("Yandex Cloud API key", &["AQVN"], r"AQVN[A-Za-z0-9_-]{35,38}").sample("AQVN{b36}"),
    key("Heroku key", &["HRKU-"], r"HRKU-AA[0-9A-Za-z_-]{58}").sample("HRKU-AA{b58}"),
    key(
        "Fly.io token",
        &["fo1_", "fm1_", "fm2_"],
        r"f(?:o1_[A-Za-z0-9_-]{43}|m[12]_[A-Za-z0-9+/=_-]{80,2000})",
    )
    .sample("fo1_{b43}"),
    key("Cloudflare origin CA key", &["v1.0-"], r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}")
        .sample("v1.0-{x24}-{x146}"),
    named("Cloudflare token", r"[A-Za-z0-9_-]{37,40}\b")
        .words(&[
            "cloudflare api token",
            "cloudflare api key",
            "cf api token",
            "cf api key",
            "cloudflare token",
        ])
        .sample("CLOUDFLARE_API_TOKEN={b40}"),
    named("Linode, Vultr or Hetzner token", r"[A-Za-z0-9]{36,64}\b")
        .words(&[
            "linode token",
            "linode api token",
            "vultr api key",
            "hcloud token",
            "hetzner token",
            "hetzner api token",
        ])
        .sample("HCLOUD_TOKEN={a64}"),
    named("IBM Cloud key", r"[A-Za-z0-9_-]{42,44}\b")
        .words(&["ibm cloud api key", "ibmcloud api key", "ibm api key", "bluemix api key"])
        .sample("ibm_cloud_api_key: {b44}"),
    key("Netlify token", &["nfp_", "nfc_", "nfu_"], r"nf[pcu]_[A-Za-z0-9]{36}\b").sample("nfp_{a36}"),
    key("Render key", &["rnd_"], r"rnd_[A-Za-z0-9]{28,40}\b").sample("rnd_{a32}"),
    key("Vercel token", &["vcp_", "vci_", "vca_", "vcr_", "vck_"], r"vc[piark]_[A-Za-z0-9]{24,64}\b")
        .sample("vcp_{a56}"),
    key("Databricks token", &["dapi"], r"dapi[a-f0-9]{32}(?:-\d)?\b").sample("dapi{x32}"),
    key("PlanetScale token", &["pscale_"], r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_=.-]{32,64}")
        .sample("pscale_tkn_{b43}"),
    key("Supabase token", &["sbp_", "sb_secret_"], r"sbp_(?:v0_)?[a-f0-9]{40}\b|sb_secret_[A-Za-z0-9_-]{31}")
        .sample("sbp_{x40}"),
    key("Neon key", &["napi_"], r"napi_[a-z0-9]{64}\b").sample("napi_{l64}"),
    key("Pulumi token", &["pul-"], r"pul-[a-f0-9]{40}\b").sample("pul-{x40}"),
    key("Terraform Cloud token", &[], r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}")
        .on(Trigger::Inside(".atlasv1.", 14, 14))
        .sample("{a14}.atlasv1.{b67}"),
    key("Vault token", &["hvs.", "hvb.", "hvr."], r"hv[sbr]\.[A-Za-z0-9_-]{24,300}").sample("hvs.{b95}"),
    named("Vault token of older form", r"s\.[A-Za-z0-9]{24}\b")
        .words(&["vault token"])
        .sample("VAULT_TOKEN=s.{a24}"),
    key(
        "Doppler token",
        &["dp."],
        r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[a-zA-Z0-9]{40,44}\b",
    )
    .sample("dp.pt.{a43}"),
    key("Infisical token", &["st."], r"st\.[a-f0-9]{24}\.[a-f0-9]{32}\.[a-f0-9]{32}")
        .sample("st.{x24}.{x32}.{x32}"),
    key("Tailscale key", &["tskey-"], r"tskey-(?:[a-z]{3,9}-)?[A-Za-z0-9]{10,20}-[A-Za-z0-9]{16,40}")
        .sample("tskey-auth-{a12}-{a32}"),
    key("1Password service account token", &["ops_eyJ"], r"ops_eyJ[A-Za-z0-9+/_-]{100,1500}={0,3}")
        .sample("ops_eyJ{s250}"),
    key("Confluent or Kafka secret", &["cflt"], r"cflt[A-Za-z0-9+/]{60}").sample("cflt{s60}"),
    key("Aiven token", &["aivenv1"], r"aivenv1[A-Za-z0-9+/=]{80,400}").sample("aivenv1{s100}"),
    key("Okta token", &["SSWS "], r"SSWS 00[A-Za-z0-9_-]{40}").sample("SSWS 00{b40}"),
    named("Okta token behind a label", r"00[A-Za-z0-9_-]{40}\b")
        .words(&["okta token", "okta api token"])
        .sample("OKTA_TOKEN=00{b40}"),
];
