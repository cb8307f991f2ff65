//! Refusals of the admin port, in the error shape of the traffic port.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Why an admin request is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// No key, or two different ones.
    #[error("present one key as `authorization: Bearer` or `x-api-key`")]
    NoKey,
    /// The key isn't known.
    #[error("the key is not valid")]
    BadKey,
    /// The key has another role.
    #[error("the key has no role that opens this")]
    NotAdmin,
    /// No such page or endpoint.
    #[error("no such endpoint")]
    NoEndpoint,
    /// No such record.
    #[error("no such record")]
    NoRecord,
    /// The endpoint exists under another method.
    #[error("this endpoint does not take this method")]
    Method,
    /// A query parameter is not understood.
    #[error("the parameter {parameter} must be {expected}")]
    Parameter {
        /// Its name, one of those in the API description.
        parameter: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A query parameter that doesn't exist.
    #[error("unknown parameter; /api/v1/openapi.json lists them")]
    UnknownParameter,
    /// The body is too long.
    #[error("the request body is too long")]
    TooLarge,
    /// The audit log can't be read.
    #[error("the audit log can't be read; the gateway's own log says why")]
    Unreadable,
    /// The detectors failed.
    #[error("the text could not be searched")]
    Undetected,
}

impl Fault {
    fn row(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NoKey | Self::BadKey => {
                (StatusCode::UNAUTHORIZED, "authentication_error", "invalid_api_key")
            }
            Self::NotAdmin => (StatusCode::FORBIDDEN, "permission_error", "permission_denied"),
            Self::NoEndpoint | Self::NoRecord => {
                (StatusCode::NOT_FOUND, "invalid_request_error", "not_found")
            }
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error", "method_not_allowed"),
            Self::Parameter { .. } | Self::UnknownParameter => {
                (StatusCode::BAD_REQUEST, "invalid_request_error", "invalid_request")
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", "request_too_large"),
            Self::Unreadable => (StatusCode::SERVICE_UNAVAILABLE, "server_error", "audit_unavailable"),
            Self::Undetected => (StatusCode::SERVICE_UNAVAILABLE, "server_error", "detection_unavailable"),
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let (status, kind, code) = self.row();
        let parameter = if let Self::Parameter { parameter, .. } = self { Some(parameter) } else { None };
        let error = json!({"message": self.to_string(), "type": kind, "param": parameter, "code": code});
        let weir = json!({"record_id": null, "policy": null, "rule": null});
        let mut response = (status, Json(json!({"error": error, "weir": weir}))).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Answers what no route takes.
pub(super) async fn not_found() -> Fault {
    Fault::NoEndpoint
}

/// Answers a method that a route doesn't take.
pub(super) async fn method_not_allowed() -> Fault {
    Fault::Method
}
