//! One history: a cast, so many steps drawn by dice, and the rows after each of them.

use std::collections::BTreeSet;

use countersign::domain::user::User;
use countersign::flow::register::NewClient;
use countersign::flow::sign_in::Present;
use entity::session;
use sea_orm::DatabaseConnection;
use serde_json::Value;
use time::Duration;

use super::rows::{self, Record, Rows};
use crate::thirty_days::simulation::dice::Dice;
use crate::world::{Agent, Asked, Customs, World};

/// What happened.
pub struct History {
    pub engine: &'static str,
    pub seed: u64,
    /// The rows after each step.
    pub after: Vec<Rows>,
    pub audit: Vec<Record>,
    pub sessions: Vec<session::Model>,
    pub said: Said,
}

/// What the server said to whoever asked it.
#[derive(Default)]
pub struct Said {
    /// Who answered or withdrew what, and what they were told.
    pub told: Vec<Told>,
    /// The claims of every access token that was given for an answer.
    pub issued: Vec<Value>,
    /// The claims of each token that was exchanged, and of the one that came out.
    pub exchanged: Vec<(Value, Value)>,
    /// Of several who used up one token at once: how many were told that it was good.
    pub consumed: Vec<(Value, usize)>,
}

/// One of those who decide.
pub struct Told {
    pub request: String,
    /// It is as this one, who answered, wanted.
    pub won: bool,
    pub state: String,
}

/// Tokens somebody holds.
#[derive(Clone)]
pub struct Held {
    pub agent: usize,
    pub access: String,
    pub refresh: Option<String>,
}

/// Everybody in a history.
pub struct Play {
    pub worlds: Vec<World>,
    pub agents: Vec<Agent>,
    pub people: Vec<User>,
    pub services: Vec<Agent>,
    /// The people as they signed in last.
    pub present: Vec<Present>,
    pub asked: Vec<(usize, usize, Asked)>,
    pub tokens: Vec<Held>,
    /// Refresh tokens that were used.
    pub used: Vec<(usize, String)>,
    pub off: BTreeSet<usize>,
    pub disabled: BTreeSet<usize>,
    pub said: Said,
    pub dice: Dice,
}

impl History {
    pub fn end(&self) -> &Rows {
        self.after.last().expect("a step")
    }

    /// The records of these kinds, in order.
    pub fn records<'a>(&'a self, kinds: &'a [&'a str]) -> impl Iterator<Item = &'a Record> {
        let of = |record: &&Record| kinds.contains(&record.kind.as_str());
        self.audit.iter().filter(of)
    }
}

/// In every other history people may be asked in vain as often as it happens.
pub fn customs(seed: u64) -> Customs {
    Customs {
        settings: (seed % 2 == 1).then_some(|settings| {
            settings.limits.denials.alike = 0;
            settings.limits.denials.any = 0;
        }),
        ..Customs::default()
    }
}

/// Draws a history.
pub async fn of(engine: &'static str, seed: u64, worlds: Vec<World>, steps: usize) -> History {
    let database = rows::connect(&worlds[0].database_url()).await;
    let mut play = Box::pin(Play::cast(worlds, seed)).await;
    let mut after = Vec::with_capacity(steps);
    for _ in 0..steps {
        // Steps can be told apart by their time.
        play.worlds[0].advance(Duration::milliseconds(7));
        Box::pin(play.step()).await;
        after.push(Rows::read(&database).await);
    }
    play.worlds[0].audit_holds().await;
    ended(engine, seed, after, play.said, database).await
}

async fn ended(
    engine: &'static str,
    seed: u64,
    after: Vec<Rows>,
    said: Said,
    database: DatabaseConnection,
) -> History {
    let (audit, sessions) = (
        rows::audit(&database).await,
        rows::sessions(&database).await,
    );
    database.close().await.expect("closed");
    History {
        engine,
        seed,
        after,
        audit,
        sessions,
        said,
    }
}

const GRANT_TYPES: [&str; 3] = [
    "urn:openid:params:grant-type:ciba",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:token-exchange",
];

impl Play {
    async fn cast(worlds: Vec<World>, seed: u64) -> Self {
        let world = &worlds[0];
        let mut agents = Vec::new();
        for name in ["Calendar Agent", "Billing Agent", "Deploy Bot"] {
            let mut new = NewClient::agent(name);
            new.grant_types = GRANT_TYPES.map(str::to_owned).to_vec();
            agents.push(world.client(new).await);
        }
        let (mut people, mut present) = (Vec::new(), Vec::new());
        for name in ["Maya", "Ana"] {
            let person = world.person(name).await;
            present.push(world.present(&person).await);
            people.push(person);
        }
        let mut services = Vec::new();
        for resource in ["payments", "calendar"] {
            let resource = format!("https://{resource}.example.com");
            services.push(world.service(&resource).await);
        }
        Self {
            worlds,
            agents,
            people,
            services,
            present,
            asked: Vec::new(),
            tokens: Vec::new(),
            used: Vec::new(),
            off: BTreeSet::new(),
            disabled: BTreeSet::new(),
            said: Said::default(),
            dice: Dice(seed),
        }
    }

    /// Any instance.
    pub fn instance(&mut self) -> usize {
        self.dice.below(self.worlds.len())
    }

    /// An agent, talking to any instance.
    pub fn agent(&mut self, which: usize) -> Agent {
        let instance = self.instance();
        self.agents[which].at(&self.worlds[instance])
    }

    /// Something that was asked lately.
    pub fn lately(&mut self) -> Option<(usize, usize, Asked)> {
        let recent = self.asked.len().min(6);
        let at = self.asked.len().checked_sub(1 + self.dice.below(recent))?;
        self.asked.get(at).cloned()
    }

    /// Somebody who is there: who has just signed in, or had before.
    pub async fn present(&mut self, person: usize) -> Present {
        if !self.off.contains(&person) && !self.dice.one_in(4) {
            let instance = self.instance();
            self.present[person] = self.worlds[instance].present(&self.people[person]).await;
        }
        self.present[person].clone()
    }
}
