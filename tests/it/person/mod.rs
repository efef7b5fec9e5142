//! A person, in a browser without JavaScript: looks, answers, allows always, signs in and out.

mod always;
mod answering;
mod attention;
mod comparing;
mod deny;
mod devices;
mod endings;
mod inbox;
mod often;
mod partial;
mod pausing;
mod quiet_hours;
mod sessions;
mod sign_in;
mod states;
mod step_up;
mod stopping;
mod taking_back;
mod together;

pub use always::allow_always;

/// The sign-in link in a letter that was put into a folder.
pub fn sign_in_url(letter: &str) -> String {
    let joined = letter.replace("=\r\n", "");
    let at = joined.find("/signin/").expect("a sign-in link");
    let start = joined[..at].rfind("http").expect("its beginning");
    let end = |c: char| c.is_whitespace() || c == '"' || c == '<';
    let url = joined[start..].split(end).next();
    url.expect("its end").to_owned()
}
