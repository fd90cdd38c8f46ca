//! Declarations that compile, and those that do not, with what the compiler then says.

#[test]
fn declarations_compile_or_say_what_would_be_right() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
