//! The admin port from outside: who gets in, what is shown, what every answer carries.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use tempfile::{TempDir, tempdir};
use tower::ServiceExt;
use weir_audit::{AdminEvent, Completion, Decision, Event, Intent, Log, Options};

use weir_callers::AuditRole;

use super::*;
use crate::{
    archive::{self, Archive, Person},
    serve::Start,
};

type Headers = &'static [(&'static str, &'static str)];

const ADMIN: (&str, &str) = ("authorization", "Bearer weir-admin");

fn router_over(dir: &Path, checks: Vec<Check>) -> Router {
    let door: Door = Arc::new(|key| {
        Box::pin(async move {
            match key.as_str() {
                "weir-admin" => known("ann", AuditRole::Admin),
                "weir-second" => known("ben", AuditRole::Admin),
                "weir-auditor" => known("cay", AuditRole::Auditor),
                "weir-reviewer" => known("dee", AuditRole::Reviewer),
                "weir-app" => Access::Other,
                _ => Access::Unknown,
            }
        })
    });
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    let desk = desk_in(&tempdir().unwrap().keep()).0;
    router(AdminState { audit_dir: dir.to_owned(), desk, metrics, checks, door })
}

fn known(name: &str, role: AuditRole) -> Access {
    Access::Known(Person { name: name.to_owned(), role, tenant: "acme".to_owned() })
}

/// A desk over a new log in `dir`.
fn desk_in(dir: &Path) -> (Desk, Arc<Archive>) {
    let config = dir.join("weir.yaml");
    std::fs::write(&config, "weir: v1\naudit: {min_free: 0B}\n").unwrap();
    let books = crate::settings::books(Some(&config), &|_| None).unwrap();
    let archive = Arc::new(archive::open(&books.audit, Start::Fresh).unwrap());
    let index = archive::place(&books.audit).index().unwrap();
    (Desk::new(archive.clone(), index), archive)
}

/// Five calls with statuses 200 to 204, one admin event; the ids of the calls, oldest first.
async fn sample() -> (TempDir, Vec<String>) {
    let dir = tempdir().unwrap();
    let options = Options { min_free_bytes: 0, ..Options::default() };
    let (log, _) = Log::open(dir.path(), options).unwrap();
    let mut ids = Vec::new();
    for status in 200..205 {
        let decision = if status == 202 { Decision::Blocked } else { Decision::Allow };
        let intent = Intent { tenant: "acme".into(), endpoint: "chat".into(), ..Intent::default() };
        let completion = Completion { status, decision, ..Completion::default() };
        ids.push(log.settled(intent, completion).await.unwrap().to_string());
    }
    log.append(Event::Admin(AdminEvent { action: "key.create".into(), ..AdminEvent::default() }))
        .await
        .unwrap();
    log.close().await.unwrap();
    (dir, ids)
}

async fn send(router: &Router, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
    let response = router.clone().oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, headers, String::from_utf8(body.to_vec()).unwrap())
}

async fn get(router: &Router, path: &str, headers: &[(&str, &str)]) -> (StatusCode, Value) {
    let request = headers.iter().fold(Request::get(path), |it, (name, value)| it.header(*name, *value));
    let (status, _, body) = send(router, request.body(Body::empty()).unwrap()).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

#[tokio::test]
async fn only_an_admin_key_opens_the_records() {
    let (dir, ids) = sample().await;
    let router = router_over(dir.path(), Vec::new());
    let cases: [(Headers, u16, Option<&str>); 9] = [
        (&[ADMIN], 200, None),
        (&[("x-api-key", "weir-admin")], 200, None),
        (&[("authorization", "bearer  weir-admin")], 200, None),
        (&[ADMIN, ("x-api-key", "weir-admin")], 200, None),
        (&[], 401, Some("invalid_api_key")),
        (&[("authorization", "Basic weir-admin")], 401, Some("invalid_api_key")),
        (&[("x-api-key", "guess")], 401, Some("invalid_api_key")),
        (&[ADMIN, ("x-api-key", "weir-app")], 401, Some("invalid_api_key")),
        (&[("x-api-key", "weir-app")], 403, Some("permission_denied")),
    ];
    for path in ["/api/v1/records".to_owned(), format!("/api/v1/records/{}", ids[0])] {
        for (headers, status, code) in cases {
            let (actual, body) = get(&router, &path, headers).await;
            assert_eq!(
                (actual.as_u16(), body["error"]["code"].as_str()),
                (status, code),
                "{path} {headers:?}"
            );
            assert_eq!(body["data"].is_array() || body["intent"].is_object(), status == 200);
        }
    }
}

#[tokio::test]
async fn a_refusal_says_how_to_come_in_and_never_repeats_the_key() {
    let dir = tempdir().unwrap();
    let router = router_over(dir.path(), Vec::new());
    let request = Request::get("/api/v1/records").header("x-api-key", "secret-guess").body(Body::empty());
    let (_, headers, body) = send(&router, request.unwrap()).await;
    assert_eq!(headers["www-authenticate"], "Bearer");
    assert!(!body.contains("secret-guess"));
}

#[tokio::test]
async fn records_are_listed_by_filter_and_page() {
    let (dir, ids) = sample().await;
    let router = router_over(dir.path(), Vec::new());
    let check = async |query: &str, expect: &[u16]| {
        let (_, body) = get(&router, &format!("/api/v1/records?{query}"), &[ADMIN]).await;
        let data = body["data"].as_array().unwrap_or_else(|| panic!("{query}: {body}"));
        let statuses: Vec<u64> = data.iter().map(|it| it["status"].as_u64().unwrap()).collect();
        let expect: Vec<u64> = expect.iter().map(|it| u64::from(*it)).collect();
        assert_eq!(statuses, expect, "{query}");
        body
    };
    let all = check("", &[204, 203, 202, 201, 200]).await;
    assert_eq!(all["data"][0]["id"].as_str(), Some(ids[4].as_str()));
    assert_eq!(all["data"][0]["decision"].as_str(), Some("allow"));
    assert!(all["next"].is_null());
    check("decision=blocked", &[202]).await;
    check("tenant=acme&limit=500", &[204, 203, 202, 201, 200]).await;
    check("tenant=ac%6De&app=", &[204, 203, 202, 201, 200]).await;
    check("tenant=other", &[]).await;
    check("since=1h", &[204, 203, 202, 201, 200]).await;
    check("until=2020-01-01", &[]).await;
    let first = check("limit=2", &[204, 203]).await;
    let next = first["next"].as_str().unwrap();
    let second = check(&format!("limit=2&after={next}"), &[202, 201]).await;
    let next = second["next"].as_str().unwrap();
    check(&format!("limit=2&after={next}"), &[200]).await;
}

#[tokio::test]
async fn a_parameter_that_is_not_understood_is_named_without_its_value() {
    let dir = tempdir().unwrap();
    let router = router_over(dir.path(), Vec::new());
    let cases = [
        ("limit=0", Some("limit")),
        ("limit=501", Some("limit")),
        ("after=-1", Some("after")),
        ("decision=perhaps", Some("decision")),
        ("since=perhaps", Some("since")),
        ("until=2026-13-01", Some("until")),
        ("perhaps=1", None),
    ];
    for (query, parameter) in cases {
        let (status, body) = get(&router, &format!("/api/v1/records?{query}"), &[ADMIN]).await;
        assert_eq!((status.as_u16(), body["error"]["param"].as_str()), (400, parameter), "{query}");
        assert!(!body.to_string().contains("perhaps"), "{query}");
    }
}

#[tokio::test]
async fn one_call_or_record_is_shown_whole() {
    let (dir, ids) = sample().await;
    let router = router_over(dir.path(), Vec::new());
    let (status, call) = get(&router, &format!("/api/v1/records/{}", ids[2]), &[ADMIN]).await;
    assert_eq!((status.as_u16(), call["state"].as_str()), (200, Some("ended")));
    assert_eq!(call["intent"]["record_id"].as_str(), Some(ids[2].as_str()));
    assert_eq!(call["end"]["completion"]["decision"].as_str(), Some("blocked"));
    let other = weir_audit::read::iterate(dir.path()).unwrap().map(Result::unwrap).last().unwrap();
    let (status, record) = get(&router, &format!("/api/v1/records/{}", other.record_id), &[ADMIN]).await;
    assert_eq!((status.as_u16(), record["record"]["kind"].as_str()), (200, Some("admin")));
    for unknown in ["01a20000-0000-7000-8000-000000000000", "no-id", "%ff"] {
        let (status, body) = get(&router, &format!("/api/v1/records/{unknown}"), &[ADMIN]).await;
        assert_eq!((status.as_u16(), body["error"]["code"].as_str()), (404, Some("not_found")), "{unknown}");
    }
}

#[tokio::test]
async fn a_damaged_log_is_an_error_without_detail() {
    let (dir, _) = sample().await;
    let segment = dir.path().join(format!("{:020}.seg", 1));
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let router = router_over(dir.path(), Vec::new());
    let (status, body) = get(&router, "/api/v1/records", &[ADMIN]).await;
    assert_eq!((status.as_u16(), body["error"]["code"].as_str()), (503, Some("audit_unavailable")));
    assert!(!body.to_string().contains(dir.path().to_str().unwrap()));
}

#[tokio::test]
async fn readiness_names_what_fails_and_recovers() {
    let dir = tempdir().unwrap();
    let is_up = Arc::new(AtomicBool::new(false));
    let upstream = {
        let is_up = Arc::clone(&is_up);
        move || if is_up.load(Ordering::SeqCst) { Ok(()) } else { Err("refused at 10.0.0.1".to_owned()) }
    };
    let checks = vec![Check::new("audit", || Ok(())), Check::new("upstream", upstream)];
    let router = router_over(dir.path(), checks);
    let (status, body) = get(&router, "/readyz", &[]).await;
    assert_eq!(
        (status.as_u16(), body.to_string()),
        (503, r#"{"failing":["upstream"],"status":"not_ready"}"#.into())
    );
    is_up.store(true, Ordering::SeqCst);
    let (status, body) = get(&router, "/readyz", &[]).await;
    assert_eq!((status.as_u16(), body.to_string()), (200, r#"{"failing":[],"status":"ready"}"#.into()));
    assert_eq!(get(&router, "/healthz", &[]).await.0, 200);
    assert_eq!(get(&router, "/metrics", &[]).await.0, 200);
}

#[tokio::test]
async fn what_is_not_offered_is_refused_in_the_error_shape() {
    let dir = tempdir().unwrap();
    let router = router_over(dir.path(), Vec::new());
    let cases = [
        (Request::get("/elsewhere").body(Body::empty()), 404, "not_found"),
        (Request::post("/healthz").body(Body::empty()), 405, "method_not_allowed"),
        (
            Request::delete("/api/v1/records").header(ADMIN.0, ADMIN.1).body(Body::empty()),
            405,
            "method_not_allowed",
        ),
        (Request::get("/").header("content-length", "1000000").body(Body::empty()), 413, "request_too_large"),
    ];
    for (request, status, code) in cases {
        let (actual, _, body) = send(&router, request.unwrap()).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((actual.as_u16(), body["error"]["code"].as_str()), (status, Some(code)));
    }
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_bind_a_browser() {
    let dir = tempdir().unwrap();
    let router = router_over(dir.path(), Vec::new());
    for path in
        ["/", "/admin.js", "/admin.css", "/api/v1/records", "/api/v1/openapi.json", "/elsewhere", "/metrics"]
    {
        let (_, headers, _) = send(&router, Request::get(path).body(Body::empty()).unwrap()).await;
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"));
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["x-frame-options"], "DENY", "{path}");
        assert_eq!(headers["cache-control"], "no-store", "{path}");
    }
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere_and_writes_no_markup() {
    let dir = tempdir().unwrap();
    let router = router_over(dir.path(), Vec::new());
    let mut all = String::new();
    for (path, kind) in [("/", "text/html"), ("/admin.js", "text/javascript"), ("/admin.css", "text/css")] {
        let (status, headers, body) = send(&router, Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(status, 200);
        assert!(headers["content-type"].to_str().unwrap().starts_with(kind), "{path}");
        all.push_str(&body);
    }
    for banned in [
        "http://",
        "https://",
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "style=",
        "onclick",
    ] {
        assert!(!all.contains(banned), "{banned}");
    }
}

#[tokio::test]
async fn the_description_names_every_path_and_each_of_them_answers() {
    let (dir, ids) = sample().await;
    let router = router_over(dir.path(), Vec::new());
    let (_, description) = get(&router, "/api/v1/openapi.json", &[]).await;
    let paths = description["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 28);
    // The desk has a log of its own here.
    let read = paths.iter().filter(|(_, path)| path.get("get").is_some()).map(|(path, _)| path);
    for path in read.filter(|path| !path.starts_with("/api/v1/audit/")) {
        let (status, _) = get(&router, &path.replace("{id}", &ids[0]), &[ADMIN]).await;
        assert_eq!(status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_text_is_searched_for_those_with_a_role() {
    let dir = TempDir::new().unwrap();
    let router = router_over(dir.path(), Vec::new());
    let ask = |body: &'static str, key: Option<(&'static str, &'static str)>| {
        let request = Request::post("/api/v1/detect").header("content-type", "application/json");
        let request = key.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        send(&router, request.body(Body::from(body)).unwrap())
    };
    let (status, _, body) = ask(r#"{"text":"é bob@x.org"}"#, Some(ADMIN)).await;
    let found: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status.as_u16(), &found["entities"][0]["type"]), (200, &"EMAIL_ADDRESS".into()));
    assert_eq!((&found["entities"][0]["start"], &found["entities"][0]["end"]), (&2.into(), &11.into()));
    let (_, _, none) = ask(r#"{"text":"bob@x.org","types":["secrets"]}"#, Some(ADMIN)).await;
    assert_eq!(none, r#"{"entities":[],"labels":{}}"#);
    for (body, key, expect) in [
        (r#"{"text":"bob@x.org"}"#, None, 401),
        (r#"{"text":"bob@x.org","types":["titel"]}"#, Some(ADMIN), 400),
        (r#"{"texts":"bob@x.org"}"#, Some(ADMIN), 400),
    ] {
        let (status, _, answer) = ask(body, key).await;
        assert_eq!(status, expect, "{body}");
        assert!(!answer.contains("bob"), "{answer}");
    }
}
