//! A page that is open while the world goes on, and a page where it does not belong.

use serde_json::json;

use super::accepted;
use crate::world::{Customs, Phone, PushService, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_a19_an_open_page_and_its_notification_learn_that_another_screen_has_answered() {
    let (mut service, customs) = PushService::google().await;
    let world = World::for_browsers(customs).await;
    let maya = world.person("Maya").await;
    let agent = world.agent("Billing Agent").await;
    let mut laptop = world.signed_in(&maya).await;
    let mut phone = Phone::new(&world, Some(&service), json!({})).await;
    phone.sign_in(&world, &maya).await;
    phone.subscribe().await;

    // The page is open on the phone while somebody answers on the laptop.
    let asked = agent.ask(&maya.email, &[]).await;
    world.deliver().await;
    let note = phone.notification(&asked.match_code).await;
    phone.open("/").await;
    phone.open(&asked.page()).await;
    phone.sees(&asked.match_code).await;
    let answered = laptop.get(&asked.page()).await;
    answered.press(&mut laptop, "Deny", &[]).await;
    phone.sees("You denied this").await;
    phone.sees("in another sign-in").await;

    // The notification gives way to one that says so.
    world.deliver().await;
    accepted(&service.event("posted").await);
    let settled = phone.notification("There is nothing left to do.").await;
    assert_eq!(settled["id"], note["id"], "it takes the other's place");
    let standing = phone.tell("notifications", json!({})).await;
    let standing = standing["notifications"].as_array().expect("a list").len();
    assert_eq!(standing, 1);

    // Going back shows what is true now, not what was.
    let asked = agent.ask(&maya.email, &[]).await;
    phone.open(&asked.page()).await;
    phone.sees("Only this time").await;
    phone.open("/history").await;
    let answered = laptop.get(&asked.page()).await;
    answered.press(&mut laptop, "Only this time", &[]).await;
    phone.tell("back", json!({})).await;
    phone.sees("Allowed once").await;
    assert!(!phone.words().await.contains("Only this time"));
    phone.all_quiet(&[]).await;

    // A page left open past its time says that it is over.
    let asked = agent.ask(&maya.email, &[("requested_expiry", "30")]).await;
    phone.open(&asked.page()).await;
    world.advance(time::Duration::seconds(31));
    world.sweep().await;
    phone.sees("Ended without an answer").await;

    // Signing out takes the notifications along.
    phone.open("/settings").await;
    phone.press("Sign out").await;
    service.event("unsubscribed").await;
    phone.off().await;
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_c02_a_frame_on_another_site_stays_blank() {
    let world = World::for_browsers(Customs::default()).await;
    let maya = world.person("Maya").await;
    let agent = world.agent("Billing Agent").await;
    let asked = agent.ask(&maya.email, &[]).await;
    let mut phone = Phone::new(&world, None, json!({})).await;
    phone.sign_in(&world, &maya).await;
    phone.open(&asked.page()).await;
    phone.all_quiet(&[]).await;

    // Under another name it is another site, and the cookies do not even come along.
    for address in [
        asked.page(),
        "/".into(),
        "/signin".into(),
        "/offline".into(),
    ] {
        let html = format!("<h1>Win</h1><iframe src='{}{address}'></iframe>", world.url);
        phone.open(&format!("data:text/html,{html}")).await;
        phone.sees("Win").await;
        let frames = phone.tell("frames", json!({})).await;
        let frames = frames["frames"].as_array().expect("frames").clone();
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0]["url"], "chrome-error://chromewebdata/");
        let words = frames[0]["text"].as_str().expect("text");
        assert!(!words.contains("Only this time") && !words.contains("Sign in"));
    }
    phone.off().await;
}
