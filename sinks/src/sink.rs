//! What every receiver's side looks like: an encoder that does no IO, and a delivery that ends in an answer.

use async_trait::async_trait;

use crate::batch::Batch;
use crate::error::Failure;

/// A way to hand batches to one receiver.
#[async_trait]
pub trait Sink: Send + Sync {
    /// The batch as it goes over the wire.
    fn encode(&self, batch: &Batch) -> Vec<u8>;

    /// Hands the batch over; resolves when the receiver has taken it, or has not within its deadline.
    ///
    /// # Errors
    /// Why the receiver may not have it. It may have it all the same: the batch is sent again.
    async fn deliver(&mut self, batch: &Batch) -> Result<(), Failure>;
}
