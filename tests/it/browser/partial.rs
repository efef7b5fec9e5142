//! Less than all of it, on a phone: with the script and without.

use serde_json::{Value, json};

use super::payment;
use crate::world::{Asked, Customs, Phone, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_leaves_out_lowers_and_says_why_with_and_without_javascript() {
    let world = World::for_browsers(Customs::default()).await;
    let maya = world.person("Maya").await;
    let one = |amount| payment(amount).trim_matches(['[', ']']).to_owned();
    let two = format!("[{},{}]", one("240.00"), one("40.00"));
    let paying = [("authorization_details", two.as_str())];
    for script in [true, false] {
        // One that was told no twice asks no more.
        let agent = world.agent("Billing Agent").await;
        let mut phone = Phone::new(&world, None, json!({ "javaScript": script })).await;
        phone.sign_in(&world, &maya).await;

        let asked = agent.ask(&maya.email, &paying).await;
        phone.open(&asked.page()).await;
        let untick = json!({"selector": "[name='item.1']", "value": false});
        phone.tell("check", untick).await;
        lower(&mut phone, "100").await;
        if script {
            phone.sees("Allow 1 of 2, Amount 100").await;
            // Enter in a field is no answer.
            phone.ready().await;
            phone.tell("press", json!({"key": "Enter"})).await;
            assert_eq!(world.state(&asked).await, "pending");
        }
        phone.press("Only this time").await;
        phone.sees("You allowed 1 of 2").await;
        phone.sees("Pay €100.00 to Hanna Herwitz").await;
        let tokens = agent.poll(&asked.auth_req_id).await;
        let details = tokens.ok()["authorization_details"].clone();
        assert_eq!(details.as_array().map(Vec::len), Some(1));
        assert_eq!(amount(&details), "100.00");

        // More than was asked is refused, and what was left out stays out.
        let asked = agent.ask(&maya.email, &paying).await;
        phone.open(&asked.page()).await;
        let untick = json!({"selector": "[name='item.1']", "value": false});
        phone.tell("check", untick).await;
        lower(&mut phone, "1,000").await;
        phone.press("Only this time").await;
        phone.sees("Amount can only be lowered").await;
        phone
            .tell(
                "waitForElement",
                json!({"selector": "[name='item.1']:not(:checked)"}),
            )
            .await;
        phone.press("Deny").await;
        phone.sees("Do you want to say why?").await;
        phone.press("Too much").await;
        phone.sees("You said:").await;
        told(&agent.status(&asked.approval_id).await.body, "too_much");

        let asked = agent.ask(&maya.email, &paying).await;
        phone.open(&asked.page()).await;
        phone.press("Deny").await;
        phone.tell("click", json!({"text": "Other…"})).await;
        let text = json!({"selector": "#text", "value": "Ask Ben."});
        phone.tell("fill", text).await;
        phone.press("Send").await;
        phone.sees("Ask Ben.").await;
        told(&agent.status(&asked.approval_id).await.body, "other");

        if script {
            carried_to_always(
                &world,
                &world.agent("Other Agent").await,
                &maya.email,
                &mut phone,
            )
            .await;
        }
        phone.all_quiet(&["422"]).await;
        phone.off().await;
    }
    world.audit_holds().await;
}

/// What was lowered goes along to the sheet, and bounds what is allowed from then on.
async fn carried_to_always(
    world: &World,
    agent: &crate::world::Agent,
    email: &str,
    phone: &mut Phone,
) {
    let details = payment("70.00");
    let paying = [("authorization_details", details.as_str())];
    let asked = agent.ask(email, &paying).await;
    phone.open(&asked.page()).await;
    lower(phone, "30").await;
    phone.press("Always…").await;
    phone.sees("Pay €30.00 to Hanna Herwitz").await;
    phone.press("Allow within these limits").await;
    phone.sees("Allowed in part, and from now on").await;
    let tokens = agent.poll(&asked.auth_req_id).await;
    assert_eq!(amount(&tokens.ok()["authorization_details"]), "30.00");
    let again = |amount: &str| payment(amount);
    for (sum, state) in [("30.00", "approved"), ("70.00", "pending")] {
        let details = again(sum);
        let asked: Asked = agent
            .ask(email, &[("authorization_details", &details)])
            .await;
        assert_eq!(world.state(&asked).await, state, "{sum}");
    }
}

async fn lower(phone: &mut Phone, amount: &str) {
    let change = json!({"selector": ".change summary >> nth=0"});
    phone.tell("click", change).await;
    let less = json!({"selector": "[name='less.0.amount']", "value": amount});
    phone.tell("fill", less).await;
}

fn amount(details: &Value) -> &Value {
    &details[0]["instructedAmount"]["amount"]
}

#[track_caller]
fn told(status: &Value, reason: &str) {
    assert_eq!(status["deny_reason"], reason, "{status}");
    assert_eq!(status["retry"], "with_changes");
}
