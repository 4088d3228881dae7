//! Checkpoints: a network's weights, and what training needs to resume, in one safetensors file.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::path::Path;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Shape, Tensor, TensorData};
use flate2::Crc;
use safetensors::tensor::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};

use logit_files::{open, read_at_most, replace_within};
use logit_run::RunError;

use super::bound::Bound;

/// The largest checkpoint that is read.
pub const MAX_CHECKPOINT_BYTES: u64 = 4 << 30;

/// The longest head of a checkpoint, with names and shapes of all weights, as safetensors limits it.
const MAX_HEAD_BYTES: u64 = 100_000_000;

/// Key of the file's metadata under which the header stands.
const HEADER: &str = "logit";

/// Name of the tensor of bytes that holds the optimiser's state.
const OPTIMIZER: &str = "optimizer";

/// Weights by their path in the module, and what else a checkpoint holds.
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    weights: BTreeMap<String, Weight>,
    /// The optimiser's state, as Burn writes it; empty where training does not resume.
    pub optimizer: Vec<u8>,
    /// The place in training, as JSON; `null` where training does not resume.
    pub place: serde_json::Value,
    /// What of the run the weights belong to; absent in files of before it was kept.
    pub bound: Option<Bound>,
    /// The [`seal`](Self::seal) of the best weights so far; absent before there are any, and in files of before it was kept.
    pub best: Option<String>,
}

/// A parameter.
#[derive(Clone, Debug)]
struct Weight {
    /// The number by which Burn's optimisers know it, where it is not that of its place in the network.
    id: Option<u64>,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Weight {
    fn numbers(&self) -> impl Iterator<Item = f32> {
        self.bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    /// Numbers that were drawn by chance, in files of before they were not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ids: Option<BTreeMap<String, u64>>,
    place: serde_json::Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bound: Option<Bound>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    best: Option<String>,
    /// [`Checkpoint::sum`]: Burn takes a damaged optimiser's state for less state, or panics on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sum: Option<u32>,
    /// In older files, the sum of all numbers alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crc: Option<u32>,
}

impl Checkpoint {
    /// Takes the weights of a module.
    pub fn of<M: Module>(module: &M) -> Self {
        // A batch norm's running mean and variance take an update in when they are next asked for: making the copy for
        // inference asks. Visited before that, they are those of the step before.
        drop(module.valid());
        let mut collector = Collector::default();
        module.visit(&mut collector);
        Self { weights: collector.weights, ..Self::default() }
    }

    /// The first weight with a number that is not finite, and that number.
    pub fn not_finite(&self) -> Option<(&str, f32)> {
        let first = |weight: &Weight| weight.numbers().find(|number| !number.is_finite());
        self.weights.iter().find_map(|(name, weight)| Some((name.as_str(), first(weight)?)))
    }

    /// Writes the checkpoint in the place of the one before it.
    ///
    /// # Errors
    /// The file cannot be written: the one before it stays.
    pub fn save(&self, path: &Path) -> Result<(), RunError> {
        let malformed = |reason: String| RunError::Malformed { path: path.to_owned(), reason };
        let (place, bound, best) = (self.place.clone(), self.bound.clone(), self.best.clone());
        let header = Header { ids: None, place, bound, best, sum: Some(self.sum()), crc: None };
        let header = serde_json::to_string(&header).map_err(|error| malformed(error.to_string()))?;
        let mut tensors: Vec<(&str, Bytes<'_>)> =
            self.weights.iter().map(|(name, weight)| (name.as_str(), Bytes::of_weight(weight))).collect();
        if !self.optimizer.is_empty() {
            tensors.push((OPTIMIZER, Bytes::of_optimizer(&self.optimizer)));
        }
        let metadata = HashMap::from([(HEADER.to_owned(), header)]);
        let bytes =
            safetensors::serialize(tensors, Some(metadata)).map_err(|error| malformed(error.to_string()))?;
        replace_within(path, &bytes).map_err(|source| RunError::io("write", path, source))
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// There is none, or it is damaged.
    pub fn load(path: &Path) -> Result<Self, RunError> {
        let bytes = read(path)?;
        let malformed = |reason: String| RunError::Malformed { path: path.to_owned(), reason };
        let (_, metadata) =
            SafeTensors::read_metadata(&bytes).map_err(|error| malformed(error.to_string()))?;
        let header = metadata.metadata().as_ref().and_then(|entries| entries.get(HEADER));
        let header = header.ok_or_else(|| malformed("it was not written by Logit".to_owned()))?;
        let header: Header = serde_json::from_str(header).map_err(|error| malformed(error.to_string()))?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|error| malformed(error.to_string()))?;
        let mut checkpoint =
            Self { place: header.place, bound: header.bound, best: header.best, ..Self::default() };
        for (name, view) in tensors.iter() {
            if name == OPTIMIZER {
                checkpoint.optimizer = view.data().to_vec();
                continue;
            }
            let id = header.ids.as_ref().and_then(|ids| ids.get(name)).copied();
            if view.dtype() != Dtype::F32 {
                return Err(malformed(format!("`{name}` is {:?}, not F32", view.dtype())));
            }
            let weight = Weight { id, shape: view.shape().to_vec(), bytes: view.data().to_vec() };
            checkpoint.weights.insert(name.to_owned(), weight);
        }
        let right = match (header.sum, header.crc) {
            (Some(sum), _) => sum == checkpoint.sum(),
            (None, crc) => crc == Some(checkpoint.sum_of_numbers()),
        };
        if right {
            Ok(checkpoint)
        } else {
            Err(malformed("its content is not that which was written".to_owned()))
        }
    }

    /// The weights and what they belong to, without what training needs beside them.
    #[must_use]
    pub fn weights_alone(&self) -> Self {
        Self { weights: self.weights.clone(), bound: self.bound.clone(), ..Self::default() }
    }

    /// [`sum`](Self::sum) in hexadecimal digits: what other files of the run know the checkpoint by.
    pub fn seal(&self) -> String {
        format!("{:08x}", self.sum())
    }

    /// The CRC-32 of all that the file holds: names, shapes and numbers of the weights, the optimiser's state, the place,
    /// what it is bound to, the best weights' seal.
    pub fn sum(&self) -> u32 {
        let mut crc = Crc::new();
        let mut part = |bytes: &[u8]| {
            crc.update(&(bytes.len() as u64).to_le_bytes());
            crc.update(bytes);
        };
        for (name, Weight { shape, bytes, .. }) in &self.weights {
            part(name.as_bytes());
            part(format!("{shape:?}").as_bytes());
            part(bytes);
        }
        part(&self.optimizer);
        part(self.place.to_string().as_bytes());
        // It is a map of texts, which JSON always takes.
        part(&serde_json::to_vec(&self.bound).unwrap_or_default());
        if let Some(seal) = &self.best {
            part(seal.as_bytes());
        }
        crc.sum()
    }

    /// The CRC-32 of all weights and the optimiser's state.
    fn sum_of_numbers(&self) -> u32 {
        let mut crc = Crc::new();
        self.weights.values().for_each(|weight| crc.update(&weight.bytes));
        crc.update(&self.optimizer);
        crc.sum()
    }

    /// Puts the weights into a module of the same shape.
    ///
    /// # Errors
    /// A weight is missing, superfluous, or of another shape; `path` names the file in the error.
    pub fn apply<M: Module>(&self, module: M, path: &Path) -> Result<M, RunError> {
        let mut applier = Applier { path: Vec::new(), weights: self.weights.clone(), faults: Vec::new() };
        let module = module.map(&mut applier);
        applier.faults.extend(applier.weights.keys().map(|name| format!("`{name}` is not in the network")));
        match applier.faults.first() {
            None => Ok(module),
            Some(fault) => Err(RunError::OtherModel { path: path.to_owned(), reason: fault.clone() }),
        }
    }
}

/// The seal of the best weights that a checkpoint knows, without a look at all the rest: the checkpoint may be damaged
/// elsewhere. None where it cannot be read, or knows none.
pub(super) fn best_known(path: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(rename = "__metadata__")]
        metadata: HashMap<String, String>,
    }

    let (mut file, bytes) = open(path).ok()?;
    let mut length = [0; 8];
    file.read_exact(&mut length).ok()?;
    let length = Some(u64::from_le_bytes(length)).filter(|length| *length < bytes.min(MAX_HEAD_BYTES))?;
    let mut head = Vec::new();
    file.take(length).read_to_end(&mut head).ok()?;
    let head: Head = serde_json::from_slice(&head).ok()?;
    serde_json::from_str::<Header>(head.metadata.get(HEADER)?).ok()?.best
}

fn read(path: &Path) -> Result<Vec<u8>, RunError> {
    if path.try_exists().is_ok_and(|exists| !exists) {
        return Err(RunError::NoCheckpoint { path: path.to_owned() });
    }
    read_at_most(path, MAX_CHECKPOINT_BYTES).map_err(|source| RunError::io("read", path, source))
}

/// Bytes with the shape that safetensors writes beside them.
struct Bytes<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    data: &'a [u8],
}

impl<'a> Bytes<'a> {
    fn of_weight(weight: &'a Weight) -> Self {
        Self { dtype: Dtype::F32, shape: weight.shape.clone(), data: &weight.bytes }
    }

    fn of_optimizer(bytes: &'a [u8]) -> Self {
        Self { dtype: Dtype::U8, shape: vec![bytes.len()], data: bytes }
    }
}

impl View for Bytes<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.data)
    }

    fn data_len(&self) -> usize {
        self.data.len()
    }
}

#[derive(Default)]
struct Collector {
    path: Vec<String>,
    weights: BTreeMap<String, Weight>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = param.transform_for_save().val().into_data_as::<f32>();
        let shape = data.shape().to_vec();
        let bytes = data.as_bytes().to_vec();
        self.weights.insert(self.path.join("."), Weight { id: None, shape, bytes });
    }
}

struct Applier {
    path: Vec<String>,
    /// The weights that are not yet applied.
    weights: BTreeMap<String, Weight>,
    faults: Vec<String>,
}

impl ModuleMapper for Applier {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.join(".");
        let expected = param.lazy_shape();
        let Some(weight) = self.weights.remove(&name) else {
            self.faults.push(format!("`{name}` is missing"));
            return param;
        };
        if Shape::from(weight.shape.clone()) != expected {
            self.faults.push(format!("`{name}` has shape {:?}, not {expected:?}", weight.shape));
            return param;
        }
        let numbers: Vec<f32> = weight.numbers().collect();
        let tensor = Tensor::from_data(TensorData::new(numbers, weight.shape), &param.lazy_device());
        let id = weight.id.map_or(param.id, ParamId::from);
        param.transform_for_load(tensor, id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::MlpConfig;
    use burn::tensor::Device;
    use logit::tape::Taped;
    use proptest::prelude::*;

    fn saved(folder: &Path) -> std::path::PathBuf {
        let net = MlpConfig { hidden: vec![4], dropout: 0.0 }.init(9, 3, &Device::flex()).unwrap();
        let mut checkpoint = Checkpoint::of(&net);
        checkpoint.optimizer = vec![1, 2, 3];
        checkpoint.place = serde_json::json!({"step": 7});
        let path = folder.join("last.safetensors");
        checkpoint.save(&path).unwrap();
        path
    }

    #[test]
    fn what_is_loaded_is_what_was_saved() {
        let folder = tempfile::tempdir().unwrap();
        let path = saved(folder.path());
        let loaded = Checkpoint::load(&path).unwrap();
        assert_eq!(best_known(&path), None);
        Checkpoint { best: Some("0123abcd".to_owned()), ..loaded.clone() }.save(&path).unwrap();
        assert_eq!(best_known(&path).as_deref(), Some("0123abcd"));
        assert_eq!(
            (loaded.optimizer.clone(), loaded.place.clone()),
            (vec![1, 2, 3], serde_json::json!({"step": 7}))
        );
        let device = Device::flex();
        let images = Tensor::<4>::ones([1, 1, 3, 3], &device);
        let config = MlpConfig { hidden: vec![4], dropout: 0.0 };
        let answers: Vec<Vec<f32>> = (0..2)
            .map(|_| loaded.apply(config.init(9, 3, &device).unwrap(), &path).unwrap())
            .map(|net| net.forward(images.clone()).into_tensor().try_into_vec_as().unwrap())
            .collect();
        assert_eq!(answers[0], answers[1]);
    }

    #[test]
    fn a_weight_that_is_not_finite_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut checkpoint = Checkpoint::load(&saved(folder.path())).unwrap();
        assert_eq!(checkpoint.not_finite(), None);
        let weight = checkpoint.weights.get_mut("head.weight").unwrap();
        weight.bytes[4..8].copy_from_slice(&f32::INFINITY.to_le_bytes());
        assert_eq!(checkpoint.not_finite(), Some(("head.weight", f32::INFINITY)));
    }

    #[test]
    fn another_network_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = saved(folder.path());
        let loaded = Checkpoint::load(&path).unwrap();
        let other =
            |hidden: Vec<usize>| MlpConfig { hidden, dropout: 0.0 }.init(9, 3, &Device::flex()).unwrap();
        let told = |hidden| loaded.apply(other(hidden), &path).unwrap_err().to_string();
        assert!(told(vec![5]).contains("shape [9, 4]"), "{}", told(vec![5]));
        assert!(told(vec![4, 4]).contains("is missing"), "{}", told(vec![4, 4]));
        assert!(told(vec![]).contains("head.weight"), "{}", told(vec![]));
    }

    #[test]
    fn one_wrong_bit_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = saved(folder.path());
        let whole = std::fs::read(&path).unwrap();
        for (at, bit) in (0..whole.len()).flat_map(|at| [1, 4, 32].map(|bit| (at, bit))) {
            let mut bytes = whole.clone();
            bytes[at] ^= bit;
            std::fs::write(&path, &bytes).unwrap();
            let error = Checkpoint::load(&path).map(drop).unwrap_err().to_string();
            assert!(error.contains("is damaged"), "byte {at}, bit {bit}: {error}");
        }
    }

    #[test]
    fn a_missing_file_says_what_to_do() {
        let error = Checkpoint::load(Path::new("/nowhere/last.safetensors")).unwrap_err().to_string();
        assert!(error.contains("logit train --resume /nowhere"), "{error}");
    }

    proptest! {
        #[test]
        fn damaged_files_are_errors(at in 0_usize..400, value: u8, cut in 0_usize..500) {
            let folder = tempfile::tempdir().unwrap();
            let path = saved(folder.path());
            let mut bytes = std::fs::read(&path).unwrap();
            let last = bytes.len() - 1;
            bytes[at.min(last)] = value;
            bytes.truncate(bytes.len() - cut.min(last));
            std::fs::write(&path, &bytes).unwrap();
            if let Ok(checkpoint) = Checkpoint::load(&path) {
                let net = MlpConfig { hidden: vec![4], dropout: 0.0 }.init(9, 3, &Device::flex()).unwrap();
                // Either it fits, or it says why not: it never panics.
                drop(checkpoint.apply(net, &path));
            }
        }
    }
}
