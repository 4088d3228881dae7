//! What stands at the end of a network.

use logit::{HeadConfig, Kind};
use logit_spec::Loss;

/// What stands at the end of a network: the kind of its answer, the loss that it is trained by, and its units.
pub trait Output: Sync {
    /// The kind of the answer.
    type Kind: Kind;

    /// The kind of the answer.
    fn kind(&self) -> Self::Kind;

    /// The loss, as the table of heads names it.
    fn loss_name(&self) -> Loss;

    /// The names of the units.
    fn units(&self) -> Vec<String>;

    /// A head on so many features.
    fn head(&self, features: usize) -> HeadConfig<Self::Kind> {
        HeadConfig::new(features, self.kind())
    }
}
