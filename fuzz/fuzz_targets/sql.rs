//! Shapes of any text in any dialect: no panic, a shape's shape is itself, no shape is longer than its statement, no digit comes from a
//! literal, and a literal that the text is put into is not seen.

#![no_main]

use libfuzzer_sys::fuzz_target;
use watchroom_redact::Redactor;
use watchroom_redact::sql::Dialect::{Auto, MySql, PostgreSql, Sqlite, SurrealQl};
use watchroom_redact::sql::shape;

const SECRET: &str = "qzsecretzq";

fuzz_target!(|text: &str| {
    for dialect in [Auto, PostgreSql, Sqlite, MySql, SurrealQl] {
        let once = shape(text, dialect);
        assert_eq!(shape(&once, dialect), once, "twice, {dialect:?} of {text:?}");
        assert!(once.len() <= text.len().max(Redactor::REDACTED.len()), "{dialect:?} of {text:?}");
        // Before the text the quotes are balanced, so what they hold is a literal for certain.
        if !text.contains(SECRET) {
            let statement = format!("SELECT '{SECRET}', x'{SECRET}' {text}");
            assert!(!shape(&statement, dialect).contains(SECRET), "{dialect:?} of {statement:?}");
        }
    }
    let redactor = Redactor::default();
    let once = redactor.field("db.query.text", text).into_owned();
    assert_eq!(redactor.field("db.query.text", &once), once, "redacted twice, of {text:?}");
});
