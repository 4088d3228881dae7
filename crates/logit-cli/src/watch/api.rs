//! What the page asks for, as JSON.

use std::sync::PoisonError;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use logit_run::{Live, RunError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Runs;

/// JSON, or why there is none.
type Answer = Result<Json<Value>, (StatusCode, Json<Value>)>;

pub(super) async fn runs(State(runs): State<Runs>) -> Answer {
    let summaries = (0..runs.len()).map(|id| {
        let mut summary = asked(&runs, id, |live| live.summary().map(|summary| json!(summary)))?;
        summary["id"] = json!(id.to_string());
        Ok(summary)
    });
    summaries.collect::<Result<Vec<Value>, _>>().map(|all| Json(json!(all)))
}

pub(super) async fn series(State(runs): State<Runs>, Path(id): Path<usize>) -> Answer {
    answer(&runs, id, |live| Ok(live.series()))
}

#[derive(Deserialize)]
pub(super) struct Step {
    step: u64,
}

pub(super) async fn frame(
    State(runs): State<Runs>,
    Path(id): Path<usize>,
    Query(asked_for): Query<Step>,
) -> Answer {
    let step = asked_for.step;
    match asked(&runs, id, |live| live.at(step))? {
        Some(past) => Ok(Json(json!(past))),
        None => Err(error(StatusCode::NOT_FOUND, format!("nothing was recorded up to step {step}"))),
    }
}

#[derive(Deserialize)]
pub(super) struct Name {
    name: String,
}

pub(super) async fn layer(State(runs): State<Runs>, Path(id): Path<usize>, Query(of): Query<Name>) -> Answer {
    answer(&runs, id, |live| Ok(live.layer(&of.name)))
}

pub(super) async fn findings(State(runs): State<Runs>, Path(id): Path<usize>) -> Answer {
    answer(&runs, id, |live| Ok(live.findings()))
}

fn answer<T: Serialize>(runs: &Runs, id: usize, ask: impl FnOnce(&Live) -> Result<T, RunError>) -> Answer {
    asked(runs, id, ask).map(|value| Json(json!(value)))
}

/// Asks a run, after what was written to it since.
pub(super) fn asked<T>(
    runs: &Runs,
    id: usize,
    ask: impl FnOnce(&Live) -> Result<T, RunError>,
) -> Result<T, (StatusCode, Json<Value>)> {
    let run = runs.get(id).ok_or_else(|| error(StatusCode::NOT_FOUND, format!("there is no run {id}")))?;
    let mut live = run.lock().unwrap_or_else(PoisonError::into_inner);
    live.refresh()
        .and_then(|()| ask(&live))
        .map_err(|failure| error(StatusCode::INTERNAL_SERVER_ERROR, failure.to_string()))
}

fn error(status: StatusCode, message: String) -> (StatusCode, Json<Value>) {
    (status, Json(json!({"error": message})))
}
