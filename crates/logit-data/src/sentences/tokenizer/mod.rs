//! A `tokenizer.json` in Hugging Face's format, from anyone.
//!
//! The library that reads it trusts it: it panics where parts do not fit, and makes of a sentence whatever it is told to.
//! `structure` refuses what cannot be right before anything is built; `steps` ends what grows; and the library works in a
//! thread of its own, whose panics are errors, and whose answer is waited for no longer than some seconds.
//!
//! Floors, from the ground up: `structure`, `steps`, and the thread here.

mod steps;
mod structure;

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tokenizers::{
    AddedToken, DecoderWrapper, ModelWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper,
    TokenizerImpl,
};

use self::steps::{Limit, MOST_GROWN, Steps, too_long};
use super::word::Word;
use crate::guard::caught;
use crate::text::reason;

/// Seconds that are waited for a tokenizer to be built, and for a sentence to be taken apart.
const SECONDS_TO_READ: u64 = 25;
const SECONDS_OF_A_SENTENCE: u64 = 10;

/// Bytes of the thread's stack.
const STACK: usize = 16 << 20;

/// Takes sentences apart into pieces.
#[derive(Debug)]
pub struct Tokenizer {
    /// None once it did not answer.
    worker: Mutex<Option<Worker>>,
    lowercase: bool,
    /// The rows that its pieces need.
    rows: usize,
}

/// The thread that the library works in.
#[derive(Debug)]
struct Worker {
    ask: Sender<String>,
    answers: Receiver<Result<Vec<Word>, String>>,
}

/// The library's tokenizer, without what stands around a sentence and without the way back to text.
type Library = TokenizerImpl<
    ModelWrapper,
    Steps<NormalizerWrapper>,
    Steps<PreTokenizerWrapper>,
    PostProcessorWrapper,
    DecoderWrapper,
>;

impl Tokenizer {
    /// Reads the text of a `tokenizer.json`; `lowercase` puts sentences into lower case first.
    ///
    /// # Errors
    /// It is no tokenizer, or one that the library cannot use; the reason.
    pub(super) fn read(json: Vec<u8>, lowercase: bool) -> Result<Self, String> {
        let (tell, told) = mpsc::channel();
        let (ask, asked) = mpsc::channel::<String>();
        let (answer, answers) = mpsc::channel();
        let work = move || {
            let pieces = caught(|| Pieces::read(&json)).and_then(|read| read);
            drop(json);
            let rows = pieces.as_ref().map(|pieces| pieces.rows).map_err(Clone::clone);
            let is_told = tell.send(rows).is_ok();
            let Ok(pieces) = pieces else { return };
            while is_told && let Ok(sentence) = asked.recv() {
                let words: Result<_, String> = caught(|| pieces.words(&sentence)).and_then(|words| words);
                if answer.send(words).is_err() {
                    break;
                }
            }
        };
        let thread = thread::Builder::new().name("tokenizer".to_owned()).stack_size(STACK).spawn(work);
        thread.map_err(|error| format!("no thread can be started for it: {error}"))?;
        let rows = wait(&told, SECONDS_TO_READ, "reading it")?.map_err(reason)?;
        Ok(Self { worker: Mutex::new(Some(Worker { ask, answers })), lowercase, rows })
    }

    /// The rows that its pieces need.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The words of a sentence, in their order.
    ///
    /// # Errors
    /// The library refuses the sentence, or does not answer; the reason.
    pub(super) fn words(&self, sentence: &str) -> Result<Vec<Word>, String> {
        let sentence = if self.lowercase { sentence.to_lowercase() } else { sentence.to_owned() };
        if sentence.len() > MOST_GROWN {
            return Err(too_long());
        }
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        let Worker { ask, answers } = worker.as_ref().ok_or("it did not answer to an earlier sentence")?;
        let asked = ask.send(sentence).map_err(|_| "it gave up at an earlier sentence".to_owned());
        let answer = asked.and_then(|()| wait(answers, SECONDS_OF_A_SENTENCE, "taking a sentence apart"));
        // A thread that is late goes on, and would answer to another question.
        let answer = answer.unwrap_or_else(|late| {
            *worker = None;
            Err(late)
        });
        answer.map_err(reason)
    }
}

/// The thread's answer, if it comes in time.
fn wait<T>(answers: &Receiver<T>, seconds: u64, what: &str) -> Result<T, String> {
    answers.recv_timeout(Duration::from_secs(seconds)).map_err(|error| match error {
        RecvTimeoutError::Timeout => format!("{what} takes more than {seconds} seconds"),
        RecvTimeoutError::Disconnected => format!("the library gave up while {what}"),
    })
}

/// The library's tokenizer, and the piece that stands for what it does not know.
struct Pieces {
    library: Library,
    unknown: Option<u32>,
    rows: usize,
    /// What a text may become in its parts.
    limits: Vec<Arc<Limit>>,
}

impl Pieces {
    fn read(json: &[u8]) -> Result<Self, String> {
        let json: Value = serde_json::from_slice(json).map_err(|error| format!("no JSON: {error}"))?;
        let Value::Object(mut json) = json else { return Err("no JSON object".to_owned()) };
        if let Some(version) = json.get("version").filter(|version| version.as_str() != Some("1.0")) {
            return Err(format!("its version is {version}; version 1.0 is read"));
        }
        let mut model = json.remove("model").ok_or("it has no `model`")?;
        structure::check_model(&model)?;
        let unknown = model.get("unk_token").and_then(Value::as_str).map(str::to_owned);
        let by_number = model.get("unk_id").and_then(Value::as_u64);
        if let Some(model) = model.as_object_mut() {
            model.remove("dropout");
        }
        let mut pieces = Self { library: library(model)?, unknown: None, rows: 0, limits: Vec::new() };
        pieces.add_parts(&json)?;
        let rows = pieces.library.get_vocab(true).values().max().map_or(0, |largest| *largest as usize + 1);
        if rows == 0 {
            return Err("it knows no word".to_owned());
        }
        let by_name = unknown.and_then(|token| pieces.library.token_to_id(&token));
        pieces.unknown = by_name.or_else(|| by_number.and_then(|number| number.try_into().ok()));
        Ok(Self { rows, ..pieces })
    }

    /// The parts around the model: the normaliser before the tokens that it is used on.
    fn add_parts(&mut self, json: &serde_json::Map<String, Value>) -> Result<(), String> {
        let part = |key: &str| json.get(key).unwrap_or(&Value::Null);
        if let Some(normalizer) =
            Steps::<NormalizerWrapper>::of(&structure::steps(part("normalizer"), "normalizers")?)?
        {
            self.limits.push(normalizer.limit());
            self.library.with_normalizer(Some(normalizer)).map_err(|error| error.to_string())?;
        }
        if let Some(splitter) =
            Steps::<PreTokenizerWrapper>::of(&structure::steps(part("pre_tokenizer"), "pretokenizers")?)?
        {
            self.limits.push(splitter.limit());
            self.library.with_pre_tokenizer(Some(splitter));
        }
        let tokens = part("added_tokens").as_array().map_or(&[][..], Vec::as_slice);
        structure::check_added(tokens)?;
        let token = |token: &Value| serde_json::from_value::<AddedToken>(token.clone());
        let tokens =
            tokens.iter().map(token).collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
        let added = self.library.add_tokens(tokens).map_err(|error| error.to_string());
        self.check_limits()?;
        self.limits.iter().for_each(|limit| limit.for_sentences());
        added.map(drop)
    }

    fn words(&self, sentence: &str) -> Result<Vec<Word>, String> {
        let encoding = self.library.encode(sentence, false).map_err(|error| error.to_string());
        self.check_limits()?;
        let encoding = encoding?;
        let word = |(id, offsets): (&u32, &(usize, usize))| {
            let text = sentence.get(offsets.0..offsets.1).unwrap_or("?").trim().to_owned();
            if Some(*id) == self.unknown { Word::Unknown(text) } else { Word::Known(*id, text) }
        };
        Ok(encoding.get_ids().iter().zip(encoding.get_offsets()).map(word).collect())
    }

    fn check_limits(&self) -> Result<(), String> {
        self.limits.iter().try_for_each(|limit| limit.check())
    }
}

fn library(model: Value) -> Result<Library, String> {
    let model: ModelWrapper = serde_json::from_value(model).map_err(|error| error.to_string())?;
    Ok(TokenizerImpl::new(model))
}

#[cfg(test)]
mod tests;
