//! The mistakes that a plain tensor would let through do not compile, and the compiler says what to do instead.
//!
//! The `.stderr` files hold the messages word for word. Another compiler may word its own part of them differently:
//! `TRYBUILD=overwrite cargo test -p logit --test compile_fail` writes them anew, to be read before they are kept.

#[test]
fn mistakes_at_the_output_layer_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
