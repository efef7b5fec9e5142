//! What happens besides: rules are stopped, tokens given back, people and agents disabled; time passes, and the
//! server starts again.

use countersign::domain::id::ClientId;
use countersign::flow::register::{set_client_active, set_person_active};
use countersign::flow::stop;
use time::Duration;

use super::history::Play;
use crate::world::World;

impl Play {
    pub async fn stop(&mut self) {
        let instance = self.instance();
        let app = &self.worlds[instance].app;
        let live = stop::list(app, None).await.expect("the database");
        let now = app.clock.now();
        let live: Vec<_> = live
            .into_iter()
            .filter(|(rule, _)| rule.is_live(now))
            .collect();
        if live.is_empty() {
            return;
        }
        let id = live[self.dice.below(live.len())].0.id;
        stop::stop_by_operator(app, id).await.expect("stopped");
    }

    pub async fn revoke(&mut self) {
        if let Some(held) = self.some_token() {
            let agent = self.agent(held.agent);
            let token = [("token", held.access.as_str())];
            let answer = agent.post("/oauth/revoke", &token, &[]).await;
            assert!(!answer.status.is_server_error(), "{answer:?}");
        }
    }

    /// Somebody is disabled, or whoever was may take part again.
    pub async fn switch(&mut self) {
        let instance = self.instance();
        let app = &self.worlds[instance].app;
        if let Some(person) = self.off.pop_first() {
            set_person_active(app, self.people[person].id, true)
                .await
                .expect("enabled");
        } else if let Some(agent) = self.disabled.pop_first() {
            let id = ClientId(self.agents[agent].id.clone());
            set_client_active(app, &id, true).await.expect("enabled");
        } else if self.dice.one_in(2) {
            let person = self.dice.below(self.people.len());
            set_person_active(app, self.people[person].id, false)
                .await
                .expect("disabled");
            self.off.insert(person);
        } else {
            let agent = self.dice.below(self.agents.len());
            let id = ClientId(self.agents[agent].id.clone());
            set_client_active(app, &id, false).await.expect("disabled");
            self.disabled.insert(agent);
        }
    }

    /// Time passes.
    pub async fn pass(&mut self) {
        let seconds = match self.dice.below(20) {
            0 => 90_000,
            1 => 4_000,
            2 => 700,
            _ => self.dice.pick(&[1, 5, 12, 12, 40]),
        };
        self.worlds[0].advance(Duration::seconds(seconds));
        if self.dice.one_in(2) {
            self.sweep().await;
        }
    }

    pub async fn sweep(&mut self) {
        let instance = self.instance();
        self.worlds[instance].sweep().await;
    }

    pub async fn restart(&mut self) {
        let world: World = self.worlds.remove(0);
        self.worlds.insert(0, world.restarted().await);
    }
}
