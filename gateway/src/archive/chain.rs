//! What ties an exchange to those before and after it in a conversation that the upstream holds: its replies' ids, or
//! the conversation's own.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;
use weir_dialects::{Endpoint, Origin, Request, Summary};
use weir_policies::{Caller, Pair};
use weir_pseudonyms::{Held, LastingError, Owner};

use super::memory::{Memory, Shelf, missed, not_kept, pair};

/// Longest time that a request waits for what was kept before. Without it, earlier pseudonyms are not restored.
const RECALL: Duration = Duration::from_millis(100);
/// The same where it goes on from another: that one's values may be on their way to the disk still.
const FOLLOW: Duration = Duration::from_secs(1);

/// What is known of earlier exchanges.
#[derive(Default)]
pub struct Recalled {
    /// Pseudonyms that a reply may name.
    pub pairs: Arc<[Pair]>,
    /// Those of the exchanges that this one goes on from.
    held: Vec<Held>,
}

/// What a later exchange may go on from. No `Debug`: it holds whose it is.
pub struct Chain {
    owner: Owner,
    who: String,
    names: Vec<[u8; 32]>,
    held: Vec<Held>,
}

impl Memory {
    /// What was kept for the same subject, in the same conversation, or by the exchanges that a request goes on from;
    /// nothing if that can't be had in time.
    pub async fn recall(self: &Arc<Self>, caller: &Caller, request: &Request) -> Recalled {
        let Some(shelf) = &self.shelf else { return Recalled::default() };
        let ties = shelf.ties(caller, request.origins());
        if caller.subject.is_none() && caller.conversation.is_none() && ties.is_empty() {
            return Recalled::default();
        }
        let patience = if ties.is_empty() { RECALL } else { FOLLOW };
        let (this, owner) = (Arc::clone(self), shelf.owner(caller));
        let recalled = async move {
            let turn = Arc::clone(&this.readers).acquire_owned().await;
            let read = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                this.shelf.as_ref().map_or(Ok(Recalled::default()), |shelf| shelf.recall(&owner, &ties))
            });
            read.await
        };
        match timeout(patience, recalled).await {
            Ok(Ok(Ok(recalled))) => recalled,
            Ok(Ok(Err(fault))) => {
                tracing::error!(%fault, "earlier pseudonyms can't be read");
                missed()
            }
            Ok(Err(_)) | Err(_) => missed(),
        }
    }

    /// What a later exchange may go on from; none where nothing is kept, or nothing is known of whose it is.
    pub fn chain(
        &self,
        (caller, request): (&Caller, &Request),
        recalled: Recalled,
        names: impl FnOnce() -> Vec<String>,
    ) -> Option<Chain> {
        let shelf = self.shelf.as_ref().filter(|_| *request.endpoint() == Endpoint::Responses)?;
        let (who, held) = (who(caller)?, recalled.held);
        let names: Vec<_> = names().iter().map(|name| shelf.name(&caller.tenant, name)).collect();
        if names.is_empty() && held.is_empty() {
            return None;
        }
        let chain = Chain { owner: shelf.owner(caller), who, names, held };
        for origin in request.origins() {
            // A conversation has one id from its first exchange to its last.
            if let Origin::Conversation(_) = origin {
                self.tie(&chain, origin);
            }
        }
        Some(chain)
    }

    /// Ties what an exchange knows to the id of its reply, once that is known.
    pub fn answered(&self, chain: Option<&Chain>, reply: &Summary) {
        if let (Some(chain), Some(id)) = (chain, &reply.id) {
            self.tie(chain, &Origin::Response(id.clone()));
        }
    }

    /// Ties what an exchange knows to what a later one may name.
    fn tie(&self, chain: &Chain, to: &Origin) {
        let Some(shelf) = &self.shelf else { return };
        let Chain { owner, who, names, held } = chain;
        let tie = shelf.tie(&owner.tenant, who, to);
        if shelf.lasting.tie(tie, (owner.clone(), names.clone()), held.clone()).is_err() {
            not_kept();
        }
    }
}

impl Shelf {
    fn recall(&self, owner: &Owner, ties: &[[u8; 32]]) -> Result<Recalled, LastingError> {
        let (mut pairs, mut held): (Vec<Pair>, Vec<Held>) = (Vec::new(), Vec::new());
        for tie in ties {
            let followed = self.lasting.follow((&owner.tenant, owner.tenant_blind), *tie, FOLLOW / 2)?;
            for (kept, place) in followed {
                pairs.push(pair(kept));
                held.push(place);
            }
        }
        let more = self.lasting.recall(owner)?.into_iter().map(pair);
        let more: Vec<_> = more.filter(|more| !pairs.iter().any(|known| known.name == more.name)).collect();
        Ok(Recalled { pairs: pairs.into_iter().chain(more).collect(), held })
    }

    fn ties(&self, caller: &Caller, origins: &[Origin]) -> Vec<[u8; 32]> {
        let Some(who) = who(caller).filter(|_| !origins.is_empty()) else { return Vec::new() };
        origins.iter().map(|origin| self.tie(&caller.tenant, &who, origin)).collect()
    }

    fn tie(&self, tenant: &str, who: &str, to: &Origin) -> [u8; 32] {
        let (purpose, id) = match to {
            Origin::Response(id) => ("response", id),
            Origin::Conversation(id) => ("held conversation", id),
        };
        self.key.blind(tenant, purpose, &format!("{who}\u{1}{id}"))
    }
}

/// Whose an exchange is: nobody else's goes on from it, whatever id it names.
fn who(caller: &Caller) -> Option<String> {
    let key = || caller.key_id.as_ref().map(|key| format!("key\u{1}{key}"));
    caller.subject.as_ref().map(|subject| format!("subject\u{1}{subject}")).or_else(key)
}
