//! Rules and methods as a system's networks take them.

use logit::explain::method::{Method, Settings};

use crate::error::ZooError;
use crate::system::explained::{Inputs, Wish};

/// The methods that were asked for, by name.
pub(crate) fn methods(wish: &Wish, inputs: &Inputs) -> Result<Vec<(String, Method)>, ZooError> {
    let names = if wish.rules.is_empty() { vec![inputs.usual.to_owned()] } else { wish.rules.clone() };
    let settings = Settings {
        bounds: inputs.bounds,
        baseline: inputs.bounds.map_or(0.0, |[low, _]| low),
        layer: wish.layer.clone(),
        // Windows of several numbers lie half over one another.
        stride: inputs.window.iter().map(|size| size.div_ceil(2)).collect(),
        window: inputs.window.clone(),
        ..Settings::default()
    };
    let named = |name: String| {
        let method = Method::named(&name, &settings).map_err(|error| ZooError::Usage(error.to_string()))?;
        let has_layers = matches!(method, Method::Relevance(_) | Method::GradCam { .. });
        if wish.layer.is_some() && !has_layers {
            let what = format!("`{name}` explains inputs alone: leave out `--layer`, or choose another rule");
            return Err(ZooError::Usage(what));
        }
        Ok((name, method))
    };
    names.into_iter().map(named).collect()
}
