//! Reads cache traces, one request at a time: any length in constant memory.
//!
//! A trace is lines of comma-separated columns, optionally below a header, in one of three layouts:
//!
//! | layout | columns | what the size is |
//! |---|---|---|
//! | object sizes | `time,object,size` | of the whole entry; every request is a GET |
//! | Twitter's | `timestamp,key,key_size,value_size,client_id,op,ttl` | of key and value, each in its column |
//! | ours | `timestamp,op,key,val_size` | of the value; the key's is that of its text |
//!
//! A header may name these columns in any order and leave out what is not needed: the key and a size
//! suffice. Without a header the number of columns decides. [`Columns`] says otherwise where neither
//! fits. Times are seconds, fractions allowed; sizes are bytes; a TTL is seconds, and 0 is none.
//!
//! Gzip and zstd are recognised by their first bytes, so that both work on standard input too.
//!
//! Lines that do not parse are counted and passed over, the first of them kept with its line number,
//! or refused: [`TraceOptions::on_malformed`] decides. What cannot be read at all (a missing file, an
//! unknown layout, a damaged stream) is a [`TraceError`].
//!
//! Reading order: [`request`] (what comes out), [`columns`] (layouts), [`source`] (bytes, decompressed),
//! [`reader`] (the stream), [`error`].

pub mod columns;
pub mod error;
pub mod reader;
pub mod request;
pub mod source;

pub use columns::{Columns, SizeMeans};
pub use error::TraceError;
pub use reader::{ItemLimits, OnMalformed, TraceNotes, TraceOptions, TraceReader};
pub use request::{TraceOp, TraceRequest};
