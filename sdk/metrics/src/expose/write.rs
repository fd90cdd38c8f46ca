//! What both text formats write alike.

use crate::snapshot::{SummaryValue, Value, write_f64};

/// Writes a number.
pub(super) fn number(out: &mut String, value: &Value) {
    match value {
        Value::U64(value) => out.push_str(itoa::Buffer::new().format(*value)),
        Value::I64(value) => out.push_str(itoa::Buffer::new().format(*value)),
        other => write_f64(out, other.as_f64()),
    }
}

/// Writes a sample's name and labels; `extra` is a further label, as name and value that need no escape.
pub(super) fn head(out: &mut String, name: &str, suffix: &str, labels: &str, extra: Option<(&str, &str)>) {
    out.push_str(name);
    out.push_str(suffix);
    if !labels.is_empty() || extra.is_some() {
        out.push('{');
        out.push_str(labels);
        if let Some((key, value)) = extra {
            if !labels.is_empty() {
                out.push(',');
            }
            out.push_str(key);
            out.push_str("=\"");
            out.push_str(value);
            out.push('"');
        }
        out.push('}');
    }
    out.push(' ');
}

/// Writes the samples of a summary.
pub(super) fn summary(out: &mut String, name: &str, labels: &str, value: &SummaryValue) {
    for (quantile, of) in &value.quantiles {
        // A quantile between 0 and 1 has a point in either spelling; the ends are written with theirs, as OpenMetrics wants them.
        head(
            out,
            name,
            "",
            labels,
            Some(("quantile", &format!("{quantile:?}"))),
        );
        write_f64(out, *of);
        out.push('\n');
    }
    head(out, name, "_sum", labels, None);
    write_f64(out, value.sum);
    out.push('\n');
    head(out, name, "_count", labels, None);
    out.push_str(itoa::Buffer::new().format(value.count));
    out.push('\n');
}

/// Writes help text on its line.
pub(super) fn help(out: &mut String, name: &str, help: &str, escape_quotes: bool) {
    out.push_str("# HELP ");
    out.push_str(name);
    out.push(' ');
    for c in help.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if escape_quotes => out.push_str("\\\""),
            c => out.push(c),
        }
    }
    out.push('\n');
}

/// Writes seconds of nanoseconds since the epoch, to the millisecond.
pub(super) fn seconds(out: &mut String, unix_ns: u64) {
    let ms = unix_ns / 1_000_000;
    out.push_str(itoa::Buffer::new().format(ms / 1_000));
    out.push('.');
    let fraction = ms % 1_000;
    for digit in [fraction / 100, fraction / 10 % 10, fraction % 10] {
        out.push(char::from(b'0' + digit as u8));
    }
}
