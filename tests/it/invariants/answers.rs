//! Answers: to what was shown, by whom it was put to, and what the tokens say of them.

use std::collections::BTreeMap;

use countersign::domain::action::json::{canonical, digest};

use super::always;
use super::rows::{Record, answered_by_rules, decision, json};
use crate::world::hex;

#[test]
fn i_06_what_was_shown_is_what_was_decided_and_what_the_token_says() {
    always(|history| {
        for row in &history.end().requests {
            let card = hex(&digest(&canonical(&json(&row.card))));
            if card != hex(&row.card_digest) {
                return Err(format!("{}: the card is another", row.id));
            }
            for record in history.audit.iter().filter(|it| it.request == Some(row.id)) {
                let said = record.fact("card_digest");
                if !said.is_empty() && said != card {
                    return Err(format!(
                        "{}: {} was about another card",
                        row.id, record.kind
                    ));
                }
            }
            if let Some(grant) = history.end().grant_of(row.id) {
                let decided = decision(row).unwrap_or_default();
                let decided = decided["granted"].as_array().cloned().unwrap_or_default();
                let given = json(&grant.items);
                let given = given.as_array().cloned().unwrap_or_default();
                let given: Vec<_> = given.iter().map(|it| it["item"].clone()).collect();
                if given != decided {
                    return Err(format!("{}: {given:?} was given for {decided:?}", row.id));
                }
            }
        }
        for claims in &history.said.issued {
            let id = claims["approval_id"].as_str().unwrap_or_default();
            let row = history
                .end()
                .requests
                .iter()
                .find(|row| row.id.simple().to_string() == id);
            let row = row.ok_or("a token for nothing")?;
            if claims["card_digest"]
                .as_str()
                .is_none_or(|said| !names(said, &row.card_digest))
            {
                return Err(format!("{id}: the token names another card: {claims}"));
            }
        }
        Ok(())
    });
}

#[test]
fn i_08_nobody_answers_but_the_person_and_what_is_grave_only_freshly_signed_in() {
    always(|history| {
        for row in &history.end().requests {
            let Some(decided) = decision(row) else {
                continue;
            };
            let by = &decided["by"]["person"];
            if by.is_null() {
                if answered_by_rules(row).is_empty()
                    || ["high", "critical"].contains(&row.tier.as_str())
                {
                    return Err(format!("{}: answered by nobody: {decided}", row.id));
                }
                continue;
            }
            let session = history
                .sessions
                .iter()
                .find(|it| it.id.simple().to_string() == by["session"]);
            let session = session.ok_or("an answer without a session")?;
            if session.user_id != row.user_id || by["authenticated_at"] != session.authenticated_at
            {
                return Err(format!("{}: answered in another's session", row.id));
            }
            let at = decided["at"].as_i64().unwrap_or_default();
            let grave = ["high", "critical"].contains(&row.tier.as_str())
                && row.answer.as_deref() != Some("deny");
            if at < session.authenticated_at || (grave && at - session.authenticated_at > 300_000) {
                return Err(format!("{}: an old sign-in answered what is grave", row.id));
            }
        }
        // Whoever is disabled answers nothing.
        let mut off: BTreeMap<_, &Record> = BTreeMap::new();
        for record in &history.audit {
            match record.kind.as_str() {
                "person.disabled" => drop(off.insert(record.user, record)),
                "person.enabled" => drop(off.remove(&record.user)),
                "request.approved" => {
                    if let Some(since) =
                        off.get(&record.user).filter(|since| record.is_after(since))
                    {
                        return Err(format!(
                            "allowed by somebody disabled: {since:?} {record:?}"
                        ));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    });
}

/// Whether a digest in a token, in hexadecimal or base64url, is this one.
fn names(said: &str, bytes: &[u8]) -> bool {
    use base64::Engine as _;
    said == hex(bytes) || said == base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
