//! A person is asked at once for what a request lacks, and it passes when it comes again.

use std::sync::Arc;

use countersign::domain::action::Catalogue;
use countersign::domain::consent::partial::Trim;
use countersign::flow::answer::Choice;
use countersign::flow::catalogue::apply;
use countersign::flow::register::{NewClient, set_client_active};
use time::Duration;
use tokio::task::JoinSet;

use super::{Cast, ask_with, challenged, customs};
use crate::world::{Answer, Asked, World, deny};

const DELETE: (&str, &str) = ("DELETE", "/files/plans/a.txt");

/// The example's routes, and people are asked at once.
async fn asking(world: &World) {
    let example = include_str!("../../../examples/catalogue.toml");
    let routes = example.replace("[[resource.route]]\n", "[[resource.route]]\nask = true\n");
    let catalogue = Catalogue::read(&routes).expect("a catalogue");
    apply(&world.app, catalogue).await.expect("applied");
}

async fn ask(world: &World, request: (&str, &str), token: &str) -> Answer {
    ask_with(world, request.0, request.1, token).await
}

fn always() -> Choice {
    Choice::Always {
        until: "today".to_owned(),
        picks: Vec::new(),
        trim: Trim::default(),
        confirmed: None,
    }
}

/// It waits for a person, and says which request asks.
#[track_caller]
fn waits(answer: &Answer) -> Asked {
    let challenge = challenged(answer, Some("insufficient_authorization"));
    let approval = answer.body["approval_id"].as_str().expect("an id");
    assert!(
        challenge.contains(&format!("approval_id=\"{approval}\"")),
        "{challenge}"
    );
    assert_eq!(answer.headers["retry-after"], "5");
    Asked {
        auth_req_id: String::new(),
        approval_id: approval.to_owned(),
        match_code: String::new(),
        expires_in: 0,
        body: answer.body.clone(),
    }
}

async fn what_a_person_allows_passes_when_it_comes_again(world: World) {
    asking(&world).await;
    let (agent, maya) = (
        world.agent("Filing Agent").await,
        world.person("Maya").await,
    );
    // Good for nothing but saying for whom it comes.
    let token = Cast {
        agent: agent.clone(),
        maya: maya.clone(),
        world: &world,
    }
    .token(&[])
    .await;
    let asked = waits(&ask(&world, DELETE, &token).await);
    // Coming again asks nobody again, whoever comes: here, or at another instance.
    let instances = world.instances().await;
    for instance in &instances {
        assert_eq!(
            waits(&ask(instance, DELETE, &token).await).approval_id,
            asked.approval_id
        );
    }
    let (world, another) = (&instances[0], instances.last().expect("one"));
    let status = agent
        .get(&format!("/api/v1/approvals/{}", asked.approval_id))
        .await;
    assert_eq!(status.ok()["state"], "pending");
    assert!(
        world
            .stored(&asked)
            .await
            .card
            .contains("Delete a.txt from plans")
    );

    world.approve(&maya, &asked).await;
    let other = ("DELETE", "/files/plans/b.txt");
    let passed = ask(another, DELETE, &token).await;
    assert_eq!(passed.status, 200, "{passed:?}");
    assert_eq!(passed.headers["x-approval-id"], asked.approval_id.as_str());
    assert_eq!(passed.headers["x-approval-decision"], "once");
    // Once is once: the next is another question.
    let again = waits(&ask(world, DELETE, &token).await);
    assert_ne!(again.approval_id, asked.approval_id);
    assert_ne!(
        waits(&ask(world, other, &token).await).approval_id,
        again.approval_id
    );

    world.answer(&maya, &again, deny("")).await;
    let denied = ask(world, DELETE, &token).await;
    assert_eq!(
        (denied.status.as_u16(), denied.error()),
        (403, "access_denied")
    );
    assert_eq!(denied.body["approval_id"], again.approval_id.as_str());
    world.audit_holds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_allows_passes_when_it_comes_again_sqlite() {
    let world = World::sqlite_with(customs()).await;
    Box::pin(what_a_person_allows_passes_when_it_comes_again(world)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_allows_passes_when_it_comes_again_postgresql() {
    let world = World::postgresql_with(customs()).await;
    Box::pin(what_a_person_allows_passes_when_it_comes_again(world)).await;
}

async fn many_at_once_ask_once_and_pass_once(world: World) {
    asking(&world).await;
    let (token, maya) = {
        let cast = Cast::of(&world).await;
        (cast.token(&[]).await, cast.maya)
    };
    let instances = Arc::new(world.instances().await);
    let all = || async {
        let mut racing = JoinSet::new();
        for n in 0..32 {
            let (instances, token) = (Arc::clone(&instances), token.clone());
            racing.spawn(async move { ask(&instances[n % instances.len()], DELETE, &token).await });
        }
        racing.join_all().await
    };
    let first: Vec<String> = all().await.iter().map(|it| waits(it).approval_id).collect();
    assert!(first.iter().all(|id| *id == first[0]), "{first:?}");
    let world = &instances[0];
    assert_eq!(world.noted("request.opened").await.len(), 2);
    let asked = waits(&ask(world, DELETE, &token).await);
    world.approve(&maya, &asked).await;
    let answers = all().await;
    assert_eq!(answers.iter().filter(|it| it.status == 200).count(), 1);
    assert_eq!(world.noted("request.passed").await.len(), 1);
    assert_eq!(world.noted("token.consumed").await.len(), 1);
    // What comes after it asks once more, all together.
    assert_eq!(world.noted("request.opened").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_ask_once_and_pass_once_sqlite() {
    let world = World::sqlite_with(customs()).await;
    Box::pin(many_at_once_ask_once_and_pass_once(world)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_ask_once_and_pass_once_postgresql() {
    let world = World::postgresql_with(customs()).await;
    Box::pin(many_at_once_ask_once_and_pass_once(world)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_good_for_an_hour_passes_for_an_hour() {
    let world = World::sqlite_with(customs()).await;
    asking(&world).await;
    let cast = Cast::of(&world).await;
    let read = ("GET", "/files/plans/a.txt");
    let token = cast.token(&[]).await;
    let asked = waits(&ask(&world, read, &token).await);
    world.approve(&cast.maya, &asked).await;
    for _ in 0..3 {
        assert_eq!(ask(&world, read, &token).await.status, 200);
    }
    world.advance(Duration::minutes(59));
    let token = cast.token(&[]).await;
    assert_eq!(ask(&world, read, &token).await.status, 200);
    // Another agent of the same person's has been allowed nothing.
    let other = Cast {
        agent: world.agent("Other Agent").await,
        maya: cast.maya.clone(),
        world: &world,
    };
    waits(&ask(&world, read, &other.token(&[]).await).await);
    world.advance(Duration::minutes(1));
    assert_ne!(
        waits(&ask(&world, read, &token).await).approval_id,
        asked.approval_id
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_asked_for_whoever_may_not_ask_itself() {
    let world = World::sqlite_with(customs()).await;
    asking(&world).await;
    let narrow = NewClient {
        scopes: vec!["files.read".into()],
        types: vec!["deploy".into()],
        ..NewClient::agent("Reading Agent")
    };
    let cast = Cast {
        agent: world.client(narrow).await,
        maya: world.person("Maya").await,
        world: &world,
    };
    let token = cast.token(&[]).await;
    let answer = ask(&world, DELETE, &token).await;
    challenged(&answer, Some("insufficient_authorization"));
    assert_eq!(answer.body.get("approval_id"), None);
    // Elsewhere its token says nothing, and a stranger has nothing asked.
    let elsewhere = cast.token(&[("scope", "openid files.read")]).await;
    waits(&ask(&world, ("GET", "/files/a"), &token).await);
    let opened = world.noted("request.opened").await.len();
    challenged(
        &ask(&world, DELETE, "nonsense").await,
        Some("invalid_token"),
    );
    let client = countersign::domain::id::ClientId(cast.agent.id.clone());
    set_client_active(&world.app, &client, false)
        .await
        .expect("suspended");
    for token in [&token, &elsewhere] {
        challenged(&ask(&world, DELETE, token).await, Some("invalid_token"));
    }
    assert_eq!(world.noted("request.opened").await.len(), opened);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_always_answers_at_the_proxy_too_until_it_is_stopped() {
    let world = World::sqlite_with(customs()).await;
    asking(&world).await;
    let cast = Cast::of(&world).await;
    let read = ("GET", "/files/plans/a.txt");
    let token = cast.token(&[]).await;
    let asked = waits(&ask(&world, read, &token).await);
    world.answer(&cast.maya, &asked, always()).await;
    let passed = ask(&world, read, &token).await;
    assert_eq!(passed.headers["x-approval-decision"], "always");
    world.advance(Duration::hours(2));
    let token = cast.token(&[]).await;
    let passed = ask(&world, read, &token).await;
    assert_eq!(passed.status, 200, "{passed:?}");
    assert_ne!(passed.headers["x-approval-id"], asked.approval_id.as_str());
    assert_eq!(world.noted("request.allowed_by_your_rule").await.len(), 1);
    let mut browser = world.signed_in(&cast.maya).await;
    let page = browser.get("/allowed").await;
    page.press(&mut browser, "Stop", &[]).await;
    waits(&ask(&world, read, &token).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_no_to_what_the_agent_asked_itself_is_a_no_at_the_proxy_too() {
    let world = World::sqlite_with(customs()).await;
    asking(&world).await;
    let cast = Cast::of(&world).await;
    let read = ("GET", "/files/plans/a.txt");
    let token = cast.token(&[]).await;
    let scope = [("scope", "openid files.read")];
    let itself = cast.agent.ask(&cast.maya.email, &scope).await;
    waits(&ask(&world, read, &token).await);
    let mut browser = world.signed_in(&cast.maya).await;
    let page = browser.get(&itself.page()).await;
    page.press(&mut browser, "Deny", &[]).await;
    let denied = ask(&world, read, &token).await;
    assert_eq!(
        (denied.status.as_u16(), denied.error()),
        (403, "access_denied")
    );
}
