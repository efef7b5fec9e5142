//! A proxy asks whether a request may pass: the token that came with it is judged as introspection would, for the
//! one permission that the request needs.
//!
//! What is good for one use is used up by passing. There is no second pass for a request that the proxy repeats:
//! whether the first one reached the service behind is nothing we could know.

use time::OffsetDateTime;

use crate::app::App;
use crate::domain::action::Routed;
use crate::domain::ciba::approval::Answered;
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::confirmation::{Confirmation, Scheme, Thumbprint, at_using};
use crate::domain::client::dpop::{self, Expected, Proof};
use crate::domain::forward_auth::{Challenge, Missing, Original};
use crate::domain::id::{ClientId, RequestId, UserId};
use crate::domain::token::carried::Carried;
use crate::domain::token::live::{Live, Places};
use crate::flow::Unserved;
use crate::flow::presented::{Consumer, Presented, carried};
use crate::store::{Commit, StoreError, Write};

/// A request that waits at a proxy, and what came with it.
#[derive(Debug)]
pub struct Waiting<'a> {
    /// The request.
    pub original: &'a Original,
    /// The token, and how it was shown.
    pub token: Option<(Scheme, &'a str)>,
    /// The `DPoP` header.
    pub proof: Option<&'a str>,
    /// The certificate of the caller.
    pub certificate: Option<Thumbprint>,
    /// The caller's address.
    pub from: Option<String>,
}

/// What the proxy is told.
#[derive(Debug)]
pub enum Verdict {
    /// It may pass.
    Pass(Pass),
    /// It may not, and this would do.
    Lacks {
        /// What is missing.
        challenge: Challenge,
        /// The service's identifier.
        resource: String,
        /// The nonce for the next proof, for whoever shows one.
        nonce: Option<String>,
    },
    /// No route says what it needs: it passes for nobody.
    NoRoute,
}

/// For whom a request passes.
#[derive(Debug)]
pub struct Pass {
    /// The request that was answered.
    pub approval: RequestId,
    /// The person.
    pub subject: UserId,
    /// The agent.
    pub agent: ClientId,
    /// Whether the person said "always".
    pub always: bool,
}

/// Judges it.
pub async fn judge(app: &App, it: Waiting<'_>) -> Result<Verdict, Unserved> {
    let current = app.catalogue.get();
    let Some(routed) = current.catalogue.routed(it.original) else {
        return Ok(Verdict::NoRoute);
    };
    let now = app.clock.now();
    match pass(app, &it, &routed, now).await? {
        Ok(pass) => Ok(Verdict::Pass(pass)),
        Err((scheme, missing)) => Ok(Verdict::Lacks {
            challenge: Challenge::of(&routed, scheme, missing),
            resource: routed.resource.identifier.clone(),
            nonce: (scheme == Scheme::Dpop).then(|| app.secrets.dpop_nonces.current(now)),
        }),
    }
}

/// For whom it passes, or what is missing and how that is to be shown.
type Judged = Result<Pass, (Scheme, Missing)>;

async fn pass(
    app: &App,
    it: &Waiting<'_>,
    routed: &Routed<'_>,
    now: OffsetDateTime,
) -> Result<Judged, Unserved> {
    let Some((scheme, token)) = it.token else {
        return Ok(Err((Scheme::Bearer, Missing::Token)));
    };
    let bad = |why| Ok(Err((scheme, Missing::GoodToken(why))));
    let proof = match (scheme, it.proof) {
        (Scheme::Dpop, Some(proof)) => match read_proof(app, it, token, proof, now) {
            Ok(proof) => Some(proof),
            Err(missing) => return Ok(Err((scheme, missing))),
        },
        (Scheme::Dpop, None) => return Ok(Err((scheme, Missing::Proof("there is no proof")))),
        (Scheme::Bearer, _) => None,
    };
    let unknown = "it is not known, over or revoked, or for another service";
    let Some(carried) = carried(app, token, now).await? else {
        return bad(unknown);
    };
    let shown = proof.as_ref().map(Proof::confirmation);
    if let Err(why) = at_using(carried.cnf, scheme, shown, it.certificate) {
        let wanted = Confirmation::scheme(carried.cnf);
        return Ok(Err((wanted, Missing::GoodToken(why))));
    }
    if carried.aud != routed.resource.identifier {
        return bad(unknown);
    }
    let Some(presented) = Presented::find(app, carried).await? else {
        return bad(unknown);
    };
    let Some(live) = presented.live(app, now) else {
        return bad(unknown);
    };
    if let Some(proof) = &proof
        && !spend(app, &presented.carried, proof, now).await?
    {
        return Ok(Err((scheme, Missing::Proof("it has been used before"))));
    }
    let Some(place) = place(&presented, &live, routed) else {
        return Ok(Err((scheme, Missing::Approval)));
    };
    let once = Places::only(place);
    if live.usable_once.has(place) {
        let by = Consumer::Proxy(&routed.resource.identifier);
        let spent = presented.consume(app, once, live.rests_on, by, it.from.clone(), now);
        if !spent.await? {
            return Ok(Err((scheme, Missing::Approval)));
        }
    }
    Ok(Ok(Pass {
        approval: presented.carried.approval_id,
        subject: presented.carried.sub,
        agent: presented.carried.client_id.clone(),
        always: presented.behind.answered() == Answered::Always,
    }))
}

/// Where in the grant the permission is that the request needs, if the token carries it.
fn place(presented: &Presented, live: &Live, routed: &Routed<'_>) -> Option<usize> {
    let items = &presented.behind.grant.items;
    let is_it = |place: &usize| {
        items.get(*place).is_some_and(|granted| {
            granted.item.key == routed.route.needs
                && granted.item.resource == routed.resource.identifier
                && granted.item.detail == routed.detail
        })
    };
    live.places.iter().copied().find(is_it)
}

fn read_proof(
    app: &App,
    it: &Waiting<'_>,
    token: &str,
    proof: &str,
    now: OffsetDateTime,
) -> Result<Proof, Missing> {
    let expected = Expected {
        method: &it.original.method,
        endpoint: &it.original.url,
        alias: None,
        token: Some(token),
        nonces: &app.secrets.dpop_nonces,
        nonce_required: app.settings.dpop_nonce_required,
    };
    dpop::read(proof, expected, now).map_err(|refusal| {
        if let Refusal::InvalidDpopProof(why) = refusal {
            Missing::Proof(why)
        } else {
            Missing::Nonce
        }
    })
}

/// A proof is good for one request: this process notices a second at once, the row decides among all.
async fn spend(
    app: &App,
    carried: &Carried,
    proof: &Proof,
    now: OffsetDateTime,
) -> Result<bool, Unserved> {
    let (client, used) = (&carried.client_id, proof.used());
    if !app.assertions.first_use(client, used, now) {
        return Ok(false);
    }
    let write = Write::UseAssertion(client.clone(), used.clone());
    match app.store.commit(Commit::of(write)).await {
        Ok(()) => Ok(true),
        Err(StoreError::Overtaken) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
