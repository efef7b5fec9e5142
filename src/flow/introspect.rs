//! A service asks whether a token is good (RFC 7662), and may use up what is good for one use.
//!
//! Asking changes nothing. `consume` is ours: the items of the token that are good for one use are spent
//! by it, once, whoever asks at the same time, and however many tokens carry them.

use time::OffsetDateTime;

use crate::app::App;
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::Role;
use crate::domain::client::authentication::Authenticated;
use crate::domain::id::{ClientId, RefreshTokenId};
use crate::domain::token::access::numeric_date;
use crate::domain::token::introspection::{Introspection, SignedClaims, is_for};
use crate::domain::token::keyring::Kind as TokenKind;
use crate::domain::token::live::Live;
use crate::domain::token::refresh::{Presented as Judged, present};
use crate::flow::presented::{self, Consumer, Presented, Use, carried};
use crate::flow::refresh::{find, renewable};
use crate::flow::{Fault, Unserved, authenticate};

/// A question about a token.
#[derive(Debug)]
pub struct Introspecting<'a> {
    /// Who asks.
    pub by: &'a Authenticated,
    /// `token`.
    pub token: &'a str,
    /// Whether what is good for one use is used now.
    pub consume: bool,
    /// The peer's address.
    pub from: Option<String>,
}

/// What the service is told.
pub async fn introspect(app: &App, it: Introspecting<'_>) -> Result<Introspection, Unserved> {
    match it.by.client().role {
        Role::ResourceServer => {}
        Role::Agent => {
            let why = "only a service (role resource_server) may introspect";
            return Err(Refusal::UnauthorizedClient(why).into());
        }
    }
    let now = app.clock.now();
    let told = match app.secrets.refresh_tokens.read(it.token) {
        Some(id) => refresh_token(app, &it, RefreshTokenId(id), now).await?,
        None => access_token(app, &it, now).await?,
    };
    authenticate::spend_later(app, it.by);
    Ok(told)
}

/// The same as a signed JWT (RFC 9701).
pub fn signed(app: &App, told: &Introspection, service: &ClientId) -> Result<String, Unserved> {
    let claims = SignedClaims {
        iss: &app.settings.public_url,
        aud: service,
        iat: numeric_date(app.clock.now()),
        token_introspection: told,
    };
    let keyring = app.keyring.get();
    let signed = keyring.active.sign(TokenKind::Introspection, &claims);
    Ok(signed.map_err(|_| Fault::Key)?)
}

async fn access_token(
    app: &App,
    it: &Introspecting<'_>,
    now: OffsetDateTime,
) -> Result<Introspection, Unserved> {
    let ours = carried(app, it.token, now).await?;
    let ours = ours.filter(|ours| is_for(&ours.aud, it.by.client()));
    let Some(ours) = ours else {
        return Ok(Introspection::inactive());
    };
    let Some(presented) = Presented::find(app, ours).await? else {
        return Ok(Introspection::inactive());
    };
    let Some(live) = presented.live(app, now) else {
        return Ok(Introspection::inactive());
    };
    if !it.consume {
        return Ok(Introspection::access(presented.carried, live, false));
    }
    if live.spent {
        return Ok(Introspection::inactive());
    }
    if live.usable_once.is_empty() {
        return Ok(Introspection::access(presented.carried, live, false));
    }
    consume(app, it, presented, live, now).await
}

/// Spends it: the row decides who was first.
async fn consume(
    app: &App,
    it: &Introspecting<'_>,
    presented: Presented,
    live: Live,
    now: OffsetDateTime,
) -> Result<Introspection, Unserved> {
    authenticate::spend(app, it.by).await?;
    let by = Consumer::Service(&it.by.client().id);
    let used = Use {
        token: Some(presented.carried.jti),
        places: live.usable_once,
        rests_on: live.rests_on.clone(),
    };
    let spent = presented::consume(app, &presented.behind, used, by, it.from.clone(), now);
    Ok(if spent.await? {
        Introspection::access(presented.carried, live, true)
    } else {
        Introspection::inactive()
    })
}

async fn refresh_token(
    app: &App,
    it: &Introspecting<'_>,
    id: RefreshTokenId,
    now: OffsetDateTime,
) -> Result<Introspection, Unserved> {
    let Some(found) = find(app, id).await? else {
        return Ok(Introspection::inactive());
    };
    let issuer = app.settings.public_url.as_str();
    let resource = found.question.asked.resource.as_deref();
    let audience = resource.unwrap_or(issuer);
    let fresh = present(&found.token, &found.token.client, false, now) == Ok(Judged::Fresh);
    if !fresh || !is_for(audience, it.by.client()) {
        return Ok(Introspection::inactive());
    }
    Ok(match renewable(app, &found, now) {
        Ok(renewal) => {
            let user = found.question.user;
            Introspection::refresh(issuer, user, audience, &found.token, &renewal)
        }
        Err(_) => Introspection::inactive(),
    })
}
