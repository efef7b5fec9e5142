//! What a person always allows, and the button that ends it.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use time::OffsetDateTime;

use super::PageError;
use super::frame::{Frame, Here, page};
use super::quiet;
use super::words::{Agent, Moment, about, agent, moment};
use crate::app::App;
use crate::domain::consent::standing::{LAPSES_AFTER, Over, RevokedBy};
use crate::domain::id::StandingGrantId;
use crate::flow::show::{self, Standing};
use crate::flow::sign_in::Present;
use crate::flow::stop;
use crate::http::extract::own_form::OwnForm;
use crate::http::extract::present_person::PresentPerson;
use crate::http::extract::query::read_query;
use crate::paths;

/// Ended ones that are still shown.
const ENDED_SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "pages/allowed.html")]
struct AllowedPage {
    frame: Frame,
    /// The sentence of the one just stopped.
    stopped: Option<String>,
    agents: Vec<Group>,
    /// Agents that may not ask.
    silent: Vec<quiet::Row>,
    ended: Vec<Row>,
}

/// What one agent may do.
struct Group {
    id: String,
    agent: Agent,
    rows: Vec<Row>,
}

struct Row {
    id: StandingGrantId,
    agent: String,
    sentence: String,
    service: String,
    ends: Moment,
    /// How long it still is.
    left: String,
    /// When it was last used, if ever.
    used: Option<Moment>,
    uses: u64,
    /// How often it was used in the window that counts.
    lately: Option<String>,
    /// How often it was used within a day.
    today: u64,
    /// Today's catalogue does not let it answer.
    asks_again: bool,
    /// Unused for long, it ends sooner than it says.
    lapses: bool,
    /// Why it is over, and when it ended.
    over: &'static str,
    over_at: Option<Moment>,
    csrf: String,
}

/// What the Stop form of a standing grant is for.
fn purpose(id: StandingGrantId) -> String {
    format!("stop {id}")
}

/// Shows them.
pub(super) async fn show(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    PresentPerson(by): PresentPerson,
) -> Result<Response, PageError> {
    let query = read_query(query.as_deref(), &[]).unwrap_or_default();
    let now = app.clock.now();
    let all = show::allowed(&app, &by).await?;
    let stopped = query.get("stopped").and_then(|id| id.parse().ok());
    let stopped = stopped.and_then(|id: StandingGrantId| {
        let mut ended = all.iter().filter(|it| it.grant.revoked_at.is_some());
        let found = ended.find(|it| it.grant.id == id)?;
        Some(found.sentence.clone())
    });
    let (live, ended): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| it.grant.is_live(now));
    page(&AllowedPage {
        frame: Frame::of(&app, &by, Here::Allowed),
        stopped,
        silent: quiet::rows(&app, &by).await?,
        agents: grouped(&app, &by, live, now),
        ended: ended
            .into_iter()
            .take(ENDED_SHOWN)
            .map(|standing| row(&app, &by, standing, now))
            .collect(),
    })
}

fn grouped(app: &App, by: &Present, live: Vec<Standing>, now: OffsetDateTime) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for standing in live {
        let id = standing.grant.client.0.clone();
        let drawn = agent(&id, &standing.agent);
        let row = row(app, by, standing, now);
        match groups.iter_mut().find(|group| group.id == id) {
            Some(group) => group.rows.push(row),
            None => groups.push(Group {
                id,
                agent: drawn,
                rows: vec![row],
            }),
        }
    }
    groups
}

fn row(app: &App, by: &Present, standing: Standing, now: OffsetDateTime) -> Row {
    let grant = standing.grant;
    let over_at = grant.over_at();
    let over = grant.over(now);
    let over_when = match over {
        Some(Over::Revoked(at, _) | Over::Ended(at) | Over::Unused(at)) => Some(at),
        Some(Over::UsedUp) | None => None,
    };
    Row {
        id: grant.id,
        csrf: app.secrets.csrf_token(by.session.id, &purpose(grant.id)),
        agent: standing.agent,
        sentence: standing.sentence,
        service: standing.service,
        ends: moment(over_at, now),
        left: about(over_at - now),
        used: grant.last_used_at.map(|at| moment(at, now)),
        uses: grant.uses,
        lapses: over_at < grant.ends_at && over_at - now < LAPSES_AFTER / 4,
        lately: grant
            .used_lately(now)
            .filter(|(used, _)| *used > 0)
            .map(|(used, rate)| format!("{used} of {} {}", rate.times, rate.per.words())),
        today: standing.today,
        asks_again: standing.asks_again,
        over: over_words(over),
        over_at: over_when.map(|at| moment(at, now)),
    }
}

/// Why it is over, as it follows its sentence.
fn over_words(over: Option<Over>) -> &'static str {
    match over {
        Some(Over::Revoked(_, RevokedBy::Stopped)) => "stopped",
        Some(Over::Revoked(_, RevokedBy::AgentChanged)) => {
            "ended because the agent's keys or address changed,"
        }
        Some(Over::Revoked(_, RevokedBy::TierRaised)) => {
            "ended because it is held to be more serious by now,"
        }
        Some(Over::Ended(_)) => "ended",
        Some(Over::Unused(_)) => "ended unused for 30 days,",
        Some(Over::UsedUp) => "as often as you allowed",
        None => "",
    }
}

/// Stops one.
pub(super) async fn stop(State(app): State<App>, form: OwnForm) -> Result<Response, PageError> {
    let id = form.closed().get("id").and_then(|id| id.parse().ok());
    let id: StandingGrantId = id.ok_or(PageError::NotAForm)?;
    let (by, _, from) = form.opened(&purpose(id))?;
    match stop::stop(&app, id, &by, from).await? {
        Some(_) => {
            let to = format!("{}?stopped={id}", paths::ALLOWED);
            Ok(Redirect::to(&to).into_response())
        }
        None => Err(PageError::NoSuchPage),
    }
}
