//! A payment service that asks before it pays: `cargo run --example payments`.
//!
//! It knows nothing of people or phones. How to try it is in docs/how-to/hold-an-action.md; how it works is in
//! `service.rs`.

mod service;

use std::error::Error;

use service::{Countersign, Service};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let needed = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let countersign = Countersign {
        issuer: needed("ISSUER")?,
        client_id: needed("CLIENT_ID")?,
        client_secret: needed("CLIENT_SECRET")?,
        http: reqwest::Client::new(),
    };
    let resource = needed("RESOURCE").unwrap_or_else(|_| "https://payments.example.com".to_owned());
    let listen = needed("LISTEN").unwrap_or_else(|_| "127.0.0.1:9000".to_owned());
    let listener = tokio::net::TcpListener::bind(&listen).await?;
    let service = Service::new(countersign, resource);
    axum::serve(listener, service.router()).await?;
    Ok(())
}
