//! Baggage as it is read, kept and written.

use super::*;

#[track_caller]
fn check(header: &str, members: &[(&str, &str)], n_left_out: u32) -> Baggage {
    let (baggage, n) = Baggage::parse(header);
    assert_eq!(baggage.iter().collect::<Vec<_>>(), members, "{header}");
    assert_eq!(n, n_left_out, "{header}");
    baggage
}

#[test]
fn members_are_read_in_order_with_blanks_around_their_parts() {
    check("", &[], 0);
    check(" \t ", &[], 0);
    check("a=1", &[("a", "1")], 0);
    check("a=1,b=2 , \t c = 3 ", &[("a", "1"), ("b", "2"), ("c", "3")], 0);
    check("a=", &[("a", "")], 0);
    check("a=b=c", &[("a", "b=c")], 0);
    check("a=1,,b=2,", &[("a", "1"), ("b", "2")], 0);
    check("!#$%&'*+-.^_`|~09azAZ=1", &[("!#$%&'*+-.^_`|~09azAZ", "1")], 0);
    // Keys are told apart by case.
    check("a=1,A=2", &[("a", "1"), ("A", "2")], 0);
    check("a=1,b=2,a=3", &[("a", "3"), ("b", "2")], 0);
}

#[test]
fn malformed_members_are_left_out_one_by_one() {
    for bad in [
        "a",
        "=1",
        "a b=1",
        "a=b c",
        "a=\"b\"",
        "a=b\\c",
        "a=é",
        "é=1",
        "a(=1",
        "a=1;;p",
        "a=1;p q",
        "a=1;=2",
        "a=1;p=\"q\"",
        "a=\t\u{1}",
    ] {
        check(bad, &[], 1);
        check(&format!("x=1,{bad},y=2"), &[("x", "1"), ("y", "2")], 1);
    }
}

#[test]
fn values_are_percent_decoded_and_what_is_not_utf_8_replaced() {
    check("a=%20%2C%3B%22%5C%25", &[("a", " ,;\"\\%")], 0);
    check("a=K%C3%B6ln,b=%e4%bd%a0", &[("a", "Köln"), ("b", "你")], 0);
    check("a=%FFx", &[("a", "\u{fffd}x")], 0);
    check(
        "a=100%,b=%zz,c=%4",
        &[("a", "100%"), ("b", "%zz"), ("c", "%4")],
        0,
    );
    // Keys are not encoded.
    check("%41=1", &[("%41", "1")], 0);
}

#[test]
fn properties_are_kept() {
    let baggage = check("a=1; p ;q = %20 ;r=,b=2", &[("a", "1"), ("b", "2")], 0);
    let properties: Vec<_> = baggage.properties("a").collect();
    assert_eq!(properties, [("p", None), ("q", Some(" ")), ("r", Some(""))]);
    assert_eq!(baggage.properties("b").count(), 0);
    assert_eq!(baggage.to_string(), "a=1;p;q=%20;r=,b=2");
}

#[test]
fn what_is_written_reads_back_the_same() {
    let baggage = Baggage::EMPTY
        .with("a", "päth/with ,;=%\\\" and \u{1f600}\n")
        .unwrap()
        .with_properties("b", "", &[("p", None), ("q", Some("x y"))])
        .unwrap();
    assert_eq!(Baggage::parse(&baggage.to_string()), (baggage, 0));
}

#[test]
fn members_are_set_replaced_and_removed() {
    let one = Baggage::EMPTY.with("a", "1").unwrap().with("b", "2").unwrap();
    let two = one.with("a", "3").unwrap();
    assert_eq!((one.get("a"), two.get("a"), two.len()), (Some("1"), Some("3"), 2));
    assert_eq!(two.without("a").to_string(), "b=2");
    assert!(two.without("a").without("b").is_empty());
    let error = one.with("no blanks", "1").unwrap_err();
    assert!(error.to_string().contains("\"no blanks\""), "{error}");
    assert!(matches!(
        one.with_properties("a", "1", &[("", None)]),
        Err(BaggageError::Key { .. })
    ));
}

#[test]
fn limits_hold_for_what_is_read_and_for_what_is_set() {
    let many = |n: usize| (0..n).map(|i| format!("k{i}=v")).collect::<Vec<_>>().join(",");
    assert_eq!(Baggage::parse(&many(180)).0.len(), 180);
    let (full, n_left_out) = Baggage::parse(&many(200));
    assert_eq!((full.len(), n_left_out), (180, 20));
    assert_eq!(full.with("further", "v"), Err(BaggageError::TooMany));
    assert_eq!(full.with("k7", "w").unwrap().len(), 180);

    let exact = format!("a={}", "x".repeat(MAX_BYTES - 2));
    assert_eq!(Baggage::parse(&exact).0.to_string(), exact);
    let (none, n_left_out) = Baggage::parse(&format!("{exact}x,b=2"));
    assert_eq!((none.to_string().as_str(), n_left_out), ("b=2", 1));
    let full = Baggage::parse(&exact).0;
    assert_eq!(full.with("b", ""), Err(BaggageError::TooLong));
    assert_eq!(full.with("a", "y").unwrap().to_string(), "a=y");
    // Encoding counts: a blank is three bytes.
    assert_eq!(
        Baggage::EMPTY.with("a", &" ".repeat(MAX_BYTES / 3 + 1)),
        Err(BaggageError::TooLong)
    );
}

#[test]
fn a_flood_is_not_read_to_its_end() {
    let flood = "a=1,".repeat(1_000_000);
    let (baggage, n_left_out) = Baggage::parse(&flood);
    assert_eq!((baggage.len(), n_left_out), (1, 1));
}

#[test]
fn secrets_do_not_leave_by_value_by_key_or_by_property() {
    let redactor = Redactor::default();
    let baggage = Baggage::EMPTY
        .with("tenant", "acme")
        .unwrap()
        .with("session", "abc123")
        .unwrap()
        .with("note", "card 4111 1111 1111 1111")
        .unwrap()
        .with_properties(
            "user",
            "u1",
            &[
                ("token", Some("s3cr3t")),
                ("ttl", Some("5")),
                ("5500005555555559", None),
            ],
        )
        .unwrap()
        .with("4111111111111111", "1")
        .unwrap();
    let header = baggage.to_header(&redactor);
    assert_eq!(
        header,
        "tenant=acme,session=[REDACTED],note=card%20****-****-****-1111,user=u1;token=[REDACTED];ttl=5"
    );
    assert_eq!(
        baggage.get("session"),
        Some("abc123"),
        "the program itself sees it"
    );
    assert!(!format!("{baggage:?}").contains("abc123"));
}

#[test]
fn what_redaction_makes_longer_still_fits_the_header() {
    let members: Vec<_> = (0..170)
        .map(|i| format!("token{i}=x;password=y;secret=z"))
        .collect();
    let (baggage, _) = Baggage::parse(&members.join(","));
    assert!(baggage.to_header(&Redactor::default()).len() <= MAX_BYTES);
}
