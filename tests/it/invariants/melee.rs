//! Many at once, at every instance: answers, withdrawals, polls, the end of time, and one use of a token.

use countersign::domain::ciba::approval::State;
use countersign::flow::expire;
use time::Duration;
use tokio::task::JoinSet;

use super::history::{Play, Told};
use super::steps;
use crate::world::{Answer, Asked, World, claims};

/// What one of them heard.
enum Heard {
    Answered(Option<Told>),
    Withdrawn(Answer),
    Tokens(Answer),
    Nothing,
}

impl Play {
    /// The newest request in that state, of those asked lately.
    pub async fn in_state(&mut self, state: State) -> Option<(usize, usize, Asked)> {
        for at in (0..self.asked.len()).rev().take(12) {
            let asked = self.asked[at].clone();
            let stored = self.worlds[0].stored(&asked.2).await;
            let now = self.worlds[0].app.clock.now();
            if stored.request.at(now).state() == state {
                return Some(asked);
            }
        }
        None
    }

    /// Everything at once happens to one request.
    pub async fn melee(&mut self) {
        let Some((agent, person, asked)) = self.in_state(State::Pending).await else {
            return;
        };
        let present = self.present(person).await;
        // Sometimes its last moment is near, and passes meanwhile.
        let late = self.dice.one_in(4);
        if late {
            let world = &self.worlds[0];
            let question = world.stored(&asked).await.request.question().clone();
            let left = question.answer_by - world.app.clock.now();
            world.advance(left - Duration::milliseconds(1));
        }
        let mut race: JoinSet<Heard> = JoinSet::new();
        for _ in 0..7 {
            let instance = self.instance();
            let app = self.worlds[instance].app.clone();
            let (caller, asked, present) = (self.agent(agent), asked.clone(), present.clone());
            match self.dice.below(8) {
                0..3 => {
                    let choice = self.choice();
                    race.spawn(async move {
                        Heard::Answered(steps::answer(&app, &present, &asked, choice).await)
                    });
                }
                3 => {
                    race.spawn(
                        async move { Heard::Withdrawn(caller.cancel(&asked.approval_id).await) },
                    );
                }
                4..7 => {
                    race.spawn(async move { Heard::Tokens(caller.poll(&asked.auth_req_id).await) });
                }
                _ => {
                    race.spawn(async move {
                        if late {
                            app.clock.advance(Duration::milliseconds(1));
                        }
                        let swept = expire::expire_due(&app, app.clock.now()).await;
                        swept.expect("a sweep");
                        Heard::Nothing
                    });
                }
            }
        }
        for heard in race.join_all().await {
            match heard {
                Heard::Answered(told) => self.said.told.extend(told),
                Heard::Withdrawn(answer) => self.was_withdrawn(&asked, &answer),
                Heard::Tokens(answer) => self.was_given(agent, &answer),
                Heard::Nothing => {}
            }
        }
    }

    /// A token that is good for one use is used by several services at once.
    pub async fn consume(&mut self) {
        let payments = &self.services[0];
        let paying = |token: &str| {
            let claims = claims(token);
            claims["authorization_details"].is_array()
                && claims["aud"].to_string().contains("payments")
        };
        let held = self.tokens.iter().rev().find(|held| paying(&held.access));
        let Some(held) = held.cloned() else {
            return;
        };
        let mut race = JoinSet::new();
        for nth in 0..6 {
            let world: &World = &self.worlds[nth % self.worlds.len()];
            let (service, token) = (payments.at(world), held.access.clone());
            race.spawn(async move { service.consume(&token).await });
        }
        let answers = race.join_all().await;
        let good = answers
            .iter()
            .filter(|answer| answer.ok()["active"] == true);
        self.said
            .consumed
            .push((claims(&held.access), good.count()));
    }
}
