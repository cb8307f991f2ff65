//! Is the process alive, may traffic come, and what has it counted.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::App;

/// Something that must hold before traffic may come.
#[derive(Clone)]
pub struct Check {
    /// Short name, shown to anyone who asks.
    pub name: &'static str,
    /// Tells why it doesn't hold; the reason goes to the gateway's own log only. Must not block.
    pub run: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
}

impl Check {
    /// A check.
    pub fn new(name: &'static str, run: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self { name, run: Arc::new(run) }
    }
}

/// The checks that failed when last asked: a change is logged once.
pub(super) type Failing = Mutex<Vec<&'static str>>;

/// The process runs.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Whether traffic may come; the names of what fails otherwise.
pub(super) async fn ready(State(app): State<App>) -> Response {
    let failed: Vec<(&'static str, String)> = app
        .state
        .checks
        .iter()
        .filter_map(|check| (check.run)().err().map(|reason| (check.name, reason)))
        .collect();
    let names: Vec<&'static str> = failed.iter().map(|(name, _)| *name).collect();
    let before =
        std::mem::replace(&mut *app.failing.lock().unwrap_or_else(PoisonError::into_inner), names.clone());
    if before != names {
        tracing::warn!(?failed, "readiness changed");
    }
    let (status, word) = if names.is_empty() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not_ready")
    };
    (status, Json(json!({"status": word, "failing": names}))).into_response()
}

/// Metrics in Prometheus' text format.
pub(super) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.state.metrics.render())
}
