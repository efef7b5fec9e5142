//! What the two letters say, and what nobody can make them say.

use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-11-22 13:05:00 UTC);

fn envelope() -> Envelope<'static> {
    Envelope {
        to: "maya@example.com",
        date: NOW,
        id: "018f2b7e000070008000000000000001",
    }
}

fn asked() -> Asked {
    Asked {
        server: "Acme".to_owned(),
        agent: "Billing Agent".to_owned(),
        heading: Some("Pay €240.00 to <Hanna & Herwitz>".to_owned()),
        answer_by: datetime!(2026-11-22 14:12:00 UTC),
        match_code: "KITE-47".to_owned(),
        link: "https://ask.example.com/r/1c26".to_owned(),
    }
}

/// The words of an HTML part, as a person reads them.
fn words(html: &str) -> Vec<String> {
    let body = html.split_once("<body").unwrap().1;
    let mut text = String::new();
    for piece in body.split('<').skip(1) {
        let (tag, after) = piece.split_once('>').unwrap();
        let inline = tag.trim_start_matches('/').starts_with("strong");
        text.push_str(if inline { "" } else { " " });
        text.push_str(after);
    }
    for (name, sign) in [("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")] {
        text = text.replace(name, sign);
    }
    text.split_whitespace().map(str::to_owned).collect()
}

fn wire(letter: &Letter) -> String {
    let from = mailbox("ask@example.com").unwrap();
    String::from_utf8(letter.message(&from).unwrap().formatted()).unwrap()
}

#[test]
fn sec_a14_both_parts_of_a_letter_say_the_same() {
    let hidden = Asked {
        heading: None,
        ..asked()
    };
    for letter in [
        approval_requested(&asked(), envelope()).unwrap(),
        approval_requested(&hidden, envelope()).unwrap(),
        sign_in("Acme", "https://ask.example.com/signin/x", NOW, envelope()).unwrap(),
    ] {
        let text: Vec<_> = letter.text.split_whitespace().map(str::to_owned).collect();
        assert_eq!(words(&letter.html), text);
    }
}

#[test]
fn a_letter_has_the_facts_and_one_link() {
    let letter = approval_requested(&asked(), envelope()).unwrap();
    assert_eq!(
        letter.subject,
        "Billing Agent asks: Pay €240.00 to <Hanna & Herwitz> (answer by 14:12)"
    );
    assert!(
        letter
            .text
            .starts_with("Pay €240.00 to <Hanna & Herwitz>\n\nAsked by: Billing Agent")
    );
    assert!(
        letter
            .text
            .contains("Answer by: 22 November 2026, 14:12 UTC\nMatch code: KITE-47\n")
    );
    assert_eq!(letter.text.matches("https://").count(), 1);
    assert_eq!(letter.html.matches("href=").count(), 1);
    for remote in [
        "src=", "<img", "url(", "<link", "<script", "<style", "@import",
    ] {
        assert!(!letter.html.contains(remote), "{remote}");
    }
}

#[test]
fn sec_a17_from_tier_high_on_a_letter_does_not_say_what_is_asked() {
    let hidden = Asked {
        heading: None,
        ..asked()
    };
    let letter = approval_requested(&hidden, envelope()).unwrap();
    assert_eq!(
        letter.subject,
        "An important request is waiting (answer by 14:12)"
    );
    assert!(!wire(&letter).contains("Hanna"));
}

#[test]
fn sec_g09_a_line_break_in_any_field_is_refused() {
    let spoilt: [fn(&mut Asked, String); 5] = [
        |asked, evil| asked.server = evil,
        |asked, evil| asked.agent = evil,
        |asked, evil| asked.heading = Some(evil),
        |asked, evil| asked.match_code = evil,
        |asked, evil| asked.link = evil,
    ];
    for evil in [
        "x\r\nBcc: y@example.com",
        "x\ny",
        "x\ry",
        "x\0y",
        "x\u{2028}y",
    ] {
        for spoil in spoilt {
            let mut asked = asked();
            spoil(&mut asked, evil.to_owned());
            let letter = approval_requested(&asked, envelope());
            assert_eq!(letter, Err(LetterError::Control), "{evil:?}");
        }
    }
}

#[test]
fn sec_g09_an_address_is_one_address() {
    for to in [
        "",
        "maya",
        "maya@",
        "@example.com",
        "a@b.c\r\nBcc: x@example.com",
        "a@b.c\0",
        "a@example.com, b@example.com",
        "Maya <maya@example.com>",
        "\"a b\"@example.com",
        "a b@example.com",
        "a@example.com>\r\nRCPT TO:<b@example.com",
        "a@exam\u{2028}ple.com",
    ] {
        let envelope = Envelope { to, ..envelope() };
        let letter = approval_requested(&asked(), envelope);
        assert_eq!(letter, Err(LetterError::Address), "{to:?}");
    }
}

#[test]
fn sec_g11_no_letter_offers_to_stop_letters_or_comes_from_somebody_else() {
    let wire = wire(&approval_requested(&asked(), envelope()).unwrap());
    let lower = wire.to_lowercase();
    assert!(!lower.contains("unsubscribe") && !lower.contains("reply-to"));
    let from: Vec<_> = wire
        .split("\r\n")
        .filter(|line| line.starts_with("From:"))
        .collect();
    assert_eq!(from.len(), 1);
    assert!(!from[0].contains(&asked().agent), "{from:?}");
}

#[test]
fn sec_g09_the_headers_are_these_and_no_others() {
    let mut asked = asked();
    asked.agent = "=?utf-8?B?RXZpbA==?= Agent".to_owned();
    let wire = wire(&approval_requested(&asked, envelope()).unwrap());
    let head = wire.split_once("\r\n\r\n").unwrap().0;
    let mut names: Vec<_> = head
        .split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']))
        .map(|line| line.split_once(':').unwrap().0)
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "Auto-Submitted",
            "Content-Type",
            "Date",
            "From",
            "MIME-Version",
            "Message-ID",
            "Subject",
            "To"
        ]
    );
    assert!(head.contains("Message-ID: <018f2b7e000070008000000000000001@example.com>"));
    assert!(head.contains("Date: Sun, 22 Nov 2026 13:05:00 +0000"));
    assert!(
        !head.contains("RXZpbA==?="),
        "an encoded word of the agent's own: {head}"
    );
}

#[test]
fn the_same_parcel_makes_the_same_letter() {
    let letter = || wire(&approval_requested(&asked(), envelope()).unwrap());
    assert_eq!(letter(), letter());
}
