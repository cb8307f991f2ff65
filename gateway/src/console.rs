//! Connects the admin port to the gateway: who may look, what is shown, and when traffic may come.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use weir_audit::{AdminEvent, AuditError, Event};
use weir_callers::{Callers, Grant, Presented};

use crate::{
    admin::{Access, AdminState, Check},
    archive::{Archive, Desk, Person},
    gate::Gate,
    routing::Standing,
};

/// The state of the admin port.
pub fn state(gate: &Arc<Gate>, metrics: &PrometheusHandle, desk: Desk) -> AdminState {
    let door = gate.clone();
    AdminState {
        audit_dir: gate.settings().audit.dir.clone(),
        metrics: metrics.clone(),
        desk,
        checks: checks(gate),
        door: Arc::new(move |key| {
            let gate = door.clone();
            Box::pin(async move { access(gate.callers(), &gate.archive, &key).await })
        }),
    }
}

/// What a key or token allows on the admin port.
pub async fn access(callers: &Callers, archive: &Archive, key: &str) -> Access {
    let presented = Presented { bearer: Some(key), x_api_key: None };
    let Ok(grant) = callers.authenticate_any(&presented).await else { return Access::Unknown };
    match person(archive, &grant) {
        Ok(person) => Access::Known(person),
        Err(fault) => {
            tracing::error!(%fault, "nobody can be named at the desk");
            Access::Other
        }
    }
}

/// Who works at the desk: a key by its id, a token's subject by its erasable reference.
///
/// # Errors
/// When the key store of the vault fails.
fn person(archive: &Archive, grant: &Grant) -> Result<Person, AuditError> {
    let caller = &grant.caller;
    let name = match (&caller.key_id, &caller.subject) {
        (Some(key), _) => key.clone(),
        (None, Some(subject)) => format!("user:{}", archive.vault.subject_ref(&caller.tenant, subject)?),
        (None, None) => "token".to_owned(),
    };
    Ok(Person { name, role: grant.audit_role(), tenant: caller.tenant.clone() })
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
