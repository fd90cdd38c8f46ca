//! `unpack`: undoes what Promtail's stage `pack` does. Texts of an object become labels, and `_entry` becomes the line.

use super::json::{JSON_ERROR, Reader, shown};
use crate::logql::fields::sanitize_name;
use crate::logql::row::Row;

pub(super) fn process(row: &mut Row<'_, '_>) {
    let entry = row.read_body(|row, body| {
        let mut entry = None;
        let mut reader = Reader::new(body);
        reader.blanks();
        if reader.peek() != Some(b'{') {
            row.fail(JSON_ERROR, "expected an object at character 1");
            return None;
        }
        let result = reader.members(|reader, key| {
            let raw = reader.skip()?;
            if raw.starts_with('"') {
                match key {
                    "_entry" => entry = Some(shown(raw).into_owned()),
                    key => row.extract(&sanitize_name(key), &shown(raw)),
                }
            }
            Ok(())
        });
        if let Err(error) = result.and_then(|()| reader.end()) {
            row.fail(JSON_ERROR, error.message(body));
            return None;
        }
        entry
    });
    if let Some(entry) = entry {
        row.set_body(entry);
    }
}
