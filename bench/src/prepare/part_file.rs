//! One file of a preparation: compressed as asked, and under its name only once it is whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use hopperkv_trace::{TraceOp, TraceRequest};

use crate::error::LoadError;

/// Write buffer, in bytes.
const BUFFER_BYTES: usize = 256 << 10;

/// How files are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Compress {
    /// Not at all.
    None,
    /// gzip: `.gz`.
    Gz,
    /// Zstandard: `.zst`.
    Zst,
}

/// A file being written.
pub(super) struct PartFile {
    /// Its name once it is whole.
    path: PathBuf,
    partial: PathBuf,
    out: Option<Out>,
}

enum Out {
    Plain(BufWriter<File>),
    Gz(GzEncoder<BufWriter<File>>),
    Zst(zstd::Encoder<'static, BufWriter<File>>),
}

impl Out {
    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Plain(out) => out,
            Self::Gz(out) => out,
            Self::Zst(out) => out,
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(out) => Ok(out),
            Self::Gz(out) => out.finish(),
            Self::Zst(out) => out.finish(),
        }?
        .flush()
    }
}

impl PartFile {
    pub(super) fn create(
        dir: &Path,
        name: &str,
        compress: Compress,
        header: &str,
    ) -> Result<Self, LoadError> {
        let ending = match compress {
            Compress::None => "",
            Compress::Gz => ".gz",
            Compress::Zst => ".zst",
        };
        let path = dir.join(format!("{name}{ending}"));
        let partial = dir.join(format!("{name}{ending}.partial"));
        let open = || -> io::Result<Out> {
            let file = BufWriter::with_capacity(BUFFER_BYTES, File::create(&partial)?);
            Ok(match compress {
                Compress::None => Out::Plain(file),
                Compress::Gz => Out::Gz(GzEncoder::new(file, Compression::fast())),
                Compress::Zst => Out::Zst(zstd::Encoder::new(file, 3)?),
            })
        };
        let out = open().map_err(|source| LoadError::File { path: partial.clone(), source })?;
        let mut part = Self { path, partial, out: Some(out) };
        part.row(|out| writeln!(out, "{header}"))?;
        Ok(part)
    }

    /// Writes a key and the size of its value.
    pub(super) fn image_row(&mut self, key: &[u8], value_bytes: u32) -> Result<(), LoadError> {
        self.row(|out| {
            out.write_all(key)?;
            writeln!(out, ",{value_bytes}")
        })
    }

    /// Writes a request.
    pub(super) fn request_row(&mut self, request: &TraceRequest) -> Result<(), LoadError> {
        let TraceRequest { time_ms, key, op, size_bytes, ttl_s, .. } = request;
        let op = match op {
            TraceOp::Get => "get",
            TraceOp::Set => "set",
            TraceOp::Delete => "delete",
            TraceOp::Add(by) if *by < 0 => "decr",
            TraceOp::Add(_) => "incr",
        };
        let (seconds, ms) = (time_ms / 1_000, time_ms % 1_000);
        self.row(|out| {
            match ms {
                0 => write!(out, "{seconds},{op},")?,
                _ => write!(out, "{seconds}.{ms:03},{op},")?,
            }
            out.write_all(key)?;
            writeln!(out, ",{size_bytes},{ttl_s}")
        })
    }

    /// Completes the file and gives it its name.
    pub(super) fn finish(mut self) -> Result<(), LoadError> {
        let Some(out) = self.out.take() else { return Ok(()) };
        let named = out.finish().and_then(|()| fs::rename(&self.partial, &self.path));
        named.map_err(|source| LoadError::File { path: self.path.clone(), source })
    }

    fn row(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), LoadError> {
        let Some(out) = &mut self.out else { return Ok(()) };
        write(out.writer()).map_err(|source| LoadError::File { path: self.partial.clone(), source })
    }
}

impl Drop for PartFile {
    /// A file that was not finished leaves nothing behind.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.partial);
    }
}
