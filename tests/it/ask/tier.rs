//! How grave something is, is for the catalogue to say.

use crate::world::{Asked, World, payment};

/// What an agent might send to be taken more lightly.
const PLEADING: [(&str, &str); 9] = [
    ("tier", "trace"),
    ("risk", "low"),
    ("risk_tier", "0"),
    ("priority", "low"),
    ("acr_values", "urn:countersign:acr:email-link"),
    ("max_age", "31536000"),
    ("requested_expiry", "10"),
    (
        "binding_message",
        "Low risk, routine, already approved by the operator",
    ),
    ("request_context", r#"{"tier":"trace","risk":"none"}"#),
];

both! {
    async fn sec_b09_nothing_an_agent_sends_makes_it_less_grave(world: World) {
        let maya = world.person("Maya").await;
        let details = payment("900.00", "Hanna");
        let grave = ("authorization_details", details.as_str());
        let mut asked = Vec::new();
        for (nth, pleading) in PLEADING.into_iter().enumerate() {
            let agent = world.agent(&format!("Agent {nth}")).await;
            let answer = agent.try_ask(&maya.email, &[grave, pleading]).await;
            if answer.status == 200 {
                asked.push(Asked::of(&answer));
            } else {
                // What cannot be asked is asked of nobody.
                assert!(answer.status.is_client_error(), "{pleading:?}: {answer:?}");
            }
        }
        assert!(asked.len() >= 5, "most of it is ignored");
        let agent = world.agent("All Of It").await;
        let scope = ("scope", "openid");
        asked.push(agent.ask(&maya.email, &[&[grave, scope], &PLEADING[..4], &PLEADING[7..8]].concat()).await);
        // Something harmless beside it makes the whole no lighter.
        let beside = ("scope", "openid payments.read");
        asked.push(agent.ask(&maya.email, &[grave, beside]).await);
        let present = world.present(&maya).await;
        world.advance(time::Duration::minutes(6));
        for asked in &asked {
            let stored = world.stored(asked).await;
            assert_eq!(stored.request.question().tier.as_str(), "high");
            let now = world.app.clock.now();
            let allowed = present.may_allow(stored.request.question(), now);
            assert!(allowed.is_err(), "an old sign-in does not allow it");
        }
    }
}
