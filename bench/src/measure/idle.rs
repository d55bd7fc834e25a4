//! What connections cost that do nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::process;
use super::rounds::Bench;
use super::sample::as_f64;
use super::section::{Bar, Section, Table, digits};
use super::setup::Setup;
use super::side::Side;
use crate::client::Endpoint;
use crate::error::LoadError;

/// Connections, and what all of them may take.
const CONNECTIONS: u16 = 10_000;
const AT_MOST_MB: f64 = 100.0;
/// Files this process needs besides.
const OTHER_FILES: u64 = 100;
/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Resident memory of the proxy before and with them; each has asked one thing and been answered.
pub(super) async fn measure(bench: &Bench<'_>) -> Result<Section, LoadError> {
    let count = if bench.options.quick { 500 } else { CONNECTIONS };
    let limit = process::raise_file_limit();
    if limit < u64::from(count) + OTHER_FILES {
        return Err(LoadError::Usage(format!(
            "{count} connections need {} open files, and the limit is {limit}: raise it (ulimit -Hn), or leave out idle",
            u64::from(count) + OTHER_FILES
        )));
    }
    let setup = Setup::synthetic("0ms").server(&format!("max_clients = {}\n", count + 100));
    let proxy = bench.proxy(setup).await?;
    let measured = tokio::task::block_in_place(|| grow(&proxy, count, bench));
    proxy.stop().await?;
    let Grown { before, after, asked } = measured?;
    let mb = |bytes: u64| as_f64(bytes) / 1e6;
    let mut section = Section::new(
        "idle",
        "Idle connections",
        format!(
            "Resident memory of the proxy with {count} connections, each of which has had one PING answered, then one GET."
        ),
    );
    let mut table = Table::new(["", "MB in all", "more, MB", "bytes per connection"]);
    for (label, bytes) in
        [("1 connection", before), ("all, after PING", after), ("all, after GET", asked)]
    {
        let more = bytes.saturating_sub(before);
        let each = as_f64(more) / f64::from(count);
        table.row([label.to_owned(), digits(mb(bytes)), digits(mb(more)), digits(each)]);
    }
    section.table(table);
    let grown = mb(after.max(asked).saturating_sub(before));
    section.bar(Bar::at_most(format!("{count} idle connections"), grown, AT_MOST_MB, " MB"));
    Ok(section)
}

/// Resident bytes: with one connection, with all, and when all have read a key.
#[derive(Debug, Clone, Copy)]
struct Grown {
    before: u64,
    after: u64,
    asked: u64,
}

fn grow(proxy: &Side, count: u16, bench: &Bench<'_>) -> Result<Grown, LoadError> {
    let resident = || {
        let Side::Proxy(server) = proxy else { return Ok(0) };
        server.pid().and_then(process::resident_bytes).ok_or_else(|| {
            LoadError::Bench(String::from("/proc does not say what memory the proxy uses"))
        })
    };
    let address = proxy.address();
    let first = connect(address)?;
    let before = resident()?;
    let mut all = vec![first];
    for _ in 1..count {
        bench.check_stop()?;
        all.push(connect(address)?);
    }
    let after = resident()?;
    for stream in &mut all {
        bench.check_stop()?;
        ask(stream, b"*2\r\n$3\r\nGET\r\n$3\r\nnil\r\n", b"$-1\r\n")
            .map_err(|source| lost(address, source))?;
    }
    Ok(Grown { before, after, asked: resident()? })
}

fn connect(address: SocketAddr) -> Result<TcpStream, LoadError> {
    let mut stream = TcpStream::connect(address)
        .map_err(|source| LoadError::Connect { endpoint: endpoint(address), source })?;
    stream
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| ask(&mut stream, b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"))
        .map_err(|source| lost(address, source))?;
    Ok(stream)
}

fn ask(stream: &mut TcpStream, request: &[u8], expected: &[u8]) -> std::io::Result<()> {
    stream.write_all(request)?;
    let mut reply = vec![0; expected.len()];
    stream.read_exact(&mut reply)?;
    if reply == expected {
        return Ok(());
    }
    let text = format!("unexpected reply {}", reply.escape_ascii());
    Err(std::io::Error::new(std::io::ErrorKind::InvalidData, text))
}

fn lost(address: SocketAddr, source: std::io::Error) -> LoadError {
    LoadError::Lost { endpoint: endpoint(address), source }
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::Tcp(address.to_string())
}
