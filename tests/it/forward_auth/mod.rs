//! A proxy asks whether a request may pass.

mod asking;
mod proof;
mod proxies;
mod routes;
mod tokens;

use countersign::config::Settings;
use countersign::domain::user::User;
use serde_json::json;

use crate::world::{Agent, Answer, Customs, World};

pub const AT: &str = "/forward-auth";

pub fn behind_a_proxy(settings: &mut Settings) {
    settings.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
}

pub fn customs() -> Customs {
    Customs {
        settings: Some(behind_a_proxy),
        ..Customs::default()
    }
}

/// Asks as Caddy does, with these headers of the caller's.
pub async fn ask(world: &World, method: &str, uri: &str, callers: &[(&str, &str)]) -> Answer {
    let mut request = world
        .http
        .get(format!("{}{AT}", world.url))
        .header("x-forwarded-method", method)
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "files.example.com")
        .header("x-forwarded-uri", uri);
    for (name, value) in callers {
        request = request.header(*name, *value);
    }
    Answer::of(request.send().await.expect("an answer")).await
}

/// Asks with a token.
pub async fn ask_with(world: &World, method: &str, uri: &str, token: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    ask(world, method, uri, &[("authorization", &bearer)]).await
}

/// A world, an agent, and a person.
pub struct Cast<'w> {
    pub world: &'w World,
    pub agent: Agent,
    pub maya: User,
}

impl<'w> Cast<'w> {
    pub async fn of(world: &'w World) -> Self {
        Self {
            world,
            agent: world.agent("Filing Agent").await,
            maya: world.person("Maya").await,
        }
    }

    /// A token for this, which Maya has allowed.
    pub async fn token(&self, more: &[(&str, &str)]) -> String {
        let asked = self.agent.ask(&self.maya.email, more).await;
        self.world.approve(&self.maya, &asked).await;
        let tokens = self.agent.poll(&asked.auth_req_id).await;
        tokens.ok()["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    pub async fn reading(&self) -> String {
        self.token(&[("scope", "openid files.read")]).await
    }

    pub async fn deleting(&self, folder: &str, name: &str) -> String {
        let details = json!([{"type": "file_deletion", "folder": folder, "name": name}]);
        self.token(&[("authorization_details", &details.to_string())])
            .await
    }
}

/// It does not pass, and is told what would do.
#[track_caller]
pub fn challenged(answer: &Answer, error: Option<&str>) -> String {
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let challenge = answer.headers["www-authenticate"].to_str().expect("text");
    match error {
        Some(error) => assert!(
            challenge.contains(&format!("error=\"{error}\"")),
            "{challenge}"
        ),
        None => assert!(!challenge.contains("error"), "{challenge}"),
    }
    assert!(answer.headers.get("x-approval-id").is_none());
    challenge.to_owned()
}
