//! `logit serve-device`

use std::net::{SocketAddr, TcpListener};

use logit_zoo::train::{self, TOKEN};

use crate::failure::Failure;
use crate::output;

pub(crate) fn run(listen: SocketAddr) -> Result<(), Failure> {
    train::can_serve_device()?;
    let listen_error = |error| Failure::Failed(format!("{listen} cannot be listened on: {error}"));
    let listener = TcpListener::bind(listen).map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    output::note(format_args!("serving this processor at remote://{address}; Ctrl-C ends it"));
    if !address.ip().is_loopback() && std::env::var_os(TOKEN).is_none() {
        output::note(format_args!("anyone who reaches {address} can compute here: {TOKEN} is not set"));
    }
    Ok(train::serve_device(listener)?)
}
