//! A proxy asks whether a request may pass: the token that came with it is judged as introspection would, for the
//! one permission that the request needs.
//!
//! What is good for one use is used up by passing. There is no second pass for a request that the proxy repeats:
//! whether the first one reached the service behind is nothing we could know.

mod asking;

use time::{Duration, OffsetDateTime};

use self::asking::Standing;
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
use crate::flow::presented::{Behind, Consumer, Presented, Use, carried, consume};
use crate::store::{Commit, Write};

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
        /// The request that asks a person for it, and when it makes sense to come again.
        asked: Option<(RequestId, Duration)>,
    },
    /// The person has said no to it.
    Denied(RequestId),
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

/// What is found out about a request that has a route.
enum Judged {
    Pass(Pass),
    Lacks(Scheme, Missing),
    Waits(Scheme, RequestId, Duration),
    Denied(RequestId),
}

/// Judges it.
pub async fn judge(app: &App, it: Waiting<'_>) -> Result<Verdict, Unserved> {
    let current = app.catalogue.get();
    let Some(routed) = current.catalogue.routed(it.original) else {
        return Ok(Verdict::NoRoute);
    };
    let now = app.clock.now();
    let lacks = |scheme, missing, asked| Verdict::Lacks {
        challenge: Challenge::of(&routed, scheme, missing),
        resource: routed.resource.identifier.clone(),
        nonce: (scheme == Scheme::Dpop).then(|| app.secrets.dpop_nonces.current(now)),
        asked,
    };
    Ok(match judged(app, &it, &routed, now).await? {
        Judged::Pass(pass) => Verdict::Pass(pass),
        Judged::Lacks(scheme, missing) => lacks(scheme, missing, None),
        Judged::Waits(scheme, approval, retry_after) => {
            lacks(scheme, Missing::Approval, Some((approval, retry_after)))
        }
        Judged::Denied(approval) => Verdict::Denied(approval),
    })
}

async fn judged(
    app: &App,
    it: &Waiting<'_>,
    routed: &Routed<'_>,
    now: OffsetDateTime,
) -> Result<Judged, Unserved> {
    let Some((scheme, token)) = it.token else {
        return Ok(Judged::Lacks(Scheme::Bearer, Missing::Token));
    };
    let proof = match (scheme, it.proof) {
        (Scheme::Dpop, Some(proof)) => match read_proof(app, it, token, proof, now) {
            Ok(proof) => Some(proof),
            Err(missing) => return Ok(Judged::Lacks(scheme, missing)),
        },
        (Scheme::Dpop, None) => {
            return Ok(Judged::Lacks(scheme, Missing::Proof("there is no proof")));
        }
        (Scheme::Bearer, _) => None,
    };
    let unknown = Missing::GoodToken("it is not known, over or revoked, or for another service");
    let Some(carried) = carried(app, token, now).await? else {
        return Ok(Judged::Lacks(scheme, unknown));
    };
    let shown = proof.as_ref().map(Proof::confirmation);
    if let Err(why) = at_using(carried.cnf, scheme, shown, it.certificate) {
        let wanted = Confirmation::scheme(carried.cnf);
        return Ok(Judged::Lacks(wanted, Missing::GoodToken(why)));
    }
    let here = carried.aud == routed.resource.identifier;
    // One for nobody in particular says who it is, which is enough to ask by.
    let asks = routed.route.ask && (here || carried.aud == app.settings.public_url);
    if !here && !asks {
        return Ok(Judged::Lacks(scheme, unknown));
    }
    let Some(presented) = Presented::find(app, carried).await? else {
        return Ok(Judged::Lacks(scheme, unknown));
    };
    let Some(live) = presented.live(app, now) else {
        return Ok(Judged::Lacks(scheme, unknown));
    };
    if let Some(proof) = &proof
        && !spend(app, &presented.carried, proof, now).await?
    {
        let used = Missing::Proof("it has been used before");
        return Ok(Judged::Lacks(scheme, used));
    }
    match place(&presented.behind, &live, routed).filter(|_| here) {
        Some(place) => with_it(app, it, routed, presented, (live, place), now).await,
        // Boxed: most requests come with what they need.
        None if asks => Box::pin(without_it(app, it, routed, &presented.carried, scheme)).await,
        None => Ok(Judged::Lacks(scheme, Missing::Approval)),
    }
}

/// The token carries what is needed. What is good for one use is used by this.
async fn with_it(
    app: &App,
    it: &Waiting<'_>,
    routed: &Routed<'_>,
    presented: Presented,
    (live, place): (Live, usize),
    now: OffsetDateTime,
) -> Result<Judged, Unserved> {
    if live.usable_once.has(place) {
        let by = Consumer::Proxy(&routed.resource.identifier);
        let used = Use {
            token: Some(presented.carried.jti),
            places: Places::only(place),
            rests_on: live.rests_on,
        };
        if !consume(app, &presented.behind, used, by, it.from.clone(), now).await? {
            let used = Missing::GoodToken("its one use was just made");
            return Ok(Judged::Lacks(
                Confirmation::scheme(presented.carried.cnf),
                used,
            ));
        }
    }
    Ok(Judged::Pass(Pass {
        approval: presented.carried.approval_id,
        subject: presented.carried.sub,
        agent: presented.carried.client_id,
        always: presented.behind.answered() == Answered::Always,
    }))
}

/// The token does not carry it, and the route has people asked.
async fn without_it(
    app: &App,
    it: &Waiting<'_>,
    routed: &Routed<'_>,
    carried: &Carried,
    scheme: Scheme,
) -> Result<Judged, Unserved> {
    Ok(match asking::standing(app, it, routed, carried).await? {
        Standing::Passes(pass) => Judged::Pass(pass),
        Standing::Waits(approval, retry_after) => Judged::Waits(scheme, approval, retry_after),
        Standing::Denied(approval) => Judged::Denied(approval),
        Standing::NotAsked => Judged::Lacks(scheme, Missing::Approval),
    })
}

/// Where in the grant the permission is that the request needs, if it still stands.
fn place(behind: &Behind, live: &Live, routed: &Routed<'_>) -> Option<usize> {
    let items = &behind.grant.items;
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
    Ok(app.store.commit_first(Commit::of(write)).await?)
}
