//! A client whose `client_id` is the address of a document (Client ID Metadata Documents) proves who it is.
//!
//! Only hosts that an operator has listed are looked at, only for calls that are signed or show a
//! certificate, and each address once a minute at most. A row is made when the client has proved that it holds
//! a key in the document: whoever names addresses of others leaves nothing behind. From then on the row is
//! what counts, and it is brought into step with the document when that is old, or when a signature is by none
//! of the keys known. A client that an operator has suspended is not looked at again.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use time::OffsetDateTime;

use super::authenticate::verified;
use super::register::document::{admit, in_step, made};
use crate::app::App;
use crate::app::documents::Seen;
use crate::channel::sender::{Answer, Outgoing};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::Client;
use crate::domain::client::authentication::{Authenticated, Presented};
use crate::domain::client::document::{LOOK_AGAIN, MOST_BYTES, address};
use crate::domain::client::key_source::{good_for, max_age};
use crate::domain::id::ClientId;
use crate::flow::Unserved;

/// How long a document may take: its agent is waiting.
const PATIENCE: Duration = Duration::from_secs(3);

/// Checks what was presented, with the document's keys.
pub(super) async fn client(app: &App, presented: &Presented) -> Result<Authenticated, Unserved> {
    let refused = Refusal::InvalidClient {
        basic: presented.basic,
    };
    let id = &presented.client;
    let url = address(&id.0).filter(|_| presented.needs_keys());
    let host = url.as_ref().and_then(|url| url.host_str());
    let Some(host) = host.filter(|host| app.settings.client_documents.include(host)) else {
        return Err(refused.into());
    };
    let kept = app.clients.find(&app.store, id).await?;
    if kept.as_ref().is_some_and(|kept| !kept.active) {
        return Err(refused.into());
    }
    let now = app.clock.now();
    let known = match &kept {
        Some(kept) if !kept.is_due(now) => Some(Arc::clone(kept)),
        Some(_) | None => look(app, id, host, kept.as_deref(), now).await?,
    };
    let in_time = |kept: &Arc<Client>| kept.still_counts(now);
    let known = known.or_else(|| kept.clone().filter(in_time));
    let known = known.ok_or(refused)?;
    let by = match verified(app, presented, Some(Arc::clone(&known))).await {
        Ok(by) => by,
        // The document may say something else by now.
        Err(refused) => match look(app, id, host, kept.as_deref(), now).await? {
            Some(other) if other != known => verified(app, presented, Some(other)).await?,
            Some(_) | None => return Err(refused.into()),
        },
    };
    if kept.is_none() {
        admit(app, by.client()).await?;
    }
    Ok(by)
}

/// Looks at the document, unless somebody did in the last minute. None if it makes no client.
async fn look(
    app: &App,
    id: &ClientId,
    host: &str,
    kept: Option<&Client>,
    now: OffsetDateTime,
) -> Result<Option<Arc<Client>>, Unserved> {
    let place = app.documents.place(&id.0);
    let mut seen = place.lock().await;
    if let Some(seen) = &*seen
        && now < seen.at + LOOK_AGAIN
    {
        return Ok(seen.client.clone());
    }
    if kept.is_none() && !app.documents.may_look(host, now) {
        return Ok(None);
    }
    let client = match fetch(app, id, now).await {
        Ok(said) => match kept {
            Some(kept) => in_step(app, kept, said).await?,
            None => Some(said),
        },
        Err(why) => {
            tracing::info!(client = %id, why, "a client's document makes no client");
            None
        }
    };
    let client = client.map(Arc::new);
    *seen = Some(Seen {
        at: now,
        client: client.clone(),
    });
    Ok(client)
}

async fn fetch(app: &App, id: &ClientId, now: OffsetDateTime) -> Result<Client, String> {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let call = Outgoing {
        method: Method::GET,
        url: id.0.clone(),
        headers,
        body: Vec::new(),
        read_at_most: MOST_BYTES,
    };
    let answer = match tokio::time::timeout(PATIENCE, app.channels.sender.send(call)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(error.to_string()),
        Err(_) => return Err("no answer in time".to_owned()),
    };
    if answer.status != StatusCode::OK {
        return Err(format!("the answer was {}", answer.status.as_u16()));
    }
    if !is_json(&answer) {
        return Err("the answer is not JSON".to_owned());
    }
    if !answer.whole {
        return Err("the answer was too large or too slow".to_owned());
    }
    let said = answer.headers.get(header::CACHE_CONTROL);
    let said = said.and_then(|said| max_age(said.to_str().ok()?));
    made(app, id, &answer.body, now + good_for(said)).map_err(|why| why.to_string())
}

fn is_json(answer: &Answer) -> bool {
    let kind = answer.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json") || essence.ends_with("+json")
}
