//! The admin port: health, metrics, records of the audit log, and one page that shows them.

mod access;
mod audit;
mod detect;
mod fault;
mod health;
mod page;
mod pseudonyms;
mod records;
mod summary;
#[cfg(test)]
mod tests;

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, HeaderValue, header},
    middleware::{from_fn, from_fn_with_state, map_response},
    response::Response,
    routing::{get, post},
};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;
use weir_classifiers::Detectors;

use crate::archive::Desk;

pub use access::{Access, Door};
pub use health::Check;

/// Most bytes of a request body.
const MAX_BODY: usize = 16 << 10;
/// Searches of the audit log that run at once; further ones wait.
const SEARCHES: usize = 2;

/// What the admin port shows, and to whom.
pub struct AdminState {
    /// Folder of the audit log.
    pub audit_dir: PathBuf,
    /// Where people work with the audit log.
    pub desk: Desk,
    /// Where `/metrics` gets its text.
    pub metrics: PrometheusHandle,
    /// What must hold before traffic may come, for `/readyz`.
    pub checks: Vec<Check>,
    /// Who may use the API.
    pub door: Door,
}

struct Shared {
    state: AdminState,
    searches: Semaphore,
    failing: health::Failing,
    /// Detectors for all types, made when first asked for.
    detectors: OnceLock<Detectors>,
}

type App = Arc<Shared>;

impl Shared {
    fn new(state: AdminState) -> App {
        let searches = Semaphore::new(SEARCHES);
        Arc::new(Self { state, searches, failing: Default::default(), detectors: OnceLock::new() })
    }
}

/// The routes of the admin port.
pub fn router(state: AdminState) -> Router {
    let app = Shared::new(state);
    let detect = Router::new().route("/api/v1/detect", post(detect::detect));
    let desk = audit::routes().merge(pseudonyms::routes()).merge(detect);
    let desk = desk.layer(from_fn_with_state(app.clone(), access::require_role));
    let api = Router::new()
        .route("/api/v1/records", get(records::list))
        .route("/api/v1/records/{id}", get(records::show))
        .route("/api/v1/controls", get(page::controls))
        .layer(from_fn_with_state(app.clone(), access::require_admin));
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/api/v1/openapi.json", get(page::openapi))
        .route("/", get(page::index))
        .route("/admin.js", get(page::script))
        .route("/admin.css", get(page::style))
        .merge(api)
        .merge(desk)
        .fallback(fault::not_found)
        .method_not_allowed_fallback(fault::method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn(access::limit_body))
        .layer(map_response(harden))
        .with_state(app)
}

/// The desk alone, for a command that works while no gateway runs.
pub fn desk_alone(desk: Desk, door: Door) -> Router {
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle();
    let state = AdminState { audit_dir: PathBuf::new(), desk, metrics, checks: Vec::new(), door };
    let app = Shared::new(state);
    let desk = audit::routes().merge(pseudonyms::routes());
    desk.layer(from_fn_with_state(app.clone(), access::require_role)).with_state(app)
}

/// Headers that keep a browser from doing more than the page needs.
async fn harden(mut response: Response) -> Response {
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
        img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    const HEADERS: [(HeaderName, &str); 7] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
