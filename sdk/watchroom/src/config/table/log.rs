//! Log lines and files.

use super::{BOOL, BYTES, DURATION, FILTER, INTERVAL, SAMPLING, Setting, setting};
use crate::config::parse::{boolean, bytes, duration, list};
use crate::config::{Color, Config, LogFile, LogFormat, Period, SpanLines, Timer};

fn span_lines(text: &str) -> Option<SpanLines> {
    match text {
        "none" => return Some(SpanLines::NONE),
        "full" => return Some(SpanLines::FULL),
        _ => {}
    }
    list(text)
        .iter()
        .try_fold(SpanLines::NONE, |events, word| match word.as_str() {
            "new" => Some(SpanLines { new: true, ..events }),
            "enter" => Some(SpanLines {
                enter: true,
                ..events
            }),
            "exit" => Some(SpanLines { exit: true, ..events }),
            "close" => Some(SpanLines {
                close: true,
                ..events
            }),
            _ => None,
        })
}

/// Settings of files; the first one turns files on, in the current folder unless another is set.
fn log_file(config: &mut Config) -> &mut LogFile {
    let service = config.service_name.clone();
    config.log.file.get_or_insert_with(|| LogFile::new(".", &service))
}

pub(super) static LOG: [Setting; 17] = [
    setting!("log.filter", "RUST_LOG", FILTER, |c, v| {
        watchroom_capture::Filter::parse(v).ok()?;
        v.clone_into(&mut c.log.filter);
        Some(())
    }),
    setting!(
        "log.format",
        "WATCHROOM_LOG_FORMAT",
        "`text` or `json`",
        |c, v| {
            c.log.format = match v {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                _ => return None,
            };
            Some(())
        }
    ),
    setting!(
        "log.color",
        "WATCHROOM_LOG_COLOR",
        "`auto`, `always` or `never`",
        |c, v| {
            c.log.color = match v {
                "auto" => Color::Auto,
                "always" => Color::Always,
                "never" => Color::Never,
                _ => return None,
            };
            Some(())
        }
    ),
    setting!(
        "log.timer",
        "WATCHROOM_LOG_TIMER",
        "`wall` or `uptime`",
        |c, v| {
            c.log.timer = match v {
                "wall" => Timer::Wall,
                "uptime" => Timer::Uptime,
                _ => return None,
            };
            Some(())
        }
    ),
    setting!(
        "log.span_events",
        "WATCHROOM_LOG_SPAN_EVENTS",
        "`none`, `full`, or some of `new`, `enter`, `exit`, `close`, separated by commas",
        |c, v| {
            c.log.span_lines = span_lines(v)?;
            Some(())
        }
    ),
    setting!("log.threads", "WATCHROOM_LOG_THREADS", BOOL, |c, v| {
        c.log.threads = boolean(v)?;
        Some(())
    }),
    setting!("log.stdout", "WATCHROOM_LOG_STDOUT", BOOL, |c, v| {
        c.log.stdout = boolean(v)?;
        Some(())
    }),
    setting!(
        "log.block_within",
        "WATCHROOM_LOG_BLOCK_WITHIN",
        DURATION,
        |c, v| {
            c.log.block_within = duration(v)?;
            Some(())
        }
    ),
    setting!(
        "log.security_block_within",
        "WATCHROOM_LOG_SECURITY_BLOCK_WITHIN",
        DURATION,
        |c, v| {
            c.log.security_block_within = duration(v)?;
            Some(())
        }
    ),
    setting!("log.sampling", "WATCHROOM_LOG_SAMPLING", SAMPLING, |c, v| {
        watchroom_log::LogSampling::parse(v).ok()?;
        v.clone_into(&mut c.log.sampling);
        Some(())
    }),
    setting!(
        "log.file.dir",
        "WATCHROOM_LOG_FILE_DIR",
        "the path of a folder",
        |c, v| {
            log_file(c).dir = v.into();
            Some(())
        }
    ),
    setting!(
        "log.file.name",
        "WATCHROOM_LOG_FILE_NAME",
        "a file name with `{time}` in it once",
        |c, v| { v.contains("{time}").then(|| v.clone_into(&mut log_file(c).name)) }
    ),
    setting!(
        "log.file.max_bytes",
        "WATCHROOM_LOG_FILE_MAX_BYTES",
        BYTES,
        |c, v| {
            log_file(c).max_bytes = bytes(v).filter(|n| *n > 0)?;
            Some(())
        }
    ),
    setting!(
        "log.file.period",
        "WATCHROOM_LOG_FILE_PERIOD",
        "`minute`, `hour`, `day` or `never`",
        |c, v| {
            log_file(c).period = match v {
                "minute" => Some(Period::Minute),
                "hour" => Some(Period::Hour),
                "day" => Some(Period::Day),
                "never" => None,
                _ => return None,
            };
            Some(())
        }
    ),
    setting!(
        "log.file.max_age",
        "WATCHROOM_LOG_FILE_MAX_AGE",
        INTERVAL,
        |c, v| {
            log_file(c).max_age = Some(duration(v).filter(|d| !d.is_zero())?);
            Some(())
        }
    ),
    setting!(
        "log.file.max_total_bytes",
        "WATCHROOM_LOG_FILE_MAX_TOTAL_BYTES",
        BYTES,
        |c, v| {
            log_file(c).max_total_bytes = Some(bytes(v)?);
            Some(())
        }
    ),
    setting!(
        "log.file.mode",
        "WATCHROOM_LOG_FILE_MODE",
        "permissions in octal, such as `640`",
        |c, v| {
            log_file(c).mode = u32::from_str_radix(v, 8).ok().filter(|mode| *mode <= 0o777)?;
            Some(())
        }
    ),
];
