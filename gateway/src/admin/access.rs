//! Who may use the admin API, and how much they may send.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;

use super::{App, MAX_BODY, fault::Fault};

/// What a presented key or token allows on the admin port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everything.
    Admin,
    /// Nothing here, though it is good elsewhere.
    Other,
    /// Nothing: it isn't known, or no longer good.
    Unknown,
}

/// Tells what a presented key or token allows.
pub type Door = Arc<dyn Fn(String) -> BoxFuture<'static, Access> + Send + Sync>;

/// Lets only administrators pass.
pub(super) async fn require_admin(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(key) = presented(request.headers()) else { return Fault::NoKey.into_response() };
    match (app.state.door)(key).await {
        Access::Admin => next.run(request).await,
        Access::Other => Fault::NotAdmin.into_response(),
        Access::Unknown => Fault::BadKey.into_response(),
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
