//! Loading over HTTP: a queue that is rebuilt every frame, and workers that fetch and decode off the main thread.
//!
//! The queue is replaced as a whole, so a request for a tile that left the view vanishes before it starts. Up to
//! [`WORKERS`] run at once; groups go first, and within a group lanes (one per layer) take turns, so one large
//! tileset cannot starve the others. What a request means is not known here: the layer brings the decoder along.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use url::Url;

use crate::error::ViewError;
use crate::packed::{Packed, Packer};
use crate::scene::selection::Urgency;
use crate::session::Session;

/// Simultaneous loads.
pub const WORKERS: usize = 20;

/// A body larger than this is refused: nothing a viewer streams is that big.
const MAX_BODY_BYTES: u64 = 256 << 20;

/// Where answers come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A running server.
    Server {
        /// The client the workers share.
        client: reqwest::blocking::Client,
        /// Who asks, where people have accounts.
        session: Option<Arc<Session>>,
        /// Keeps every answer, while a meeting is packed.
        recorder: Option<Arc<Mutex<Packer>>>,
    },
    /// A folder with the answers a server once gave.
    Folder(Arc<Packed>),
}

/// What was asked for: the lane of a layer and the layer's own number of the thing.
pub type Key = (u32, u64);

/// An answer of the server.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The body; empty for 204 and 404.
    pub body: Bytes,
    /// Where the body really came from, after redirects.
    pub url: Url,
    /// False for 404: the server has nothing there.
    pub found: bool,
}

impl Fetched {
    /// The answer to a request without an address: what is wanted is made here.
    ///
    /// # Panics
    /// Never: the address is a constant.
    #[must_use]
    pub fn made_here() -> Self {
        let url = Url::parse("about:blank").expect("a constant address");
        Self { body: Bytes::new(), url, found: true }
    }
}

/// Turns an answer into what the layer wants; runs on a worker.
pub type Decode<T> = Box<dyn FnOnce(Fetched) -> Result<T, ViewError> + Send>;

/// One thing to load.
pub struct Request<T> {
    /// Its identity: the same key is never loaded twice at once.
    pub key: Key,
    /// Where it is; `None` where nothing has to be asked for.
    pub url: Option<Url>,
    /// Its group.
    pub urgency: Urgency,
    /// Small first within the group.
    pub priority: f64,
    /// What to do with the answer.
    pub decode: Decode<T>,
}

/// One finished load.
pub struct Finished<T> {
    /// What was asked for.
    pub key: Key,
    /// What came of it.
    pub result: Result<T, ViewError>,
}

struct State<T> {
    queue: Vec<Request<T>>,
    in_flight: BTreeSet<Key>,
    last_lane: u32,
    closed: bool,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    work: Condvar,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The workers and their queue.
pub struct Fetcher<T> {
    shared: Arc<Shared<T>>,
    finished: Receiver<Finished<T>>,
}

impl<T: Send + 'static> Fetcher<T> {
    /// Starts the workers; `wake` is called after every finished load, from a worker's thread.
    pub fn start(source: &Source, wake: &Arc<dyn Fn() + Send + Sync>) -> Result<Self, ViewError> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State { queue: Vec::new(), in_flight: BTreeSet::new(), last_lane: 0, closed: false }),
            work: Condvar::new(),
        });
        let (sender, finished) = channel();
        for number in 0..WORKERS {
            let (shared, source, sender, wake) =
                (Arc::clone(&shared), source.clone(), sender.clone(), Arc::clone(wake));
            std::thread::Builder::new()
                .name(format!("load-{number}"))
                .spawn(move || run_worker(&shared, &source, &sender, &wake))
                .map_err(|source| ViewError::Thread { source })?;
        }
        Ok(Self { shared, finished })
    }

    /// Replaces everything that waits; what is being loaded already is left out.
    pub fn replace_queue(&self, mut requests: Vec<Request<T>>) {
        let mut state = self.shared.lock();
        requests.retain(|request| !state.in_flight.contains(&request.key));
        state.queue = requests;
        if !state.queue.is_empty() {
            self.shared.work.notify_all();
        }
    }

    /// What finished since the last call.
    #[must_use]
    pub fn collect(&self) -> Vec<Finished<T>> {
        let done: Vec<_> = self.finished.try_iter().collect();
        self.release(&done);
        done
    }

    /// Like [`Fetcher::collect`], but waits up to `patience` for the first.
    #[must_use]
    pub fn collect_waiting(&self, patience: Duration) -> Vec<Finished<T>> {
        let mut done = Vec::new();
        if let Ok(first) = self.finished.recv_timeout(patience) {
            done.push(first);
        }
        done.extend(self.finished.try_iter());
        self.release(&done);
        done
    }

    fn release(&self, done: &[Finished<T>]) {
        let mut state = self.shared.lock();
        for finished in done {
            state.in_flight.remove(&finished.key);
        }
    }

    /// How many loads wait or run.
    #[must_use]
    pub fn pending(&self) -> usize {
        let state = self.shared.lock();
        state.queue.len() + state.in_flight.len()
    }
}

impl<T> Drop for Fetcher<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        state.queue.clear();
        self.shared.work.notify_all();
    }
}

/// The next request: best group, then the lane after the last one served, then the smallest priority.
fn take_next<T>(state: &mut State<T>) -> Option<Request<T>> {
    let last_lane = state.last_lane;
    let rank = |request: &Request<T>| (request.urgency, request.key.0.wrapping_sub(last_lane).wrapping_sub(1));
    let best = (0..state.queue.len()).min_by(|a, b| {
        let (a, b) = (&state.queue[*a], &state.queue[*b]);
        rank(a).cmp(&rank(b)).then(a.priority.total_cmp(&b.priority))
    })?;
    let request = state.queue.swap_remove(best);
    state.last_lane = request.key.0;
    state.in_flight.insert(request.key);
    Some(request)
}

fn run_worker<T>(
    shared: &Shared<T>,
    source: &Source,
    sender: &Sender<Finished<T>>,
    wake: &Arc<dyn Fn() + Send + Sync>,
) {
    loop {
        let request = {
            let mut state = shared.lock();
            loop {
                if state.closed {
                    return;
                }
                if let Some(request) = take_next(&mut state) {
                    break request;
                }
                state = shared.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        };
        let Request { key, url, decode, .. } = request;
        let answer = url.map_or_else(|| Ok(Fetched::made_here()), |url| fetch(source, &url));
        let result = answer.and_then(decode);
        if sender.send(Finished { key, result }).is_err() {
            return;
        }
        wake();
    }
}

/// Gets one URL. 204 and 404 are answers ("nothing there"), every other status but 200 is an error.
/// A connection that breaks is tried once more. A packed folder answers what it holds and nothing else.
pub fn fetch(source: &Source, url: &Url) -> Result<Fetched, ViewError> {
    match source {
        Source::Folder(packed) => packed.answer(url),
        Source::Server { client, session, recorder } => {
            let fetched = ask(client, session.as_deref(), url)?;
            if let Some(recorder) = recorder {
                recorder.lock().unwrap_or_else(PoisonError::into_inner).keep(url, &fetched)?;
            }
            Ok(fetched)
        }
    }
}

fn ask(client: &reqwest::blocking::Client, session: Option<&Session>, url: &Url) -> Result<Fetched, ViewError> {
    let send = || {
        let request = client.get(url.clone());
        // Who asks is told to the server that knows them, to nobody else.
        match session.and_then(|session| session.cookie_for(url)) {
            Some(cookie) => request.header(reqwest::header::COOKIE, cookie).send(),
            None => request.send(),
        }
    };
    let response =
        send().or_else(|_first| send()).map_err(|source| ViewError::Connect { url: url.to_string(), source })?;
    let status = response.status().as_u16();
    let final_url = response.url().clone();
    match status {
        200 => {
            let mut body = Vec::new();
            response
                .take(MAX_BODY_BYTES + 1)
                .read_to_end(&mut body)
                .map_err(|source| ViewError::Body { url: url.to_string(), source })?;
            if body.len() as u64 > MAX_BODY_BYTES {
                return Err(ViewError::TooLarge { url: url.to_string() });
            }
            Ok(Fetched { body: body.into(), url: final_url, found: true })
        }
        204 => Ok(Fetched { body: Bytes::new(), url: final_url, found: true }),
        404 => Ok(Fetched { body: Bytes::new(), url: final_url, found: false }),
        401 => Err(ViewError::SignInNeeded { url: url.to_string() }),
        _ => Err(ViewError::Status { url: url.to_string(), status }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(lane: u32, what: u64, urgency: Urgency, priority: f64) -> Request<()> {
        Request { key: (lane, what), url: None, urgency, priority, decode: Box::new(|_| Ok(())) }
    }

    fn order(requests: Vec<Request<()>>) -> Vec<Key> {
        let mut state = State { queue: requests, in_flight: BTreeSet::new(), last_lane: 0, closed: false };
        std::iter::from_fn(|| take_next(&mut state).map(|request| request.key)).collect()
    }

    #[test]
    fn urgent_comes_first_and_near_before_far() {
        let keys = order(vec![
            request(1, 1, Urgency::Normal, 5.0),
            request(1, 2, Urgency::Normal, 1.0),
            request(1, 3, Urgency::Urgent, 9.0),
        ]);
        assert_eq!(keys, [(1, 3), (1, 2), (1, 1)]);
    }

    #[test]
    fn lanes_take_turns_so_that_none_starves() {
        let mut requests: Vec<_> = (0..4).map(|what| request(1, what, Urgency::Normal, what as f64)).collect();
        requests.push(request(2, 0, Urgency::Normal, 1e9));
        let keys = order(requests);
        assert!(keys[..2].contains(&(2, 0)), "lane 2 is served among the first two: {keys:?}");
    }
}
