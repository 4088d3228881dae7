//! Normalisers and splitters in steps, each of which makes only so much of a sentence.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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
    limit: Arc<Limit>,
}

/// What a text may become.
#[derive(Debug)]
pub(super) struct Limit {
    /// In bytes: what a piece may be while the tokenizer is built, and then what a sentence may.
    most: AtomicUsize,
    /// Whether a text became longer: the library passes over what a normaliser says.
    is_passed: AtomicBool,
}

impl Limit {
    /// From here on texts are sentences.
    pub(super) fn for_sentences(&self) {
        self.most.store(MOST_GROWN, Ordering::Relaxed);
    }

    /// Refuses a text that became too long since the last time.
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        if self.is_passed.swap(false, Ordering::Relaxed) { Err(self.too_long()) } else { Ok(()) }
    }

    fn too_long(&self) -> String {
        match self.most.load(Ordering::Relaxed) {
            MOST_GROWN => too_long(),
            most => format!("it makes more than {most} bytes of an added token"),
        }
    }

    fn refuse(&self, bytes: usize, most: usize) -> Result<()> {
        if bytes <= most {
            return Ok(());
        }
        self.is_passed.store(true, Ordering::Relaxed);
        Err(self.too_long().into())
    }

    /// Whether a text that a step made is too long.
    fn refuse_grown(&self, bytes: usize) -> Result<()> {
        self.refuse(bytes, self.most.load(Ordering::Relaxed))
    }
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
        let most = AtomicUsize::new(structure::MOST_PIECE_BYTES);
        let limit = Arc::new(Limit { most, is_passed: AtomicBool::new(false) });
        Ok((!steps.is_empty()).then_some(Self { steps, limit }))
    }

    /// What a text may become in these steps.
    pub(super) fn limit(&self) -> Arc<Limit> {
        Arc::clone(&self.limit)
    }
}

/// What is said of a tokenizer that makes too much of a sentence.
pub(super) fn too_long() -> String {
    format!("it makes more than {MOST_GROWN} bytes of a sentence")
}

impl Normalizer for Steps<NormalizerWrapper> {
    fn normalize(&self, normalized: &mut NormalizedString) -> Result<()> {
        for Step { step, puts } in &self.steps {
            let fits = self.limit.refuse((normalized.len() + 1).saturating_mul(*puts), MOST_OF_A_STEP);
            let fits = fits
                .and_then(|()| step.normalize(normalized))
                .and_then(|()| self.limit.refuse_grown(normalized.len()));
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
            self.limit.refuse_grown(parts.iter().map(|(part, ..)| part.len()).sum())?;
        }
        Ok(())
    }
}
