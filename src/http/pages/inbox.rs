//! What waits, the gravest first.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::PageError;
use super::frame::{Frame, Here, page};
use super::request::grave;
use super::together::needed_words;
use super::words::{Agent, Moment, about, agent, moment};
use crate::app::App;
use crate::domain::id::RequestId;
use crate::flow::show;
use crate::http::extract::present_person::PresentPerson;

#[derive(Template)]
#[template(path = "pages/inbox.html")]
struct InboxPage {
    frame: Frame,
    waiting: Vec<Row>,
    /// A hint that nothing would ring.
    no_devices: bool,
}

/// One request in a list.
struct Row {
    id: RequestId,
    agent: Agent,
    heading: String,
    service: Option<String>,
    grave: Option<&'static str>,
    /// How many people have to allow it, when it is not this one alone.
    together: Option<String>,
    tier: &'static str,
    answer_by: Moment,
    left: String,
    code: String,
    /// How often it was asked.
    times: usize,
}

/// Shows what waits.
pub(super) async fn show(
    State(app): State<App>,
    PresentPerson(by): PresentPerson,
) -> Result<Response, PageError> {
    let now = app.clock.now();
    let waiting = show::asked(&app, &by).await?.into_iter().map(|asking| {
        let seen = asking.seen;
        let question = seen.request.question();
        let (answer_by, quorum) = (question.answer_by, question.quorum.as_ref());
        Row {
            id: seen.card.request,
            agent: agent(&seen.card.agent.id, &seen.card.agent.name),
            grave: grave(seen.card.tier),
            together: quorum.map(|quorum| needed_words(quorum.count)),
            tier: seen.card.tier.as_str(),
            answer_by: moment(answer_by, now),
            left: about(answer_by - now),
            heading: seen.card.heading,
            service: seen.card.resource.map(|resource| resource.name),
            code: seen.card.match_code,
            times: asking.times,
        }
    });
    page(&InboxPage {
        frame: Frame::of(&app, &by, Here::Waiting),
        waiting: waiting.collect(),
        no_devices: show::devices(&app, &by).await?.is_empty(),
    })
}
