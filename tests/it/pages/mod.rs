//! What every page owes to whoever opens it: that nobody else acts, frames, redirects or speaks in it.

mod csrf;
mod headers;
mod injection;
mod links;

use reqwest::Method;

use crate::world::{Agent, Asked, Browser, Page, World, small_payment};

/// A world in which every page has something to show.
pub struct House {
    pub world: World,
    pub agent: Agent,
    pub browser: Browser,
    pub waiting: Asked,
    pub settled: Asked,
}

/// What an agent may say of itself and of what it asks.
pub struct Words<'a> {
    pub name: &'a str,
    pub creditor: &'a str,
    pub reference: &'a str,
    pub said: &'a str,
    pub reason: &'a str,
}

pub const ORDINARY: Words<'static> = Words {
    name: "Billing Agent",
    creditor: "Hanna",
    reference: "invoice",
    said: "please",
    reason: "because",
};

impl House {
    pub async fn build(words: &Words<'_>) -> Self {
        let world = World::sqlite().await;
        let agent = world.agent(words.name).await;
        Self::with(world, agent, words).await
    }

    pub async fn with(world: World, agent: Agent, words: &Words<'_>) -> Self {
        let maya = world.person("Maya").await;
        let details = serde_json::json!([{
            "type": "payment_small",
            "instructedAmount": {"amount": "240.00", "currency": "EUR"},
            "creditor": words.creditor,
            "reference": words.reference,
        }])
        .to_string();
        let more = [
            ("authorization_details", &*details),
            ("binding_message", words.said),
        ];
        let mut browser = world.signed_in(&maya).await;

        let always = agent.ask(&maya.email, &more).await;
        let sheet = browser.get(&format!("{}/always", always.page())).await;
        sheet
            .press(&mut browser, "Allow within these limits", &[])
            .await;

        let other = small_payment("9.00", words.creditor);
        let again = [more[1], ("authorization_details", &*other)];
        let settled = agent.ask(&maya.email, &again).await;
        let page = browser.get(&settled.page()).await;
        page.press(&mut browser, "Deny", &[("reason", words.reason)])
            .await;
        let waiting = agent.ask(&maya.email, &again).await;

        let service = crate::world::push_service::PushService::start(&world);
        service.subscribed(&mut browser).await;
        Self {
            world,
            agent,
            browser,
            waiting,
            settled,
        }
    }

    /// Where every page is.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = vec![
            self.waiting.page(),
            format!("{}/always", self.waiting.page()),
            self.settled.page(),
        ];
        for path in [
            "/",
            "/allowed",
            "/history",
            "/devices",
            "/settings",
            "/offline",
        ] {
            paths.push(path.to_owned());
        }
        paths
    }

    /// Every page there is: signed in, signed out, in order and not.
    pub async fn pages(&mut self) -> Vec<Page> {
        let mut pages = Vec::new();
        for path in self.paths() {
            pages.push(self.browser.send(Method::GET, &path, None, &[]).await);
        }
        let unknown = "/r/0123456789abcdef0123456789abcdef";
        for path in [
            unknown,
            "/nowhere",
            "/allowed?stopped=x",
            "/history?before=x",
            "/static/x",
        ] {
            pages.push(self.browser.send(Method::GET, path, None, &[]).await);
        }
        for path in [
            "/",
            &self.waiting.page(),
            "/devices/remove",
            "/allowed/stop",
            "/signout",
        ] {
            pages.push(self.browser.send(Method::POST, path, None, &[]).await);
        }
        let page = self.browser.get(&self.waiting.page()).await;
        let refused = [("reason", "\u{7}")];
        pages.push(page.press(&mut self.browser, "Deny", &refused).await);

        let mut nobody = self.world.browser();
        for path in [
            "/signin",
            "/signin/x",
            "/signin?next=%2Fallowed",
            &self.waiting.page(),
        ] {
            pages.push(nobody.send(Method::GET, path, None, &[]).await);
        }
        let form = nobody.get("/signin").await;
        for email in ["maya@acme.example", "what"] {
            let set = [("email", email)];
            pages.push(form.submit(&mut nobody, "/signin", &set).await);
        }
        let user = self
            .world
            .stored(&self.waiting)
            .await
            .request
            .question()
            .user;
        let user = self.world.store().user(user).await.expect("the database");
        let how = countersign::domain::consent::assurance::Assurance::HostLink;
        let user = user.expect("Maya");
        let link = countersign::flow::sign_in::make_link(&self.world.app, &user, how, None);
        let link = link.await.expect("a link");
        pages.push(nobody.get(&link).await);
        pages
    }
}

/// The pages among them that a browser would show.
pub fn html(pages: &[Page]) -> Vec<&Page> {
    let is_html = |page: &&Page| {
        let kind = page.headers.get("content-type");
        kind.is_some_and(|kind| kind.to_str().is_ok_and(|it| it.starts_with("text/html")))
    };
    pages.iter().filter(is_html).collect()
}
