//! What is remembered has an end, and what happened has none.

use countersign::domain::retention::KEPT;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use time::Duration;

use crate::tokens::{Cast, refresh_token};
use crate::world::World;

/// What goes with time.
const OVER: [&str; 6] = [
    "refresh_tokens",
    "kept_refreshes",
    "redemptions",
    "parcels",
    "sign_in_links",
    "sessions",
];

async fn rows(database: &DatabaseConnection, table: &str) -> i64 {
    let count = format!("SELECT count(*) FROM {table}");
    let count = Statement::from_string(database.get_database_backend(), count);
    let row = database.query_one_raw(count).await.expect("the database");
    let row = row.expect("a row");
    row.try_get_by_index(0).expect("a number")
}

async fn counted(database: &DatabaseConnection, tables: &[&str]) -> Vec<i64> {
    let mut counted = Vec::new();
    for table in tables {
        counted.push(rows(database, table).await);
    }
    counted
}

/// All that can be forgotten is.
async fn forget(world: &World) {
    let now = world.app.clock.now();
    let mut rounds = 0;
    while world.store().forget_expired(now).await.expect("a round") {
        rounds += 1;
        assert!(rounds < 10, "it never ends");
    }
}

both! {
    async fn what_is_over_is_forgotten_and_what_happened_is_not(world: World) {
        let mut cast = Cast::of(&world).await;
        // A chain of tokens, the first response kept for a minute, and a letter with a link.
        let key = [("idempotency-key", "once")];
        let first = cast.calendar().await;
        let second = cast.agent.refresh_with(refresh_token(&first), &[], &key).await;
        let third = cast.agent.refresh(refresh_token(&second)).await;
        let mut other = world.browser();
        let page = other.get("/signin").await;
        page.submit(&mut other, "/signin", &[("email", &cast.maya.email)]).await;
        world.deliver().await;
        let unanswered = cast.agent.ask(&cast.maya.email, &[]).await;
        world.deliver().await;

        let database = Database::connect(world.database_url()).await.expect("the database");
        let stay = ["requests", "grants", "users", "clients"];
        let stays = counted(&database, &stay).await;
        let before = counted(&database, &OVER).await;
        assert!(before[0] == 3 && before[3] >= 3 && before[4] == 2 && before[5] == 1, "{before:?}");

        // Nothing goes that somebody might still ask for.
        world.advance(Duration::minutes(20));
        world.sweep().await;
        world.deliver().await;
        forget(&world).await;
        let later = counted(&database, &OVER).await;
        assert_eq!((later[0], later[4], later[5]), (3, 2, 1), "{later:?}");
        assert_eq!(later[1..3], [0, 0], "kept responses go at once");
        let status = cast.agent.status(&unanswered.approval_id).await;
        let reached = status.ok()["unreachable"].clone();

        // The calendar may be read for thirty days; then the chain is over, and then forgotten.
        world.advance(Duration::days(30));
        forget(&world).await;
        let later = counted(&database, &OVER).await;
        assert_eq!(later[0], 3, "{later:?}");
        world.advance(KEPT);
        forget(&world).await;
        assert_eq!(counted(&database, &OVER).await, [0; 6]);
        assert_eq!(counted(&database, &stay).await, stays);
        world.audit_holds().await;
        assert!(!world.noted("token.refreshed").await.is_empty());

        // Whoever comes back is told the same as ever.
        for token in [&first, &second, &third] {
            cast.agent.refresh(refresh_token(token)).await.refused(400, "invalid_grant");
        }
        assert!(world.noted("token.reuse_detected").await.is_empty());
        let status = cast.agent.status(&unanswered.approval_id).await;
        assert_eq!(status.ok()["unreachable"], reached);
        assert_eq!(status.body["delivery"], serde_json::json!([]));
        let page = cast.browser.get("/").await;
        assert!(page.url.contains("/signin"), "{}", page.url);
        let again = world.signed_in(&cast.maya).await.get("/history").await;
        assert!(again.status.is_success(), "{}", again.body);
    }
}
