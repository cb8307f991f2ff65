//! The models that callers may use, as `/v1/models` lists them.

use serde::{Deserialize, Serialize};

/// One model, in the shape of OpenAI's `Model` object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelCard {
    /// Name to send in `model`.
    pub id: String,
    /// Always `model`.
    pub object: &'static str,
    /// Unix time in seconds; 0 where the upstream doesn't say.
    pub created: i64,
    /// Who answers.
    pub owned_by: String,
}

#[derive(Deserialize)]
struct Listing {
    data: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
    #[serde(default)]
    created: i64,
    #[serde(default)]
    owned_by: String,
}

impl ModelCard {
    /// A model known by name alone.
    pub fn named(id: &str, owned_by: &str) -> Self {
        Self { id: id.to_owned(), object: "model", created: 0, owned_by: owned_by.to_owned() }
    }

    /// The models of an upstream's `/models`; none where the answer has another shape.
    pub fn list(body: &[u8]) -> Vec<Self> {
        let listing: Listing = serde_json::from_slice(body).unwrap_or(Listing { data: Vec::new() });
        let card = |one: Listed| Self { created: one.created, ..Self::named(&one.id, &one.owned_by) };
        listing.data.into_iter().map(card).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::ModelCard;

    #[test]
    fn a_listing_is_read_and_anything_else_is_empty() {
        let body =
            br#"{"object":"list","data":[{"id":"a","created":5,"owned_by":"x","extra":1},{"id":"b"}]}"#;
        let cards = ModelCard::list(body);
        assert_eq!(cards.len(), 2);
        assert_eq!((cards[0].id.as_str(), cards[0].created, cards[0].owned_by.as_str()), ("a", 5, "x"));
        assert!(ModelCard::list(b"<html>").is_empty());
    }
}
