//! Tokens: chains that end, exchanges that narrow, and uses that are counted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::always;
use super::rows::{json, words_within};

#[test]
fn i_15_refresh_tokens_are_one_chain_that_never_widens_or_outlives_its_grant() {
    always(|history| {
        for looked in &history.after {
            for grant in &looked.grants {
                let chain = looked
                    .refresh_tokens
                    .iter()
                    .filter(|it| it.grant_id == grant.id);
                let chain: Vec<_> = chain.collect();
                let firsts = chain.iter().filter(|it| it.parent_id.is_none()).count();
                let active = chain.iter().filter(|it| it.state == "active").count();
                let parents: BTreeSet<_> = chain.iter().filter_map(|it| it.parent_id).collect();
                let known = parents
                    .iter()
                    .all(|id| chain.iter().any(|it| it.id == *id && it.state == "used"));
                let path =
                    chain.is_empty() || (firsts == 1 && parents.len() == chain.len() - 1 && known);
                let in_time = chain.iter().all(|it| {
                    it.expires_at <= grant.ends_at && it.used_at.is_none_or(|at| at < it.expires_at)
                });
                if !path || active > 1 || !in_time {
                    return Err(format!("the tokens of {}: {chain:?}", grant.id));
                }
            }
        }
        let mut carried: BTreeMap<&str, &str> = BTreeMap::new();
        for grant in &history.end().grants {
            let row = history.end().request(grant.request_id).ok_or("a request")?;
            let id = grant.id.simple().to_string();
            for record in history
                .records(&["token.refreshed"])
                .filter(|it| it.fact("grant") == id)
            {
                let wide = *carried
                    .get(record.fact("grant"))
                    .unwrap_or(&row.scope.as_str());
                let ends = record.facts["expires_at"].as_i64().unwrap_or(i64::MAX);
                // Only a narrower wish narrows one token; the next may be whole again, and never wider.
                if !words_within(record.fact("scope"), wide) || ends * 1000 > grant.ends_at {
                    return Err(format!("{id} was widened: {record:?}"));
                }
                carried.insert(record.fact("grant"), wide);
            }
        }
        Ok(())
    });
}

#[test]
fn i_16_what_was_used_again_or_given_back_gives_nothing_any_more() {
    always(|history| {
        let giving = ["token.refreshed", "token.exchanged", "token.consumed"];
        for ended in history.records(&["token.reuse_detected", "token.revoked"]) {
            let id = ended.fact("grant");
            let grant = history
                .end()
                .grants
                .iter()
                .find(|grant| grant.id.simple().to_string() == id);
            let grant = grant.ok_or("no such grant")?;
            if grant.revoked_at != Some(ended.at) {
                return Err(format!("{id} was not revoked: {ended:?}"));
            }
            let mut later = history.records(&giving).filter(|it| it.fact("grant") == id);
            if let Some(later) = later.find(|it| it.is_after(ended)) {
                return Err(format!("{ended:?}, and then {later:?}"));
            }
        }
        let revoked = history
            .end()
            .grants
            .iter()
            .filter(|grant| grant.revoked_at.is_some());
        let logged = history
            .records(&["token.reuse_detected", "token.revoked"])
            .count();
        let same = revoked.count() == logged;
        same.then_some(())
            .ok_or_else(|| "revoked, and the log does not say so".to_owned())
    });
}

#[test]
fn i_17_an_exchange_only_narrows() {
    always(|history| {
        for (had, got) in &history.said.exchanged {
            let text =
                |claims: &Value, name: &str| claims[name].as_str().unwrap_or_default().to_owned();
            let scope = words_within(&text(got, "scope"), &text(had, "scope"));
            let ends = got["exp"].as_i64() <= had["exp"].as_i64();
            let all = |claims: &Value, name: &str| match claims[name].as_array() {
                Some(all) => all.clone(),
                None if claims[name].is_null() => Vec::new(),
                None => vec![claims[name].clone()],
            };
            let narrower = ["authorization_details", "aud"].iter().all(|name| {
                let had = all(had, name);
                all(got, name).iter().all(|one| had.contains(one))
            });
            let same = ["sub", "approval_id", "grant_id", "card_digest"]
                .iter()
                .all(|name| had[name] == got[name]);
            if !(scope && ends && narrower && same) {
                return Err(format!("{had} became {got}"));
            }
        }
        Ok(())
    });
}

#[test]
fn i_18_an_id_and_a_key_have_one_effect() {
    always(|history| {
        let mut keys = BTreeSet::new();
        for row in &history.end().requests {
            if let Some(key) = &row.idempotency_key
                && !keys.insert((&row.client_id, key))
            {
                return Err(format!("{}: a key asked twice", row.id));
            }
        }
        let mut made = BTreeSet::new();
        for record in history.records(&["token.refreshed", "token.exchanged"]) {
            if !made.insert(record.fact("token")) {
                return Err(format!("one id for two: {record:?}"));
            }
        }
        let refreshed = history.records(&["token.refreshed"]).count();
        let used = history
            .end()
            .refresh_tokens
            .iter()
            .filter(|it| it.state == "used");
        let same = refreshed == used.count();
        same.then_some(())
            .ok_or_else(|| "a refresh token had no effect, or two".to_owned())
    });
}

#[test]
fn i_19_what_is_good_for_one_use_is_used_once() {
    always(|history| {
        for (claims, good) in &history.said.consumed {
            if *good > 1 {
                return Err(format!("used {good} times at once: {claims}"));
            }
        }
        for grant in &history.end().grants {
            let id = grant.id.simple().to_string();
            let items = json(&grant.items);
            let items = items.as_array().map_or(0, Vec::len);
            let consumed = history
                .records(&["token.consumed"])
                .filter(|it| it.fact("grant") == id);
            let (consumed, spent) = (consumed.count(), grant.spent_items.count_ones() as usize);
            if consumed > spent || spent > items {
                return Err(format!("{id}: {consumed} uses of {spent} in {items}"));
            }
        }
        Ok(())
    });
}
