//! A person's attention: what rings, what only waits on the page, and what is asked again.

use countersign::flow::again;
use countersign::flow::answer::{AnswerError, Choice};
use countersign::flow::sign_in::Present;
use serde_json::Value;
use time::Duration;

use crate::world::{Agent, Asked, Customs, World, payment, small_payment};

/// Asks for a small payment to somebody.
async fn ask(agent: &Agent, to: &str) -> Asked {
    let details = small_payment("120.00", to);
    let more = [("authorization_details", &*details)];
    agent.ask("maya@acme.example", &more).await
}

/// The one line of the status that says that nothing was sent.
async fn silence(agent: &Agent, asked: &Asked) -> Option<String> {
    let status = agent.status(&asked.approval_id).await;
    let status = status.ok();
    assert_eq!(status["unreachable"], false);
    let lines = status["delivery"].as_array().expect("lines");
    let silent = |it: &&Value| it["channel"] == "inbox" && it["state"] == "silent";
    let silent = lines.iter().find(silent)?;
    assert_eq!(lines.len(), 1, "nothing else is promised");
    Some(silent["why"].as_str().expect("a word").to_owned())
}

async fn answer(
    world: &World,
    by: &Present,
    asked: &Asked,
    choice: Choice,
) -> Result<(), AnswerError> {
    let shown = world.stored(asked).await.request.question().card_digest;
    let (app, id) = (&world.app, asked.id());
    again::answer(app, id, by, choice, shown, None)
        .await
        .map(drop)
}

both! {
    async fn sec_a01_what_one_agent_asks_too_often_arrives_without_a_word(world: World) {
        let (agent, other) = (world.agent("Billing Agent").await, world.agent("Other Agent").await);
        let maya = world.person("Maya").await;
        for to in ["Ann", "Bea", "Cem"] {
            let asked = ask(&agent, to).await;
            assert_eq!(silence(&agent, &asked).await, None, "{to}");
        }
        let world = world.restarted().await;
        let (agent, mut browser) = (agent.at(&world), world.signed_in(&maya).await);
        let fourth = ask(&agent, "Dan").await;
        assert_eq!(silence(&agent, &fourth).await.as_deref(), Some("too_often"));
        world.deliver().await;
        assert_eq!(world.letters().len(), 3);
        assert!(browser.get("/").await.body.contains("Dan"), "it is on the page all the same");
        assert!(browser.get(&fourth.page()).await.body.contains("you were not notified of this"));
        assert_eq!(world.happened(&fourth).await, ["request.opened", "request.silent"]);
        assert_eq!(silence(&other.at(&world), &ask(&other.at(&world), "Eve").await).await, None);
        // It can be answered like any other.
        world.approve(&maya, &fourth).await;
        agent.poll(&fourth.auth_req_id).await.ok();
        world.advance(Duration::minutes(10));
        assert_eq!(silence(&agent, &ask(&agent, "Fay").await).await, None);
    }
}

#[tokio::test]
async fn what_is_important_rings_when_there_was_enough_for_a_day() {
    let customs = Customs {
        settings: Some(|settings| {
            settings.limits.interrupts.of_a_day = 2;
        }),
        ..Customs::default()
    };
    let world = World::sqlite_with(customs).await;
    world.person("Maya").await;
    let [one, two, three] = ["One", "Two", "Three"].map(|name| world.agent(name));
    let (one, two, three) = (one.await, two.await, three.await);
    ask(&one, "Ann").await;
    ask(&two, "Ann").await;
    let enough = ask(&three, "Ann").await;
    let why = silence(&three, &enough).await;
    assert_eq!(why.as_deref(), Some("enough_today"));
    let grave = payment("9000.00", "Hanna Herwitz");
    let more = [("authorization_details", &*grave)];
    let grave = three.ask("maya@acme.example", &more).await;
    assert_eq!(silence(&three, &grave).await, None);
    world.advance(Duration::days(1));
    assert_eq!(silence(&three, &ask(&three, "Bea").await).await, None);
}

both! {
    async fn sec_a01_many_questions_at_once_are_no_way_around_the_budget(world: World) {
        let agent = world.agent("Billing Agent").await;
        world.person("Maya").await;
        let names: Vec<String> = (0..9).map(|n| format!("Payee {n}")).collect();
        let mut asking = tokio::task::JoinSet::new();
        for name in names {
            let agent = agent.clone();
            asking.spawn(async move { ask(&agent, &name).await });
        }
        let asked = asking.join_all().await;
        let mut rang = 0;
        for asked in &asked {
            rang += usize::from(silence(&agent, asked).await.is_none());
        }
        assert_eq!(rang, 3);
        world.deliver().await;
        assert_eq!(world.letters().len(), 3);
    }
}

both! {
    async fn sec_a01_what_is_asked_again_rings_once_and_is_one_line(world: World) {
        let (agent, other) = (world.agent("Billing Agent").await, world.agent("Other Agent").await);
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let first = ask(&agent, "Hanna").await;
        for _ in 0..3 {
            let again = ask(&agent, "Hanna").await;
            assert_eq!(silence(&agent, &again).await.as_deref(), Some("asked_already"));
            assert_ne!(again.auth_req_id, first.auth_req_id);
        }
        world.deliver().await;
        assert_eq!(world.letters().len(), 1);
        let page = browser.get("/").await.body;
        assert!(page.contains("asked 4 times") && page.contains("Waiting (1)"), "{page}");
        assert!(page.contains(&first.match_code), "the one that rings");
        let page = browser.get(&first.page()).await.body;
        assert!(page.contains("Asked 4 times.") && !page.contains("look-alike"));
        // They have used one interruption, not four; another agent's question is another one.
        assert_eq!(silence(&agent, &ask(&agent, "Eve").await).await, None);
        assert_eq!(silence(&other, &ask(&other, "Hanna").await).await, None);
        assert!(browser.get("/").await.body.contains("Waiting (3)"));
    }
}

both! {
    async fn sec_b12_one_answer_to_what_was_asked_four_times_is_collected_once(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let mut asked = Vec::new();
        for _ in 0..4 {
            asked.push(ask(&agent, "Hanna").await);
        }
        // Whichever page it is given on.
        let page = browser.get(&asked[2].page()).await;
        page.press(&mut browser, "Only this time", &[]).await;
        for at in [0, 1, 3] {
            let answer = agent.poll(&asked[at].auth_req_id).await;
            answer.refused(400, "access_denied");
            let why = answer.body["error_description"].as_str().expect("words");
            assert!(why.starts_with("superseded"), "{why}");
            let status = agent.status(&asked[at].approval_id).await;
            assert_eq!(status.ok()["state"], "cancelled");
            assert_eq!(status.ok()["cancelled_by"], "answer");
            assert_eq!(status.ok()["superseded_by"], asked[2].approval_id);
        }
        // Who knows one of the others finds its way to the answer, and there is one.
        let status = agent.status(&asked[2].approval_id).await;
        let auth_req_id = status.ok()["auth_req_id"].as_str().expect("something to collect");
        agent.poll(auth_req_id).await.ok();
        agent.poll(&asked[2].auth_req_id).await.refused(400, "invalid_grant");
        let page = browser.get(&asked[0].page()).await.body;
        assert!(page.contains("Answered where it was asked again"), "{page}");
        world.audit_holds().await;
    }
}

both! {
    async fn a_no_to_one_is_a_no_to_all_and_counts_once(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let (first, second) = (ask(&agent, "Hanna").await, ask(&agent, "Hanna").await);
        let page = browser.get(&first.page()).await;
        page.press(&mut browser, "Deny", &[]).await;
        agent.poll(&first.auth_req_id).await.refused(400, "access_denied");
        agent.poll(&second.auth_req_id).await.refused(400, "access_denied");
        // The second no in a day would keep it from asking.
        ask(&agent, "Hanna").await;
    }
}

both! {
    async fn each_of_them_has_its_own_end(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let first = ask(&agent, "Hanna").await;
        world.advance(Duration::minutes(6));
        let second = ask(&agent, "Hanna").await;
        let third = ask(&agent, "Hanna").await;
        agent.cancel(&third.approval_id).await.ok();
        world.advance(Duration::minutes(4));
        world.sweep().await;
        assert_eq!(world.state(&first).await, "expired");
        assert_eq!(world.state(&second).await, "pending");
        let page = browser.get(&second.page()).await;
        assert!(!page.body.contains("Asked 2 times"));
        // What rang is over, so the next one rings.
        let fourth = ask(&agent, "Hanna").await;
        assert_eq!(silence(&agent, &fourth).await, None);
        let page = browser.get(&second.page()).await;
        page.press(&mut browser, "Only this time", &[]).await;
        agent.poll(&second.auth_req_id).await.ok();
        assert_eq!(world.state(&fourth).await, "cancelled");
    }
}

both! {
    async fn two_pages_answered_at_once_are_two_answers_at_most(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let by = world.present(&maya).await;
        for round in 0..10 {
            world.advance(Duration::minutes(11));
            let to = format!("Payee {round}");
            let (one, two) = (ask(&agent, &to).await, ask(&agent, &to).await);
            let (a, b) = tokio::join!(
                answer(&world, &by, &one, Choice::Once),
                answer(&world, &by, &two, Choice::Once),
            );
            // Each was answered by the person, or ended by the other answer: never both, never neither.
            for (asked, answered) in [(&one, a), (&two, b)] {
                let state = world.state(asked).await;
                let expected = if answered.is_ok() { "approved" } else { "cancelled" };
                assert_eq!(state, expected, "{round}");
            }
        }
        world.audit_holds().await;
    }
}

both! {
    async fn whether_somebody_is_there_is_asked_of_every_screen(world: World) {
        let agent = world.agent("Login").await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let (one, two) = (agent.ask(&maya.email, &[]).await, agent.ask(&maya.email, &[]).await);
        assert_eq!(silence(&agent, &two).await, None);
        let page = browser.get(&one.page()).await;
        page.press(&mut browser, "Only this time", &[]).await;
        assert_eq!(world.state(&two).await, "pending");
    }
}
