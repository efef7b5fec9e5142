//! Certificates shown to the server itself, over TLS of its own.

use std::time::Duration;

use countersign::domain::client::certificate::Subject;
use countersign::domain::client::{AuthMethod, ProofTerms};
use countersign::flow::register::NewClient;
use countersign::server::{Limits, Tls, TlsFiles};
use tokio::io::AsyncReadExt;

use crate::world::tls::{caller, der, file, shown, shows};
use crate::world::{Agent, Answer, Asked, GRANT_TYPE, World, claims, form};

async fn post(http: &reqwest::Client, url: &str, client: &Agent, more: &[(&str, &str)]) -> Answer {
    let mut pairs = vec![("client_id", client.id.as_str())];
    pairs.extend_from_slice(more);
    let request = http
        .post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("client-cert", ":AAAA:")
        .body(form(&pairs));
    Answer::of(request.send().await.expect("an answer")).await
}

async fn clients(world: &World) -> (Agent, Agent) {
    let named = NewClient {
        auth: AuthMethod::TlsClientAuth,
        tls_subject: Some(Subject::Dns("agent.example".to_owned())),
        proof: ProofTerms {
            certificate_bound: true,
            ..ProofTerms::default()
        },
        ..NewClient::agent("Certified Agent")
    };
    let own = NewClient {
        auth: AuthMethod::SelfSignedTlsClientAuth,
        jwks: Some(super::mtls::OWN_KEY.to_owned()),
        ..NewClient::agent("Homemade Agent")
    };
    (world.client(named).await, world.client(own).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_shown_to_us_says_who_a_client_is_and_binds_its_tokens() {
    let world = World::sqlite().await;
    let url = world.encrypted(true).await;
    let maya = world.person("Maya").await;
    let (named, own) = clients(&world).await;
    let ask = [("scope", "openid"), ("login_hint", maya.email.as_str())];
    let asks = format!("{url}/bc-authorize");
    for (client, certificate, taken) in [
        (&named, Some("agent"), true),
        (&named, Some("other"), false),
        // The same name, by nobody's authority.
        (&named, Some("stranger"), false),
        (&named, Some("self"), false),
        (&named, None, false),
        (&own, Some("self"), true),
        (&own, Some("agent"), false),
    ] {
        let answer = post(&caller(certificate), &asks, client, &ask).await;
        assert_eq!(answer.status == 200, taken, "{certificate:?}: {answer:?}");
        if !taken {
            answer.refused(401, "invalid_client");
        }
    }
    let agent = caller(Some("agent"));
    let asked = Asked::of(&post(&agent, &asks, &named, &ask).await);
    world.approve(&maya, &asked).await;
    let collect = [
        ("grant_type", GRANT_TYPE),
        ("auth_req_id", asked.auth_req_id.as_str()),
    ];
    let answer = post(&agent, &format!("{url}/oauth/token"), &named, &collect).await;
    let token = answer.ok()["access_token"].as_str().expect("a token");
    assert!(claims(token)["cnf"]["x5t#S256"].is_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_h01_hands_that_are_not_shaken_are_let_go() {
    let world = World::sqlite().await;
    let limits = Limits {
        header_timeout: Duration::from_millis(500),
        ..Limits::default()
    };
    let url = world.encrypted_with(false, limits).await;
    let address = url.strip_prefix("https://").expect("https");
    let mut silent = tokio::net::TcpStream::connect(address)
        .await
        .expect("a connection");
    let mut byte = [0];
    let closed = tokio::time::timeout(Duration::from_secs(5), silent.read(&mut byte)).await;
    assert_eq!(closed.expect("closed in time").expect("an end"), 0);
    // Whoever speaks is served, and a certificate nobody asked for is not shown.
    let live = caller(Some("agent"))
        .get(format!("{url}/livez"))
        .send()
        .await;
    assert!(live.expect("an answer").status().is_success());
}

#[tokio::test]
async fn files_that_do_not_belong_together_are_refused() {
    let world = World::sqlite().await;
    let files = |certificate: &str, key: &str, client_ca: Option<&str>| TlsFiles {
        certificate: file(certificate),
        key: file(key),
        client_ca: client_ca.map(file),
    };
    for wrong in [
        files("server.pem", "agent.key", None),
        files("server.key", "server.key", None),
        files("server.pem", "server.pem", None),
        files("nothing.pem", "server.key", None),
        files("server.pem", "server.key", Some("server.key")),
        files("server.pem", "server.key", Some("nothing.pem")),
    ] {
        Tls::open(world.app.clone(), &wrong).expect_err("refused");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renewed_files_are_taken_over_and_what_is_unfit_is_not() {
    let world = World::sqlite().await;
    let place = world.folder();
    let files = TlsFiles {
        certificate: place.join("own.pem"),
        key: place.join("own.key"),
        client_ca: Some(place.join("clients.pem")),
    };
    let put = |name: &str, into: &std::path::Path| {
        std::fs::copy(file(name), into).expect("a file");
    };
    put("server.pem", &files.certificate);
    put("server.key", &files.key);
    put("self.pem", files.client_ca.as_ref().expect("a path"));
    let url = world.encrypted_from(&files, Limits::default()).await;
    shows(&url, "server.pem").await;
    let (named, _) = clients(&world).await;
    let maya = world.person("Maya").await;
    let ask = [("scope", "openid"), ("login_hint", maya.email.as_str())];
    let asks = format!("{url}/bc-authorize");
    let answer = post(&caller(Some("agent")), &asks, &named, &ask).await;
    answer.refused(401, "invalid_client");

    // Half of a renewal is none; an authority that came with it does not count alone either.
    put("other.pem", &files.certificate);
    put("ca.pem", files.client_ca.as_ref().expect("a path"));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(shown(&url).await, Some(der("server.pem")));
    let answer = post(&caller(Some("agent")), &asks, &named, &ask).await;
    answer.refused(401, "invalid_client");

    put("other.key", &files.key);
    shows(&url, "other.pem").await;
    Asked::of(&post(&caller(Some("agent")), &asks, &named, &ask).await);

    std::fs::remove_file(&files.key).expect("it was there");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(shown(&url).await, Some(der("other.pem")));
}
