//! Rotated files: a new one when the present is large or old enough, and old ones removed.
//!
//! The name of a file says when it began, so that names sort by time: `deriva-20260102T030405Z-000.log`. They sort so even where the
//! clock was set back: then a file bears the time of the newest there is, and a higher number.
//!
//! Invariant: a file ends with a whole line; all files together never exceed the limit of size, and files that the pattern does not
//! name are never touched. A symbolic link in the place of a file is never followed: new files are made where nothing is, and one that
//! is gone on with has to be a plain file under its own name. The folder itself may be a link; who may write in it may do as he likes
//! with the files. Not here: the thread that writes; compression.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use watchroom_core::{Clock, Moment};

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
    /// Permissions of new files on Unix, less what the process' mask takes away; `0o640` by default. A new folder gets `0o750`.
    pub mode: u32,
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
            mode: 0o640,
            clock: Clock::system(),
        }
    }
}

/// Why files cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The name has no place for the time, or more than one, or leads to another folder.
    #[error(
        "bad log file name {name:?} (setting `log.file.name`), expected a file name with {{time}} in it once, such as \
         app-{{time}}.log"
    )]
    Name {
        /// What was given.
        name: String,
    },
    /// All files together may be smaller than one.
    #[error(
        "setting `log.file.max_total_bytes` is {max_total_bytes}, expected at least the {max_bytes} bytes of a single file \
         (setting `log.file.max_bytes`)"
    )]
    Total {
        /// The limit of all.
        max_total_bytes: u64,
        /// The limit of one.
        max_bytes: u64,
    },
    /// The owner could not write, or there are bits that are no permissions.
    #[error(
        "setting `log.file.mode` is {mode:o}, expected permissions that let the owner read and write, such as 640 or 600"
    )]
    Mode {
        /// What was given.
        mode: u32,
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
    mode: u32,
    clock: Clock,
    /// When old files were last looked after.
    looked: Moment,
    /// None after a failure: the next write tries to open one.
    file: Option<File>,
    path: PathBuf,
    /// When the present file began, seconds since the epoch by the clock of then.
    began: u64,
    len: u64,
    /// The last byte that was written ends a line.
    at_line_start: bool,
}

/// What is between prefix and suffix: date and number.
const STAMP_LEN: usize = 16 + 4;
/// How often files that have grown too old are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Numbers of files that began in the same second, and names that are tried for a new one.
const N_NUMBERS: u32 = 1_000;
const N_TRIES: u32 = 10_000;

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
            mode,
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
        if mode & !0o777 != 0 || mode & 0o600 != 0o600 {
            return Err(FileError::Mode { mode });
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
            mode,
            looked: clock.now(),
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
        make_dir(&self.dir)?;
        let newest = self.list()?.pop();
        if let Some(Found { began, path, len, .. }) = newest
            && !self.is_over(began)
            && len < self.max_bytes
            && let Some(mut file) = open_plain(&path)?
        {
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
        make_dir(&self.dir)?;
        let now = self.now_s();
        let files = self.list()?;
        self.remove_old(&files, now);
        self.make_room()?;
        // After the newest there is, wherever the clock stands.
        let (mut second, mut number) = match files.last() {
            Some(newest) if newest.began >= now => (newest.began, newest.number + 1),
            _ => (now, 0),
        };
        for _ in 0..N_TRIES {
            if number >= N_NUMBERS {
                (second, number) = (second + 1, 0);
            }
            let name = format!("{}{}-{number:03}{}", self.prefix, compact(second), self.suffix);
            let path = self.dir.join(name);
            match self.create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                result => {
                    self.file = Some(result?);
                    (self.began, self.len, self.path, self.at_line_start) = (now, 0, path, true);
                    return Ok(());
                }
            }
        }
        Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "something else has the names of the next ten thousand log files",
        ))
    }

    /// Fails if there is anything of this name, be it a link that leads nowhere.
    fn create(&self, path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, self.mode);
        options.open(path)
    }

    /// Removes files that have been closed for too long. One that cannot be removed is tried again the next time.
    fn remove_old(&self, files: &[Found], now: u64) {
        let Some(max_age) = self.max_age else { return };
        let ends = files.iter().skip(1).map(|next| next.began);
        for (file, end) in files.iter().zip(ends) {
            if now.saturating_sub(end) > max_age.as_secs() && file.path != self.path {
                let _ = std::fs::remove_file(&file.path);
            }
        }
    }

    /// Removes the oldest files until a further whole file fits.
    fn make_room(&self) -> io::Result<()> {
        let Some(max) = self.max_total_bytes else {
            return Ok(());
        };
        let files = self.list()?;
        let mut total: u64 = files.iter().map(|file| file.len).sum();
        for file in &files {
            if total + self.max_bytes <= max {
                break;
            }
            match std::fs::remove_file(&file.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => total -= file.len,
            }
        }
        Ok(())
    }

    /// Now and then: removes files that have grown too old, and begins another file where the present one was taken away.
    fn look_after(&mut self) {
        let now = self.clock.now();
        if now.since(self.looked) < LOOK_EVERY {
            return;
        }
        self.looked = now;
        if self.path.symlink_metadata().is_err() {
            self.file = None;
        }
        if self.max_age.is_some()
            && let Ok(files) = self.list()
        {
            self.remove_old(&files, self.now_s());
        }
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
            let number = number
                .strip_prefix('-')
                .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|digits| digits.parse().ok());
            let (Some(began), Some(number)) = (parse_compact(date), number) else {
                continue;
            };
            let metadata = entry.metadata()?;
            if metadata.is_file() {
                files.push(Found {
                    began,
                    number,
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

/// Makes a folder that does not exist.
fn make_dir(dir: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o750);
    builder.create(dir)
}

/// Opens a file to go on with it; none if what stands under the name is no plain file, or another one than was opened.
fn open_plain(path: &Path) -> io::Result<Option<File>> {
    if !path.symlink_metadata()?.is_file() {
        return Ok(None);
    }
    let file = OpenOptions::new().read(true).append(true).open(path)?;
    // A link may have been put there meanwhile: nothing has been written to where it leads.
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let (opened, named) = (file.metadata()?, path.symlink_metadata()?);
        if !named.is_file() || (opened.dev(), opened.ino()) != (named.dev(), named.ino()) {
            return Ok(None);
        }
    }
    Ok(Some(file))
}

struct Found {
    began: u64,
    number: u32,
    path: PathBuf,
    len: u64,
}

impl Write for RollingFile {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        if lines.is_empty() {
            return Ok(0);
        }
        self.look_after();
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

    /// The writer calls this too when there has been nothing to write for a minute.
    fn flush(&mut self) -> io::Result<()> {
        self.look_after();
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}

#[cfg(test)]
mod tests;
