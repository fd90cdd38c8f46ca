//! Rotated files: a new one when the present is large or old enough, and old ones removed.
//!
//! The name of a file says when it began, so that names sort by time: `deriva-20260102T030405Z-000.log`.
//!
//! Invariant: a file ends with a whole line; all files together never exceed the limit of size, and files that the pattern does not
//! name are never touched. Not here: the thread that writes; compression.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use watchroom_core::Clock;

use crate::time::{compact, parse_compact};

/// How often a file is begun whatever its size; at the full minute, hour or day in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// Every minute.
    Minute,
    /// Every hour.
    Hour,
    /// Every day.
    Day,
}

impl Period {
    const fn seconds(self) -> u64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }
}

/// Where files are, and how many.
#[derive(Debug, Clone)]
pub struct FileConfig {
    /// Folder; it is made if it does not exist.
    pub dir: PathBuf,
    /// Name of a file, with `{time}` in it once.
    pub name: String,
    /// Bytes of a file, 64 MiB by default. A single line that is longer has a file of its own.
    pub max_bytes: u64,
    /// How often a file is begun whatever its size; every day by default.
    pub period: Option<Period>,
    /// How long a file is kept after its last line; for good by default.
    pub max_age: Option<Duration>,
    /// Bytes of all files, 1 GiB by default.
    pub max_total_bytes: Option<u64>,
    /// Where time is read.
    pub clock: Clock,
}

impl FileConfig {
    /// Files `{service}-{time}.log` in `dir`, at the defaults.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, service: &str) -> Self {
        Self {
            dir: dir.into(),
            name: format!("{service}-{{time}}.log"),
            max_bytes: 64 << 20,
            period: Some(Period::Day),
            max_age: None,
            max_total_bytes: Some(1 << 30),
            clock: Clock::system(),
        }
    }
}

/// Why files cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The name has no place for the time, or more than one, or leads to another folder.
    #[error(
        "bad log file name {name:?}, expected a file name with {{time}} in it once, such as app-{{time}}.log"
    )]
    Name {
        /// What was given.
        name: String,
    },
    /// All files together may be smaller than one.
    #[error("the log's total of {max_total_bytes} bytes is less than the {max_bytes} of a single file")]
    Total {
        /// The limit of all.
        max_total_bytes: u64,
        /// The limit of one.
        max_bytes: u64,
    },
    /// The folder or a file in it cannot be made.
    #[error("cannot write log files in {}", dir.display())]
    Open {
        /// The folder.
        dir: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// Writes whole lines to the present file.
#[derive(Debug)]
pub struct RollingFile {
    dir: PathBuf,
    prefix: String,
    suffix: String,
    max_bytes: u64,
    period: Option<Period>,
    max_age: Option<Duration>,
    max_total_bytes: Option<u64>,
    clock: Clock,
    /// None after a failure: the next write tries to open one.
    file: Option<File>,
    path: PathBuf,
    /// When the present file began, seconds since the epoch.
    began: u64,
    len: u64,
    /// The last byte that was written ends a line.
    at_line_start: bool,
}

/// What is between prefix and suffix: date and number.
const STAMP_LEN: usize = 16 + 4;

impl RollingFile {
    /// Goes on with the newest file if it is of the present period and has room, else begins one.
    ///
    /// # Errors
    /// [`FileError`] if a setting is wrong, or the folder or file cannot be made.
    pub fn open(config: FileConfig) -> Result<Self, FileError> {
        let FileConfig {
            dir,
            name,
            max_bytes,
            period,
            max_age,
            max_total_bytes,
            clock,
        } = config;
        let (prefix, suffix) = match name.split_once("{time}") {
            Some((prefix, suffix)) if !suffix.contains("{time}") && !name.contains(['/', '\\', '\0']) => {
                (prefix.to_owned(), suffix.to_owned())
            }
            _ => return Err(FileError::Name { name }),
        };
        if let Some(max_total_bytes) = max_total_bytes.filter(|total| *total < max_bytes) {
            return Err(FileError::Total {
                max_total_bytes,
                max_bytes,
            });
        }
        let mut rolling = Self {
            path: dir.clone(),
            dir,
            prefix,
            suffix,
            max_bytes,
            period,
            max_age,
            max_total_bytes,
            clock,
            file: None,
            began: 0,
            len: 0,
            at_line_start: true,
        };
        rolling.resume().map_err(|source| FileError::Open {
            dir: rolling.dir.clone(),
            source,
        })?;
        Ok(rolling)
    }

    /// The file that is written to.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn now_s(&self) -> u64 {
        self.clock.now_unix_ns() / 1_000_000_000
    }

    fn resume(&mut self) -> io::Result<()> {
        std::fs::create_dir_all(&self.dir)?;
        let newest = self.list()?.pop();
        if let Some(Found { began, path, len }) = newest
            && !self.is_over(began)
            && len < self.max_bytes
        {
            let mut file = OpenOptions::new().read(true).append(true).open(&path)?;
            // A process that was killed may have left half a line.
            let mut last = [b'\n'];
            if len > 0 {
                file.seek(SeekFrom::End(-1))?;
                file.read_exact(&mut last)?;
            }
            (self.began, self.len, self.path) = (began, len, path);
            if last != *b"\n" {
                file.write_all(b"\n")?;
                self.len += 1;
            }
            self.file = Some(file);
            self.at_line_start = true;
            return Ok(());
        }
        self.begin()
    }

    /// Whether the period in which a file began has passed.
    fn is_over(&self, began: u64) -> bool {
        self.period
            .is_some_and(|period| began / period.seconds() != self.now_s() / period.seconds())
    }

    /// Begins a file, after making room for it.
    fn begin(&mut self) -> io::Result<()> {
        self.file = None;
        std::fs::create_dir_all(&self.dir)?;
        let now = self.now_s();
        self.retain(now)?;
        let date = compact(now);
        for n in 0..1_000 {
            let path = self
                .dir
                .join(format!("{}{date}-{n:03}{}", self.prefix, self.suffix));
            match OpenOptions::new().append(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                result => {
                    self.file = Some(result?);
                    (self.began, self.len, self.path, self.at_line_start) = (now, 0, path, true);
                    return Ok(());
                }
            }
        }
        Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "a thousand log files were begun in one second",
        ))
    }

    /// Removes files that are too old, and the oldest ones until a further whole file fits.
    fn retain(&self, now: u64) -> io::Result<()> {
        let files = self.list()?;
        let mut total: u64 = files.iter().map(|file| file.len).sum();
        let ends = files.iter().skip(1).map(|next| next.began).chain([now]);
        for (file, end) in files.iter().zip(ends) {
            let too_old = self
                .max_age
                .is_some_and(|max| now.saturating_sub(end) > max.as_secs());
            let too_much = self
                .max_total_bytes
                .is_some_and(|max| total + self.max_bytes > max);
            if too_old || too_much {
                match std::fs::remove_file(&file.path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => total -= file.len,
                }
            }
        }
        Ok(())
    }

    /// Files of this pattern, oldest first.
    fn list(&self) -> io::Result<Vec<Found>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let stamp = name
                .to_str()
                .and_then(|name| name.strip_prefix(&self.prefix)?.strip_suffix(&self.suffix))
                .filter(|stamp| stamp.len() == STAMP_LEN && stamp.is_ascii());
            let Some((date, number)) = stamp.map(|stamp| stamp.split_at(16)) else {
                continue;
            };
            let numbered = number
                .strip_prefix('-')
                .is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
            let Some(began) = parse_compact(date).filter(|_| numbered) else {
                continue;
            };
            let metadata = entry.metadata()?;
            if metadata.is_file() {
                files.push(Found {
                    began,
                    path: entry.path(),
                    len: metadata.len(),
                });
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// How much of `lines` goes into the present file: whole lines as far as they fit, and one at least.
    fn fitting(&self, lines: &[u8]) -> usize {
        let room = usize::try_from(self.max_bytes.saturating_sub(self.len)).unwrap_or(usize::MAX);
        if lines.len() <= room {
            return lines.len();
        }
        let whole = lines[..room]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map(|idx| idx + 1);
        let first = || {
            lines
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(lines.len(), |idx| idx + 1)
        };
        whole.unwrap_or_else(first)
    }

    fn first_fits(&self, lines: &[u8]) -> bool {
        let first = lines
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(lines.len(), |idx| idx + 1);
        self.len + first as u64 <= self.max_bytes
    }
}

struct Found {
    began: u64,
    path: PathBuf,
    len: u64,
}

impl Write for RollingFile {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        if lines.is_empty() {
            return Ok(0);
        }
        let is_full = self.len > 0 && !self.first_fits(lines);
        if self.file.is_none() || (self.at_line_start && (is_full || self.is_over(self.began))) {
            self.begin()?;
        }
        let n_fitting = self.fitting(lines);
        let Some(file) = &mut self.file else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let n = file.write(&lines[..n_fitting])?;
        self.len += n as u64;
        if let Some(last) = n.checked_sub(1).and_then(|idx| lines.get(idx)) {
            self.at_line_start = *last == b'\n';
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}

#[cfg(test)]
mod tests;
