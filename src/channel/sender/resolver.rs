//! Where a name leads, asked once for each connection.
//!
//! The addresses that are checked are the ones that are connected to, so a name server that
//! answers differently the second time (DNS rebinding) has nobody to answer to.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{is_never, is_public};
use super::allow::{OutboundAllow, is_localhost};

/// More answers than this are not looked at.
const MOST_ANSWERS: usize = 16;

type Looking = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Asks the machine's name service.
pub(super) type Lookup = Arc<dyn Fn(String) -> Looking + Send + Sync>;

/// The name leads to an address that may not be called.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the name leads to an address that is not public")]
pub(super) struct Forbidden;

/// Resolves names to addresses that may be called, or to none at all.
pub(super) struct Resolver {
    pub(super) allow: Arc<OutboundAllow>,
    pub(super) overrides: Arc<HashMap<String, Vec<SocketAddr>>>,
    pub(super) lookup: Lookup,
}

/// The machine's own name service.
pub(super) fn system() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let answers = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(answers.take(MOST_ANSWERS).collect())
        })
    })
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_ascii_lowercase();
        if let Some(addresses) = self.overrides.get(&name) {
            return ready(addresses.clone());
        }
        if is_localhost(&name) {
            let loopback = self.allow.localhost().into_iter();
            return ready(loopback.map(|ip| SocketAddr::new(ip, 0)).collect());
        }
        let allow = Arc::clone(&self.allow);
        let looking = (self.lookup)(name.clone());
        Box::pin(async move {
            let answers = looking.await?;
            // One bad answer spoils them all: a name with both kinds is an attack or a mistake.
            let callable = |answer: &SocketAddr| {
                let ip = answer.ip();
                !is_never(ip) && (is_public(ip) || allow.name(&name) || allow.address(ip))
            };
            if !answers.iter().all(callable) {
                return Err(Forbidden.into());
            }
            Ok(Box::new(answers.into_iter()) as Addrs)
        })
    }
}

fn ready(addresses: Vec<SocketAddr>) -> Resolving {
    Box::pin(async move {
        if addresses.is_empty() {
            return Err(Forbidden.into());
        }
        Ok(Box::new(addresses.into_iter()) as Addrs)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolve(allow: &str, name: &str, answers: &[&str]) -> Result<usize, bool> {
        let answers: Vec<SocketAddr> = answers
            .iter()
            .map(|ip| SocketAddr::new(ip.parse().unwrap(), 0))
            .collect();
        let resolver = Resolver {
            allow: Arc::new(allow.parse().unwrap()),
            overrides: Arc::default(),
            lookup: Arc::new(move |_| {
                let answers = answers.clone();
                Box::pin(async move { Ok(answers) })
            }),
        };
        match resolver.resolve(name.parse().unwrap()).await {
            Ok(addresses) => Ok(addresses.count()),
            Err(error) => Err(error.is::<Forbidden>()),
        }
    }

    #[tokio::test]
    async fn sec_g02_one_bad_answer_spoils_the_good_ones() {
        let name = "agent.example.com";
        for bad in [
            "127.0.0.1",
            "::1",
            "10.0.0.1",
            "169.254.169.254",
            "64:ff9b::7f00:1",
        ] {
            assert_eq!(
                resolve("", name, &["8.8.8.8", bad]).await,
                Err(true),
                "{bad}"
            );
            assert_eq!(
                resolve("", name, &[bad, "2606:4700::1"]).await,
                Err(true),
                "{bad}"
            );
        }
        assert_eq!(resolve("", name, &["8.8.8.8", "2606:4700::1"]).await, Ok(2));
    }

    #[tokio::test]
    async fn a_listed_network_or_name_may_be_led_to_but_never_metadata() {
        let name = "agent.example.com";
        assert_eq!(resolve("10.0.0.0/8", name, &["10.0.0.1"]).await, Ok(1));
        assert_eq!(
            resolve("10.0.0.0/8", name, &["10.0.0.1", "127.0.0.1"]).await,
            Err(true)
        );
        assert_eq!(resolve(name, name, &["192.168.1.1"]).await, Ok(1));
        assert_eq!(resolve(name, name, &["169.254.169.254"]).await, Err(true));
    }

    #[tokio::test]
    async fn localhost_is_loopback_whatever_the_name_service_says() {
        assert_eq!(
            resolve("127.0.0.1", "localhost", &["8.8.8.8", "::1"]).await,
            Ok(1)
        );
        assert_eq!(resolve("", "localhost", &["8.8.8.8"]).await, Err(true));
    }
}
