//! Bodies of log lines: templates with gaps, and columns of the numbers and ids that fill them.
//!
//! Lines of one statement differ in numbers mostly. A body is cut into text and three kinds of gaps: decimal numbers, numbers padded
//! with zeros, and runs of lower-case hexadecimal digits. Bodies with the same text and gaps share a template; what fills a gap is a
//! column of its own. Source: the idea is that of CLP, Rodrigues and others, OSDI 2021; the layout is our own.

use rustc_hash::FxHashMap;

use crate::codec::{Corrupt, Reader, put_bytes, put_uvarint};

/// In a template: a decimal number.
const DECIMAL: u8 = 1;
/// In a template: a number padded with zeros; its width follows.
const PADDED: u8 = 2;
/// In a template: hexadecimal digits; half their number follows.
const HEX: u8 = 3;
/// Bytes below are marks in a template; a body that has one is kept whole.
const FIRST_TEXT: u8 = 4;

/// Shortest run of hexadecimal digits that is kept as bytes.
const MIN_HEX: usize = 8;
const MAX_HEX: usize = 128;
/// Digits of a number that surely fits 64 bits.
const MAX_DIGITS: usize = 18;
/// Beyond these a body is kept whole.
const MAX_GAPS: usize = 64;
const MAX_TEMPLATES: usize = 1_024;

/// Number of the template of bodies that are kept whole.
const WHOLE: u32 = 0;

/// What fills a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filling<'a> {
    Number(u64),
    Hex(&'a [u8]),
}

/// Appends the bodies.
pub(super) fn encode<'a>(bodies: impl Iterator<Item = &'a str>, out: &mut Vec<u8>) {
    let mut ids: FxHashMap<Vec<u8>, u32> = FxHashMap::default();
    let mut templates = Vec::new();
    // By template, by gap.
    let mut columns: Vec<Vec<Vec<u8>>> = vec![vec![Vec::new()]];
    let mut of_row = Vec::new();
    let mut template = Vec::new();
    for body in bodies {
        let mut fillings = Vec::new();
        let fits = split(body.as_bytes(), &mut template, &mut fillings);
        let known = ids.get(&template).copied();
        let id = match known {
            _ if !fits => WHOLE,
            Some(id) => id,
            None if ids.len() >= MAX_TEMPLATES => WHOLE,
            None => {
                let id = ids.len() as u32 + 1;
                put_bytes(&mut templates, &template);
                ids.insert(template.clone(), id);
                columns.push(vec![Vec::new(); fillings.len()]);
                id
            }
        };
        put_uvarint(&mut of_row, u64::from(id));
        let columns = &mut columns[id as usize];
        if id == WHOLE {
            put_bytes(&mut columns[0], body.as_bytes());
            continue;
        }
        for (column, filling) in columns.iter_mut().zip(fillings) {
            match filling {
                Filling::Number(number) => put_uvarint(column, number),
                Filling::Hex(digits) => {
                    let bytes = digits
                        .chunks_exact(2)
                        .map(|pair| hex_value(pair[0]) << 4 | hex_value(pair[1]));
                    column.extend(bytes);
                }
            }
        }
    }
    put_uvarint(out, ids.len() as u64);
    out.extend_from_slice(&templates);
    out.extend_from_slice(&of_row);
    for column in columns.iter().flatten() {
        out.extend_from_slice(column);
    }
}

/// Cuts a body into template and fillings; false if it has to be kept whole.
fn split<'a>(body: &'a [u8], template: &mut Vec<u8>, fillings: &mut Vec<Filling<'a>>) -> bool {
    template.clear();
    let mut at = 0;
    while at < body.len() {
        let byte = body[at];
        if byte < FIRST_TEXT {
            return false;
        }
        if !byte.is_ascii_alphanumeric() {
            template.push(byte);
            at += 1;
            continue;
        }
        let word = body[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric());
        let word = &body[at..at + word.count()];
        at += word.len();
        if is_hex(word) {
            template.extend_from_slice(&[HEX, (word.len() / 2) as u8]);
            fillings.push(Filling::Hex(word));
        } else {
            split_word(word, template, fillings);
        }
        if fillings.len() > MAX_GAPS {
            return false;
        }
    }
    true
}

/// Letters stay in the template; runs of digits are numbers.
fn split_word<'a>(mut word: &'a [u8], template: &mut Vec<u8>, fillings: &mut Vec<Filling<'a>>) {
    while let Some(&first) = word.first() {
        let is_digit = first.is_ascii_digit();
        let run = word
            .iter()
            .take_while(|byte| byte.is_ascii_digit() == is_digit)
            .count();
        let (run, rest) = word.split_at(run);
        word = rest;
        if !is_digit || run.len() > MAX_DIGITS {
            template.extend_from_slice(run);
            continue;
        }
        if first == b'0' && run.len() > 1 {
            template.extend_from_slice(&[PADDED, run.len() as u8]);
        } else {
            template.push(DECIMAL);
        }
        let number = run
            .iter()
            .fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
        fillings.push(Filling::Number(number));
    }
}

/// Whether a word is an id: lower-case hexadecimal, of even length, with letters and digits.
fn is_hex(word: &[u8]) -> bool {
    (MIN_HEX..=MAX_HEX).contains(&word.len())
        && word.len().is_multiple_of(2)
        && word.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && word.iter().any(u8::is_ascii_digit)
        && !word.iter().all(u8::is_ascii_digit)
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit - b'a' + 10,
    }
}

/// The bodies of a block.
#[derive(Debug)]
pub(super) struct Bodies {
    templates: Vec<Template>,
    /// By row: template, and the row's place among those of it.
    rows: Vec<(u32, u32)>,
}

#[derive(Debug, Default)]
struct Template {
    pieces: Vec<Piece>,
    n_rows: usize,
}

#[derive(Debug)]
enum Piece {
    Text(Box<str>),
    Decimal(Vec<u64>),
    Padded(usize, Vec<u64>),
    /// Bytes of one id, and all ids.
    Hex(usize, Vec<u8>),
    /// Bodies kept whole.
    Whole(Vec<Box<str>>),
}

impl Bodies {
    pub(super) fn decode(reader: &mut Reader<'_>, n: usize) -> Result<Self, Corrupt> {
        let n_templates = reader.count()?;
        let mut templates = vec![Template {
            pieces: vec![Piece::Whole(Vec::new())],
            n_rows: 0,
        }];
        for _ in 0..n_templates {
            templates.push(Template::parse(reader.bytes()?)?);
        }
        let mut rows = Vec::with_capacity(n);
        for _ in 0..n {
            let id = reader.u32v()?;
            let template = templates
                .get_mut(id as usize)
                .ok_or(Corrupt("a template is missing"))?;
            rows.push((id, template.n_rows as u32));
            template.n_rows += 1;
        }
        for template in &mut templates {
            template.fill(reader)?;
        }
        Ok(Self { templates, rows })
    }

    /// The body of a row.
    pub(super) fn get(&self, i: usize) -> Result<String, Corrupt> {
        let missing = Corrupt("a body is missing");
        let (id, at) = *self.rows.get(i).ok_or(missing)?;
        let template = self.templates.get(id as usize).ok_or(missing)?;
        let at = at as usize;
        let mut body = String::new();
        for piece in &template.pieces {
            match piece {
                Piece::Text(text) => body.push_str(text),
                Piece::Decimal(numbers) => push_number(&mut body, *numbers.get(at).ok_or(missing)?, 1),
                Piece::Padded(width, numbers) => {
                    push_number(&mut body, *numbers.get(at).ok_or(missing)?, *width);
                }
                Piece::Hex(n, bytes) => {
                    let bytes = bytes.get(at * n..(at + 1) * n).ok_or(missing)?;
                    for byte in bytes {
                        for digit in [byte >> 4, byte & 0xf] {
                            body.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
                        }
                    }
                }
                Piece::Whole(bodies) => body.push_str(bodies.get(at).ok_or(missing)?),
            }
        }
        Ok(body)
    }
}

impl Template {
    fn parse(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut pieces = Vec::new();
        let mut reader = Reader::new(bytes);
        let mut text = Vec::new();
        while !reader.is_empty() {
            let byte = reader.u8()?;
            if byte >= FIRST_TEXT {
                text.push(byte);
                continue;
            }
            push_text(&mut text, &mut pieces)?;
            pieces.push(match byte {
                DECIMAL => Piece::Decimal(Vec::new()),
                PADDED => Piece::Padded(usize::from(reader.u8()?), Vec::new()),
                HEX => Piece::Hex(usize::from(reader.u8()?), Vec::new()),
                _ => return Err(Corrupt("a mark in a template is not known")),
            });
        }
        push_text(&mut text, &mut pieces)?;
        Ok(Self { pieces, n_rows: 0 })
    }

    fn fill(&mut self, reader: &mut Reader<'_>) -> Result<(), Corrupt> {
        let n = self.n_rows;
        for piece in &mut self.pieces {
            match piece {
                Piece::Text(_) => {}
                Piece::Decimal(numbers) | Piece::Padded(_, numbers) => {
                    *numbers = (0..n).map(|_| reader.uvarint()).collect::<Result<_, _>>()?;
                }
                Piece::Hex(width, bytes) => *bytes = reader.take(*width * n)?.to_vec(),
                Piece::Whole(bodies) => {
                    *bodies = (0..n)
                        .map(|_| reader.str().map(Box::from))
                        .collect::<Result<_, _>>()?;
                }
            }
        }
        Ok(())
    }
}

fn push_text(text: &mut Vec<u8>, pieces: &mut Vec<Piece>) -> Result<(), Corrupt> {
    if !text.is_empty() {
        let text = String::from_utf8(std::mem::take(text)).map_err(|_| Corrupt("a body is not UTF-8"))?;
        pieces.push(Piece::Text(text.into()));
    }
    Ok(())
}

/// Appends a decimal number of at least `width` digits.
fn push_number(body: &mut String, mut number: u64, width: usize) {
    // No number has more than 20 digits.
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while number > 0 {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    let from = at.min(digits.len() - width.min(digits.len()));
    body.extend(digits[from..].iter().map(|digit| char::from(*digit)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip(bodies: &[String]) -> (Vec<String>, usize) {
        let mut out = Vec::new();
        encode(bodies.iter().map(|body| &**body), &mut out);
        let decoded = Bodies::decode(&mut Reader::new(&out), bodies.len()).unwrap();
        let back = (0..bodies.len()).map(|i| decoded.get(i).unwrap()).collect();
        (back, out.len())
    }

    fn body() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            "[0-9]{1,25}",
            "[0-9a-f]{6,20}",
            "[a-zA-Z]{1,5}[0-9]{0,4}",
            "[ =/.:-]",
            "\\PC{0,3}",
            any::<u64>().prop_map(|n| n.to_string()),
            any::<u64>().prop_map(|n| format!("{n:016x}")),
            Just("\u{1}\u{3}".to_owned()),
        ];
        prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn any_bodies_come_back(bodies in prop::collection::vec(body(), 0..30)) {
            prop_assert_eq!(round_trip(&bodies).0, bodies);
        }

        #[test]
        fn never_panics_on_any_bytes(bytes: Vec<u8>, n in 0..20_usize) {
            if let Ok(bodies) = Bodies::decode(&mut Reader::new(&bytes), n) {
                for i in 0..n {
                    let _ = bodies.get(i);
                }
            }
        }
    }

    #[test]
    fn lines_of_one_statement_cost_their_numbers_only() {
        let bodies: Vec<String> = (0..1_000_u64)
            .map(|i| {
                let id = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 4;
                format!(
                    "request completed path=/api/v1/thing{} status=200 ms={:03} id=a{id:015x}",
                    i % 40,
                    i % 7
                )
            })
            .collect();
        let (back, n_bytes) = round_trip(&bodies);
        assert_eq!(back, bodies);
        assert!(n_bytes < 1_000 * 16, "{n_bytes} bytes");
    }

    #[test]
    fn more_templates_than_are_kept_fall_back_to_whole_bodies() {
        let letters = |mut n: usize| {
            let mut word = String::new();
            while n > 0 {
                word.push(char::from(b'g' + (n % 10) as u8));
                n /= 10;
            }
            word
        };
        let bodies: Vec<String> = (0..3_000).map(|i| format!("{} {i}", letters(i))).collect();
        assert_eq!(round_trip(&bodies).0, bodies);
    }
}
