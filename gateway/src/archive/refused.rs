//! What somebody known asked of the admin port and was not allowed: it leaves a record.

use weir_audit::{AdminEvent, Event};

use super::{Archive, Person, desk::ALL_TENANTS};

impl Archive {
    /// Records that a person was refused `asked`: a method and the pattern of a path, or a command. The refusal
    /// stands also where that can't be written.
    pub async fn note_refused(&self, who: &Person, asked: String) {
        // Of the person's own tenant, so that its auditors see what was tried with its keys.
        let tenant = if who.tenant == ALL_TENANTS { String::new() } else { who.tenant.clone() };
        let event = AdminEvent {
            action: "desk.refused".into(),
            actor: who.name.clone().into(),
            object: asked.into(),
            tenant: tenant.into(),
            ..AdminEvent::default()
        };
        if let Err(fault) = self.log.append(Event::Admin(event)).await {
            tracing::error!(%fault, "a refusal at the desk could not be recorded");
        }
    }
}
