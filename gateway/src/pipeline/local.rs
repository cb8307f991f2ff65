//! What the gateway answers itself: the list of models a caller may use.

use serde_json::json;
use weir_dialects::Endpoint;

use super::{heads, stages::Authenticated, trail::Trail};
use crate::{
    gate::Gate,
    refusal::Refusal,
    shell::{Downstream, Framing},
};

/// The answer's JSON, for the endpoints that no upstream is asked for.
///
/// # Errors
/// [`Refusal::UnknownModel`] for a model that is not served, or not to this caller.
pub fn answer(gate: &Gate, call: &Authenticated) -> Result<Option<String>, Refusal> {
    let cards = || {
        let mut cards = gate.live().table.models();
        cards.retain(|card| call.grant().allows_model(&card.id));
        cards
    };
    match call.endpoint() {
        Endpoint::Models => Ok(Some(json!({"object": "list", "data": cards()}).to_string())),
        Endpoint::Model(id) => {
            let card = cards().into_iter().find(|card| card.id == *id).ok_or(Refusal::UnknownModel)?;
            Ok(Some(json!(card).to_string()))
        }
        _ => Ok(None),
    }
}

/// Sends such an answer.
///
/// # Errors
/// [`Refusal::ClientGone`].
pub async fn send(downstream: &mut Downstream, trail: &mut Trail, body: String) -> Result<(), Refusal> {
    trail.status(200);
    let head = heads::plain(trail, 200).with(http::header::CONTENT_TYPE, "application/json");
    downstream.head(head, Framing::Length(body.len())).await?;
    downstream.last(body.into()).await
}
