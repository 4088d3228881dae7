//! A module's numbers, by the number of their parameter.

use std::collections::HashMap;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;
use logit_explain::Array;

/// The parameters of a module, running statistics included.
#[derive(Default)]
pub(super) struct Parameters {
    all: HashMap<ParamId, Array<f32>>,
}

impl Parameters {
    pub(super) fn of(net: &impl Module) -> Self {
        let mut parameters = Self::default();
        net.visit(&mut parameters);
        parameters
    }

    pub(super) fn get(&self, id: ParamId) -> Option<&Array<f32>> {
        self.all.get(&id)
    }
}

impl ModuleVisitor for Parameters {
    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        let value = parameter.val();
        let shape = value.dims().to_vec();
        // A parameter that cannot be read is missing where it is asked for.
        if let Ok(numbers) = value.try_into_vec_as::<f32>() {
            self.all.insert(parameter.id, Array::new(shape, numbers));
        }
    }
}
