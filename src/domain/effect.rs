//! What a decision obliges us to do. The domain says it; `flow/` turns it into parcels and wake-ups.

use crate::domain::id::RequestId;

/// One obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Tell the person, on every channel they have, that they are asked.
    TellPerson(RequestId),
    /// Take the question off their devices: it is settled, and nothing more may be delivered for it.
    TellPersonItIsSettled(RequestId),
    /// Call the agent at its endpoint: there is an answer.
    TellAgent(RequestId),
    /// Call the service whose parked action it is about, if it wants to be: there is an answer.
    TellService(RequestId),
    /// Answer the agent's polls that are held open for it.
    WakePolls(RequestId),
}
