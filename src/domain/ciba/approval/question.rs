//! What is asked, of whom, by whom, and until when: none of it ever changes.

use time::{Duration, OffsetDateTime};

use crate::domain::action::{Asked, Tier};
use crate::domain::ciba::mode::Mode;
use crate::domain::client::confirmation::Confirmation;
use crate::domain::consent::quorum::Quorum;
use crate::domain::consent::step_up::Wanted;
use crate::domain::effect::Effect;
use crate::domain::id::{ClientId, RequestId, UserId};

/// What one question is, once asked: none of it ever changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// `approval_id`.
    pub id: RequestId,
    /// Who asks.
    pub client: ClientId,
    /// Who is asked, or, when others answer, for whom.
    pub user: UserId,
    /// How the agent learns the answer.
    pub mode: Mode,
    /// When it was asked.
    pub opened_at: OffsetDateTime,
    /// The person may answer before this moment.
    pub answer_by: OffsetDateTime,
    /// The agent may collect before this moment.
    pub expires_at: OffsetDateTime,
    /// Least time between two polls, as told to the agent.
    pub interval: Duration,
    /// `scope`, as requested.
    pub scope: String,
    /// What is asked, in the catalogue's terms.
    pub asked: Asked,
    /// How much can go wrong.
    pub tier: Tier,
    /// SHA-256 of the card the person is shown.
    pub card_digest: [u8; 32],
    /// The key that was shown when it was asked.
    pub bound_to: Option<Confirmation>,
    /// Who has to answer it, when it is not just whom it is about.
    pub quorum: Option<Quorum>,
    /// What the agent wants of the sign-in behind a yes.
    pub wanted: Wanted,
}

impl Question {
    /// Whether somebody is asked this: nobody else sees it.
    pub fn is_put_to(&self, user: UserId) -> bool {
        match &self.quorum {
            None => self.user == user,
            Some(quorum) => quorum.names(user),
        }
    }
}

/// What a settled question owes the agent, by the mode it registered (CIBA §5), and the service it is about.
pub(super) fn owed_to_agent(question: &Question) -> Vec<Effect> {
    let mut owed = vec![Effect::WakePolls(question.id)];
    match question.mode {
        Mode::Poll => {}
        // It may poll, too, or look at the status.
        Mode::Ping | Mode::Push => owed.push(Effect::TellAgent(question.id)),
    }
    if question.asked.transaction.is_some() {
        owed.push(Effect::TellService(question.id));
    }
    owed
}
