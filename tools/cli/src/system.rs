//! `watchroom system`: one reference system in this process.

use watchroom_fleet::traffic;

use crate::args::System;
use crate::command::Failure;

pub(crate) fn run(system: System) -> Result<(), Failure> {
    match system {
        System::DerivaServer(options) => deriva::server::run(options).map_err(Failure::start),
        System::DerivaTraffic(options) => traffic::run(&options).map_err(Failure::start),
    }
}
