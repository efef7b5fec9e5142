//! Agents may not ask for a while: a person or the operator says so, and takes it back; and what comes of it
//! when one asks all the same.

use time::{Duration, OffsetDateTime};

use super::sign_in::Present;
use super::{Fault, Unserved};
use crate::app::App;
use crate::domain::action::text::{CleanText, TextError, agent_text};
use crate::domain::action::{Asked, PermissionKey};
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::approval::{Question, State};
use crate::domain::consent::denials;
use crate::domain::consent::pause::{Cause, Length, Pause, Reach, Shape, end_after, holding};
use crate::domain::id::{ClientId, PauseId, RequestId, UserId};
use crate::domain::timestamp::milliseconds;
use crate::entropy::NoEntropy;
use crate::store::{Commit, StoreError, Write};

/// Longest word to people about a pause of everyone, in characters as people count them.
const LONGEST_WHY: usize = 280;

/// Why agents could not be paused.
#[derive(Debug, thiserror::Error)]
pub enum PauseError {
    /// What people are to be told cannot be shown.
    #[error("that cannot be shown to people: {0}")]
    Why(TextError),
    /// A fault of ours.
    #[error(transparent)]
    Failed(#[from] Fault),
}

/// A person pauses all agents that ask them.
pub async fn pause(
    app: &App,
    by: &Present,
    length: Length,
    from: Option<String>,
) -> Result<(), Fault> {
    let now = app.clock.now();
    let id = PauseId(app.entropy.id(now)?);
    let pause = Pause {
        ends_at: length.ends_at(now),
        ..began(id, Reach::Person(by.user.id), Cause::Person, now)
    };
    let event = begun(&pause, Actor::Person).from(from);
    let event = event.fact("session", by.session.id.to_string());
    let commit = Commit::of(Write::BeginPause(Box::new(pause))).event(event);
    Ok(app.store.commit(commit).await?)
}

/// A person lets all agents ask again. Resuming what is not paused is resuming.
pub async fn resume(app: &App, by: &Present, from: Option<String>) -> Result<(), StoreError> {
    end(app, by, Reach::Person(by.user.id), from).await
}

/// What a person no longer wants to be asked, having said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quiet {
    /// This, by this agent: for an hour, or until they change it.
    This {
        /// For an hour.
        for_an_hour: bool,
    },
    /// Anything by this agent.
    Agent {
        /// For an hour.
        for_an_hour: bool,
    },
    /// Anything by this agent, until they change it: they had not asked for what it wanted.
    Report,
}

/// A person lets an agent ask no more, on the occasion of something they denied. Says whether there is such.
pub async fn stop_asking(
    app: &App,
    id: RequestId,
    by: &Present,
    quiet: Quiet,
    from: Option<String>,
) -> Result<bool, Fault> {
    let stored = app.store.request(id).await?;
    let theirs = stored.filter(|it| {
        it.request.question().user == by.user.id && it.request.state() == State::Denied
    });
    let Some(stored) = theirs else {
        return Ok(false);
    };
    let question = stored.request.question();
    let commit = silenced(app, Commit::default(), question, by, quiet, from)?;
    app.store.commit(commit).await?;
    noticed(question, quiet);
    Ok(true)
}

/// What keeps an agent from asking this person again, added to a commit.
pub(super) fn silenced(
    app: &App,
    commit: Commit,
    question: &Question,
    by: &Present,
    quiet: Quiet,
    from: Option<String>,
) -> Result<Commit, NoEntropy> {
    let (user, client) = (by.user.id, question.client.clone());
    let (reach, cause, for_an_hour) = match quiet {
        Quiet::This { for_an_hour } => {
            let shape = Shape::of(&question.asked);
            (
                Reach::Shape(user, client, shape),
                Cause::Person,
                for_an_hour,
            )
        }
        Quiet::Agent { for_an_hour } => (Reach::Agent(user, client), Cause::Person, for_an_hour),
        Quiet::Report => (Reach::Agent(user, client), Cause::Reported, false),
    };
    let now = app.clock.now();
    let pause = Pause {
        ends_at: for_an_hour.then(|| now + Duration::HOUR),
        ..began(PauseId(app.entropy.id(now)?), reach, cause, now)
    };
    let event = begun(&pause, Actor::Person).from(from.clone());
    let event = event.fact("session", by.session.id.to_string());
    let commit = commit.and(Write::BeginPause(Box::new(pause))).event(event);
    if quiet != Quiet::Report {
        return Ok(commit);
    }
    let reported = AuditEvent::new(now, Kind::AgentReported, Actor::Person);
    let reported = reported.about(question.id, &question.client, user);
    Ok(commit.event(reported.from(from)))
}

/// Tells whoever reads the log of a report.
pub(super) fn noticed(question: &Question, quiet: Quiet) {
    if quiet == Quiet::Report {
        let (client, approval) = (&question.client, question.id);
        tracing::warn!(%client, %approval, "a person says that they had not asked for what this agent wanted");
    }
}

/// A person lets an agent ask again.
pub async fn ask_again(
    app: &App,
    id: PauseId,
    by: &Present,
    from: Option<String>,
) -> Result<(), StoreError> {
    let mut theirs = by.pauses.iter().filter(|pause| !pause.is_of_all_agents());
    match theirs.find(|pause| pause.id == id) {
        Some(pause) => end(app, by, pause.reach.clone(), from).await,
        // It is over already.
        None => Ok(()),
    }
}

/// What one more no comes to, added to the commit that says it.
pub(super) async fn after_a_no(
    app: &App,
    question: &Question,
    mut commit: Commit,
    now: OffsetDateTime,
) -> Result<Commit, Fault> {
    let too_many = app.settings.limits.denials;
    if too_many.alike == 0 && too_many.any == 0 {
        return Ok(commit);
    }
    let (user, client) = (question.user, &question.client);
    let shape = Shape::of(&question.asked);
    let earlier = app.store.denials(user, client, denials::since(now)).await?;
    let then = denials::one_more(&earlier, &shape, too_many, now);
    let same = Reach::Shape(user, client.clone(), shape);
    let any = Reach::Agent(user, client.clone());
    let mut made = [(same, then.same_until), (any, then.any_until)];
    if made.iter().any(|(_, until)| until.is_some()) {
        // What the person wanted for longer stays as it is.
        let pauses = app.store.pauses_for(user, Some(client), now).await?;
        for (reach, until) in &mut made {
            let longer =
                |it: &Pause| it.reach == *reach && it.ends_at.is_none_or(|end| Some(end) >= *until);
            if pauses.iter().any(longer) {
                *until = None;
            }
        }
    }
    for (reach, until) in made {
        if until.is_some() {
            let pause = Pause {
                ends_at: until,
                ..began(PauseId(app.entropy.id(now)?), reach, Cause::Denials, now)
            };
            let event = begun(&pause, Actor::Server);
            commit = commit.and(Write::BeginPause(Box::new(pause))).event(event);
        }
    }
    Ok(commit)
}

fn began(id: PauseId, reach: Reach, cause: Cause, now: OffsetDateTime) -> Pause {
    Pause {
        id,
        reach,
        cause,
        why: None,
        began_at: now,
        ends_at: None,
        ended_at: None,
        held_back: 0,
    }
}

/// A person takes a pause of theirs back.
async fn end(
    app: &App,
    by: &Present,
    reach: Reach,
    from: Option<String>,
) -> Result<(), StoreError> {
    let event = ended(&reach, Actor::Person, app.clock.now())
        .from(from)
        .fact("session", by.session.id.to_string());
    ended_or_over(app, reach, event).await.map(drop)
}

/// The operator pauses all agents, whomever they ask.
pub async fn pause_everyone(
    app: &App,
    length: Option<Duration>,
    why: Option<&str>,
) -> Result<Pause, PauseError> {
    let why = why.map(|why| agent_text(why, LONGEST_WHY)).transpose();
    let now = app.clock.now();
    let id = PauseId(app.entropy.id(now).map_err(Fault::from)?);
    let pause = Pause {
        why: why.map_err(PauseError::Why)?.map(CleanText::into_string),
        ends_at: length.map(|length| end_after(length, now)),
        ..began(id, Reach::Everyone, Cause::Operator, now)
    };
    let event = begun(&pause, Actor::Operator);
    let commit = Commit::of(Write::BeginPause(Box::new(pause.clone()))).event(event);
    app.store.commit(commit).await.map_err(Fault::from)?;
    Ok(pause)
}

/// The operator lets agents ask again. Says whether they were paused.
pub async fn resume_everyone(app: &App) -> Result<bool, StoreError> {
    let event = ended(&Reach::Everyone, Actor::Operator, app.clock.now());
    ended_or_over(app, Reach::Everyone, event).await
}

async fn ended_or_over(app: &App, reach: Reach, event: AuditEvent) -> Result<bool, StoreError> {
    let end = Write::EndPauses(reach, event.at);
    app.store.commit_first(Commit::of(end).event(event)).await
}

/// Refuses what a pause holds back, before it disturbs anyone, and counts it.
pub(super) async fn let_through(
    app: &App,
    client: &ClientId,
    user: UserId,
    asked: &Asked,
    from: Option<&str>,
) -> Result<(), Unserved> {
    let now = app.clock.now();
    let pauses = app.store.pauses_for(user, Some(client), now).await?;
    let Some(pause) = holding(&pauses, client, user, &Shape::of(asked), now) else {
        return Ok(());
    };
    let event = AuditEvent::new(now, Kind::RequestHeldBack, Actor::Client)
        .client(client)
        .user(user)
        .from(from.map(str::to_owned))
        .fact("pause", pause.id.to_string())
        .fact("reach", pause.reach.as_str());
    let commit = Commit::of(Write::HoldBack(pause.id)).event(event);
    app.store.commit(commit).await?;
    Err(pause.refusal(now).into())
}

/// The pause, if there is one, that keeps somebody from being told of a question that was asked before.
pub(super) async fn keeping_quiet(
    app: &App,
    question: &Question,
    user: UserId,
    now: OffsetDateTime,
) -> Result<Option<Pause>, StoreError> {
    let client = &question.client;
    let pauses = app.store.pauses_for(user, Some(client), now).await?;
    Ok(holding(&pauses, client, user, &Shape::of(&question.asked), now).cloned())
}

fn begun(pause: &Pause, by: Actor) -> AuditEvent {
    let event = about(
        AuditEvent::new(pause.began_at, Kind::PauseBegun, by),
        &pause.reach,
    )
    .fact("pause", pause.id.to_string())
    .fact("cause", pause.cause.as_str());
    match pause.ends_at {
        Some(end) => event.fact("ends_at", milliseconds(end) / 1000),
        None => event,
    }
}

fn ended(reach: &Reach, by: Actor, now: OffsetDateTime) -> AuditEvent {
    about(AuditEvent::new(now, Kind::PauseEnded, by), reach)
}

fn about(mut event: AuditEvent, reach: &Reach) -> AuditEvent {
    event.user = reach.user();
    event.client = reach.client().cloned();
    let event = event.fact("reach", reach.as_str());
    match reach.shape() {
        Some(shape) => {
            let keys: Vec<String> = shape.0.iter().map(PermissionKey::as_stored).collect();
            event.fact("permissions", keys)
        }
        None => event,
    }
}
