//! Where replies leave: the client's socket, and the bytes that it has not taken yet.
//!
//! Whoever has replies at the head of the queue may write them at once; what the socket does not take then waits here
//! for the connection's task, which alone waits for the socket. Bytes never overtake waiting ones.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::AsyncWrite as _;
use tokio::net::tcp::OwnedWriteHalf;

/// Room kept for a client that has nothing waiting, in bytes.
const KEPT_BYTES: usize = 4 * 1024;

/// The way out to one client.
#[derive(Debug, Default)]
pub(super) struct Outlet {
    /// None once the client is gone.
    socket: RefCell<Option<OwnedWriteHalf>>,
    closed: Cell<bool>,
    /// The socket did not take all it was given last: the connection's task waits for it.
    blocked: Cell<bool>,
    unsent: RefCell<BytesMut>,
}

impl Outlet {
    pub(super) fn new(socket: OwnedWriteHalf) -> Self {
        Self { socket: RefCell::new(Some(socket)), ..Self::default() }
    }

    /// Puts bytes behind what waits.
    pub(super) fn queue(&self, bytes: &[u8]) {
        if self.closed.get() {
            return;
        }
        self.unsent.borrow_mut().extend_from_slice(bytes);
    }

    /// Writes what waits and then these bytes, as far as the socket takes them; the rest is queued.
    pub(super) fn write_now(&self, mut bytes: &[u8]) {
        if self.closed.get() {
            return;
        }
        let mut unsent = self.unsent.borrow_mut();
        if let Some(socket) = &*self.socket.borrow()
            && !self.blocked.get()
        {
            // An error is found again by the connection's task, which can act on it.
            if unsent.is_empty() {
                let taken = socket.try_write(bytes).unwrap_or(0);
                bytes = bytes.get(taken..).unwrap_or_default();
                self.blocked.set(!bytes.is_empty());
            } else {
                unsent.extend_from_slice(bytes);
                bytes = &[];
                let taken = socket.try_write(&unsent).unwrap_or(0);
                unsent.advance(taken);
                self.blocked.set(!unsent.is_empty());
                trim(&mut unsent);
            }
        }
        unsent.extend_from_slice(bytes);
    }

    /// Writes what waits; pending while the socket takes no more.
    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut unsent = self.unsent.borrow_mut();
        if unsent.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let mut socket = self.socket.borrow_mut();
        let Some(socket) = socket.as_mut() else { return Poll::Ready(Ok(())) };
        while !unsent.is_empty() {
            match ready!(Pin::new(&mut *socket).poll_write(cx, &unsent))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                taken => unsent.advance(taken),
            }
        }
        self.blocked.set(false);
        trim(&mut unsent);
        Poll::Ready(Ok(()))
    }

    /// True while the socket takes no more, as far as is known.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.get()
    }

    /// Bytes that wait.
    pub(super) fn unsent_bytes(&self) -> usize {
        self.unsent.borrow().len()
    }

    /// The client is gone: its socket closes with the connection, whoever still holds replies for it.
    pub(super) fn close(&self) {
        self.closed.set(true);
        if let Some(socket) = self.socket.take() {
            socket.forget();
        }
        *self.unsent.borrow_mut() = BytesMut::new();
    }

    /// True after [`Outlet::close`].
    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// What waits, as tests see it.
    #[cfg(test)]
    pub(super) fn unsent(&self) -> Vec<u8> {
        self.unsent.borrow().to_vec()
    }
}

/// Gives the room of a sent burst back.
fn trim(unsent: &mut BytesMut) {
    if unsent.is_empty() && unsent.capacity() > KEPT_BYTES {
        *unsent = BytesMut::new();
    }
}
