//! Arguments of both programs: `--dir DIR`, where the journal lies, and `--listen ADDRESS`.

use std::net::SocketAddr;
use std::path::PathBuf;

/// What the command line says.
pub(crate) struct Options {
    pub(crate) dir: PathBuf,
    pub(crate) listen: SocketAddr,
}

impl Options {
    /// Reads the arguments.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            dir: PathBuf::from("."),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--dir" => options.dir = value.into(),
                "--listen" => {
                    options.listen = value.parse().map_err(|_| format!("{value} is not an address"))?;
                }
                _ => return Err(format!("{name} is not known; there are --dir and --listen")),
            }
        }
        Ok(options)
    }
}
