//! What is new, as server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use logit_run::live::News;
use serde_json::json;

use super::Runs;
use super::api::asked;

/// How often the runs are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// An event `run` for each run that has something new, first of all for every run.
pub(super) async fn events(State(runs): State<Runs>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let last = vec![None; runs.len()];
    let watching = Watching { runs, last, ready: VecDeque::new(), began: false };
    let stream = stream::unfold(watching, |watching| async { Some(watching.next().await) });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

struct Watching {
    runs: Runs,
    /// What was sent last of each run.
    last: Vec<Option<News>>,
    ready: VecDeque<Event>,
    began: bool,
}

impl Watching {
    async fn next(mut self) -> (Result<Event, Infallible>, Self) {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return (Ok(event), self);
            }
            if self.began {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            self.began = true;
            self.look();
        }
    }

    fn look(&mut self) {
        for id in 0..self.runs.len() {
            // A run that cannot be read now may be read later: what asks for it is told why.
            let Ok(news) = asked(&self.runs, id, |live| Ok(live.news())) else { continue };
            if self.last[id].as_ref() == Some(&news) {
                continue;
            }
            let mut data = json!(news);
            data["id"] = json!(id.to_string());
            self.ready.push_back(Event::default().event("run").data(data.to_string()));
            self.last[id] = Some(news);
        }
    }
}
