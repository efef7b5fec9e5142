//! A form a person sent, from a page of ours, for what the page said it was for.

use super::own_page::person_on_own_page;
use super::{FormError, FormParams, form, peer};
use crate::app::App;
use crate::flow::sign_in::Present;
use crate::http::pages::PageError;
use axum::extract::{FromRef, FromRequest, Request};

/// The bytes a person's form may have.
const MOST_BYTES: usize = 16 * 1024;

/// The field that holds the form's token.
pub const TOKEN: &str = "csrf";

/// A form that has come from our own page, with both cookies, and is not opened yet.
pub struct OwnForm {
    app: App,
    /// Who sent it.
    pub by: Present,
    /// From which address.
    pub from: Option<String>,
    params: FormParams,
}

impl OwnForm {
    /// What it says, without having asked what it was made for: only to find out which token it needs.
    pub fn closed(&self) -> &FormParams {
        &self.params
    }

    /// Opens it, if it was made for this purpose in this session.
    pub fn opened(self, purpose: &str) -> Result<(Present, FormParams, Option<String>), PageError> {
        let token = self.params.get(TOKEN).unwrap_or_default();
        let session = self.by.session.id;
        if self.app.secrets.is_csrf_token(token, session, purpose) {
            Ok((self.by, self.params, self.from))
        } else {
            Err(PageError::OldForm)
        }
    }
}

impl<S> FromRequest<S> for OwnForm
where
    App: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = PageError;

    async fn from_request(request: Request, state: &S) -> Result<Self, PageError> {
        let app = App::from_ref(state);
        let by = person_on_own_page(&app, request.headers()).await?;
        let from = peer::from(&app, request.headers(), request.extensions());
        let params = read(request).await?;
        Ok(Self {
            app,
            by,
            from,
            params,
        })
    }
}

/// The form in a request's body.
pub async fn read(request: Request) -> Result<FormParams, PageError> {
    if !form::is_form(request.headers()) {
        return Err(PageError::NotAForm);
    }
    let body = form::body(request, MOST_BYTES)
        .await
        .map_err(|error| match error {
            form::BodyError::TooLarge => PageError::TooLarge,
            form::BodyError::Broken => PageError::NotAForm,
        })?;
    form::read_form(&body, &[]).map_err(|error| match error {
        FormError::TooLong | FormError::TooMany => PageError::TooLarge,
        FormError::Doubled | FormError::NotUtf8 | FormError::Malformed | FormError::BadEscape => {
            PageError::NotAForm
        }
    })
}
