//! One agent stops asking: because the person said so, because they said no twice, or because they had not
//! asked for what it wanted.

use time::Duration;

use crate::world::push_service::PushService;
use crate::world::{Agent, Answer, Asked, Browser, Page, World, small_payment};

const READ: [(&str, &str); 1] = [("scope", "openid calendar.read")];
const WRITE: [(&str, &str); 1] = [("scope", "openid calendar.write")];
const BOTH: [(&str, &str); 1] = [("scope", "openid calendar.read calendar.write")];

fn blocked(answer: &Answer, seconds: Option<&str>) {
    answer.refused(403, "access_denied");
    let why = answer.body["error_description"].as_str().expect("why");
    assert!(why.starts_with("blocked_by_user: "), "{why}");
    let wait = answer.headers.get("retry-after");
    assert_eq!(wait.map(|it| it.to_str().expect("text")), seconds);
}

async fn deny(browser: &mut Browser, asked: &Asked) -> Page {
    let page = browser.get(&asked.page()).await;
    page.press(browser, "Deny", &[]).await
}

async fn asked(agent: &Agent, more: &[(&str, &str)]) -> Asked {
    agent.ask("maya@acme.example", more).await
}

async fn tried(agent: &Agent, more: &[(&str, &str)]) -> Answer {
    agent.try_ask("maya@acme.example", more).await
}

both! {
    async fn sec_a01_two_denials_of_the_same_thing_in_a_day_end_it_for_a_day(world: World) {
        let (agent, other) = (world.agent("Calendar Agent").await, world.agent("Other Agent").await);
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let first = asked(&agent, &READ).await;
        let page = deny(&mut browser, &first).await;
        assert!(!page.text().contains("may not ask you"), "{}", page.text());
        world.advance(Duration::hours(11));
        let second = asked(&agent, &READ).await;
        let page = deny(&mut browser, &second).await;
        let words = "Calendar Agent may not ask you for this until";
        assert!(page.text().contains(words), "{}", page.text());

        let world = world.restarted().await;
        blocked(&tried(&agent, &READ).await, Some("86400"));
        blocked(&tried(&agent, &BOTH).await, Some("86400"));
        // Only this agent, only for that.
        asked(&agent, &WRITE).await;
        asked(&other, &READ).await;
        agent.poll(&second.auth_req_id).await.refused(400, "access_denied");

        let page = browser.get("/allowed").await;
        let text = page.text();
        assert!(text.contains("May not ask you") && text.contains("may not ask for See your calendar"), "{text}");
        assert!(text.contains("You denied it again and again.") && text.contains("It has tried 2 times since."), "{text}");
        let page = page.press(&mut browser, "Let it ask again", &[]).await;
        assert!(!page.text().contains("May not ask you"), "{}", page.text());
        asked(&agent, &READ).await;
        let begun = world.noted("pause.begun").await;
        assert_eq!(begun.len(), 1);
        assert_eq!((&begun[0]["facts"]["cause"], &begun[0]["facts"]["reach"]), (&"denials".into(), &"shape".into()));
        world.audit_holds().await;
    }
}

#[tokio::test]
async fn sec_a01_three_denials_in_an_hour_are_a_quarter_of_an_hour_of_rest() {
    let world = World::sqlite().await;
    let agent = world.agent("Calendar Agent").await;
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    let payment = small_payment("1.00", "Hanna");
    let pay = [("authorization_details", &*payment)];
    for more in [&READ[..], &WRITE, &pay] {
        let asked = asked(&agent, more).await;
        deny(&mut browser, &asked).await;
    }
    let anything = [("scope", "openid payments.read")];
    blocked(&tried(&agent, &anything).await, Some("900"));
    world.advance(Duration::minutes(15));
    asked(&agent, &anything).await;
}

both! {
    async fn whoever_said_no_may_be_asked_no_more_for_this_or_by_this_agent(world: World) {
        let agent = world.agent("Calendar Agent").await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let first = asked(&agent, &READ).await;
        let page = deny(&mut browser, &first).await;
        let page = page.press(&mut browser, "Not for this, until I change it", &[]).await;
        assert!(page.text().contains("for this until you change it"), "{}", page.text());
        blocked(&tried(&agent, &READ).await, None);
        asked(&agent, &WRITE).await;
        // For all of it, for an hour: the longer one is told.
        let page = page.press(&mut browser, "Not for anything, for 1 hour", &[]).await;
        blocked(&tried(&agent, &WRITE).await, Some("3600"));
        blocked(&tried(&agent, &READ).await, None);
        world.advance(Duration::HOUR);
        asked(&agent, &WRITE).await;
        blocked(&tried(&agent, &READ).await, None);
        // What is not a no of theirs is no occasion.
        let waiting = asked(&agent, &WRITE).await;
        let token = page.forms().into_iter().find(|form| form.action.ends_with("/stop-asking"));
        let pairs = token.expect("the form").fields;
        let mut pairs: Vec<(&str, &str)> = pairs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        pairs.push(("do", "agent"));
        let sent = browser.post(&format!("{}/stop-asking", waiting.page()), &pairs).await;
        assert_eq!(sent.status.as_u16(), 403);
        assert!(!browser.get(&waiting.page()).await.body.contains("stop-asking"));
    }
}

both! {
    async fn sec_a01_what_nobody_asked_for_silences_the_agent_and_tells_the_operator(world: World) {
        let agent = world.agent("Calendar Agent").await;
        let (maya, ben) = (world.person("Maya").await, world.person("Ben").await);
        let service = PushService::start(&world);
        let mut browser = world.signed_in(&maya).await;
        let phone = service.subscribed(&mut browser).await;
        let first = asked(&agent, &READ).await;
        let other = asked(&agent, &WRITE).await;
        let page = deny(&mut browser, &first).await;
        assert_eq!(page.body.matches(">I didn’t ask for this<").count(), 1, "there is one way to say it");
        let said = page.press(&mut browser, "I didn’t ask for this", &[]).await;
        assert!(said.text().contains("Calendar Agent may not ask you anything until you change it."), "{}", said.text());
        assert_eq!(agent.status(&first.approval_id).await.ok()["deny_reason"], "not_mine");
        world.deliver().await;
        assert!(phone.pushes().is_empty(), "what else it wants does not ring either");
        let status = agent.status(&other.approval_id).await;
        assert_eq!(status.ok()["delivery"][0]["why"], "paused");
        blocked(&tried(&agent, &[]).await, None);
        agent.ask(&ben.email, &[]).await;
        let reported = world.noted("agent.reported").await;
        assert_eq!(reported.len(), 1);
        assert_eq!((&reported[0]["client"], &reported[0]["request"]), (&agent.id.clone().into(), &first.approval_id.clone().into()));
        let page = browser.get("/allowed").await;
        assert!(page.text().contains("You had not asked for what it wanted."), "{}", page.text());
    }
}
