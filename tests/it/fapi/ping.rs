//! Modules about an endpoint that is called, and answers in its own way.

use time::Duration;

use super::Op;
use crate::world::Asked;
use crate::world::receiver::Manner;

/// Answered, told once in that manner, never again, and collected.
async fn told_once(op: &Op, manner: Manner) {
    op.receiver.behaves(manner);
    let asked: Asked = op.ask(&op.first).await;
    op.world.approve(&op.maya, &asked).await;
    for _ in 0..3 {
        op.world.deliver().await;
        op.world.advance(Duration::seconds(30));
    }
    op.was_called(1);
    op.first.poll(&op.world, &asked.auth_req_id).await.ok();
}

module! {
    [ping_private_key_jwt, ping_mtls]
    async fn ping_backchannel_notification_endpoint_response_has_body(op: Op) {
        told_once(&op, Manner::Endless(b"{\"ok\":true}".to_vec(), std::time::Duration::from_millis(20))).await;
    }
}

module! {
    [ping_private_key_jwt, ping_mtls]
    async fn ping_backchannel_notification_endpoint_response_401(op: Op) {
        told_once(&op, Manner::Status(401, String::new())).await;
    }
}

module! {
    [ping_private_key_jwt, ping_mtls]
    async fn ping_backchannel_notification_endpoint_response_403(op: Op) {
        told_once(&op, Manner::Status(403, String::new())).await;
    }
}

module! {
    [ping_private_key_jwt, ping_mtls]
    async fn ping_backchannel_notification_endpoint_return_redirect_request(op: Op) {
        let location = format!("Location: {}\r\n", op.receiver.url());
        told_once(&op, Manner::Status(301, location)).await;
    }
}

module! {
    [ping_mtls]
    async fn ping_with_mtls_ciba_notification_endpoint_response_401_and_require_server_does_not_retry(op: Op) {
        told_once(&op, Manner::Status(401, "WWW-Authenticate: Bearer\r\n".to_owned())).await;
    }
}
