//! Proof of an answer, for somebody who was not there.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::program::Program;
use super::server::Server;
use crate::world::claims;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_proves_an_answer_without_the_server() {
    let mut server = Server::start(Program::sqlite()).await;
    let agent = server.agent("Deploy Bot", &[]).await;
    let (maya, mut browser) = server.person("Maya").await;
    let (_, mut stranger) = server.person("Noor").await;
    let asked = agent
        .ask(&maya, &[("binding_message", "release 4.2")])
        .await;
    let early = ["receipt", "export", asked.approval_id.as_str()];
    server
        .program
        .run(&early)
        .await
        .ended(2, &["nobody has answered"]);
    let path = format!("{}/receipt", asked.page());
    assert_eq!(
        browser.get(&path).await.status,
        404,
        "there is nothing to prove yet"
    );

    let page = browser.get(&asked.page()).await;
    let settled = page.press(&mut browser, "Only this time", &[]).await;
    assert!(settled.body.contains(&path), "the page offers it");
    let own = browser.get(&path).await;
    assert_eq!(own.status, 200);
    assert_eq!(stranger.get(&path).await.status, 404);
    let exported = server.program.json(&early).await;
    let exported = exported["receipt"].as_str().expect("a receipt").to_owned();
    let tokens = agent.poll(&asked.auth_req_id).await;
    let token = claims(tokens.ok()["access_token"].as_str().expect("a token"));
    for receipt in [&own.body, &exported] {
        let said = claims(receipt);
        assert_eq!(said["card_digest"], token["card_digest"]);
        assert_eq!(
            (&said["answer"], &said["by"]["how"]),
            (&"once".into(), &"person".into())
        );
        assert_eq!(said["card"]["said"], "release 4.2");
    }
    let history = server.history().await;
    let taken = history.iter().filter(|it| it["kind"] == "receipt.exported");
    assert_eq!(taken.count(), 1, "the operator's, not the person's own");

    // Keys and receipt are kept, and the server is gone.
    let keys = agent.get("/oauth/jwks").await.body.to_string();
    server.stop().await;
    let folder = server.program.folder.0.clone();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let (keys, good) = (file("keys.json", &keys), file("good.jwt", &own.body));
    let verify = ["receipt", "verify", good.as_str(), "--jwks", keys.as_str()];
    let elsewhere = Program::sqlite();
    elsewhere
        .done(&verify)
        .await
        .ended(0, &["signed by one of these keys"]);
    let said = elsewhere.json(&verify).await;
    assert_eq!(said["approval_id"], asked.approval_id);

    // Whoever changes what was shown proves nothing.
    let parts: Vec<&str> = own.body.trim().split('.').collect();
    let mut other: Value = claims(&own.body);
    other["card"]["said"] = "release 5.0".into();
    let other = URL_SAFE_NO_PAD.encode(other.to_string());
    let forged = file("forged.jwt", &format!("{}.{other}.{}", parts[0], parts[2]));
    let verify = [
        "receipt",
        "verify",
        forged.as_str(),
        "--jwks",
        keys.as_str(),
    ];
    elsewhere.run(&verify).await.ended(20, &["proves nothing"]);
}
