//! What waits, what was, and for whom.

use time::Duration;

use crate::world::{World, payment, small_payment};

both! {
    async fn what_waits_is_listed_the_gravest_first_and_nothing_else_is(world: World) {
        let agent = world.agent("Billing Agent").await;
        let (maya, ben) = (world.person("Maya").await, world.person("Ben").await);
        let mut browser = world.signed_in(&maya).await;
        let empty = browser.get("/").await;
        assert!(empty.text().contains("Nothing is waiting."), "{}", empty.text());

        let small = small_payment("240.00", "Hanna");
        let other = small_payment("240.00", "Hanna H");
        let big = payment("9000.00", "Hanna");
        let later = agent.ask(&maya.email, &[("authorization_details", &small), ("requested_expiry", "600")]).await;
        let sooner = agent.ask(&maya.email, &[("authorization_details", &other), ("requested_expiry", "120")]).await;
        let grave = agent.ask(&maya.email, &[("authorization_details", &big), ("requested_expiry", "900")]).await;
        let critical = agent.ask(&maya.email, &[("scope", "openid files.delete"), ("requested_expiry", "900")]).await;
        let bens = agent.ask(&ben.email, &[]).await;
        let withdrawn = agent.ask(&maya.email, &[]).await;
        agent.cancel(&withdrawn.approval_id).await;

        let inbox = browser.get("/").await;
        let places: Vec<usize> = [&critical, &grave, &sooner, &later]
            .map(|it| inbox.body.find(&it.page()).expect("listed"))
            .to_vec();
        assert!(places.is_sorted(), "{places:?}");
        for absent in [&bens, &withdrawn] {
            assert!(!inbox.body.contains(&absent.page()));
        }
        assert!(inbox.body.contains("<title>Waiting (4)"), "{}", inbox.body);
        assert!(inbox.text().contains(&later.match_code), "{}", inbox.text());

        // Answered, over: no longer waiting, but in the history.
        let page = browser.get(&critical.page()).await;
        page.press(&mut browser, "Deny", &[]).await;
        world.advance(Duration::minutes(3));
        let inbox = browser.get("/").await;
        assert!(inbox.body.contains("<title>Waiting (2)"), "{}", inbox.body);
        for gone in [&critical, &sooner] {
            assert!(!inbox.body.contains(&gone.page()));
        }
        world.sweep().await;
        let history = browser.get("/history").await;
        for (there, words) in [(&critical, "Denied"), (&sooner, "No answer"), (&withdrawn, "Withdrawn")] {
            assert!(history.body.contains(&there.page()), "{words}: {}", history.body);
            assert!(history.text().contains(words), "{words}: {}", history.text());
        }
        for absent in [&later, &grave, &bens] {
            assert!(!history.body.contains(&absent.page()));
        }
    }
}

both! {
    async fn a_long_history_is_turned_page_by_page(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let mut browser = world.signed_in(&maya).await;
        let mut all = Vec::new();
        for _ in 0..60 {
            let asked = agent.ask(&maya.email, &[]).await;
            agent.cancel(&asked.approval_id).await;
            world.advance(Duration::SECOND);
            all.push(asked);
        }
        let mut seen = Vec::new();
        let mut next = Some("/history".to_owned());
        while let Some(path) = next {
            let page = browser.get(&path).await;
            assert!(page.status.is_success(), "{path}");
            for asked in all.iter().rev().filter(|it| page.body.contains(&it.page())) {
                assert!(!seen.contains(&asked.approval_id), "{path} shows one twice");
                seen.push(asked.approval_id.clone());
            }
            let older = page.body.split("href=\"/history?before=").nth(1);
            next = older.map(|rest| format!("/history?before={}", rest.split('"').next().expect("its end")));
        }
        let newest_first: Vec<String> = all.iter().rev().map(|it| it.approval_id.clone()).collect();
        assert_eq!(seen, newest_first);
    }
}

#[tokio::test]
async fn a_place_in_the_history_that_is_none_is_its_beginning_or_nothing() {
    let world = World::sqlite().await;
    let agent = world.agent("Billing Agent").await;
    let (maya, ben) = (world.person("Maya").await, world.person("Ben").await);
    let asked = agent.ask(&maya.email, &[]).await;
    agent.cancel(&asked.approval_id).await;
    let mut his = world.signed_in(&ben).await;
    let place = format!("/history?before={}", asked.approval_id);
    for path in [
        &*place,
        "/history?before=x",
        "/history?before=a&before=b",
        "/history?x=%FF",
    ] {
        let page = his.get(path).await;
        assert!(!page.status.is_server_error(), "{path}: {}", page.status);
        assert!(!page.body.contains(&asked.page()), "{path}");
    }
}
