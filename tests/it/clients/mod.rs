//! Clients: how they prove who they are, and what their tokens are bound to.

use countersign::domain::client::AuthMethod;
use countersign::flow::register::NewClient;

use crate::world::{Agent, World};

mod auth0;
mod documents;
mod dpop;
mod elsewhere;
mod kinds;
mod mtls;
mod own_tls;
mod registration;
mod secrets;

/// An agent that sends its secret in the form.
async fn posting_agent(world: &World) -> Agent {
    let new = NewClient {
        auth: AuthMethod::ClientSecretPost,
        ..NewClient::agent("Posting Agent")
    };
    world.client(new).await
}
