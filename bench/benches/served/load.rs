//! A fixed number of connections, each of which asks again as soon as it is answered.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use watchroom_bench::Stopwatch;

const REQUEST: &[u8] = b"GET /orders/81732 HTTP/1.1\r\nhost: bench\r\n\r\n";

/// Connections to one server.
pub(crate) struct Connections(Vec<TcpStream>);

/// What came of a slice of load.
pub(crate) struct Slice {
    pub(crate) latencies_ns: Vec<u64>,
    pub(crate) took: Duration,
}

impl Connections {
    pub(crate) fn open(address: SocketAddr, n: usize) -> Self {
        let connect = |_| {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_nodelay(true).unwrap();
            stream
        };
        Self((0..n).map(connect).collect())
    }

    /// Loads the server for so long.
    pub(crate) fn load(&mut self, time: Duration) -> Slice {
        let watch = Stopwatch::start();
        let latencies_ns = std::thread::scope(|scope| {
            let asking: Vec<_> = self
                .0
                .iter_mut()
                .map(|stream| scope.spawn(move || ask(stream, time)))
                .collect();
            asking
                .into_iter()
                .flat_map(|thread| thread.join().unwrap())
                .collect()
        });
        Slice {
            latencies_ns,
            took: watch.elapsed(),
        }
    }
}

fn ask(stream: &mut TcpStream, time: Duration) -> Vec<u64> {
    let (watch, mut latencies, mut answer) = (Stopwatch::start(), Vec::new(), [0; 4_096]);
    while watch.elapsed() < time {
        let request = Stopwatch::start();
        stream.write_all(REQUEST).unwrap();
        let mut n = 0;
        while !is_whole(&answer[..n]) {
            let more = stream.read(&mut answer[n..]).unwrap();
            assert!(more > 0, "the server has ended");
            n += more;
        }
        latencies.push(u64::try_from(request.elapsed().as_nanos()).unwrap());
        assert!(answer.starts_with(b"HTTP/1.1 200"), "the request failed");
    }
    latencies
}

/// Whether this is an answer with its body.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return false;
    };
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, n)| n.parse::<usize>().unwrap());
    answer.len() >= end + 4 + length
}
