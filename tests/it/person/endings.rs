//! How an "always" is told when it is first used, and how it ends by itself.

use countersign::domain::action::{Catalogue, PermissionKey, Tier};
use countersign::flow::answer::Choice;
use countersign::flow::catalogue;
use time::Duration;
use tokio::task::JoinSet;

use crate::world::push_service::PushService;
use crate::world::{World, small_payment};

/// The example, with another tier for small payments.
async fn apply(world: &World, tier: Tier) {
    let (_, mut next): (i32, Catalogue) = world.store().catalogue().await.expect("a catalogue");
    let key = PermissionKey::Type("payment_small".into());
    let all = next.resources.iter_mut().flat_map(|it| &mut it.permissions);
    for permission in all.filter(|it| it.key == key) {
        permission.tier = tier;
    }
    catalogue::apply(&world.app, next).await.expect("applied");
}

both! {
    async fn the_first_use_of_a_rule_is_told_once_and_makes_no_sound(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let service = PushService::start(&world);
        let mut browser = world.signed_in(&maya).await;
        let phone = service.subscribed(&mut browser).await;
        let details = small_payment("240.00", "Hanna");
        let more = [("authorization_details", &*details)];
        let first = agent.ask(&maya.email, &more).await;
        let always = Choice::Always {
            until: "today".to_owned(),
            picks: Vec::new(),
            trim: countersign::domain::consent::partial::Trim::default(),
            confirmed: None,
        };
        world.answer(&maya, &first, always).await;
        world.deliver().await;
        let before = phone.pushes().len();

        world.advance(Duration::SECOND);
        // However many come at once, one of them is the first.
        let mut asking = JoinSet::new();
        for _ in 0..8 {
            let (agent, email, details) = (agent.clone(), maya.email.clone(), details.clone());
            asking.spawn(async move {
                agent.ask(&email, &[("authorization_details", &details)]).await
            });
        }
        let asked = asking.join_all().await;
        for one in &asked {
            assert_eq!(world.state(one).await, "approved");
            // What the person is told of it is nobody else's business.
            let status = agent.status(&one.approval_id).await;
            assert_eq!(status.ok()["delivery"], serde_json::json!([]));
        }
        world.deliver().await;
        let pushes = phone.pushes();
        assert_eq!(pushes.len(), before + 1);
        let push = &pushes[before];
        assert_eq!(push.header("urgency"), Some("low"));
        let told = &phone.open(push)["notification"];
        assert_eq!(told["title"], "Allowed by your rule");
        assert_eq!(told["silent"], true);
        let body = "Billing Agent: Pay €240.00 to Hanna. Its first use; the others are in your history.";
        assert_eq!(told["body"], body);

        let history = browser.get("/history").await.text();
        assert!(history.contains("Allowed by your rule ×8"), "{history}");
        world.advance(Duration::hours(23));
        agent.ask(&maya.email, &more).await;
        world.deliver().await;
        assert_eq!(phone.pushes().len(), before + 1);
        world.audit_holds().await;
    }
}

both! {
    async fn what_is_held_to_be_graver_is_asked_again_for_good(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let details = small_payment("240.00", "Hanna");
        let more = [("authorization_details", &*details)];
        apply(&world, Tier::Low).await;
        let asked = agent.ask(&maya.email, &more).await;
        let read = agent.ask(&maya.email, &[("scope", "openid payments.read")]).await;
        for asked in [&asked, &read] {
            let sheet = browser.get(&format!("{}/always", asked.page())).await;
            sheet.press(&mut browser, "Allow within these limits", &[]).await;
        }
        let covered = agent.ask(&maya.email, &more).await;
        assert_eq!(world.state(&covered).await, "approved");
        // Less grave, or as grave: nothing ends.
        apply(&world, Tier::Trace).await;
        apply(&world, Tier::Low).await;
        let allowed = browser.get("/allowed").await.text();
        assert!(allowed.contains("Pay €240.00 to Hanna"), "{allowed}");
        assert!(allowed.contains("Ended recently"), "from trace to low is graver: {allowed}");
        let applied = world.noted("catalogue.applied").await;
        let ended = &applied.last().expect("one")["facts"]["standing_grants_ended_for"];
        assert_eq!(ended, &serde_json::json!(["type:payment_small"]));

        let text = browser.get("/allowed").await.text();
        let words = "ended because it is held to be more serious by now, 08:00 UTC , used 1 time";
        assert!(text.contains(words), "{text}");
        assert!(text.contains("See your payments"), "the other one is as it was: {text}");
        // What it had allowed, and nobody collected in time, is not given any more.
        agent.poll(&covered.auth_req_id).await.refused(400, "invalid_grant");
        apply(&world, Tier::Trace).await;
        let again = agent.ask(&maya.email, &more).await;
        assert_eq!(world.state(&again).await, "pending", "what has ended stays ended");
        world.audit_holds().await;
    }
}

#[tokio::test]
async fn a_rule_that_policy_holds_back_says_so() {
    let world = World::sqlite().await;
    let agent = world.agent("Calendar Agent").await;
    let maya = world.person("Maya").await;
    let mut browser = world.signed_in(&maya).await;
    let scope = [("scope", "openid calendar.read")];
    let asked = agent.ask(&maya.email, &scope).await;
    let sheet = browser.get(&format!("{}/always", asked.page())).await;
    sheet
        .press(&mut browser, "Allow within these limits", &[])
        .await;
    let words = "It asks again at present: whoever runs this server allows less by now.";
    assert!(!browser.get("/allowed").await.text().contains(words));
    world.catalogue(|it| {
        let all = it.resources.iter_mut().flat_map(|it| &mut it.permissions);
        for permission in all {
            permission.always = countersign::domain::action::Always::Never;
        }
    });
    let page = browser.get("/allowed").await;
    assert!(page.text().contains(words), "{}", page.text());
    assert!(page.has_button("Stop"), "{}", page.text());
    let again = agent.ask(&maya.email, &scope).await;
    assert_eq!(world.state(&again).await, "pending");
}
