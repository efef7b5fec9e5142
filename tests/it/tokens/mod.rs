//! Tokens after the first one: refreshed, asked about, revoked, exchanged.

mod exchange;
mod grants;
mod introspection;
mod items;
mod opaque;
mod refresh;
mod revocation;
mod transactions;

use countersign::domain::action::{Catalogue, Permission};
use countersign::domain::client::Role;
use countersign::flow::register::NewClient;
use serde_json::{Value, json};

use crate::world::{Agent, Answer, Browser, World, claims};

/// Everything the example's calendar has.
pub const BOTH: &str = "openid calendar.read calendar.write";

impl Agent {
    pub async fn refresh(&self, token: &str) -> Answer {
        self.refresh_with(token, &[], &[]).await
    }

    pub async fn refresh_with(
        &self,
        token: &str,
        more: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
        form.extend_from_slice(more);
        self.post("/oauth/token", &form, headers).await
    }
}

pub fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().expect("text")
}

pub fn refresh_token(answer: &Answer) -> &str {
    text(answer.ok(), "refresh_token")
}

pub fn access(answer: &Answer) -> Value {
    claims(text(answer.ok(), "access_token"))
}

/// Somebody who allows, and an agent that may read and write their calendar.
pub struct Cast {
    pub agent: Agent,
    pub maya: countersign::domain::user::User,
    pub browser: Browser,
}

impl Cast {
    pub async fn of(world: &World) -> Self {
        let maya = world.person("Maya").await;
        Self {
            agent: world.agent("Calendar Agent").await,
            browser: world.signed_in(&maya).await,
            maya,
        }
    }

    /// The tokens of a request that was answered "Only this time".
    pub async fn allowed(&mut self, more: &[(&str, &str)]) -> Answer {
        let asked = self.agent.ask(&self.maya.email, more).await;
        let page = self.browser.get(&asked.page()).await;
        page.press(&mut self.browser, "Only this time", &[]).await;
        self.agent.poll(&asked.auth_req_id).await
    }

    pub async fn calendar(&mut self) -> Answer {
        self.allowed(&[("scope", BOTH)]).await
    }

    /// The tokens of a request that was answered "Always…".
    pub async fn always(&mut self) -> Answer {
        let asked = self.agent.ask(&self.maya.email, &[("scope", BOTH)]).await;
        let sheet = self.browser.get(&format!("{}/always", asked.page())).await;
        sheet
            .press(&mut self.browser, "Allow within these limits", &[])
            .await;
        self.agent.poll(&asked.auth_req_id).await
    }
}

impl World {
    /// Another policy from now on.
    pub fn catalogue(&self, change: impl FnOnce(&mut Catalogue)) {
        let mut current = (*self.app.catalogue.get()).clone();
        change(&mut current.catalogue);
        self.app.catalogue.set(current);
    }
}

impl World {
    /// A service: whoever answers at that identifier.
    pub async fn service(&self, resource: &str) -> Agent {
        let name = resource.rsplit('/').next().unwrap_or(resource);
        let new = NewClient {
            role: Role::ResourceServer,
            resources: vec![resource.to_owned()],
            ..NewClient::agent(name)
        };
        self.client(new).await
    }
}

impl Agent {
    /// Asks about a token.
    pub async fn introspect(&self, token: &str) -> Answer {
        self.post("/oauth/introspect", &[("token", token)], &[])
            .await
    }

    /// Gives a token back.
    pub async fn revoke(&self, token: &str) {
        let answer = self.post("/oauth/revoke", &[("token", token)], &[]).await;
        assert_eq!(*answer.ok(), "", "{answer:?}");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }

    /// Uses a token up.
    pub async fn consume(&self, token: &str) -> Answer {
        let form = [("token", token), ("consume", "true")];
        self.post("/oauth/introspect", &form, &[]).await
    }
}

impl Answer {
    /// Nothing but that it is not active.
    #[track_caller]
    pub fn inactive(&self) {
        assert_eq!(*self.ok(), json!({"active": false}));
    }

    /// What it is good for.
    #[track_caller]
    pub fn active(&self) -> &Value {
        assert_eq!(self.ok()["active"], true, "{self:?}");
        &self.body
    }
}

/// The access token of a response.
pub fn access_token(answer: &Answer) -> &str {
    text(answer.ok(), "access_token")
}

/// A permission of the catalogue, by its scope or type.
pub fn permission<'a>(catalogue: &'a mut Catalogue, name: &str) -> &'a mut Permission {
    let mut all = catalogue
        .resources
        .iter_mut()
        .flat_map(|it| &mut it.permissions);
    let found = all.find(|it| it.key.name() == name);
    found.expect("a permission")
}
