//! Append-only audit log: records, durable writer, recovery, reading.
