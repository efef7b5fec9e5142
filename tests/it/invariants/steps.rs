//! What can happen, one step at a time.

use std::collections::BTreeMap;

use countersign::app::App;
use countersign::domain::ciba::approval::State;
use countersign::domain::consent::partial::{Lowered, Trim};
use countersign::flow::answer::{self, AnswerError, Choice};
use countersign::flow::sign_in::Present;
use serde_json::json;

use super::history::{Play, Told};
use crate::world::{Answer, Asked, deny, payment, small_payment};

/// Answers, as somebody who was shown this request.
pub async fn answer(app: &App, by: &Present, asked: &Asked, choice: Choice) -> Option<Told> {
    let stored = app.store.request(asked.id()).await.expect("the database")?;
    let shown = stored.request.question().card_digest;
    let answered = answer::answer(app, asked.id(), by, choice, shown, None).await;
    let (won, stored) = match answered {
        Ok(stored) => (true, stored),
        Err(AnswerError::Settled(stored)) => (false, *stored),
        Err(AnswerError::Failed(fault)) => panic!("{fault}"),
        Err(_) => return None,
    };
    Some(Told {
        request: asked.approval_id.clone(),
        won,
        state: stored
            .request
            .at(app.clock.now())
            .state()
            .as_str()
            .to_owned(),
    })
}

impl Play {
    /// One step.
    pub async fn step(&mut self) {
        match self.dice.below(100) {
            0..30 => self.ask().await,
            30..46 => self.answer().await,
            46..48 => self.withdraw().await,
            48..62 => self.poll().await,
            62..68 => self.melee().await,
            68..77 => self.refresh().await,
            77..80 => self.consume().await,
            80..84 => self.exchange().await,
            84..86 => self.stop().await,
            86..88 => self.revoke().await,
            88..91 => self.switch().await,
            91..98 => self.pass().await,
            98 => self.sweep().await,
            _ => self.restart().await,
        }
    }

    /// Parameters of a question: mostly what this agent is for.
    pub fn question(&mut self, agent: usize) -> Vec<(&'static str, String)> {
        let amount = self.dice.pick(&["40.00", "40.00", "75.50"]);
        let payee = self.dice.pick(&["Hanna", "Hanna", "Hanna", "Ben"]);
        let place = self.dice.pick(&["staging/web", "staging/web", "prod/web"]);
        let deploy = json!([{"type": "deploy", "environment": place, "version": "1.0"}]);
        let scope = |scope: &str| vec![("scope", format!("openid {scope}"))];
        let details = |details: String| vec![("authorization_details", details)];
        let mut question = match (self.dice.below(12), agent) {
            (0, _) => vec![],
            (1, _) => scope("payments.read"),
            (2, _) => details(payment(amount, payee)),
            (3, 0) => scope("calendar.read calendar.write"),
            (_, 0) => scope("calendar.read"),
            (_, 1) => details(small_payment(amount, payee)),
            (_, _) => details(deploy.to_string()),
        };
        if self.dice.one_in(6) {
            question.push(("requested_expiry", "30".to_owned()));
        }
        question
    }

    async fn ask(&mut self) {
        // Few agents and fewer people: what was asked before is asked again.
        let which = self.dice.below(self.agents.len());
        let person = usize::from(self.dice.one_in(8));
        let question = self.question(which);
        let more: Vec<(&str, &str)> = question
            .iter()
            .map(|(name, it)| (*name, it.as_str()))
            .collect();
        let email = self.people[person].email.clone();
        let agent = self.agent(which);
        if !self.dice.one_in(4) {
            let answer = agent.try_ask(&email, &more).await;
            self.was_asked(which, person, &answer);
            return;
        }
        // The same question, sent twice at once under one key.
        let other = self.agent(which);
        let key = format!("key {}", self.dice.below(6));
        let headers = [("idempotency-key", key.as_str())];
        let (one, same) = tokio::join!(
            agent.try_ask_with(&email, &more, &headers),
            other.try_ask_with(&email, &more, &headers),
        );
        if one.status == 200 && same.status == 200 {
            assert_eq!(one.body["auth_req_id"], same.body["auth_req_id"]);
        }
        let sent = if one.status == 200 { one } else { same };
        self.was_asked(which, person, &sent);
    }

    fn was_asked(&mut self, agent: usize, person: usize, answer: &Answer) {
        assert!(!answer.status.is_server_error(), "{answer:?}");
        if answer.status == 200 {
            self.asked.push((agent, person, Asked::of(answer)));
        }
    }

    /// Any answer.
    pub fn choice(&mut self) -> Choice {
        match self.dice.below(10) {
            0..3 => Choice::Once,
            3..5 => {
                let lowered = ((0, "amount".to_owned()), Lowered::To("5.00".to_owned()));
                let trim = match self.dice.below(3) {
                    0 => Trim {
                        left_out: [0].into(),
                        ..Trim::default()
                    },
                    1 => Trim {
                        left_out: [1].into(),
                        ..Trim::default()
                    },
                    _ => Trim {
                        lowered: [lowered].into(),
                        ..Trim::default()
                    },
                };
                Choice::Part(trim)
            }
            5..9 => self.always(),
            _ => deny(self.dice.pick(&["", "not today"])),
        }
    }

    fn always(&mut self) -> Choice {
        let mut picks = BTreeMap::new();
        let mut pick = |name: &str, value: &str| picks.insert(name.to_owned(), value.to_owned());
        if self.dice.one_in(2) {
            pick("how-often", "per_day");
            pick("how-often.value", self.dice.pick(&["1", "2"]));
        }
        if self.dice.one_in(3) {
            pick("altogether", "in-all");
            pick("altogether.value", "3");
        }
        // There is an amount in payments alone: of anything else, such an answer is not taken.
        if self.dice.one_in(4) {
            pick("amount", "at-most");
            pick("amount.value", "50.00");
        }
        Choice::Always {
            until: self.dice.pick(&["today", "today", "7d"]).to_owned(),
            picks: vec![picks.clone(), picks],
            trim: Trim::default(),
            confirmed: None,
        }
    }

    fn plain_always() -> Choice {
        Choice::Always {
            until: "today".to_owned(),
            picks: Vec::new(),
            trim: Trim::default(),
            confirmed: None,
        }
    }

    async fn answer(&mut self) {
        let waiting = self.in_state(State::Pending).await;
        let late = self.dice.one_in(6);
        let Some((_, person, asked)) = (if late { self.lately() } else { waiting }) else {
            return;
        };
        // Sometimes somebody else tries.
        let by = if self.dice.one_in(8) {
            1 - person
        } else {
            person
        };
        let present = self.present(by).await;
        let (choice, instance) = (self.choice(), self.instance());
        let plain = Self::plain_always();
        let app = &self.worlds[instance].app;
        let always = matches!(choice, Choice::Always { .. });
        let mut told = answer(app, &present, &asked, choice).await;
        if always && told.is_none() {
            // It cannot be bounded like this.
            told = answer(app, &present, &asked, plain).await;
        }
        assert!(by == person || told.is_none(), "somebody else answered");
        self.said.told.extend(told);
    }

    async fn withdraw(&mut self) {
        if let Some((agent, _, asked)) = self.lately() {
            let answer = self.agent(agent).cancel(&asked.approval_id).await;
            self.was_withdrawn(&asked, &answer);
        }
    }

    /// A withdrawal was answered.
    pub fn was_withdrawn(&mut self, asked: &Asked, answer: &Answer) {
        if let (200 | 409, Some(state)) = (answer.status.as_u16(), answer.body["state"].as_str()) {
            self.said.told.push(Told {
                request: asked.approval_id.clone(),
                won: false,
                state: state.to_owned(),
            });
        }
    }
}
