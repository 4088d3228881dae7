//! Drawing first weights.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;

/// The network with its first weights drawn, and numbered, in the order in which its layers are declared.
///
/// Burn draws a parameter when it is first used: whether by the pass or by a copy for another device, and in which order,
/// would else decide which weights it gets. It numbers parameters by chance, and its optimisers know them by their numbers:
/// equal trainings would else write other files.
pub(crate) fn drawn<M: Module>(net: M) -> M {
    net.map(&mut Draw { drawn: 0 })
}

/// The numbers that a network has to learn or to keep, none of which is drawn for being counted.
pub(crate) fn parameters<M: Module>(net: &M) -> u64 {
    struct Count(u64);

    impl ModuleVisitor for Count {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let sizes = param.lazy_shape();
            let product = sizes.iter().fold(1_u64, |product, size| product.saturating_mul(*size as u64));
            self.0 = self.0.saturating_add(product);
        }
    }

    let mut count = Count(0);
    net.visit(&mut count);
    count.0
}

struct Draw {
    drawn: u64,
}

impl ModuleMapper for Draw {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.drawn += 1;
        let (_, tensor, mapper) = param.consume();
        Param::from_mapped_value(ParamId::from(self.drawn), tensor, mapper)
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
        assert_eq!((net.weight.id.val(), net.bias.as_ref().map(|bias| bias.id.val())), (1, Some(2)));
        device.seed(1);
        assert_eq!(numbers(net), numbers(LinearConfig::new(3, 2).init(&device)));
    }
}
