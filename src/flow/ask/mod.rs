//! An agent asks (CIBA §7): a question is put to a person, or a standing grant answers it at once.

mod opening;

use std::sync::Arc;

use time::OffsetDateTime;

pub(super) use self::opening::{Asked, promise};
use crate::app::{App, VersionedCatalogue};
use crate::domain::ciba::acknowledgement::Acknowledgement;
use crate::domain::ciba::approval::Question;
use crate::domain::ciba::refusal::Refusal;
use crate::domain::ciba::request::{self, AuthenticationRequest, Parameters, Terms};
use crate::domain::ciba::request_object::RequestObject;
use crate::domain::client::authentication::Authenticated;
use crate::domain::client::confirmation;
use crate::domain::held::NotAsked;
use crate::domain::id::ClientId;
use crate::flow::collect::key_hash;
use crate::flow::held::{self, Held};
use crate::flow::{
    Fault, Unserved, authenticate, cover, forbid, hinted, pause, signed_request, user_code, watch,
};
use crate::paths;
use crate::store::{Commit, StoreError, StoredRequest};

/// What came besides the parameters.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<String>,
    /// SHA-256 of the parameters, without those that authenticate the client and the user code.
    pub digest: [u8; 32],
    /// The peer's address.
    pub from: Option<String>,
}

/// Puts the question. Nobody has been reached when this returns: that is the outbox's work.
pub async fn ask(
    app: &App,
    by: &Authenticated,
    parameters: Parameters<'_>,
    envelope: Envelope,
) -> Result<Acknowledgement, Unserved> {
    within_rates(
        app,
        &by.client().id,
        ask_within_rates(app, by, &parameters, envelope),
    )
    .await
}

/// An agent that asks too often, or too often in vain, is refused before anything is looked up for it.
pub(super) async fn within_rates<T>(
    app: &App,
    client: &ClientId,
    asking: impl Future<Output = Result<T, Unserved>>,
) -> Result<T, Unserved> {
    let allowed = &app.settings.limits.rates;
    app.rates.may_ask(client, allowed, app.clock.now())?;
    let asked = asking.await;
    if let Err(Unserved::Refused(why)) = &asked {
        app.rates.refused(client, why, allowed, app.clock.now());
    }
    asked
}

async fn ask_within_rates(
    app: &App,
    by: &Authenticated,
    parameters: &Parameters<'_>,
    envelope: Envelope,
) -> Result<Acknowledgement, Unserved> {
    authenticate::spend(app, by).await?;
    // Boxed: few sign their requests, and all come through here.
    let signed = Box::pin(signed_request::opened(app, by, parameters)).await?;
    let Some(object) = &signed else {
        return ask_for(app, by, parameters, envelope, None).await;
    };
    // The same question signed again is the same question.
    let envelope = Envelope {
        digest: object.digest(),
        ..envelope
    };
    let resource = object.resource();
    ask_for(
        app,
        by,
        &object.parameters(&resource),
        envelope,
        signed.as_ref(),
    )
    .await
}

async fn ask_for(
    app: &App,
    by: &Authenticated,
    parameters: &Parameters<'_>,
    envelope: Envelope,
    signed: Option<&RequestObject>,
) -> Result<Acknowledgement, Unserved> {
    let key = key_hash(envelope.idempotency_key.as_deref())?;
    let envelope = match parameters.user_code {
        Some(code) => Envelope {
            digest: app.secrets.fingerprint(envelope.digest, code),
            ..envelope
        },
        None => envelope,
    };
    if let Some(key) = &key
        && let Some(earlier) = asked_before(app, by, key, &envelope).await?
    {
        return Ok(earlier);
    }
    let held = match parameters.transaction {
        // Boxed: few name one.
        Some(named) => Some(Box::pin(held::named(app, by, named)).await?),
        None => None,
    };
    let judged = read(app, by, parameters, held.as_ref()).await;
    let (catalogue, request) =
        forbid::noted(app, by.client(), envelope.from.as_deref(), judged).await?;
    let bound_to = confirmation::at_asking(by.bound_to(), parameters.dpop_jkt)?;
    if bound_to.is_none() && !by.client().mode.collects() {
        // It will not come to show a key later.
        by.must_be_bound()?;
    }
    // Boxed, as above.
    let hint = Box::pin(hinted::opened(app, request.hint.clone())).await?;
    let person = app.people.find(&app.store, &hint).await?;
    let person = person.filter(|person| person.user.active);
    if request.needs_user_code {
        let (user, code) = (person.as_ref().map(|it| it.user.id), parameters.user_code);
        // Boxed: few need one.
        Box::pin(user_code::checked(
            app,
            by,
            user,
            code,
            envelope.from.as_deref(),
        ))
        .await?;
    }
    let person = person.ok_or(Refusal::UnknownUserId)?;
    let from = envelope.from.as_deref();
    pause::let_through(app, &by.client().id, person.user.id, &request.asked, from).await?;
    let cover = match &held {
        // A service parks what it wants a person to look at: no rule answers for them.
        Some(held) => {
            held.may_be_asked(by.client(), person.user.id, app.clock.now())?;
            None
        }
        None => cover::find(app, &by.client().id, &request, &person.user, &catalogue).await?,
    };
    let asked = Asked {
        by: by.client(),
        mode: by.client().mode,
        request: &request,
        person: &person,
        catalogue: &catalogue,
        envelope: &envelope,
        key,
        bound_to,
        held: held.as_ref(),
        proxied: None,
    };
    if let Some(object) = signed {
        signed_request::spend(app, by, object).await?;
    }
    let covered = cover.is_some();
    let first_use = cover.as_ref().is_some_and(cover::Cover::is_first_use);
    match asked.open(app, cover, Commit::default()).await {
        Err(Unserved::Failed(Fault::Store(StoreError::Overtaken))) => {
            // Either the same key was used a moment ago, or the standing grant was just stopped.
            if let Some(key) = &asked.key
                && let Some(earlier) = asked_before(app, by, key, &envelope).await?
            {
                return Ok(earlier);
            }
            if covered && first_use {
                // Of many that would be a rule's first use one was, and the others are its next.
                Box::pin(asked.open_again(app, &person.user)).await
            } else if covered {
                asked.open(app, None, Commit::default()).await
            } else if held.is_some() {
                Err(Refusal::from(NotAsked::Already).into())
            } else {
                Err(StoreError::Overtaken.into())
            }
        }
        other => other,
    }
}

/// Judges the parameters by the catalogue. What this process has not heard of may have been applied a
/// moment ago, by another: before anyone is refused, it asks.
async fn read(
    app: &App,
    by: &Authenticated,
    parameters: &Parameters<'_>,
    held: Option<&Held>,
) -> Result<(Arc<VersionedCatalogue>, AuthenticationRequest), Unserved> {
    let keyring = app.keyring.get();
    let judge = |catalogue: &VersionedCatalogue| {
        let terms = Terms {
            catalogue: &catalogue.catalogue,
            issuer: &app.settings.public_url,
            windows: app.settings.windows,
            keyring: &keyring,
            now: app.clock.now(),
            held: held.map(|held| &held.transaction),
        };
        request::read(*parameters, by.client(), terms)
    };
    let catalogue = app.catalogue.get();
    match judge(&catalogue) {
        Ok(request) => Ok((catalogue, request)),
        Err(refusal) => {
            if !watch::catalogue(app).await? {
                return Err(refusal.into());
            }
            let catalogue = app.catalogue.get();
            let request = judge(&catalogue)?;
            Ok((catalogue, request))
        }
    }
}

/// The answer to the same request under the same key.
async fn asked_before(
    app: &App,
    by: &Authenticated,
    key: &[u8; 32],
    envelope: &Envelope,
) -> Result<Option<Acknowledgement>, Unserved> {
    let Some(earlier) = app.store.request_by_key(&by.client().id, key).await? else {
        return Ok(None);
    };
    if earlier.request_digest.as_deref() != Some(&envelope.digest[..]) {
        return Err(Refusal::KeyReused.into());
    }
    Ok(Some(acknowledge_again(app, &earlier)))
}

fn acknowledge_again(app: &App, earlier: &StoredRequest) -> Acknowledgement {
    acknowledge(
        app,
        earlier.request.question(),
        earlier.match_code.clone(),
        app.clock.now(),
    )
}

fn acknowledge(
    app: &App,
    question: &Question,
    match_code: String,
    now: OffsetDateTime,
) -> Acknowledgement {
    Acknowledgement {
        auth_req_id: app.secrets.auth_req_ids.make(question.id.0),
        expires_in: (question.expires_at - now).whole_seconds().max(1),
        interval: question
            .mode
            .collects()
            .then(|| question.interval.whole_seconds()),
        approval_id: question.id,
        match_code,
        verification_uri: format!("{}{}", app.settings.public_url, paths::request(question.id)),
    }
}

/// Lower-case hexadecimal, for audit records.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
}
