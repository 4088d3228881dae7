//! `logit recipes`

use logit_zoo::{RECIPES, Recipe, RecipeError};
use serde_json::json;

use crate::failure::Failure;
use crate::output;

pub(crate) fn run(name: Option<&str>, json: bool) -> Result<(), Failure> {
    match name {
        Some(name) => one(name, json),
        None => all(json),
    }
}

fn one(name: &str, json: bool) -> Result<(), Failure> {
    let unknown = || RecipeError::Unknown { name: name.to_owned() };
    let (_, text) = RECIPES.iter().find(|(known, _)| *known == name).ok_or_else(unknown)?;
    if json {
        output::json(&json!(Recipe::load(name, &[])?))?;
    } else {
        output::lines(text.lines())?;
    }
    Ok(())
}

fn all(json: bool) -> Result<(), Failure> {
    let recipes = RECIPES.iter().map(|(name, _)| Recipe::load(name, &[])).collect::<Result<Vec<_>, _>>()?;
    if json {
        output::json(&json!({"recipes": recipes}))?;
        return Ok(());
    }
    let rows: Vec<Vec<String>> =
        recipes.into_iter().map(|recipe| vec![recipe.name, recipe.summary]).collect();
    Ok(output::lines(output::columns(&rows))?)
}
