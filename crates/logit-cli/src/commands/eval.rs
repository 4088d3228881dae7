//! `logit eval`

use logit_zoo::{RunDir, evaluate};
use serde_json::json;

use crate::args::Eval;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &Eval, json: bool) -> Result<(), Failure> {
    let run = RunDir::open(&args.run)?;
    let source = args.data.as_ref().map(|folder| super::source(Some(folder)));
    let judged = evaluate::run(&run, source.as_ref())?.evaluation;
    if json {
        output::json(&json!({
            "accuracy": judged.accuracy, "log_loss": judged.log_loss, "ece": judged.ece,
            "brier": judged.brier, "macro_f1": judged.macro_f1, "images": judged.images,
        }))?;
        return Ok(());
    }
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    output::text(&output::columns(&[
        row("accuracy", format!("{:.4}", judged.accuracy)),
        row("log loss", format!("{:.4}", judged.log_loss)),
        row("calibration error", format!("{:.4}", judged.ece)),
        row("Brier score", format!("{:.4}", judged.brier)),
        row("macro F1", format!("{:.4}", judged.macro_f1)),
        row("test images", judged.images.to_string()),
    ]))?;
    Ok(())
}
