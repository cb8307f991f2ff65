//! The loop of one sink and lane: read, deliver, keep the position; try again for as long as it takes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use weir_audit::Ambient;

use crate::backoff::Backoff;
use crate::batch::{Batch, Item, cut};
use crate::error::{Failure, SinkError};
use crate::position::{Ledger, Mark};
use crate::render::{Renderer, Shape};
use crate::run::Lane;
use crate::settings::{OnRefusal, SinkSettings};
use crate::sink::Sink;
use crate::source::{Chunk, Source};
use crate::state::{Gauge, Status};

/// How often a batch is refused before that is taken as the receiver's last word.
const LAST_WORD: u32 = 3;
/// How long a delivery under way may go on once the sink is told to stop.
const GRACE: Duration = Duration::from_secs(2);

/// One sink with one lane.
pub(crate) struct Worker {
    pub(crate) sink: Box<dyn Sink>,
    pub(crate) shape: Shape,
    pub(crate) settings: SinkSettings,
    pub(crate) lane: Lane,
    pub(crate) home: PathBuf,
    pub(crate) ambient: Arc<dyn Ambient>,
    pub(crate) gauge: Gauge,
    /// The position that is on disk.
    pub(crate) kept: Mark,
}

/// Resolves when the sender is gone.
type Told = watch::Receiver<()>;

/// The worker has to end.
enum Ended {
    /// It was told to stop.
    Told,
    /// The receiver refused a record for good.
    Refused,
    /// By a fault of the program, or because the runtime is going down.
    Broken,
}

/// What came of a batch.
enum Outcome {
    Taken,
    /// Some of it can't be delivered: each message has to be tried alone.
    Apart,
    /// A message that stands alone can't be delivered.
    Never,
}

impl Worker {
    pub(crate) async fn run(mut self, mut told: Told) {
        let ended = self.work(&mut told).await;
        match ended {
            Err(Ended::Told) => self.gauge.set(Status::Stopped),
            Err(Ended::Refused) => {
                self.gauge.set(Status::Refused);
                tracing::error!(sink = %self.settings.name, lane = self.lane.index,
                    "the receiver refuses a record for good; the sink has stopped there until the next start");
            }
            Err(Ended::Broken) => {
                self.gauge.fault("program");
                tracing::error!(sink = %self.settings.name, lane = self.lane.index, "a sink ended by a fault of its own");
            }
            Ok(never) => match never {},
        }
    }

    async fn work(&mut self, told: &mut Told) -> Result<std::convert::Infallible, Ended> {
        let (mut ledger, mark) = self.start(told).await?;
        let renderer = Renderer::new(self.shape, self.lane.dir.clone());
        let mut source = Source::open(&self.lane.dir, self.lane.upto.clone(), renderer, mark);
        let mut tries = 0;
        loop {
            let most = self.settings.limits.records;
            let (back, read) = blocking(source, move |source| source.read(most)).await?;
            source = back;
            match read {
                Ok(chunk) if chunk.last.is_none() => {
                    self.rest(&chunk);
                    self.wait(self.settings.poll, told).await?;
                }
                Ok(chunk) => {
                    tries = 0;
                    ledger = self.chunk(chunk, ledger, told).await?;
                }
                Err(fault) => {
                    tries += 1;
                    self.report(&fault, tries);
                    self.wait(self.pause(tries, None), told).await?;
                }
            }
        }
    }

    /// Takes the position files, once nobody else has them, and makes sure that they fit the log.
    async fn start(&mut self, told: &mut Told) -> Result<(Ledger, Mark), Ended> {
        let mut tries = 0;
        loop {
            let (home, name, lane) = (self.home.clone(), self.settings.name.clone(), self.lane.clone());
            let ((), opened) = blocking((), move |()| open(&home, &name, &lane)).await?;
            match opened {
                Ok(Some((ledger, mark))) => {
                    self.kept = mark;
                    self.gauge.at(mark.seq);
                    self.gauge.set(Status::Running);
                    return Ok((ledger, mark));
                }
                Ok(None) => {
                    self.gauge.set(Status::Elsewhere);
                    self.wait(self.settings.poll, told).await?;
                }
                Err(fault) => {
                    tries += 1;
                    self.report(&fault, tries);
                    self.wait(self.pause(tries, None), told).await?;
                }
            }
        }
    }

    /// Nothing to deliver now.
    fn rest(&self, chunk: &Chunk) {
        self.gauge.holds(0, None, chunk.end);
        self.gauge.set(Status::Running);
    }

    /// Delivers what was read, and keeps the position after each batch.
    async fn chunk(&mut self, chunk: Chunk, mut ledger: Ledger, told: &mut Told) -> Result<Ledger, Ended> {
        if chunk.missed > 0 {
            self.gauge.missed(chunk.missed);
            tracing::error!(sink = %self.settings.name, lane = self.lane.index, records = chunk.missed,
                "retention took records before they were delivered");
        }
        let Some(last) = chunk.last else { return Ok(ledger) };
        let mut held = chunk.items.len();
        for items in cut(chunk.items, self.settings.limits.bytes) {
            self.gauge.holds(held, items.first().map(|it| it.time.time()), chunk.end);
            held -= items.len();
            let batch = Batch { lane: self.lane.index, node_id: chunk.node_id.clone(), items };
            let mark = batch.items.last().map(|it| Mark { record_id: it.record_id, seq: it.seq });
            ledger = self.batch(batch, ledger, told).await?;
            if let Some(mark) = mark {
                ledger = self.keep(ledger, mark, told).await?;
            }
        }
        self.gauge.holds(0, None, chunk.end);
        self.keep(ledger, last, told).await
    }

    async fn batch(&mut self, batch: Batch, mut ledger: Ledger, told: &mut Told) -> Result<Ledger, Ended> {
        match self.insist(&batch, told).await? {
            Outcome::Taken => return Ok(ledger),
            Outcome::Never => return self.set_aside(&batch.items, ledger, told).await,
            Outcome::Apart => {}
        }
        for item in batch.items {
            let alone = Batch { lane: batch.lane, node_id: batch.node_id.clone(), items: vec![item] };
            let mark = alone.items.last().map(|it| Mark { record_id: it.record_id, seq: it.seq });
            if !matches!(self.insist(&alone, told).await?, Outcome::Taken) {
                ledger = self.set_aside(&alone.items, ledger, told).await?;
            }
            if let Some(mark) = mark {
                ledger = self.keep(ledger, mark, told).await?;
            }
        }
        Ok(ledger)
    }

    /// Tries until the receiver has taken the batch or has said its last word.
    async fn insist(&mut self, batch: &Batch, told: &mut Told) -> Result<Outcome, Ended> {
        let (mut tries, mut refusals) = (0_u32, 0);
        loop {
            let Err(failure) = self.attempt(batch, told).await? else {
                self.gauge.delivered(batch.items.len());
                return Ok(Outcome::Taken);
            };
            tries = tries.saturating_add(1);
            self.gauge.failed(failure);
            tracing::warn!(sink = %self.settings.name, lane = self.lane.index, tries, %failure, "delivery failed");
            let mut asked = None;
            match failure {
                Failure::TooLarge if batch.items.len() > 1 => return Ok(Outcome::Apart),
                Failure::TooLarge | Failure::Refused { .. } | Failure::Rejected { .. } => {
                    refusals += 1;
                    self.gauge.set(Status::Retrying);
                    if refusals >= LAST_WORD {
                        return self.give_up(batch);
                    }
                }
                Failure::Denied { .. } => self.gauge.set(Status::Denied),
                Failure::Unconfirmed if tries >= LAST_WORD => self.gauge.set(Status::Denied),
                Failure::Busy { retry_after, .. } => {
                    asked = retry_after;
                    self.gauge.set(Status::Retrying);
                }
                _ => self.gauge.set(Status::Retrying),
            }
            let wait = if matches!(failure, Failure::Denied { .. }) { u32::MAX } else { tries };
            self.wait(self.pause(wait, asked), told).await?;
        }
    }

    fn give_up(&self, batch: &Batch) -> Result<Outcome, Ended> {
        match self.settings.on_refusal {
            OnRefusal::Stop => Err(Ended::Refused),
            OnRefusal::SetAside if batch.items.len() > 1 => Ok(Outcome::Apart),
            OnRefusal::SetAside => Ok(Outcome::Never),
        }
    }

    /// One delivery. Told to stop, it may still end well within the grace; otherwise it is sent again one day.
    async fn attempt(&mut self, batch: &Batch, told: &mut Told) -> Result<Result<(), Failure>, Ended> {
        let delivery = self.sink.deliver(batch);
        tokio::pin!(delivery);
        tokio::select! {
            done = &mut delivery => Ok(done),
            () = gone(told) => timeout(GRACE, delivery).await.map_err(|_| Ended::Told),
        }
    }

    async fn set_aside(
        &mut self,
        items: &[Item],
        mut ledger: Ledger,
        told: &mut Told,
    ) -> Result<Ledger, Ended> {
        for item in items {
            let body = item.body.clone();
            ledger = self.persist(ledger, told, move |ledger| ledger.set_aside(&body)).await?;
            self.gauge.set_aside();
            tracing::error!(sink = %self.settings.name, lane = self.lane.index, seq = item.seq,
                "the receiver refuses a record for good; it was set aside");
        }
        Ok(ledger)
    }

    async fn keep(&mut self, ledger: Ledger, mark: Mark, told: &mut Told) -> Result<Ledger, Ended> {
        if self.kept == mark {
            return Ok(ledger);
        }
        let ledger = self.persist(ledger, told, move |ledger| ledger.save(mark)).await?;
        self.kept = mark;
        self.gauge.at(mark.seq);
        Ok(ledger)
    }

    /// Writes to the sink's files, for as long as it takes.
    async fn persist<F>(&mut self, mut ledger: Ledger, told: &mut Told, write: F) -> Result<Ledger, Ended>
    where
        F: Fn(&mut Ledger) -> Result<(), SinkError> + Clone + Send + 'static,
    {
        let mut tries = 0;
        loop {
            let (back, written) = blocking(ledger, write.clone()).await?;
            ledger = back;
            let Err(fault) = written else { return Ok(ledger) };
            tries += 1;
            self.report(&fault, tries);
            self.wait(self.pause(tries, None), told).await?;
        }
    }

    fn report(&self, fault: &SinkError, tries: u32) {
        let class =
            if matches!(fault, SinkError::Log(_) | SinkError::Unknown { .. }) { "log" } else { "position" };
        // A segment that retention removes under a reader is no fault: the next try finds its successor.
        if tries > 1 || class != "log" {
            self.gauge.fault(class);
            tracing::error!(sink = %self.settings.name, lane = self.lane.index, %fault, "a sink can't go on");
        }
    }

    fn pause(&self, tries: u32, asked: Option<Duration>) -> Duration {
        let [a, b, c, d, ..] = self.ambient.random();
        let wait = self.settings.backoff.wait(tries, u32::from_le_bytes([a, b, c, d]));
        Backoff::at_least(wait, asked)
    }

    /// Waits; ends at once when told to stop.
    async fn wait(&self, wait: Duration, told: &mut Told) -> Result<(), Ended> {
        match timeout(wait, gone(told)).await {
            Ok(()) => Err(Ended::Told),
            Err(_elapsed) => Ok(()),
        }
    }
}

async fn gone(told: &mut Told) {
    while told.changed().await.is_ok() {}
}

fn open(home: &std::path::Path, name: &str, lane: &Lane) -> Result<Option<(Ledger, Mark)>, SinkError> {
    if !lane.dir.is_dir() {
        return Ok(None);
    }
    let Some(ledger) = Ledger::take(home, name, lane.index)? else { return Ok(None) };
    let mark = ledger.load()?;
    if !Source::holds(&lane.dir, mark)? {
        return Err(SinkError::Diverged { seq: mark.seq, path: ledger.path().to_owned() });
    }
    Ok(Some((ledger, mark)))
}

/// Runs what blocks on a thread of its own, and gives back what it worked on.
async fn blocking<T, R, F>(mut thing: T, work: F) -> Result<(T, R), Ended>
where
    T: Send + 'static,
    R: Send + 'static,
    F: FnOnce(&mut T) -> R + Send + 'static,
{
    let done = tokio::task::spawn_blocking(move || {
        let result = work(&mut thing);
        (thing, result)
    });
    done.await.map_err(|_| Ended::Broken)
}
