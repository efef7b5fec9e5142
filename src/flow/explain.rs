//! A person says why, after their no: once, and within a short while.
//!
//! The no itself is out already. What is added here is for whoever looks at the request later; whoever says that they
//! had not asked for it has reported the agent.

use crate::app::App;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::approval::ApprovalRequest;
use crate::domain::ciba::approval::denial::Reason;
use crate::domain::id::RequestId;
use crate::flow::answer::read_reason;
use crate::flow::pause::{self, Quiet};
use crate::flow::sign_in::Present;
use crate::flow::{Fault, load};
use crate::store::{Commit, StoreError, Write};

/// Why a reason was not taken.
#[derive(Debug)]
pub enum ExplainError {
    /// Not this person's, or not known.
    NotYours,
    /// It was no no, it has a reason, or it was too long ago.
    TooLate,
    /// It is no reason; in words for the person.
    NotAReason(String),
    /// Our fault: nothing was saved.
    Failed(Fault),
}

impl<T: Into<Fault>> From<T> for ExplainError {
    fn from(error: T) -> Self {
        Self::Failed(error.into())
    }
}

/// Takes the reason for a no. `text` is what goes with `other`.
pub async fn explain(
    app: &App,
    id: RequestId,
    by: &Present,
    word: &str,
    text: Option<&str>,
    from: Option<String>,
) -> Result<(), ExplainError> {
    let stored = load::written(app, id).await?;
    let stored = stored.filter(|it| it.request.question().is_put_to(by.user.id));
    let stored = stored.ok_or(ExplainError::NotYours)?;
    let reason = read(word, text)?;
    let now = app.clock.now();
    let ApprovalRequest::Denied(denied) = stored.request else {
        return Err(ExplainError::TooLate);
    };
    if !denied.is_by(by.user.id) {
        return Err(ExplainError::NotYours);
    }
    if denied.reason.as_ref() == Some(&reason) {
        // A second tap on the same.
        return Ok(());
    }
    let question = denied.question.clone();
    if denied.explain(reason.clone(), now).is_err() {
        return Err(ExplainError::TooLate);
    }
    let event = AuditEvent::new(now, Kind::RequestDenialExplained, Actor::Person)
        .about(id, &question.client, by.user.id)
        .from(from.clone())
        .fact("deny_reason", reason.as_str());
    let reported = reason == Reason::NotMine;
    let mut commit = Commit::of(Write::Explain(id, reason, now)).event(event);
    if reported {
        commit = pause::silenced(app, commit, &question, by, Quiet::Report, from)?;
    }
    match app.commit(commit).await {
        Ok(()) => {
            if reported {
                pause::noticed(&question, Quiet::Report);
            }
            app.requests.forget(id);
            Ok(())
        }
        Err(StoreError::Overtaken) => Err(ExplainError::TooLate),
        Err(error) => Err(error.into()),
    }
}

fn read(word: &str, text: Option<&str>) -> Result<Reason, ExplainError> {
    let picked = Reason::PICKED.into_iter().find(|it| it.as_str() == word);
    if let Some(reason) = picked {
        return Ok(reason);
    }
    match read_reason(text.filter(|_| word == "other")) {
        Ok(Some(text)) => Ok(Reason::Other(text)),
        Ok(None) => Err(ExplainError::NotAReason(
            "Write a few words, or pick one of the others.".to_owned(),
        )),
        Err(words) => Err(ExplainError::NotAReason(words)),
    }
}
