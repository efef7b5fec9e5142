//! The tokens one answer gives, when it is collected and at each refresh: the same in all but their ends.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::app::App;
use crate::domain::action::{AskedItem, TokenForm};
use crate::domain::ciba::approval::{Decision, Question};
use crate::domain::client::confirmation::Confirmation;
use crate::domain::id::{AccessTokenId, GrantId, RequestId};
use crate::domain::token::access::{AccessTokenClaims, granted_details, numeric_date};
use crate::domain::token::acting::Acting;
use crate::domain::token::algorithm::Algorithm;
use crate::domain::token::id_token::{self, IdTokenClaims};
use crate::domain::token::keyring::Kind as TokenKind;
use crate::flow::{Fault, Unserved};
use crate::store::{NewAccessToken, Write};

/// What the tokens are good for.
pub(super) struct Issue<'a> {
    /// What was asked.
    pub(super) question: &'a Question,
    /// What was answered.
    pub(super) decision: &'a Decision,
    /// What the access token allows.
    pub(super) items: &'a [AskedItem],
    /// The same as scopes, and `openid`.
    pub(super) scope: &'a str,
    /// What they hang off.
    pub(super) grant: GrantId,
    /// The access token's name.
    pub(super) jti: AccessTokenId,
    /// When the access token ends.
    pub(super) ends_at: OffsetDateTime,
    /// What it can be renewed with.
    pub(super) refresh_token: Option<String>,
    /// The key it is bound to.
    pub(super) bound_to: Option<Confirmation>,
    /// What the ID token is signed with.
    pub(super) id_token_alg: Algorithm,
    /// The agent's words to itself.
    pub(super) resume_state: Option<String>,
    /// Handed over unasked, not collected.
    pub(super) pushed: Option<Pushed>,
}

/// What is different about tokens that an agent is handed (CIBA §10.3.1).
pub(super) struct Pushed {
    /// The request they answer, which the agent has not just named.
    pub(super) auth_req_id: String,
    /// Until when they may be handed over: until then the ID token is good.
    pub(super) until: OffsetDateTime,
}

/// What was issued.
pub(super) struct Issued {
    /// The response's JSON.
    pub(super) response: String,
    /// What is kept of an access token that is not a JWT.
    pub(super) kept: Option<Write>,
}

#[derive(Serialize)]
struct TokenResponse<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_req_id: Option<&'a str>,
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    scope: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_details: Vec<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume_state: Option<String>,
    approval_id: RequestId,
    grant_id: GrantId,
}

/// Signs the tokens and words the response.
pub(super) fn issue(app: &App, it: Issue<'_>, now: OffsetDateTime) -> Result<Issued, Unserved> {
    let (access_token, kept) = access_token(app, &it, now)?;
    // `openid` is in what was asked, but a refresh may leave it out.
    let id_token = if it.scope.split(' ').any(|scope| scope == "openid") {
        Some(id_token(app, &it, &access_token, now)?)
    } else {
        None
    };
    let response = TokenResponse {
        auth_req_id: it.pushed.as_ref().map(|it| it.auth_req_id.as_str()),
        access_token,
        token_type: Confirmation::token_type(it.bound_to),
        expires_in: (it.ends_at - now).whole_seconds(),
        refresh_token: it.refresh_token,
        id_token,
        scope: it.scope,
        authorization_details: granted_details(it.items),
        resume_state: it.resume_state,
        approval_id: it.question.id,
        grant_id: it.grant,
    };
    let response = serde_json::to_string(&response).map_err(|_| Fault::Key)?;
    Ok(Issued { response, kept })
}

/// An access token in the form its service wants.
pub(super) fn form(
    app: &App,
    claims: &AccessTokenClaims<'_>,
    ends_at: OffsetDateTime,
) -> Result<(String, Option<Write>), Fault> {
    let catalogue = &app.catalogue.get().catalogue;
    match catalogue.resource(claims.aud).map(|it| it.access_token) {
        Some(TokenForm::Opaque) => {
            let token = app.secrets.access_tokens.make(claims.jti.0);
            let kept = NewAccessToken {
                id: claims.jti,
                grant: claims.grant_id,
                claims: serde_json::to_string(claims).map_err(|_| Fault::Key)?,
                expires_at: ends_at,
            };
            Ok((token, Some(Write::AddAccessToken(Box::new(kept)))))
        }
        Some(TokenForm::Jwt) | None => {
            let keyring = app.keyring.get();
            let signed = keyring.active.sign(TokenKind::AccessToken, claims);
            Ok((signed.map_err(|_| Fault::Key)?, None))
        }
    }
}

fn access_token(
    app: &App,
    it: &Issue<'_>,
    now: OffsetDateTime,
) -> Result<(String, Option<Write>), Fault> {
    let issuer = app.settings.public_url.as_str();
    let question = it.question;
    // The one the answer rests on: a refresh is no new one.
    let sign_in = it.decision.by.sign_in();
    let claims = AccessTokenClaims {
        iss: issuer,
        sub: question.user,
        aud: question.asked.resource.as_deref().unwrap_or(issuer),
        client_id: &question.client.0,
        iat: numeric_date(now),
        exp: numeric_date(it.ends_at),
        jti: it.jti,
        scope: it.scope.to_owned(),
        authorization_details: granted_details(it.items),
        auth_time: numeric_date(sign_in.at),
        acr: sign_in.how.acr(),
        approved_by: it.decision.by.people().map(|one| one.user).collect(),
        act: Acting::first(&question.client.0),
        may_act: None,
        approval_id: question.id,
        grant_id: it.grant,
        card_digest: URL_SAFE_NO_PAD.encode(question.card_digest),
        txn: question.asked.transaction,
        cnf: it.bound_to,
    };
    form(app, &claims, it.ends_at)
}

fn id_token(
    app: &App,
    it: &Issue<'_>,
    access_token: &str,
    now: OffsetDateTime,
) -> Result<String, Fault> {
    let sign_in = it.decision.by.sign_in();
    let (pushed, usual) = (it.pushed.as_ref(), now + id_token::LIFETIME);
    let claims = IdTokenClaims {
        iss: app.settings.public_url.as_str(),
        sub: it.question.user,
        aud: &it.question.client.0,
        iat: numeric_date(now),
        exp: numeric_date(pushed.map_or(usual, |pushed| pushed.until.max(usual))),
        auth_time: numeric_date(sign_in.at),
        acr: sign_in.how.acr(),
        at_hash: id_token::token_hash(it.id_token_alg, access_token),
        rt_hash: pushed
            .and(it.refresh_token.as_deref())
            .map(|token| id_token::token_hash(it.id_token_alg, token)),
        auth_req_id: pushed.map(|pushed| pushed.auth_req_id.as_str()),
    };
    let keyring = app.keyring.get();
    let key = keyring.signer(it.id_token_alg).ok_or(Fault::Key)?;
    key.sign(TokenKind::IdToken, &claims)
        .map_err(|_| Fault::Key)
}
