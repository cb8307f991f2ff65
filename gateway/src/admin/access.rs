//! Who may use the admin API, and how much they may send.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;

use weir_callers::AuditRole;

use super::{App, MAX_BODY, fault::Fault};
use crate::archive::Person;

/// What a presented key or token allows on the admin port.
#[derive(Clone, Debug)]
pub enum Access {
    /// What the person's role allows; that may be nothing.
    Known(Person),
    /// Nothing here: it is good, but whose it is can't be said now.
    Other,
    /// Nothing: it isn't known, or no longer good.
    Unknown,
}

/// Tells what a presented key or token allows.
pub type Door = Arc<dyn Fn(String) -> BoxFuture<'static, Access> + Send + Sync>;

/// Lets only administrators pass.
pub(super) async fn require_admin(State(app): State<App>, request: Request, next: Next) -> Response {
    admit(&app, AuditRole::Admin, (request, next)).await
}

/// Lets everybody pass who has a role at the desk; what each role may do is the desk's to say.
pub(super) async fn require_role(State(app): State<App>, request: Request, next: Next) -> Response {
    admit(&app, AuditRole::Auditor, (request, next)).await
}

/// Passes on what a person of at least that role asks. Whatever is refused to somebody known leaves a record.
async fn admit(app: &App, role: AuditRole, (mut request, next): (Request, Next)) -> Response {
    let person = match person(app, request.headers()).await {
        Ok(person) => person,
        Err(fault) => return fault.into_response(),
    };
    let asked = asked(&request);
    let response = if person.role >= role {
        request.extensions_mut().insert(person.clone());
        next.run(request).await
    } else {
        Fault::NotAdmin.into_response()
    };
    if response.status() == StatusCode::FORBIDDEN {
        app.state.desk.note_refused(&person, asked).await;
    }
    response
}

/// What a request asks for, without what its path names.
fn asked(request: &Request) -> String {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    format!("{} {path}", request.method())
}

async fn person(app: &App, headers: &HeaderMap) -> Result<Person, Fault> {
    let key = presented(headers).ok_or(Fault::NoKey)?;
    match (app.state.door)(key).await {
        Access::Known(person) => Ok(person),
        Access::Other => Err(Fault::NotAdmin),
        Access::Unknown => Err(Fault::BadKey),
    }
}

/// Refuses bodies that are declared too long; what is not declared is never read.
pub(super) async fn limit_body(request: Request, next: Next) -> Response {
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok());
    if declared.and_then(|it| it.parse::<usize>().ok()).is_some_and(|length| length > MAX_BODY) {
        return Fault::TooLarge.into_response();
    }
    next.run(request).await
}

/// The key in `authorization: Bearer` or `x-api-key`. Two different ones are no key.
fn presented(headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    let bearer = text("authorization").and_then(|it| {
        let (scheme, key) = it.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
    });
    let key = text("x-api-key").map(str::trim);
    match (bearer, key) {
        (Some(one), Some(other)) if one != other => None,
        (one, other) => one.or(other).filter(|it| !it.is_empty()).map(str::to_owned),
    }
}
