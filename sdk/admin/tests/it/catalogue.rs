//! `/telemetry` of a service whose parts are all there.

use std::sync::Arc;

use serde_json::{Value, json};
use tracing::Metadata;
use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_admin::{AdminHandle, Parts};
use watchroom_capture::{Capture, EventRecord, Scope, Sink};
use watchroom_metrics as metrics;
use watchroom_metrics::{Counter, Label, Metrics};

use crate::support::{ask, config, connect, parts};

/// Who orders.
#[derive(Label)]
#[label(crate = metrics, limit = 3)]
struct Customer;

#[derive(Metrics)]
#[metrics(crate = metrics, prefix = "shop")]
struct ShopMetrics {
    /// Orders by customer.
    orders_total: Counter<Customer>,
}

/// Wants all and does nothing with it: what nobody wants is never declared.
struct Everything;

impl Sink for Everything {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn on_event(&self, _event: &EventRecord<'_>, _scope: Scope<'_>) {}
}

#[test]
fn the_catalogue_has_metrics_with_their_series_spans_with_their_fields_and_components() {
    let (layer, capture) = Capture::builder().sink(Arc::new(Everything)).build();
    let parts = Parts {
        capture: Some(capture),
        ..parts()
    };
    let shop = ShopMetrics::register(&parts.registry).unwrap();
    parts.board.component("store").critical().healthy();
    let admin = AdminHandle::start(config(), parts).unwrap();
    let catalogue = || -> Value {
        let answer = ask(connect(admin.local_addr()), "GET", "/telemetry", "").unwrap();
        serde_json::from_str(&answer.body).unwrap()
    };
    let orders = |of: &Value| {
        let metrics = of["metrics"].as_array().unwrap();
        metrics
            .iter()
            .find(|m| m["name"] == "shop_orders_total")
            .unwrap()
            .clone()
    };

    let before = orders(&catalogue());
    assert_eq!(
        before,
        json!({
            "name": "shop_orders_total", "type": "counter", "unit": "", "help": "Orders by customer.",
            "labels": ["customer"], "series": 0, "overflowed": 0
        })
    );
    for customer in ["anna", "bert", "cora", "dora", "emil", "anna"] {
        shop.orders_total.inc(customer);
    }
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::info_span!("order", id = 17, customer = "anna").in_scope(|| ());
    });
    let after = catalogue();
    // Three customers; the other two share one series, which is not theirs.
    assert_eq!(
        (&orders(&after)["series"], &orders(&after)["overflowed"]),
        (&json!(3), &json!(2))
    );
    assert!(after["series"].as_u64().unwrap() >= 3 && after["max_series"] == 10_000);
    let spans = after["spans"].as_array().unwrap();
    let order = spans.iter().find(|span| span["name"] == "order").unwrap();
    assert_eq!(
        (&order["level"], &order["fields"]),
        (&json!("INFO"), &json!(["id", "customer"]))
    );
    assert_eq!(
        after["components"],
        json!([{"name": "store", "status": "healthy", "critical": true}])
    );
}
