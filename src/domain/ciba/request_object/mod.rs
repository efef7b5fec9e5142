//! Signed authentication requests (CIBA §7.1.1): every parameter is a claim of a JWT that the client signed,
//! and none stands beside it.
//!
//! The client registered the one algorithm it signs with, and a header may name a key of that client and
//! nothing else. Times are judged here, against the injected time: an object is for us alone, lives an hour
//! at most (FAPI-CIBA §5.2.2) and is good for one request.

use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::refusal::Refusal;
use super::request::Parameters;
use crate::domain::client::assertion::{SKEW, UsedAssertion};
use crate::domain::client::jws;
use crate::domain::client::keys::{PublicKeys, sha256};
use crate::domain::id::ClientId;

/// Longest an object may be valid, and longest ago it may have become so.
const LONGEST_LIFE: Duration = Duration::minutes(60);

/// `typ` of its own; a header may have it in any case.
const TYPE: &str = "oauth-authz-req+jwt";

/// Longest `jti`, in bytes.
const LONGEST_ID: usize = 256;

/// Parameters whose value is a string.
const STRINGS: [&str; 13] = [
    "scope",
    "client_notification_token",
    "acr_values",
    "max_age",
    "login_hint",
    "login_hint_token",
    "id_token_hint",
    "binding_message",
    "user_code",
    "resume_state",
    "dpop_jkt",
    "requested_expiry",
    "transaction",
];

/// Those of them that may be numbers, too.
const NUMBERS: [&str; 2] = ["requested_expiry", "max_age"];

/// What a client must have said about itself for its signed requests to be taken.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// Who it is: proved, before anything here runs.
    pub client: &'a ClientId,
    /// The algorithm it registered.
    pub algorithm: &'a str,
    /// Its keys.
    pub keys: &'a PublicKeys,
}

/// The parameters of a request that its client has signed.
#[derive(Clone, PartialEq)]
pub struct RequestObject {
    strings: Vec<(&'static str, String)>,
    authorization_details: Option<String>,
    request_context: Option<String>,
    resource: Vec<String>,
    used: UsedAssertion,
}

/// Checks a signed request (§7.2 step 2). The audience is the issuer, unlike that of an assertion.
pub fn read(
    jwt: &str,
    signer: Signer<'_>,
    issuer: &str,
    now: OffsetDateTime,
) -> Result<RequestObject, Refusal> {
    let header = jws::header(jwt).filter(|header| header.is_typed(TYPE));
    let header = header.ok_or(Refusal::InvalidRequest(
        "request is not a signed JWT with a plain header",
    ))?;
    if header.alg != signer.algorithm {
        return Err(Refusal::InvalidRequest(
            "request is not signed with the algorithm this client registered",
        ));
    }
    let claims: Option<Map<String, Value>> =
        signer.keys.claims(jwt, &header.alg, header.kid.as_deref());
    let claims = claims.ok_or(Refusal::InvalidRequest(
        "request is not signed with a key of this client",
    ))?;
    let used = judge(&claims, signer.client, issuer, now)?;
    Ok(RequestObject {
        strings: strings(&claims)?,
        authorization_details: details(&claims)?,
        request_context: context(&claims)?,
        resource: resource(&claims)?,
        used,
    })
}

impl std::fmt::Debug for RequestObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Some of its parameters are secrets.
        f.write_str("RequestObject")
    }
}

impl RequestObject {
    /// The resources it names.
    pub fn resource(&self) -> Vec<&str> {
        self.resource.iter().map(String::as_str).collect()
    }

    /// Its parameters; `resource` is what [`Self::resource`] says.
    pub fn parameters<'a>(&'a self, resource: &'a [&'a str]) -> Parameters<'a> {
        let get = |name: &str| {
            let found = self.strings.iter().find(|(claim, _)| *claim == name);
            found.map(|(_, value)| value.as_str())
        };
        Parameters {
            scope: get("scope"),
            client_notification_token: get("client_notification_token"),
            acr_values: get("acr_values"),
            max_age: get("max_age"),
            login_hint: get("login_hint"),
            login_hint_token: get("login_hint_token"),
            id_token_hint: get("id_token_hint"),
            binding_message: get("binding_message"),
            user_code: get("user_code"),
            requested_expiry: get("requested_expiry"),
            request: None,
            authorization_details: self.authorization_details.as_deref(),
            request_context: self.request_context.as_deref(),
            resource,
            resume_state: get("resume_state"),
            dpop_jkt: get("dpop_jkt"),
            transaction: get("transaction"),
        }
    }

    /// SHA-256 of what it asks, whenever it was signed; without a user code, which is short enough to be guessed
    /// by it.
    pub fn digest(&self) -> [u8; 32] {
        let strings = self.strings.iter().filter(|(name, _)| *name != "user_code");
        let strings: Vec<_> = strings.collect();
        let details = (&self.authorization_details, &self.request_context);
        let asked = (&strings, details, &self.resource);
        sha256(&serde_json::to_vec(&asked).unwrap_or_default())
    }

    /// Its one use.
    pub fn used(&self) -> &UsedAssertion {
        &self.used
    }
}

/// From whom, for whom, from when until when, and which one: all required.
fn judge(
    claims: &Map<String, Value>,
    client: &ClientId,
    issuer: &str,
    now: OffsetDateTime,
) -> Result<UsedAssertion, Refusal> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let moment = |name: &str| {
        let seconds = claims.get(name).and_then(Value::as_i64)?;
        OffsetDateTime::from_unix_timestamp(seconds).ok()
    };
    if text("iss") != Some(client.0.as_str()) {
        return Err(Refusal::InvalidRequest("iss of request is not this client"));
    }
    let for_us = match claims.get("aud") {
        Some(Value::String(one)) => one == issuer,
        Some(Value::Array(several)) => {
            several.iter().all(Value::is_string) && several.iter().any(|one| one == issuer)
        }
        _ => false,
    };
    if !for_us {
        return Err(Refusal::InvalidRequest("aud of request is not our issuer"));
    }
    let (Some(expires_at), Some(not_before), Some(issued_at)) =
        (moment("exp"), moment("nbf"), moment("iat"))
    else {
        return Err(Refusal::InvalidRequest(
            "exp, nbf and iat of request must be numbers",
        ));
    };
    let latest = now + SKEW;
    let in_time = now < expires_at
        && not_before <= latest
        && issued_at <= latest
        && now - not_before <= LONGEST_LIFE
        && expires_at - not_before <= LONGEST_LIFE;
    if !in_time {
        return Err(Refusal::InvalidRequest(
            "request is not valid now, or is valid for more than 60 minutes",
        ));
    }
    let id = text("jti").filter(|id| (1..=LONGEST_ID).contains(&id.len()));
    let id = id.ok_or(Refusal::InvalidRequest("jti of request is missing"))?;
    Ok(UsedAssertion {
        // Apart from the assertions of the same client, which count their own.
        jti_hash: sha256(format!("request\n{id}").as_bytes()),
        expires_at: expires_at + SKEW,
    })
}

fn strings(claims: &Map<String, Value>) -> Result<Vec<(&'static str, String)>, Refusal> {
    let mut found = Vec::new();
    for name in STRINGS {
        match claims.get(name) {
            // An empty parameter is one that was not sent.
            None => {}
            Some(Value::String(text)) if text.is_empty() => {}
            Some(Value::String(text)) => found.push((name, text.clone())),
            Some(Value::Number(number)) if NUMBERS.contains(&name) => {
                found.push((name, number.to_string()));
            }
            Some(_) => {
                return Err(Refusal::InvalidRequest(
                    "a parameter in request is not a string",
                ));
            }
        }
    }
    Ok(found)
}

fn details(claims: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    match claims.get("authorization_details") {
        None => Ok(None),
        Some(details @ Value::Array(_)) => Ok(Some(details.to_string())),
        Some(_) => Err(Refusal::InvalidRequest(
            "authorization_details in request must be an array",
        )),
    }
}

fn context(claims: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    match claims.get("request_context") {
        None => Ok(None),
        Some(context @ Value::Object(_)) => Ok(Some(context.to_string())),
        Some(_) => Err(Refusal::InvalidRequest(
            "request_context in request must be an object",
        )),
    }
}

fn resource(claims: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    let odd = || Refusal::InvalidRequest("resource in request must be a string or several");
    match claims.get("resource") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(several)) => several
            .iter()
            .map(|one| one.as_str().map(str::to_owned).ok_or_else(odd))
            .collect(),
        Some(_) => Err(odd()),
    }
}

#[cfg(test)]
mod tests;
