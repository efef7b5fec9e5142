//! The person, really signed in, answering without a browser: for stories about the agent's side.

use countersign::domain::consent::assurance::Assurance;
use countersign::domain::id::RequestId;
use countersign::domain::user::User;
use countersign::flow::StoredRequest;
use countersign::flow::answer::{self, AnswerError, Choice};
use countersign::flow::sign_in::{self, Present};
use countersign::store::Engine;
use serde_json::Value;

use super::{Asked, World};

/// No, and why.
pub fn deny(reason: &str) -> Choice {
    Choice::Deny {
        reason: (!reason.is_empty()).then(|| reason.to_owned()),
    }
}

impl Asked {
    /// The request's id, as the server has it.
    #[track_caller]
    pub fn id(&self) -> RequestId {
        self.approval_id.parse().expect("an id")
    }
}

impl World {
    /// A person who has just signed in, by a link from the host.
    pub async fn present(&self, user: &User) -> Present {
        let cookie = self.session_cookie(user).await;
        let present = sign_in::session(&self.app, &cookie).await;
        present.expect("the database").expect("signed in")
    }

    /// The cookie of a new session.
    pub async fn session_cookie(&self, user: &User) -> String {
        let link = sign_in::make_link(&self.app, user, Assurance::HostLink, None).await;
        let link = link.expect("a link");
        let handle = link.rsplit('/').next().expect("a handle");
        let used = sign_in::use_link(&self.app, handle, None, None, None).await;
        used.expect("a session").0.cookie
    }

    /// Answers what was asked, as it was shown; or is told why not.
    pub async fn try_answer(
        &self,
        by: &Present,
        asked: &Asked,
        choice: Choice,
    ) -> Result<StoredRequest, AnswerError> {
        let stored = self.stored(asked).await;
        let shown = stored.request.question().card_digest;
        answer::answer(&self.app, asked.id(), by, choice, shown, None).await
    }

    /// Signs in and answers.
    pub async fn answer(&self, user: &User, asked: &Asked, choice: Choice) {
        let present = self.present(user).await;
        let answered = self.try_answer(&present, asked, choice).await;
        answered.expect("an answer that is taken");
    }

    /// Signs in and allows it, this time.
    pub async fn approve(&self, user: &User, asked: &Asked) {
        self.answer(user, asked, Choice::Once).await;
    }

    /// This instance, and on PostgreSQL another one beside it.
    pub async fn instances(self) -> Vec<Self> {
        match self.store().engine() {
            Engine::Sqlite => vec![self],
            Engine::PostgreSql => {
                let other = self.another_instance().await;
                vec![self, other]
            }
        }
    }

    /// What the audit trail says happened to a request, in order.
    pub async fn happened(&self, asked: &Asked) -> Vec<String> {
        let mut records = self.history().await;
        records.retain(|record| record["request"] == asked.approval_id);
        let kind = |record: &Value| record["kind"].as_str().map(str::to_owned);
        records.iter().filter_map(kind).collect()
    }
}
