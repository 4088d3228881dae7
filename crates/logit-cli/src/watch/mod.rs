//! The server of `logit watch`: a page, what it asks for as JSON, and what is new as server-sent events.
//!
//! It answers GET alone, and gives nothing but the runs that it was started for. A request must name the server by an
//! address or as `localhost`: a page of another site that has a name point here gets nothing.

mod api;
mod news;
mod page;

use std::net::{IpAddr, TcpListener};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use logit_run::Live;

/// The runs that are looked at, in the order in which they were named.
type Runs = Arc<Vec<Mutex<Live>>>;

/// Nothing but what this server gives is loaded, whatever a run's names hold.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'";

/// Serves until the process ends.
///
/// # Errors
/// The listener cannot be used.
pub(crate) fn serve(listener: TcpListener, runs: Vec<Live>) -> std::io::Result<()> {
    let runs: Runs = Arc::new(runs.into_iter().map(Mutex::new).collect());
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        axum::serve(listener, router(runs)).await
    })
}

fn router(runs: Runs) -> Router {
    Router::new()
        .route("/", get(page::index))
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .route("/{file}", get(page::file))
        .route("/api/runs", get(api::runs))
        .route("/api/runs/{id}/series", get(api::series))
        .route("/api/runs/{id}/frame", get(api::frame))
        .route("/api/runs/{id}/layers", get(api::layer))
        .route("/api/runs/{id}/findings", get(api::findings))
        .route("/api/events", get(news::events))
        .layer(middleware::from_fn(guarded))
        .with_state(runs)
}

/// Refuses requests under another site's name, and says what browsers may do with the answers.
async fn guarded(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if !host.is_some_and(is_own) {
        let reason = "this server is asked by its address or as localhost\n";
        return (StatusCode::FORBIDDEN, reason).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whether a `Host` is an address or `localhost`, with a port or without.
fn is_own(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::is_own;

    #[test]
    fn names_of_other_sites_are_none_of_ours() {
        for host in ["localhost", "LocalHost:80", "127.0.0.1:6006", "10.0.0.5", "[::1]:6006", "[::1]"] {
            assert!(is_own(host), "{host}");
        }
        for host in
            ["evil.example", "evil.example:6006", "localhost.evil.example", "", "127.0.0.1.evil.example:80"]
        {
            assert!(!is_own(host), "{host}");
        }
    }
}
