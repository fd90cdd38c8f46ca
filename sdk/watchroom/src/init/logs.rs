//! Log sinks and their sampling, as the settings have them.

use std::sync::Arc;

use watchroom_capture::ReloadableFilter;
use watchroom_core::{Clock, Ledger};
use watchroom_log::{
    Color, LogSampler, LogSampling, LogSink, RollingFile, Writer, WriterBuilder, report_problem,
};

use super::InitError;
use crate::config::{Config, LogFormat};

/// What decides which lines are written, if a rule is set.
pub(super) fn sampler(
    config: &Config,
    ledger: &Arc<Ledger>,
    clock: &Clock,
) -> Result<Option<Arc<LogSampler>>, InitError> {
    let sampling = LogSampling::parse(&config.log.sampling).map_err(InitError::LogSampling)?;
    let sampler = || {
        Arc::new(LogSampler::new(
            sampling.clone(),
            Arc::clone(ledger),
            clock.clone(),
        ))
    };
    Ok((!sampling.is_all()).then(sampler))
}

/// One sink for stdout and one for files, each with a writer of its own, so that a blocked pipe does not hold up the file. Lines are
/// counted by the first.
pub(super) fn sinks(
    config: &Config,
    ledger: &Arc<Ledger>,
    clock: &Clock,
    filter: &ReloadableFilter,
) -> Result<Vec<Arc<LogSink>>, InitError> {
    let log = &config.log;
    let writer = |name: &str| -> WriterBuilder {
        Writer::builder()
            .name(name)
            .clock(clock.clone())
            .block_for(log.block_within)
            .block_security_for(log.security_block_within)
            .ledger(Arc::clone(ledger))
            .on_problem(report_problem)
    };
    let sink = |writer, color, counted| {
        let format = match log.format {
            LogFormat::Text => watchroom_log::Format::Text,
            LogFormat::Json => watchroom_log::Format::Json,
        };
        let builder = LogSink::builder(writer)
            .format(format)
            .color(color)
            .timer(log.timer)
            .spans(log.span_lines)
            .threads(log.threads)
            .counted(counted);
        Arc::new(builder.filter(filter.clone()).clock(clock.clone()).build())
    };
    let mut sinks = Vec::new();
    if log.stdout {
        let stdout = watchroom_log::stdout().map_err(InitError::LogThread)?;
        let stdout = writer("stdout").spawn(stdout).map_err(InitError::LogThread)?;
        sinks.push(sink(stdout, log.color, true));
    }
    if let Some(file) = &log.file {
        let file = RollingFile::open(file.clone())?;
        let file = writer("file").spawn(file).map_err(InitError::LogThread)?;
        sinks.push(sink(file, Color::Never, sinks.is_empty()));
    }
    Ok(sinks)
}
