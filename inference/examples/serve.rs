//! Serves the embedded models alone: `cargo run --release -p weir-inference --example serve -- 127.0.0.1:9000`.

use std::error::Error;
use weir_inference::{EngineOptions, ModelFiles, Service, router};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:9000".into());
    let threads = arguments.next().map_or(Ok(1), |threads| threads.parse())?;
    // Every name serves: the official client's tests ask for OpenAI's models.
    let aliases = Service::models().map(|model| ("*".to_owned(), model.to_owned())).to_vec();
    let options = EngineOptions { threads, aliases, ..EngineOptions::default() };
    let service = Service::load(&ModelFiles::default(), options)?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    Ok(axum::serve(listener, router(service)).await?)
}
