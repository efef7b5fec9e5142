//! Whose documents are read at all: hosts that an operator has listed, and how many looks strangers can cause.
//!
//! Anybody can send any `client_id`, so a look at an address nobody knows yet is bought by a call that costs
//! nothing. Of those there are a few a minute for each host, and not many more for all hosts together.

use std::collections::HashMap;

use time::{Duration, OffsetDateTime};

/// Looks at addresses of one host that are not known yet, a minute.
const MOST_OF_A_HOST: u32 = 10;

/// … and of all hosts together.
const MOST_OF_ALL: u32 = 60;

/// Clients of one host.
pub const MOST_CLIENTS: u64 = 100;

/// Hosts in the list.
const MOST_LISTED: usize = 256;

/// Hosts whose documents are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentHosts(Vec<String>);

impl DocumentHosts {
    /// Reads the list: names, `*.` and a name for everything below it, or `*` for all, with commas between.
    pub fn read(list: &str) -> Option<Self> {
        let entries = list.split(',').map(str::trim).filter(|it| !it.is_empty());
        let entries: Option<Vec<String>> = entries
            .map(|entry| is_entry(entry).then(|| entry.to_owned()))
            .collect();
        entries.filter(|it| it.len() <= MOST_LISTED).map(Self)
    }

    /// Whether no document is read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether those of this host are.
    pub fn include(&self, host: &str) -> bool {
        self.0.iter().any(|entry| match entry.strip_prefix('*') {
            Some(below) => host.ends_with(below) && host.len() > below.len(),
            None => host == entry,
        })
    }
}

/// Small letters, as addresses have them.
fn is_entry(entry: &str) -> bool {
    let name = entry.strip_prefix("*.").unwrap_or(entry);
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    let label = |label: &str| !label.is_empty() && label.bytes().all(letter);
    entry == "*" || (name.len() <= 253 && name.split('.').all(label))
}

/// The looks that strangers have caused in this minute.
#[derive(Clone, Debug)]
pub struct Looks {
    since: OffsetDateTime,
    all: u32,
    hosts: HashMap<String, u32>,
}

impl Default for Looks {
    fn default() -> Self {
        Self {
            since: OffsetDateTime::UNIX_EPOCH,
            all: 0,
            hosts: HashMap::new(),
        }
    }
}

impl Looks {
    /// One more at this host, if there may be one more.
    pub fn take(&mut self, host: &str, now: OffsetDateTime) -> bool {
        if now < self.since || now >= self.since + Duration::MINUTE {
            *self = Self {
                since: now,
                ..Self::default()
            };
        }
        if self.all >= MOST_OF_ALL {
            return false;
        }
        let of_host = self.hosts.entry(host.to_owned()).or_default();
        if *of_host >= MOST_OF_A_HOST {
            return false;
        }
        *of_host += 1;
        self.all += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_hosts_have_documents() {
        let hosts = DocumentHosts::read(" agents.example, *.acme.example ,localhost,").unwrap();
        for listed in [
            "agents.example",
            "a.acme.example",
            "a.b.acme.example",
            "localhost",
        ] {
            assert!(hosts.include(listed), "{listed}");
        }
        for other in [
            "acme.example",
            "evilacme.example",
            "agents.example.evil",
            "example",
            "",
        ] {
            assert!(!hosts.include(other), "{other}");
        }
        assert!(
            DocumentHosts::read("*")
                .unwrap()
                .include("anything.example")
        );
        let none = DocumentHosts::read(" , ").unwrap();
        assert!(none.is_empty() && !none.include("agents.example"));
        for odd in [
            "https://a.example",
            "a.example:8443",
            "A.example",
            "a..b",
            "*a",
            "**",
            "a b",
        ] {
            assert_eq!(DocumentHosts::read(odd), None, "{odd}");
        }
    }

    #[test]
    fn sec_g05_strangers_cause_so_many_looks_a_minute_and_no_more() {
        let mut looks = Looks::default();
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(1);
        let taken = |looks: &mut Looks, host: &str, now| {
            (0..1000).filter(|_| looks.take(host, now)).count()
        };
        assert_eq!(taken(&mut looks, "one.example", now), 10);
        assert!(looks.take("two.example", now));
        let all: usize = (0..100)
            .map(|it| taken(&mut looks, &it.to_string(), now))
            .sum();
        assert_eq!(all, 60 - 11);
        assert!(looks.hosts.len() <= 60);
        let later = now + Duration::MINUTE;
        assert!(!looks.take("one.example", later - Duration::MILLISECOND));
        assert_eq!(taken(&mut looks, "one.example", later), 10);
    }
}
