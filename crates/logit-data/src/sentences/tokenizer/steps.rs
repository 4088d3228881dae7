//! Normalisers and splitters in steps, each of which makes only so much of a sentence.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokenizers::{
    NormalizedString, Normalizer, NormalizerWrapper, OffsetReferential, OffsetType, PreTokenizedString,
    PreTokenizer, PreTokenizerWrapper, Result,
};

use super::structure;

/// Bytes that a sentence may become at most.
pub(super) const MOST_GROWN: usize = 256 << 10;

/// Bytes that a step may make at most where it puts a given text into the sentence, before it is known how often it does.
const MOST_OF_A_STEP: usize = 8 << 20;

/// Steps, one after the other.
#[derive(Debug)]
pub(super) struct Steps<S> {
    steps: Vec<Step<S>>,
    /// Whether a sentence became too long: the library passes over what a normaliser says.
    grown: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Step<S> {
    step: S,
    /// Bytes of the text that it puts into a sentence.
    puts: usize,
}

impl<S: DeserializeOwned> Steps<S> {
    /// The steps that a tokenizer's file gives; none, if it gives none.
    pub(super) fn of(steps: &[&Map<String, Value>]) -> std::result::Result<Option<Self>, String> {
        let of = |step: &&Map<String, Value>| {
            let read =
                serde_json::from_value(Value::Object((*step).clone())).map_err(|error| error.to_string());
            Ok(Step { step: read?, puts: structure::puts(step) })
        };
        let steps = steps.iter().map(of).collect::<std::result::Result<Vec<_>, String>>()?;
        Ok((!steps.is_empty()).then(|| Self { steps, grown: Arc::default() }))
    }

    /// Says later whether a sentence became too long.
    pub(super) fn grown(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.grown)
    }

    /// Whether a text, which a step would put another into at every letter, or that a step made, is too long.
    fn refuse(&self, bytes: usize, most: usize) -> Result<()> {
        if bytes <= most {
            return Ok(());
        }
        self.grown.store(true, Ordering::Relaxed);
        Err(too_long().into())
    }
}

/// What is said of a tokenizer that makes too much of a sentence.
pub(super) fn too_long() -> String {
    format!("it makes more than {MOST_GROWN} bytes of a sentence")
}

impl Normalizer for Steps<NormalizerWrapper> {
    fn normalize(&self, normalized: &mut NormalizedString) -> Result<()> {
        for Step { step, puts } in &self.steps {
            let fits = self.refuse((normalized.len() + 1).saturating_mul(*puts), MOST_OF_A_STEP);
            let fits = fits
                .and_then(|()| step.normalize(normalized))
                .and_then(|()| self.refuse(normalized.len(), MOST_GROWN));
            if fits.is_err() {
                // Nothing more is made of it.
                normalized.clear();
                return fits;
            }
        }
        Ok(())
    }
}

impl PreTokenizer for Steps<PreTokenizerWrapper> {
    fn pre_tokenize(&self, text: &mut PreTokenizedString) -> Result<()> {
        for Step { step, .. } in &self.steps {
            step.pre_tokenize(text)?;
            let parts = text.get_splits(OffsetReferential::Normalized, OffsetType::None);
            self.refuse(parts.iter().map(|(part, ..)| part.len()).sum(), MOST_GROWN)?;
        }
        Ok(())
    }
}
