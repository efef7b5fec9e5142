//! Modules about what a request may say.

use serde_json::json;
use time::Duration;

use super::Op;
use super::party::{SCOPE, unsigned};
use crate::world::Asked;

module! {
    async fn ensure_authorization_request_with_binding_message_succeeds(op: Op) {
        let asked = op.ask(&op.first).await;
        let mut browser = op.world.signed_in(&op.maya).await;
        let page = browser.get(&asked.page()).await;
        assert!(page.body.contains("1234"), "the person reads it");
        op.world.approve(&op.maya, &asked).await;
        op.first.poll(&op.world, &asked.auth_req_id).await.ok();
    }
}

module! {
    async fn ensure_authorization_request_with_potentially_bad_binding_message(op: Op) {
        let mut claims = op.first.object(&op.world);
        let long = "1234567890123456789012345678901234567890123456789012345678901234567890 品川 👍🏿 ".repeat(8);
        claims["binding_message"] = json!(long);
        let answer = op.first.ask(&op.world, &op.first.sign(&claims)).await;
        answer.refused(400, "invalid_binding_message");
        // What can be shown is shown exactly.
        let short = "品川 1234 for the party";
        let mut claims = op.first.object(&op.world);
        claims["binding_message"] = json!(short);
        let answer = op.first.ask(&op.world, &op.first.sign(&claims)).await;
        let asked = Asked::of(&answer);
        let mut browser = op.world.signed_in(&op.maya).await;
        assert!(browser.get(&asked.page()).await.body.contains(short));
    }
}

module! {
    async fn ensure_other_scope_order_succeeds(op: Op) {
        let mut claims = op.first.object(&op.world);
        let reversed: Vec<&str> = SCOPE.split(' ').rev().collect();
        claims["scope"] = json!(reversed.join(" "));
        let asked = Asked::of(&op.first.ask(&op.world, &op.first.sign(&claims)).await);
        op.world.approve(&op.maya, &asked).await;
        op.first.poll(&op.world, &asked.auth_req_id).await.ok();
    }
}

module! {
    async fn ensure_requested_expiry_as_string_succeeds(op: Op) {
        for expiry in [json!("30"), json!(30)] {
            let mut claims = op.first.object(&op.world);
            claims["requested_expiry"] = expiry;
            let asked = Asked::of(&op.first.ask(&op.world, &op.first.sign(&claims)).await);
            // Half a minute to answer, and the minute in which an answer can still be collected.
            assert_eq!(asked.expires_in, 90);
        }
    }
}

module! {
    async fn auth_req_id_expired(op: Op) {
        let mut claims = op.first.object(&op.world);
        claims["requested_expiry"] = json!(10);
        let asked = Asked::of(&op.first.ask(&op.world, &op.first.sign(&claims)).await);
        op.world.advance(Duration::seconds(asked.expires_in + 1));
        op.world.sweep().await;
        op.world.deliver().await;
        op.was_called(0);
        let answer = op.first.poll(&op.world, &asked.auth_req_id).await;
        answer.refused(400, "expired_token");
    }
}

module! {
    async fn ensure_authorization_request_with_multiple_hints_fails(op: Op) {
        let mut claims = op.first.object(&op.world);
        claims["id_token_hint"] = json!(unsigned(&json!({"sub": "maya"})));
        let answer = op.first.ask(&op.world, &op.first.sign(&claims)).await;
        answer.refused(400, "invalid_request");
    }
}

module! {
    async fn ensure_unsigned_backchannel_authorization_request_fails(op: Op) {
        let token = op.first.token.clone().unwrap_or_default();
        let plain = [
            ("scope", SCOPE),
            ("login_hint", op.maya.email.as_str()),
            ("binding_message", "1234"),
            ("client_notification_token", &token),
        ];
        let answer = op.first.post(&op.world, "/bc-authorize", &plain).await;
        answer.refused(400, "invalid_request");
    }
}

module! {
    async fn a_request_says_what_tells_it_from_others(op: Op) {
        let mut claims = op.first.object(&op.world);
        claims.as_object_mut().expect("an object").remove("binding_message");
        let answer = op.first.ask(&op.world, &op.first.sign(&claims)).await;
        answer.refused(400, "invalid_request");
        // Details do, without a word of the agent's own.
        claims["jti"] = json!(super::party::fresh());
        claims["scope"] = json!("openid");
        claims["authorization_details"] = serde_json::from_str(&crate::world::small_payment("1.00", "Hanna")).expect("JSON");
        Asked::of(&op.first.ask(&op.world, &op.first.sign(&claims)).await);
    }
}
