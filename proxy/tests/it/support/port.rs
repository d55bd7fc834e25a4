//! Loopback ports that belong to one test for as long as it runs, and servers on them that come and go.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A port that nobody else is given, whether or not somebody listens on it: bound, but not listening.
#[derive(Debug)]
pub(crate) struct Port {
    _reserved: tokio::net::TcpSocket,
    /// Its number.
    pub(crate) number: u16,
}

impl Port {
    /// Takes a free port.
    pub(crate) fn reserve() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        // Lets others of us listen there.
        socket.set_reuseaddr(true).unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let number = socket.local_addr().unwrap().port();
        Self { _reserved: socket, number }
    }

    /// `127.0.0.1:number`.
    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.number).into()
    }
}

type Serve = dyn Fn(TcpStream) + Send + Sync;

/// A server that can be closed (its connections are cut and new ones refused) and opened again.
pub(crate) struct Gate {
    port: Port,
    serve: Arc<Serve>,
    open: Mutex<Option<Open>>,
}

struct Open {
    closing: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    accepting: JoinHandle<()>,
}

impl Gate {
    /// Opens a server whose connections `serve` serves, each on a thread of its own.
    pub(crate) fn open_on_free_port(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let gate = Self { port: Port::reserve(), serve: Arc::new(serve), open: Mutex::default() };
        gate.open();
        gate
    }

    /// Where it is, open or not.
    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Accepts connections from now on.
    pub(crate) fn open(&self) {
        let mut open = self.open.lock().unwrap();
        if open.is_some() {
            return;
        }
        let listener = TcpListener::bind(self.port.address()).unwrap();
        let closing = Arc::new(AtomicBool::new(false));
        let streams: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let accepting = {
            let (closing, streams) = (Arc::clone(&closing), Arc::clone(&streams));
            let serve = Arc::clone(&self.serve);
            std::thread::spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    if closing.load(Ordering::Acquire) {
                        return;
                    }
                    stream.set_nodelay(true).unwrap();
                    streams.lock().unwrap().push(stream.try_clone().unwrap());
                    let serve = Arc::clone(&serve);
                    std::thread::spawn(move || {
                        let ours = stream.try_clone().unwrap();
                        serve(stream);
                        let _ = ours.shutdown(std::net::Shutdown::Both);
                    });
                }
            })
        };
        *open = Some(Open { closing, streams, accepting });
    }

    /// Cuts all connections and refuses new ones.
    pub(crate) fn close(&self) {
        let Some(open) = self.open.lock().unwrap().take() else { return };
        open.closing.store(true, Ordering::Release);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.port.address());
        open.accepting.join().unwrap();
        for stream in open.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.close();
    }
}

/// Passes a TCP service on; closing the gate cuts exactly this way to it.
pub(crate) fn relay_to(target: SocketAddr) -> Gate {
    Gate::open_on_free_port(move |mut client| {
        let Ok(mut server) = TcpStream::connect(target) else { return };
        server.set_nodelay(true).unwrap();
        let (mut from_server, mut to_client) =
            (server.try_clone().unwrap(), client.try_clone().unwrap());
        let back = std::thread::spawn(move || {
            let _ = io::copy(&mut from_server, &mut to_client);
            let _ = to_client.shutdown(std::net::Shutdown::Both);
        });
        let _ = io::copy(&mut client, &mut server);
        let _ = server.shutdown(std::net::Shutdown::Both);
        back.join().unwrap();
    })
}
