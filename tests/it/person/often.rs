//! How often an "always" answers, what it would have done before, and what it may never be.

use countersign::domain::action::{
    Bound, Catalogue, Often, Period, Permission, PermissionKey, Rate,
};
use countersign::domain::user::User;
use countersign::flow::answer::Choice;
use serde_json::json;
use time::Duration;
use tokio::task::JoinSet;

use crate::world::{Agent, Asked, Browser, Customs, Page, World, deny, small_payment};

/// Asks for a payment.
async fn pay(agent: &Agent, maya: &User, amount: &str, creditor: &str) -> Asked {
    let details = small_payment(amount, creditor);
    agent
        .ask(&maya.email, &[("authorization_details", &details)])
        .await
}

async fn answer(world: &World, maya: &User, asked: &Asked, choice: Choice) {
    let present = world.present(maya).await;
    let answered = world.try_answer(&present, asked, choice).await;
    answered.expect("an answer");
}

/// The sheet of a request.
async fn sheet(browser: &mut Browser, asked: &Asked) -> Page {
    browser.get(&format!("{}/always", asked.page())).await
}

/// Picks on the sheet of a request, and agrees.
async fn agree(browser: &mut Browser, asked: &Asked, picks: &[(&str, &str)]) -> Page {
    let sheet = sheet(browser, asked).await;
    sheet
        .press(browser, "Allow within these limits", picks)
        .await
}

fn small(catalogue: &mut Catalogue) -> &mut Permission {
    let key = PermissionKey::Type("payment_small".into());
    let all = catalogue
        .resources
        .iter_mut()
        .flat_map(|it| &mut it.permissions);
    let mut those = all.filter(|it| it.key == key);
    those.next().expect("in the example")
}

const DAILY: [(&str, &str); 2] = [
    ("pick.0.how-often", "per_day"),
    ("pick.0.how-often.per_day", "5"),
];

/// A server on which any number may wait.
fn all_may_wait() -> Customs {
    Customs {
        settings: Some(|settings| {
            settings.limits.waiting_per_client_and_person = 0;
            settings.limits.waiting_per_person = 0;
        }),
        ..Customs::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_f11_of_fifty_at_once_a_rule_answers_five_a_day() {
    Box::pin(five_of_fifty_a_day(
        World::sqlite_with(all_may_wait()).await,
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_f11_of_fifty_at_two_instances_a_rule_answers_five_a_day() {
    Box::pin(five_of_fifty_a_day(
        World::postgresql_with(all_may_wait()).await,
    ))
    .await;
}

async fn five_of_fifty_a_day(world: World) {
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    let known = pay(&agent, &maya, "1.00", "Ben").await;
    answer(&world, &maya, &known, Choice::Once).await;
    let first = pay(&agent, &maya, "240.00", "Hanna").await;
    let receipt = agree(&mut browser, &first, &DAILY).await;
    assert!(
        receipt.text().contains("Allowed, and from now on"),
        "{}",
        receipt.text()
    );
    let worlds = std::sync::Arc::new(world.instances().await);
    for day in 1..=2 {
        let mut asking = JoinSet::new();
        for nth in 0..50 {
            let (worlds, agent, maya) =
                (std::sync::Arc::clone(&worlds), agent.clone(), maya.clone());
            asking.spawn(async move {
                let agent = agent.at(&worlds[nth % worlds.len()]);
                pay(&agent, &maya, "240.00", "Hanna").await
            });
        }
        let mut allowed = 0;
        for asked in asking.join_all().await {
            match worlds[0].state(&asked).await {
                "approved" => allowed += 1,
                state => assert_eq!(state, "pending"),
            }
            let present = worlds[0].present(&maya).await;
            // Whoever was not answered by the rule waits for the person, who says no to none of them here.
            let _ = worlds[0].try_answer(&present, &asked, Choice::Once).await;
        }
        assert_eq!(allowed, 5, "on day {day}");
        assert_eq!(
            worlds[0].noted("request.allowed_by_your_rule").await.len(),
            5 * day
        );
        // A moment before the first of them is a day old there is no room, and then there is.
        worlds[0].advance(Duration::DAY - Duration::MILLISECOND);
        let early = pay(&agent, &maya, "240.00", "Hanna").await;
        assert_eq!(worlds[0].state(&early).await, "pending");
        worlds[0].advance(Duration::MILLISECOND);
    }
    let mut browser = worlds[0].signed_in(&maya).await;
    let allowed = browser.get("/allowed").await.text();
    assert!(
        allowed.contains("Pay €240.00 to Hanna, at most 5 a day"),
        "{allowed}"
    );
    assert!(allowed.contains("Used 10 times"), "{allowed}");
    worlds[0].audit_holds().await;
}

both! {
    async fn each_thing_of_a_request_counts_and_what_is_used_up_asks(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let first = pay(&agent, &maya, "10.00", "Hanna").await;
        let three = [("pick.0.altogether", "in-all"), ("pick.0.altogether.in-all", "3")];
        agree(&mut browser, &first, &three).await;
        let one = json!({"type": "payment_small", "creditor": "Hanna",
            "instructedAmount": {"amount": "10.00", "currency": "EUR"}});
        let ask = async |times: usize| {
            let details = json!(vec![one.clone(); times]).to_string();
            agent.ask(&maya.email, &[("authorization_details", &details)]).await
        };
        let four = ask(4).await;
        assert_eq!(world.state(&four).await, "pending", "four are more than three");
        for (times, state) in [(2, "approved"), (2, "pending"), (1, "approved"), (1, "pending")] {
            let asked = ask(times).await;
            assert_eq!(world.state(&asked).await, state, "{times}");
            if state == "approved" {
                // What the last use allowed is still given.
                agent.poll(&asked.auth_req_id).await.ok();
            }
        }
        let allowed = browser.get("/allowed").await.text();
        assert!(allowed.contains("Nothing is always allowed."), "{allowed}");
        assert!(allowed.contains("used 3 times, as often as you allowed"), "{allowed}");
    }
}

#[tokio::test]
async fn nobody_gets_more_often_than_the_catalogue_says() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    let often = |times| Often {
        rate: Some(Rate {
            times,
            per: Period::Day,
        }),
        uses: Some(20),
    };
    world.catalogue(|it| small(it).often = often(5));
    let asked = pay(&agent, &maya, "240.00", "Hanna").await;
    for picks in [
        [("pick.0.how-often", "free")],
        [("pick.0.how-often", "per_hour")],
        [("pick.0.how-often.per_day", "6")],
        [("pick.0.how-often.per_day", "0")],
        [("pick.0.altogether", "free")],
        [("pick.0.altogether.in-all", "21")],
    ] {
        let refused = agree(&mut browser, &asked, &picks).await;
        assert_eq!(
            refused.status.as_u16(),
            422,
            "{picks:?}: {}",
            refused.text()
        );
        assert!(
            refused.text().contains("Nothing was saved: "),
            "{}",
            refused.text()
        );
        assert_eq!(world.state(&asked).await, "pending");
    }
    let sheet = sheet(&mut browser, &asked).await.text();
    assert!(
        sheet.contains("Pay €240.00 to Hanna, at most 5 a day, at most 20 in all"),
        "{sheet}"
    );
    agree(&mut browser, &asked, &[("pick.0.how-often.per_day", "4")]).await;
    let covered = pay(&agent, &maya, "240.00", "Hanna").await;
    assert_eq!(world.state(&covered).await, "approved");
    // A policy that was tightened binds what was given before.
    world.catalogue(|it| small(it).often = often(3));
    let asks = pay(&agent, &maya, "240.00", "Hanna").await;
    assert_eq!(world.state(&asks).await, "pending");
}

#[tokio::test]
async fn whom_they_allowed_before_they_may_tick_and_nobody_else() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    world.catalogue(|it| small(it).fields[1].bound = Some(Bound::Set));
    for (creditor, choice) in [
        ("Ben", Choice::Once),
        ("Cleo", Choice::Once),
        ("Mallory", deny("no")),
    ] {
        let asked = pay(&agent, &maya, "240.00", creditor).await;
        answer(&world, &maya, &asked, choice).await;
        world.advance(Duration::SECOND);
    }
    let asked = pay(&agent, &maya, "240.00", "Hanna").await;
    let page = sheet(&mut browser, &asked).await;
    let words = "To only this Hanna this, and what is ticked here Cleo Ben";
    assert!(page.text().contains(words), "{}", page.text());
    assert!(
        !page.text().contains("ticked here Mallory"),
        "{}",
        page.text()
    );
    let name = |key: &str| format!("pick.0.creditor.set.{key}");
    let boxes: Vec<&str> = page
        .body
        .split("name=\"pick.0.creditor.set.")
        .skip(1)
        .collect();
    let keys: Vec<String> = boxes
        .iter()
        .map(|it| it.split('"').next().expect("a name").to_owned())
        .collect();
    // What was not offered is no choice, whatever is sent.
    let forged = [
        ("pick.0.creditor", "set"),
        ("pick.0.creditor.set", "0011223344556677"),
    ];
    let refused = agree(&mut browser, &asked, &forged).await;
    assert_eq!(refused.status.as_u16(), 422, "{}", refused.text());
    let (set, ben) = (("pick.0.creditor", "set"), name(&keys[1]));
    let shown = page
        .press(&mut browser, "Show what this covers", &[set, (&ben, "on")])
        .await;
    assert!(
        shown.text().contains("Pay €240.00 to Hanna or Ben"),
        "{}",
        shown.text()
    );
    let words = "It would have covered 1 of the last 3 requests of this agent. Not: Pay €240.00 to Mallory ; Pay €240.00 to Cleo .";
    assert!(shown.text().contains(words), "{}", shown.text());
    assert_eq!(world.state(&asked).await, "pending");
    // What was picked is still picked.
    shown
        .press(&mut browser, "Allow within these limits", &[])
        .await;
    for (creditor, state) in [
        ("Hanna", "approved"),
        ("Ben", "approved"),
        ("Cleo", "pending"),
        ("Hanna or Ben", "pending"),
    ] {
        let again = pay(&agent, &maya, "240.00", creditor).await;
        assert_eq!(world.state(&again).await, state, "{creditor}");
    }
}

#[tokio::test]
async fn what_was_denied_is_allowed_always_only_by_saying_so() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    let known = pay(&agent, &maya, "900.00", "Ben").await;
    answer(&world, &maya, &known, Choice::Once).await;
    let denied = pay(&agent, &maya, "250.00", "Hanna").await;
    answer(&world, &maya, &denied, deny("too much")).await;
    world.advance(Duration::SECOND);
    let asked = pay(&agent, &maya, "240.00", "Hanna").await;
    let first = sheet(&mut browser, &asked).await;
    assert!(
        first.text().contains("This rule may never match"),
        "{}",
        first.text()
    );
    let wide = [
        ("pick.0.amount", "at-most"),
        ("pick.0.amount.at-most", "300"),
    ];
    for agreed in [None, Some("on"), Some("0011223344556677")] {
        let agreed = agreed.map(|list| ("agreed", list));
        let picks: Vec<_> = wide.into_iter().chain(agreed).collect();
        let refused = agree(&mut browser, &asked, &picks).await;
        assert_eq!(refused.status.as_u16(), 422, "{}", refused.text());
        let words = "This would have allowed 1 thing you denied : Pay €250.00 to Hanna";
        assert!(refused.text().contains(words), "{}", refused.text());
        assert_eq!(world.state(&asked).await, "pending");
        assert!(world.noted("standing_grant.made").await.is_empty());
    }
    let warned = agree(&mut browser, &asked, &wide).await;
    let list = warned
        .body
        .split("name=\"agreed\" value=\"")
        .nth(1)
        .expect("a box");
    let list = list.split('"').next().expect("its value").to_owned();
    let made = warned
        .press(
            &mut browser,
            "Allow within these limits",
            &[("agreed", &list)],
        )
        .await;
    assert!(
        made.text().contains("Allowed, and from now on"),
        "{}",
        made.text()
    );
    let again = pay(&agent, &maya, "250.00", "Hanna").await;
    assert_eq!(world.state(&again).await, "approved");
}

#[tokio::test]
async fn an_agent_that_is_new_to_a_person_gets_a_day_at_most() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let (maya, ben) = (world.person("Maya").await, world.person("Ben").await);
    let mut browser = world.signed_in(&maya).await;
    // What somebody else knows of it is no acquaintance, and neither is a no.
    let known = pay(&agent, &ben, "240.00", "Hanna").await;
    answer(&world, &ben, &known, Choice::Once).await;
    let denied = pay(&agent, &maya, "9.00", "Hanna").await;
    answer(&world, &maya, &denied, deny("no")).await;
    let asked = pay(&agent, &maya, "240.00", "Hanna").await;
    let page = sheet(&mut browser, &asked).await;
    let words = "You never allowed this agent anything before, so this ends within 24 hours.";
    assert!(page.text().contains(words), "{}", page.text());
    assert!(!page.text().contains("For 7 days"), "{}", page.text());
    let forced = agree(&mut browser, &asked, &[("until", "7d")]).await;
    assert_eq!(forced.status.as_u16(), 422, "{}", forced.text());
    assert_eq!(world.state(&asked).await, "pending");
    agree(&mut browser, &asked, &[]).await;
    world.advance(Duration::DAY);
    let later = pay(&agent, &maya, "240.00", "Hanna").await;
    assert_eq!(world.state(&later).await, "pending");
    let mut browser = world.signed_in(&maya).await;
    let page = sheet(&mut browser, &later).await;
    assert!(page.text().contains("For 7 days"), "{}", page.text());
}
