//! Work made on request: tiles cut or resampled, figures, pages of features, overlays. So much runs at a time, so much
//! waits, and what comes on top is told to come back, before anything is read for it.
//!
//! A client that hangs up leaves the queue at once. What already runs on its behalf keeps its place until it has ended,
//! since nothing can take a thread away from it; long readings ask [`Stop`] now and then and end early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;

/// When one who was turned away should ask again: most work takes less.
const RETRY_AFTER_S: u64 = 2;

/// How much may run and wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkLimits {
    /// Pieces of work at a time.
    pub running: usize,
    /// Requests that may wait for a turn.
    pub waiting: usize,
}

impl WorkLimits {
    /// One piece of work a core, and as many waiting as a core does in well under a request's time limit.
    #[must_use]
    pub fn of_cores(cores: usize) -> Self {
        Self { running: cores.max(1), waiting: 32 * cores.max(1) }
    }
}

/// The places to work and to wait in.
#[derive(Debug)]
pub struct Work {
    running: Arc<Semaphore>,
    /// Running and waiting together.
    admitted: Arc<Semaphore>,
}

/// A place to work in, held as long as the work takes.
#[derive(Debug)]
struct Turn {
    _running: OwnedSemaphorePermit,
    _admitted: OwnedSemaphorePermit,
}

/// Whether anybody still waits for the result.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// True once nobody does: whatever is made now is thrown away.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Asks to stop when the request goes away.
struct StopWhenDropped(Stop);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

impl Work {
    /// Nothing running yet.
    #[must_use]
    pub fn new(limits: WorkLimits) -> Self {
        Self {
            running: Arc::new(Semaphore::new(limits.running)),
            admitted: Arc::new(Semaphore::new(
                limits.running.saturating_add(limits.waiting).min(Semaphore::MAX_PERMITS),
            )),
        }
    }

    /// Waits for a turn, or says at once that too many wait already.
    async fn turn(&self) -> Result<Turn, Problem> {
        let busy = |_full_or_closed| {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "服务器正忙，请稍后再试",
                "The server is busy; try again shortly.",
            )
            .retry_after(RETRY_AFTER_S)
        };
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(Problem::internal)?;
        Ok(Turn { _running: running, _admitted: admitted })
    }

    /// Does blocking work on a thread of its own.
    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce(&Stop) -> T + Send + 'static) -> Result<T, Problem> {
        let turn = self.turn().await?;
        let stop = Stop::default();
        let asker = StopWhenDropped(stop.clone());
        let running = tokio::task::spawn_blocking(move || {
            let _held = turn;
            job(&stop)
        });
        let result = running.await.map_err(Problem::internal);
        drop(asker);
        result
    }

    /// Does work that reads from the store in between. It runs on when the request goes away, in its place.
    pub async fn run_async<T: Send + 'static>(
        &self,
        job: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = self.turn().await?;
        let running = tokio::spawn(async move {
            let _held = turn;
            job.await
        });
        running.await.map_err(Problem::internal)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures::FutureExt as _;

    use super::*;

    /// A piece of work that ends when told to, and the teller.
    fn held() -> (impl FnOnce(&Stop) -> bool + Send + 'static, mpsc::Sender<()>) {
        let (tell, told) = mpsc::channel::<()>();
        let job = move |stop: &Stop| told.recv().is_ok() && stop.asked();
        (job, tell)
    }

    #[tokio::test]
    async fn one_works_one_waits_and_the_third_is_told_to_come_back() {
        let work = Work::new(WorkLimits { running: 1, waiting: 1 });
        let (job, tell) = held();
        let mut first = Box::pin(work.run(job));
        assert!((&mut first).now_or_never().is_none(), "it runs");
        let mut second = Box::pin(work.run(|_| 2));
        assert!((&mut second).now_or_never().is_none(), "it waits");
        let refused = work.run(|_| 3).await.expect_err("no place left");
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        tell.send(()).expect("it listens");
        assert!(!first.await.expect("done"), "nobody asked it to stop");
        assert_eq!(second.await.expect("done"), 2);
        assert_eq!(work.run(|_| 4).await.expect("done"), 4, "there is room again");
    }

    #[tokio::test]
    async fn one_who_hangs_up_leaves_the_queue_and_asks_the_work_to_stop() {
        let work = Work::new(WorkLimits { running: 1, waiting: 1 });
        let (stopped, was_stopped) = tokio::sync::oneshot::channel();
        let (job, tell) = held();
        let mut first = Box::pin(work.run(move |stop| stopped.send(job(stop))));
        assert!((&mut first).now_or_never().is_none());
        let mut second = Box::pin(work.run(|_| 2));
        assert!((&mut second).now_or_never().is_none());
        drop(second);
        let mut third = Box::pin(work.run(|_| 3));
        assert!((&mut third).now_or_never().is_none(), "the second one's place in the queue is free");
        drop(first);
        assert!((&mut third).now_or_never().is_none(), "what runs keeps its place until it ends");
        tell.send(()).expect("it listens");
        assert!(was_stopped.await.expect("it ended"), "it was asked to stop");
        assert_eq!(third.await.expect("done"), 3);
    }
}
