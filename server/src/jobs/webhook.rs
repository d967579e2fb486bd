//! Tells a job's end to whoever asked for it: one POST, signed, until it is taken or given up.
//!
//! Ends come from the store's outbox, into which they get in the same transaction in which a job ends: neither a
//! restart nor a crash loses one, though one may come twice (a receiver knows it by the job's id). Where a webhook may
//! lead is [`Guard`]'s business. What the receiver answers is not read, only its status.
//!
//! The body is the job as [`view`](fn@super::view) shows it. `X-Vfxb-Timestamp` holds the seconds since 1970 at which it was
//! sent, `X-Vfxb-Signature` holds `v1=` and the HMAC-SHA256, in hexadecimal, of that number, a dot, and the body, with
//! the owner's own secret ([`super::signing`]).

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use tokio::task::{Id, JoinError, JoinSet};

use super::backoff::Backoff;
use super::signing::{Secrets, signature};
use super::{Jobs, view};
use crate::app::App;
use crate::http::guard::Guard;
use crate::http::signed::Signer;
use crate::model::Owner;
use crate::store::{Notice, Share, Store};

/// The longest sleep: clocks jump.
const NAP: Duration = Duration::from_secs(30);

/// Between two tries with a store that does not answer.
const AGAIN: Duration = Duration::from_secs(1);

/// How a webhook is tried.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// For a connection.
    connect: Duration,
    /// For a whole try.
    whole: Duration,
    /// Between tries.
    backoff: Backoff,
    /// Tries in all.
    tries: u32,
    /// Tries at once, of all jobs.
    at_once: usize,
    /// Tries at once of one owner's: a receiver that hangs holds no others up.
    at_once_of_one: u64,
}

/// About two hours in all.
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    whole: Duration::from_secs(10),
    backoff: Backoff { first: Duration::from_secs(10), most: Duration::from_secs(3600) },
    tries: 10,
    at_once: 16,
    at_once_of_one: 4,
};

/// Sends what the outbox holds.
pub struct Webhooks {
    jobs: Jobs,
    sender: Arc<Sender>,
}

struct Sender {
    store: Arc<dyn Store>,
    signer: Signer,
    guard: Guard,
    client: reqwest::Client,
    secrets: Secrets,
    patience: Patience,
}

/// What came of a try.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    /// The receiver has it.
    Taken,
    /// Another try cannot help.
    Refused(String),
    /// Another try may help.
    Missed(String),
}

impl Webhooks {
    /// The service's own.
    ///
    /// # Errors
    /// If the service's secret can be neither read nor made, or no TLS can be set up.
    pub fn new(app: &App) -> io::Result<Webhooks> {
        Webhooks::with(app, PATIENCE)
    }

    fn with(app: &App, patience: Patience) -> io::Result<Webhooks> {
        let guard = Guard::new(&app.config.private_networks);
        let client = guard.client(patience.connect, patience.whole).map_err(io::Error::other)?;
        // Now, not in the middle of the first webhook.
        app.webhook_secrets.of(Owner::nil())?;
        let sender = Sender {
            store: app.store.clone(),
            signer: app.signer.clone(),
            guard,
            client,
            secrets: app.webhook_secrets.clone(),
            patience,
        };
        Ok(Webhooks { jobs: app.jobs.clone(), sender: Arc::new(sender) })
    }

    /// Sends until [`Jobs::stop`]. What is on its way then is sent again after the next start.
    pub async fn run(self) {
        let mut sending = Sending::default();
        while !self.jobs.stopping.is_cancelled() {
            let pause = self.send_due(&mut sending).await;
            tokio::select! {
                () = self.jobs.stopping.cancelled() => break,
                () = self.jobs.ended.notified() => {}
                () = tokio::time::sleep(pause) => {}
                Some(ended) = sending.tasks.join_next_with_id() => sending.forget(ended),
            }
        }
        sending.tasks.shutdown().await;
    }

    /// Begins every try that is due, as far as there is room; how long to wait if nothing else happens.
    async fn send_due(&self, sending: &mut Sending) -> Duration {
        let Patience { at_once, at_once_of_one, whole, .. } = self.sender.patience;
        let room = at_once.saturating_sub(sending.tasks.len());
        if room == 0 {
            return NAP;
        }
        let now = Timestamp::now();
        // Should the service end in the middle of a try, the next one comes after this.
        let again = later(now, whole * 2);
        let share =
            Share { all: u64::try_from(room).unwrap_or(1), each: at_once_of_one, busy: sending.busy() };
        let due = self.sender.store.take_notices(now, again, &share).await;
        let Ok(due) = due.inspect_err(|error| tracing::error!(%error, "webhooks cannot be read")) else {
            return AGAIN;
        };
        let full = due.len() == room;
        for notice in due {
            let (sender, owner) = (self.sender.clone(), notice.job.owner);
            let task = sending.tasks.spawn(async move { sender.deliver(notice).await });
            sending.owners.insert(task.id(), owner);
        }
        // What is due and was not taken waits for one that is on its way.
        match self.sender.store.next_notice(now).await {
            Ok(_) if full => NAP,
            Ok(Some(next)) => Duration::try_from(next.duration_since(now)).unwrap_or_default().min(NAP),
            Ok(None) => NAP,
            Err(_) => AGAIN,
        }
    }
}

/// Tries that are on their way, and whose they are.
#[derive(Default)]
struct Sending {
    tasks: JoinSet<()>,
    owners: HashMap<Id, Owner>,
}

impl Sending {
    /// How many are on their way, by owner.
    fn busy(&self) -> HashMap<Owner, u64> {
        let mut busy = HashMap::new();
        self.owners.values().for_each(|owner| *busy.entry(*owner).or_default() += 1);
        busy
    }

    fn forget(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = ended.map_or_else(|died| died.id(), |(id, ())| id);
        self.owners.remove(&id);
    }
}

impl Sender {
    /// One try, and what follows from it.
    async fn deliver(&self, notice: Notice) {
        let id = notice.job.id;
        let came = self.send(&notice).await;
        let kept = match &came {
            Came::Missed(reason) if notice.tries < self.patience.tries => {
                tracing::info!(job = %id, tries = notice.tries, reason, "a webhook is tried again");
                let due = later(Timestamp::now(), self.patience.backoff.wait(notice.tries));
                self.store.postpone_notice(id, due).await
            }
            Came::Missed(reason) | Came::Refused(reason) => {
                tracing::warn!(job = %id, tries = notice.tries, reason, "a webhook is given up");
                self.store.forget_notice(id).await
            }
            Came::Taken => self.store.forget_notice(id).await,
        };
        if let Err(error) = kept {
            tracing::error!(job = %id, %error, "a webhook may come twice");
        }
    }

    async fn send(&self, notice: &Notice) -> Came {
        let job = &notice.job;
        let url = match self.guard.url(job.webhook.as_deref().unwrap_or_default()) {
            Ok(url) => url,
            Err(refused) => return Came::Refused(refused.to_string()),
        };
        let body = match serde_json::to_string(&view(job, &|path| self.signer.sign(job.owner, path))) {
            Ok(body) => body,
            Err(error) => return Came::Refused(error.to_string()),
        };
        let timestamp = Timestamp::now().as_second().to_string();
        let secret = self.secrets.of(job.owner);
        let signed = secret.ok().and_then(|secret| signature(&secret, &timestamp, &body));
        let Some(signature) = signed else {
            return Came::Missed("it cannot be signed".to_owned());
        };
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("X-Vfxb-Timestamp", &timestamp)
            .header("X-Vfxb-Signature", format!("v1={signature}"))
            .body(body);
        match request.send().await.map(|response| response.status()) {
            Ok(status) if status.is_success() => Came::Taken,
            // The receiver says that it wants no more of it.
            Ok(status) if status == reqwest::StatusCode::GONE => Came::Refused(status.to_string()),
            Ok(status) => Came::Missed(status.to_string()),
            // Without the url: it may hold a receiver's own token.
            Err(error) => Came::Missed(reasons(&error.without_url())),
        }
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

fn reasons(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::State;
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::post;
    use tokio::sync::mpsc;
    use uuid::Uuid;

    use super::*;
    use crate::jobs::fake::{self, PATIENCE, Service};
    use crate::model::{Job, JobState, JobView, OPEN_OWNER};

    const QUICK: Patience = Patience {
        connect: Duration::from_secs(2),
        whole: Duration::from_secs(2),
        backoff: Backoff { first: Duration::from_millis(1), most: Duration::from_millis(2) },
        tries: 4,
        at_once: 3,
        at_once_of_one: 2,
    };

    /// What a receiver got.
    struct Got {
        path: String,
        timestamp: String,
        signature: String,
        body: String,
    }

    /// A receiver on loopback; it answers what its path says, and hangs at `/hang`.
    async fn receiver() -> (String, mpsc::UnboundedReceiver<Got>) {
        let (sender, got) = mpsc::unbounded_channel();
        let take = async |State(sender): State<mpsc::UnboundedSender<Got>>,
                          uri: axum::http::Uri,
                          headers: HeaderMap,
                          body: String| {
            let header = |name: &str| headers[name].to_str().unwrap().to_owned();
            let path = uri.path().to_owned();
            let status = path.trim_start_matches('/').parse::<u16>();
            sender
                .send(Got {
                    path,
                    timestamp: header("x-vfxb-timestamp"),
                    signature: header("x-vfxb-signature"),
                    body,
                })
                .unwrap();
            match status {
                Ok(status) => {
                    (StatusCode::from_u16(status).unwrap(), [("location", "http://169.254.169.254/")])
                }
                Err(_) => std::future::pending().await,
            }
        };
        let router = Router::new().route("/{*path}", post(take)).with_state(sender);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        (format!("http://{address}"), got)
    }

    fn service() -> Service {
        Service::with(|config| config.private_networks = vec!["127.0.0.0/8".parse().unwrap()])
    }

    /// A job with a webhook that has ended.
    async fn ended(service: &Service, webhook: &str) -> Uuid {
        let job = Job { webhook: Some(webhook.to_owned()), ..fake::job("film") };
        let id = service.app.jobs.submit(job, None, None).await.unwrap().id;
        service.app.jobs.cancel(OPEN_OWNER, id).await.unwrap();
        id
    }

    fn start(service: &Service) -> tokio::task::JoinHandle<()> {
        tokio::spawn(Webhooks::with(&service.app, QUICK).unwrap().run())
    }

    async fn next(got: &mut mpsc::UnboundedReceiver<Got>) -> Got {
        tokio::time::timeout(PATIENCE, got.recv()).await.unwrap().unwrap()
    }

    async fn outbox_is_empty(service: &Service) {
        let empty = async {
            while service.app.store.next_notice(Timestamp::UNIX_EPOCH).await.unwrap().is_some() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, empty).await.unwrap();
    }

    #[tokio::test]
    async fn an_end_is_told_signed_and_once() {
        let service = service();
        let (url, mut got) = receiver().await;
        let _sending = start(&service);
        let id = ended(&service, &format!("{url}/204")).await;
        let told = next(&mut got).await;
        let view: JobView = serde_json::from_str(&told.body).unwrap();
        assert_eq!((view.id, view.state), (id, JobState::Cancelled));
        let secret = service.app.webhook_secrets.of(OPEN_OWNER).unwrap();
        let signed = signature(&secret, &told.timestamp, &told.body).unwrap();
        assert_eq!(told.signature, format!("v1={signed}"));
        outbox_is_empty(&service).await;
        assert!(got.try_recv().is_err(), "once");
    }

    #[tokio::test]
    async fn tries_are_counted_and_redirects_not_followed() {
        let service = service();
        let (url, mut got) = receiver().await;
        let _sending = start(&service);
        for (path, tries) in [("/500", 4), ("/302", 4), ("/410", 1)] {
            ended(&service, &format!("{url}{path}")).await;
            for _ in 0..tries {
                assert_eq!(next(&mut got).await.path, path);
            }
            outbox_is_empty(&service).await;
            assert!(got.try_recv().is_err(), "{path}: no more than {tries}");
        }
    }

    #[tokio::test]
    async fn a_receiver_that_hangs_is_left_and_holds_nobody_up() {
        let service = service();
        let (url, mut got) = receiver().await;
        let _sending = start(&service);
        ended(&service, &format!("{url}/hang")).await;
        assert_eq!(next(&mut got).await.path, "/hang");
        ended(&service, &format!("{url}/200")).await;
        assert_eq!(next(&mut got).await.path, "/200", "while the other hangs");
    }

    #[tokio::test]
    async fn what_was_not_told_is_told_after_a_restart() {
        let service = service();
        let (url, mut got) = receiver().await;
        let id = ended(&service, &format!("{url}/200")).await;
        let _sending = start(&service);
        assert!(next(&mut got).await.body.contains(&id.to_string()));
        outbox_is_empty(&service).await;
    }

    #[tokio::test]
    async fn private_addresses_are_refused_when_it_is_sent_too() {
        let closed = Service::new();
        let (url, mut got) = receiver().await;
        let _sending = start(&closed);
        ended(&closed, &format!("{url}/200")).await;
        ended(&closed, &format!("{}/200", url.replace("127.0.0.1", "localhost"))).await;
        outbox_is_empty(&closed).await;
        assert!(got.try_recv().is_err());
    }

    /// Somebody's receiver hangs: it has its share of what is sent at once, and others go on.
    #[tokio::test]
    async fn one_owners_webhooks_do_not_take_all_places() {
        let service = service();
        let (url, mut got) = receiver().await;
        let other = Uuid::from_u128(7);
        for _ in 0..5 {
            ended(&service, &format!("{url}/hang")).await;
        }
        let job = Job { webhook: Some(format!("{url}/200")), owner: other, ..fake::job("film") };
        let id = service.app.jobs.submit(job, None, None).await.unwrap().id;
        service.app.jobs.cancel(other, id).await.unwrap();
        // Nothing that hangs ends before the test does.
        let patient = Patience { whole: PATIENCE * 10, ..QUICK };
        tokio::spawn(Webhooks::with(&service.app, patient).unwrap().run());
        let mut paths = vec![next(&mut got).await.path, next(&mut got).await.path, next(&mut got).await.path];
        paths.sort();
        assert_eq!(paths, ["/200", "/hang", "/hang"]);
        for _ in 0..2 {
            let job = Job { webhook: Some(format!("{url}/204")), owner: other, ..fake::job("film") };
            let id = service.app.jobs.submit(job, None, None).await.unwrap().id;
            service.app.jobs.cancel(other, id).await.unwrap();
            assert_eq!(next(&mut got).await.path, "/204", "the third place is for others");
        }
        assert!(got.try_recv().is_err(), "no third one hangs");
    }
}
