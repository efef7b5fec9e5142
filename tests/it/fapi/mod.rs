//! The test plan of FAPI-CIBA for servers, module by module, against clients that are held to the profile: poll
//! and ping, `private_key_jwt` and mTLS. The plan's own certification program cannot run here; these are its
//! modules told anew, and each bears the module's name.

use countersign::domain::ciba::mode::Mode;
use countersign::domain::client::AuthMethod;
use countersign::domain::user::User;

use self::party::Party;
use crate::world::receiver::Receiver;
use crate::world::{Asked, Customs, World};

/// Tells a module once for each variant of the plan, or for those that are named.
macro_rules! module {
    (async fn $name:ident($op:ident: Op) $body:block) => {
        module! { [poll_private_key_jwt, poll_mtls, ping_private_key_jwt, ping_mtls] async fn $name($op: Op) $body }
    };
    ([$($variant:ident),+] async fn $name:ident($op:ident: Op) $body:block) => {
        async fn $name($op: Op) $body

        mod $name {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $variant() {
                    let op = $crate::fapi::Op::start(stringify!($variant)).await;
                    Box::pin(super::$name(op)).await;
                }
            )+
        }
    };
}

mod authentication;
mod journeys;
mod party;
mod ping;
mod registration;
mod request_objects;
mod requests;

/// The server under test, two clients, and the person they ask.
struct Op {
    world: World,
    maya: User,
    first: Party,
    second: Party,
    receiver: Receiver,
    mode: Mode,
}

/// How the clients of a variant authenticate and learn answers.
fn variant(name: &str) -> (Mode, AuthMethod) {
    match name {
        "poll_private_key_jwt" => (Mode::Poll, AuthMethod::PrivateKeyJwt),
        "poll_mtls" => (Mode::Poll, AuthMethod::TlsClientAuth),
        "ping_private_key_jwt" => (Mode::Ping, AuthMethod::PrivateKeyJwt),
        "ping_mtls" => (Mode::Ping, AuthMethod::TlsClientAuth),
        other => panic!("{other} is no variant of the plan"),
    }
}

/// A world whose server says that it takes certificates.
fn customs() -> Customs {
    Customs {
        settings: Some(|settings| settings.asks_for_certificates = true),
        ..Customs::default()
    }
}

impl Op {
    async fn start(name: &str) -> Self {
        let (world, name) = match name.strip_suffix("_on_postgresql") {
            Some(name) => (World::postgresql_with(customs()).await, name),
            None => (World::sqlite_with(customs()).await, name),
        };
        let (mode, auth) = variant(name);
        let url = world.encrypted(true).await;
        let receiver = Receiver::start();
        let called = (mode == Mode::Ping).then(|| receiver.url());
        let first = Party::first(&world, &url, auth, called.as_deref()).await;
        let second = Party::second(&world, &url, auth, called.as_deref()).await;
        let maya = world.person("Maya").await;
        Self {
            world,
            maya,
            first,
            second,
            receiver,
            mode,
        }
    }

    /// A good request of that client, asked.
    async fn ask(&self, party: &Party) -> Asked {
        let object = party.sign(&party.object(&self.world));
        Asked::of(&party.ask(&self.world, &object).await)
    }

    /// What a client does first: it polls twice, and is told to wait.
    async fn is_pending(&self, party: &Party, asked: &Asked) {
        for _ in 0..2 {
            let answer = party.poll(&self.world, &asked.auth_req_id).await;
            answer.refused(400, "authorization_pending");
            self.world.advance(time::Duration::seconds(5));
        }
    }

    /// In ping mode, the agent has been called exactly so often.
    #[track_caller]
    fn was_called(&self, times: usize) {
        let expected = match self.mode {
            Mode::Ping => times,
            Mode::Poll | Mode::Push => 0,
        };
        assert_eq!(self.receiver.calls().len(), expected);
    }
}
