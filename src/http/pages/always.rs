//! "Always…": how far, how often, and until when; and what that would have done before.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;

use super::PageError;
use super::answer::{drawn_elsewhere, not_so, not_taken};
use super::decision_form::DecisionForm;
use super::frame::{Frame, Here, page};
use super::made_for::{hex, purpose};
use super::part::{Part, Tick};
use super::preview::{Preview, preview};
use super::request::{find, grave, not_yours};
use super::words::{Agent, Moment, agent, moment};
use crate::app::App;
use crate::domain::ciba::approval::State as RequestState;
use crate::domain::consent::choice::{FieldChoice, FieldChoices, Offered};
use crate::domain::consent::partial::Remainder;
use crate::domain::id::RequestId;
use crate::flow::again;
use crate::flow::always::{self, Before};
use crate::flow::answer::{AnswerError, Choice};
use crate::flow::show::ShowError;
use crate::flow::show::{self, AlwaysOffer, Seen};
use crate::flow::sign_in::Present;
use crate::http::extract::FormParams;
use crate::http::extract::present_person::PresentPerson;
use crate::http::extract::query::read_query;
use crate::paths;

#[derive(Template)]
#[template(path = "pages/always.html")]
struct AlwaysPage {
    frame: Frame,
    id: RequestId,
    agent: Agent,
    heading: String,
    tier: &'static str,
    grave: Option<&'static str>,
    ends: Vec<End>,
    items: Vec<Item>,
    /// By which catalogue the choices were drawn, when there are any.
    drawn_by: Option<String>,
    /// What was lowered on the page before.
    carried: Vec<(String, String)>,
    digest: String,
    csrf: String,
    /// The agent was never allowed anything before.
    first_contact: bool,
    /// What it would have done, if what was picked can be read.
    preview: Option<Preview>,
    problem: Option<String>,
}

struct End {
    key: &'static str,
    label: String,
    ends_at: Moment,
    picked: bool,
}

struct Item {
    /// Its sentence, when there are several.
    heading: Option<String>,
    /// It can be left out.
    tick: Option<Tick>,
    fields: Vec<Field>,
}

struct Field {
    /// Under which the form sends the pick.
    name: String,
    label: String,
    asked: String,
    options: Vec<Pick>,
}

struct Pick {
    key: &'static str,
    words: &'static str,
    /// What to propose, for a choice with a value.
    proposal: Option<String>,
    after: &'static str,
    /// What to tick, for a choice of several values.
    offered: Vec<Tick>,
    picked: bool,
}

/// Shows what can be chosen.
pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    PresentPerson(by): PresentPerson,
) -> Result<Response, PageError> {
    let chosen = read_query(query.as_deref(), &[]).unwrap_or_default();
    match find(&app, &id, &by).await? {
        Some(seen) => sheet(&app, &by, &seen, None, &chosen).await,
        None => not_yours(&app, &by),
    }
}

async fn sheet(
    app: &App,
    by: &Present,
    seen: &Seen,
    problem: Option<String>,
    chosen: &FormParams,
) -> Result<Response, PageError> {
    let now = app.clock.now();
    let question = seen.request.question();
    // Settled, too old a sign-in, or nothing to offer: the request's own page says so.
    let catalogue = app.catalogue.get();
    let part = Part::of(
        &question.asked,
        &catalogue.catalogue,
        catalogue.version,
        chosen,
    );
    let trim = part.trim().unwrap_or_default();
    let rest = match Remainder::of(&question.asked, &trim, &catalogue.catalogue) {
        Ok(rest) => rest,
        Err(why) => return not_so(app, by, seen, &why.to_string(), chosen).await,
    };
    let before = before(app, seen).await?;
    let offer = match show::always_of(app, seen, &rest, &before) {
        Ok(offer)
            if seen.request.state() == RequestState::Pending
                && by.may_allow(question, now).is_ok() =>
        {
            offer
        }
        Ok(_) | Err(_) => return Ok(Redirect::to(&paths::request(question.id)).into_response()),
    };
    let digest = hex(&question.card_digest);
    let card = &seen.card;
    let until = until(&offer, chosen);
    let picks = picks(&offer, chosen);
    let made = always::rules(app, &catalogue, question, &rest, &before, until, &picks);
    let (preview, unread) = match made {
        Ok(rules) => (Some(preview(&rules, &before, &catalogue, now)), None),
        Err(AnswerError::Bounds(words)) => (None, Some(nothing_saved(&words))),
        Err(_) => (None, None),
    };
    page(&AlwaysPage {
        first_contact: offer.first_contact,
        preview,
        frame: Frame::of(app, by, Here::Elsewhere),
        id: question.id,
        agent: agent(&card.agent.id, &card.agent.name),
        heading: match offer.items.as_slice() {
            [only] => only.heading.clone(),
            _ => card.heading.clone(),
        },
        tier: card.tier.as_str(),
        grave: grave(card.tier),
        ends: ends(&offer, chosen, now),
        items: items(offer, &part, chosen),
        drawn_by: part.drawn_by(),
        carried: part.carried(),
        csrf: app
            .secrets
            .csrf_token(by.session.id, &purpose(question.id, &digest)),
        digest,
        problem: problem.or(unread),
    })
}

fn nothing_saved(words: &str) -> String {
    format!("Nothing was saved: {}.", words.trim_end_matches('.'))
}

/// The end that is picked: by the person, or the usual one.
fn until(offer: &AlwaysOffer, chosen: &FormParams) -> &'static str {
    let chosen = chosen.get("until");
    let picked = offer.ends.iter().find(|end| Some(end.key) == chosen);
    let usual = || offer.ends.iter().find(|end| end.usual);
    picked.or_else(usual).map_or("", |end| end.key)
}

fn ends(offer: &AlwaysOffer, chosen: &FormParams, now: time::OffsetDateTime) -> Vec<End> {
    let picked = until(offer, chosen);
    offer
        .ends
        .iter()
        .map(|end| End {
            key: end.key,
            label: end.label.clone(),
            ends_at: moment(end.ends_at, now),
            picked: end.key == picked,
        })
        .collect()
}

fn items(offer: AlwaysOffer, part: &Part<'_>, chosen: &FormParams) -> Vec<Item> {
    let several = offer.items.len() > 1;
    let item = |(at, item): (usize, show::OfferedItem)| Item {
        tick: part.tick(at, &item.heading),
        heading: several.then_some(item.heading),
        fields: item
            .choices
            .into_iter()
            .map(|choices| field(at, choices, chosen))
            .collect(),
    };
    offer.items.into_iter().enumerate().map(item).collect()
}

fn field(at: usize, choices: FieldChoices, chosen: &FormParams) -> Field {
    let name = field_name(at, &choices.name);
    let key = chosen.get(&name);
    let typed = |option: &FieldChoice| {
        let typed = chosen.get(&value_name(&name, option.key()));
        let usual = option.proposal();
        usual.map(|usual| typed.map_or(usual, str::to_owned))
    };
    let tick = |option: &FieldChoice, nth: usize| {
        let offered = option.offered().get(nth)?;
        let name = tick_name(&name, option.key(), &offered.key);
        Some(Tick {
            ticked: chosen.get(&name).is_some(),
            words: offered.words.clone(),
            name,
        })
    };
    Field {
        options: choices
            .options
            .iter()
            .enumerate()
            .map(|(nth, option)| Pick {
                key: option.key(),
                words: option.words(),
                proposal: typed(option),
                after: option.after(),
                offered: (0..option.offered().len())
                    .filter_map(|nth| tick(option, nth))
                    .collect(),
                picked: key.map_or(nth == 0, |key| key == option.key()),
            })
            .collect(),
        label: choices.label,
        asked: choices.asked,
        name,
    }
}

/// The form's name for a field of the nth thing asked.
fn field_name(at: usize, name: &str) -> String {
    format!("pick.{at}.{name}")
}

/// The form's name for the value that goes with a choice.
fn value_name(field: &str, key: &str) -> String {
    format!("{field}.{key}")
}

/// The form's name for one of several values that go with a choice.
fn tick_name(field: &str, key: &str, value: &str) -> String {
    format!("{field}.{key}.{value}")
}

/// Takes the answer; or shows what it would do, and saves nothing.
pub(super) async fn answer(
    State(app): State<App>,
    form: DecisionForm,
) -> Result<Response, PageError> {
    let DecisionForm {
        id,
        by,
        shown,
        params,
        from,
    } = form;
    let Some(seen) = show::request(&app, id, &by).await? else {
        return not_yours(&app, &by);
    };
    let catalogue = app.catalogue.get();
    let asked = &seen.request.question().asked;
    let part = Part::of(asked, &catalogue.catalogue, catalogue.version, &params);
    let Some(trim) = part.trim() else {
        return not_taken(&app, &by, id, drawn_elsewhere(&app, &seen)).await;
    };
    if params.get("preview").is_some() {
        return sheet(&app, &by, &seen, None, &params).await;
    }
    let before = before(&app, &seen).await?;
    let whole = Remainder::whole(asked);
    let choice = Choice::Always {
        trim,
        until: params.get("until").unwrap_or_default().to_owned(),
        picks: show::always_of(&app, &seen, &whole, &before)
            .map(|offer| picks(&offer, &params))
            .unwrap_or_default(),
        confirmed: params.get("agreed").map(str::to_owned),
    };
    match again::answer(&app, id, &by, choice, shown, from).await {
        Ok(_) => Ok(Redirect::to(&paths::request(id)).into_response()),
        Err(AnswerError::Bounds(words)) => {
            let words = nothing_saved(&words);
            let mut response = sheet(&app, &by, &seen, Some(words), &params).await?;
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(response)
        }
        Err(AnswerError::TooWide(_)) => {
            let words =
                "Nothing was saved yet: this would allow what you denied before. See below.";
            let mut response = sheet(&app, &by, &seen, Some(words.to_owned()), &params).await?;
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(response)
        }
        Err(AnswerError::Part(words)) => not_so(&app, &by, &seen, &words, &params).await,
        Err(error) => not_taken(&app, &by, id, error).await,
    }
}

async fn before(app: &App, seen: &Seen) -> Result<Before, ShowError> {
    always::before(app, seen.request.question()).await
}

/// What was picked, thing by thing, under the names the bounds go by.
fn picks(offer: &AlwaysOffer, params: &FormParams) -> Vec<BTreeMap<String, String>> {
    let item = |(at, item): (usize, &show::OfferedItem)| {
        let mut picks = BTreeMap::new();
        for choices in &item.choices {
            let name = field_name(at, &choices.name);
            let Some(key) = params.get(&name) else {
                continue;
            };
            picks.insert(choices.name.clone(), key.to_owned());
            let option = choices.options.iter().find(|option| option.key() == key);
            let offered = option.map_or(&[][..], FieldChoice::offered);
            let ticked = |it: &&Offered| params.get(&tick_name(&name, key, &it.key)).is_some();
            let ticked = offered.iter().filter(ticked).map(|it| it.key.as_str());
            let ticked = ticked.collect::<Vec<_>>().join(" ");
            let typed = params.get(&value_name(&name, key)).map(str::to_owned);
            if let Some(value) = typed.or_else(|| (!ticked.is_empty()).then_some(ticked)) {
                picks.insert(format!("{}.value", choices.name), value);
            }
        }
        picks
    };
    offer.items.iter().enumerate().map(item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::action::{Asked, Catalogue};
    use crate::http::extract::form::read_form;

    fn offer() -> AlwaysOffer {
        let choices = FieldChoices {
            name: "amount".into(),
            label: "Amount".into(),
            asked: "€240.00".into(),
            options: vec![FieldChoice::Same, FieldChoice::UpTo("240.00".into())],
        };
        let item = show::OfferedItem {
            heading: "Pay".into(),
            choices: vec![choices],
        };
        AlwaysOffer {
            ends: Vec::new(),
            items: vec![item.clone(), item],
            first_contact: false,
        }
    }

    #[test]
    fn each_thing_is_bounded_for_itself() {
        let params = read_form(
            b"pick.0.amount=at-most&pick.0.amount.at-most=300&pick.1.amount=same&pick.1.amount.at-most=9&pick.7.x=any",
            &[],
        );
        let picks = picks(&offer(), &params.unwrap_or_default());
        let said = |at: usize| -> Vec<(&str, &str)> {
            picks[at].iter().map(|(k, v)| (&**k, &**v)).collect()
        };
        assert_eq!(said(0), [("amount", "at-most"), ("amount.value", "300")]);
        assert_eq!(said(1), [("amount", "same")]);
        assert_eq!(picks.len(), 2);
    }

    #[test]
    fn what_was_typed_is_still_there_when_the_sheet_comes_back() {
        let params = read_form(b"pick.0.amount=at-most&pick.0.amount.at-most=abc", &[]);
        let params = params.unwrap_or_default();
        let part = Part::of(&Asked::default(), &Catalogue::default(), 1, &params);
        let items = items(offer(), &part, &params);
        let options = &items[0].fields[0].options;
        assert!(options[1].picked && !options[0].picked);
        assert_eq!(options[1].proposal.as_deref(), Some("abc"));
        assert!(items[1].fields[0].options[0].picked);
    }
}
