//! `countersign client webhook-secret`: what calls to a service are signed with.

use serde_json::json;

use super::exit::{Exit, Failure};
use super::host::Host;
use super::output::Output;
use crate::domain::client::Role;
use crate::domain::id::ClientId;

/// Prints it. It is derived from the master key: the same each time, and stored nowhere.
pub(super) async fn webhook_secret(
    client_id: String,
    host: &Host,
    output: Output,
) -> Result<Exit, Failure> {
    let id = ClientId(client_id);
    let service = crate::flow::register::client(&host.app, &id).await?;
    if service.role != Role::ResourceServer {
        let why = format!("{id} is an agent, and is called otherwise");
        let fix = "name a service (client add --role resource_server)";
        return Err(Failure::new(Exit::Usage, why).fix(fix));
    }
    let secret = host.app.secrets.webhook(&id).to_text();
    if output.json {
        output.json(&json!({ "client_id": id, "webhook_secret": secret }));
    } else {
        output.data(secret);
    }
    output.warn("whoever has it can call the service in our name: keep it where only the service can read it");
    Ok(Exit::Ok)
}
