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
    let read = |keys: &_| {
        let ours = &app.settings.public_url;
        hint_token::read(&jwt, by, keys, ours, app.clock.now())
    };
    let no_keys = Refusal::InvalidRequest("the keys of login_hint_token cannot be fetched now");
    let refused = match key_sets::keys(app, &by.jwks_uri, false).await {
        Some(keys) => match read(&keys) {
            Err(refused @ Refusal::InvalidRequest(_)) => refused,
            other => return other,
        },
        None => no_keys,
    };
    // Signed by none of the keys known: they may have changed.
    match key_sets::keys(app, &by.jwks_uri, true).await {
        Some(others) => read(&others),
        None => Err(refused),
    }
}
