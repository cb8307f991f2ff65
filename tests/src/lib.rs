//! Harness and scenarios: a gateway, scripted upstreams, real clients.
