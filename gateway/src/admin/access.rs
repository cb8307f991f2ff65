//! Who may use the admin API, and how much they may send.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
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
    /// What the person's role allows.
    Known(Person),
    /// Nothing here, though it is good elsewhere.
    Other,
    /// Nothing: it isn't known, or no longer good.
    Unknown,
}

/// Tells what a presented key or token allows.
pub type Door = Arc<dyn Fn(String) -> BoxFuture<'static, Access> + Send + Sync>;

/// Lets only administrators pass.
pub(super) async fn require_admin(State(app): State<App>, request: Request, next: Next) -> Response {
    match person(&app, request.headers()).await {
        Ok(person) if person.role == AuditRole::Admin => next.run(request).await,
        Ok(_) => Fault::NotAdmin.into_response(),
        Err(fault) => fault.into_response(),
    }
}

/// Lets everybody pass who has a role at the desk; what each role may do is the desk's to say.
pub(super) async fn require_role(State(app): State<App>, mut request: Request, next: Next) -> Response {
    match person(&app, request.headers()).await {
        Ok(person) => {
            request.extensions_mut().insert(person);
            next.run(request).await
        }
        Err(fault) => fault.into_response(),
    }
}

async fn person(app: &App, headers: &HeaderMap) -> Result<Person, Fault> {
    let key = presented(headers).ok_or(Fault::NoKey)?;
    match (app.state.door)(key).await {
        Access::Known(person) if person.role > AuditRole::None => Ok(person),
        Access::Known(_) | Access::Other => Err(Fault::NotAdmin),
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
