//! Drawing first weights.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

/// The network with its first weights drawn, in the order in which its layers are declared.
///
/// Burn draws a parameter when it is first used: whether by the pass or by a copy for another device, and in which order,
/// would else decide which numbers it gets.
pub(crate) fn drawn<M: Module>(net: M) -> M {
    net.visit(&mut Draw);
    net
}

struct Draw;

impl ModuleVisitor for Draw {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let _ = param.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::LinearConfig;
    use burn::tensor::Device;

    #[test]
    fn what_is_drawn_stays() {
        let device = Device::flex();
        device.seed(1);
        let net = drawn(LinearConfig::new(3, 2).init(&device));
        device.seed(2);
        let numbers = |net: burn::nn::Linear| net.weight.val().try_into_vec_as::<f32>().unwrap();
        assert_eq!(numbers(net.clone()), numbers(net.clone().fork(&device)));
        device.seed(1);
        assert_eq!(numbers(net), numbers(LinearConfig::new(3, 2).init(&device)));
    }
}
