//! The part of a person's own page where they say when they are not to be disturbed.

use axum::extract::State;
use axum::response::Response;

use super::PageError;
use super::settings::{Note, shown};
use crate::app::App;
use crate::domain::audit::Actor;
use crate::domain::user::quiet_hours::{BadHours, Days, QuietHours};
use crate::flow::quiet_hours;
use crate::flow::sign_in::Present;
use crate::http::extract::FormParams;
use crate::http::extract::own_form::OwnForm;

/// What the form is made for.
const QUIET: &str = "quiet hours";

/// What people call the days, Monday first.
const CALLED: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// What is on the page.
pub(super) struct Hours {
    pub(super) csrf: String,
    pub(super) are_set: bool,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) zone: String,
    pub(super) days: Vec<Day>,
    pub(super) urgent_rings: bool,
    /// Whether that is of any use.
    pub(super) may_ring: bool,
    pub(super) tells_agents: bool,
}

/// One day to tick.
pub(super) struct Day {
    pub(super) name: &'static str,
    pub(super) called: &'static str,
    pub(super) ticked: bool,
}

impl Hours {
    /// As they are, or as most people would want them.
    pub(super) async fn of(app: &App, by: &Present) -> Result<Self, PageError> {
        let found = quiet_hours::of(app, by.user.id).await?;
        let days = found.as_ref().map_or(Days::ALL, QuietHours::days);
        let ticked: Vec<&str> = days.names().collect();
        let usual = || ("22:00".to_owned(), "07:00".to_owned());
        let (from, to) = found.as_ref().map_or_else(usual, QuietHours::times);
        let named = Days::NAMES.into_iter().zip(CALLED);
        Ok(Self {
            csrf: app.secrets.csrf_token(by.session.id, QUIET),
            are_set: found.is_some(),
            from,
            to,
            zone: found
                .as_ref()
                .map_or_else(String::new, |it| it.zone().to_owned()),
            days: named
                .map(|(name, called)| Day {
                    name,
                    called,
                    ticked: ticked.contains(&name),
                })
                .collect(),
            urgent_rings: found.as_ref().is_some_and(|it| it.urgent_rings),
            may_ring: app.settings.quiet_hours_ring.is_some(),
            tells_agents: found.as_ref().is_some_and(|it| it.tells_agents),
        })
    }
}

/// Sets them, or takes them away.
pub(super) async fn take(State(app): State<App>, form: OwnForm) -> Result<Response, PageError> {
    let (by, params, from) = form.opened(QUIET)?;
    match params.get("do") {
        Some("save") => match read(&params) {
            Ok(hours) => {
                quiet_hours::set(&app, by.user.id, hours, Actor::Person, from).await?;
                shown(&app, &by, Note::Done("Your quiet hours were saved.")).await
            }
            Err(why) => {
                let problem = format!("Nothing was saved: {why}.");
                shown(&app, &by, Note::Problem(problem)).await
            }
        },
        Some("remove") => {
            quiet_hours::remove(&app, by.user.id, Actor::Person, from).await?;
            shown(&app, &by, Note::Done("You have no quiet hours any more.")).await
        }
        Some(_) | None => Err(PageError::NotAForm),
    }
}

fn read(params: &FormParams) -> Result<QuietHours, BadHours> {
    let field = |name| params.get(name).unwrap_or_default();
    let ticked = |name: &str| params.get(name).is_some();
    let days = Days::NAMES.into_iter().filter(|name| ticked(name));
    let hours = QuietHours::read(
        field("zone"),
        Days::named(days)?,
        field("from"),
        field("to"),
    )?;
    Ok(hours.with(ticked("urgent"), ticked("tell")))
}
