//! `decolorize`: takes the escape sequences of terminals out of a line.

use crate::logql::row::Row;

pub(super) fn process(row: &mut Row<'_, '_>) {
    if memchr::memchr(0x1b, row.body().as_bytes()).is_some() {
        let plain = decolorized(row.body());
        row.set_body(plain);
    }
}

/// The text without control sequences (`ESC [ … letter`) and other escapes of one character.
fn decolorized(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\x1b' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('[') => {
                for c in chars.by_ref() {
                    if ('\x40'..='\x7e').contains(&c) {
                        break;
                    }
                }
            }
            // An operating system command ends with BEL or with ESC and a backslash.
            Some(']') => {
                while let Some(c) = chars.next() {
                    if c == '\x07' || (c == '\x1b' && chars.next().is_some()) {
                        break;
                    }
                }
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_colours_away_and_leaves_the_rest() {
        assert_eq!(
            decolorized("\x1b[1;31mred\x1b[0m ü \x1b]0;title\x07x\x1b(y"),
            "red ü xy"
        );
        assert_eq!(decolorized("cut \x1b[31"), "cut ");
    }
}
