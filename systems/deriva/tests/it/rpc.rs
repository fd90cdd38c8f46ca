//! The six RPCs: what they answer, how they refuse, and how results are streamed (DER-1).

use deriva::address::CAddr;
use deriva::proto::resolve_response::Node;
use deriva::proto::{
    InvalidateRequest, LeafNode, PutLeafRequest, RecipeNode, ResolveRequest, ResolveResponse, StatusRequest,
};
use tonic::{Code, Status};

use crate::support::{Client, Server, bytes, chunks, leaf, map, recipe, recipe_of};

async fn resolve(client: &mut Client, address: &str) -> Result<ResolveResponse, Status> {
    let address = address.to_owned();
    client
        .resolve(ResolveRequest { address })
        .await
        .map(tonic::Response::into_inner)
}

async fn invalidate(client: &mut Client, address: &str, cascade: bool) -> Result<u64, Status> {
    let address = address.to_owned();
    let answer = client.invalidate(InvalidateRequest { address, cascade }).await;
    answer.map(|answer| answer.into_inner().invalidated)
}

#[tokio::test(flavor = "multi_thread")]
async fn leaves_and_recipes_are_put_resolved_computed_and_forgotten() {
    let server = Server::start();
    let mut client = server.client().await;

    let put = |data: &[u8]| PutLeafRequest { data: data.to_vec() };
    let first = client.put_leaf(put(b"light")).await.unwrap().into_inner();
    assert!(first.created);
    assert_eq!(first.address, CAddr::of_leaf(b"light").to_string());
    let again = client.put_leaf(put(b"light")).await.unwrap().into_inner();
    assert_eq!((&again.address, again.created), (&first.address, false));
    let house = leaf(&mut client, b"house").await;

    let wanted = recipe_of("concat/v1", &[&first.address, &house], &[("separator", "-")]);
    let low = client.put_recipe(wanted.clone()).await.unwrap().into_inner();
    assert!(low.created);
    assert!(!client.put_recipe(wanted).await.unwrap().into_inner().created);
    let high = recipe(&mut client, "transform/v1", &[&low.address], &[("op", "upper")]).await;

    let answer = resolve(&mut client, &low.address).await.unwrap();
    let node = RecipeNode {
        function: "concat/v1".into(),
        inputs: vec![first.address.clone(), house.clone()],
        params: map(&[("separator", "-".to_owned())]).into_iter().collect(),
        depth: 1,
        dependents: vec![high.clone()],
    };
    assert_eq!(
        answer,
        ResolveResponse {
            node: Some(Node::Recipe(node)),
            cached: false
        }
    );
    let answer = resolve(&mut client, &house).await.unwrap();
    assert_eq!(answer.node, Some(Node::Leaf(LeafNode { size_bytes: 5 })));

    assert_eq!(bytes(&mut client, &high).await.unwrap(), b"LIGHT-HOUSE");
    assert_eq!(bytes(&mut client, &house).await.unwrap(), b"house");
    assert!(resolve(&mut client, &low.address).await.unwrap().cached);

    let status = client.status(StatusRequest {}).await.unwrap().into_inner();
    assert_eq!((status.blobs, status.blob_bytes, status.recipes), (2, 10, 2));
    assert_eq!(
        (status.cache_entries, status.cache_hits, status.cache_misses),
        (2, 0, 5)
    );
    assert_eq!(
        (status.verification.as_str(), status.version.as_str()),
        ("off", env!("CARGO_PKG_VERSION"))
    );

    assert_eq!(invalidate(&mut client, &low.address, false).await.unwrap(), 1);
    assert!(!resolve(&mut client, &low.address).await.unwrap().cached);
    assert!(resolve(&mut client, &high).await.unwrap().cached);
    assert_eq!(bytes(&mut client, &low.address).await.unwrap(), b"light-house");
    assert_eq!(invalidate(&mut client, &house, true).await.unwrap(), 2);
    assert_eq!(invalidate(&mut client, &house, true).await.unwrap(), 0);
    assert_eq!(bytes(&mut client, &high).await.unwrap(), b"LIGHT-HOUSE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_comes_in_chunks_of_at_most_64_kib() {
    let server = Server::start();
    let mut client = server.client().await;
    // Not compressible, not a multiple of the chunk.
    let data: Vec<u8> = (0..300_001_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let large = leaf(&mut client, &data).await;
    let sizes = |chunks: &[Vec<u8>]| chunks.iter().map(Vec::len).collect::<Vec<_>>();
    let got = chunks(&mut client, &large).await.unwrap();
    assert_eq!(sizes(&got), [65_536, 65_536, 65_536, 65_536, 37_857]);
    assert_eq!(got.concat(), data);

    let twice = recipe(&mut client, "concat/v1", &[&large, &large], &[]).await;
    let packed = recipe(&mut client, "gzip/v1", &[&twice], &[]).await;
    let unpacked = recipe(&mut client, "gzip/v1", &[&packed], &[("mode", "decompress")]).await;
    assert_eq!(
        bytes(&mut client, &unpacked).await.unwrap(),
        [data.clone(), data].concat()
    );

    let even = leaf(&mut client, &[7; 131_072]).await;
    assert_eq!(
        sizes(&chunks(&mut client, &even).await.unwrap()),
        [65_536, 65_536]
    );
    let empty = leaf(&mut client, b"").await;
    assert_eq!(sizes(&chunks(&mut client, &empty).await.unwrap()), [0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_with_the_code_and_the_words_that_help() {
    #[track_caller]
    fn check<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code, words: &str) {
        let status = answer.unwrap_err();
        assert_eq!((status.code(), status.message()), (code, words));
    }
    const KNOWN: &str = "known: identity/v1, concat/v1, transform/v1, hash/v1, gzip/v1, slow/v1";
    let server = Server::start();
    let mut client = server.client().await;
    let input = leaf(&mut client, b"light").await;
    let unknown = CAddr::of_leaf(b"never put").to_string();

    let no_address = "\"0x12\" is not an address; expected caddr(0x…) with 64 hex digits";
    check(
        bytes(&mut client, "0x12").await,
        Code::InvalidArgument,
        no_address,
    );
    check(
        resolve(&mut client, "0x12").await,
        Code::InvalidArgument,
        no_address,
    );
    check(
        invalidate(&mut client, "0x12", true).await,
        Code::InvalidArgument,
        no_address,
    );
    let bad_input = recipe_of("hash/v1", &[&"0x12".to_owned()], &[]);
    check(
        client.put_recipe(bad_input).await,
        Code::InvalidArgument,
        no_address,
    );

    let not_known = format!("{unknown} is not known: neither a leaf nor a recipe lives there");
    check(bytes(&mut client, &unknown).await, Code::NotFound, &not_known);
    check(resolve(&mut client, &unknown).await, Code::NotFound, &not_known);
    check(
        invalidate(&mut client, &unknown, false).await,
        Code::NotFound,
        &not_known,
    );

    check(
        client.put_recipe(recipe_of("hash/v1", &[&unknown], &[])).await,
        Code::FailedPrecondition,
        &format!("input {unknown} is not known: put it before the recipe that takes it"),
    );
    check(
        client.put_recipe(recipe_of("transcode/v9", &[&input], &[])).await,
        Code::InvalidArgument,
        &format!("unknown function \"transcode/v9\"; {KNOWN}"),
    );
    // It breaks its promise on purpose: only servers for demonstrations know it.
    check(
        client.put_recipe(recipe_of("entropy/v1", &[&input], &[])).await,
        Code::InvalidArgument,
        &format!("unknown function \"entropy/v1\"; {KNOWN}"),
    );
    check(
        client
            .put_recipe(recipe_of("concat/v1", &vec![&input; 257], &[]))
            .await,
        Code::InvalidArgument,
        "a recipe has at most 256 inputs; this one has 257",
    );
    let two = recipe(&mut client, "identity/v1", &[&input, &input], &[]).await;
    check(
        bytes(&mut client, &two).await,
        Code::InvalidArgument,
        "identity/v1 takes one input; got 2",
    );
    let odd = recipe(&mut client, "slow/v1", &[&input], &[("ms", "soon")]).await;
    check(
        bytes(&mut client, &odd).await,
        Code::InvalidArgument,
        "slow/v1: parameter \"ms\" is not a number of milliseconds from 0 to 60000",
    );

    let mut top = input;
    for _ in 0..64 {
        top = recipe(&mut client, "identity/v1", &[&top], &[]).await;
    }
    check(
        client.put_recipe(recipe_of("identity/v1", &[&top], &[])).await,
        Code::FailedPrecondition,
        "a recipe stands at most 64 deep; this one would stand 65 deep",
    );
    assert_eq!(bytes(&mut client, &top).await.unwrap(), b"light");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaf_above_the_limit_is_refused_and_the_largest_one_is_taken() {
    let server = Server::start();
    let mut client = server.client().await;
    let put = |n: usize| PutLeafRequest { data: vec![0; n] };
    let status = client.put_leaf(put((64 << 20) + 1)).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (
            Code::InvalidArgument,
            "a leaf has at most 67108864 bytes; this one has 67108865"
        )
    );
    let address = client.put_leaf(put(64 << 20)).await.unwrap().into_inner().address;
    assert_eq!(bytes(&mut client, &address).await.unwrap().len(), 64 << 20);
    // What is larger than the transport takes does not reach the handler, and is told by it.
    let mut patient = client.max_encoding_message_size(usize::MAX);
    let status = patient.put_leaf(put(66 << 20)).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
    assert!(
        status.message().contains("message length too large"),
        "{}",
        status.message()
    );
}
