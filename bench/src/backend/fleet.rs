//! What a fleet of services says: counters, gauges and classic histograms as they look in practice, spans, log lines.
//!
//! Invariant: the same arguments give the same data.

use super::{Message, RemoteWrite};

const METHODS: [&str; 2] = ["GET", "POST"];
const CODES: [&str; 5] = ["200", "304", "404", "500", "503"];
const BOUNDS: [&str; 10] = [
    "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf",
];

/// Instances, each with 30 series: 10 counters of requests, a histogram of 10 buckets with sum and count, and 8 gauges and counters that
/// a process has. A third of the counters of errors never move.
#[derive(Debug)]
pub struct Fleet {
    series: Vec<Series>,
}

#[derive(Debug)]
struct Series {
    labels: Vec<u8>,
    shape: Shape,
    seed: u64,
    value: f64,
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    /// A counter of whole numbers, by how many on average in a step.
    Counter(u64),
    /// Observations up to a bucket.
    Bucket(usize),
    /// Their sum, thousandths.
    Sum,
    /// Pages of memory.
    Memory,
    /// A small whole number that moves now and then.
    Level(u64),
    /// One decimal.
    Temperature,
    /// Two decimals, only ever more.
    CpuSeconds,
    /// Two decimals, up and down.
    Load,
    Constant(f64),
}

impl Fleet {
    /// Series of an instance.
    pub const PER_INSTANCE: usize = 30;

    /// The instances of a range of numbers.
    #[must_use]
    pub fn new(instances: std::ops::Range<usize>) -> Self {
        let mut series = Vec::with_capacity(instances.len() * Self::PER_INSTANCE);
        for instance in instances {
            add_instance(&mut series, instance);
        }
        Self { series }
    }

    /// What [`Fleet::new`] gives, without histograms and most of the gauges: 11 series of each instance.
    #[must_use]
    pub fn lean(instances: std::ops::Range<usize>) -> Self {
        let mut fleet = Self::new(instances);
        fleet
            .series
            .retain(|series| matches!(series.shape, Shape::Counter(_) | Shape::Memory));
        fleet
    }

    /// Number of series.
    #[must_use]
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Goes one step on, and gives every series' sample to `body`, whose requests of `n` samples go to `send`; what is left stays in `body`.
    pub fn step(
        &mut self,
        step: u64,
        t_ms: i64,
        n: usize,
        body: &mut RemoteWrite,
        mut send: impl FnMut(Vec<u8>),
    ) {
        for series in &mut self.series {
            let value = series.next(step);
            body.push(&series.labels, t_ms, value);
            if body.len() == n {
                send(body.take());
            }
        }
    }
}

fn add_instance(out: &mut Vec<Series>, instance: usize) {
    let host = format!("host-{instance:05}.example.net:9100");
    let mut add = |name: &str, labels: &[(&str, &str)], shape: Shape| {
        let mut pairs = vec![
            ("__name__", name),
            ("instance", &*host),
            ("job", "checkout"),
            ("region", ["eu-north", "eu-west", "us-east"][instance % 3]),
        ];
        pairs.extend_from_slice(labels);
        pairs.sort_unstable();
        out.push(Series {
            labels: RemoteWrite::labels(&pairs),
            shape,
            seed: instance as u64,
            value: match shape {
                Shape::Memory => 120_000_000.0 + (mix(instance as u64) % 10_000) as f64 * 4_096.0,
                Shape::Temperature => 40.0 + (mix(instance as u64) % 200) as f64 / 10.0,
                Shape::Constant(value) => value,
                _ => 0.0,
            },
        });
    };
    for (m, method) in METHODS.iter().enumerate() {
        for (c, code) in CODES.iter().enumerate() {
            let per_step = match c {
                0 => 900,
                1 => 60,
                2 => 9,
                _ if (instance + c + m).is_multiple_of(3) => 0,
                _ => 1,
            };
            let labels = [("method", *method), ("code", *code)];
            add("http_requests_total", &labels, Shape::Counter(per_step));
        }
    }
    for (k, le) in BOUNDS.iter().enumerate() {
        add(
            "http_request_duration_seconds_bucket",
            &[("le", le)],
            Shape::Bucket(k),
        );
    }
    add("http_request_duration_seconds_sum", &[], Shape::Sum);
    add(
        "http_request_duration_seconds_count",
        &[],
        Shape::Bucket(BOUNDS.len() - 1),
    );
    add("process_resident_memory_bytes", &[], Shape::Memory);
    add("process_threads", &[], Shape::Level(40));
    add("process_open_fds", &[], Shape::Level(300));
    add("node_temperature_celsius", &[], Shape::Temperature);
    add("process_cpu_seconds_total", &[], Shape::CpuSeconds);
    add("node_load1", &[], Shape::Load);
    add("up", &[], Shape::Constant(1.0));
    add(
        "process_start_time_seconds",
        &[],
        Shape::Constant(1_763_596_800.25),
    );
}

impl Series {
    fn next(&mut self, step: u64) -> f64 {
        let noise = mix(self.seed.wrapping_mul(0x9e37_79b9) ^ step.wrapping_mul(0xd129_8aa5));
        let cents = |value: f64| (value * 100.0).round() / 100.0;
        self.value = match self.shape {
            Shape::Counter(0) | Shape::Constant(_) => self.value,
            Shape::Counter(per_step) => self.value + (mix(noise ^ per_step) % (2 * per_step + 1)) as f64,
            Shape::Bucket(k) => self.value + (0..=k).map(|j| observed(noise, j)).sum::<u64>() as f64,
            Shape::Sum => {
                let more = (0..BOUNDS.len()).map(|j| observed(noise, j) as f64 * 0.004 * f64::from(1 << j));
                (self.value * 1_000.0 + more.sum::<f64>() * 1_000.0).round() / 1_000.0
            }
            Shape::Memory => self.value + ((noise % 2_001) as f64 - 1_000.0) * 4_096.0,
            Shape::Level(about) => match noise % 4 {
                0 => (about + (noise >> 8) % (about / 4)) as f64,
                _ => self.value,
            },
            Shape::Temperature => ((self.value * 10.0).round() + (noise % 7) as f64 - 3.0) / 10.0,
            Shape::CpuSeconds => cents(self.value + (noise % 900) as f64 / 100.0),
            Shape::Load => cents((self.value * 0.9 + (noise % 400) as f64 / 1_000.0).max(0.0)),
        };
        self.value
    }
}

/// Observations of one bucket in one step.
fn observed(noise: u64, bucket: usize) -> u64 {
    const ABOUT: [u64; 10] = [30, 80, 160, 120, 60, 24, 9, 4, 2, 1];
    mix(noise.wrapping_add(bucket as u64)) % (2 * ABOUT[bucket] + 1)
}

fn mix(mut x: u64) -> u64 {
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

/// Bodies of OTLP with spans: traces of ten spans each over services that call each other.
#[derive(Debug, Default)]
pub struct Spans {
    n: u64,
}

/// Bodies of OTLP with log lines of 200 bytes.
#[derive(Debug, Default)]
pub struct LogLines {
    n: u64,
}

const SERVICES: [&str; 5] = ["gateway", "checkout", "inventory", "payment", "shipping"];

impl Spans {
    /// The next `n` spans as an `ExportTraceServiceRequest`, the first of them at `start_ns`.
    #[must_use]
    pub fn body(&mut self, n: usize, start_ns: u64) -> Vec<u8> {
        let mut by_service = [(); SERVICES.len()].map(|()| Message::default());
        for i in 0..n as u64 {
            let (trace, place) = ((self.n + i) / 10, (self.n + i) % 10);
            let service = (place % SERVICES.len() as u64) as usize;
            let noise = mix(self.n + i);
            let mut trace_id = mix(trace).to_le_bytes().to_vec();
            trace_id.extend_from_slice(&mix(trace ^ 0xabcd).to_le_bytes());
            let start = start_ns + i * 20_000;
            let mut span = Message::default();
            span.bytes(1, &trace_id)
                .bytes(2, &mix(trace * 16 + place + 1).to_le_bytes());
            if place > 0 {
                span.bytes(4, &mix(trace * 16 + place / 2 + 1).to_le_bytes());
            }
            let route = ["/cart", "/cart/{id}", "/orders", "/stock/{sku}"][(noise % 4) as usize];
            span.bytes(5, format!("GET {route}").as_bytes())
                .varint(6, 2 + place % 2)
                .fixed64(7, start)
                .fixed64(8, start + 500_000 + noise % 90_000_000);
            for (name, value) in [
                ("http.request.method", "GET".to_owned()),
                ("http.route", route.to_owned()),
                ("customer.id", format!("c-{}", (noise >> 16) % 50_000)),
            ] {
                span.bytes(9, attribute(name, &value).as_bytes());
            }
            let status = if noise.is_multiple_of(50) { "500" } else { "200" };
            span.bytes(9, attribute("http.response.status_code", status).as_bytes());
            if status == "500" {
                let mut failed = Message::default();
                failed.varint(3, 2);
                span.bytes(15, failed.as_bytes());
            }
            by_service[service].bytes(2, span.as_bytes());
        }
        self.n += n as u64;
        resources(&by_service)
    }
}

impl LogLines {
    /// The next `n` lines as an `ExportLogsServiceRequest`, the first of them at `start_ns`.
    #[must_use]
    pub fn body(&mut self, n: usize, start_ns: u64) -> Vec<u8> {
        const WHAT: [&str; 4] = [
            "order placed, payment authorised and the parcel handed over to the carrier",
            "stock of an article is below the threshold, the supplier has been asked",
            "request was answered from the cache, the entry is about to be refreshed",
            "connection to the payment provider was closed, a new one is being opened",
        ];
        let mut by_service = [(); SERVICES.len()].map(|()| Message::default());
        for i in 0..n as u64 {
            let noise = mix(self.n + i);
            let mut text = format!(
                "{} customer=c-{} order={} amount={}.{:02} attempt={} elapsed_ms={}",
                WHAT[(noise % 4) as usize],
                (noise >> 16) % 50_000,
                700_000 + self.n + i,
                noise % 300,
                (noise >> 8) % 100,
                1 + noise % 3,
                (noise >> 24) % 900,
            );
            text.push_str(" source=checkout.pipeline.worker trace=sampled region=eu-north-1");
            text.truncate(200);
            while text.len() < 200 {
                text.push('.');
            }
            let mut value = Message::default();
            value.bytes(1, text.as_bytes());
            let mut line = Message::default();
            line.fixed64(1, start_ns + i * 20_000)
                .varint(2, [9, 9, 9, 13][(noise % 4) as usize])
                .bytes(5, value.as_bytes());
            by_service[(noise >> 40) as usize % SERVICES.len()].bytes(2, line.as_bytes());
        }
        self.n += n as u64;
        resources(&by_service)
    }
}

/// A request with one resource and one scope for each service.
fn resources(by_service: &[Message; SERVICES.len()]) -> Vec<u8> {
    let mut request = Message::default();
    for (name, records) in SERVICES.iter().zip(by_service) {
        let mut resource = Message::default();
        resource.bytes(1, attribute("service.name", name).as_bytes());
        let mut of_service = Message::default();
        of_service
            .bytes(1, resource.as_bytes())
            .bytes(2, records.as_bytes());
        request.bytes(1, of_service.as_bytes());
    }
    request.as_bytes().to_vec()
}

fn attribute(name: &str, value: &str) -> Message {
    let mut any = Message::default();
    any.bytes(1, value.as_bytes());
    let mut pair = Message::default();
    pair.bytes(1, name.as_bytes()).bytes(2, any.as_bytes());
    pair
}
