//! One request: what the agent wants, in the service's words; or what became of it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use time::OffsetDateTime;

use super::PageError;
use super::differs::Differs;
use super::explain::{offered, words};
use super::frame::{Frame, Here, page};
use super::made_for::{hex, purpose};
use super::outcome::{Outcome, outcome};
use super::part::{Item, Part};
use super::quiet::{self, Asking};
use super::raw::{Raw, raw};
use super::settings::how_words;
use super::sign_in::SIGN_IN_AGAIN;
use super::take_back::Offer;
use super::together::Together;
use super::words::{Agent, Moment, about, agent, leads_away, moment};
use crate::app::App;
use crate::domain::action::card::Card;
use crate::domain::action::{Tier, duration};
use crate::domain::ciba::approval::denial::Reason;
use crate::domain::consent::attention::Silence;
use crate::domain::consent::step_up::{FallsShort, TO_READ};
use crate::domain::id::RequestId;
use crate::flow::compare::{self, Compared};
use crate::flow::show::{self, NoAlways, Seen};
use crate::flow::sign_in::{self, Present};
use crate::flow::take_back::{self, Reached};
use crate::flow::together;
use crate::http::extract::FormParams;
use crate::http::extract::present_person::{PresentPerson, signed_in};

#[derive(Template)]
#[template(path = "pages/request.html")]
struct RequestPage<'a> {
    frame: Frame,
    id: RequestId,
    agent: Agent,
    card: &'a Card,
    leads_away: bool,
    /// The word for a grave request.
    grave: Option<&'static str>,
    answer_by: Moment,
    left: String,
    digest: String,
    csrf: String,
    /// Why nobody can allow this, or not with this sign-in.
    barred: Option<Barred>,
    again_csrf: String,
    no_always: Option<&'static str>,
    /// By which catalogue the choices were drawn, when there are any.
    drawn_by: Option<String>,
    items: Vec<Item>,
    /// Who else has a say.
    together: Option<Together>,
    /// They have allowed it, and others have to.
    has_allowed: bool,
    /// From what they allowed before.
    differs: Differs,
    /// How many others like it wait.
    look_alikes: usize,
    /// How often just this is asked.
    times: usize,
    /// Why nothing rang.
    silent: Option<&'static str>,
    raw: Raw,
    problem: Option<String>,
}

/// Why there is only a no.
struct Barred {
    title: &'static str,
    why: String,
    helps: Helps,
}

/// What would help.
#[derive(PartialEq, Eq)]
enum Helps {
    Nothing,
    /// A letter with a link.
    Letter,
    /// A link from whoever runs the server.
    Operator,
}

#[derive(Template)]
#[template(path = "pages/settled.html")]
struct SettledPage<'a> {
    frame: Frame,
    id: RequestId,
    agent: Agent,
    card: &'a Card,
    leads_away: bool,
    outcome: Outcome,
    /// How a yes can be taken back.
    take_back: Option<Offer>,
    /// When it was.
    ended: Option<Moment>,
    /// The token of the form that says why, and what to pick from.
    explain: Option<String>,
    reasons: Vec<(&'static str, String)>,
    waiting: usize,
    /// What can be done about an agent that was told no.
    asking: Option<Asking>,
    raw: Raw,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "pages/not_yours.html")]
struct NotYoursPage {
    frame: Frame,
}

/// Shows a request, or what became of it.
pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    PresentPerson(by): PresentPerson,
) -> Result<Response, PageError> {
    match find(&app, &id, &by).await? {
        Some(seen) => shown(&app, &by, &seen, None).await,
        None => not_yours(&app, &by),
    }
}

/// A request of theirs.
pub(super) async fn find(app: &App, id: &str, by: &Present) -> Result<Option<Seen>, PageError> {
    match id.parse() {
        Ok(id) => Ok(show::request(app, id, by).await?),
        Err(_) => Ok(None),
    }
}

/// The page for a request that is not theirs, or is not at all: the same to the byte.
pub(super) fn not_yours(app: &App, by: &Present) -> Result<Response, PageError> {
    let frame = Frame::of(app, by, Here::Elsewhere);
    let mut response = page(&NotYoursPage { frame })?;
    *response.status_mut() = StatusCode::NOT_FOUND;
    Ok(response)
}

/// The page for a request as it is now.
pub(super) async fn shown(
    app: &App,
    by: &Present,
    seen: &Seen,
    problem: Option<String>,
) -> Result<Response, PageError> {
    shown_with(app, by, seen, problem, &FormParams::default()).await
}

/// The same, with what a form has chosen already.
pub(super) async fn shown_with(
    app: &App,
    by: &Present,
    seen: &Seen,
    problem: Option<String>,
    chosen: &FormParams,
) -> Result<Response, PageError> {
    let now = app.clock.now();
    let answered_in = show::answered_in(app, seen, by).await?;
    let told = show::granted(app, seen);
    let said = together::said(app, seen).await?;
    match outcome(
        seen,
        &told,
        answered_in.as_ref(),
        (by, &said),
        &app.settings.name,
        now,
    ) {
        None => {
            let compared = compare::compare(app, seen, by).await?;
            let together = Together::of(seen, &said, by, now);
            waiting(app, by, seen, now, together, compared, problem, chosen)
        }
        Some(outcome) => {
            let card = &seen.card;
            let reached = take_back::reached(app, seen).await?;
            page(&SettledPage {
                frame: Frame::of(app, by, Here::Elsewhere),
                id: card.request,
                agent: agent(&card.agent.id, &card.agent.name),
                leads_away: card.said.as_deref().is_some_and(leads_away),
                outcome,
                take_back: Offer::of(app, by, card.request, reached),
                ended: match reached {
                    Reached::Ended(at) => Some(moment(at, now)),
                    Reached::Nobody | Reached::Agent | Reached::Nothing => None,
                },
                explain: offered(app, by, seen),
                reasons: Reason::PICKED
                    .iter()
                    .map(|it| (it.as_str(), words(it).to_owned()))
                    .collect(),
                waiting: show::asked(app, by).await?.len(),
                asking: quiet::asking(app, by, seen, now),
                raw: raw(seen, now),
                card,
                problem,
            })
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "what one page is made of, once")]
fn waiting(
    app: &App,
    by: &Present,
    seen: &Seen,
    now: OffsetDateTime,
    together: Option<Together>,
    compared: Compared,
    problem: Option<String>,
    chosen: &FormParams,
) -> Result<Response, PageError> {
    let card = &seen.card;
    let question = seen.request.question();
    let catalogue = app.catalogue.get();
    let part = Part::of(
        &question.asked,
        &catalogue.catalogue,
        catalogue.version,
        chosen,
    );
    let digest = hex(&question.card_digest);
    let session = by.session.id;
    page(&RequestPage {
        frame: Frame::of(app, by, Here::Elsewhere),
        id: question.id,
        agent: agent(&card.agent.id, &card.agent.name),
        leads_away: card.said.as_deref().is_some_and(leads_away),
        grave: grave(card.tier),
        answer_by: moment(question.answer_by, now),
        left: about(question.answer_by - now),
        csrf: app
            .secrets
            .csrf_token(session, &purpose(question.id, &digest)),
        digest,
        barred: barred(app, by, seen, now),
        again_csrf: app.secrets.csrf_token(session, SIGN_IN_AGAIN),
        no_always: show::always(app, seen).err().map(why_no_always),
        drawn_by: part.drawn_by(),
        items: part.items(seen),
        has_allowed: together.as_ref().is_some_and(|it| it.mine),
        together,
        differs: Differs::of(compared.difference, now),
        look_alikes: compared.look_alikes,
        times: compared.times,
        silent: seen.silence.and_then(why_silent),
        raw: raw(seen, now),
        card,
        problem,
    })
}

/// Why a question came without a notification, if the person may wonder.
fn why_silent(why: Silence) -> Option<&'static str> {
    match why {
        Silence::TooOften => {
            Some("This agent asks you so often that you were not notified of this.")
        }
        Silence::EnoughToday => {
            Some("You were not notified of this: agents have asked you often enough for a day.")
        }
        Silence::QuietHours => Some("This came in your quiet hours."),
        Silence::AskedAlready => None,
    }
}

/// What keeps a person from saying yes.
fn barred(app: &App, by: &Present, seen: &Seen, now: OffsetDateTime) -> Option<Barred> {
    if show::forbidden(app, seen) {
        return Some(Barred {
            title: "This cannot be allowed any more.",
            why: "Whoever runs this server has forbidden it since you were asked. You can still deny: \
                  then the agent knows at once."
                .to_owned(),
            helps: Helps::Nothing,
        });
    }
    let why = by.may_allow(seen.request.question(), now).err()?;
    let sends = sign_in::can_send(app);
    let (why, by_letter) = match why {
        FallsShort::TooOldForTier => {
            let grave = grave(seen.card.tier).unwrap_or("Such");
            let words = "requests need a sign-in that is not older than five minutes.";
            (format!("{grave} {words}"), sends)
        }
        FallsShort::TooOld(age) if age < TO_READ => {
            ("The agent wants a sign-in made for this.".to_owned(), sends)
        }
        FallsShort::TooOld(age) => {
            let age = duration::words(age);
            let words = format!("The agent wants a sign-in that is not older than {age}.");
            (words, sends)
        }
        FallsShort::TooWeak(how) => {
            let how = how_words(how);
            (format!("The agent wants a sign-in {how}."), false)
        }
    };
    Some(Barred {
        title: "Sign in again to allow this.",
        why: format!("{why} You can still deny."),
        helps: if by_letter {
            Helps::Letter
        } else {
            Helps::Operator
        },
    })
}

/// The word for requests that are hard or impossible to take back.
pub(super) fn grave(tier: Tier) -> Option<&'static str> {
    match tier {
        Tier::Trace | Tier::Low | Tier::Normal => None,
        Tier::High => Some("Important"),
        Tier::Critical => Some("Critical"),
    }
}

/// Why there is no "always", in one line.
pub(super) fn why_no_always(why: NoAlways) -> &'static str {
    match why {
        NoAlways::OnlyPresence => "You are asked each time, because it is about you being here.",
        NoAlways::Critical => "You are asked each time, because it is critical.",
        NoAlways::Held => "You are asked each time, because the service itself wants you to look.",
        NoAlways::NotAlone => "You are asked each time, because others have a say in it.",
        NoAlways::NotOffered => "You are asked each time: this cannot be allowed always.",
    }
}

/// For the page's script: the word for the request's state, so that a page that was overtaken says so.
pub(super) async fn state(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let state = match signed_in(&app, &headers).await? {
        None => "signed_out",
        Some(by) => find(&app, &id, &by)
            .await?
            .map_or("unknown", |seen| seen.request.state().as_str()),
    };
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok((kind, json!({"state": state}).to_string()).into_response())
}
