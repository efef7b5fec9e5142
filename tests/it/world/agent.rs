//! An agent, speaking plain CIBA over HTTP.

use countersign::flow::register::AddedClient;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::World;

/// An agent with its credentials.
#[derive(Clone)]
pub struct Agent {
    pub id: String,
    pub secret: String,
    pub url: String,
    http: reqwest::Client,
}

/// What the server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

/// A question as the agent knows it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub auth_req_id: String,
    pub approval_id: String,
    pub match_code: String,
    pub expires_in: i64,
    pub body: Value,
}

impl Answer {
    pub async fn of(response: reqwest::Response) -> Self {
        Self::whole(response).await.expect("a body")
    }

    /// The answer, if all of it comes.
    pub async fn whole(response: reqwest::Response) -> reqwest::Result<Self> {
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Self {
            status,
            headers,
            body,
        })
    }

    pub fn error(&self) -> &str {
        self.body["error"].as_str().unwrap_or_default()
    }

    /// That status, that error, and nothing in the body but what an error may have.
    #[track_caller]
    pub fn refused(&self, status: u16, error: &str) {
        assert_eq!(
            (self.status.as_u16(), self.error()),
            (status, error),
            "{self:?}"
        );
        let body = self.body.as_object().expect("an object");
        for (name, value) in body {
            assert!(
                ["error", "error_description", "error_uri"].contains(&name.as_str()),
                "{name}"
            );
            let text = value.as_str().expect("text");
            let allowed = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
            assert!(text.bytes().all(allowed), "{text}");
        }
        assert_eq!(self.headers["content-type"], "application/json");
        assert_eq!(self.headers["cache-control"], "no-store");
    }

    #[track_caller]
    pub fn ok(&self) -> &Value {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        &self.body
    }
}

impl Agent {
    pub(super) fn new(world: &World, added: &AddedClient) -> Self {
        let secret = added
            .secret
            .as_ref()
            .map(secrecy::ExposeSecret::expose_secret);
        Self {
            id: added.client.id.0.clone(),
            secret: secret.unwrap_or_default().to_owned(),
            url: world.url.clone(),
            http: world.http.clone(),
        }
    }

    /// An agent with credentials it was given elsewhere.
    pub fn with(id: &str, secret: &str, url: &str, http: reqwest::Client) -> Self {
        Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
            url: url.to_owned(),
            http,
        }
    }

    /// The same agent, talking to another instance.
    pub fn at(&self, world: &World) -> Self {
        Self {
            url: world.url.clone(),
            ..self.clone()
        }
    }

    /// Somebody who knows its name and not its secret.
    pub fn with_a_wrong_secret(&self) -> Self {
        Self {
            secret: "wrong".to_owned(),
            ..self.clone()
        }
    }

    /// Posts a form, authenticated.
    pub async fn post(
        &self,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let answer = self.try_post(path, form, headers).await;
        answer.expect("an answer")
    }

    /// Posts a form, authenticated, to a server that may be gone.
    pub async fn try_post(
        &self,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> reqwest::Result<Answer> {
        let mut request = self
            .http
            .post(format!("{}{path}", self.url))
            .basic_auth(&self.id, Some(&self.secret))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(super::form(form));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::whole(request.send().await?).await
    }

    /// Posts JSON, authenticated.
    pub async fn post_json(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let request = self.http.post(format!("{}{path}", self.url));
        let mut request = request
            .basic_auth(&self.id, Some(&self.secret))
            .header("content-type", "application/json")
            .body(body.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request.send().await.expect("an answer")).await
    }

    /// Asks, with these parameters besides `scope=openid` and the hint.
    pub async fn try_ask(&self, hint: &str, more: &[(&str, &str)]) -> Answer {
        self.try_ask_with(hint, more, &[]).await
    }

    pub async fn try_ask_with(
        &self,
        hint: &str,
        more: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut form = vec![("login_hint", hint)];
        if !more.iter().any(|(name, _)| *name == "scope") {
            form.push(("scope", "openid"));
        }
        form.extend_from_slice(more);
        self.post("/bc-authorize", &form, headers).await
    }

    /// Asks, and is acknowledged.
    pub async fn ask(&self, hint: &str, more: &[(&str, &str)]) -> Asked {
        Asked::of(&self.try_ask(hint, more).await)
    }

    /// Polls.
    pub async fn poll(&self, auth_req_id: &str) -> Answer {
        self.poll_with(auth_req_id, &[]).await
    }

    pub async fn poll_with(&self, auth_req_id: &str, headers: &[(&str, &str)]) -> Answer {
        let form = [("grant_type", GRANT_TYPE), ("auth_req_id", auth_req_id)];
        self.post("/oauth/token", &form, headers).await
    }

    /// Polls, held for up to that many seconds.
    pub async fn wait(&self, auth_req_id: &str, seconds: u32) -> Answer {
        self.poll_with(auth_req_id, &[("prefer", &format!("wait={seconds}"))])
            .await
    }

    /// Looks at a path of the API.
    pub async fn get(&self, path: &str) -> Answer {
        let request = self.http.get(format!("{}{path}", self.url));
        let request = request.basic_auth(&self.id, Some(&self.secret));
        Answer::of(request.send().await.expect("an answer")).await
    }

    /// The status of a request.
    pub async fn status(&self, approval_id: &str) -> Answer {
        self.get(&format!("/api/v1/approvals/{approval_id}")).await
    }

    /// Withdraws a request.
    pub async fn cancel(&self, approval_id: &str) -> Answer {
        let answer = self.try_cancel(approval_id).await;
        answer.expect("an answer")
    }

    /// Withdraws a request, at a server that may be gone.
    pub async fn try_cancel(&self, approval_id: &str) -> reqwest::Result<Answer> {
        self.try_delete(&format!("/api/v1/approvals/{approval_id}"))
            .await
    }

    /// Deletes what is at a path.
    pub async fn delete(&self, path: &str) -> Answer {
        self.try_delete(path).await.expect("an answer")
    }

    async fn try_delete(&self, path: &str) -> reqwest::Result<Answer> {
        let request = self.http.delete(format!("{}{path}", self.url));
        let request = request.basic_auth(&self.id, Some(&self.secret));
        Answer::whole(request.send().await?).await
    }
}

pub const GRANT_TYPE: &str = "urn:openid:params:grant-type:ciba";

impl Asked {
    #[track_caller]
    pub fn of(answer: &Answer) -> Self {
        let body = answer.ok();
        let text = |name: &str| body[name].as_str().expect("text").to_owned();
        Self {
            auth_req_id: text("auth_req_id"),
            approval_id: text("approval_id"),
            match_code: text("match_code"),
            expires_in: body["expires_in"].as_i64().expect("a number"),
            body: body.clone(),
        }
    }
}

/// Encodes a form, doubled names and all.
pub fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}
