//! `/api/v1/audit/…`: the desk over HTTP. Reading takes the role auditor, bodies and judgements reviewer, the rest admin.

mod acts;
mod calls;
mod exports;
mod reveals;

use axum::{
    Json, Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;
use weir_audit::AuditError;
use weir_index::IndexError;

pub(super) use acts::read;

use super::App;
use crate::archive::DeskError;

/// The routes; the caller is known by then.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/audit/calls", get(calls::list))
        .route("/api/v1/audit/calls/{id}", get(calls::show))
        .route("/api/v1/audit/calls/{id}/reveal", post(reveals::reveal))
        .route("/api/v1/audit/calls/{id}/review", post(acts::review))
        .route("/api/v1/audit/totals", get(calls::totals))
        .route("/api/v1/audit/events", get(calls::events))
        .route("/api/v1/audit/search", post(acts::search))
        .route("/api/v1/audit/holds", get(acts::holds).post(acts::ask_hold))
        .route("/api/v1/audit/holds/{id}", post(acts::step_hold))
        .route("/api/v1/audit/reveals", get(reveals::list))
        .route("/api/v1/audit/reveals/{id}/approve", post(reveals::approve))
        .route("/api/v1/audit/reveals/{id}/refuse", post(reveals::refuse))
        .route("/api/v1/audit/erasures", post(acts::erase))
        .route("/api/v1/audit/erasures/repeat", post(acts::repeat_erasures))
        .route("/api/v1/audit/exports", post(exports::export))
        .route("/api/v1/audit/checkpoint", get(calls::checkpoint))
        .route("/api/v1/audit/completeness", get(calls::completeness))
        .route("/api/v1/audit/keys/rotate", post(acts::rotate))
        .route("/api/v1/audit/prune", post(acts::prune))
}

/// A refusal of the desk, in the error shape of the traffic port.
pub(in crate::admin) struct Refused(DeskError);

impl<E: Into<DeskError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, kind, code) = row(&self.0);
        let message = if status.is_server_error() {
            tracing::error!(error = %self.0, "the desk could not do what was asked");
            "the audit log or its index can't be used now; the gateway's own log says why".to_owned()
        } else {
            self.0.to_string()
        };
        let param = if let DeskError::Parameter { what, .. } = self.0 { Some(what) } else { None };
        let error = json!({"message": message, "type": kind, "param": param, "code": code});
        let weir = json!({"record_id": null, "policy": null, "rule": null});
        (status, Json(json!({"error": error, "weir": weir}))).into_response()
    }
}

fn row(error: &DeskError) -> (StatusCode, &'static str, &'static str) {
    let request = "invalid_request_error";
    match error {
        DeskError::Role { .. } => (StatusCode::FORBIDDEN, "permission_error", "permission_denied"),
        DeskError::NotFound | DeskError::Audit(AuditError::NoSubject) => {
            (StatusCode::NOT_FOUND, request, "not_found")
        }
        DeskError::Denied { .. }
        | DeskError::Audit(
            AuditError::Held { .. } | AuditError::HoldRefused { .. } | AuditError::RevealRefused { .. },
        ) => (StatusCode::CONFLICT, request, "conflict"),
        DeskError::Reason
        | DeskError::Parameter { .. }
        | DeskError::Index(IndexError::NotACursor | IndexError::TooManyIds { .. })
        | DeskError::Audit(AuditError::Bundle { .. }) => {
            (StatusCode::BAD_REQUEST, request, "invalid_request")
        }
        DeskError::Unreadable
        | DeskError::Stopped
        | DeskError::Audit(_)
        | DeskError::Index(_)
        | DeskError::Lasting(_)
        | DeskError::Secret(_)
        | DeskError::File(_) => (StatusCode::SERVICE_UNAVAILABLE, "server_error", "audit_unavailable"),
    }
}
