//! An endpoint's certificate: one that is not trusted is told nothing, one of the operator's own authority is.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use countersign::channel::sender::{Certificate, SenderOptions};
use countersign::domain::ciba::mode::Mode;
use serde_json::json;

use crate::world::receiver::called;
use crate::world::{Customs, Folder, World};

/// A server that speaks TLS with a certificate of an authority of its own making.
struct Tls {
    child: Child,
    lines: BufReader<ChildStdout>,
    port: u16,
}

impl Tls {
    fn start(folder: &Path) -> Self {
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        std::fs::write(folder.join("ext"), "subjectAltName=IP:127.0.0.1\n").expect("written");
        for command in [
            format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=authority"),
            format!("req {key} -keyout key.pem -out csr.pem -subj /CN=agent"),
            "x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -out cert.pem \
             -days 2 -extfile ext"
                .to_owned(),
        ] {
            let made = Command::new("openssl")
                .args(command.split_whitespace())
                .current_dir(folder)
                .stderr(Stdio::null())
                .status();
            assert!(made.expect("openssl").success(), "{command}");
        }
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/external/tls_receiver.py"
        );
        let mut child = Command::new("python3")
            .args([script, "cert.pem", "key.pem"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        let mut lines = BufReader::new(child.stdout.take().expect("its lines"));
        let mut port = String::new();
        lines.read_line(&mut port).expect("its port");
        let port = port.trim().parse().expect("a port");
        Self { child, lines, port }
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t74_a_certificate_that_is_not_trusted_is_told_nothing_until_it_is() {
    let folder = Folder::new();
    let mut tls = Tls::start(&folder.0);
    let world = World::sqlite().await;
    let endpoint = format!("https://127.0.0.1:{}/told", tls.port);
    let agent = world
        .client(called("Billing Agent", Mode::Ping, &endpoint))
        .await;
    let maya = world.person("Maya").await;
    let asked = agent.ask_to_be_told(&maya.email, &[]).await;
    world.approve(&maya, &asked).await;
    world.deliver().await;
    let line = agent.told(&asked).await;
    assert_eq!(
        (&line["state"], &line["why"]),
        (&json!("waiting"), &json!("could not connect"))
    );

    let pem = std::fs::read(folder.0.join("ca.pem")).expect("a certificate");
    let trusting = Customs {
        sender: Some(SenderOptions {
            allow: "127.0.0.0/8".parse().expect("a network"),
            tls_roots: vec![Certificate::from_pem(&pem).expect("a certificate")],
            ..SenderOptions::default()
        }),
        ..Customs::default()
    };
    let world = world.restarted_with(trusting).await;
    world.advance(time::Duration::seconds(2));
    world.deliver().await;
    assert_eq!(agent.told(&asked).await["state"], "delivered");
    // The first it could read is the first that was meant for it.
    let mut read = String::new();
    tls.lines.read_line(&mut read).expect("a request");
    let expected = json!({"auth_req_id": asked.auth_req_id}).to_string();
    assert_eq!(read.trim(), expected);
}
