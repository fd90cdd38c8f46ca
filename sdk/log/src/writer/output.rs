//! The process' standard output.
//!
//! Invariant: a pipe gets no more in one write than it takes as a whole, and whole lines as far as they fit. So a line is either in the
//! pipe or not, what is entered as delivered is what a reader finds, and processes that share a pipe do not cut each other's lines.
//!
//! Source: POSIX `write`, "Write requests of {PIPE_BUF} bytes or less shall not be interleaved".

use std::fs::File;
use std::io::{self, Write};

/// Linux; elsewhere the least that POSIX promises.
const PIPE_BUF: usize = if cfg!(target_os = "linux") { 4_096 } else { 512 };

/// Standard output, without the lock that `println!` takes: if it is blocked, only its writer is.
#[derive(Debug)]
pub struct Stdout {
    file: File,
    is_pipe: bool,
}

/// The process' standard output.
///
/// # Errors
/// Standard output is closed.
pub fn stdout() -> io::Result<Stdout> {
    use std::os::fd::AsFd as _;
    io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .map(File::from)
        .map(Stdout::new)
}

impl Stdout {
    fn new(file: File) -> Self {
        use std::os::unix::fs::FileTypeExt as _;
        let is_pipe = file
            .metadata()
            .is_ok_and(|metadata| metadata.file_type().is_fifo() || metadata.file_type().is_socket());
        Self { file, is_pipe }
    }
}

/// How much of `lines` is written at once.
fn whole(lines: &[u8]) -> &[u8] {
    let Some(head) = lines.get(..PIPE_BUF) else {
        return lines;
    };
    head.iter()
        .rposition(|byte| *byte == b'\n')
        .and_then(|idx| head.get(..=idx))
        .unwrap_or(head)
}

impl Write for Stdout {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.file.write(if self.is_pipe { whole(lines) } else { lines })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_gets_whole_lines_as_far_as_they_fit() {
        let line = [b"x".repeat(99), b"\n".to_vec()].concat();
        assert_eq!(whole(&line), line);
        assert_eq!(whole(&line.repeat(1_000)).len(), PIPE_BUF / 100 * 100);
        assert_eq!(whole(&b"y".repeat(10_000)).len(), PIPE_BUF);
    }
}
