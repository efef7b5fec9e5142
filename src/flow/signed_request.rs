//! A request that its client has signed is opened, and used once.

use crate::app::App;
use crate::domain::ciba::refusal::Refusal;
use crate::domain::ciba::request::Parameters;
use crate::domain::ciba::request_object::{self, RequestObject, Signer};
use crate::domain::client::authentication::Authenticated;
use crate::domain::client::key_source::KeySource;
use crate::domain::client::keys::PublicKeys;
use crate::flow::{Unserved, key_sets};
use crate::store::{Commit, StoreError, Write};

/// Opens a signed request. None if it is not signed, which only those may send who did not register to sign.
pub(super) async fn opened(
    app: &App,
    by: &Authenticated,
    parameters: &Parameters<'_>,
) -> Result<Option<RequestObject>, Unserved> {
    let client = by.client();
    let (jwt, signing) = match (parameters.signed()?, &client.request_signing) {
        (None, None) => return Ok(None),
        (Some(jwt), Some(signing)) => (jwt, signing),
        (None, Some(_)) => {
            let why = "this client is registered to sign its requests";
            return Err(Refusal::InvalidRequest(why).into());
        }
        (Some(_), None) => {
            let why = "this client is not registered to sign its requests";
            return Err(Refusal::InvalidRequest(why).into());
        }
    };
    let open = |keys: &PublicKeys| {
        let signer = Signer {
            client: &client.id,
            algorithm: signing.algorithm(),
            keys,
        };
        request_object::read(jwt, signer, &app.settings.public_url, app.clock.now())
    };
    let url = match client.keys() {
        Some(KeySource::Registered(keys)) => return Ok(Some(open(keys)?)),
        Some(KeySource::At(url)) => url,
        None => return Err(no_keys().into()),
    };
    let object = key_sets::opened(app, url, |keys| keys.ok_or_else(no_keys).and_then(open));
    Ok(Some(object.await?))
}

fn no_keys() -> Refusal {
    Refusal::InvalidRequest("this client's keys cannot be fetched now")
}

/// Makes its one use durable, before anything happens because of it.
pub(super) async fn spend(
    app: &App,
    by: &Authenticated,
    object: &RequestObject,
) -> Result<(), Unserved> {
    let write = Write::UseAssertion(by.client().id.clone(), object.used().clone());
    match app.store.commit(Commit::of(write)).await {
        Err(StoreError::Overtaken) => {
            Err(Refusal::InvalidRequest("this request has been used before").into())
        }
        other => Ok(other?),
    }
}
