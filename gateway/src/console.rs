//! Connects the admin port to the gateway: who may look, what is shown, and when traffic may come.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use weir_audit::{AdminEvent, Event};
use weir_callers::Presented;

use crate::{
    admin::{Access, AdminState, Check},
    gate::Gate,
    routing::Standing,
};

/// The state of the admin port.
pub fn state(gate: &Arc<Gate>, metrics: &PrometheusHandle) -> AdminState {
    let door = gate.clone();
    AdminState {
        audit_dir: gate.settings().audit.dir.clone(),
        metrics: metrics.clone(),
        checks: checks(gate),
        door: Arc::new(move |key| {
            let gate = door.clone();
            Box::pin(async move { access(&gate, &key).await })
        }),
    }
}

async fn access(gate: &Gate, key: &str) -> Access {
    let presented = Presented { bearer: Some(key), x_api_key: None };
    match gate.callers().authenticate_admin(&presented).await {
        Ok(_) => Access::Admin,
        Err(weir_callers::Refusal::NotAdmin) => Access::Other,
        Err(_) => Access::Unknown,
    }
}

/// What must hold before traffic may come.
fn checks(gate: &Arc<Gate>) -> Vec<Check> {
    let (log, table, policies, port) = (gate.clone(), gate.clone(), gate.clone(), gate.clone());
    vec![
        Check::new("audit_log", move || log.archive.log.health().map_err(|fault| fault.to_string())),
        Check::new("traffic_port", move || {
            port.is_listening().then_some(()).ok_or_else(|| "the traffic port is not open yet".to_owned())
        }),
        Check::new("policies", move || {
            let loaded = !policies.live().controls.is_empty();
            loaded.then_some(()).ok_or_else(|| "no control is in force".to_owned())
        }),
        Check::new("upstream", move || {
            let live = table.live();
            let up = |standing: &Standing| standing.is_known() && standing.is_up();
            let any = live.table.upstreams().any(|upstream| up(&upstream.standing));
            any.then_some(()).ok_or_else(|| "no upstream is known to be up".to_owned())
        }),
    ]
}

/// Leaves a record of a reload.
pub fn note_reload(gate: &Arc<Gate>, before: &str, after: &str) {
    let event = AdminEvent {
        action: "settings.reload".into(),
        actor: "file".into(),
        before: Some(before.to_owned().into()),
        after: Some(after.to_owned().into()),
        ..AdminEvent::default()
    };
    let log = gate.archive.log.clone();
    tokio::spawn(async move {
        if let Err(fault) = log.append(Event::Admin(event)).await {
            tracing::error!(%fault, "a reload could not be recorded");
        }
    });
}
