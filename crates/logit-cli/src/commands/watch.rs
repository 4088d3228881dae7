//! `logit watch`

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use logit_run::{Live, RunDir};
use serde_json::json;

use crate::args::Watch;
use crate::failure::Failure;
use crate::output;
use crate::watch;

pub(crate) fn run(args: &Watch, json: bool) -> Result<(), Failure> {
    let runs = args.runs.iter().map(|run| Ok(Live::open(RunDir::open(run)?)?));
    let runs = runs.collect::<Result<Vec<_>, Failure>>()?;
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
        output::text(&format!("http://{address}/ — Ctrl-C ends it\n"))?;
    }
    watch::serve(listener, runs).map_err(|error| Failure::Failed(error.to_string()))
}
