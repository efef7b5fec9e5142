//! A `login_hint_token` is opened with the keys of its issuer, which are fetched when they are not known.

use crate::app::App;
use crate::domain::ciba::hint::Hint;
use crate::domain::ciba::hint_token;
use crate::domain::ciba::refusal::Refusal;
use crate::flow::key_sets;

/// Whom a hint names, with a token opened.
pub(super) async fn opened(app: &App, hint: Hint) -> Result<Hint, Refusal> {
    let Hint::Token(jwt) = hint else {
        return Ok(hint);
    };
    let by = hint_token::issuer(&jwt, &app.settings.hint_issuers)?;
    let opened = key_sets::opened(app, &by.jwks_uri, |keys| {
        let why = "the keys of login_hint_token cannot be fetched now";
        let keys = keys.ok_or(Refusal::InvalidRequest(why))?;
        let ours = &app.settings.public_url;
        match hint_token::read(&jwt, by, keys, ours, app.clock.now()) {
            // It is signed as it should be: no other key would make it younger.
            Err(ended @ Refusal::ExpiredLoginHintToken) => Ok(Err(ended)),
            read => read.map(Ok),
        }
    });
    opened.await?
}
