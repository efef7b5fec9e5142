//! What was, the newest first.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use time::OffsetDateTime;

use super::PageError;
use super::frame::{Frame, Here, page};
use super::outcome::allowed_title;
use super::words::{Agent, Moment, agent, moment};
use crate::app::App;
use crate::domain::ciba::approval::{ApprovalRequest, DecidedBy, Decision};
use crate::domain::id::RequestId;
use crate::flow::show::{self, Seen};
use crate::http::extract::present_person::PresentPerson;
use crate::http::extract::query::read_query;

/// Requests on one page.
const ROWS: usize = 30;

#[derive(Template)]
#[template(path = "pages/history.html")]
struct HistoryPage {
    frame: Frame,
    rows: Vec<Row>,
    first: bool,
    /// The last one shown, when there are older ones.
    older: Option<RequestId>,
}

struct Row {
    id: RequestId,
    agent: Agent,
    heading: String,
    at: Moment,
    result: String,
    /// A rule answered.
    by_rule: bool,
    /// How often, one after the other.
    times: usize,
    look: &'static str,
}

/// Shows a page of it.
pub(super) async fn show(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    PresentPerson(by): PresentPerson,
) -> Result<Response, PageError> {
    let query = read_query(query.as_deref(), &[]).unwrap_or_default();
    let before = query.get("before").and_then(|id| id.parse().ok());
    let now = app.clock.now();
    // One more than is shown says whether there are older ones.
    let mut seen = show::history(&app, &by, before, ROWS as u64 + 1).await?;
    let more = seen.len() > ROWS;
    seen.truncate(ROWS);
    let last = seen.last().map(|it| it.card.request).filter(|_| more);
    let rows = seen.into_iter().map(|seen| row(&app, seen, now));
    let rows = folded(rows);
    page(&HistoryPage {
        frame: Frame::of(&app, &by, Here::History),
        first: before.is_none(),
        older: last,
        rows,
    })
}

/// What a rule answered again and again is one row, the newest.
fn folded(rows: impl Iterator<Item = Row>) -> Vec<Row> {
    let mut folded: Vec<Row> = Vec::new();
    for row in rows {
        let same = |last: &&mut Row| {
            let of = |row: &Row| (row.agent.name.clone(), row.agent.host.clone());
            (last.by_rule && row.by_rule)
                && of(last) == of(&row)
                && (&last.heading, &last.result) == (&row.heading, &row.result)
        };
        match folded.last_mut().filter(same) {
            Some(last) => last.times += 1,
            None => folded.push(row),
        }
    }
    folded
}

fn row(app: &App, seen: Seen, now: OffsetDateTime) -> Row {
    let by_rule = seen
        .request
        .decision()
        .is_some_and(|decision| matches!(decision.by, DecidedBy::StandingGrants { .. }));
    let (result, look) = result(&seen.request);
    let granted = show::granted(app, &seen);
    let result = match granted.headings.as_slice() {
        [] => result.to_owned(),
        headings => format!("{result}. {}: {}", granted.of, headings.join("; ")),
    };
    let question = seen.request.question();
    Row {
        id: question.id,
        at: moment(seen.settled_at.unwrap_or(question.answer_by), now),
        agent: agent(&seen.card.agent.id, &seen.card.agent.name),
        heading: seen.card.heading,
        by_rule,
        times: 1,
        result,
        look,
    }
}

/// One word for what became of it, and how it looks.
fn result(request: &ApprovalRequest) -> (&'static str, &'static str) {
    let allowed = |decision: &Decision| allowed_title(decision, request.question());
    match request {
        ApprovalRequest::Pending(_) => ("Waiting", "neither"),
        ApprovalRequest::Approved(approved) => (allowed(&approved.decision), "yes"),
        ApprovalRequest::Redeemed(redeemed) => (allowed(&redeemed.decision), "yes"),
        ApprovalRequest::Denied(_) => ("Denied", "no"),
        ApprovalRequest::Expired(expired) => match expired.decision {
            Some(_) => ("Allowed, never collected", "neither"),
            None => ("No answer", "neither"),
        },
        ApprovalRequest::Cancelled(it) if it.by.superseded_by().is_some() => {
            ("Answered where it was asked again", "neither")
        }
        ApprovalRequest::Cancelled(_) => ("Withdrawn", "neither"),
    }
}
