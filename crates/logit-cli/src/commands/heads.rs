//! `logit heads`

use logit_spec::heads;
use serde_json::json;

use crate::failure::Failure;
use crate::output;

pub(crate) fn run(json: bool) -> Result<(), Failure> {
    if json {
        output::json(&json!({"heads": heads()}))?;
    } else {
        let blocks: Vec<String> = heads().iter().map(ToString::to_string).collect();
        output::lines(blocks.join("\n\n").lines())?;
    }
    Ok(())
}
