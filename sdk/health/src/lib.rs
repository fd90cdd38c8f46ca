//! Health: checks that run in the background, and answers that never wait for them.
//!
//! ```
//! use watchroom_health::{HealthBoard, Probe};
//!
//! let board = HealthBoard::new();
//! board.register("store", || async { Ok::<(), String>(()) }).critical();
//! let report = board.report(Probe::Health);
//! assert!(report.to_json().starts_with(r#"{"status":""#));
//! ```
//!
//! Invariant: a report reads results that are there; a check that hangs, panics or is never polled makes its own component
//! unhealthy, nothing else. Not here: HTTP and gRPC (the admin endpoint and the services' own servers ask the board).

mod board;
mod component;
mod detail;
mod register;
mod report;
mod runner;

pub use board::{Change, Changes, HealthBoard};
pub use component::{Reporter, State};
pub use detail::Detail;
pub use register::Registration;
pub use report::{ComponentReport, Probe, Report, Status};
