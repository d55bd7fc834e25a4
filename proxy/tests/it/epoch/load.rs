//! Pipelined reads: a fixed number, or until told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::VALUE_BYTES;
use crate::support::{Client, Proxy, Value, encode, seed};

const PIPELINE: u32 = 64;

/// Reads each of `keys` keys `times` times, in an order of its own each time.
pub(super) fn read_evenly(proxy: &Proxy, tenant: &str, keys: u32, times: u32) {
    let mut random = StdRng::seed_from_u64(seed());
    let mut client = proxy.client_of(tenant);
    for _ in 0..times {
        let mut order: Vec<u32> = (0..keys).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, random.random_range(0..=last));
        }
        for chunk in order.chunks(PIPELINE as usize) {
            for reply in read_keys(&mut client, chunk) {
                match reply {
                    Value::Bulk(value) => assert_eq!(value.len(), VALUE_BYTES),
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}

fn read_keys(client: &mut Client, keys: &[u32]) -> Vec<Value> {
    let gets: Vec<Vec<u8>> =
        keys.iter().map(|key| encode(&["GET", &format!("K{key:010}s16EY")])).collect();
    client.send(&gets.concat());
    keys.iter().map(|_| client.read()).collect()
}

/// A thread that reads random keys until it is dropped; what limits refuse is asked again.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    /// Starts reading keys below `keys`.
    pub(super) fn start(proxy: &Proxy, tenant: &str, keys: u32) -> Self {
        let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut random = StdRng::seed_from_u64(seed());
        let mut client = proxy.client_of(tenant);
        let thread = {
            let (stop, served) = (Arc::clone(&stop), Arc::clone(&served));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let chosen: Vec<u32> =
                        (0..PIPELINE).map(|_| random.random_range(0..keys)).collect();
                    let replies = read_keys(&mut client, &chosen);
                    let good = replies.iter().filter(|reply| !reply.is_error()).count();
                    served.fetch_add(good as u64, Ordering::Relaxed);
                }
            })
        };
        Self { stop, served, thread: Some(thread) }
    }

    /// Reads answered so far.
    pub(super) fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking(), "the load was served to its end");
    }
}
