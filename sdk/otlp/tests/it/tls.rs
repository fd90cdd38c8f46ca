//! TLS: the right collector gets everything, the wrong one nothing, and it is said what is wrong.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;
use watchroom_core::{Clock, Reason, Signal};
use watchroom_otlp::{OtlpConfig, OtlpExporter, ProblemKind, Protocol, TlsFiles};

use crate::support::collector::{ANYWHERE, Collector};
use crate::support::{LONG, Rig, child, config, is_child, resource, signal, spans_to, start};

const BOTH: [Protocol; 2] = [Protocol::Grpc, Protocol::HttpProtobuf];

/// An authority that signs certificates, and a folder with its files.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: tempfile::TempDir,
}

/// A certificate and its key, as files and for a server.
struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    chain: Vec<rustls::pki_types::CertificateDer<'static>>,
    private: Vec<u8>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // Two authorities of one name would be told apart by their signatures only.
        let name = format!("authority {}", watchroom_core::ids::next_random());
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, dir }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    fn sign(&self, host: &str) -> Identity {
        self.sign_with(host, |_| ())
    }

    fn sign_with(&self, host: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        let write = |ending: &str, text: String| {
            let path = self.dir.path().join(format!("{host}.{ending}"));
            std::fs::write(&path, text).unwrap();
            path
        };
        Identity {
            certificate: write("pem", signed.pem()),
            key: write("key", key.serialize_pem()),
            chain: vec![signed.der().clone()],
            private: key.serialize_der(),
        }
    }
}

/// TLS in front of a receiver that has none.
struct Front {
    address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Front {
    fn new(behind: &Collector, identity: &Identity, clients_of: Option<&Authority>) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients_of {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.issuer.der().clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.private.clone()));
        let mut config = builder.with_single_cert(identity.chain.clone(), key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let behind = behind.address();
        let listener = TcpListener::bind(ANYWHERE).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let serve = async {
                    loop {
                        let (stream, _) = listener.accept().await.unwrap();
                        let acceptor = acceptor.clone();
                        tokio::spawn(async move {
                            let Ok(mut stream) = acceptor.accept(stream).await else {
                                return;
                            };
                            let mut plain = tokio::net::TcpStream::connect(behind).await.unwrap();
                            let _ = tokio::io::copy_bidirectional(&mut stream, &mut plain).await;
                        });
                    }
                };
                tokio::select! { () = serve => {}, _ = stopped => {} }
            });
        });
        Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn collector(protocol: Protocol) -> Collector {
    Collector::at(ANYWHERE, protocol == Protocol::Grpc, [])
}

fn over_tls(url: &str, protocol: Protocol, tls: TlsFiles) -> OtlpConfig {
    let mut signal = signal(url, protocol);
    signal.tls = tls;
    OtlpConfig {
        traces: Some(signal),
        ..config()
    }
}

fn trusting(authority: &Authority) -> TlsFiles {
    TlsFiles {
        certificate: Some(authority.file()),
        ..TlsFiles::default()
    }
}

#[track_caller]
fn check_delivers(rig: &Rig, collector: &Collector) {
    for n in 1..=3 {
        rig.export_spans(2);
        let report = rig.exporter.flush(LONG);
        assert!(
            report.is_complete(),
            "{report:?} {:?}",
            rig.problems.lock().unwrap()
        );
        assert_eq!(collector.received().n_spans(), 2 * n);
    }
    assert_eq!(collector.received().peers.len(), 1, "the connection is kept");
}

/// Nothing arrives; the message of the failure.
#[track_caller]
fn check_fails(mut config: OtlpConfig, collector: &Collector) -> String {
    config.retry.max_elapsed = std::time::Duration::ZERO;
    let rig = start(config);
    rig.export_spans(2);
    let report = rig.exporter.flush(LONG);
    assert!(!report.timed_out && report.spans.dropped == 2, "{report:?}");
    assert_eq!(rig.ledger.dropped(Signal::Spans, Reason::RetriesExhausted), 2);
    assert_eq!(collector.received().n_requests, 0);
    rig.exporter.shutdown(LONG);
    let problems = rig.problems.lock().unwrap();
    let found = problems
        .iter()
        .find(|problem| problem.kind == ProblemKind::RetriesExhausted);
    found.unwrap().to_string()
}

#[test]
fn an_authority_of_ones_own_is_trusted() {
    let authority = Authority::new();
    for protocol in BOTH {
        let collector = collector(protocol);
        let front = Front::new(&collector, &authority.sign("127.0.0.1"), None);
        let rig = start(over_tls(&front.url(), protocol, trusting(&authority)));
        check_delivers(&rig, &collector);
    }
}

#[test]
fn grpc_without_a_scheme_goes_over_tls_if_there_are_files_for_it() {
    let authority = Authority::new();
    let collector = collector(Protocol::Grpc);
    let front = Front::new(&collector, &authority.sign("localhost"), None);
    let address = format!("localhost:{}", front.address.port());
    let rig = start(over_tls(&address, Protocol::Grpc, trusting(&authority)));
    check_delivers(&rig, &collector);
}

#[test]
fn a_certificate_of_ones_own_is_shown_to_a_collector_that_wants_one() {
    let (authority, of_clients) = (Authority::new(), Authority::new());
    let client = of_clients.sign("client");
    for protocol in BOTH {
        let collector = collector(protocol);
        let front = Front::new(&collector, &authority.sign("127.0.0.1"), Some(&of_clients));
        let files = TlsFiles {
            client_certificate: Some(client.certificate.clone()),
            client_key: Some(client.key.clone()),
            ..trusting(&authority)
        };
        let rig = start(over_tls(&front.url(), protocol, files));
        check_delivers(&rig, &collector);

        let unknown = self::collector(protocol);
        let front = Front::new(&unknown, &authority.sign("127.0.0.1"), Some(&of_clients));
        let said = check_fails(over_tls(&front.url(), protocol, trusting(&authority)), &unknown);
        assert!(
            said.contains("does the collector want a client certificate?"),
            "{said}"
        );
    }
}

#[test]
fn a_collector_that_is_not_the_right_one_gets_nothing() {
    let (authority, other) = (Authority::new(), Authority::new());
    let expired = |params: &mut CertificateParams| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    };
    for protocol in BOTH {
        for (identity, why) in [
            (other.sign("127.0.0.1"), "UnknownIssuer"),
            (authority.sign_with("127.0.0.1", expired), "expired"),
            (authority.sign("elsewhere.example"), "not valid for name"),
        ] {
            let collector = collector(protocol);
            let front = Front::new(&collector, &identity, None);
            let said = check_fails(over_tls(&front.url(), protocol, trusting(&authority)), &collector);
            assert!(
                said.contains("cannot agree on TLS") && said.contains(why) && said.contains(&front.url()),
                "{said}"
            );
        }
    }
}

#[test]
fn a_collector_without_tls_behind_https_is_told_of() {
    let authority = Authority::new();
    for protocol in BOTH {
        let collector = collector(protocol);
        let url = collector.url().replace("http", "https");
        let said = check_fails(over_tls(&url, protocol, trusting(&authority)), &collector);
        assert!(said.contains("cannot agree on TLS"), "{said}");
    }
}

#[test]
fn the_systems_authorities_are_trusted_without_a_file() {
    const CHILD_URL: &str = "WATCHROOM_OTLP_TEST_URL";
    if is_child() {
        let url = std::env::var(CHILD_URL).unwrap();
        let rig = start(spans_to(&url, Protocol::HttpProtobuf));
        rig.export_spans(2);
        let report = rig.exporter.shutdown(LONG);
        assert!(
            report.is_complete(),
            "{report:?} {:?}",
            rig.problems.lock().unwrap()
        );
        return;
    }
    let authority = Authority::new();
    let collector = collector(Protocol::HttpProtobuf);
    let front = Front::new(&collector, &authority.sign("127.0.0.1"), None);
    let status = child("tls::the_systems_authorities_are_trusted_without_a_file")
        .env(CHILD_URL, front.url())
        .env("SSL_CERT_FILE", authority.file())
        .env_remove("SSL_CERT_DIR")
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(collector.received().n_spans(), 2);
}

#[test]
fn files_that_cannot_be_used_are_named_with_what_is_wrong() {
    let authority = Authority::new();
    let (one, two) = (authority.sign("one"), authority.sign("two"));
    let missing = authority.dir.path().join("missing.pem");
    let text = authority.dir.path().join("text.pem");
    std::fs::write(&text, "no certificate").unwrap();
    let broken = authority.dir.path().join("broken.pem");
    std::fs::write(
        &broken,
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let ca = |path: &Path| TlsFiles {
        certificate: Some(path.to_owned()),
        ..TlsFiles::default()
    };
    let own = |certificate: Option<&Path>, key: Option<&Path>| TlsFiles {
        client_certificate: certificate.map(Path::to_owned),
        client_key: key.map(Path::to_owned),
        ..trusting(&authority)
    };
    for (files, said) in [
        (ca(&missing), ["certificate", "missing.pem", "No such file"]),
        (ca(&text), ["certificate", "text.pem", "holds no certificate"]),
        (ca(&broken), ["certificate", "broken.pem", "certificate 1"]),
        (
            own(Some(&one.certificate), None),
            ["client_certificate", "client_key", "is not"],
        ),
        (
            own(None, Some(&one.key)),
            ["client_key", "client_certificate", "is not"],
        ),
        (
            own(Some(&one.certificate), Some(&one.certificate)),
            ["client_key", "one.pem", "no private key"],
        ),
        (
            own(Some(&one.certificate), Some(&two.key)),
            ["client_key", "two.key", "not the key of client_certificate"],
        ),
    ] {
        let config = over_tls("https://127.0.0.1:4317", Protocol::Grpc, files);
        let error =
            OtlpExporter::start(config, &resource(), Arc::default(), Clock::system(), None).unwrap_err();
        let error = error.to_string();
        assert!(
            said.iter().all(|word| error.contains(word)) && error.contains("spans"),
            "{error}"
        );
    }
}

#[test]
fn files_for_an_endpoint_without_tls_are_reported() {
    let authority = Authority::new();
    for protocol in BOTH {
        let collector = collector(protocol);
        let rig = start(over_tls(&collector.url(), protocol, trusting(&authority)));
        rig.export_spans(1);
        assert!(rig.exporter.shutdown(LONG).is_complete());
        let problems = rig.problems.lock().unwrap();
        let unused = problems
            .iter()
            .find(|problem| problem.kind == ProblemKind::TlsUnused);
        let said = unused.unwrap().to_string();
        assert!(
            said.contains("unencrypted") && said.contains(&collector.url()),
            "{said}"
        );
    }
}
