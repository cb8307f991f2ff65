//! What a gateway says of itself: its own share of the time, from the histogram on its metrics page.

use std::net::SocketAddr;

use crate::client::control;
use crate::error::BenchError;
use crate::measure::Quantiles;

/// Name of the histogram: seconds spent neither at the upstream nor waiting for the audit log's disk.
const HISTOGRAM: &str = "weir_overhead_seconds_bucket{";

/// The histogram at one moment: upper edges in seconds, exchanges at or below each.
pub struct Snapshot(Vec<(f64, f64)>);

impl Snapshot {
    /// Reads the metrics page of the admin port.
    ///
    /// # Errors
    /// When the page can't be had.
    pub async fn take(admin: SocketAddr) -> Result<Self, BenchError> {
        let page = control(admin, "GET /metrics", "").await?;
        let page = String::from_utf8_lossy(&page);
        Ok(Self(page.lines().filter(|line| line.contains("endpoint=\"chat\"")).filter_map(bucket).collect()))
    }

    /// Upper edges, in microseconds, of the buckets that hold the quantiles of what came since `before`; none
    /// when nothing came.
    pub fn since(&self, before: &Self) -> Option<Quantiles> {
        let earlier =
            |edge: f64| before.0.iter().find(|(at, _)| *at == edge).map_or(0.0, |(_, count)| *count);
        let counts: Vec<(f64, f64)> =
            self.0.iter().map(|(edge, count)| (*edge, count - earlier(*edge))).collect();
        let all = counts.iter().map(|(_, count)| *count).fold(0.0, f64::max);
        let edge =
            |share: f64| counts.iter().find(|(_, count)| *count >= all * share).map(|(edge, _)| edge * 1e6);
        if all == 0.0 {
            return None;
        }
        Some(Quantiles { p50: edge(0.5)?, p99: edge(0.99)? })
    }
}

fn bucket(line: &str) -> Option<(f64, f64)> {
    let labels = line.strip_prefix(HISTOGRAM)?;
    let edge = labels.split("le=\"").nth(1)?.split('"').next()?;
    let edge = if edge == "+Inf" { f64::INFINITY } else { edge.parse().ok()? };
    Some((edge, labels.rsplit(' ').next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_what_came_in_between() {
        let read = |counts: [u32; 3]| {
            let lines = ["0.001", "0.01", "+Inf"].iter().zip(counts);
            let line = |(edge, count)| format!("{HISTOGRAM}endpoint=\"chat\",le=\"{edge}\"}} {count}");
            Snapshot(lines.map(line).filter_map(|line| bucket(&line)).collect())
        };
        let quantiles = read([150, 249, 250]).since(&read([100, 100, 100])).unwrap();
        assert_eq!((quantiles.p50, quantiles.p99), (10_000.0, 10_000.0));
        assert!(read([1, 1, 1]).since(&read([1, 1, 1])).is_none());
    }
}
