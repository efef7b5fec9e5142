//! What agents do with what was answered: collect, refresh and exchange.

use countersign::domain::ciba::approval::State;
use serde_json::Value;
use time::Duration;

use super::history::{Held, Play};
use crate::world::{Answer, claims};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

impl Play {
    pub async fn poll(&mut self) {
        let approved = self.in_state(State::Approved).await;
        let any = self.dice.one_in(6);
        if let Some((agent, _, asked)) = if any { self.lately() } else { approved } {
            let answer = self.agent(agent).poll(&asked.auth_req_id).await;
            self.was_given(agent, &answer);
        }
    }

    /// Tokens came, or none.
    pub fn was_given(&mut self, agent: usize, answer: &Answer) {
        assert!(!answer.status.is_server_error(), "{answer:?}");
        if answer.status != 200 {
            return;
        }
        let access = answer.body["access_token"].as_str().expect("a token");
        self.said.issued.push(claims(access));
        self.tokens.push(Held {
            agent,
            access: access.to_owned(),
            refresh: answer.body["refresh_token"].as_str().map(str::to_owned),
        });
    }

    pub fn some_token(&mut self) -> Option<Held> {
        let recent = self.tokens.len().min(5);
        let at = self.tokens.len().checked_sub(1 + self.dice.below(recent))?;
        self.tokens.get(at).cloned()
    }

    pub async fn refresh(&mut self) {
        if self.dice.one_in(5) && !self.used.is_empty() {
            // One that was used already: at once, or when no lost response explains it any more.
            let (agent, token) = self.used[self.dice.below(self.used.len())].clone();
            if self.dice.one_in(2) {
                self.worlds[0].advance(Duration::seconds(11));
            }
            let answer = self.agent(agent).refresh(&token).await;
            self.was_given(agent, &answer);
            return;
        }
        let held = self.tokens.iter().rev().find(|held| held.refresh.is_some());
        let Some(held) = held.cloned() else {
            return;
        };
        let token = held.refresh.unwrap_or_default();
        let (one, other) = (self.agent(held.agent), self.agent(held.agent));
        let narrow = [("scope", "openid calendar.read")];
        let more = if self.dice.one_in(3) {
            &narrow[..]
        } else {
            &[]
        };
        let (one, other) = tokio::join!(
            one.refresh_with(&token, more, &[]),
            other.refresh_with(&token, more, &[])
        );
        self.was_given(held.agent, &one);
        if other.body["refresh_token"] != one.body["refresh_token"] {
            self.was_given(held.agent, &other);
        }
        if one.status == 200 || other.status == 200 {
            self.used.push((held.agent, token));
        }
    }

    pub async fn exchange(&mut self) {
        let Some(held) = self.some_token() else {
            return;
        };
        let mut form = vec![
            ("grant_type", EXCHANGE),
            ("subject_token", held.access.as_str()),
            ("subject_token_type", ACCESS),
        ];
        if self.dice.one_in(2) {
            form.push(("scope", "calendar.read"));
        }
        let agent = self.agent(held.agent);
        let answer = agent.post("/oauth/token", &form, &[]).await;
        assert!(!answer.status.is_server_error(), "{answer:?}");
        if answer.status == 200 {
            let narrower = answer.body["access_token"].as_str().expect("a token");
            let (from, to): (Value, Value) = (claims(&held.access), claims(narrower));
            self.said.exchanged.push((from, to));
        }
    }
}
