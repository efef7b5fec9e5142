//! Hours in which a person is not to be disturbed. Every story begins at 08:00 UTC, on a Friday.

use serde_json::Value;
use time::Duration;

use crate::world::{Agent, Asked, Browser, Page, World, payment, small_payment};

const SET: [(&str, &str); 3] = [("from", "07:30"), ("to", "09:00"), ("zone", "UTC")];

/// Sets quiet hours on the page, which are now.
async fn set(browser: &mut Browser, more: &[(&str, &str)]) -> Page {
    let page = browser.get("/settings").await;
    let set: Vec<(&str, &str)> = SET.iter().chain(more).copied().collect();
    let page = page.press(browser, "Save quiet hours", &set).await;
    assert!(page.text().contains("hours were saved"), "{}", page.text());
    page
}

/// Asks for a payment, with two hours to answer.
async fn ask(agent: &Agent, details: &str) -> Asked {
    let more = [
        ("authorization_details", details),
        ("requested_expiry", "7200"),
    ];
    agent.ask("maya@acme.example", &more).await
}

async fn status(agent: &Agent, asked: &Asked) -> Value {
    agent.status(&asked.approval_id).await.ok().clone()
}

fn is_quiet(status: &Value) -> bool {
    let line = &status["delivery"][0];
    line["state"] == "silent" && line["why"] == "quiet_hours"
}

both! {
    async fn sec_a02_in_quiet_hours_nothing_is_sent_and_one_notice_follows_them(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        set(&mut browser, &[]).await;
        let mut asked = Vec::new();
        for to in ["Ann", "Bea", "Cem", "Dan"] {
            asked.push(ask(&agent, &small_payment("12.00", to)).await);
            world.advance(Duration::minutes(1));
        }
        let told = status(&agent, &asked[0]).await;
        assert!(is_quiet(&told), "{told}");
        assert_eq!(told["unreachable"], false);
        assert_eq!(told["unavailable_until"], Value::Null, "she does not say");
        let page = browser.get(&asked[1].page()).await;
        assert!(page.text().contains("This came in your quiet hours."), "{}", page.text());
        // It waits on the page, and can be answered.
        world.approve(&maya, &asked[0]).await;
        agent.poll(&asked[0].auth_req_id).await.ok();
        world.deliver().await;
        assert!(world.letters().is_empty());

        let world = world.restarted().await;
        world.advance(Duration::minutes(56));
        world.deliver().await;
        let letters = world.letters();
        assert_eq!(letters.len(), 1, "for all that was asked then");
        assert!(letters[0].contains(&asked[1].approval_id), "the first that waits");
        world.advance(Duration::minutes(5));
        world.deliver().await;
        assert_eq!(world.letters().len(), 1);
        // By day it rings as ever.
        let agent = agent.at(&world);
        let later = ask(&agent, &small_payment("12.00", "Eve")).await;
        assert!(!is_quiet(&status(&agent, &later).await));
        world.deliver().await;
        assert_eq!(world.letters().len(), 2);
    }
}

both! {
    async fn what_is_worthless_by_their_end_is_not_told_at_all(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        set(&mut browser, &[("tell", "on")]).await;
        let details = small_payment("12.00", "Ann");
        let asked = agent.ask(&maya.email, &[("authorization_details", &details)]).await;
        let told = status(&agent, &asked).await;
        assert!(is_quiet(&told), "{told}");
        assert_eq!(told["delivery"].as_array().map(Vec::len), Some(1));
        assert_eq!((&told["unreachable"], &told["unavailable_until"]), (&Value::Bool(false), &"2027-01-15T09:00:00Z".into()));
        world.advance(Duration::hours(1));
        world.sweep().await;
        world.deliver().await;
        assert!(world.letters().is_empty());
        let told = status(&agent, &asked).await;
        assert_eq!((&told["state"], &told["unavailable_until"]), (&"expired".into(), &Value::Null));
    }
}

#[tokio::test]
async fn what_is_important_rings_in_quiet_hours_if_the_person_wants_it() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    set(&mut browser, &[]).await;
    let (small, grave) = (small_payment("12.00", "Ann"), payment("9000.00", "Ann"));
    let quiet = ask(&agent, &grave).await;
    assert!(is_quiet(&status(&agent, &quiet).await));
    set(&mut browser, &[("urgent", "on")]).await;
    let rings = ask(&agent, &payment("9000.00", "Bea")).await;
    assert!(!is_quiet(&status(&agent, &rings).await));
    let quiet = ask(&agent, &small).await;
    assert!(is_quiet(&status(&agent, &quiet).await));
    world.deliver().await;
    assert_eq!(world.letters().len(), 1);
}

both! {
    async fn a_letter_that_would_come_in_quiet_hours_waits_for_their_end(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let asked = ask(&agent, &small_payment("12.00", "Ann")).await;
        // It was to leave at once, and they began a moment before it did.
        set(&mut browser, &[]).await;
        world.deliver().await;
        let told = status(&agent, &asked).await;
        assert_eq!(told["delivery"][0]["why"], "quiet hours", "{told}");
        assert!(world.letters().is_empty());
        world.advance(Duration::hours(1));
        world.deliver().await;
        assert_eq!(world.letters().len(), 1);
    }
}

#[tokio::test]
async fn quiet_hours_are_set_changed_and_taken_away_by_whom_they_are_for() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    let page = browser.get("/settings").await;
    assert!(!page.has_button("No quiet hours"));
    for (set, words) in [
        ([("from", "25:00"), ("zone", "UTC")], "times of day"),
        ([("from", "07:00"), ("zone", "UTC")], "end at another"),
        (
            [("from", "22:00"), ("zone", "Mars/Olympus")],
            "no such time zone",
        ),
    ] {
        let refused = page.press(&mut browser, "Save quiet hours", &set).await;
        assert_eq!(refused.status, 422);
        assert!(refused.text().contains(words), "{}", refused.text());
    }
    let page = set(&mut browser, &[]).await;
    assert!(page.body.contains("07:30") && page.body.contains("UTC"));
    let page = page.press(&mut browser, "No quiet hours", &[]).await;
    assert!(
        page.text().contains("no quiet hours any more"),
        "{}",
        page.text()
    );
    let asked = ask(&agent, &small_payment("12.00", "Ann")).await;
    assert!(!is_quiet(&status(&agent, &asked).await));
    assert_eq!(world.noted("person.quiet_hours_set").await.len(), 1);
    assert_eq!(world.noted("person.quiet_hours_removed").await.len(), 1);
}
