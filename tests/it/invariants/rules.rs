//! "Always": how it comes to be, what it answers, and that it answers nothing once it is over.

use std::collections::BTreeMap;

use entity::standing_grant::Model as Rule;
use serde_json::Value;

use super::history::History;
use super::rows::{answered_by_rules, decision, json};
use super::{Holds, always};

/// What nobody used for so long answers nothing.
const LAPSES_AFTER: i64 = 30 * 86_400_000;

#[test]
fn i_10_a_rule_comes_from_an_always_and_an_always_makes_its_rules() {
    always(|history| {
        for row in &history.end().requests {
            let made: Vec<&Rule> = rules_of(history, row.id);
            let asked = decision(row).unwrap_or_default();
            let items = asked["granted"].as_array().map_or(0, Vec::len);
            // What a rule has answered is an "always" of before, and makes no other.
            let anew = row.answer.as_deref() == Some("always") && answered_by_rules(row).is_empty();
            let expected = if anew { items } else { 0 };
            if made.len() != expected {
                return Err(format!(
                    "{} ({:?}) made {} rules",
                    row.id,
                    row.answer,
                    made.len()
                ));
            }
            for rule in made {
                let whose = rule.client_id == row.client_id && rule.user_id == row.user_id;
                if !whose || Some(rule.created_at) != asked["at"].as_i64() {
                    return Err(format!("{}: another's rule {}", row.id, rule.id));
                }
            }
        }
        Ok(())
    });
}

fn rules_of(history: &History, request: sea_orm::prelude::Uuid) -> Vec<&Rule> {
    let rules = history.end().rules.iter();
    rules.filter(|rule| rule.request_id == request).collect()
}

/// One answer of a rule.
struct Use {
    at: i64,
    item: Value,
    client: String,
    user: sea_orm::prelude::Uuid,
    request: String,
}

/// Every answer of every rule, in order.
fn uses(history: &History) -> Result<BTreeMap<String, Vec<Use>>, String> {
    let mut uses: BTreeMap<String, Vec<Use>> = BTreeMap::new();
    for row in &history.end().requests {
        let decided = decision(row).unwrap_or_default();
        let rules = answered_by_rules(row);
        if rules.is_empty() {
            continue;
        }
        let items = decided["granted"].as_array().cloned().unwrap_or_default();
        if items.len() != rules.len()
            || items != *json(&row.asked)["items"].as_array().ok_or("items")?
        {
            return Err(format!("{}: {rules:?} for {items:?}", row.id));
        }
        for (rule, item) in rules.into_iter().zip(items) {
            uses.entry(rule).or_default().push(Use {
                at: decided["at"].as_i64().ok_or("a moment")?,
                item,
                client: row.client_id.clone(),
                user: row.user_id,
                request: row.id.simple().to_string(),
            });
        }
    }
    for uses in uses.values_mut() {
        uses.sort_by_key(|it| it.at);
    }
    Ok(uses)
}

#[test]
fn i_11_a_rule_answers_in_its_time_within_its_bounds_and_as_often_as_it_may() {
    always(|history| {
        let mut used = uses(history)?;
        for rule in &history.end().rules {
            let uses = used
                .remove(&rule.id.simple().to_string())
                .unwrap_or_default();
            let counted = i64::try_from(uses.len()).map_err(|_| "many")?;
            if counted != rule.uses || rule.last_used_at != uses.last().map(|it| it.at) {
                return Err(format!(
                    "{}: {counted} uses, {} counted",
                    rule.id, rule.uses
                ));
            }
            let bounds = json(&rule.bounds);
            let mut seen = rule.created_at;
            for one in &uses {
                let in_time = one.at >= rule.created_at
                    && one.at < rule.ends_at
                    && rule.revoked_at.is_none_or(|stopped| one.at <= stopped)
                    && one.at - seen < LAPSES_AFTER;
                seen = one.at;
                let theirs = one.client == rule.client_id && one.user == rule.user_id;
                if !in_time || !theirs || !within(rule, &bounds, &one.item) {
                    return Err(format!(
                        "{} answered {}: {}",
                        rule.id, one.request, one.item
                    ));
                }
            }
            often(rule, &bounds["often"], &uses)?;
        }
        used.is_empty()
            .then_some(())
            .ok_or_else(|| "answered by no rule".to_owned())
    });
}

/// Never more often than was agreed to, in all and in any window that ends with a use.
fn often(rule: &Rule, often: &Value, uses: &[Use]) -> Holds {
    let altogether = often["uses"].as_u64().unwrap_or(u64::MAX);
    let times = often["rate"]["times"].as_u64().unwrap_or(u64::MAX);
    let most_in_a_window = uses.iter().map(|last| {
        let lately = |one: &&Use| one.at <= last.at && one.at > last.at - 86_400_000;
        uses.iter().filter(lately).count() as u64
    });
    let fine = uses.len() as u64 <= altogether && most_in_a_window.max().unwrap_or(0) <= times;
    fine.then_some(())
        .ok_or_else(|| format!("{} answered too often: {often}", rule.id))
}

/// Read anew, for the kinds of bounds that the histories draw: everything is exactly as it was.
fn within(rule: &Rule, bounds: &Value, item: &Value) -> bool {
    let same_thing = item["key"] == rule.permission && item["resource"] == rule.resource;
    let Some(asked) = item["detail"].as_object() else {
        return same_thing && bounds["detail"].is_null();
    };
    let mut asked = Value::Object(asked.clone());
    for limit in bounds["limits"].as_array().into_iter().flatten() {
        let pointer = limit["pointer"].as_str().unwrap_or_default();
        let had = asked.pointer(pointer).unwrap_or(&Value::Null);
        let inside = match limit["bound"].as_str() {
            Some("same") => *had == limit["value"],
            Some("at-most") => {
                had["currency"] == limit["value"]["currency"]
                    && cents(had) <= cents(&limit["value"])
            }
            _ => false,
        };
        if !inside {
            return false;
        }
        let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
        let parent = if parent.is_empty() {
            Some(&mut asked)
        } else {
            asked.pointer_mut(parent)
        };
        if let Some(Value::Object(parent)) = parent {
            parent.remove(name);
        }
    }
    same_thing && asked == bounds["detail"]
}

/// An amount of the histories, in the smallest coin.
fn cents(money: &Value) -> u64 {
    let amount = money["amount"].as_str().expect("an amount");
    let (whole, part) = amount.split_once('.').unwrap_or((amount, "00"));
    format!("{whole}{part:0<2}").parse().expect("a number")
}

#[test]
fn i_12_what_was_stopped_allows_nothing_any_more() {
    always(|history| {
        let giving = [
            "request.allowed_by_your_rule",
            "token.issued",
            "token.refreshed",
            "token.exchanged",
            "token.consumed",
        ];
        for stopped in history.records(&["standing_grant.stopped"]) {
            let id = stopped.fact("standing_grant");
            let rule = history
                .end()
                .rules
                .iter()
                .find(|rule| rule.id.simple().to_string() == id);
            let rule = rule.ok_or("a rule that is not stored was stopped")?;
            if rule.revoked_at != Some(stopped.at) {
                return Err(format!(
                    "{id}: stopped at {}, and stored as {:?}",
                    stopped.at, rule.revoked_at
                ));
            }
            for later in history
                .records(&giving)
                .filter(|later| later.is_after(stopped))
            {
                let row = later.request.and_then(|id| history.end().request(id));
                let row = row.ok_or("something was given for nothing")?;
                let answered = answered_by_rules(row).iter().any(|rule| rule == id);
                let behind = answered || rule.request_id == row.id;
                // What it allowed besides goes on without it.
                let scope = rule
                    .permission
                    .strip_prefix("scope:")
                    .unwrap_or(&rule.permission);
                let renewed = ["token.refreshed", "token.exchanged"].contains(&later.kind.as_str());
                let carried = later.fact("scope").split(' ').any(|word| word == scope);
                if (answered && !renewed) || (behind && renewed && carried) {
                    return Err(format!("{id} was stopped: {stopped:?}, {later:?}"));
                }
            }
        }
        Ok(())
    });
}
