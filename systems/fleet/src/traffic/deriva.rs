//! The mix of calls.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use ::deriva::client::connect;
use ::deriva::proto::deriva_client::DerivaClient;
use ::deriva::proto::{
    GetRequest, InvalidateRequest, PutLeafRequest, PutRecipeRequest, ResolveRequest, StatusRequest,
};
use tonic::body::Body;
use tonic::transport::Channel;
use tracing::{Instrument as _, info, info_span, warn};
use watchroom::metrics::Registry;
use watchroom_http::{ClientService, Counted, CountedBody};

use super::Options;
use super::dice::Dice;

const WORDS: [&str; 12] = [
    "lamp", "lens", "storm", "keeper", "harbour", "signal", "fog", "tide", "beacon", "watch", "reef", "light",
];
/// Addresses that are remembered for later calls.
const MEMORY: usize = 200;

/// A channel that counts what it sends.
type Client = DerivaClient<ClientService<Channel, Counted<fn(CountedBody<Body>) -> Body>>>;

pub(super) struct Traffic {
    client: Client,
    dice: Dice,
    leaves: VecDeque<String>,
    recipes: VecDeque<String>,
    pause: Duration,
    violation_every: Option<Duration>,
    n_violations: u64,
}

impl Traffic {
    pub(super) async fn connect(options: &Options, registry: &Registry) -> anyhow::Result<Self> {
        // The plain connection tells at once whether the server is there; calls go through the instrumented one.
        let channel = connect_channel(&options.server).await?;
        let service =
            watchroom_http::ClientLayer::rpc(registry)?.wrap_counted(channel, Body::new as fn(_) -> _);
        Ok(Self {
            client: DerivaClient::new(service),
            dice: Dice::new(options.seed),
            leaves: VecDeque::new(),
            recipes: VecDeque::new(),
            pause: Duration::from_secs_f64(1.0 / options.rate.clamp(0.1, 1_000.0)),
            violation_every: (options.violation_every > 0)
                .then(|| Duration::from_secs(options.violation_every)),
            n_violations: 0,
        })
    }

    pub(super) async fn run(mut self) -> anyhow::Result<()> {
        // Enough to build on before the mix begins.
        for _ in 0..12 {
            self.put_leaf().await;
        }
        let mut tick = tokio::time::interval(self.pause);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut next_violation = tokio::time::Instant::now() + Duration::from_secs(10);
        loop {
            tick.tick().await;
            if let Some(every) = self
                .violation_every
                .filter(|_| tokio::time::Instant::now() >= next_violation)
            {
                next_violation += every;
                self.violate().await;
                continue;
            }
            match self.dice.below(100) {
                0..18 => self.put_leaf().await,
                18..40 => self.build().await,
                40..78 => self.get_again().await,
                78..84 => self.resolve().await,
                84..88 => self.invalidate().await,
                88..91 => self.status().await,
                91..95 => self.slow().await,
                _ => self.blunder().await,
            }
        }
    }

    fn text(&mut self) -> String {
        let n = 3 + self.dice.below(40);
        let words: Vec<&str> = (0..n).filter_map(|_| self.dice.pick(&WORDS).copied()).collect();
        format!("{} {}", words.join(" "), self.dice.below(1 << 20))
    }

    async fn put_leaf(&mut self) {
        let data = self.text().into_bytes();
        let answer = self
            .client
            .put_leaf(PutLeafRequest { data })
            .instrument(info_span!("traffic.put_leaf"))
            .await;
        if let Ok(answer) = answer {
            remember(&mut self.leaves, answer.into_inner().address);
        }
    }

    /// A recipe of depth 1 to 6, and a first get of it.
    async fn build(&mut self) {
        let depth = 1 + self.dice.below(6);
        let span = info_span!("traffic.build", depth);
        async {
            let Some(mut address) = self.some_leaf() else {
                return;
            };
            for _ in 0..depth {
                let (function, params): (&str, &[(&str, &str)]) = match self.dice.below(6) {
                    0 => ("transform/v1", &[("op", "upper")]),
                    1 => ("transform/v1", &[("op", "reverse")]),
                    2 => ("hash/v1", &[]),
                    3 => ("identity/v1", &[]),
                    _ => ("concat/v1", &[("separator", " ")]),
                };
                let mut inputs = vec![address.clone()];
                if function == "concat/v1" {
                    inputs.extend((0..1 + self.dice.below(3)).filter_map(|_| self.some_leaf()));
                }
                match self.recipe(function, inputs, params).await {
                    Some(next) => address = next,
                    None => return,
                }
            }
            self.get(&address).await;
            remember(&mut self.recipes, address);
        }
        .instrument(span)
        .await;
    }

    async fn get_again(&mut self) {
        let from = if self.recipes.is_empty() || self.dice.below(5) == 0 {
            &self.leaves
        } else {
            &self.recipes
        };
        let idx = self.dice.below(from.len());
        if let Some(address) = from.get(idx).cloned() {
            async { self.get(&address).await }
                .instrument(info_span!("traffic.get"))
                .await;
        }
    }

    async fn resolve(&mut self) {
        let idx = self.dice.below(self.recipes.len());
        if let Some(address) = self.recipes.get(idx).cloned() {
            let call = self.client.resolve(ResolveRequest { address });
            report(
                "resolve",
                call.instrument(info_span!("traffic.resolve")).await.map(drop),
            );
        }
    }

    async fn invalidate(&mut self) {
        let idx = self.dice.below(self.recipes.len());
        if let Some(address) = self.recipes.get(idx).cloned() {
            let call = self.client.invalidate(InvalidateRequest {
                address,
                cascade: true,
            });
            report(
                "invalidate",
                call.instrument(info_span!("traffic.invalidate")).await.map(drop),
            );
        }
    }

    async fn status(&mut self) {
        let call = self.client.status(StatusRequest {});
        report(
            "status",
            call.instrument(info_span!("traffic.status")).await.map(drop),
        );
    }

    async fn slow(&mut self) {
        let ms = [40, 80, 150, 300, 700, 1_200][self.dice.below(6)].to_string();
        async {
            let Some(leaf) = self.fresh_leaf().await else {
                return;
            };
            if let Some(address) = self.recipe("slow/v1", vec![leaf], &[("ms", &ms)]).await {
                self.get(&address).await;
            }
        }
        .instrument(info_span!("traffic.slow", ms))
        .await;
    }

    /// What callers do wrong.
    async fn blunder(&mut self) {
        let kind = self.dice.below(3);
        async {
            match kind {
                0 => {
                    let unknown = ::deriva::address::CAddr::of_leaf(&self.dice.below(1 << 30).to_le_bytes());
                    self.get(&unknown.to_string()).await;
                }
                1 => {
                    if let Some(leaf) = self.some_leaf() {
                        self.recipe("transcode/v9", vec![leaf], &[]).await;
                    }
                }
                _ => self.get("caddr(0xnot-an-address)").await,
            }
        }
        .instrument(info_span!("traffic.blunder"))
        .await;
    }

    /// Asks for a result that verification will find to differ from itself.
    async fn violate(&mut self) {
        self.n_violations += 1;
        let salt = self.n_violations.to_string();
        async {
            let Some(leaf) = self.fresh_leaf().await else {
                return;
            };
            if let Some(address) = self.recipe("entropy/v1", vec![leaf], &[("salt", &salt)]).await {
                self.get(&address).await;
            }
        }
        .instrument(info_span!("traffic.violate"))
        .await;
    }

    async fn fresh_leaf(&mut self) -> Option<String> {
        let data = self.text().into_bytes();
        Some(
            self.client
                .put_leaf(PutLeafRequest { data })
                .await
                .ok()?
                .into_inner()
                .address,
        )
    }

    async fn recipe(
        &mut self,
        function: &str,
        inputs: Vec<String>,
        params: &[(&str, &str)],
    ) -> Option<String> {
        let params: HashMap<String, String> = params
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let answer = self
            .client
            .put_recipe(PutRecipeRequest {
                function: function.to_owned(),
                inputs,
                params,
            })
            .await;
        match answer {
            Ok(answer) => Some(answer.into_inner().address),
            Err(status) => {
                warn!(code = ?status.code(), reason = status.message(), "recipe refused");
                None
            }
        }
    }

    async fn get(&mut self, address: &str) {
        let address = address.to_owned();
        let outcome = async {
            let mut chunks = self.client.get(GetRequest { address }).await?.into_inner();
            let mut len = 0;
            while let Some(chunk) = chunks.message().await? {
                len += chunk.chunk.len();
            }
            Ok(len)
        }
        .await;
        match outcome {
            Ok(len) => info!(size.bytes = len, "got a result"),
            Err(status) => report("get", Err(status)),
        }
    }

    fn some_leaf(&mut self) -> Option<String> {
        let idx = self.dice.below(self.leaves.len());
        self.leaves.get(idx).cloned()
    }
}

fn report(call: &str, outcome: Result<(), tonic::Status>) {
    if let Err(status) = outcome {
        warn!(call, code = ?status.code(), reason = status.message(), "call failed");
    }
}

fn remember(memory: &mut VecDeque<String>, address: String) {
    if memory.len() == MEMORY {
        memory.pop_front();
    }
    memory.push_back(address);
}

async fn connect_channel(server: &str) -> anyhow::Result<Channel> {
    connect(server).await?;
    Ok(tonic::transport::Endpoint::from_shared(server.to_owned())?.connect_lazy())
}
