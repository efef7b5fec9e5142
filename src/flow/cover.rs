//! A request that the person's own rules answer: nobody is asked.

use time::{Duration, OffsetDateTime};

use crate::app::{App, VersionedCatalogue};
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::approval::{ApprovalRequest, DecidedBy, Pending, Question};
use crate::domain::ciba::request::AuthenticationRequest;
use crate::domain::consent::covering;
use crate::domain::consent::step_up::SignIn;
use crate::domain::id::{ClientId, DeviceId, StandingGrantId};
use crate::domain::user::User;
use crate::flow::ask::hex;
use crate::flow::{Fault, Unserved, effects};
use crate::store::commit::UsedRule;
use crate::store::{Commit, Write};

/// What is answered as it is asked is told a moment later: an agent that is called checks that it knows
/// the `auth_req_id`, so it must have received it first.
const AFTER_THE_ACKNOWLEDGEMENT: Duration = Duration::SECOND;

/// What lets a request be approved without asking.
pub(super) struct Cover {
    grants: Vec<StandingGrantId>,
    uses: Vec<UsedRule>,
    sign_in: SignIn,
}

impl Cover {
    /// Whether one of the rules answers for the first time. Only one request can be that.
    pub(super) fn is_first_use(&self) -> bool {
        self.uses.iter().any(|used| used.first)
    }
}

/// Standing grants that together cover all that is asked.
pub(super) async fn find(
    app: &App,
    client: &ClientId,
    request: &AuthenticationRequest,
    user: &User,
    catalogue: &VersionedCatalogue,
) -> Result<Option<Cover>, Unserved> {
    if request.asked.items.is_empty() {
        return Ok(None);
    }
    let now = app.clock.now();
    let grants = app.store.standing_grants_for(user.id, client, now).await?;
    let covering = covering(
        &grants,
        &request.asked,
        &catalogue.catalogue,
        client,
        user.id,
        now,
    );
    let Some(mut covering) = covering else {
        return Ok(None);
    };
    // One rule may answer for several items, and each of them counts.
    let answers = covering.clone();
    covering.sort_unstable();
    covering.dedup();
    let mut uses = Vec::with_capacity(covering.len());
    // A token that a rule allowed carries the sign-in the rule was made with, never a newer one.
    let mut rests_on: Option<SignIn> = None;
    for grant in grants.iter().filter(|grant| covering.contains(&grant.id)) {
        let times = answers.iter().filter(|id| **id == grant.id).count();
        uses.push(UsedRule {
            rule: grant.id,
            times: u32::try_from(times).unwrap_or(u32::MAX),
            first: grant.last_used_at.is_none(),
            limited: !grant.bounds.often.is_unlimited(),
            at: now,
        });
        let origin = app.store.request(grant.from_request).await?;
        let decision = origin.as_ref().and_then(|it| it.request.decision());
        let Some(DecidedBy::Person {
            assurance,
            authenticated_at,
            ..
        }) = decision.map(|it| &it.by)
        else {
            return Ok(None);
        };
        let sign_in = SignIn {
            how: *assurance,
            at: *authenticated_at,
        };
        // Older or weaker than the agent wants it: the person is asked.
        if request.wanted.met_by(sign_in, now, now).is_err() {
            return Ok(None);
        }
        // Of several, no more is said than holds for each.
        rests_on = Some(rests_on.map_or(sign_in, |other| SignIn {
            how: other.how.min(sign_in.how),
            at: other.at.min(sign_in.at),
        }));
    }
    Ok(rests_on.map(|sign_in| Cover {
        grants: covering,
        uses,
        sign_in,
    }))
}

/// The person's own rule answers: nobody is asked, and the use is counted.
pub(super) fn approved(
    app: &App,
    question: Question,
    cover: Cover,
    commit: Commit,
    devices: &[DeviceId],
    now: OffsetDateTime,
) -> Result<(ApprovalRequest, Commit), Fault> {
    let grants: Vec<String> = cover.grants.iter().map(ToString::to_string).collect();
    let event = AuditEvent::new(now, Kind::RequestApprovedByRule, Actor::Server)
        .about(question.id, &question.client, question.user)
        .fact("card_digest", hex(&question.card_digest))
        .fact("standing_grants", grants);
    let commit = cover.uses.iter().fold(commit.event(event), |commit, used| {
        commit.and(Write::UseStandingGrant(UsedRule { at: now, ..*used }))
    });
    let told = if cover.is_first_use() {
        effects::rule_used_notices(app, &question, devices, now)?
    } else {
        Vec::new()
    };
    let step = Pending::open_covered(question, cover.grants, cover.sign_in.how, cover.sign_in.at);
    let later = now + AFTER_THE_ACKNOWLEDGEMENT;
    let callback = effects::callback(app, &step.next.question, now, later)?;
    Ok((
        ApprovalRequest::Approved(step.next),
        commit.parcels(callback).parcels(told),
    ))
}
