//! The scanner against raw bytes and against redis-protocol as a second opinion.
#![expect(clippy::indexing_slicing, reason = "tests may panic")]

use super::{ProtocolError, Scan, ScanLimits, Scanner};
use bytes::{Bytes, BytesMut};
use proptest::prelude::{Strategy, any, prop, prop_assert_eq, proptest};
use redis_protocol::resp2::{encode::extend_encode, types::BytesFrame};

type Requests = Result<Vec<Vec<Vec<u8>>>, ProtocolError>;

/// Feeds `bytes` cut at `cuts`; collects every request, checking borrowed against owned arguments.
fn requests(bytes: &[u8], cuts: &[usize], limits: &ScanLimits, authenticated: bool) -> Requests {
    let mut scanner = Scanner::new();
    let mut buffer = BytesMut::new();
    let mut found = Vec::new();
    let mut fed = 0;
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    cuts.push(bytes.len());
    for cut in cuts {
        buffer.extend_from_slice(&bytes[fed..cut]);
        fed = cut;
        loop {
            match scanner.scan(&buffer, limits, authenticated)? {
                Scan::Incomplete => {
                    assert!(scanner.needed_bytes() > buffer.len());
                    break;
                }
                Scan::Empty { len } => drop(buffer.split_to(len)),
                Scan::Request { len } => {
                    let borrowed: Vec<Vec<u8>> = (0..scanner.arg_count())
                        .map(|index| scanner.arg(&buffer, index).unwrap().to_vec())
                        .collect();
                    let mut owned: Vec<Bytes> = Vec::new();
                    scanner.take_args(&buffer.split_to(len).freeze(), &mut owned);
                    assert_eq!(borrowed, owned);
                    found.push(borrowed);
                }
            }
        }
    }
    Ok(found)
}

fn one_by_one(bytes: &[u8]) -> Requests {
    let whole = requests(bytes, &[], &ScanLimits::default(), true);
    let cuts: Vec<usize> = (0..bytes.len()).collect();
    assert_eq!(requests(bytes, &cuts, &ScanLimits::default(), true), whole);
    whole
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

#[test]
fn reads_inline_commands_as_redis_does() {
    for (line, expected) in [
        ("PING\r\n", vec![words(&["PING"])]),
        ("PING\n", vec![words(&["PING"])]),
        ("\r\n\n  \t\r\nPING\r\n", vec![words(&["PING"])]),
        (" set  k\t'a b' \r\n", vec![words(&["set", "k", "a b"])]),
        (r#"echo "\x41\n\z\"" ''"#, vec![]),
        ("echo \"\\x41\\n\\z\\\"\" ''\n", vec![words(&["echo", "A\nz\"", ""])]),
        ("echo 'a\\'b\\n'\n", vec![words(&["echo", "a'b\\n"])]),
        ("echo a\"b c\"\n", vec![words(&["echo", "ab c"])]),
        ("*0\r\n*-1\r\n*-7\r\nPING\r\n", vec![words(&["PING"])]),
    ] {
        assert_eq!(one_by_one(line.as_bytes()), Ok(expected), "{line:?}");
    }
}

#[test]
fn reads_multibulk_as_loosely_as_redis_does() {
    let bytes = b"*1\rX$4\r\nPINGab*2\r\n$0\r\n\r\n$3\r\n\r\n\0\r\n";
    assert_eq!(one_by_one(bytes), Ok(vec![words(&["PING"]), words(&["", "\r\n\0"])]));
}

#[test]
fn words_errors_as_redis_does() {
    let long = |head: &str| format!("{head}{}", "1".repeat(70_000)).into_bytes();
    for (bytes, text) in [
        (b"*a\r\n".to_vec(), &b"invalid multibulk length"[..]),
        (b"*\r\n".to_vec(), b"invalid multibulk length"),
        (b"*+1\r\n".to_vec(), b"invalid multibulk length"),
        (b"*100001\r\n".to_vec(), b"invalid multibulk length"),
        (b"*1\nXX$4\r\nPING\r\n".to_vec(), b"invalid multibulk length"),
        (b"*1\r\nPING\r\n".to_vec(), b"expected '$', got 'P'"),
        (b"*1\r\n\xff\r\n".to_vec(), b"expected '$', got '\xff'"),
        (b"*1\r\n\r\n".to_vec(), b"expected '$', got '\r'"),
        (b"*1\r\n$-1\r\n".to_vec(), b"invalid bulk length"),
        (b"*1\r\n$04\r\n".to_vec(), b"invalid bulk length"),
        (b"*1\r\n$536870913\r\n".to_vec(), b"invalid bulk length"),
        (long("*"), b"too big mbulk count string"),
        (long("*1\r\n$"), b"too big bulk count string"),
        (long("a"), b"too big inline request"),
        (b"\"foo\r\n".to_vec(), b"unbalanced quotes in request"),
        (b"'foo\r\n".to_vec(), b"unbalanced quotes in request"),
        (b"\"foo\"bar\r\n".to_vec(), b"unbalanced quotes in request"),
    ] {
        let error = requests(&bytes, &[], &ScanLimits::default(), true).unwrap_err();
        assert_eq!(error.reply_text(), [&b"ERR Protocol error: "[..], text].concat());
    }
}

#[test]
fn holds_strangers_to_less() {
    let limits = ScanLimits::default();
    let scan = |bytes: &[u8], known| requests(bytes, &[], &limits, known);
    assert_eq!(scan(b"*11\r\n", false), Err(ProtocolError::UnauthenticatedMultibulkLength));
    assert_eq!(scan(b"*1\r\n$16385\r\n", false), Err(ProtocolError::UnauthenticatedBulkLength));
    assert_eq!(scan(b"*10\r\n$16384\r\n", false), Ok(vec![]));
    assert_eq!(scan(b"*11\r\n$16385\r\n", true), Ok(vec![]));
}

#[test]
fn bounds_the_whole_request_before_it_arrives() {
    let limits = ScanLimits { max_request_bytes: 100, ..ScanLimits::default() };
    let scan = |bytes: &[u8]| requests(bytes, &[], &limits, true);
    assert_eq!(scan(b"*2\r\n$200\r\n"), Err(ProtocolError::RequestTooBig));
    assert_eq!(scan(b"*2\r\n$50\r\n"), Ok(vec![]));
}

#[test]
fn a_bomb_of_nested_arrays_is_an_error() {
    let bomb = b"*1\r\n".repeat(1_000_000);
    let result = requests(&bomb, &[], &ScanLimits::default(), true);
    assert_eq!(result, Err(ProtocolError::ExpectedBulk(b'*')));
}

fn request() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8)
}

proptest! {
    #[test]
    fn agrees_with_redis_protocol_at_any_cut(
        sent in prop::collection::vec(request(), 0..6),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let mut bytes = BytesMut::new();
        for args in &sent {
            let frames = args.iter().map(|arg| BytesFrame::BulkString(arg.clone().into()));
            extend_encode(&mut bytes, &BytesFrame::Array(frames.collect()), false).unwrap();
        }
        prop_assert_eq!(requests(&bytes, &cuts, &ScanLimits::default(), true), Ok(sent));
    }

    #[test]
    fn any_bytes_give_the_same_answer_at_any_cut(
        bytes in prop::collection::vec(prop::sample::select(b"*$123-\r\n\"'\\x a".to_vec()), 0..60),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let limits = ScanLimits::default();
        prop_assert_eq!(
            requests(&bytes, &cuts, &limits, true),
            requests(&bytes, &[], &limits, true)
        );
    }
}
