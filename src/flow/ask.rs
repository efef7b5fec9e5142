//! An agent asks (CIBA §7): a question is put to a person, or a standing grant answers it at once.

use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use crate::app::{App, Reachable, VersionedCatalogue};
use crate::domain::action::json::digest;
use crate::domain::action::text::CleanText;
use crate::domain::action::{Approvers, Card, DifferentPeople, Party, match_code};
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::acknowledgement::Acknowledgement;
use crate::domain::ciba::approval::{ApprovalRequest, Pending, Question};
use crate::domain::ciba::mode::Mode;
use crate::domain::ciba::refusal::Refusal;
use crate::domain::ciba::request::{self, AuthenticationRequest, Parameters, Terms};
use crate::domain::ciba::request_object::RequestObject;
use crate::domain::client::Client;
use crate::domain::client::authentication::Authenticated;
use crate::domain::client::confirmation::{self, Confirmation};
use crate::domain::consent::attention::{self, Arrival, Likeness, Silence};
use crate::domain::consent::quorum::approvers;
use crate::domain::held::NotAsked;
use crate::domain::id::{ClientId, ParcelId, RequestId};
use crate::domain::parcel::Parcel;
use crate::domain::user::User;
use crate::entropy::NoEntropy;
use crate::flow::cover::{self, Cover};
use crate::flow::held::{self, Held};
use crate::flow::together::{self, Together};
use crate::flow::{
    Fault, Unserved, arrive, authenticate, forbid, hinted, pause, quiet_hours, signed_request,
    user_code, watch,
};
use crate::outbox::fan_out;
use crate::paths;
use crate::store::{AskForProxy, Commit, Lacked, NewRequest, StoreError, StoredRequest, Write};

/// Longest Idempotency-Key.
const LONGEST_KEY: usize = 255;

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
    let key = read_key(envelope.idempotency_key.as_deref())?;
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
    let first_use = cover.as_ref().is_some_and(Cover::is_first_use);
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

fn read_key(key: Option<&str>) -> Result<Option<[u8; 32]>, Refusal> {
    match key {
        None => Ok(None),
        Some(key) if !key.is_empty() && key.len() <= LONGEST_KEY => Ok(Some(digest(key))),
        Some(_) => Err(Refusal::InvalidRequest(
            "Idempotency-Key must have 1 to 255 characters",
        )),
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

/// Everything a new request is made of.
pub(super) struct Asked<'a> {
    pub(super) by: &'a Client,
    /// How the agent learns the answer.
    pub(super) mode: Mode,
    pub(super) request: &'a AuthenticationRequest,
    pub(super) person: &'a Reachable,
    pub(super) catalogue: &'a VersionedCatalogue,
    pub(super) envelope: &'a Envelope,
    pub(super) key: Option<[u8; 32]>,
    pub(super) bound_to: Option<Confirmation>,
    pub(super) held: Option<&'a Held>,
    /// What it lacks at a proxy, where that is why it is asked, and the request that asked before.
    pub(super) proxied: Option<(&'a Lacked, Option<RequestId>)>,
}

impl Asked<'_> {
    /// Decides, and commits, with what else belongs to it.
    pub(super) async fn open(
        &self,
        app: &App,
        cover: Option<Cover>,
        commit: Commit,
    ) -> Result<Acknowledgement, Unserved> {
        let now = app.clock.now();
        let id = RequestId(app.entropy.id(now)?);
        let match_code = match_code(app.entropy.bytes()?);
        let policy = approvers(&self.request.asked, &self.catalogue.catalogue);
        let together = match (&cover, policy) {
            (Some(_), _) | (None, Ok(None)) => None,
            // Boxed: few are put to several.
            (None, policy) => Box::pin(self.put_to_several(app, policy)).await?,
        };
        let card = self.card(id, match_code.clone());
        let canonical = card.canonical();
        let mut question = self.question(app, id, &card, digest(&canonical), now);
        question.quorum = together.as_ref().map(|it| it.quorum.clone());
        let acknowledgement = acknowledge(app, &question, match_code.clone(), now);
        let opened = self.opened(&question, now);
        let commit = commit.event(opened);
        let commit = match self.held {
            Some(held) => commit.and(held.asked_by(id, now)),
            None => commit,
        };
        let commit = match self.proxied {
            Some((lacked, before)) => commit.and(Write::AskForProxy(Box::new(AskForProxy {
                lacked: lacked.clone(),
                before,
                request: id,
            }))),
            None => commit,
        };
        let (request, commit, told) = if let Some(cover) = cover {
            let devices = &self.person.devices;
            let (request, commit) = cover::approved(app, question, cover, commit, devices, now)?;
            (request, commit, Told::default())
        } else {
            let question = Pending::open(question).next.question;
            let (commit, told) = if let Some(together) = &together {
                together.within_limits(app, now).await?;
                let parcels = together.promise(app, &question, now)?;
                (promised(commit, &question, parcels, now), Told::default())
            } else {
                self.within_limits(app, now).await?;
                self.told(app, &question, commit, now).await?
            };
            (ApprovalRequest::Pending(Pending { question }), commit, told)
        };
        let new = NewRequest {
            request,
            card: canonical,
            match_code,
            catalogue_version: self.catalogue.version,
            resume_state: self.sealed_resume_state(app, id)?,
            notification_token: self.sealed_notification_token(app, id)?,
            idempotency: self.key.map(|key| (key, self.envelope.digest)),
            likeness: told.likeness,
            arrival: told.arrival,
        };
        // Before it can be answered: what is remembered must not be older than an answer.
        app.requests.remember(new.stored(!commit.promises()));
        let commit = commit.and(Write::OpenRequest(Box::new(new)));
        if let Err(error) = app.commit(commit).await {
            app.requests.forget(id);
            if told.arrival == Some(Arrival::Rings) {
                app.attention.forget(self.person.user.id, id);
            }
            return Err(error.into());
        }
        Ok(acknowledgement)
    }

    /// The same, once a rule has been used for the first time by another request.
    async fn open_again(&self, app: &App, user: &User) -> Result<Acknowledgement, Unserved> {
        let cover = cover::find(app, &self.by.id, self.request, user, self.catalogue).await?;
        match self.open(app, cover, Commit::default()).await {
            Err(Unserved::Failed(Fault::Store(StoreError::Overtaken))) => {
                self.open(app, None, Commit::default()).await
            }
            other => other,
        }
    }

    /// How the person is told, added to the commit that asks them.
    async fn told(
        &self,
        app: &App,
        question: &Question,
        commit: Commit,
        now: OffsetDateTime,
    ) -> Result<(Commit, Told), Unserved> {
        let likeness = attention::likeness(
            &question.client,
            question.user,
            &question.scope,
            &question.asked,
            self.request.said.as_ref().map(CleanText::as_str),
            &question.wanted,
        );
        let parcels = promise(app, question, self.person, now)?;
        if parcels.is_empty() {
            let told = Told {
                likeness,
                arrival: None,
            };
            return Ok((promised(commit, question, parcels, now), told));
        }
        let hours = self.person.quiet_hours.as_ref();
        if let Some(until) = quiet_hours::hold(app, hours, question, now) {
            let event = silent(question, Silence::QuietHours, now);
            let event = event.fact("until", until.unix_timestamp());
            let commit = commit.event(event);
            let told = Told {
                likeness,
                arrival: Some(Arrival::Silent(Silence::QuietHours)),
            };
            return Ok((
                commit.parcels(quiet_hours::put_off(parcels, until, now)),
                told,
            ));
        }
        // Boxed: it reads now and then, and all who ask come through here.
        let arrival = Box::pin(arrive::arrival(app, question, likeness, now)).await?;
        let told = Told {
            likeness,
            arrival: Some(arrival),
        };
        let commit = match arrival {
            Arrival::Rings => commit.parcels(parcels),
            Arrival::Silent(why) => commit.event(silent(question, why, now)),
        };
        Ok((commit, told))
    }

    /// The people who have to answer, when policy wants several or others.
    async fn put_to_several(
        &self,
        app: &App,
        policy: Result<Option<Approvers>, DifferentPeople>,
    ) -> Result<Option<Together>, Unserved> {
        let (asked, subject) = (&self.request.asked, self.person.user.id);
        let gathered = together::gather(app, asked, policy, subject).await;
        forbid::noted(app, self.by, self.envelope.from.as_deref(), gathered).await
    }

    fn card(&self, id: RequestId, match_code: String) -> Card {
        let client = self.by;
        Card::draw(
            &self.request.asked,
            &self.catalogue.catalogue,
            Party {
                id: client.id.0.clone(),
                name: client.name.clone(),
            },
            Party {
                id: self.person.user.id.to_string(),
                name: self.person.user.name.clone(),
            },
            self.request.said.clone(),
            match_code,
            id,
        )
        .held_by(self.held.map(Held::on_the_card))
    }

    fn question(
        &self,
        app: &App,
        id: RequestId,
        card: &Card,
        card_digest: [u8; 32],
        now: OffsetDateTime,
    ) -> Question {
        let answer_by = now + self.request.answer_window;
        Question {
            id,
            client: self.by.id.clone(),
            user: self.person.user.id,
            mode: self.mode,
            opened_at: now,
            answer_by,
            expires_at: answer_by + app.settings.windows.collection,
            interval: app.settings.interval,
            scope: self.request.scope.clone(),
            asked: self.request.asked.clone(),
            tier: card.tier,
            card_digest,
            bound_to: self.bound_to,
            quorum: None,
            wanted: self.request.wanted.clone(),
        }
    }

    fn opened(&self, question: &Question, now: OffsetDateTime) -> AuditEvent {
        let event = AuditEvent::new(now, Kind::RequestOpened, Actor::Client)
            .about(question.id, &question.client, question.user)
            .from(self.envelope.from.clone())
            .fact("card_digest", hex(&question.card_digest))
            .fact("catalogue", self.catalogue.version)
            .fact("tier", question.tier.as_str());
        let event = match question.asked.transaction {
            Some(transaction) => event.fact("transaction", transaction.to_string()),
            None => event,
        };
        let wanted = &question.wanted;
        let event = match wanted.max_age {
            Some(max_age) => event.fact("max_age", max_age),
            None => event,
        };
        let event = if wanted.acr_values.is_empty() {
            event
        } else {
            event.fact("acr_values", wanted.acr_words())
        };
        match &self.request.context {
            Some(context) => event.fact("request_context", context.clone()),
            None => event,
        }
    }

    /// An agent that floods a person is refused before it disturbs anyone.
    async fn within_limits(&self, app: &App, now: OffsetDateTime) -> Result<(), Unserved> {
        let limits = app.settings.limits;
        if limits.waiting_per_person == 0 && limits.waiting_per_client_and_person == 0 {
            return Ok(());
        }
        let client = &self.by.id;
        let (all, theirs) = app
            .store
            .waiting_count(self.person.user.id, client, now)
            .await?;
        let over = |count: u64, limit: u64| limit != 0 && count >= limit;
        if over(all, limits.waiting_per_person)
            || over(theirs, limits.waiting_per_client_and_person)
        {
            let retry_after = Duration::seconds(60);
            return Err(Refusal::TooMany { retry_after }.into());
        }
        Ok(())
    }

    fn sealed_resume_state(&self, app: &App, id: RequestId) -> Result<Option<Vec<u8>>, Unserved> {
        let Some(text) = &self.request.resume_state else {
            return Ok(None);
        };
        let nonce = app.entropy.bytes()?;
        let sealed = app
            .secrets
            .resume_states
            .seal(text.as_bytes(), id.0.as_bytes(), nonce);
        Ok(Some(sealed.map_err(|_| Fault::Key)?))
    }

    fn sealed_notification_token(
        &self,
        app: &App,
        id: RequestId,
    ) -> Result<Option<Vec<u8>>, Unserved> {
        let Some(token) = &self.request.notification_token else {
            return Ok(None);
        };
        let (text, nonce) = (token.expose().as_bytes(), app.entropy.bytes()?);
        let sealer = &app.secrets.notification_tokens;
        let sealed = sealer.seal(text, id.0.as_bytes(), nonce);
        Ok(Some(sealed.map_err(|_| Fault::Key)?))
    }
}

/// One parcel for each way to reach a person.
pub(super) fn promise(
    app: &App,
    question: &Question,
    person: &Reachable,
    now: OffsetDateTime,
) -> Result<Vec<Parcel>, NoEntropy> {
    let devices = &person.devices;
    let mut ids = Vec::with_capacity(devices.len() + 1);
    for _ in 0..=devices.len() {
        ids.push(ParcelId(app.entropy.id(now)?));
    }
    let by_letter = app.channels.mailer.is_on();
    Ok(fan_out::tell_person(
        question,
        person.user.id,
        devices,
        by_letter,
        ids,
    ))
}

/// The promises, or that there are none.
fn promised(
    commit: Commit,
    question: &Question,
    parcels: Vec<Parcel>,
    now: OffsetDateTime,
) -> Commit {
    if parcels.is_empty() {
        commit.event(unreachable(question, now))
    } else {
        commit.parcels(parcels)
    }
}

/// How the person of a request is told of it.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    likeness: Option<Likeness>,
    arrival: Option<Arrival>,
}

/// It waits on the person's page, and nothing is sent.
fn silent(question: &Question, why: Silence, now: OffsetDateTime) -> AuditEvent {
    AuditEvent::new(now, Kind::RequestSilent, Actor::Server)
        .about(question.id, &question.client, question.user)
        .fact("why", why.as_str())
}

/// There is no way to this person, which is known at once.
fn unreachable(question: &Question, now: OffsetDateTime) -> AuditEvent {
    AuditEvent::new(now, Kind::RequestUnreachable, Actor::Server).about(
        question.id,
        &question.client,
        question.user,
    )
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
