//! Several people answer one question: those whom policy names, each once, and enough of them or nobody.

use countersign::domain::action::Approvers;
use countersign::domain::consent::partial::{Lowered, Trim};
use countersign::domain::user::User;
use countersign::flow::answer::{AnswerError, Choice};
use countersign::flow::register::set_person_active;
use serde_json::json;
use tokio::task::JoinSet;

use crate::tokens::permission;
use crate::world::{World, claims, deny, small_payment};

const DELETE: [(&str, &str); 1] = [("scope", "openid files.delete")];

/// Policy wants so many of these people for that permission.
fn wanted(world: &World, name: &str, count: u8, from: &[&User]) {
    world.catalogue(|catalogue| {
        permission(catalogue, name).approvers = Some(Approvers {
            count,
            from: from.iter().map(|user| user.email.clone()).collect(),
            never_for_oneself: false,
        });
    });
}

async fn three(world: &World) -> [User; 3] {
    [
        world.person("Maya").await,
        world.person("Ana").await,
        world.person("Bo").await,
    ]
}

both! {
    async fn sec_b05_two_people_allow_it_and_everything_after_it_names_them(world: World) {
        let agent = world.agent("Backup Agent").await;
        let service = world.service("https://files.example.com").await;
        let [maya, ana, bo] = three(&world).await;
        wanted(&world, "files.delete", 2, &[&maya, &ana, &bo]);
        let asked = agent.ask(&maya.email, &DELETE).await;
        world.deliver().await;
        assert_eq!(world.letters().len(), 3, "each of them is told");

        let noor = world.person("Noor").await;
        let mut stranger = world.signed_in(&noor).await;
        assert_eq!(stranger.get(&asked.page()).await.status.as_u16(), 404);
        let mut first = world.signed_in(&ana).await;
        let inbox = first.get("/").await.text();
        assert!(inbox.contains("Critical") && inbox.contains("2 people needed"), "{inbox}");
        let page = first.get(&asked.page()).await;
        let text = page.text();
        assert!(text.contains("2 people needed (0 of 2). The agent acts for Maya . One no ends it."), "{text}");
        assert!(text.contains("because it is critical") && !page.has_button("Always…"), "{text}");
        let mine = page.press(&mut first, "Only this time", &[]).await;
        let text = mine.text();
        assert!(text.contains("(1 of 2: You allowed at 08:00 UTC )") && text.contains("You have allowed it"), "{text}");
        assert!(!mine.has_button("Only this time") && mine.has_button("Deny"), "{text}");
        // Twice is once.
        page.press(&mut first, "Only this time", &[]).await;
        assert!(first.get("/").await.text().contains("Nothing is waiting"));
        agent.poll(&asked.auth_req_id).await.refused(400, "authorization_pending");
        let status = agent.status(&asked.approval_id).await;
        assert_eq!((&status.ok()["state"], &status.body["approvals_needed"]), (&"pending".into(), &2.into()));
        assert!(status.body.get("approved_by").is_none(), "{status:?}");

        let mut second = world.signed_in(&bo).await;
        let page = second.get(&asked.page()).await;
        assert!(page.text().contains("(1 of 2: Ana allowed at 08:00 UTC )"), "{}", page.text());
        let receipt = page.press(&mut second, "Only this time", &[]).await;
        let text = receipt.text();
        assert!(text.contains("Allowed together Ana allowed this at 08:00 UTC . You allowed this at 08:00 UTC , here."), "{text}");

        // Whoever was asked and comes late is told by whom; whoever was not sees nothing still.
        let mut third = world.signed_in(&maya).await;
        let late = third.get(&asked.page()).await.text();
        assert!(late.contains("Ana allowed this at 08:00 UTC . Bo allowed this at 08:00 UTC ."), "{late}");
        assert!(third.get("/history").await.text().contains("Allowed together"));
        assert_eq!(stranger.get(&asked.page()).await.status.as_u16(), 404);
        assert!(!stranger.get("/history").await.text().contains("Delete all"));

        world.advance(time::Duration::seconds(5));
        let collected = agent.poll(&asked.auth_req_id).await;
        let token = collected.ok()["access_token"].as_str().expect("a token").to_owned();
        let people = json!([ana.id, bo.id]);
        let said = claims(&token);
        assert_eq!((&said["sub"], &said["approved_by"]), (&json!(maya.id), &people));
        assert_eq!(service.introspect(&token).await.active()["approved_by"], people);
        let status = agent.status(&asked.approval_id).await;
        assert_eq!((&status.ok()["decided_by"], &status.body["approved_by"]), (&"people".into(), &people));
        let receipt = claims(&second.get(&format!("{}/receipt", asked.page())).await.body);
        assert_eq!(receipt["by"]["how"], "people");
        assert_eq!(receipt["by"]["people"].as_array().expect("both").len(), 2);
        assert_eq!(receipt["by"]["people"][0]["sub"], json!(ana.id));
        let expected = ["request.opened", "request.allowed_by_one", "request.approved", "token.issued"];
        assert_eq!(world.happened(&asked).await, expected);
        assert_eq!(world.noted("request.allowed_by_one").await[0]["person"], json!(ana.id));
        world.audit_holds().await;
    }
}

both! {
    async fn the_first_no_ends_it_and_the_agent_never_learns_whose_it_was(world: World) {
        let [maya, ana, bo] = three(&world).await;
        wanted(&world, "files.delete", 2, &[&maya, &ana, &bo]);
        let mut first = world.signed_in(&ana).await;
        let mut second = world.signed_in(&bo).await;
        // Another's, and one's own after all.
        for own in [false, true] {
            let agent = world.agent("Backup Agent").await;
            let asked = agent.ask(&maya.email, &DELETE).await;
            let page = first.get(&asked.page()).await;
            let page = page.press(&mut first, "Only this time", &[]).await;
            let denier = if own { &mut first } else { &mut second };
            let page = if own { page } else { denier.get(&asked.page()).await };
            let denied = page.press(denier, "Deny", &[]).await;
            assert!(denied.text().contains("You denied this at"), "{}", denied.text());
            denied.press(denier, "Not now", &[]).await;
            agent.poll(&asked.auth_req_id).await.refused(400, "access_denied");
            let status = agent.status(&asked.approval_id).await;
            assert_eq!((&status.ok()["deny_reason"], &status.body["decided_by"]), (&"not_now".into(), &"people".into()));
            for id in [&ana.id, &bo.id] {
                assert!(!status.body.to_string().contains(&id.to_string()), "{status:?}");
            }
            let other = if own { &mut second } else { &mut first };
            let seen = other.get(&asked.page()).await;
            let name = if own { "Ana" } else { "Bo" };
            assert!(seen.text().contains(&format!("{name} denied this at")), "{}", seen.text());
            assert!(!seen.has_button("Not now"), "it is not theirs to explain");
            let receipt = claims(&other.get(&format!("{}/receipt", asked.page())).await.body);
            assert!(receipt["by"].get("people").is_none(), "{receipt}");
        }
        world.audit_holds().await;
    }
}

both! {
    async fn what_is_granted_is_the_least_of_what_each_of_them_left(world: World) {
        let agent = world.agent("Billing Agent").await;
        let [maya, ana, bo] = three(&world).await;
        wanted(&world, "payment_small", 2, &[&ana, &bo]);
        let details = small_payment("240.00", "Hanna");
        let more = [("scope", "openid payments.read"), ("authorization_details", details.as_str())];
        let asked = agent.ask(&maya.email, &more).await;
        let less = |amount: &str, left_out: Option<usize>| {
            let mut trim = Trim::default();
            trim.lowered.insert((1, "amount".into()), Lowered::To(amount.into()));
            trim.left_out.extend(left_out);
            Choice::Part(trim)
        };
        world.answer(&ana, &asked, less("100", None)).await;
        world.answer(&bo, &asked, less("50", Some(0))).await;
        let collected = agent.poll(&asked.auth_req_id).await;
        assert_eq!(collected.ok()["scope"], "openid");
        assert_eq!(collected.body["authorization_details"][0]["instructedAmount"]["amount"], "50.00");
        assert_eq!(claims(collected.body["access_token"].as_str().expect("one"))["sub"], json!(maya.id));

        // Whom it is for has no say, and sees nothing of it: policy does not name them.
        let mut theirs = world.signed_in(&maya).await;
        assert_eq!(theirs.get(&asked.page()).await.status.as_u16(), 404);
        assert!(!theirs.get("/history").await.text().contains("Hanna"));

        // One leaves the payment, the other what is beside it: nothing is in both.
        let asked = agent.ask(&maya.email, &more).await;
        let only = |left_out| Choice::Part(Trim { left_out: [left_out].into(), ..Trim::default() });
        world.answer(&ana, &asked, only(0)).await;
        world.answer(&bo, &asked, only(1)).await;
        agent.poll(&asked.auth_req_id).await.refused(400, "access_denied");
        assert_eq!(agent.status(&asked.approval_id).await.ok()["deny_reason"], "nothing_left");
        world.audit_holds().await;
    }
}

both! {
    async fn sec_b05_several_who_answer_at_once_are_each_counted_once_and_it_is_settled_once(world: World) {
        let [maya, ana, bo] = three(&world).await;
        wanted(&world, "files.delete", 2, &[&maya, &ana, &bo]);
        let everyone = [world.present(&maya).await, world.present(&ana).await, world.present(&bo).await];
        let worlds = std::sync::Arc::new(world.instances().await);
        let mut denied = 0;
        for round in 0..40 {
            // One that is told no again and again may ask no more.
            let agent = worlds[0].agent(&format!("Agent {round}")).await;
            let asked = agent.ask(&maya.email, &DELETE).await;
            // In some rounds two answer, in some three, and in some one of these says no.
            let racers = if round % 4 == 0 { 2 } else { 3 };
            let mut race = JoinSet::new();
            for racer in 0..racers {
                let (worlds, asked) = (std::sync::Arc::clone(&worlds), asked.clone());
                let by = everyone[(racer + round) % 3].clone();
                let choice = if round % 2 == 1 && racer == 2 { deny("") } else { Choice::Once };
                race.spawn(async move {
                    let world = &worlds[racer % worlds.len()];
                    match world.try_answer(&by, &asked, choice).await {
                        Ok(_) | Err(AnswerError::Settled(_)) => {}
                        Err(other) => panic!("{other:?}"),
                    }
                });
            }
            race.join_all().await;
            let world = &worlds[0];
            let happened = world.happened(&asked).await;
            let times = |kind: &str| happened.iter().filter(|it| *it == kind).count();
            match world.state(&asked).await {
                "approved" => assert_eq!(
                    (times("request.allowed_by_one"), times("request.approved"), times("request.denied")),
                    (1, 1, 0), "{happened:?}"),
                "denied" => {
                    denied += 1;
                    assert!(round % 2 == 1);
                    assert_eq!((times("request.approved"), times("request.denied")), (0, 1), "{happened:?}");
                    assert!(times("request.allowed_by_one") <= 1);
                }
                other => panic!("{other}: {happened:?}"),
            }
            let said = world.store().approvers_of(asked.id()).await.expect("the database");
            let votes = said.iter().filter(|one| one.vote.is_some()).count();
            let counted = times("request.allowed_by_one") + times("request.approved") + times("request.denied");
            assert_eq!(votes, counted, "{happened:?}");
        }
        assert!(denied > 0, "a race has more than one possible winner");
        worlds[0].audit_holds().await;
    }
}

#[tokio::test]
async fn sec_b05_policy_says_who_and_an_agent_cannot_choose_them() {
    let world = World::sqlite().await;
    let agent = world.agent("Backup Agent").await;
    let [maya, ana, bo] = three(&world).await;
    wanted(&world, "files.delete", 2, &[&maya, &ana, &bo]);

    // Somebody who was disabled does not count any more, whatever they had said.
    let asked = agent.ask(&maya.email, &DELETE).await;
    world.approve(&ana, &asked).await;
    set_person_active(&world.app, ana.id, false)
        .await
        .expect("disabled");
    world.app.people.forget(ana.id);
    world.approve(&bo, &asked).await;
    assert_eq!(world.state(&asked).await, "pending");
    world.approve(&maya, &asked).await;
    assert_eq!(world.state(&asked).await, "approved");

    // With too few of them, nobody is asked.
    world.catalogue(|catalogue| {
        let policy = permission(catalogue, "files.delete").approvers.as_mut();
        policy.expect("one").never_for_oneself = true;
    });
    agent
        .try_ask(&maya.email, &DELETE)
        .await
        .refused(403, "access_denied");
    assert_eq!(world.noted("request.forbidden").await.len(), 1);
    set_person_active(&world.app, ana.id, true)
        .await
        .expect("enabled");
    world.app.people.forget(ana.id);
    let asked = agent.ask(&maya.email, &DELETE).await;
    let own = world.present(&maya).await;
    let refused = world.try_answer(&own, &asked, Choice::Once).await;
    assert!(matches!(refused, Err(AnswerError::NotYours)), "{refused:?}");

    // Things that need different people are not asked together.
    wanted(&world, "files.read", 1, &[&maya]);
    wanted(&world, "files.delete", 1, &[&ana]);
    let both = [("scope", "openid files.read files.delete")];
    agent
        .try_ask(&maya.email, &both)
        .await
        .refused(400, "invalid_scope");

    // Policy that was tightened since binds what was asked before: there is only a no.
    let asked = agent.ask(&maya.email, &DELETE).await;
    wanted(&world, "files.delete", 2, &[&ana, &bo]);
    let by = world.present(&ana).await;
    let refused = world.try_answer(&by, &asked, Choice::Once).await;
    assert!(
        matches!(refused, Err(AnswerError::Forbidden)),
        "{refused:?}"
    );
    world.try_answer(&by, &asked, deny("")).await.expect("a no");
    assert_eq!(world.state(&asked).await, "denied");
}
