//! The one writer: commits queue up, and whatever waits is written in one database transaction
//! ([`transaction()`]).
//!
//! Durable writing costs an fsync whether it carries one row or fifty, so the writer takes all that
//! waits, up to [`MOST_AT_ONCE`]. Should the transaction fail as a whole, each commit is tried again
//! alone, so that one bad commit cannot take others with it.

mod rows;
mod transaction;

use std::sync::Arc;

use sea_orm::DatabaseConnection;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use self::transaction::transaction;
use super::commit::Commit;
use super::error::StoreError;

pub(super) use rows::{insert, rows};

/// Commits that may wait; beyond it a writer is told to come back.
const QUEUE: usize = 4096;

/// Commits written in one transaction.
const MOST_AT_ONCE: usize = 64;

/// Hands commits to the writing task.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
    task: Arc<tokio::sync::Mutex<Option<JoinHandle<()>>>>,
}

#[derive(Debug)]
enum Job {
    Commit(Box<Commit>, Option<oneshot::Sender<Result<(), StoreError>>>),
    Close,
}

impl Writer {
    /// Starts the task that owns the writing connection.
    pub(super) fn start(connection: DatabaseConnection) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        #[expect(
            clippy::disallowed_methods,
            reason = "the store waits for its writer in close()"
        )]
        let task = tokio::spawn(run(connection, jobs));
        Self {
            queue,
            task: Arc::new(tokio::sync::Mutex::new(Some(task))),
        }
    }

    pub(super) async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = Job::Commit(Box::new(commit), Some(answer));
        match self.queue.try_send(job) {
            Ok(()) => answered.await.map_err(|_| StoreError::Closed)?,
            Err(mpsc::error::TrySendError::Full(_)) => Err(StoreError::Overloaded),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(StoreError::Closed),
        }
    }

    pub(super) fn commit_later(&self, commit: Commit) {
        // Bookkeeping that finds no room is not worth holding anyone up.
        let _ = self.queue.try_send(Job::Commit(Box::new(commit), None));
    }

    pub(super) async fn close(&self) {
        let task = self.task.lock().await.take();
        if let Some(task) = task {
            let _ = self.queue.send(Job::Close).await;
            let _ = task.await;
        }
    }
}

/// One commit and whoever waits for it.
struct Waiting {
    commit: Box<Commit>,
    answer: Option<oneshot::Sender<Result<(), StoreError>>>,
}

impl Waiting {
    fn tell(self, outcome: Result<(), StoreError>) {
        match self.answer {
            // Whoever asked may have gone: what is written stays written.
            Some(answer) => drop(answer.send(outcome)),
            None => {
                if let Err(error @ (StoreError::Database(_) | StoreError::Inconsistent { .. })) =
                    outcome
                {
                    tracing::warn!(%error, "bookkeeping was not written");
                }
            }
        }
    }
}

async fn run(connection: DatabaseConnection, mut jobs: mpsc::Receiver<Job>) {
    let mut batch = Vec::with_capacity(MOST_AT_ONCE);
    let mut closing = false;
    while !closing {
        let Some(first) = jobs.recv().await else {
            break;
        };
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Commit(commit, answer) => batch.push(Waiting { commit, answer }),
                Job::Close => closing = true,
            }
            next = if batch.len() < MOST_AT_ONCE {
                jobs.try_recv().ok()
            } else {
                None
            };
        }
        write(&connection, &mut batch).await;
    }
    let _ = connection.close().await;
}

/// Writes a batch, and tells everyone.
async fn write(connection: &DatabaseConnection, batch: &mut Vec<Waiting>) {
    match transaction(connection, batch).await {
        Ok(overtaken) => {
            for (at, waiting) in batch.drain(..).enumerate() {
                let outcome = if overtaken.contains(&at) {
                    Err(StoreError::Overtaken)
                } else {
                    Ok(())
                };
                waiting.tell(outcome);
            }
        }
        Err(error) if batch.len() == 1 => batch.drain(..).for_each(|waiting| {
            tracing::error!(%error, "a write failed");
            waiting.tell(Err(StoreError::Database(error.clone())));
        }),
        Err(_) => {
            for waiting in std::mem::take(batch) {
                let mut alone = vec![waiting];
                Box::pin(write(connection, &mut alone)).await;
            }
        }
    }
}
