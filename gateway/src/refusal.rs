//! Why a request is not answered, and the one table that turns each reason into an HTTP response.

use std::time::Duration;

use serde_json::{Value, json};
use weir_dialects::error::{self, ErrorShape};
use weir_policies::Denial;

/// A reason to end an exchange with an error. The texts say what to do and never repeat what was sent.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The request can't be read as what the endpoint takes.
    #[error("{reason}")]
    Invalid {
        /// JSON Pointer or header name of the fault.
        param: Option<String>,
        /// What is wrong, without the value.
        reason: String,
    },
    /// A policy says no.
    #[error("{}", .0.message)]
    Denied(Denial),
    /// No credentials, or bad ones.
    #[error("{0}")]
    Unauthenticated(String),
    /// The caller is known and may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// No route takes this model for this endpoint.
    #[error("the model does not exist or is not served here; GET /v1/models lists the models you may use")]
    UnknownModel,
    /// No such endpoint.
    #[error("no such endpoint; see the documentation for the endpoints this gateway answers")]
    UnknownRoute,
    /// The endpoint exists under another method.
    #[error("this endpoint does not take this HTTP method")]
    Method,
    /// The body is over the limit.
    #[error("the request body is larger than the limit of {limit} bytes")]
    TooLarge {
        /// Limit in bytes.
        limit: u64,
    },
    /// The head is over the limit.
    #[error("the request headers are larger than the limit of {limit} bytes")]
    HeadTooLarge {
        /// Limit in bytes.
        limit: usize,
    },
    /// The client sent its request too slowly.
    #[error("the request was not received in time; send it again")]
    ClientTimeout,
    /// The gateway or every upstream is at its limit.
    #[error("the gateway or every upstream for this model is busy; retry after the time in retry-after")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// A control that must run could not.
    #[error(
        "the control `{control}` could not evaluate this request, so it was refused; tell your administrator"
    )]
    PolicyUnavailable {
        /// Name of the control.
        control: &'static str,
    },
    /// The audit log does not take records.
    #[error("the audit log can't be written, so no request is answered; tell your administrator")]
    AuditUnavailable,
    /// No upstream gave an answer that can be used.
    #[error("{0}")]
    Upstream(String),
    /// No upstream answered in time.
    #[error("the upstream did not answer in time")]
    UpstreamTimeout,
    /// The upstream refused with an error of its own that the client can act on.
    #[error("the upstream refused the request with status {status}")]
    Relayed {
        /// Status to answer with.
        status: u16,
        /// `retry-after` of the upstream, if it gave one.
        retry_after: Option<Duration>,
    },
    /// The client has left; nobody reads an answer.
    #[error("the client closed the connection")]
    ClientGone,
}

/// One row of the error table: status, `type` and `code` of the OpenAI error object.
struct Row(u16, &'static str, &'static str);

impl Refusal {
    /// A fault of the request as a whole.
    pub fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid { param: None, reason: reason.into() }
    }

    fn row(&self) -> Row {
        match self {
            Self::Invalid { .. } => Row(400, "invalid_request_error", "invalid_request"),
            Self::Denied(_) => Row(400, "policy_violation", "content_filter"),
            Self::Unauthenticated(_) => Row(401, "authentication_error", "invalid_api_key"),
            Self::Forbidden(_) => Row(403, "permission_error", "permission_denied"),
            Self::UnknownModel => Row(404, "invalid_request_error", "model_not_found"),
            Self::UnknownRoute => Row(404, "invalid_request_error", "not_found"),
            Self::Method => Row(405, "invalid_request_error", "method_not_allowed"),
            Self::ClientTimeout => Row(408, "invalid_request_error", "request_timeout"),
            Self::TooLarge { .. } => Row(413, "invalid_request_error", "request_too_large"),
            Self::HeadTooLarge { .. } => Row(431, "invalid_request_error", "request_too_large"),
            Self::Busy { .. } => Row(429, "rate_limit_error", "rate_limit_exceeded"),
            Self::PolicyUnavailable { .. } => Row(503, "server_error", "policy_unavailable"),
            Self::AuditUnavailable => Row(503, "server_error", "audit_unavailable"),
            Self::Upstream(_) => Row(502, "server_error", "upstream_error"),
            Self::UpstreamTimeout => Row(504, "server_error", "upstream_timeout"),
            Self::Relayed { status: 429, .. } => Row(429, "rate_limit_error", "rate_limit_exceeded"),
            Self::Relayed { status, .. } => Row(*status, "invalid_request_error", "upstream_error"),
            Self::ClientGone => Row(499, "client_error", "client_closed_request"),
        }
    }

    /// HTTP status of the answer; 499 stands in records for a client that left.
    pub fn status(&self) -> u16 {
        self.row().0
    }

    /// `code` of the OpenAI error object.
    pub fn code(&self) -> &'static str {
        self.row().2
    }

    /// When the client may try again, for `retry-after`.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after } => Some(*retry_after),
            Self::Relayed { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the gateway itself said no, so that the decision is `blocked`; faults of upstreams and clients that
    /// left decide nothing.
    pub fn is_block(&self) -> bool {
        !matches!(
            self,
            Self::Busy { .. }
                | Self::Upstream(_)
                | Self::UpstreamTimeout
                | Self::Relayed { .. }
                | Self::ClientTimeout
                | Self::ClientGone
        )
    }

    /// The error object: what to do, as the client's library files it.
    ///
    /// Shape: <https://platform.openai.com/docs/guides/error-codes>.
    pub fn shape<'a>(&'a self, message: &'a str) -> ErrorShape<'a> {
        let Row(_, kind, code) = self.row();
        let param = match self {
            Self::Invalid { param, .. } => param.as_deref(),
            Self::UnknownModel => Some("model"),
            _ => None,
        };
        ErrorShape { message, kind, param, code }
    }

    /// The whole error body, with what leads to the record beside the error object.
    pub fn body(&self, record_id: &str) -> Value {
        error::body(&self.shape(&self.to_string()), &self.trace(record_id))
    }

    /// The `weir` object of an error: record, policy and rule.
    pub fn trace(&self, record_id: &str) -> Value {
        let (policy, rule) = match self {
            Self::Denied(denial) => (Some(denial.policy.as_str()), Some(denial.rule.as_str())),
            _ => (None, None),
        };
        json!({"record_id": record_id, "policy": policy, "rule": rule})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the interface description, row by row.
    #[test]
    fn every_case_has_its_status_and_code() {
        let denial = Denial { policy: "p".into(), rule: "r".into(), message: "no".into() };
        let cases = [
            (Refusal::invalid("x"), 400, "invalid_request", "invalid_request_error"),
            (Refusal::Denied(denial), 400, "content_filter", "policy_violation"),
            (Refusal::Unauthenticated("x".into()), 401, "invalid_api_key", "authentication_error"),
            (Refusal::Forbidden("x".into()), 403, "permission_denied", "permission_error"),
            (Refusal::UnknownModel, 404, "model_not_found", "invalid_request_error"),
            (Refusal::UnknownRoute, 404, "not_found", "invalid_request_error"),
            (Refusal::TooLarge { limit: 1 }, 413, "request_too_large", "invalid_request_error"),
            (Refusal::Busy { retry_after: Duration::ZERO }, 429, "rate_limit_exceeded", "rate_limit_error"),
            (Refusal::PolicyUnavailable { control: "c" }, 503, "policy_unavailable", "server_error"),
            (Refusal::AuditUnavailable, 503, "audit_unavailable", "server_error"),
            (Refusal::Upstream("x".into()), 502, "upstream_error", "server_error"),
            (Refusal::UpstreamTimeout, 504, "upstream_timeout", "server_error"),
        ];
        for (refusal, status, code, kind) in cases {
            let body = refusal.body("rec");
            assert_eq!((refusal.status(), refusal.code()), (status, code));
            assert_eq!(body["error"]["code"], code);
            assert_eq!(body["error"]["type"], kind);
            assert_eq!(body["weir"]["record_id"], "rec");
            assert!(body["error"]["message"].as_str().is_some_and(|m| !m.is_empty()));
        }
    }

    #[test]
    fn a_denial_names_policy_and_rule() {
        let denial = Denial { policy: "p".into(), rule: "r".into(), message: "no".into() };
        let body = Refusal::Denied(denial).body("rec");
        assert_eq!(body["weir"]["policy"], "p");
        assert_eq!(body["weir"]["rule"], "r");
    }
}
