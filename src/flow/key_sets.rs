//! A client's keys are fetched from its own address (`jwks_uri`), when they are needed and not known.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use time::OffsetDateTime;

use crate::app::App;
use crate::channel::sender::{Answer, Outgoing, READ_CEILING};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::key_source::{Looked, max_age};
use crate::domain::client::keys::PublicKeys;

/// How long a client's own address may take: its agent is waiting.
const PATIENCE: Duration = Duration::from_secs(3);

/// Opens something with the keys at an address. When those known do not open it, they may have changed.
pub(super) async fn opened<T>(
    app: &App,
    url: &str,
    open: impl Fn(Option<&PublicKeys>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let refused = match open(keys(app, url, false).await.as_deref()) {
        Ok(opened) => return Ok(opened),
        Err(refused) => refused,
    };
    match keys(app, url, true).await {
        Some(others) => open(Some(&others)),
        None => Err(refused),
    }
}

/// The keys at an address; `missing`: those known have not signed what a client presented. None if there
/// are none, or none beside those known.
async fn keys(app: &App, url: &str, missing: bool) -> Option<Arc<PublicKeys>> {
    let place = app.key_sets.place(url);
    let now = app.clock.now();
    let before = place.get();
    if before.as_ref().is_some_and(|it| !it.is_due(missing, now)) {
        return before.filter(|_| !missing).and_then(|it| it.keys(now));
    }
    let turn = place.turn.lock().await;
    let looked = place.get();
    // Somebody else has looked while this one waited for its turn.
    if let Some(looked) = &looked
        && !looked.is_due(missing, now)
    {
        return looked.keys(now);
    }
    let looked = look(app, url, looked.as_deref(), now).await;
    let keys = looked.keys(now);
    place.set(looked);
    drop(turn);
    keys
}

async fn look(app: &App, url: &str, before: Option<&Looked>, now: OffsetDateTime) -> Looked {
    let mut headers = HeaderMap::new();
    let accepted = HeaderValue::from_static("application/jwk-set+json, application/json");
    headers.insert(header::ACCEPT, accepted);
    let call = Outgoing {
        method: Method::GET,
        url: url.to_owned(),
        headers,
        body: Vec::new(),
        read_at_most: READ_CEILING,
    };
    let why = match tokio::time::timeout(PATIENCE, app.channels.sender.send(call)).await {
        Ok(Ok(answer)) => match read(&answer) {
            Ok(keys) => return Looked::found(keys, said_age(&answer), now),
            Err(why) => why,
        },
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer in time".to_owned(),
    };
    tracing::warn!(url, why, "a client's keys could not be fetched");
    Looked::failed(before, now)
}

fn read(answer: &Answer) -> Result<PublicKeys, String> {
    if answer.status != StatusCode::OK {
        return Err(format!("the answer was {}", answer.status.as_u16()));
    }
    if !answer.whole {
        return Err("the answer was too large or too slow".to_owned());
    }
    let text = std::str::from_utf8(&answer.body).map_err(|_| "the answer is not UTF-8")?;
    PublicKeys::read(text).map_err(|why| why.to_string())
}

fn said_age(answer: &Answer) -> Option<time::Duration> {
    let said = answer.headers.get(header::CACHE_CONTROL)?;
    max_age(said.to_str().ok()?)
}
