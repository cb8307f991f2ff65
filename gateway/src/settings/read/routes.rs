//! `routes`: model names to upstreams.

use weir_callers::Pattern;
use weir_policies::document::{Map, Spot, Value, nearest};

use super::upstreams::DEFAULT_NAME;
use crate::settings::Route;

/// Endpoints that name a model.
const ENDPOINTS: [&str; 4] = ["chat", "completions", "responses", "embeddings"];
/// Models of the embedded default, with the endpoints they are for.
const DEFAULT_ROUTES: [(&str, &[&str]); 2] =
    [("smollm2-135m-instruct", &["chat", "completions", "responses"]), ("all-minilm-l6-v2", &["embeddings"])];

/// `routes`. Without `upstreams` and `routes` the embedded engine's models; none when there is a problem.
/// `upstreams` are the names there are, none when that isn't known.
pub(super) fn routes(map: &mut Map<'_>, upstreams: Option<&[String]>) -> Option<Vec<Route>> {
    let has_upstreams = map.get("upstreams").is_some();
    let Some(list) = map.get("routes") else {
        if has_upstreams {
            map.value().problem("key `routes` is missing");
            return None;
        }
        return Some(default_routes());
    };
    let read = list.list(|item| route(item, upstreams))?;
    if read.is_empty() {
        return list.expected("at least one route");
    }
    let (routes, spots): (Vec<Route>, Vec<Spot>) = read.into_iter().unzip();
    for (index, (route, spot)) in routes.iter().zip(&spots).enumerate() {
        if is_hidden(route, routes.get(..index).unwrap_or_default()) {
            list.problem_at(spot, "never reached: earlier routes take all its models", None);
        }
    }
    Some(routes)
}

fn default_routes() -> Vec<Route> {
    let route = |(model, endpoints): &(&str, &[&str])| Route {
        models: vec![Pattern::new(model)],
        endpoints: endpoints.iter().map(|&name| name.to_owned()).collect(),
        upstreams: vec![DEFAULT_NAME.to_owned()],
        model: None,
        audit: None,
        retention: None,
    };
    DEFAULT_ROUTES.iter().map(route).collect()
}

fn route(value: Value<'_>, upstreams: Option<&[String]>) -> Option<(Route, Spot)> {
    let names = ENDPOINTS.map(|name| (name, name.to_owned()));
    let mut map = value.map()?;
    let models =
        map.required("models", |v| v.one_or_more(|item| model(item).map(|name| Pattern::new(&name))));
    let endpoints = map.optional("endpoints", |v| v.one_or_more(|item| item.choice(&names)));
    let ordered = map.required("upstreams", |v| ordered(v, upstreams));
    let renamed = map.optional("model", |v| {
        let name = model(v)?;
        if name.contains('*') { v.expected("one model name, without `*`") } else { Some(name) }
    });
    let audit = map.optional("audit", super::audit::mode);
    let retention = map.optional("retention", Value::text);
    map.finish();
    let route = Route {
        models: models?,
        endpoints: endpoints.unwrap_or_default(),
        upstreams: ordered?,
        model: renamed,
        audit,
        retention,
    };
    Some((route, value.spot().clone()))
}

fn model(value: Value<'_>) -> Option<String> {
    let name = value.text()?;
    let fits = name.chars().count() <= 256 && !name.chars().any(|c| c.is_control() || c.is_whitespace());
    if fits { Some(name) } else { value.expected("a model name without white space") }
}

/// Names of upstreams in the order they are tried.
fn ordered(value: Value<'_>, known: Option<&[String]>) -> Option<Vec<String>> {
    let mut seen: Vec<String> = Vec::new();
    value.one_or_more(|item| {
        let name = item.text()?;
        if let Some(known) = known.filter(|known| !known.contains(&name)) {
            let suggestion = nearest(&name, known.iter().map(String::as_str));
            item.problem_suggesting("no upstream has this name", suggestion);
        } else if seen.contains(&name) {
            item.problem("this upstream stands here a second time");
        }
        seen.push(name.clone());
        Some(name)
    })
}

/// Whether every model and endpoint of a route is taken by an earlier one.
fn is_hidden(route: &Route, earlier: &[Route]) -> bool {
    let is_taken = |model: &Pattern, endpoint: &str| {
        earlier.iter().any(|other| {
            (other.endpoints.is_empty() || other.endpoints.iter().any(|name| name == endpoint))
                && other.models.iter().any(|pattern| pattern.covers(model))
        })
    };
    let is_own =
        |endpoint: &&str| route.endpoints.is_empty() || route.endpoints.iter().any(|name| name == endpoint);
    let endpoints: Vec<&str> = ENDPOINTS.into_iter().filter(is_own).collect();
    route.models.iter().all(|model| endpoints.iter().all(|endpoint| is_taken(model, endpoint)))
}
