//! An agent asks, waits and collects.

use crate::world::World;

both! {
    async fn an_agent_asks_and_finds_no_answer_yet(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let asked = agent.ask(&maya.email, &[]).await;
        agent.poll(&asked.auth_req_id).await.refused(400, "authorization_pending");
    }
}
