//! Requests asked or answered here a moment ago.
//!
//! Between asking and collecting a request is looked at three or four times, mostly by the process that
//! wrote it. What is remembered is what this process committed; another may have moved on since. So it
//! is good for deciding and never for refusing: a decision made on it is guarded by the row, and whoever
//! is [`Overtaken`](crate::store::StoreError::Overtaken) forgets it and asks the row.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::id::RequestId;
use crate::store::StoredRequest;

/// Bytes of requests in each of the two generations.
const BYTES: usize = 4 << 20;

/// Requests this process wrote last.
#[derive(Debug, Default)]
pub struct Requests {
    generations: Mutex<Generations>,
}

/// When the young have grown to [`BYTES`], they become the old, and the old are forgotten.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<RequestId, Arc<StoredRequest>>,
    old: HashMap<RequestId, Arc<StoredRequest>>,
    bytes: usize,
}

impl Requests {
    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The request as this process wrote it last.
    pub fn recall(&self, id: RequestId) -> Option<Arc<StoredRequest>> {
        let generations = self.lock();
        let found = generations.young.get(&id);
        found.or_else(|| generations.old.get(&id)).map(Arc::clone)
    }

    /// Remembers a request as it is now.
    pub fn remember(&self, stored: StoredRequest) {
        let id = stored.request.question().id;
        let weight = weight(&stored);
        let mut generations = self.lock();
        generations.old.remove(&id);
        if generations.young.insert(id, Arc::new(stored)).is_none() {
            generations.bytes += weight;
        }
        if generations.bytes > BYTES {
            generations.old = std::mem::take(&mut generations.young);
            generations.bytes = 0;
        }
    }

    /// Forgets a request: it moved on elsewhere, or nobody will ask for it again.
    pub fn forget(&self, id: RequestId) {
        let mut generations = self.lock();
        if let Some(stored) = generations.young.remove(&id) {
            let left = generations.bytes.saturating_sub(weight(&stored));
            generations.bytes = left;
        }
        generations.old.remove(&id);
    }
}

/// About how many bytes it takes: the card and the agent's state are most of it, and what was asked is
/// about as long as the card.
fn weight(stored: &StoredRequest) -> usize {
    let state = stored.resume_state.as_ref().map_or(0, Vec::len);
    size_of::<StoredRequest>() + 2 * stored.card.len() + state
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::action::{Asked, Tier};
    use crate::domain::ciba::approval::{ApprovalRequest, Pending, Question};
    use crate::domain::ciba::mode::Mode;
    use crate::domain::id::{ClientId, UserId};

    fn stored(n: u128, card: usize) -> StoredRequest {
        let opened_at = time::OffsetDateTime::UNIX_EPOCH;
        let question = Question {
            id: id(n),
            client: ClientId("agent".into()),
            user: UserId(uuid::Uuid::from_u128(2)),
            mode: Mode::Poll,
            opened_at,
            answer_by: opened_at,
            expires_at: opened_at,
            interval: time::Duration::seconds(5),
            scope: "openid".into(),
            asked: Asked::default(),
            tier: Tier::Normal,
            card_digest: [0; 32],
            bound_to: None,
            quorum: None,
            wanted: crate::domain::consent::step_up::Wanted::default(),
        };
        StoredRequest {
            request: ApprovalRequest::Pending(Pending { question }),
            card: "x".repeat(card),
            match_code: String::new(),
            resume_state: None,
            notification_token: None,
            request_digest: None,
            settled_at: None,
            likeness: None,
            arrival: None,
            nobody_told: true,
        }
    }

    fn id(n: u128) -> RequestId {
        RequestId(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn the_last_word_is_remembered_until_it_is_forgotten() {
        let requests = Requests::default();
        requests.remember(stored(1, 10));
        requests.remember(stored(1, 20));
        assert_eq!(requests.recall(id(1)).unwrap().card.len(), 20);
        requests.forget(id(1));
        assert!(requests.recall(id(1)).is_none());
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let requests = Requests::default();
        for n in 0..100 {
            requests.remember(stored(n, BYTES / 20));
        }
        assert!(requests.recall(id(0)).is_none());
        assert!(requests.recall(id(99)).is_some());
        let generations = requests.lock();
        assert!(generations.young.len() + generations.old.len() <= 22);
    }
}
