//! The conformance vectors beside the repository, where a checkout has them.

use std::path::PathBuf;

use serde_json::Value;

/// A file of the accounting data folder, or `None` with a line that says the test was skipped.
pub fn data(path: &str) -> Option<Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/accounting");
    let Ok(text) = std::fs::read_to_string(folder.join(path)) else {
        eprintln!("skipped: no data ({path} is not beside this checkout)");
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}
