//! A question is opened: its request, its card and what is promised about it, in one commit.

use time::{Duration, OffsetDateTime};

use super::{Envelope, acknowledge, hex};
use crate::app::{App, Reachable, VersionedCatalogue};
use crate::domain::action::json::digest;
use crate::domain::action::text::CleanText;
use crate::domain::action::{Approvers, Card, DifferentPeople, Party, match_code};
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::acknowledgement::Acknowledgement;
use crate::domain::ciba::approval::{ApprovalRequest, Pending, Question};
use crate::domain::ciba::mode::Mode;
use crate::domain::ciba::refusal::Refusal;
use crate::domain::ciba::request::AuthenticationRequest;
use crate::domain::client::Client;
use crate::domain::client::confirmation::Confirmation;
use crate::domain::consent::attention::{self, Arrival, Likeness, Silence};
use crate::domain::consent::quorum::approvers;
use crate::domain::id::{ParcelId, RequestId};
use crate::domain::parcel::Parcel;
use crate::domain::user::User;
use crate::entropy::NoEntropy;
use crate::flow::cover::{self, Cover};
use crate::flow::held::Held;
use crate::flow::together::{self, Together};
use crate::flow::{Fault, Unserved, arrive, forbid, quiet_hours};
use crate::outbox::fan_out;
use crate::store::{AskForProxy, Commit, Lacked, NewRequest, StoreError, Write};

/// Everything a new request is made of.
pub(in crate::flow) struct Asked<'a> {
    pub(in crate::flow) by: &'a Client,
    /// How the agent learns the answer.
    pub(in crate::flow) mode: Mode,
    pub(in crate::flow) request: &'a AuthenticationRequest,
    pub(in crate::flow) person: &'a Reachable,
    pub(in crate::flow) catalogue: &'a VersionedCatalogue,
    pub(in crate::flow) envelope: &'a Envelope,
    pub(in crate::flow) key: Option<[u8; 32]>,
    pub(in crate::flow) bound_to: Option<Confirmation>,
    pub(in crate::flow) held: Option<&'a Held>,
    /// What it lacks at a proxy, where that is why it is asked, and the request that asked before.
    pub(in crate::flow) proxied: Option<(&'a Lacked, Option<RequestId>)>,
}

impl Asked<'_> {
    /// Decides, and commits, with what else belongs to it.
    pub(in crate::flow) async fn open(
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
    pub(super) async fn open_again(
        &self,
        app: &App,
        user: &User,
    ) -> Result<Acknowledgement, Unserved> {
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
pub(in crate::flow) fn promise(
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
