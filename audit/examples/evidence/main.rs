//! Writes good and tampered evidence bundles for verifiers by other people to judge.
//!
//! `cargo run -p weir-audit --example evidence -- DIR` makes `DIR/good-*` and `DIR/bad-*`, and `DIR/trust.json` with
//! the key and the witness's key to trust.
#![allow(clippy::print_stdout, clippy::indexing_slicing, reason = "an example prints, and may stop at once")]

mod tamper;

use std::error::Error;
use std::fs;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = PathBuf::from(std::env::args().nth(1).ok_or("usage: evidence DIR")?);
    fs::create_dir_all(&dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let trust = runtime.block_on(tamper::good(&dir))?;
    fs::write(dir.join("trust.json"), serde_json::to_vec(&trust)?)?;
    for (name, change) in tamper::TAMPERINGS {
        let bundle = dir.join(format!("bad-{name}"));
        tamper::copy(&dir.join("good-all"), &bundle)?;
        change(&bundle)?;
        println!("bad-{name}");
    }
    Ok(())
}
