//! Golden cases of every function, and how a refusal reads.

use super::*;

#[track_caller]
fn check(name: &str, inputs: &[&[u8]], params: &[(&str, &str)], expect: Result<&[u8], &str>) {
    let inputs: Vec<Bytes> = inputs.iter().map(|input| Bytes::copy_from_slice(input)).collect();
    let params = params
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    let result = Function::find(name, false).and_then(|function| function.compute(&inputs, &params));
    match expect {
        Ok(bytes) => assert_eq!(result.as_deref(), Ok(bytes)),
        Err(message) => assert_eq!(result.unwrap_err().to_string(), message),
    }
}

#[test]
fn each_function_does_its_work() {
    check("identity/v1", &[b"a"], &[], Ok(b"a"));
    check("concat/v1", &[b"a", b"b", b"c"], &[], Ok(b"abc"));
    check("concat/v1", &[b"a", b"b"], &[("separator", ", ")], Ok(b"a, b"));
    check("concat/v1", &[], &[], Ok(b""));
    check(
        "transform/v1",
        &["Größe".as_bytes()],
        &[("op", "upper")],
        Ok("GRÖSSE".as_bytes()),
    );
    check("transform/v1", &[b"abc"], &[("op", "reverse")], Ok(b"cba"));
    check("transform/v1", &[b" a "], &[("op", "trim")], Ok(b"a"));
    check(
        "transform/v1",
        &[b"b\na\nb"],
        &[("op", "sort_lines")],
        Ok(b"a\nb\nb"),
    );
    check(
        "transform/v1",
        &[b"b\na\nb"],
        &[("op", "unique_lines")],
        Ok(b"b\na"),
    );
    check("transform/v1", &[b"\xff\x01"], &[("op", "hex")], Ok(b"ff01"));
    check("slow/v1", &[b"a"], &[("ms", "0")], Ok(b"a"));
    check(
        "hash/v1",
        &[b"li", b"ght"],
        &[],
        Ok(blake3::hash(b"light").to_hex().as_bytes()),
    );
}

#[test]
fn gzip_comes_back_and_is_the_same_each_time() {
    let input = Bytes::from("watch ".repeat(1_000));
    let packed = Function::Gzip
        .compute(std::slice::from_ref(&input), &Params::new())
        .unwrap();
    assert!(packed.len() < 200);
    assert_eq!(
        Function::Gzip
            .compute(std::slice::from_ref(&input), &Params::new())
            .unwrap(),
        packed
    );
    let params = Params::from([("mode".to_owned(), "decompress".to_owned())]);
    assert_eq!(Function::Gzip.compute(&[packed], &params).unwrap(), input);
}

#[test]
fn a_gzip_bomb_meets_the_limit() {
    let zeros = std::io::Read::take(std::io::repeat(0), MAX_OUTPUT_BYTES as u64 + 10);
    let mut bomb = Vec::new();
    std::io::Read::read_to_end(
        &mut flate2::read::GzEncoder::new(zeros, flate2::Compression::fast()),
        &mut bomb,
    )
    .unwrap();
    let params = Params::from([("mode".to_owned(), "decompress".to_owned())]);
    assert!(matches!(
        Function::Gzip.compute(&[bomb.into()], &params),
        Err(ComputeError::TooLarge(_))
    ));
}

#[test]
fn a_refusal_says_what_would_be_right() {
    check("identity/v1", &[], &[], Err("identity/v1 takes one input; got 0"));
    check(
        "hash/v1",
        &[b"a"],
        &[("x", "1")],
        Err("hash/v1: parameter \"x\" is unknown; the function takes none"),
    );
    check(
        "slow/v1",
        &[b"a"],
        &[("ms", "soon")],
        Err("slow/v1: parameter \"ms\" is not a number of milliseconds from 0 to 60000"),
    );
    check(
        "transform/v1",
        &[b"\xff"],
        &[("op", "upper")],
        Err("transform/v1: the input is not UTF-8 at byte 0"),
    );
    check(
        "entropy/v1",
        &[],
        &[],
        Err(
            "unknown function \"entropy/v1\"; known: identity/v1, concat/v1, transform/v1, hash/v1, gzip/v1, slow/v1",
        ),
    );
}

#[test]
fn entropy_is_known_to_demonstrations_only_and_never_repeats_itself() {
    let function = Function::find("entropy/v1", true).unwrap();
    assert_ne!(
        function.compute(&[], &Params::new()),
        function.compute(&[], &Params::new())
    );
}
