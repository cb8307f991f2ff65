//! What follows the log off the request path: the index and the sinks; and how far they are, for metrics.

use std::{sync::Arc, time::SystemTime};

use anyhow::{Context, Result};
use weir_audit::{Log, System};
use weir_index::{Indexer, Lane};
use weir_sinks::{Sinks, States};

use super::{Archive, place};

/// The followers of a running gateway.
pub struct Followers {
    log: Log,
    indexer: Indexer,
    sinks: States,
}

impl Followers {
    /// Starts the indexer, and the sinks on the current runtime until `stop` resolves.
    ///
    /// # Errors
    /// When the index can't be opened, or a sink's settings can't be used.
    pub fn start(archive: &Arc<Archive>, stop: impl Future<Output = ()> + Send + 'static) -> Result<Self> {
        let (dir, written) = (archive.settings.dir.clone(), archive.log.dir().to_owned());
        let log = archive.log.clone();
        let until = Arc::new(move || log.durable_seq());
        let lanes = Lane::all(&dir, &written, until, &System::default())?;
        let store = place(&archive.settings).store().context("the index of the audit log can't be opened")?;
        let indexer = Indexer::start(store, lanes, weir_index::Settings::default())?;
        let sinks = Sinks::open(&archive.settings.sinks, &sink_place(archive)).map_err(|faults| {
            let list: Vec<String> = faults.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("sinks can't be used:\n{}", list.join("\n"))
        })?;
        let states = sinks.states();
        tokio::spawn(sinks.run(stop));
        Ok(Self { log: archive.log.clone(), indexer, sinks: states })
    }

    /// Brings the gauges of index and sinks up to date.
    #[expect(clippy::cast_precision_loss, reason = "metrics are floats")]
    pub fn measure(&self) {
        let index = self.indexer.state();
        let behind: u64 = index.lanes.iter().map(weir_index::LaneState::behind).sum();
        let since = index.lanes.iter().map(|lane| lane.behind_for.as_secs_f64()).fold(0.0, f64::max);
        metrics::gauge!("weir_index_lag_records").set(behind as f64);
        metrics::gauge!("weir_index_lag_seconds").set(since);
        metrics::gauge!("weir_index_alarm").set(if index.alarm().is_some() { 1.0 } else { 0.0 });
        if let Some(sealing) = self.log.sealing() {
            let unsealed = self.log.durable_seq().saturating_sub(sealing.size);
            metrics::gauge!("weir_audit_unsealed_records").set(unsealed as f64);
            metrics::gauge!("weir_audit_seal_alarm").set(if sealing.fault.is_some() { 1.0 } else { 0.0 });
        }
        for sink in self.sinks.read(SystemTime::now()) {
            let labels = [("sink", sink.sink.clone()), ("lane", sink.lane.to_string())];
            metrics::gauge!("weir_sink_lag_records", &labels).set(sink.lag_records as f64);
            metrics::gauge!("weir_sink_lag_seconds", &labels).set(sink.lag.as_secs_f64());
            metrics::gauge!("weir_sink_alarm", &labels).set(if sink.status.is_alarm() { 1.0 } else { 0.0 });
        }
    }
}

fn sink_place(archive: &Arc<Archive>) -> weir_sinks::Place {
    let dir = &archive.settings.dir;
    weir_sinks::Place {
        home: dir.with_file_name("sinks"),
        lanes: weir_sinks::Lane::all(dir, &archive.log),
        ambient: Arc::new(System::default()),
    }
}
