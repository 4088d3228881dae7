//! Where training computes.

use std::str::FromStr;

use burn::tensor::Device;

use crate::error::ZooError;

/// The variable of the environment that holds the word which a server asks of its clients.
pub const TOKEN: &str = "LOGIT_DEVICE_TOKEN";

/// Serves this machine's processor to other processes, until Ctrl-C: they train on it by `remote://HOST:PORT`.
///
/// The connection is not encrypted. Where [`TOKEN`] is set, clients must have it set to the same word.
///
/// # Errors
/// Logit was built without the feature `remote`, or the server cannot be started.
pub fn serve_device(listener: std::net::TcpListener) -> Result<(), ZooError> {
    #[cfg(not(feature = "remote"))]
    {
        drop(listener);
        can_serve_device()
    }
    #[cfg(feature = "remote")]
    {
        use burn::server::{RemoteServer, TokenAuthorizer, WebSocketTransport};

        let failed = |error: &dyn std::fmt::Display| ZooError::Device { reason: error.to_string() };
        let mut server = RemoteServer::new([Device::flex()]);
        if let Ok(token) = std::env::var(TOKEN) {
            let authorizer = TokenAuthorizer::new(token.as_str()).map_err(|error| failed(&error))?;
            server = server.with_authorizer(authorizer);
        }
        server.serve(WebSocketTransport::from_listener(listener)).map_err(|error| failed(&error))
    }
}

/// Whether this program was built to serve devices.
///
/// # Errors
/// It was not.
pub fn can_serve_device() -> Result<(), ZooError> {
    #[cfg(not(feature = "remote"))]
    return Err(without("serving a device", "remote"));
    #[cfg(feature = "remote")]
    Ok(())
}

#[cfg(not(all(feature = "cuda", feature = "remote")))]
fn without(what: &str, feature: &str) -> ZooError {
    ZooError::Usage(format!(
        "{what}: this `logit` was built without it; build it with `--features {feature}`"
    ))
}

/// A device, by its name on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceName {
    /// This machine's processor: `cpu`.
    Cpu,
    /// A CUDA device of this machine, by number: `cuda:0`.
    Cuda(usize),
    /// The device that another process serves by `logit serve-device`: `remote://host:port`.
    Remote(String),
}

impl FromStr for DeviceName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if name == "cpu" {
            return Ok(Self::Cpu);
        }
        if let Some(number) = name.strip_prefix("cuda:").and_then(|number| number.parse().ok()) {
            return Ok(Self::Cuda(number));
        }
        let address = name.strip_prefix("remote://").and_then(|address| address.rsplit_once(':'));
        match address {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                Ok(Self::Remote(format!("{host}:{port}")))
            }
            _ => Err(format!("`{name}` is none of cpu, cuda:NUMBER and remote://HOST:PORT")),
        }
    }
}

impl std::fmt::Display for DeviceName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
            Self::Remote(address) => write!(f, "remote://{address}"),
        }
    }
}

impl DeviceName {
    fn open(&self) -> Result<Device, ZooError> {
        match self {
            Self::Cpu => Ok(Device::flex()),
            #[cfg(feature = "cuda")]
            Self::Cuda(number) => Ok(Device::cuda(*number)),
            #[cfg(feature = "remote")]
            Self::Remote(address) => {
                use burn::remote::RemoteHost;

                let host = RemoteHost::websocket(&format!("ws://{address}"));
                let host = match std::env::var(TOKEN) {
                    Ok(token) => host.with_credential(token.as_str()),
                    Err(_) => host,
                };
                let unreachable = |error| ZooError::Device { reason: format!("{self}: {error}") };
                Device::remote_options(&host).init().map_err(unreachable)
            }
            #[cfg(not(all(feature = "cuda", feature = "remote")))]
            other => {
                let feature = if matches!(other, Self::Cuda(_)) { "cuda" } else { "remote" };
                Err(without(&other.to_string(), feature))
            }
        }
    }
}

/// The devices of a training: one, or several that share each batch.
///
/// With several, every device has a copy of the network and a part of the batch, and the first device adds up the
/// gradients, each by its share of the samples, and updates. That is the gradient of the whole batch where the loss is a
/// mean over samples; where it is not (class weights, ignored targets, a correlation over the batch), it is the mean of the
/// parts' gradients. Batch norm sees each part for itself; the running statistics are those of the first device.
#[derive(Clone, Debug)]
pub struct Devices {
    all: Vec<Device>,
    far: Vec<String>,
}

impl Default for Devices {
    /// This machine's processor.
    fn default() -> Self {
        Self { all: vec![Device::flex()], far: Vec::new() }
    }
}

impl Devices {
    /// Opens devices; none named is this machine's processor.
    ///
    /// # Errors
    /// A device is named twice, was not built in, or cannot be reached.
    pub fn open(names: &[DeviceName]) -> Result<Self, ZooError> {
        if let Some(twice) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            return Err(ZooError::Usage(format!("the device {} is named twice", twice.1)));
        }
        if names.is_empty() {
            return Ok(Self::default());
        }
        let all = names.iter().map(DeviceName::open).collect::<Result<_, _>>()?;
        let far = names.iter().filter(|name| matches!(name, DeviceName::Remote(_)));
        Ok(Self { all, far: far.map(ToString::to_string).collect() })
    }

    #[cfg(test)]
    pub(crate) fn of(all: Vec<Device>) -> Self {
        Self { all, far: Vec::new() }
    }

    /// All of them, for training, the one that updates first.
    pub(crate) fn training(&self) -> Vec<Device> {
        self.all.iter().map(|device| device.clone().autodiff()).collect()
    }

    /// Those that another process serves, which may go away.
    pub(crate) fn far(&self) -> &[String] {
        &self.far
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written_alike() {
        for name in ["cpu", "cuda:1", "remote://127.0.0.1:4000", "remote://[::1]:4000"] {
            assert_eq!(name.parse::<DeviceName>().unwrap().to_string(), name);
        }
        for name in ["gpu", "cuda", "cuda:x", "remote://host", "remote://:1", "remote://host:99999", ""] {
            assert!(name.parse::<DeviceName>().unwrap_err().contains("none of"), "{name}");
        }
    }

    #[test]
    fn a_device_is_named_once() {
        let error = Devices::open(&[DeviceName::Cpu, DeviceName::Cpu]).unwrap_err().to_string();
        assert!(error.contains("twice"), "{error}");
    }
}
