//! A service that was called exchanges the caller's token for one that goes with the call inside its trust
//! domain.

use serde::Serialize;

use crate::app::App;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::id::AccessTokenId;
use crate::domain::token::access::numeric_date;
use crate::domain::token::exchange::{scope, unacceptable};
use crate::domain::token::introspection::is_for;
use crate::domain::token::keyring::Kind as TokenKind;
use crate::domain::token::transaction::{Context, LIFETIME, TYPE, TransactionClaims, added};
use crate::flow::exchange::{Exchanging, acceptable};
use crate::flow::{Fault, Unserved, authenticate};
use crate::store::{Commit, Standing, StoreError, Write};

#[derive(Serialize)]
struct TransactionResponse<'a> {
    access_token: &'a str,
    issued_token_type: &'static str,
    token_type: &'static str,
    expires_in: i64,
}

/// The response's JSON, or why there is none.
pub(super) async fn run(app: &App, it: &Exchanging<'_>, subject: &str) -> Result<String, Unserved> {
    let domain = app.settings.trust_domain.as_deref();
    let domain = domain.ok_or(Refusal::InvalidRequest(
        "requested_token_type is not one of this server",
    ))?;
    if it.audiences != [domain] {
        let why = "audience must be the one trust domain of this server";
        return Err(Refusal::InvalidTarget(why).into());
    }
    let (details, context) = (added(it.request_details)?, added(it.request_context)?);
    authenticate::spend(app, it.by).await?;
    let now = app.clock.now();
    let (subject, live) = acceptable(app, subject, now).await?;
    let (had, service) = (&subject.carried, it.by.client());
    if !is_for(&had.aud, service) {
        return Err(unacceptable().into());
    }
    let scope = scope(&live, it.scope)?;
    let ends_at = live.ends_at.min(now + LIFETIME);
    let claims = TransactionClaims {
        iss: &app.settings.public_url,
        aud: domain,
        iat: numeric_date(now),
        exp: numeric_date(ends_at),
        txn: AccessTokenId(app.entropy.id(now)?),
        sub: had.sub,
        scope: &scope,
        req_wl: &service.id,
        tctx: Context {
            approval_id: had.approval_id,
            grant_id: had.grant_id,
            card_digest: &had.card_digest,
            client_id: &had.client_id,
            act: &had.act,
            authorization_details: &live.details,
            request_details: details.as_ref(),
        },
        rctx: context.as_ref(),
    };
    let keyring = app.keyring.get();
    let signed = keyring.active.sign(TokenKind::Transaction, &claims);
    let token = signed.map_err(|_| Fault::Key)?;
    let response = TransactionResponse {
        access_token: &token,
        issued_token_type: TYPE,
        token_type: "N_A",
        expires_in: (ends_at - now).whole_seconds(),
    };
    let response = serde_json::to_string(&response).map_err(|_| Fault::Key)?;
    let event = AuditEvent::new(now, Kind::TransactionBegun, Actor::Client)
        .about(had.approval_id, &service.id, had.sub)
        .from(it.from.clone())
        .fact("grant", had.grant_id.to_string())
        .fact("transaction", claims.txn.to_string())
        .fact("subject", had.jti.to_string())
        .fact("scope", scope.as_str());
    let standing = Standing {
        grant: had.grant_id,
        client: service.id.clone(),
        rests_on: live.rests_on.clone(),
        at: now,
    };
    let commit = Commit::of(Write::Stand(standing)).event(event);
    match app.store.commit(commit).await {
        Ok(()) => Ok(response),
        Err(StoreError::Overtaken) => Err(unacceptable().into()),
        Err(error) => Err(error.into()),
    }
}
