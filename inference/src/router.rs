//! The service behind an HTTP server of its own (`weir infer serve`).

use crate::answer::{Answer, Body};
use crate::api::problem::Problem;
use crate::meter::Meter;
use crate::service::Service;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Response, StatusCode, Uri};
use axum::routing::{get, post};
use futures::StreamExt as _;
use std::convert::Infallible;

/// Bytes that a request body may have.
const LARGEST_BODY: usize = 16 << 20;

/// Routes of the model server.
pub fn router(service: Service) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(answer))
        .route("/v1/completions", post(answer))
        .route("/v1/responses", post(answer))
        .route("/v1/embeddings", post(answer))
        .route("/tokenize", post(answer))
        .route("/v1/models", get(answer))
        .route("/v1/models/{id}", get(answer))
        .route("/health", get(answer))
        .route("/metrics", get(answer))
        .fallback(answer)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(service)
}

async fn answer(State(service): State<Service>, uri: Uri, body: Bytes) -> Response<axum::body::Body> {
    response(service.handle(uri.path(), body).await)
}

async fn wrong_method() -> Response<axum::body::Body> {
    response(Answer::problem(&Problem::wrong_method(), Meter::default()))
}

fn response(answer: Answer) -> Response<axum::body::Body> {
    let body = match answer.body {
        Body::Full(bytes) => axum::body::Body::from(bytes),
        Body::Stream(receiver) => {
            let pieces = futures::stream::unfold(receiver, |mut receiver| async move {
                receiver.recv().await.map(|piece| (piece, receiver))
            });
            axum::body::Body::from_stream(pieces.map(Ok::<_, Infallible>))
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = answer.headers;
    response
}
