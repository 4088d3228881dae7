//! Copies of a network for other devices, and what they learned beside their gradients: the running means and variances of
//! batch norms, which each pass updates.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};

/// A copy on another device, whose state is its own.
///
/// A clone shares the state that passes update: moving it to another device would move it away under the first, and both
/// would update it in whatever order they come by.
pub(super) fn copied<M: Module>(net: &M, device: &Device) -> M {
    net.valid().train().fork(device)
}

/// The states of several copies after a step, weighted by their shares of the batch and added up in the order of the devices.
pub(super) struct Mixture {
    first_share: f64,
    /// By path, the sum of the others' numbers by their shares.
    others: BTreeMap<String, Vec<f64>>,
}

impl Mixture {
    /// The first network's share alone.
    pub(super) fn new(first_share: f64) -> Self {
        Self { first_share, others: BTreeMap::new() }
    }

    /// Adds the state of a copy.
    pub(super) fn add<M: Module>(&mut self, net: &M, share: f64) {
        // Making the copy for inference takes the last update in.
        drop(net.valid());
        let mut states = States::default();
        net.visit(&mut states);
        for (path, numbers) in states.found {
            let sum = self.others.entry(path).or_insert_with(|| vec![0.0; numbers.len()]);
            sum.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += share * f64::from(number));
        }
    }

    /// Gives the first network what all of them have seen.
    pub(super) fn mix_into<M: Module>(self, net: &M) {
        if self.others.is_empty() {
            return;
        }
        drop(net.valid());
        // State is shared between clones: what is put into this one is in the network.
        drop(net.clone().map(&mut Mix { path: Vec::new(), mixture: self }));
    }
}

/// The states of a network under training by their paths: what passes update and no gradient does.
#[derive(Default)]
struct States {
    path: Vec<String>,
    found: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor for States {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !param.is_require_grad() {
            self.found.insert(self.path.join("."), numbers(param.val()));
        }
    }
}

struct Mix {
    path: Vec<String>,
    mixture: Mixture,
}

impl ModuleMapper for Mix {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(others) = self.mixture.others.get(&self.path.join(".")) else { return param };
        param.map(|state| {
            let (shape, device) = (state.dims(), state.device());
            let share = self.mixture.first_share;
            let mixed = numbers(state).into_iter().zip(others);
            let mixed: Vec<f32> =
                mixed.map(|(first, others)| (share * f64::from(first) + others) as f32).collect();
            Tensor::from_data(TensorData::new(mixed, shape), &device)
        })
    }
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data_as::<f32>().iter::<f32>().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::{BatchNorm, BatchNormConfig};

    fn trained_on(net: &BatchNorm, value: f32, device: &Device) {
        // Two values of mean `value` and of variance 1, so that the running mean takes in a tenth of the value.
        let rows = Tensor::<2>::from_data([[value - 1.0], [value + 1.0]], device);
        let _ = net.forward(rows);
    }

    fn mean(net: &BatchNorm) -> f32 {
        net.running_mean.value_sync().into_scalar::<f32>()
    }

    #[test]
    fn a_copy_keeps_what_it_sees_to_itself_until_it_is_mixed_in() {
        let device = Device::flex().autodiff();
        let first: BatchNorm = BatchNormConfig::new(1).init(&device);
        let second = copied(&first, &device);
        trained_on(&first, 10.0, &device);
        trained_on(&second, 20.0, &device);
        let mut states = Mixture::new(0.75);
        states.add(&second, 0.25);
        states.mix_into(&first);
        assert!((mean(&first) - (0.75 * 1.0 + 0.25 * 2.0)).abs() < 1e-6, "{}", mean(&first));
        assert!((mean(&second) - 2.0).abs() < 1e-6);
        assert_eq!(first.gamma.id, second.gamma.id);
        assert!(second.gamma.is_require_grad());
    }

    #[test]
    fn one_device_alone_changes_nothing() {
        let device = Device::flex().autodiff();
        let net: BatchNorm = BatchNormConfig::new(1).init(&device);
        trained_on(&net, 10.0, &device);
        Mixture::new(1.0).mix_into(&net);
        assert!((mean(&net) - 1.0).abs() < 1e-6);
    }
}
