//! The page and what it is allowed.

use crate::support::{Server, gunzip, request};

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_served_for_every_view_with_a_strict_policy() {
    let server = Server::start().await;
    let page = server.get("/").await;
    if page.status == 404 {
        // Built without the page: then it says so, and how to get it.
        assert!(page.text().contains("npm run build"), "{}", page.text());
    } else {
        let policy = page.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'"));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("cache-control"), Some("no-cache"));
        assert_eq!(server.get("/traces/abc").await.body, page.body);
        let etag = page.header("etag").unwrap();
        let head = format!("GET / HTTP/1.1\r\nhost: localhost\r\nif-none-match: {etag}\r\n");
        let cached = request(server.addrs.http, &head, b"").await;
        assert_eq!((cached.status, cached.body.len()), (304, 0));
        let text = page.text();
        let script = text
            .split('"')
            .find(|part| part.starts_with("/assets/") && part.ends_with(".js"))
            .unwrap();
        let zipped = format!("GET {script} HTTP/1.1\r\nhost: localhost\r\naccept-encoding: br, gzip\r\n");
        let zipped = request(server.addrs.http, &zipped, b"").await;
        let script = server.get(script).await;
        assert_eq!(zipped.header("content-encoding"), Some("gzip"));
        assert_eq!(gunzip(&zipped.body), script.body);
        assert_eq!(
            script.header("cache-control"),
            Some("public, max-age=31536000, immutable")
        );
        assert_eq!(
            script.header("content-type"),
            Some("text/javascript; charset=utf-8")
        );
    }
    assert_eq!(server.get("/assets/none.js").await.status, 404);
    assert_eq!(server.get("/../Cargo.toml").await.status, 404);
    assert_eq!(server.get("/api/nothing").await.status, 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_own_metrics_tell_what_the_server_holds() {
    let server = Server::with(|config, _| config.self_scrape = true).await;
    let status = server.json("/api/watchroom/status").await;
    assert_eq!(status["listeners"]["http"], server.addrs.http.to_string());
    assert_eq!(
        status["listeners"]["otlp_grpc"],
        server.addrs.otlp_grpc.to_string()
    );
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["store"]["spans"], 0);
    let metrics = server.get("/metrics").await.text();
    assert!(
        metrics.contains("\nwatchroom_ingest_items_total{signal=\"traces\"} 0\n"),
        "{metrics}"
    );
    server
        .eventually(r#"watchroom_build_info{job="watchroom"}"#, Some("1"))
        .await;
    server.stop().await;
}
