//! From a recipe to a network of its own type.

use burn::tensor::Device;

use crate::error::ZooError;
use crate::models::Classifier;
use crate::recipe::{ModelConfig, Recipe};

/// Something to do with a network, whatever its type.
pub(crate) trait WithNetwork {
    type Output;

    fn call<C: Classifier>(self, net: C) -> Result<Self::Output, ZooError>;
}

/// Builds the recipe's network for images of a size and calls `then` with it.
pub(crate) fn with_network<W: WithNetwork>(
    recipe: &Recipe,
    [height, width]: [usize; 2],
    classes: usize,
    device: &Device,
    then: W,
) -> Result<W::Output, ZooError> {
    let features = height * width;
    match &recipe.model {
        ModelConfig::ConvNet(config) if [height, width] == [28, 28] => {
            then.call(config.init(classes, device)?)
        }
        ModelConfig::ConvNet(_) => Err(ZooError::Unfit {
            what: format!(
                "the convnet takes images of 28×28, not {height}×{width}; use a `linear` or `mlp` model"
            ),
        }),
        ModelConfig::Linear(config) => then.call(config.init(features, classes, device)?),
        ModelConfig::Mlp(config) => then.call(config.init(features, classes, device)?),
    }
}
