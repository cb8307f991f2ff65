//! The way back: pseudonyms of the exchange become values again, channel by channel.

use std::collections::HashMap;

use crate::pseudonym::{Ended, Restorer, Vault};
use crate::{Channel, Delta, Fault, Verdict};

/// The reply of one exchange. No `Debug`: it holds text of the reply.
#[derive(Default)]
pub(super) struct Replies {
    channels: HashMap<Channel, Restorer>,
}

impl Replies {
    /// Judges and edits one delta.
    pub(super) fn push(&mut self, vault: &Vault, delta: &mut Delta) -> Result<Verdict, Fault> {
        if vault.is_empty() {
            return Ok(Verdict::Allow);
        }
        let ended = if delta.last { Ended::Yes } else { Ended::No };
        let channel = match self.channels.get_mut(&delta.channel) {
            Some(channel) => channel,
            None => self.channels.entry(delta.channel.clone()).or_default(),
        };
        let before = channel.restored();
        channel.push(vault, &mut delta.text, (delta.kind, ended));
        let restored = channel.restored() > before;
        if delta.last {
            self.channels.remove(&delta.channel);
        }
        Ok(if restored { Verdict::Transformed } else { Verdict::Allow })
    }
}
