#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lore_fuzz_targets::run("codec", bytes));
