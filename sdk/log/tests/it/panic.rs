//! A panic as a line.

use serde_json::Value;
use tracing::info_span;
use watchroom_log::{Color, Format, SpanLines, panic_hook};

use crate::support::log;

#[test]
fn a_panic_is_logged_with_location_thread_and_backtrace_and_without_secrets() {
    // The hook is the process' own; other tests of this binary panic nowhere.
    let before = std::panic::take_hook();
    std::panic::set_hook(panic_hook(None));
    let work = || {
        let _ = std::panic::catch_unwind(|| {
            let card = "4111 1111 1111 1111";
            info_span!("request", request_id = "r-1").in_scope(|| panic!("card {card} refused"));
        });
    };
    let json = log(
        |builder| builder.format(Format::Json).spans(SpanLines::NONE),
        |_| work(),
    );
    let text = log(
        |builder| builder.color(Color::Never).spans(SpanLines::NONE),
        |_| work(),
    );
    std::panic::set_hook(before);

    let json = json.take();
    let line: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["target"], "panic");
    assert_eq!(line["message"], "panicked: card ****-****-****-1111 refused");
    assert_eq!(line["request_id"], "r-1");
    assert!(
        line["fields"]["location"].as_str().unwrap().contains("panic.rs:"),
        "{line}"
    );
    assert!(
        line["fields"]["thread"].as_str().unwrap().contains("panic"),
        "{line}"
    );
    assert!(
        line["fields"]["backtrace"]
            .as_str()
            .unwrap()
            .contains("catch_unwind"),
        "{line}"
    );

    let text = text.take();
    let mut lines = text.lines();
    assert!(
        lines
            .next()
            .unwrap()
            .contains("ERROR request{request_id=r-1}: panic: panicked: card"),
        "{text}"
    );
    assert!(
        lines.clone().count() > 3 && lines.all(|line| line.starts_with("    ")),
        "{text}"
    );
}
