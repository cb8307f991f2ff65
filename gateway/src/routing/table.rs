//! The routing table: which upstreams answer for a model, in the order they are tried.

use std::{collections::BTreeMap, sync::Arc};

use super::{ModelCard, Upstream};
use crate::settings::{AuditMode, Route};

/// Routes over upstreams; immutable, replaced whole when settings change.
pub struct Table {
    routes: Vec<(Route, Vec<Arc<Upstream>>)>,
    upstreams: Vec<Arc<Upstream>>,
}

/// What a route says about one request.
pub struct Picked {
    /// Upstreams in the order they are tried; never empty.
    pub candidates: Vec<Arc<Upstream>>,
    /// Model name to send instead of the caller's.
    pub rename: Option<String>,
    /// Audit mode instead of the general one.
    pub audit: Option<AuditMode>,
    /// Retention class of the call.
    pub retention: Option<String>,
}

impl Table {
    /// A table of checked routes: names of unknown upstreams are passed over, since settings refuse them.
    pub fn new(routes: &[Route], upstreams: Vec<Arc<Upstream>>) -> Self {
        let find = |name: &String| upstreams.iter().find(|upstream| upstream.name() == name).cloned();
        let routes =
            routes.iter().map(|route| (route.clone(), route.upstreams.iter().filter_map(find).collect()));
        Self { routes: routes.collect(), upstreams }
    }

    /// All upstreams.
    pub fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.upstreams.iter()
    }

    /// The upstreams for a model and an endpoint (by short name): those that are up first, each group in the
    /// route's order. None when no route fits.
    pub fn pick(&self, model: &str, endpoint: &str) -> Option<Picked> {
        let (route, upstreams) = self.routes.iter().find(|(route, _)| route.fits(model, endpoint))?;
        let (mut candidates, down): (Vec<_>, Vec<_>) =
            upstreams.iter().cloned().partition(|upstream| upstream.standing.is_up());
        candidates.extend(down);
        (!candidates.is_empty()).then(|| Picked {
            candidates,
            rename: route.model.clone(),
            audit: route.audit,
            retention: route.retention.clone(),
        })
    }

    /// The models that can be asked for, by name: those routes name outright, and those that upstreams list
    /// under a route's pattern. Sorted by name, each once.
    pub fn models(&self) -> Vec<ModelCard> {
        let mut cards = BTreeMap::new();
        for (route, upstreams) in &self.routes {
            for upstream in upstreams {
                for card in upstream.standing.models().iter() {
                    if route.models.iter().any(|pattern| pattern.matches(&card.id)) {
                        cards.entry(card.id.clone()).or_insert_with(|| card.clone());
                    }
                }
            }
            for name in route.models.iter().filter_map(|pattern| pattern.literal()) {
                let owner = upstreams.first().map_or("weir", |upstream| upstream.settings.provider.as_str());
                cards.entry(name.to_owned()).or_insert_with(|| ModelCard::named(name, owner));
            }
        }
        cards.into_values().collect()
    }
}
