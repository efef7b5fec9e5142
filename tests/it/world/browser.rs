//! A browser without JavaScript: it keeps cookies, follows redirects, and submits the forms it is shown.

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Method, StatusCode};

/// A browser and its cookies.
#[derive(Clone)]
pub struct Browser {
    pub url: String,
    pub cookies: BTreeMap<String, String>,
    http: reqwest::Client,
}

/// A page, as a person without JavaScript has it.
#[derive(Clone, Debug)]
pub struct Page {
    pub url: String,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

/// A form on a page.
#[derive(Clone, Debug)]
pub struct Form {
    pub action: String,
    /// Hidden and prefilled fields.
    pub fields: Vec<(String, String)>,
    /// Named buttons: what pressing each adds.
    pub buttons: Vec<(String, String, String)>,
}

impl Browser {
    pub fn new(url: &str, http: reqwest::Client) -> Self {
        Self {
            url: url.to_owned(),
            cookies: BTreeMap::new(),
            http,
        }
    }

    fn absolute(&self, path: &str) -> String {
        if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.url)
        }
    }

    /// Opens a page, following redirects.
    pub async fn get(&mut self, path: &str) -> Page {
        let page = self.send(Method::GET, path, None, &[]).await;
        self.follow(page).await
    }

    /// Posts a form as a page of ours would, following redirects.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let origin = self.url.clone();
        let headers = [
            ("origin", origin.as_str()),
            ("sec-fetch-site", "same-origin"),
        ];
        let page = self
            .send(Method::POST, path, Some(super::form(fields)), &headers)
            .await;
        self.follow(page).await
    }

    /// One request, exactly as told; redirects are not followed.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
    ) -> Page {
        let page = self.try_send(method, path, body, headers).await;
        page.expect("an answer")
    }

    /// One request, to a server that may be gone.
    pub async fn try_send(
        &mut self,
        method: Method,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
    ) -> reqwest::Result<Page> {
        let url = self.absolute(path);
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut request = self.http.request(method, &url);
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        if let Some(body) = body {
            if !headers.iter().any(|(name, _)| *name == "content-type") {
                request = request.header("content-type", "application/x-www-form-urlencoded");
            }
            request = request.body(body);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        for cookie in headers.get_all(SET_COOKIE) {
            let text = cookie.to_str().expect("text");
            let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
            let (name, value) = pair.split_once('=').expect("a pair");
            if value.is_empty() || attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(Page {
            url,
            status,
            headers,
            body: response.text().await?,
        })
    }

    async fn follow(&mut self, mut page: Page) -> Page {
        for _ in 0..5 {
            let Some(next) = page
                .headers
                .get(LOCATION)
                .filter(|_| page.status.is_redirection())
            else {
                break;
            };
            let next = next.to_str().expect("text").to_owned();
            page = self.send(Method::GET, &next, None, &[]).await;
        }
        page
    }
}

impl Page {
    /// The forms on the page: those it is about, and then those at the top of every page.
    pub fn forms(&self) -> Vec<Form> {
        let (top, main) = self.body.split_once("<main").unwrap_or(("", &self.body));
        [self.forms_in(main), self.forms_in(top)].concat()
    }

    fn forms_in(&self, html: &str) -> Vec<Form> {
        html.split("<form")
            .skip(1)
            .map(|rest| {
                let (tag, rest) = rest.split_once('>').expect("a form's tag");
                let inner = rest.split("</form>").next().expect("a form's end");
                let action = attribute(tag, "action").expect("where it goes");
                let mut fields = fields(inner);
                if let Some(id) = attribute(tag, "id") {
                    fields.extend(fields_of(&self.body, &id));
                }
                Form {
                    action,
                    fields,
                    buttons: buttons(inner),
                }
            })
            .collect()
    }

    /// Submits the first form whose action contains that, with these fields set besides its own.
    pub async fn submit(&self, browser: &mut Browser, action: &str, set: &[(&str, &str)]) -> Page {
        let form = self
            .forms()
            .into_iter()
            .find(|form| form.action.contains(action));
        let form =
            form.unwrap_or_else(|| panic!("a form for {action} on {}: {}", self.url, self.body));
        Self::submit_form(&form, browser, None, set).await
    }

    /// Presses the button with that label.
    pub async fn press(&self, browser: &mut Browser, label: &str, set: &[(&str, &str)]) -> Page {
        for form in self.forms() {
            if let Some((name, value, _)) = form.buttons.iter().find(|(_, _, text)| text == label) {
                return Self::submit_form(&form, browser, Some((name, value)), set).await;
            }
        }
        panic!("a button {label} on {}: {}", self.url, self.body);
    }

    /// Whether there is a button with that label.
    pub fn has_button(&self, label: &str) -> bool {
        self.forms()
            .iter()
            .any(|form| form.buttons.iter().any(|(_, _, text)| text == label))
    }

    /// What pressing the button with that label would send, and where to.
    pub fn pressed(&self, label: &str) -> Option<(String, String)> {
        self.forms().into_iter().find_map(|form| {
            let (name, value, _) = form.buttons.iter().find(|(_, _, text)| text == label)?;
            let mut fields: Vec<(&str, &str)> = form
                .fields
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            fields.push((name, value));
            Some((form.action.clone(), super::form(&fields)))
        })
    }

    async fn submit_form(
        form: &Form,
        browser: &mut Browser,
        button: Option<(&str, &str)>,
        set: &[(&str, &str)],
    ) -> Page {
        let mut fields: Vec<(&str, &str)> = form
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| !set.iter().any(|(other, _)| other == name))
            .collect();
        fields.extend(button.filter(|(name, _)| !name.is_empty()));
        fields.extend_from_slice(set);
        browser.post(&form.action, &fields).await
    }

    /// The page's text, without tags.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mut in_tag = false;
        for c in self.body.chars() {
            match c {
                '<' => in_tag = true,
                '>' => {
                    in_tag = false;
                    out.push(' ');
                }
                _ if !in_tag => out.push(c),
                _ => {}
            }
        }
        let text = unescape(&out);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

fn tags<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    html.split(&format!("<{name}"))
        .skip(1)
        .filter(|rest| rest.starts_with([' ', '\n', '>']))
        .map(|rest| rest.split('>').next().expect("a tag"))
        .collect()
}

/// The fields elsewhere on a page that belong to the form of that id.
fn fields_of(html: &str, id: &str) -> Vec<(String, String)> {
    let theirs = tags(html, "input").into_iter();
    theirs
        .filter(|tag| attribute(tag, "form").as_deref() == Some(id))
        .flat_map(|tag| fields(&format!("<input{tag}>")))
        .collect()
}

fn fields(html: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for tag in tags(html, "input") {
        let kind = attribute(tag, "type").unwrap_or_default();
        let chosen = !matches!(kind.as_str(), "radio" | "checkbox") || tag.contains(" checked");
        if let Some(name) = attribute(tag, "name").filter(|_| chosen && kind != "submit") {
            out.push((name, attribute(tag, "value").unwrap_or_default()));
        }
    }
    for rest in html.split("<select").skip(1) {
        let (tag, rest) = rest.split_once('>').expect("a tag");
        let options = rest.split("</select>").next().expect("an end");
        let options = tags(options, "option");
        let picked = options
            .iter()
            .find(|tag| tag.contains(" selected"))
            .or(options.first());
        if let (Some(name), Some(picked)) = (attribute(tag, "name"), picked) {
            out.push((name, attribute(picked, "value").unwrap_or_default()));
        }
    }
    out
}

fn buttons(html: &str) -> Vec<(String, String, String)> {
    html.split("<button")
        .skip(1)
        .map(|rest| {
            let (tag, rest) = rest.split_once('>').expect("a tag");
            let label = rest.split("</button>").next().expect("an end");
            let label = label.split('<').next().unwrap_or(label);
            (
                attribute(tag, "name").unwrap_or_default(),
                attribute(tag, "value").unwrap_or_default(),
                unescape(label.trim()),
            )
        })
        .collect()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag
        .find(&format!(" {name}=\""))
        .or_else(|| tag.find(&format!("\n{name}=\"")))?;
    let rest = &tag[start + name.len() + 3..];
    rest.split('"').next().map(unescape)
}

/// One pass, so that what was escaped twice is still escaped once.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let known = ENTITIES.iter().find(|(name, _)| after.starts_with(name));
        let (taken, c) = known.map_or((0, '&'), |(name, c)| (name.len(), *c));
        out.push(c);
        rest = &after[taken..];
    }
    out + rest
}

const ENTITIES: [(&str, char); 10] = [
    ("#34;", '"'),
    ("#38;", '&'),
    ("#39;", '\''),
    ("#60;", '<'),
    ("#62;", '>'),
    ("#x27;", '\''),
    ("amp;", '&'),
    ("gt;", '>'),
    ("lt;", '<'),
    ("quot;", '"'),
];
