//! The gateway: Pingora shell, pipeline, relay, routing, admin.
