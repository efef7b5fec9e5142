//! What a page says when a request is not, or no longer, to be answered: and what became of the answer.

use std::collections::BTreeMap;

use reqwest::Method;
use time::Duration;

use crate::world::{Agent, Asked, Browser, Page, World};

both! {
    async fn of_two_answers_at_the_same_instant_one_wins_and_the_other_page_says_how(world: World) {
        let maya = world.person("Maya").await;
        let mut phone = world.signed_in(&maya).await;
        let mut laptop = world.signed_in(&maya).await;
        for round in 0..8 {
            // One that is told no again and again may ask no more.
            let agent = world.agent(&format!("Agent {round}")).await;
            let asked = agent.ask(&maya.email, &[]).await;
            let on_phone = phone.get(&asked.page()).await;
            let on_laptop = laptop.get(&asked.page()).await;
            let (yes, no) = tokio::join!(
                on_phone.press(&mut phone, "Only this time", &[]),
                on_laptop.press(&mut laptop, "Deny", &[]),
            );
            let approved = world.state(&asked).await == "approved";
            let (winner, loser) = if approved { (&yes, &no) } else { (&no, &yes) };
            let (title, did) = if approved { ("Allowed once", "allowed") } else { ("Denied", "denied") };
            assert_eq!((winner.status.as_u16(), loser.status.as_u16()), (200, 409), "{} {}", winner.text(), loser.text());
            assert!(winner.text().contains(title), "{}", winner.text());
            assert!(winner.text().contains(&format!("You {did} this at 08:00 UTC , here.")), "{}", winner.text());
            let text = loser.text();
            assert!(text.contains("Your answer was not saved: this was settled before. Here is how."), "{text}");
            assert!(text.contains(title), "{text}");
            assert!(text.contains(&format!("You {did} this at 08:00 UTC , in another sign-in")), "{text}");

            let outcome = agent.poll(&asked.auth_req_id).await;
            assert_eq!(outcome.status.as_u16(), if approved { 200 } else { 400 });
        }
        let decisions = world.noted("request.approved").await.len() + world.noted("request.denied").await.len();
        assert_eq!(decisions, 8);
        world.audit_holds().await;
    }
}

both! {
    async fn the_same_answer_twice_at_once_is_one_answer(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let mut one = world.signed_in(&maya).await;
        let mut two = one.clone();
        let asked = agent.ask(&maya.email, &[]).await;
        let page = one.get(&asked.page()).await;
        let (first, second) = tokio::join!(
            page.press(&mut one, "Only this time", &[]),
            page.press(&mut two, "Only this time", &[]),
        );
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
        for page in [first, second] {
            assert!(page.text().contains("You allowed this at 08:00 UTC , here."), "{}", page.text());
        }
        assert_eq!(world.noted("request.approved").await.len(), 1);
    }
}

/// Sends an answer from a page that was opened before.
async fn too_late(page: &Page, browser: &mut Browser, words: &[&str]) {
    for label in ["Only this time", "Deny"] {
        let late = page.press(browser, label, &[("reason", "late")]).await;
        assert_eq!(late.status.as_u16(), 409, "{label}: {}", late.text());
        for words in words {
            assert!(late.text().contains(words), "{label}: {}", late.text());
        }
        assert!(!late.has_button(label), "{}", late.text());
    }
}

both! {
    async fn an_answer_after_the_end_is_not_saved_and_says_so(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let asked = agent.ask(&maya.email, &[]).await;
        let mut browser = world.signed_in(&maya).await;
        let page = browser.get(&asked.page()).await;
        world.advance(Duration::minutes(10) - Duration::SECOND);
        assert!(browser.get(&asked.page()).await.has_button("Deny"));
        world.advance(Duration::SECOND);
        let words = [
            "Your answer was not saved",
            "Ended without an answer",
            "This request ended at 08:10 UTC without an answer.",
            "Billing Agent is told “no answer”.",
        ];
        too_late(&page, &mut browser, &words).await;
        world.sweep().await;
        too_late(&page, &mut browser, &words).await;
        agent.poll(&asked.auth_req_id).await.refused(400, "expired_token");
        assert!(world.noted("request.approved").await.is_empty());
        assert!(world.noted("request.denied").await.is_empty());
        let seen = browser.get(&asked.page()).await;
        assert!(seen.text().contains("Ended without an answer"), "{}", seen.text());
    }
}

both! {
    async fn an_answer_to_what_was_withdrawn_is_not_saved_and_says_so(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let asked = agent.ask(&maya.email, &[]).await;
        let mut browser = world.signed_in(&maya).await;
        let page = browser.get(&asked.page()).await;
        let cancelled = agent.cancel(&asked.approval_id).await;
        assert!(cancelled.status.is_success(), "{cancelled:?}");
        let words = [
            "Your answer was not saved",
            "Withdrawn",
            "Billing Agent no longer needs this. It was withdrawn at 08:00 UTC .",
            "No answer was sent.",
        ];
        too_late(&page, &mut browser, &words).await;
        assert_eq!(world.state(&asked).await, "cancelled");
    }
}

#[tokio::test]
async fn an_answer_nobody_collected_says_that_nothing_came_of_it() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let maya = world.person("Maya").await;
    let asked = agent.ask(&maya.email, &[]).await;
    let mut browser = world.signed_in(&maya).await;
    let page = browser.get(&asked.page()).await;
    page.press(&mut browser, "Only this time", &[]).await;
    world.advance(Duration::hours(1));
    let page = browser.get(&asked.page()).await;
    let text = page.text();
    assert!(text.contains("Allowed, but never collected"), "{text}");
    assert!(
        text.contains("Billing Agent did not collect it in time, so nothing came of it."),
        "{text}"
    );
    agent
        .poll(&asked.auth_req_id)
        .await
        .refused(400, "expired_token");
}

/// A page as whoever got it can tell it from another: all of it but the moment and the id of the answer.
fn seen(page: &Page) -> (u16, BTreeMap<String, String>, String) {
    let headers = page.headers.iter();
    let headers = headers
        .map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()))
        .filter(|(name, _)| name != "date" && name != "x-request-id");
    (page.status.as_u16(), headers.collect(), page.body.clone())
}

async fn asked_for(world: &World, name: &str) -> (Agent, Asked) {
    let agent = world.agent("Billing Agent").await;
    let person = world.person(name).await;
    let asked = agent.ask(&person.email, &[("binding_message", "for her alone")]);
    let asked = asked.await;
    (agent, asked)
}

both! {
    async fn sec_b04_what_is_somebody_elses_is_to_the_byte_what_there_is_not(world: World) {
        let (agent, asked) = asked_for(&world, "Alice").await;
        let bob = world.person("Bob").await;
        let mut browser = world.signed_in(&bob).await;
        let bobs = agent.ask(&bob.email, &[]).await;
        let own = browser.get(&bobs.page()).await.forms().remove(0);
        let unknown = "0123456789abcdef0123456789abcdef";
        for end in ["", "/always", "/state"] {
            let hers = browser.send(Method::GET, &format!("{}{end}", asked.page()), None, &[]).await;
            let nobodys = browser.send(Method::GET, &format!("/r/{unknown}{end}"), None, &[]).await;
            assert_eq!(seen(&hers), seen(&nobodys), "{end}");
            assert!(!hers.body.contains(&asked.approval_id) && !hers.body.contains("Billing Agent"), "{}", hers.body);
        }
        for end in ["", "/always"] {
            let hers = browser.post(&format!("{}{end}", asked.page()), &own.pairs()).await;
            let nobodys = browser.post(&format!("/r/{unknown}{end}"), &own.pairs()).await;
            assert_eq!(seen(&hers), seen(&nobodys), "{end}");
            assert!(hers.status.is_client_error());
        }
        let not_even_an_id = browser.get("/r/what").await;
        let nobodys = browser.get(&format!("/r/{unknown}")).await;
        assert_eq!(seen(&not_even_an_id), seen(&nobodys));
        assert!(nobodys.text().contains("You are signed in as Bob ."), "{}", nobodys.text());
        assert_eq!(world.state(&asked).await, "pending");
    }
}

both! {
    async fn signed_out_nothing_of_the_request_is_shown(world: World) {
        let (_, asked) = asked_for(&world, "Alice").await;
        let unknown = "/r/0123456789abcdef0123456789abcdef";
        let mut nobody = world.browser();
        let hers = nobody.send(Method::GET, &asked.page(), None, &[]).await;
        assert_eq!(hers.status.as_u16(), 303);
        let place = hers.headers["location"].to_str().expect("text").to_owned();
        assert_eq!(place, format!("/signin?next=%2Fr%2F{}", asked.approval_id));
        let nobodys = nobody.send(Method::GET, unknown, None, &[]).await;
        let (mut hers, mut nobodys) = (seen(&hers), seen(&nobodys));
        hers.1.remove("location");
        nobodys.1.remove("location");
        assert_eq!(hers, nobodys);

        let page = nobody.get(&asked.page()).await;
        assert!(page.text().contains("Sign in to see the request. We don't show details before that."), "{}", page.text());
        for hidden in ["Billing Agent", "for her alone", "Alice", &asked.match_code] {
            assert!(!page.body.contains(hidden), "{hidden}: {}", page.body);
        }
        for path in [asked.page(), unknown.to_owned()] {
            let state = nobody.send(Method::GET, &format!("{path}/state"), None, &[]).await;
            assert_eq!(state.body, "{\"state\":\"signed_out\"}");
        }
        let sent = nobody.post(&asked.page(), &[("answer", "once")]).await;
        assert_eq!(sent.status.as_u16(), 401);
        assert!(sent.text().contains("Your answer was not sent. Sign in, then answer again."), "{}", sent.text());
    }
}

#[tokio::test]
async fn the_pages_script_is_told_the_state_and_nothing_else() {
    let world = World::sqlite().await;
    let (agent, asked) = asked_for(&world, "Alice").await;
    let alice = world.person("Another").await;
    let mut other = world.signed_in(&alice).await;
    let path = format!("{}/state", asked.page());
    assert_eq!(other.get(&path).await.body, "{\"state\":\"unknown\"}");
    let alice = world.stored(&asked).await.request.question().user;
    let alice = world.store().user(alice).await.expect("the database");
    let mut browser = world.signed_in(&alice.expect("Alice")).await;
    assert_eq!(browser.get(&path).await.body, "{\"state\":\"pending\"}");
    agent.cancel(&asked.approval_id).await;
    assert_eq!(browser.get(&path).await.body, "{\"state\":\"cancelled\"}");
}
