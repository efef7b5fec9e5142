//! Several at once decide one request: one of them does, and the others are told who.

use std::collections::BTreeMap;

use countersign::domain::ciba::approval::State;
use countersign::flow::answer::{AnswerError, Choice};
use countersign::flow::expire;
use countersign::flow::sign_in::Present;
use time::Duration;
use tokio::task::JoinSet;

use crate::world::{Agent, Asked, World, deny};

const ROUNDS: usize = 60;

/// What one of the racers was told.
#[derive(Debug)]
enum Told {
    /// It is as I wanted.
    Won(State),
    /// It is otherwise.
    Lost(State),
    /// Nothing: time and sweeps are told nothing.
    Nothing,
}

/// The one that decides, by what the audit trail says.
fn settled_as(kind: &str) -> Option<State> {
    match kind {
        "request.approved" => Some(State::Approved),
        "request.denied" => Some(State::Denied),
        "request.cancelled" => Some(State::Cancelled),
        "request.expired" => Some(State::Expired),
        _ => None,
    }
}

async fn person(world: &World, by: &Present, asked: &Asked, choice: Choice) -> Told {
    let wanted = match choice {
        Choice::Once | Choice::Part(_) | Choice::Always { .. } => State::Approved,
        Choice::Deny { .. } => State::Denied,
    };
    match world.try_answer(by, asked, choice).await {
        Ok(stored) => {
            assert_eq!(stored.request.state(), wanted);
            Told::Won(wanted)
        }
        Err(AnswerError::Settled(stored)) => {
            let now = stored.request.at(world.app.clock.now());
            Told::Lost(now.state())
        }
        Err(other) => panic!("{other:?}"),
    }
}

async fn withdrawal(agent: &Agent, asked: &Asked) -> Told {
    let answer = agent.cancel(&asked.approval_id).await;
    match (answer.status.as_u16(), answer.body["state"].as_str()) {
        (200, Some("cancelled")) => Told::Won(State::Cancelled),
        (409, Some("approved")) => Told::Lost(State::Approved),
        (409, Some("denied")) => Told::Lost(State::Denied),
        (409, Some("expired")) => Told::Lost(State::Expired),
        _ => panic!("{answer:?}"),
    }
}

both! {
    async fn sec_f04_t52_one_answer_wins_and_everyone_hears_which(world: World) {
        let maya = world.person("Maya").await;
        let present = world.present(&maya).await;
        let worlds = std::sync::Arc::new(world.instances().await);
        let mut winners: BTreeMap<&str, usize> = BTreeMap::new();
        for round in 0..ROUNDS {
            // One that is told no again and again may ask no more.
            let agent = worlds[0].agent(&format!("Agent {round}")).await;
            let asked = agent.ask(&maya.email, &[]).await;
            // In some rounds the last moment has nearly come, and passes during the race.
            let late = round % 3 == 0;
            if late {
                worlds[0].advance(Duration::minutes(10) - Duration::MILLISECOND);
            }
            let mut race = JoinSet::new();
            for racer in 0..8 {
                let (worlds, asked) = (std::sync::Arc::clone(&worlds), asked.clone());
                let (agent, present) = (agent.clone(), present.clone());
                // Not always the same is called first.
                match (racer + round) % 8 {
                    0 | 1 => race.spawn(async move {
                        person(&worlds[racer % worlds.len()], &present, &asked, Choice::Once).await
                    }),
                    2 | 3 => race.spawn(async move {
                        person(&worlds[racer % worlds.len()], &present, &asked, deny("no")).await
                    }),
                    4 | 5 => race.spawn(async move {
                        let agent = agent.at(&worlds[racer % worlds.len()]);
                        withdrawal(&agent, &asked).await
                    }),
                    6 => race.spawn(async move {
                        if late {
                            worlds[0].advance(Duration::MILLISECOND);
                        }
                        Told::Nothing
                    }),
                    _ => race.spawn(async move {
                        let world = &worlds[racer % worlds.len()];
                        expire::expire_due(&world.app, world.app.clock.now()).await.expect("a sweep");
                        Told::Nothing
                    }),
                };
            }
            let told = race.join_all().await;
            worlds[0].sweep().await;
            let stored = worlds[0].stored(&asked).await;
            let state = stored.request.at(worlds[0].app.clock.now()).state();
            for one in &told {
                match one {
                    Told::Won(theirs) | Told::Lost(theirs) => {
                        assert_eq!(*theirs, state, "{told:?}");
                    }
                    Told::Nothing => {}
                }
            }
            let answers = told.iter().filter(|it| {
                matches!(it, Told::Won(State::Approved | State::Denied))
            });
            let one = usize::from(matches!(state, State::Approved | State::Denied));
            assert_eq!(answers.count(), one, "{told:?}");
            let history = worlds[0].happened(&asked).await;
            let settled: Vec<State> = history.iter().filter_map(|kind| settled_as(kind)).collect();
            assert_eq!(settled, [state], "{history:?}");
            let poll = agent.poll(&asked.auth_req_id).await;
            match state {
                State::Approved => drop(poll.ok()),
                State::Denied | State::Cancelled => poll.refused(400, "access_denied"),
                State::Expired => poll.refused(400, "expired_token"),
                State::Pending | State::Redeemed => panic!("{state:?}"),
            }
            *winners.entry(state.as_str()).or_default() += 1;
        }
        assert!(winners.len() >= 2, "a race has more than one possible winner: {winners:?}");
        worlds[0].audit_holds().await;
    }
}

both! {
    async fn sec_f05_an_answer_does_not_undo_what_was_collected(world: World) {
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        let present = world.present(&maya).await;
        for _ in 0..20 {
            let asked = agent.ask(&maya.email, &[]).await;
            world.try_answer(&present, &asked, Choice::Once).await.expect("taken");
            let (redeemed, again, denied, withdrawn) = tokio::join!(
                agent.poll(&asked.auth_req_id),
                world.try_answer(&present, &asked, Choice::Once),
                world.try_answer(&present, &asked, deny("")),
                agent.cancel(&asked.approval_id),
            );
            redeemed.ok();
            for late in [again, denied] {
                assert!(matches!(late, Err(AnswerError::Settled(_))), "{late:?}");
            }
            assert_eq!(withdrawn.status, 409);
            assert_eq!(world.stored(&asked).await.request.state(), State::Redeemed);
        }
    }
}

both! {
    async fn sec_f12_disabling_a_person_and_collecting_at_once_leaves_one_truth(world: World) {
        use countersign::flow::register::set_person_active;
        let agent = world.agent("Billing Agent").await;
        let maya = world.person("Maya").await;
        for _ in 0..20 {
            let asked = agent.ask(&maya.email, &[]).await;
            world.approve(&maya, &asked).await;
            let (disabled, answer) = tokio::join!(
                set_person_active(&world.app, maya.id, false),
                agent.poll(&asked.auth_req_id),
            );
            disabled.expect("disabled");
            let issued = world.happened(&asked).await.iter().any(|kind| kind == "token.issued");
            assert_eq!(answer.status == 200, issued);
            if !issued {
                answer.refused(400, "invalid_grant");
            }
            agent.poll(&asked.auth_req_id).await.refused(400, "invalid_grant");
            set_person_active(&world.app, maya.id, true).await.expect("enabled");
        }
    }
}
