//! A person is asked at once for what a request at a proxy lacks, so that it passes when it comes again.
//!
//! The token that came along says for which agent and which person; the route says what for. The agent learns no
//! `auth_req_id`: a yes is redeemed here, into a grant without tokens, and passes whoever comes with a good token of
//! the same agent and person, for as long as the agent could have refreshed a token of its own.

use time::{Duration, OffsetDateTime};

use super::{Pass, Waiting, place};
use crate::app::App;
use crate::domain::action::json::{canonical, digest};
use crate::domain::action::{Asked, AskedItem, Routed};
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::approval::{Answered, ApprovalRequest, Approved, CancelledBy};
use crate::domain::ciba::hint::Hint;
use crate::domain::ciba::mode::Mode;
use crate::domain::ciba::request::{AuthenticationRequest, may_ask_unheard};
use crate::domain::client::Client;
use crate::domain::id::{GrantId, RequestId};
use crate::domain::token::carried::Carried;
use crate::domain::token::granted::Granted;
use crate::domain::token::live::{Places, whole};
use crate::domain::token::refresh;
use crate::flow::ask::{self, Envelope};
use crate::flow::collect::rules_behind;
use crate::flow::presented::{Behind, Consumer, Use, consume};
use crate::flow::{Fault, Unserved, cover, load, pause};
use crate::store::{Commit, IssuedGrant, Lacked, StoreError, Write};

/// When it makes sense to come again while a person is thinking.
const AGAIN: Duration = Duration::seconds(5);

/// How often it is looked again when something changed under it.
const TRIES: usize = 4;

/// How it stands with what a request lacks.
#[derive(Debug)]
pub(super) enum Standing {
    /// Somebody has said yes.
    Passes(Pass),
    /// That request asks, and nobody has answered; and when it makes sense to come again.
    Waits(RequestId, Duration),
    /// The person has said no.
    Denied(RequestId),
    /// This agent's requests are not asked for here.
    NotAsked,
}

/// Looks how it stands, and asks if nobody has been.
pub(super) async fn standing(
    app: &App,
    it: &Waiting<'_>,
    routed: &Routed<'_>,
    carried: &Carried,
) -> Result<Standing, Unserved> {
    let asked = asked(routed);
    let Some(client) = app.clients.find(&app.store, &carried.client_id).await? else {
        return Ok(Standing::NotAsked);
    };
    if !client.active
        || may_ask_unheard(&client, &asked).is_err()
        || !routed.permission.may_be_asked()
    {
        return Ok(Standing::NotAsked);
    }
    let lacked = Lacked {
        client: carried.client_id.clone(),
        user: carried.sub,
        item: digest(&canonical(
            &serde_json::to_value(&asked.items).unwrap_or_default(),
        )),
    };
    for _ in 0..TRIES {
        let now = app.clock.now();
        let before = app.store.asked_for_proxy(&lacked).await?;
        if let Some(id) = before
            && let Some(standing) = answer(app, it, routed, &client, id, now).await?
        {
            match standing {
                Look::At(standing) => return Ok(standing),
                Look::Again => continue,
            }
        }
        let opening = open(app, it, &client, &asked, (&lacked, before));
        match ask::within_rates(app, &client.id, opening).await {
            Ok(()) | Err(Unserved::Failed(Fault::Store(StoreError::Overtaken))) => {}
            Err(why) => return Err(why),
        }
    }
    Err(StoreError::Overtaken.into())
}

/// What a look shows.
enum Look {
    At(Standing),
    Again,
}

/// What the route wants, as an agent would have asked for it.
fn asked(routed: &Routed<'_>) -> Asked {
    Asked {
        items: vec![AskedItem {
            key: routed.route.needs.clone(),
            resource: routed.resource.identifier.clone(),
            detail: routed.detail.clone(),
        }],
        resource: Some(routed.resource.identifier.clone()),
        transaction: None,
    }
}

/// What was answered; none when it has to be asked again.
async fn answer(
    app: &App,
    it: &Waiting<'_>,
    routed: &Routed<'_>,
    client: &Client,
    id: RequestId,
    now: OffsetDateTime,
) -> Result<Option<Look>, Unserved> {
    let Some(stored) = load::written(app, id).await? else {
        return Ok(None);
    };
    match stored.request {
        ApprovalRequest::Pending(_) => Ok(Some(Look::At(Standing::Waits(id, AGAIN)))),
        ApprovalRequest::Approved(approved) => {
            redeem(app, it, client, approved, now).await?;
            Ok(Some(Look::Again))
        }
        ApprovalRequest::Redeemed(redeemed) => {
            let passes = granted(app, it, routed, id, now).await?;
            let always = redeemed.decision.answer == Answered::Always;
            let pass = Pass {
                approval: id,
                subject: redeemed.question.user,
                agent: redeemed.question.client,
                always,
            };
            Ok(passes.then_some(Look::At(Standing::Passes(pass))))
        }
        // A no is a no for as long as the question would have been open.
        ApprovalRequest::Denied(denied) if now < denied.question.expires_at => {
            Ok(Some(Look::At(Standing::Denied(id))))
        }
        // The agent had asked for the same itself, and one answer was for both.
        ApprovalRequest::Cancelled(cancelled)
            if matches!(cancelled.by, CancelledBy::Answer(_))
                && now < cancelled.question.expires_at =>
        {
            Ok(Some(Look::At(Standing::Denied(id))))
        }
        ApprovalRequest::Denied(_)
        | ApprovalRequest::Expired(_)
        | ApprovalRequest::Cancelled(_) => Ok(None),
    }
}

/// A yes becomes a grant, once: the row decides who makes it.
async fn redeem(
    app: &App,
    it: &Waiting<'_>,
    client: &Client,
    approved: Approved,
    now: OffsetDateTime,
) -> Result<(), Unserved> {
    let Ok(step) = approved.redeem(now) else {
        return Ok(());
    };
    let redeemed = step.next;
    let (question, decision) = (&redeemed.question, &redeemed.decision);
    let granted = Granted::new(&decision.granted, &app.catalogue.get().catalogue, now);
    let mut items = granted.items;
    if !client.may_use(refresh::GRANT_TYPE) {
        // It could not have carried any of it on.
        for item in &mut items {
            item.ends_at = item.ends_at.min(granted.token_ends_at);
        }
    }
    let grant = IssuedGrant {
        id: GrantId(app.entropy.id(now)?),
        request: question.id,
        client: question.client.clone(),
        user: question.user,
        created_at: now,
        ends_at: items.iter().map(|item| item.ends_at).max().unwrap_or(now),
        items,
        bound_to: None,
    };
    let event = AuditEvent::new(now, Kind::RequestPassed, Actor::Client)
        .about(question.id, &question.client, question.user)
        .from(it.from.clone())
        .fact("grant", grant.id.to_string());
    let (id, rules) = (question.id, rules_behind(decision, now));
    let commit = Commit::of(Write::Redeem(Box::new(redeemed)))
        .and(Write::IssueGrant(Box::new(grant)))
        .event(event);
    let commit = rules.into_iter().fold(commit, Commit::and);
    app.requests.forget(id);
    match app.store.commit(commit).await {
        Ok(()) | Err(StoreError::Overtaken) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether what was granted still stands. What is good for one use is used by this.
async fn granted(
    app: &App,
    it: &Waiting<'_>,
    routed: &Routed<'_>,
    id: RequestId,
    now: OffsetDateTime,
) -> Result<bool, Unserved> {
    let Some(grant) = app.store.grant_of_request(id).await? else {
        return Ok(false);
    };
    let Some(behind) = Behind::find(app, grant).await? else {
        return Ok(false);
    };
    let current = app.catalogue.get();
    let live = whole(&behind.grant, behind.ground(&current.catalogue), now);
    let Some(live) = live else {
        return Ok(false);
    };
    let Some(place) = place(&behind, &live, routed) else {
        return Ok(false);
    };
    if !live.usable_once.has(place) {
        return Ok(true);
    }
    let by = Consumer::Proxy(&routed.resource.identifier);
    let used = Use {
        token: None,
        places: Places::only(place),
        rests_on: live.rests_on,
    };
    consume(app, &behind, used, by, it.from.clone(), now).await
}

/// Asks. Of two that come at once, one does.
async fn open(
    app: &App,
    it: &Waiting<'_>,
    client: &Client,
    asked: &Asked,
    (lacked, before): (&Lacked, Option<RequestId>),
) -> Result<(), Unserved> {
    let user = lacked.user;
    let person = app.people.find(&app.store, &Hint::Subject(user)).await?;
    let Some(person) = person.filter(|person| person.user.active) else {
        return Err(StoreError::Overtaken.into());
    };
    pause::let_through(app, &client.id, user, asked, it.from.as_deref()).await?;
    let window = app.settings.windows.usual;
    let request = AuthenticationRequest::unsent(user, asked.clone(), window);
    let catalogue = app.catalogue.get();
    let cover = cover::find(app, &client.id, &request, &person.user, &catalogue).await?;
    let envelope = Envelope {
        from: it.from.clone(),
        ..Envelope::default()
    };
    let opening = ask::Asked {
        by: client,
        // The agent waits at the proxy, and is called by nobody.
        mode: Mode::Poll,
        request: &request,
        person: &person,
        catalogue: &catalogue,
        envelope: &envelope,
        key: None,
        bound_to: None,
        held: None,
        proxied: Some((lacked, before)),
    };
    // Boxed: few lack anything.
    Box::pin(opening.open(app, cover, Commit::default()))
        .await
        .map(|_| ())
}
