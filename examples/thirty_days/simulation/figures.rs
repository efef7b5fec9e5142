//! What the month came to, counted in the rows.

use std::fmt::Write as _;

use entity::{parcel, request};
use sea_orm::{Database, EntityTrait};
use serde_json::Value;

use super::person::{Verdict, verdict};
use super::ways::Way;

/// The figures of one month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// How often agents asked, answered or refused.
    pub asked: usize,
    /// Questions that were put to the person.
    pub questions: usize,
    /// Letters that reached her about them: each is an interruption.
    pub interruptions: usize,
    /// Of those, between half past ten in the evening and half past seven.
    pub at_night: usize,
    /// What she allowed, denied, and never answered.
    pub allowed: usize,
    pub denied: usize,
    pub unanswered: usize,
    /// What her rules answered.
    pub by_rule: usize,
    /// What was refused before anybody was asked.
    pub refused: usize,
    /// What was allowed, by her or by a rule, that she would have denied.
    pub against_her_will: usize,
}

impl Figures {
    /// Counts.
    pub async fn read(database_url: &str, refused: usize) -> Self {
        let database = Database::connect(database_url).await.expect("the database");
        let requests = request::Entity::find().all(&database).await;
        let parcels = parcel::Entity::find().all(&database).await;
        database.close().await.expect("closed");
        let mut figures = Self {
            refused,
            ..Self::default()
        };
        for row in requests.expect("requests") {
            figures.one_more(&row);
        }
        figures.asked += refused;
        for row in parcels.expect("parcels") {
            let rang = row.kind == "asked" && row.state == "delivered";
            figures.interruptions += usize::from(rang);
            let night = row.settled_at.is_some_and(is_night);
            figures.at_night += usize::from(rang && night);
        }
        figures
    }

    fn one_more(&mut self, row: &request::Model) {
        let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let decision = row.decision.as_deref().map(json).unwrap_or_default();
        let by_rule = !decision["by"]["standing_grants"].is_null();
        let allowed = row.answer.as_deref().is_some_and(|answer| answer != "deny");
        self.asked += 1;
        self.by_rule += usize::from(by_rule);
        self.questions += usize::from(!by_rule);
        self.allowed += usize::from(allowed && !by_rule);
        self.denied += usize::from(row.state == "denied");
        self.unanswered += usize::from(row.answer.is_none());
        let would_deny = verdict(&json(&row.asked)["items"]) == Verdict::No;
        self.against_her_will += usize::from(allowed && would_deny);
    }
}

fn is_night(at: i64) -> bool {
    let minute = at.div_euclid(60_000).rem_euclid(24 * 60);
    !(7 * 60 + 30..22 * 60 + 30).contains(&minute)
}

/// The table, as Markdown.
pub fn table(months: &[(Way, Figures)]) -> String {
    let mut table = String::from(
        "| With | Asked by agents | Questions to her | Interruptions | At night | Allowed by her | Denied | No answer | Allowed by rules | Refused unasked | Allowed against her will |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for (way, it) in months {
        let columns = [
            it.asked,
            it.questions,
            it.interruptions,
            it.at_night,
            it.allowed,
            it.denied,
            it.unanswered,
            it.by_rule,
            it.refused,
            it.against_her_will,
        ];
        let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
        let _ = writeln!(table, "| {} | {} |", way.name, columns.join(" | "));
    }
    table
}
