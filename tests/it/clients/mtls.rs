//! Clients that show a certificate (RFC 8705), as a trusted proxy passes it on (RFC 9440).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign::config::Settings;
use countersign::domain::client::certificate::Subject;
use countersign::domain::client::{AuthMethod, ProofTerms};
use countersign::flow::register::{NewClient, RegisterError, add_client};
use serde_json::json;

use crate::world::{Agent, Answer, Asked, Customs, GRANT_TYPE, Prover, World, claims, form};

const AGENT: &str = include_str!("../../certificates/agent.pem");
const OTHER: &str = include_str!("../../certificates/other.pem");
const OWN: &str = include_str!("../../certificates/self.pem");
pub const OWN_KEY: &str = r#"{"keys":[{"kty":"EC","crv":"P-256",
    "x":"JFLbvbL-zi44iI6A7pYZ6HgjpCyUINXwb8AiQnLXKWI","y":"beLozVAZ0W3rXY1uJxsc4UKvSBs8VccNUQFQpXJ1jzs"}]}"#;

fn der(pem: &str) -> Vec<u8> {
    let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(lines).expect("a certificate")
}

/// As a proxy writes it.
fn header(pem: &str) -> String {
    format!(":{}:", STANDARD.encode(der(pem)))
}

fn behind_a_proxy(settings: &mut Settings) {
    settings.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    settings.client_cert_header = true;
}

fn a_proxy_for_addresses_only(settings: &mut Settings) {
    behind_a_proxy(settings);
    settings.client_cert_header = false;
}

fn a_proxy_elsewhere(settings: &mut Settings) {
    behind_a_proxy(settings);
    settings.trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
}

fn customs(settings: fn(&mut Settings)) -> Customs {
    Customs {
        settings: Some(settings),
        ..Customs::default()
    }
}

fn named() -> NewClient {
    let subject = "CN=agent-7,OU=Bots,O=Acme\\, Inc.,C=DE";
    NewClient {
        auth: AuthMethod::TlsClientAuth,
        tls_subject: Some(Subject::Dn(subject.to_owned())),
        proof: ProofTerms {
            certificate_bound: true,
            ..ProofTerms::default()
        },
        ..NewClient::agent("Certified Agent")
    }
}

fn own() -> NewClient {
    NewClient {
        auth: AuthMethod::SelfSignedTlsClientAuth,
        jwks: Some(OWN_KEY.to_owned()),
        ..NewClient::agent("Homemade Agent")
    }
}

/// Posts a form as that client, showing these certificates.
async fn post(
    world: &World,
    client: &Agent,
    path: &str,
    certificates: &[&str],
    more: &[(&str, &str)],
) -> Answer {
    let mut pairs = vec![("client_id", client.id.as_str())];
    pairs.extend_from_slice(more);
    let mut request = world.http.post(format!("{}{path}", world.url));
    for certificate in certificates {
        request = request.header("client-cert", *certificate);
    }
    let request = request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form(&pairs));
    Answer::of(request.send().await.expect("an answer")).await
}

async fn ask(world: &World, client: &Agent, certificates: &[&str]) -> Answer {
    let ask = [
        ("scope", "openid calendar.read"),
        ("login_hint", "maya@acme.example"),
    ];
    post(world, client, "/bc-authorize", certificates, &ask).await
}

async fn story(world: World) {
    let maya = world.person("Maya").await;
    let (agent, homemade) = (world.client(named()).await, world.client(own()).await);
    let (certificate, own) = (header(AGENT), header(OWN));
    // Each by its own certificate, and by no other.
    for (client, good, bad) in [
        (&agent, &certificate, &own),
        (&homemade, &own, &certificate),
    ] {
        ask(&world, client, &[good]).await.ok();
        ask(&world, client, &[bad])
            .await
            .refused(401, "invalid_client");
        ask(&world, client, &[&header(OTHER)])
            .await
            .refused(401, "invalid_client");
        ask(&world, client, &[])
            .await
            .refused(401, "invalid_client");
    }
    ask(&world, &agent, &[&certificate, &certificate])
        .await
        .refused(400, "invalid_request");
    for odd in ["x", "::", ":AAAA:", &STANDARD.encode(der(AGENT))] {
        ask(&world, &agent, &[odd])
            .await
            .refused(400, "invalid_request");
    }
    // Where there is no form, it names itself in the query.
    for (query, shown, taken) in [
        (
            format!("?client_id={}", agent.id),
            certificate.as_str(),
            200,
        ),
        (format!("?client_id={}", agent.id), own.as_str(), 401),
        (String::new(), certificate.as_str(), 401),
    ] {
        let request = world
            .http
            .get(format!("{}/api/v1/approvals{query}", world.url));
        let answer = request
            .header("client-cert", shown)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), taken, "{query}");
    }
    // What the bound one gets is bound to what it showed, and a service learns it.
    let asked = Asked::of(&ask(&world, &agent, &[&certificate]).await);
    world.approve(&maya, &asked).await;
    let collect = [
        ("grant_type", GRANT_TYPE),
        ("auth_req_id", asked.auth_req_id.as_str()),
    ];
    let answer = post(&world, &agent, "/oauth/token", &[&certificate], &collect).await;
    assert_eq!(answer.ok()["token_type"], "Bearer");
    let token = answer.body["access_token"].as_str().expect("a token");
    let thumbprint = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der(AGENT));
    let expected = json!({"x5t#S256": URL_SAFE_NO_PAD.encode(thumbprint)});
    assert_eq!(claims(token)["cnf"], expected);
    let service = world.service("https://calendar.example.com").await;
    let told = service
        .post("/oauth/introspect", &[("token", token)], &[])
        .await;
    assert_eq!(told.ok()["cnf"], expected);
    let refresh = answer.body["refresh_token"]
        .as_str()
        .expect("a refresh token");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let again = post(&world, &agent, "/oauth/token", &[&certificate], &refresh).await;
    let token = again.ok()["access_token"].as_str().expect("a token");
    assert_eq!(claims(token)["cnf"], expected);
}

#[tokio::test]
async fn a_certificate_says_who_a_client_is_and_binds_its_tokens_sqlite() {
    story(World::sqlite_with(customs(behind_a_proxy)).await).await;
}

#[tokio::test]
async fn a_certificate_says_who_a_client_is_and_binds_its_tokens_postgresql() {
    story(World::postgresql_with(customs(behind_a_proxy)).await).await;
}

#[tokio::test]
async fn sec_e12_a_certificate_in_a_header_counts_from_the_operator_s_proxy_alone() {
    for settings in [a_proxy_for_addresses_only, a_proxy_elsewhere] {
        let world = World::sqlite_with(customs(settings)).await;
        world.person("Maya").await;
        let agent = world.client(named()).await;
        ask(&world, &agent, &[&header(AGENT)])
            .await
            .refused(401, "invalid_client");
        // As if it were not there: it does no harm either.
        let basic = world.agent("Billing Agent").await;
        let headers = [("client-cert", "nonsense")];
        basic
            .try_ask_with("maya@acme.example", &[], &headers)
            .await
            .ok();
    }
}

#[tokio::test]
async fn who_registered_for_bound_tokens_gets_no_others() {
    let world = World::sqlite_with(customs(behind_a_proxy)).await;
    let maya = world.person("Maya").await;
    let bound = NewClient {
        proof: ProofTerms {
            certificate_bound: true,
            ..ProofTerms::default()
        },
        ..NewClient::agent("Bound Agent")
    };
    let agent = world.client(bound).await;
    let asked = agent.ask(&maya.email, &[]).await;
    world.approve(&maya, &asked).await;
    agent
        .poll(&asked.auth_req_id)
        .await
        .refused(400, "invalid_request");
    assert_eq!(world.state(&asked).await, "approved");
    // A proof binds as well.
    let proof = Prover::new(&world).proof(&world, "/oauth/token", "1");
    assert_eq!(
        agent.poll_showing(&asked, &proof).await.ok()["token_type"],
        "DPoP"
    );
    let asked = agent.ask(&maya.email, &[]).await;
    world.approve(&maya, &asked).await;
    let shown = header(OTHER);
    let answer = agent
        .poll_with(&asked.auth_req_id, &[("client-cert", &shown)])
        .await;
    let token = answer.ok()["access_token"].as_str().expect("a token");
    assert!(claims(token)["cnf"]["x5t#S256"].is_string());
}

#[tokio::test]
async fn discovery_speaks_of_certificates_where_they_can_be_shown() {
    let document = async |world: &World| {
        let url = format!("{}/.well-known/openid-configuration", world.url);
        let answer = world.http.get(url).send().await.expect("an answer");
        Answer::of(answer).await.body
    };
    let plain = document(&World::sqlite().await).await;
    let behind = document(&World::sqlite_with(customs(behind_a_proxy)).await).await;
    for (document, taken) in [(plain, false), (behind, true)] {
        assert_eq!(
            document["tls_client_certificate_bound_access_tokens"],
            taken
        );
        let methods = document["token_endpoint_auth_methods_supported"].to_string();
        assert_eq!(methods.contains("tls_client_auth"), taken, "{methods}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_at_the_host_for_certificates_are_listed_and_may_be_named() {
    const MTLS: &str = "https://mtls.acme.example";
    let with_a_host = |settings: &mut Settings| {
        behind_a_proxy(settings);
        settings.mtls_url = Some(MTLS.to_owned());
    };
    let world = World::sqlite_with(customs(with_a_host)).await;
    let url = format!("{}/.well-known/openid-configuration", world.url);
    let document = Answer::of(world.http.get(url).send().await.expect("an answer")).await;
    let at = |path: &str| format!("{MTLS}{path}");
    assert_eq!(
        document.ok()["mtls_endpoint_aliases"],
        json!({
            "token_endpoint": at("/oauth/token"),
            "backchannel_authentication_endpoint": at("/bc-authorize"),
            "introspection_endpoint": at("/oauth/introspect"),
            "revocation_endpoint": at("/oauth/revoke"),
        })
    );
    assert_eq!(document.body["issuer"], world.url.as_str());
    let maya = world.person("Maya").await;
    let mut signer = world.compatible_signer("Deploy Bot").await;
    signer.audience = at("/bc-authorize");
    let ask = [("scope", "openid"), ("login_hint", maya.email.as_str())];
    let assertion = signer.assertion(&world, "1");
    Asked::of(&signer.post("/bc-authorize", &assertion, &ask).await);
    // The host is not the issuer.
    signer.audience = MTLS.to_owned();
    let assertion = signer.assertion(&world, "2");
    let answer = signer.post("/bc-authorize", &assertion, &ask).await;
    answer.refused(401, "invalid_client");
}

#[tokio::test]
async fn a_client_is_named_by_its_certificate_exactly_if_it_shows_one() {
    let world = World::sqlite().await;
    for (new, wrong) in [
        (
            NewClient {
                tls_subject: None,
                ..named()
            },
            "none",
        ),
        (
            NewClient {
                tls_subject: named().tls_subject,
                ..own()
            },
            "not by an authority",
        ),
        (
            NewClient {
                jwks: Some(OWN_KEY.to_owned()),
                ..named()
            },
            "keys",
        ),
        (
            NewClient {
                jwks: None,
                ..own()
            },
            "no keys",
        ),
        (
            NewClient {
                tls_subject: Some(Subject::Dn("agent".to_owned())),
                ..named()
            },
            "no name",
        ),
    ] {
        let refused = add_client(&world.app, new).await.expect_err(wrong);
        assert!(
            !matches!(refused, RegisterError::Store(_)),
            "{wrong}: {refused:?}"
        );
    }
}
