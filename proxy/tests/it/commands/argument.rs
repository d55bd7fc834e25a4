//! The kinds of arguments that templates name, weighted to the edges of each.

use super::draw::{Draw, Line};

/// Appends an argument of this kind.
///
/// # Panics
/// If there is no such kind.
pub(super) fn push(draw: &mut Draw, kind: &str, line: &mut Line) {
    if let "keys" | "keys-weights" = kind {
        return numbered_keys(draw, kind == "keys-weights", line);
    }
    line.push(match kind {
        "key" => key(draw),
        "watched" => draw.one_of(&["watched one", "watched two"]),
        "lex-key" => draw.one_of(&["lex one", "lex two"]),
        "value" => value(draw),
        "member" | "field" => member(draw),
        "int" => integer(draw),
        "index" => index(draw),
        "count" => count(draw),
        "float" => float(draw),
        "score" => score(draw),
        "bound" => bound(draw),
        "lex" => lex(draw),
        "pattern" => {
            draw.one_of(&["*", "?", "[a-c]*", "*1*", "a", "\\*", "[^a]", "", "[b-", "1[0-9]"])
        }
        "lifetime" => lifetime(draw),
        "instant-s" => instant(draw, 1),
        "instant-ms" => instant(draw, 1_000),
        "payload" => draw.payload(),
        _ => special(draw, kind),
    });
}

/// Arguments of one family.
fn special(draw: &mut Draw, kind: &str) -> Vec<u8> {
    match kind {
        "offset" => draw.between(0..12_000),
        "bit" if draw.one_in(20) => draw.one_of(&["2", "-1", "x", ""]),
        "bit" => draw.one_of(&["0", "1"]),
        "bit-offset" if draw.one_in(15) => draw.one_of(&["-1", "4294967296", "x", "01", "1.0"]),
        "bit-offset" => draw.between(0..3_000),
        "bit-type" => bit_type(draw),
        "bit-field-offset" if draw.one_in(3) => [b"#".to_vec(), draw.between(0..40)].concat(),
        "bit-field-offset" => special(draw, "bit-offset"),
        "id" => stream_id(draw),
        "full-id" => draw.recent_id(),
        "new-id" => draw.next_id(),
        "odd-id" if draw.one_in(8) => draw.one_of(&["18446744073709551615-18446744073709551615"]),
        "odd-id" => draw.one_of(&[
            "0-0",
            "0",
            "5",
            "-",
            "+",
            "x",
            "1-",
            "7-x",
            "1-1-1",
            "18446744073709551616-1",
        ]),
        "group" => draw.one_of(&["g", "g", "h", "\u{0}\r\n"]),
        "consumer" => draw.one_of(&["alice", "bob", "\u{0}"]),
        "idle" => draw.one_of(&["0", "0", "0", "1000000000", "-1", "x"]),
        "longitude" => coordinate(draw, 185),
        "latitude" => coordinate(draw, 88),
        "distance" => {
            draw.one_of(&["0", "1", "200", "1000.5", "20000", "1e7", "-1", "nan", "inf", "x"])
        }
        "unit" => draw.one_of(&["m", "km", "KM", "ft", "mi", "mile", ""]),
        "place" => draw.one_of(&["Palermo", "Catania", "a", "b", "\u{0}", ""]),
        "element" => element(draw),
        _ => panic!("no argument is called {kind}"),
    }
}

fn key(draw: &mut Draw) -> Vec<u8> {
    match draw.below(16) {
        0 => b"\0\r\n\xff binary".to_vec(),
        1 => b"\0hkm1".to_vec(),
        2 => b"\0hk".to_vec(),
        n => (n % 6).to_string().into_bytes(),
    }
}

/// How many keys, and the keys; seldom another number than there are.
fn numbered_keys(draw: &mut Draw, weighted: bool, line: &mut Line) {
    let n = 1 + draw.below(4);
    let said = match draw.below(30) {
        0 => draw.one_of(&["0", "-1", "x", "9223372036854775807", "5"]),
        _ => n.to_string().into_bytes(),
    };
    line.push(said);
    (0..n).for_each(|_| line.push(key(draw)));
    if weighted && draw.one_in(3) {
        line.push(draw.one_of(&["WEIGHTS", "weights"]));
        (0..n).for_each(|_| line.push(score(draw)));
    }
}

fn value(draw: &mut Draw) -> Vec<u8> {
    match draw.below(8) {
        0..3 => integer(draw),
        3 => float(draw),
        4 => draw.one_of(&["", "plain", "\r\n", "$-1\r\n", "9223372036854775807"]),
        5 => vec![b'z'; draw.below(9_000)],
        _ => draw.bytes(60),
    }
}

fn member(draw: &mut Draw) -> Vec<u8> {
    match draw.below(24) {
        0 => Vec::new(),
        // Not the NUL first: SORT compares up to it, and what is equal then comes in any order.
        1 => b"\xff\0\r\n".to_vec(),
        2 => vec![b'm'; 65 + draw.below(200)],
        3..9 => draw.between(-2..14),
        9 => draw.one_of(&["1.5", "-0", "01", "9223372036854775807", "inf"]),
        _ => draw.one_of(&["a", "b", "c", "d", "e", "f", "aa", "ab", "B", "é"]),
    }
}

fn element(draw: &mut Draw) -> Vec<u8> {
    if draw.one_in(3) { vec![b'a' + u8::try_from(draw.below(3)).unwrap()] } else { draw.bytes(5) }
}

fn integer(draw: &mut Draw) -> Vec<u8> {
    const ODD: &[&str] = &[
        "-9223372036854775808",
        "9223372036854775807",
        "9223372036854775808",
        "x",
        "",
        "01",
        "1.0",
        "-0",
        "+1",
        " 1",
        "1 ",
    ];
    if draw.one_in(14) { draw.one_of(ODD) } else { draw.between(-100..100) }
}

fn index(draw: &mut Draw) -> Vec<u8> {
    const ODD: &[&str] =
        &["-9223372036854775808", "9223372036854775807", "x", "", "01", "1.0", "-0", "2147483648"];
    if draw.one_in(25) { draw.one_of(ODD) } else { draw.between(-7..9) }
}

fn count(draw: &mut Draw) -> Vec<u8> {
    if draw.one_in(20) {
        draw.one_of(&["x", "", "01", "1.5", "-0", "9223372036854775808"])
    } else {
        draw.between(-4..9)
    }
}

fn float(draw: &mut Draw) -> Vec<u8> {
    const ODD: &[&str] = &[
        "inf",
        "-inf",
        "+inf",
        "nan",
        "1e400",
        "-1e400",
        "1e-400",
        "0x10",
        " 1",
        "1 ",
        "",
        "abc",
        "-0",
        ".5",
        "5.",
        "1e5",
        "99999999999999999",
        "1.0000000000000001",
        "1e17",
        "3.0e3",
        "-0.0",
        "0.1",
        "17976931348623157e292",
    ];
    if draw.one_in(3) {
        draw.one_of(ODD)
    } else {
        [draw.between(-40..40), b".".to_vec(), draw.between(0..100)].concat()
    }
}

fn score(draw: &mut Draw) -> Vec<u8> {
    match draw.below(10) {
        0 | 1 => float(draw),
        2 => draw.one_of(&["inf", "-inf", "0", "-0", "1.5", "1e308"]),
        _ => draw.between(-4..8),
    }
}

fn bound(draw: &mut Draw) -> Vec<u8> {
    match draw.below(12) {
        0 => draw.one_of(&["-inf", "+inf", "inf", "(inf", "(-inf"]),
        1 => draw.one_of(&["(", "", "((1", "[1", "-", "+", "nan", "(nan", "1e400"]),
        2..5 => [b"(".to_vec(), score(draw)].concat(),
        _ => score(draw),
    }
}

fn lex(draw: &mut Draw) -> Vec<u8> {
    match draw.below(12) {
        0..3 => draw.one_of(&["-", "+"]),
        3 => draw.one_of(&["", "[", "(", "a", "--", "-inf", "+a"]),
        4..7 => [b"(".to_vec(), member(draw)].concat(),
        _ => [b"[".to_vec(), member(draw)].concat(),
    }
}

/// Far enough from each other and from now that no clock decides.
fn lifetime(draw: &mut Draw) -> Vec<u8> {
    match draw.below(8) {
        0 => draw.one_of(&["0", "-1", "x", "9223372036854775807", "-9223372036854775808"]),
        _ => draw.between(10_000_000..4_000_000_000),
    }
}

/// Long ago or far ahead, in seconds or smaller units; far ahead also as a lifetime: RESTORE may lose its ABSTTL.
fn instant(draw: &mut Draw, per_second: i64) -> Vec<u8> {
    match draw.below(5) {
        0 => draw.one_of(&["0", "-5", "x", "100000000", "1500000000", "9223372036854775807"]),
        _ => draw.between(4_000_000_000 * per_second..9_000_000_000 * per_second),
    }
}

fn bit_type(draw: &mut Draw) -> Vec<u8> {
    if draw.one_in(15) {
        return draw.one_of(&["u64", "i65", "u0", "i0", "x8", "u", "8", "U8", "i-1"]);
    }
    let sign = draw.one_of(&["u", "i"]);
    [sign, draw.between(1..64)].concat()
}

fn stream_id(draw: &mut Draw) -> Vec<u8> {
    match draw.below(16) {
        0 => draw.one_of(&["-", "+"]),
        1 => draw.one_of(&["0-0", "0", "0-1", "x", "1-", "-1", "1-x", "1-1-1", ""]),
        2 => draw.one_of(&[
            "18446744073709551615-18446744073709551615",
            "18446744073709551616-1",
            "18446744073709551615",
        ]),
        3..5 => draw.between(1..60),
        5 => draw.next_id(),
        6 => [b"(".to_vec(), special(draw, "full-id")].concat(),
        _ => special(draw, "full-id"),
    }
}

fn coordinate(draw: &mut Draw, limit: i64) -> Vec<u8> {
    if draw.one_in(12) {
        return draw.one_of(&["nan", "inf", "x", "", "181", "-181", "90", "86", "-0", "1e400"]);
    }
    let decimals = [b".".to_vec(), draw.between(0..1_000_000)].concat();
    [draw.between(-limit..limit), decimals].concat()
}
