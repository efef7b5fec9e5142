//! Held transactions: a service parks an action, somebody is asked about it, the service releases it once.

pub mod end;
pub mod park;
pub mod status;

use time::OffsetDateTime;

use crate::app::App;
use crate::domain::action::{HeldBy, Party};
use crate::domain::ciba::approval::ApprovalRequest;
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::Client;
use crate::domain::client::authentication::Authenticated;
use crate::domain::held::{HeldTransaction, naming};
use crate::domain::id::{ClientId, RequestId, TransactionId, UserId};
use crate::flow::{Fault, Unserved, load};
use crate::store::{AskAbout, StoredRequest, Write};

/// A transaction that is to be asked about, with its service, and what is known of who asked before.
pub(super) struct Held {
    pub(super) transaction: HeldTransaction,
    service: Party,
    before: Option<ApprovalRequest>,
}

/// What an agent named.
pub(super) async fn named(app: &App, by: &Authenticated, id: &str) -> Result<Held, Unserved> {
    let id = id.parse::<TransactionId>().map_err(|_| naming::unknown())?;
    let found = app.store.held_transaction(id).await?;
    let found = found.filter(|it| it.may_be_named_by(&by.client().id));
    let transaction = found.ok_or_else(naming::unknown)?;
    let service = app.clients.find(&app.store, &transaction.service).await?;
    let service = service.filter(|service| service.active);
    let service = service.ok_or_else(naming::unknown)?;
    let before = request(app, &transaction).await?;
    Ok(Held {
        service: party(&service),
        before: before.map(|stored| stored.request),
        transaction,
    })
}

impl Held {
    /// One that is being parked, by a service that asks itself.
    pub(super) fn new(transaction: HeldTransaction, service: &Client) -> Self {
        Self {
            transaction,
            service: party(service),
            before: None,
        }
    }

    /// Whether that client may ask that person about it now.
    pub(super) fn may_be_asked(
        &self,
        by: &Client,
        person: UserId,
        now: OffsetDateTime,
    ) -> Result<(), Unserved> {
        let may = self
            .transaction
            .may_be_asked(&by.id, person, self.before.as_ref(), now);
        may.map_err(|why| Refusal::from(why).into())
    }

    /// It is asked about by that request: the row decides whether by no other.
    pub(super) fn asked_by(&self, request: RequestId, at: OffsetDateTime) -> Write {
        Write::AskAbout(AskAbout {
            transaction: self.transaction.id,
            before: self.transaction.request,
            request,
            at,
        })
    }

    /// What the person reads about it.
    pub(super) fn on_the_card(&self) -> HeldBy {
        HeldBy {
            transaction: self.transaction.id,
            service: self.service.clone(),
        }
    }
}

fn party(client: &Client) -> Party {
    Party {
        id: client.id.0.clone(),
        name: client.name.clone(),
    }
}

/// A service's own transaction, with the request that asks about it.
async fn own(
    app: &App,
    service: &ClientId,
    id: TransactionId,
) -> Result<Option<(HeldTransaction, Option<StoredRequest>)>, Unserved> {
    let found = app.store.held_transaction(id).await?;
    let Some(held) = found.filter(|it| it.service == *service) else {
        return Ok(None);
    };
    let request = request(app, &held).await?;
    Ok(Some((held, request)))
}

/// The request that asks about it, or did last. What has run out is written down first.
async fn request(app: &App, held: &HeldTransaction) -> Result<Option<StoredRequest>, Fault> {
    match held.request {
        Some(id) => load::written(app, id).await,
        None => Ok(None),
    }
}
