//! What a browser is called, in our own few words.
//!
//! A `User-Agent` header is whatever its sender likes. It is only looked at to choose among these
//! names, and never shown or kept.

/// Browsers by the words that give them away, the more telling first: most pretend to be others.
const BROWSERS: [(&str, &str); 7] = [
    ("SamsungBrowser/", "Samsung Internet"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
];

/// Names a browser and where it runs: `Chrome on Android`, `Safari on iPhone`.
pub fn browser_name(user_agent: &str) -> String {
    let has = |word: &str| user_agent.contains(word);
    let browser = BROWSERS
        .iter()
        .find(|(word, _)| has(word))
        .map(|(_, name)| *name)
        .or_else(|| has("Safari/").then_some("Safari"))
        .unwrap_or("");
    let system = if has("iPhone") {
        "iPhone"
    } else if has("iPad") {
        "iPad"
    } else if has("Android") {
        "Android"
    } else if has("Windows") {
        "Windows"
    } else if has("Mac OS X") || has("Macintosh") {
        "Mac"
    } else if has("CrOS") {
        "Chromebook"
    } else if has("Linux") {
        "Linux"
    } else {
        ""
    };
    match (browser, system) {
        ("", "") => "A browser".to_owned(),
        (browser, "") => browser.to_owned(),
        ("", system) => format!("A browser on {system}"),
        (browser, system) => format!("{browser} on {system}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_called_by_its_own_name_and_not_by_those_it_pretends_to() {
        for (agent, name) in [
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0",
                "Edge on Windows",
            ),
            ("curl/8.5.0", "A browser"),
            ("", "A browser"),
        ] {
            assert_eq!(browser_name(agent), name);
        }
    }

    #[test]
    fn sec_c04_nothing_a_browser_says_of_itself_is_kept() {
        let hostile = "<script>alert(1)</script> Firefox/1 on Android\u{202e}";
        assert_eq!(browser_name(hostile), "Firefox on Android");
    }
}
