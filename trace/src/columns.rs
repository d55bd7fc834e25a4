//! Which column of a line holds what.

use csv::ByteRecord;

use crate::request::TraceOp;

/// What a layout's size column measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizeMeans {
    /// The whole entry: columns `size`, `obj_size`.
    Entry,
    /// The value alone: columns `value_size`, `val_size`.
    Value,
}

/// Places of the columns, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns {
    pub(crate) time: Option<usize>,
    pub(crate) key: usize,
    pub(crate) key_size: Option<usize>,
    pub(crate) size: usize,
    pub(crate) size_means: SizeMeans,
    pub(crate) op: Option<usize>,
    pub(crate) ttl: Option<usize>,
}

/// `time,object,size`
const OBJECT_SIZES: Columns = Columns {
    time: Some(0),
    key: 1,
    key_size: None,
    size: 2,
    size_means: SizeMeans::Entry,
    op: None,
    ttl: None,
};
/// `timestamp,op,key,val_size`
const OURS: Columns = Columns {
    time: Some(0),
    key: 2,
    key_size: None,
    size: 3,
    size_means: SizeMeans::Value,
    op: Some(1),
    ttl: None,
};
/// `timestamp,key,key_size,value_size,client_id,op,ttl`
const TWITTER: Columns = Columns {
    time: Some(0),
    key: 1,
    key_size: Some(2),
    size: 3,
    size_means: SizeMeans::Value,
    op: Some(5),
    ttl: Some(6),
};

const TIME: &[&str] = &["time", "timestamp"];
const KEY: &[&str] = &["key", "object", "obj_id", "id"];
const KEY_SIZE: &[&str] = &["key_size"];
const VALUE_SIZE: &[&str] = &["value_size", "val_size"];
const ENTRY_SIZE: &[&str] = &["size", "obj_size"];
const OP: &[&str] = &["op", "operation"];
const TTL: &[&str] = &["ttl"];

impl std::str::FromStr for Columns {
    type Err = String;

    /// Columns named in order, as a header would; `-` stands for a column to pass over.
    ///
    /// ```
    /// let columns: hopperkv_trace::Columns = "time,-,key,value_size,op".parse()?;
    /// assert_eq!(columns.size_means(), hopperkv_trace::SizeMeans::Value);
    /// # Ok::<(), String>(())
    /// ```
    fn from_str(text: &str) -> Result<Self, String> {
        let names = ByteRecord::from(text.split(',').collect::<Vec<_>>());
        let known = [TIME, KEY, KEY_SIZE, VALUE_SIZE, ENTRY_SIZE, OP, TTL].concat();
        for field in &names {
            let name = String::from_utf8_lossy(field.trim_ascii()).to_ascii_lowercase();
            if name != "-" && !known.contains(&name.as_str()) {
                return Err(format!(
                    "no column is called `{name}`; there are {}, and - for any other",
                    known.join(", ")
                ));
            }
        }
        Self::from_header(&names).ok_or_else(|| {
            String::from("name at least a key (key) and a size (value_size, or size of the entry)")
        })
    }
}

impl Columns {
    /// What the size column measures.
    #[must_use]
    pub fn size_means(&self) -> SizeMeans {
        self.size_means
    }

    /// Whether lines say when they happened.
    #[must_use]
    pub fn has_time(&self) -> bool {
        self.time.is_some()
    }

    /// Finds the columns from the first record; true if that record is data already.
    pub(crate) fn detect(first: &ByteRecord) -> Result<(Self, bool), String> {
        if first.get(0).is_some_and(is_number) {
            let has_op =
                first.get(1).is_some_and(|field| TraceOp::parse(field.trim_ascii()).is_some());
            return match first.len() {
                3 => Ok((OBJECT_SIZES, true)),
                4 if has_op => Ok((OURS, true)),
                7 => Ok((TWITTER, true)),
                count => Err(format!(
                    "{count} columns; expected time,object,size or timestamp,op,key,val_size or \
                     timestamp,key,key_size,value_size,client_id,op,ttl"
                )),
            };
        }
        let columns = Self::from_header(first).ok_or_else(|| {
            let header = String::from_utf8_lossy(first.as_slice()).into_owned();
            format!(
                "the first line ({} columns, {:?}) is neither data nor a header with a key \
                 (key, object) and a size (size, value_size)",
                first.len(),
                header.chars().take(60).collect::<String>(),
            )
        })?;
        Ok((columns, false))
    }

    /// Whether a record is a header above these columns, rather than data: its size is no number.
    pub(crate) fn is_header(&self, first: &ByteRecord) -> bool {
        first.get(self.size).is_some_and(|field| !is_number(field))
    }

    fn from_header(header: &ByteRecord) -> Option<Self> {
        let find = |names: &[&str]| {
            header.iter().position(|field| {
                let field = field.trim_ascii();
                names.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(field))
            })
        };
        let (size, size_means) = match find(VALUE_SIZE) {
            Some(size) => (size, SizeMeans::Value),
            None => (find(ENTRY_SIZE)?, SizeMeans::Entry),
        };
        Some(Self {
            time: find(TIME),
            key: find(KEY)?,
            key_size: find(KEY_SIZE),
            size,
            size_means,
            op: find(OP),
            ttl: find(TTL),
        })
    }
}

fn is_number(field: &[u8]) -> bool {
    std::str::from_utf8(field.trim_ascii()).is_ok_and(|text| text.parse::<f64>().is_ok())
}
