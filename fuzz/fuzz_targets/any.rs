//! A target for `cargo fuzz`: the reader that `LOGIT_FUZZ` names.
#![no_main]

use std::sync::LazyLock;

use logit_fuzz::targets::{Place, Target};

static TARGET: LazyLock<(&Target, Place)> = LazyLock::new(|| {
    let name = std::env::var("LOGIT_FUZZ").unwrap_or_default();
    let target = Target::named(&name).expect("LOGIT_FUZZ names a reader");
    (target, Place::of(target, &std::env::temp_dir()))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (target, place) = &*TARGET;
    target.read(place, bytes);
});
