//! What is different this time is said beside the question, so that it does not look like the one before.

use time::Duration;

use crate::world::{Agent, Asked, Browser, World, small_payment};

async fn ask(agent: &Agent, amount: &str, to: &str) -> Asked {
    let details = small_payment(amount, to);
    agent
        .ask("maya@acme.example", &[("authorization_details", &details)])
        .await
}

async fn page(browser: &mut Browser, asked: &Asked) -> String {
    let body = browser.get(&asked.page()).await.body;
    let start = body.find("class=\"difference\"").expect("it is compared");
    let end = body[start..]
        .find("class=\"code\"")
        .expect("the rest of the page");
    body[start..start + end].to_owned()
}

both! {
    async fn a_person_reads_what_is_different_from_the_last_time(world: World) {
        let (agent, other) = (world.agent("Billing Agent").await, world.agent("Other Agent").await);
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let first = ask(&agent, "120.00", "Hanna").await;
        assert!(page(&mut browser, &first).await.contains("not allowed"), "the first of its kind");
        world.approve(&maya, &first).await;

        world.advance(Duration::hours(1));
        let same = ask(&agent, "120.00", "Hanna").await;
        assert!(page(&mut browser, &same).await.contains("exactly this once before"));
        world.answer(&maya, &same, crate::world::deny("")).await;

        world.advance(Duration::hours(1));
        let more = ask(&agent, "240.00", "Eve").await;
        let said = page(&mut browser, &more).await;
        for part in ["Different from last time", "€120.00", "€240.00", "Hanna", "Eve", ">new<"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        // What another agent was allowed is another matter.
        let theirs = ask(&other, "120.00", "Hanna").await;
        assert!(page(&mut browser, &theirs).await.contains("not allowed"));
    }
}

both! {
    async fn sec_a03_questions_that_look_alike_are_pointed_out(world: World) {
        let (agent, other) = (world.agent("Billing Agent").await, world.agent("Other Agent").await);
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let one = ask(&agent, "120.00", "Hanna").await;
        ask(&other, "120.00", "Hanna").await;
        assert!(!browser.get(&one.page()).await.body.contains("look-alike"));
        let two = ask(&agent, "1200.00", "Hanna").await;
        for asked in [&one, &two] {
            let body = browser.get(&asked.page()).await.body;
            assert!(body.contains("Compare the codes"), "{}", asked.approval_id);
        }
        world.answer(&maya, &two, crate::world::deny("")).await;
        assert!(!browser.get(&one.page()).await.body.contains("look-alike"));
    }
}
