//! The one error type at the boundary of this crate, and the exit code each kind maps to.

use std::io;
use std::path::PathBuf;

use hopperkv_trace::TraceError;

use crate::client::Endpoint;
use crate::resp::ProtocolError;
use crate::spec::SpecError;

/// Why a load, a replay or the demo could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The workload text is not in the grammar, or asks for something impossible.
    #[error("workload: {0}")]
    Spec(#[from] SpecError),
    /// A combination of options that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A file could not be opened, read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file in question.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The trace cannot be opened, is none of the known layouts, or is damaged.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The thread that reads the trace ended without a result.
    #[error("trace {name}: {problem}")]
    Reader {
        /// The trace's file name, or `-` for standard input.
        name: String,
        /// What happened.
        problem: String,
    },
    /// Nothing answered at the endpoint.
    #[error("cannot connect to {endpoint}: {source}; is the server running?")]
    Connect {
        /// Where the connection was attempted.
        endpoint: Endpoint,
        /// What the operating system said.
        source: io::Error,
    },
    /// The server refused the user name or password.
    #[error("{endpoint} refused the login: {reply}")]
    Login {
        /// The server that refused.
        endpoint: Endpoint,
        /// Its error text.
        reply: String,
    },
    /// An established connection broke.
    #[error("lost the connection to {endpoint}: {source}")]
    Lost {
        /// The server that went away.
        endpoint: Endpoint,
        /// What the operating system said.
        source: io::Error,
    },
    /// The server sent bytes that are not RESP2, or a reply to nothing.
    #[error("{endpoint} sent a bad reply: {source}")]
    Protocol {
        /// The server that sent them.
        endpoint: Endpoint,
        /// What was wrong with the bytes.
        source: ProtocolError,
    },
    /// The server stopped answering.
    #[error("{unfinished} connections got no answer for {waited_s} s and were given up")]
    Stalled {
        /// Connections that were still waiting.
        unfinished: usize,
        /// How long they were given, in seconds.
        waited_s: u64,
    },
    /// The system gives no timer to wait for set times with.
    #[error("the system's timer: {0}")]
    Timer(#[source] io::Error),
    /// A file with tenants has a mistake: which and where.
    #[error("{0}")]
    Tenants(String),
    /// The load of one of several tenants could not begin.
    #[error("tenant {name}: {source}")]
    Tenant {
        /// The tenant.
        name: String,
        /// What kept it.
        source: Box<LoadError>,
    },
    /// A server that was started here did not start, end or behave as it should.
    #[error("{0}")]
    Server(String),
    /// A measurement failed.
    #[error("bench: {0}")]
    Bench(String),
    /// Somebody asked to stop before there was a result.
    #[error("stopped before the end")]
    Stopped,
    /// A step of the demo failed.
    #[error("demo: {0}")]
    Demo(String),
}

impl LoadError {
    /// Exit code: 2 where the input or the set-up is at fault, 1 where the server failed under load.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Lost { .. } | Self::Protocol { .. } | Self::Stalled { .. } => 1,
            Self::Tenant { source, .. } => source.exit_code(),
            Self::Server(_) | Self::Bench(_) | Self::Stopped | Self::Demo(_) => 1,
            _ => 2,
        }
    }
}
