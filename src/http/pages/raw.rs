//! All of a request, as it came: for those who want to see it themselves.

use time::OffsetDateTime;

use super::made_for::hex;
use super::words::{Moment, moment};
use crate::domain::action::text::visible;
use crate::domain::id::RequestId;
use crate::flow::show::Seen;

/// Everything there is to say about a request.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    pub(super) id: RequestId,
    pub(super) service: Option<String>,
    pub(super) agent: String,
    pub(super) opened: Moment,
    /// SHA-256 of the card.
    pub(super) digest: String,
    pub(super) items: Vec<RawItem>,
}

/// One thing asked.
#[derive(Clone, Debug)]
pub(super) struct RawItem {
    pub(super) key: String,
    /// The details, line by line, with everything hidden made visible.
    pub(super) json: Vec<String>,
}

/// Writes it all out.
pub(super) fn raw(seen: &Seen, now: OffsetDateTime) -> Raw {
    let question = seen.request.question();
    let items = seen.card.items.iter().map(|item| RawItem {
        key: item.key.to_string(),
        json: item
            .detail
            .as_ref()
            .and_then(|detail| serde_json::to_string_pretty(detail).ok())
            .map(|json| json.lines().map(visible).collect())
            .unwrap_or_default(),
    });
    Raw {
        id: question.id,
        service: question.asked.resource.as_deref().map(visible),
        agent: question.client.0.clone(),
        opened: moment(question.opened_at, now),
        digest: hex(&question.card_digest),
        items: items.collect(),
    }
}
