//! `watchroom demo`: hands over to the fleet.

use watchroom_fleet::demo::{self, Options};

use crate::args::DemoArgs;
use crate::command::Failure;

pub(crate) fn run(args: DemoArgs) -> Result<(), Failure> {
    let DemoArgs {
        listen,
        data_dir,
        run_for,
        json,
        rate,
    } = args;
    demo::run(&Options {
        listen,
        data_dir,
        run_for,
        json,
        rate,
    })
    .map_err(|failure| match failure {
        demo::Failure::Start(error) => Failure::start(error),
        demo::Failure::Run(error) => Failure::run(error),
    })
}
