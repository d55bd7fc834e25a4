//! Traces as users have them: layouts, compression, damage.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::io::{Cursor, Write as _};

use hopperkv_trace::{
    Columns, ItemLimits, OnMalformed, SizeMeans, TraceError, TraceOp, TraceOptions, TraceReader,
    TraceRequest,
};
use proptest::prelude::{ProptestConfig, any, prop, proptest};

fn open(text: &[u8], options: TraceOptions) -> Result<TraceReader, TraceError> {
    TraceReader::from_reader("test".into(), Box::new(Cursor::new(text.to_vec())), options)
}

fn reader(text: &[u8]) -> TraceReader {
    open(text, TraceOptions::default()).unwrap()
}

fn all(reader: &mut TraceReader) -> Vec<TraceRequest> {
    std::iter::from_fn(|| reader.next_request().unwrap()).collect()
}

fn request(time_ms: u64, key: &str, op: TraceOp, size_bytes: u32, ttl_s: u32) -> TraceRequest {
    let key_bytes = u32::try_from(key.len()).unwrap();
    TraceRequest { time_ms, key: key.as_bytes().into(), op, key_bytes, size_bytes, ttl_s }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

#[test]
fn size_traces_are_gets_with_or_without_header_and_compression() {
    let expected =
        [request(0, "a", TraceOp::Get, 737, 0), request(1500, "b\"", TraceOp::Get, 0, 0)];
    let bare = b"0,a,737\r\n1.5,b\",0\n";
    assert_eq!(all(&mut reader(bare)), expected);
    let headed = [b"Time,Object,Size\n".as_slice(), bare].concat();
    for bytes in [headed.clone(), gzip(&headed), zstd(&headed)] {
        let mut reader = reader(&bytes);
        assert_eq!(all(&mut reader), expected);
        assert_eq!(reader.columns().size_means(), SizeMeans::Entry);
    }
}

#[test]
fn compressed_files_put_one_behind_the_other_are_read_through() {
    for compress in [gzip, zstd] {
        let bytes = [compress(b"0,a,1\n0,b,2\n"), compress(b"0,c,3\n")].concat();
        assert_eq!(all(&mut reader(&bytes)).len(), 3);
    }
}

#[test]
fn twitter_traces_have_key_sizes_operations_and_ttl() {
    let text = b"0,k1,32,100,7,get,0\n0,k1,2,100,7,set,60\n0,k2,2,0,7,delete,0\n\
                 0,k3,2,8,7,incr,0\n0,k3,2,8,7,decr,0\n9,k4,2,8,7,flush,0\n9,k5,2,8,7,CAS,1\n";
    let mut reader = reader(text);
    let expected = [
        TraceRequest { key_bytes: 32, ..request(0, "k1", TraceOp::Get, 100, 0) },
        request(0, "k1", TraceOp::Set, 100, 60),
        request(0, "k2", TraceOp::Delete, 0, 0),
        request(0, "k3", TraceOp::Add(1), 8, 0),
        request(0, "k3", TraceOp::Add(-1), 8, 0),
        request(9000, "k5", TraceOp::Set, 8, 1),
    ];
    assert_eq!(all(&mut reader), expected);
    assert_eq!(reader.notes().skipped_ops, 1);
    assert_eq!(reader.columns().size_means(), SizeMeans::Value);
}

#[test]
fn our_own_layout_is_known_by_its_operation() {
    let expected = [request(1000, "k", TraceOp::Get, 5, 0), request(2000, "k", TraceOp::Set, 6, 0)];
    for header in ["", "timestamp,op,key,val_size\n"] {
        let text = format!("{header}1,GET,k,5\n2,SET,k,6\n");
        let mut reader = reader(text.as_bytes());
        assert_eq!(all(&mut reader), expected);
        assert!(reader.columns().has_time());
    }
}

#[test]
fn columns_can_be_named() {
    let columns: Columns = "key,-,size".parse().unwrap();
    let options = TraceOptions { columns: Some(columns), ..TraceOptions::default() };
    for header in ["", "name,colour,weight\n"] {
        let text = format!("{header}7,red,5\n8,blue,6\n");
        let mut reader = open(text.as_bytes(), options).unwrap();
        assert_eq!(all(&mut reader).iter().map(|r| r.size_bytes).collect::<Vec<_>>(), [5, 6]);
        assert_eq!(reader.notes().malformed, 0, "a header is no malformed line");
    }
    let unknown = "time,kee,size".parse::<Columns>().unwrap_err();
    assert!(
        unknown.contains("no column is called `kee`") && unknown.contains("object"),
        "{unknown}"
    );
    let keyless = "time,size".parse::<Columns>().unwrap_err();
    assert!(keyless.contains("at least a key"), "{keyless}");
}

#[test]
fn bad_lines_are_counted_and_the_first_is_shown() {
    let text = format!(
        "time,object,size\n0,a,1\n0,b\n0,,1\n0,c,x\nnoon,c,1\n-1,c,1\n0,{},1\n0,d,9999999\n",
        "k".repeat(2049)
    );
    let limits = Some(ItemLimits { key_bytes: 2048, item_bytes: 400 * 1024 });
    let mut reader = open(text.as_bytes(), TraceOptions { limits, ..Default::default() }).unwrap();
    let sizes: Vec<u32> = all(&mut reader).iter().map(|request| request.size_bytes).collect();
    assert_eq!(sizes, [1, 409_600 - 1]);
    let notes = reader.notes();
    assert_eq!((notes.requests, notes.malformed, notes.clamped), (2, 6, 1));
    let first = notes.first_malformed.as_deref();
    assert_eq!(first, Some("line 3: 2 columns, size would be column 3"));

    let sizes: Vec<u32> =
        all(&mut self::reader(text.as_bytes())).iter().map(|r| r.size_bytes).collect();
    assert_eq!(sizes, [1, 1, 9_999_999], "no limits by default");
}

#[test]
fn bad_lines_can_be_refused() {
    let options = TraceOptions { on_malformed: OnMalformed::Refuse, ..TraceOptions::default() };
    let mut reader = open(b"0,a,1\n0,b,-2\n0,c,3\n", options).unwrap();
    assert!(reader.next_request().unwrap().is_some());
    let error = reader.next_request().unwrap_err().to_string();
    assert_eq!(error, "trace test: line 2: size `-2` is not a whole number");
}

#[test]
fn unknown_layouts_and_missing_files_are_refused() {
    for (text, part) in [
        (&b""[..], "is empty"),
        (b"1,2\n", "2 columns; expected time,object,size"),
        (b"1,2,3,4\n", "4 columns; expected time,object,size or timestamp,op,key,val_size"),
        (b"time,what,ever\n", "neither data nor a header"),
        (b"\x00\xff\xfe\n", "neither data nor a header"),
    ] {
        let error = open(text, TraceOptions::default()).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    let missing = TraceReader::open("/nonexistent.csv".as_ref(), TraceOptions::default());
    let error = missing.unwrap_err().to_string();
    assert!(error.starts_with("/nonexistent.csv: No such file"), "{error}");
    assert!(error.ends_with("or - for standard input"), "{error}");
}

#[test]
fn a_cut_stream_is_an_error_not_an_end() {
    let text: String = (0..20_000)
        .map(|row| format!("{row},key{},{}\n", row * 7919 % 10_007, row % 977))
        .collect();
    for compress in [gzip, zstd] {
        let mut bytes = compress(text.as_bytes());
        bytes.truncate(bytes.len() / 2);
        // So little may be left that not even the first block is whole.
        let error = open(&bytes, TraceOptions::default()).and_then(|mut reader| {
            while reader.next_request()?.is_some() {}
            Ok(())
        });
        let error = error.expect_err("the damage was noticed").to_string();
        assert!(error.starts_with("trace test: "), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the bytes, reading ends, and every line is accounted for.
    #[test]
    fn any_bytes_are_read_to_their_end(
        noise in prop::collection::vec(any::<u8>(), 0..300),
        rows in prop::collection::vec((0_u32..100, 0_u32..5, any::<bool>()), 0..50),
    ) {
        let mut text = b"time,key,value_size,op\n".to_vec();
        let mut good = 0_u64;
        for (size, key, is_good) in rows {
            good += u64::from(is_good);
            let size = if is_good { size.to_string() } else { format!("{size}x") };
            text.extend_from_slice(format!("1,k{key},{size},get\n").as_bytes());
        }
        let mut tidy = reader(&text);
        assert_eq!(all(&mut tidy).len() as u64, good);
        text.extend_from_slice(&noise);
        let mut noisy = reader(&text);
        assert!(all(&mut noisy).len() as u64 >= good);
        let notes = noisy.notes();
        let lines = 1 + notes.requests + notes.malformed + notes.skipped_ops;
        let ends = text.split(|byte| matches!(byte, b'\n' | b'\r'));
        assert_eq!(lines, ends.filter(|line| !line.is_empty()).count() as u64);
        if let Ok(mut any) = open(&noise, TraceOptions::default()) {
            while let Ok(Some(_)) = any.next_request() {}
        }
    }
}
