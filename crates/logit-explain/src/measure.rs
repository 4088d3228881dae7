//! Measures of explanations.
