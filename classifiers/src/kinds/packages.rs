//! Tokens of forges, package registries and tools of developers.

use super::{Kind, Trigger};
use crate::EntityType::SecretToken;
use crate::check;

const fn key(name: &'static str, prefixes: &'static [&'static str], pattern: &'static str) -> Kind {
    Kind::token(name, prefixes, pattern).must(check::random)
}

pub(super) const KINDS: &[Kind] = &[
    key("GitHub token", &["ghp_"], r"ghp_[A-Za-z0-9]{36}\b").sample("ghp_{a36}"),
    key("GitHub fine-grained token", &["github_pat_"], r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b")
        .sample("github_pat_{a22}_{a59}"),
    key("GitHub app or OAuth token", &["gho_", "ghu_", "ghs_", "ghr_"], r"gh[ousr]_[A-Za-z0-9]{36,76}\b")
        .sample("gho_{a36}"),
    key("GitLab token", &["glpat-"], r"glpat-[A-Za-z0-9_-]{20,64}(?:\.[0-9a-z]{2}\.[0-9a-z]{9})?")
        .sample("glpat-{b20}"),
    key(
        "GitLab deploy, runner or trigger token",
        &["gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glft-", "glsoat-", "glagent-", "gloas-", "glimt-"],
        r"gl(?:dt|rt|rtr|cbt|ptt|ft|soat|agent|oas|imt)-[A-Za-z0-9_-]{20,70}",
    )
    .sample("gldt-{b20}"),
    key("Bitbucket app password", &["ATBB"], r"ATBB[A-Za-z0-9_-]{24,32}[A-F0-9]{0,8}\b").sample("ATBB{a32}"),
    key("Atlassian token", &["ATATT3", "ATCTT3"], r"AT[AC]TT3[A-Za-z0-9_=-]{60,250}")
        .sample("ATATT3{b180}=1A2B3C4D"),
    key("npm token", &["npm_"], r"npm_[A-Za-z0-9]{36}\b").sample("npm_{a36}"),
    key("PyPI token", &["pypi-"], r"pypi-AgE[A-Za-z0-9_-]{50,250}").sample("pypi-AgEIcHlwaS5vcmc{b120}"),
    key("RubyGems key", &["rubygems_"], r"rubygems_[a-f0-9]{48}\b").sample("rubygems_{x48}"),
    key("crates.io token", &["cio"], r"cio[A-Za-z0-9]{32}\b").sample("cio{a32}"),
    key("NuGet key", &["oy2"], r"oy2[a-z0-9]{43}\b").sample("oy2{l43}"),
    key("Docker Hub token", &["dckr_pat_", "dckr_oat_"], r"dckr_[po]at_[A-Za-z0-9_-]{27,32}")
        .sample("dckr_pat_{b27}"),
    key("Artifactory key", &["AKCp"], r"AKCp[A-Za-z0-9]{69}\b").sample("AKCp{a69}"),
    key("Artifactory reference token", &["cmVmdGtuOj"], r"cmVmdGtuOj[A-Za-z0-9]{54}\b")
        .sample("cmVmdGtuOj{a54}"),
    key("Clojars token", &["CLOJARS_"], r"CLOJARS_[a-z0-9]{60}\b").sample("CLOJARS_{l60}"),
    key("Buildkite token", &["bkua_"], r"bkua_[a-f0-9]{40}\b").sample("bkua_{x40}"),
    key("CircleCI token", &["CCIPAT_", "CCIPRJ_"], r"CCIP(?:AT|RJ)_[A-Za-z0-9]{22}_[a-f0-9]{40}\b")
        .sample("CCIPAT_{a22}_{x40}"),
    key("Sourcegraph token", &["sgp_"], r"sgp_(?:(?:[a-fA-F0-9]{16}|local)_)?[a-fA-F0-9]{40}\b")
        .sample("sgp_{x40}"),
    key("SonarQube token", &["squ_", "sqp_", "sqa_"], r"sq[upa]_[a-f0-9]{40}\b").sample("squ_{x40}"),
    key("Postman key", &["PMAK-"], r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}\b").sample("PMAK-{x24}-{x34}"),
    key("Postman collection token", &["PMAT-"], r"PMAT-[A-Z0-9]{26}\b").sample("PMAT-{u26}"),
    key("Figma token", &["figd_", "figu_"], r"fig[du]_[A-Za-z0-9_-]{38,46}").sample("figd_{b40}"),
    key("Linear key", &["lin_api_", "lin_oauth_"], r"lin_(?:api|oauth)_[A-Za-z0-9]{40,64}\b")
        .sample("lin_api_{a40}"),
    key("Notion token", &["ntn_"], r"ntn_[A-Za-z0-9]{46}\b").sample("ntn_{a46}"),
    key("Notion token of older form", &["secret_"], r"secret_[A-Za-z0-9]{43}\b").sample("secret_{a43}"),
    key("Airtable token", &["pat"], r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}\b").sample("pat{a14}.{x64}"),
    key("Asana token", &["1/", "2/"], r"[12]/\d{13,17}(?:/\d{13,17})?:[a-f0-9]{32}\b")
        .sample("1/1204567890123456:{x32}"),
    key("ClickUp token", &["pk_"], r"pk_\d{6,9}_[A-Z0-9]{32}\b").sample("pk_4820193_{u32}"),
    key("Typeform token", &["tfp_"], r"tfp_[A-Za-z0-9_.-]{40,59}").sample("tfp_{b44}"),
    key("ReadMe key", &["rdme_"], r"rdme_[a-z0-9]{70}\b").sample("rdme_{l70}"),
    key("Prefect token", &["pnu_", "pnb_"], r"pn[ub]_[A-Za-z0-9]{36}\b").sample("pnu_{a36}"),
    key("Contentful token", &["CFPAT-"], r"CFPAT-[A-Za-z0-9_-]{43}").sample("CFPAT-{b43}"),
    key("Mapbox secret token", &["sk.eyJ"], r"sk\.eyJ[A-Za-z0-9_-]{60,120}\.[A-Za-z0-9_-]{20,30}")
        .sample("sk.eyJ{b80}.{b22}"),
    key("Adafruit key", &["aio_"], r"aio_[A-Za-z0-9]{28}\b").sample("aio_{a28}"),
    key("Hasura or Infracost key", &["ico-"], r"ico-[A-Za-z0-9]{32}\b").sample("ico-{a32}"),
    key(
        "HubSpot token",
        &["pat-na1-", "pat-na2-", "pat-eu1-"],
        r"pat-(?:na|eu)\d-[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}",
    )
    .sample("pat-na1-{x8}-{x4}-{x4}-{x4}-{x12}"),
    key("LaunchDarkly key", &["sdk-", "api-"], r"(?:sdk|api)-[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}")
        .sample("sdk-{x8}-{x4}-{x4}-{x4}-{x12}"),
    key(
        "Unkey or Trigger.dev key",
        &["unkey_", "tr_prod_", "tr_dev_"],
        r"(?:unkey_|tr_prod_|tr_dev_)[A-Za-z0-9]{20,40}\b",
    )
    .sample("tr_prod_{a24}"),
    Kind::label(SecretToken, "Snyk or Codecov token", r"[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}\b")
        .score(0.9)
        .must(check::random)
        .words(&["snyk token", "codecov token", "snyk api token", "heroku api key"])
        .sample("SNYK_TOKEN={x8}-{x4}-{x4}-{x4}-{x12}"),
    key("Algolia, Travis or Fastly key behind a label", &[], r"[A-Za-z0-9_-]{22,40}\b")
        .on(Trigger::Label)
        .score(0.9)
        .words(&[
            "algolia api key",
            "algolia admin key",
            "travis token",
            "fastly api token",
            "fastly api key",
            "fastly key",
            "bitly token",
        ])
        .sample("ALGOLIA_API_KEY={x32}"),
];
