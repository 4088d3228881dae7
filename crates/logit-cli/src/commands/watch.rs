//! `logit watch`

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use logit_run::{Live, RunDir};
use serde_json::json;

use crate::args::Watch;
use crate::failure::Failure;
use crate::output;
use crate::record::Account;
use crate::watch;

pub(crate) fn run(args: &Watch, json: bool) -> Result<(), Failure> {
    let runs = args.runs.iter().map(|run| open(run)).collect::<Result<Vec<_>, Failure>>()?;
    let host = args.host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let refused =
        |error| Failure::Failed(format!("port {} of {host} cannot be listened on: {error}", args.port));
    let listener = TcpListener::bind(SocketAddr::new(host, args.port)).map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    if !host.is_loopback() {
        output::note(format_args!("other machines that reach {host} can see these runs"));
    }
    if json {
        output::json(&json!({ "url": format!("http://{address}/") }))?;
    } else {
        output::lines([format!("http://{address}/ — Ctrl-C ends it")])?;
    }
    watch::serve(listener, runs).map_err(|error| Failure::Failed(error.to_string()))
}

/// Opens a run, and says what of its record is missing.
fn open(folder: &Path) -> Result<Live, Failure> {
    let run = RunDir::open(folder)?;
    let live = Live::open(run.clone())?;
    // A file that cannot be read now is named on the page.
    if let Ok(account) = run.findings().and_then(|found| Account::of(&run, &found)) {
        account.missing.iter().for_each(|what| output::note(format_args!("missing: {what}")));
    }
    Ok(live)
}
