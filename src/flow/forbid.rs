//! Policy refuses before anyone is asked (CIBA §13), and that is part of the history.

use crate::app::App;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::Client;
use crate::flow::Unserved;
use crate::store::Commit;

/// Writes down a refusal by policy, and passes every judgement on.
pub(super) async fn noted<T>(
    app: &App,
    by: &Client,
    from: Option<&str>,
    judged: Result<T, Unserved>,
) -> Result<T, Unserved> {
    if let Err(Unserved::Refused(Refusal::Forbidden(permission))) = &judged {
        let event = AuditEvent::new(app.clock.now(), Kind::RequestForbidden, Actor::Client)
            .client(&by.id)
            .from(from.map(str::to_owned))
            .fact("permission", permission.as_stored());
        app.store.commit(Commit::default().event(event)).await?;
    }
    judged
}
