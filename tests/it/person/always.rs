//! "Always": allowed once with bounds, then at once and counted, until it is stopped, ends or is forgotten.

use countersign::domain::action::Catalogue;
use countersign::domain::user::User;
use countersign::flow::answer::Choice;
use countersign::store::{Commit, Write};
use serde_json::json;
use time::Duration;

use crate::world::{Agent, Asked, Browser, Page, World, claims, payment, small_payment};

/// Asks for a payment.
async fn pay(agent: &Agent, email: &str, amount: &str, creditor: &str) -> Asked {
    let details = small_payment(amount, creditor);
    agent
        .ask(email, &[("authorization_details", &details)])
        .await
}

/// Opens the sheet by the button the page has, and agrees with these picks.
pub async fn allow_always(browser: &mut Browser, asked: &Asked, picks: &[(&str, &str)]) -> Page {
    let page = browser.get(&asked.page()).await;
    assert!(page.has_button("Always…"), "{}", page.text());
    let sheet = browser.get(&format!("{}/always", asked.page())).await;
    assert!(
        sheet.has_button("Allow within these limits"),
        "{}",
        sheet.text()
    );
    sheet
        .press(browser, "Allow within these limits", picks)
        .await
}

/// The person knows the agent: they have allowed it something else before.
async fn known(world: &World, agent: &Agent, maya: &User) {
    let asked = agent
        .ask(&maya.email, &[("scope", "openid files.read")])
        .await;
    let present = world.present(maya).await;
    let answered = world.try_answer(&present, &asked, Choice::Once).await;
    answered.expect("an answer");
    world.deliver().await;
}

/// It is approved already, and nothing was promised to anybody.
async fn allowed_unasked(world: &World, agent: &Agent, asked: &Asked) -> serde_json::Value {
    assert_eq!(world.state(asked).await, "approved");
    let id = asked.approval_id.parse().expect("an id");
    assert!(
        world
            .store()
            .parcels_of(id)
            .await
            .expect("the database")
            .is_empty()
    );
    let status = agent.status(&asked.approval_id).await;
    assert_eq!(status.ok()["decided_by"], "standing_grant");
    let collected = agent.poll(&asked.auth_req_id).await;
    claims(collected.ok()["access_token"].as_str().expect("a token"))
}

/// It waits for the person.
async fn asks(world: &World, agent: &Agent, asked: &Asked) {
    assert_eq!(world.state(asked).await, "pending");
    agent
        .poll(&asked.auth_req_id)
        .await
        .refused(400, "authorization_pending");
    let status = agent.status(&asked.approval_id).await;
    let told = status.ok()["delivery"].as_array().expect("lines");
    assert!(!told.is_empty());
}

both! {
    async fn the_same_again_is_allowed_at_once_and_anything_else_asks(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        known(&world, &agent, &maya).await;
        let first = pay(&agent, &maya.email, "240.00", "Hanna").await;
        let receipt = allow_always(&mut browser, &first, &[]).await;
        assert!(receipt.text().contains("Allowed, and from now on"), "{}", receipt.text());
        let first_token = agent.poll(&first.auth_req_id).await;
        assert_eq!(first_token.ok()["expires_in"], 60);
        world.deliver().await;
        let letters = world.letters().len();

        world.advance(Duration::hours(2));
        let again = pay(&agent, &maya.email, "240.00", "Hanna").await;
        let claims = allowed_unasked(&world, &agent, &again).await;
        world.deliver().await;
        assert_eq!(world.letters().len(), letters, "nobody is told");

        // What a rule allowed carries the sign-in it was made with, and as short a life.
        let signed_in_at = world.app.clock.now() - Duration::hours(2);
        assert_eq!(claims["auth_time"], signed_in_at.unix_timestamp());
        assert_eq!(claims["exp"].as_i64().expect("a number") - claims["iat"].as_i64().expect("a number"), 60);
        assert_eq!(claims["authorization_details"][0]["instructedAmount"]["amount"], "240.00");

        let by_rule = world.noted("request.allowed_by_your_rule").await;
        assert_eq!(by_rule.len(), 1);
        assert_eq!(by_rule[0]["request"], again.approval_id.as_str());
        assert_eq!(by_rule[0]["by"], "server");
        let made = world.noted("standing_grant.made").await;
        assert_eq!(made[0]["request"], first.approval_id.as_str());
        assert_eq!(by_rule[0]["facts"]["standing_grants"], json!([made[0]["facts"]["standing_grant"]]));

        let allowed = browser.get("/allowed").await;
        let text = allowed.text();
        assert!(text.contains("Billing Agent may Pay €240.00 to Hanna Payments · until 22 January, 08:00 UTC"), "{text}");
        assert!(text.contains("Used 1 time, last 10:00 UTC ."), "{text}");
        let seen = browser.get(&again.page()).await;
        assert!(seen.text().contains("Allowed by your rule"), "{}", seen.text());
        assert!(seen.text().contains("nobody was asked"), "{}", seen.text());

        let other_agent = world.agent("Other Agent").await;
        asks(&world, &agent, &pay(&agent, &maya.email, "240.01", "Hanna").await).await;
        asks(&world, &agent, &pay(&agent, &maya.email, "239.99", "Hanna").await).await;
        asks(&world, &agent, &pay(&agent, &maya.email, "240.00", "Mallory").await).await;
        asks(&world, &other_agent, &pay(&other_agent, &maya.email, "240.00", "Hanna").await).await;
        let ben = world.person("Ben").await;
        asks(&world, &agent, &pay(&agent, &ben.email, "240.00", "Hanna").await).await;
        let big = payment("240.00", "Hanna");
        let big = agent.ask(&maya.email, &[("authorization_details", &big)]).await;
        asks(&world, &agent, &big).await;
        world.audit_holds().await;
    }
}

both! {
    async fn a_ceiling_covers_what_is_below_it_and_is_said_on_the_page(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        known(&world, &agent, &maya).await;
        let first = pay(&agent, &maya.email, "240.00", "Hanna").await;
        let sheet = browser.get(&format!("{}/always", first.page())).await;
        let text = sheet.text();
        for words in [
            "Allow without asking",
            "Billing Agent and no other agent may Pay €240.00 to Hanna",
            "Amount only this €240.00 up to To only this Hanna",
            "For 24 hours until 16 January, 08:00 UTC",
            "For 7 days until 22 January, 08:00 UTC",
            "For 30 days until 14 February, 08:00 UTC",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(!text.contains("For 90 days"), "{text}");
        let picks = [("pick.0.amount", "at-most"), ("pick.0.amount.at-most", "300"), ("until", "today")];
        let receipt = allow_always(&mut browser, &first, &picks).await;
        assert!(receipt.text().contains("Allowed, and from now on"), "{}", receipt.text());
        let allowed = browser.get("/allowed").await;
        assert!(allowed.text().contains("Pay up to €300.00 to Hanna"), "{}", allowed.text());
        assert!(allowed.text().contains("Not used yet"), "{}", allowed.text());

        for amount in ["0.01", "240.00", "299.99", "300.00"] {
            let below = pay(&agent, &maya.email, amount, "Hanna").await;
            allowed_unasked(&world, &agent, &below).await;
        }
        asks(&world, &agent, &pay(&agent, &maya.email, "300.01", "Hanna").await).await;
        asks(&world, &agent, &pay(&agent, &maya.email, "200.00", "Hanna H").await).await;
        let dollars = json!([{"type": "payment_small", "creditor": "Hanna",
            "instructedAmount": {"amount": "240.00", "currency": "USD"}}]).to_string();
        let dollars = agent.ask(&maya.email, &[("authorization_details", &dollars)]).await;
        asks(&world, &agent, &dollars).await;
        let with_reference = json!([{"type": "payment_small", "creditor": "Hanna", "reference": "new",
            "instructedAmount": {"amount": "240.00", "currency": "EUR"}}]).to_string();
        let with_reference = agent.ask(&maya.email, &[("authorization_details", &with_reference)]).await;
        asks(&world, &agent, &with_reference).await;
        let allowed = browser.get("/allowed").await;
        assert!(allowed.text().contains("Used 4 times, last 08:00 UTC ."), "{}", allowed.text());

        // At the end it has ended.
        world.advance(Duration::DAY - Duration::SECOND);
        let below = pay(&agent, &maya.email, "1.00", "Hanna").await;
        allowed_unasked(&world, &agent, &below).await;
        world.advance(Duration::SECOND);
        asks(&world, &agent, &pay(&agent, &maya.email, "1.00", "Hanna").await).await;
        assert_eq!(world.noted("request.allowed_by_your_rule").await.len(), 5);
    }
}

both! {
    async fn what_is_stopped_asks_again(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let first = pay(&agent, &maya.email, "240.00", "Hanna").await;
        allow_always(&mut browser, &first, &[]).await;
        let covered = pay(&agent, &maya.email, "240.00", "Hanna").await;
        assert_eq!(world.state(&covered).await, "approved");

        let allowed = browser.get("/allowed").await;
        let stopped = allowed.press(&mut browser, "Stop", &[]).await;
        assert!(stopped.text().contains("Stopped: Pay €240.00 to Hanna ."), "{}", stopped.text());
        assert!(stopped.text().contains("Nothing is always allowed."), "{}", stopped.text());
        asks(&world, &agent, &pay(&agent, &maya.email, "240.00", "Hanna").await).await;
        assert_eq!(world.noted("standing_grant.stopped").await.len(), 1);
        // Stopping again is stopping, and is noted once.
        allowed.press(&mut browser, "Stop", &[]).await;
        assert_eq!(world.noted("standing_grant.stopped").await.len(), 1);
        // What it had allowed, and nobody collected in time, is not given any more.
        agent.poll(&covered.auth_req_id).await.refused(400, "invalid_grant");
        world.audit_holds().await;
    }
}

#[tokio::test]
async fn somebody_elses_rule_cannot_be_stopped() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let (maya, ben) = (world.person("Maya").await, world.person("Ben").await);
    let mut hers = world.signed_in(&maya).await;
    let mut his = world.signed_in(&ben).await;
    for (browser, email) in [(&mut hers, &maya.email), (&mut his, &ben.email)] {
        let asked = pay(&agent, email, "240.00", "Hanna").await;
        allow_always(browser, &asked, &[]).await;
    }
    let page = hers.get("/allowed").await;
    let form = page.forms().remove(0);
    let sent = his.post(&form.action, &form.pairs()).await;
    assert_eq!(sent.status.as_u16(), 403, "{}", sent.text());
    assert!(world.noted("standing_grant.stopped").await.is_empty());
}

#[tokio::test]
async fn a_rule_nobody_uses_for_thirty_days_is_forgotten() {
    let world = World::sqlite().await;
    let agent = world.agent("Calendar Agent").await;
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    known(&world, &agent, &maya).await;
    let read = [("scope", "openid calendar.read")];
    let first = agent.ask(&maya.email, &read).await;
    allow_always(&mut browser, &first, &[("until", "max")]).await;
    // Used, it lives on, up to its end.
    for _ in 0..2 {
        world.advance(Duration::days(29));
        let covered = agent.ask(&maya.email, &read).await;
        assert_eq!(world.state(&covered).await, "approved");
    }
    world.advance(Duration::days(30));
    let asked = agent.ask(&maya.email, &read).await;
    asks(&world, &agent, &asked).await;
    let mut browser = world.signed_in(&maya).await;
    let allowed = browser.get("/allowed").await;
    assert!(
        allowed.text().contains("Nothing is always allowed."),
        "{}",
        allowed.text()
    );
    assert!(
        allowed.text().contains("Ended recently"),
        "{}",
        allowed.text()
    );
}

#[tokio::test]
async fn a_rule_used_every_day_ends_at_its_end() {
    let world = World::sqlite().await;
    let agent = world.agent("Calendar Agent").await;
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    known(&world, &agent, &maya).await;
    let read = [("scope", "openid calendar.read")];
    let first = agent.ask(&maya.email, &read).await;
    allow_always(&mut browser, &first, &[("until", "max")]).await;
    for day in 1..=5 {
        world.advance(Duration::days(15));
        let covered = agent.ask(&maya.email, &read).await;
        assert_eq!(
            world.state(&covered).await,
            "approved",
            "after {} days",
            day * 15
        );
    }
    world.advance(Duration::days(15));
    let asked = agent.ask(&maya.email, &read).await;
    asks(&world, &agent, &asked).await;
}

#[tokio::test]
async fn what_is_grave_is_never_allowed_always_whatever_is_sent() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    let big = payment("240.00", "Hanna");
    for more in [
        [("authorization_details", &*big)],
        [("scope", "openid files.delete")],
        [("scope", "openid")],
    ] {
        let asked = agent.ask(&maya.email, &more).await;
        let page = browser.get(&asked.page()).await;
        assert!(!page.has_button("Always…"), "{}", page.text());
        assert!(
            page.text().contains("You are asked each time"),
            "{}",
            page.text()
        );
        let path = format!("{}/always", asked.page());
        assert!(browser.get(&path).await.url.ends_with(&asked.page()));
        let form = page.forms().remove(0);
        let mut fields = form.pairs();
        fields.push(("until", "7d"));
        let forced = browser.post(&path, &fields).await;
        assert_eq!(forced.status.as_u16(), 422, "{}", forced.text());
        assert!(
            forced
                .text()
                .contains("Your answer was not sent: this cannot be allowed always."),
            "{}",
            forced.text()
        );
        assert_eq!(world.state(&asked).await, "pending");
    }
    assert!(world.noted("standing_grant.made").await.is_empty());
}

#[tokio::test]
async fn bounds_that_are_none_are_refused_with_words_and_what_was_typed() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    let asked = pay(&agent, &maya.email, "240.00", "Hanna").await;
    for picks in [
        &[("until", "forever")][..],
        &[("until", "")],
        &[("pick.0.amount", "any")],
        &[("pick.0.amount", "prefix")],
        &[("pick.0.creditor", "any")],
        &[
            ("pick.0.amount", "at-most"),
            ("pick.0.amount.at-most", "lots"),
        ],
        &[
            ("pick.0.amount", "at-most"),
            ("pick.0.amount.at-most", "-1"),
        ],
        &[
            ("pick.0.amount", "at-most"),
            ("pick.0.amount.at-most", "1e9"),
        ],
    ] {
        let refused = allow_always(&mut browser, &asked, picks).await;
        assert_eq!(
            refused.status.as_u16(),
            422,
            "{picks:?}: {}",
            refused.text()
        );
        assert!(
            refused.text().contains("Nothing was saved:"),
            "{}",
            refused.text()
        );
        assert!(refused.has_button("Allow within these limits"));
        assert_eq!(world.state(&asked).await, "pending", "{picks:?}");
    }
    assert!(world.noted("standing_grant.made").await.is_empty());
}

#[tokio::test]
async fn a_catalogue_that_has_become_stricter_binds_the_rules_made_before() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    let first = pay(&agent, &maya.email, "240.00", "Hanna").await;
    allow_always(&mut browser, &first, &[]).await;
    let covered = pay(&agent, &maya.email, "240.00", "Hanna").await;
    assert_eq!(world.state(&covered).await, "approved");

    let stricter = include_str!("../../../examples/catalogue.toml").replace(
        "tier = \"normal\"\ntoken_lifetime = \"1m\"\nalways = { max = \"30d\" }",
        "tier = \"normal\"\ntoken_lifetime = \"1m\"\nalways = \"never\"",
    );
    let stricter = Catalogue::read(&stricter).expect("a catalogue");
    let document = serde_json::to_string(&stricter).expect("JSON");
    let write = Write::ApplyCatalogue(2, document, world.app.clock.now());
    world
        .store()
        .commit(Commit::of(write))
        .await
        .expect("applied");
    let (version, catalogue) = world.store().catalogue().await.expect("the database");
    let now_valid = countersign::app::VersionedCatalogue { version, catalogue };
    world.app.catalogue.set(now_valid);
    let asked = pay(&agent, &maya.email, "240.00", "Hanna").await;
    asks(&world, &agent, &asked).await;
    assert!(!browser.get(&asked.page()).await.has_button("Always…"));
}

both! {
    async fn a_rule_used_by_many_at_once_counts_each(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let first = pay(&agent, &maya.email, "240.00", "Hanna").await;
        allow_always(&mut browser, &first, &[]).await;
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (agent, email) = (agent.clone(), maya.email.clone());
            asking.spawn(async move { pay(&agent, &email, "240.00", "Hanna").await });
        }
        for asked in asking.join_all().await {
            assert_eq!(world.state(&asked).await, "approved");
        }
        let allowed = browser.get("/allowed").await;
        assert!(allowed.text().contains("Used 20 times"), "{}", allowed.text());
        assert_eq!(world.noted("request.allowed_by_your_rule").await.len(), 20);
        world.audit_holds().await;
    }
}
