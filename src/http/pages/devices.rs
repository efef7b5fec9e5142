//! How a person is reached: browsers that receive notifications, and the mailbox.

use askama::Template;
use axum::extract::{FromRef, FromRequest, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{StatusCode, header};
use serde_json::json;

use super::PageError;
use super::frame::{Frame, Here, page};
use super::words::{Moment, moment};
use crate::app::App;
use crate::domain::id::DeviceId;
use crate::flow::enrol::{self, EnrolError};
use crate::flow::show;
use crate::flow::sign_in::{self, Present};
use crate::http::extract::own_form::OwnForm;
use crate::http::extract::own_page::person_on_own_page;
use crate::http::extract::present_person::PresentPerson;
use crate::http::extract::{form, peer};
use crate::paths;

/// What the script's token on the devices page is for.
const SUBSCRIBE: &str = "subscribe";
/// The header that carries it.
const TOKEN_HEADER: &str = "x-csrf-token";
/// The bytes a subscription may have.
const MOST_BYTES: usize = 8 * 1024;

#[derive(Template)]
#[template(path = "pages/devices.html")]
struct DevicesPage<'a> {
    frame: Frame,
    devices: Vec<Row>,
    vapid_key: String,
    csrf: String,
    email: &'a str,
    letters: bool,
    full: bool,
}

struct Row {
    id: DeviceId,
    name: String,
    since: Moment,
    reached: Option<Moment>,
    csrf: String,
}

/// What the Remove form of a device is for.
fn removing(id: DeviceId) -> String {
    format!("remove {id}")
}

/// Shows them.
pub(super) async fn show(
    State(app): State<App>,
    PresentPerson(by): PresentPerson,
) -> Result<Response, PageError> {
    let now = app.clock.now();
    let session = by.session.id;
    let devices = show::devices(&app, &by).await?;
    page(&DevicesPage {
        frame: Frame::of(&app, &by, Here::Devices),
        full: devices.len() >= enrol::MOST_DEVICES,
        devices: devices
            .into_iter()
            .map(|device| Row {
                csrf: app.secrets.csrf_token(session, &removing(device.id)),
                id: device.id,
                name: device.name,
                since: moment(device.created_at, now),
                reached: device.last_delivered_at.map(|at| moment(at, now)),
            })
            .collect(),
        vapid_key: enrol::vapid_key(&app),
        csrf: app.secrets.csrf_token(session, SUBSCRIBE),
        email: &by.user.email,
        letters: sign_in::can_send(&app),
    })
}

/// Forgets one.
pub(super) async fn remove(State(app): State<App>, form: OwnForm) -> Result<Response, PageError> {
    let id = form.closed().get("id").and_then(|id| id.parse().ok());
    let id: DeviceId = id.ok_or(PageError::NotAForm)?;
    let (by, _, from) = form.opened(&removing(id))?;
    enrol::remove_device(&app, id, &by, from).await?;
    Ok(Redirect::to(paths::DEVICES).into_response())
}

/// A subscription, sent by the devices page's own script.
pub(super) struct SentSubscription {
    by: Present,
    json: axum::body::Bytes,
    user_agent: Option<String>,
    from: Option<String>,
}

/// Remembers the browser that sends its subscription.
pub(super) async fn subscribe(
    State(app): State<App>,
    sent: Result<SentSubscription, PageError>,
) -> Response {
    let sent = match sent {
        Ok(sent) => sent,
        Err(error) => return refused(error.status(), "This page is too old: open it again."),
    };
    let agent = sent.user_agent.as_deref();
    match enrol::add_device(&app, &sent.by, &sent.json, agent, sent.from).await {
        Ok(id) => answer(StatusCode::CREATED, &json!({"id": id})),
        Err(EnrolError::Subscription(why)) => {
            refused(StatusCode::UNPROCESSABLE_ENTITY, &why.to_string())
        }
        Err(EnrolError::TooMany) => refused(StatusCode::CONFLICT, &EnrolError::TooMany.to_string()),
        Err(EnrolError::Store(error)) => {
            refused(PageError::from(error).status(), "Try again in a moment.")
        }
        Err(error @ (EnrolError::Entropy(_) | EnrolError::Seal(_))) => {
            tracing::error!(%error, "a device could not be added");
            refused(StatusCode::INTERNAL_SERVER_ERROR, "It is our fault.")
        }
    }
}

impl<S> FromRequest<S> for SentSubscription
where
    App: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = PageError;

    async fn from_request(request: Request, state: &S) -> Result<Self, PageError> {
        let app = App::from_ref(state);
        let by = person_on_own_page(&app, request.headers()).await?;
        let user_agent = {
            let text = |name: &str| request.headers().get(name)?.to_str().ok();
            let token = text(TOKEN_HEADER).unwrap_or_default();
            if !app.secrets.is_csrf_token(token, by.session.id, SUBSCRIBE) {
                return Err(PageError::OldForm);
            }
            let kind = text("content-type").unwrap_or_default();
            if !kind.starts_with("application/json") {
                return Err(PageError::NotAForm);
            }
            text("user-agent").map(str::to_owned)
        };
        let from = peer::from(&app, request.headers(), request.extensions());
        let json = form::body(request, MOST_BYTES)
            .await
            .map_err(|_| PageError::TooLarge)?;
        Ok(Self {
            by,
            json,
            user_agent,
            from,
        })
    }
}

fn refused(status: StatusCode, why: &str) -> Response {
    answer(status, &json!({"error": why}))
}

fn answer(status: StatusCode, json: &serde_json::Value) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (status, kind, json.to_string()).into_response()
}
