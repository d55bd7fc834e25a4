//! Random lines of the commands that Redis computes, for tests: some right, some nearly.
//!
//! In a line a capital letter stands for a random word: `L S Z H X G T P` for the key of a list,
//! set, sorted set, hash, stream, places, string, HyperLogLog; `K` for any key; `N` a number, `M` a
//! member, `I` the ID of a stream entry, `D` a DUMP payload.

use bytes::Bytes;
use rand::RngExt;
use rand::rngs::StdRng;
use std::collections::HashSet;

/// Brings two keys of each type about.
pub(super) const POPULATE: &[&str] = &[
    "RPUSH l1 1 2 3 a b c",
    "RPUSH l2 3 1 2",
    "SADD s1 1 2 3 a b",
    "SADD s2 3 4 5",
    "ZADD z1 1 a 2 b 3 c 4 1",
    "ZADD z2 5 a 6 d",
    "HSET h1 a 1 b 2 c x",
    "HSET h2 a 2.5",
    "XADD x1 1-1 a 1",
    "XADD x1 2-1 b 2",
    "XADD x1 3-1 c 3",
    "XADD x2 1-1 a 1",
    "XGROUP CREATE x1 a 0",
    "XREADGROUP GROUP a b COUNT 1 STREAMS x1 >",
    "XGROUP CREATE x2 a $",
    "GEOADD g1 13.3 38.1 a 15.0 37.5 b",
    "GEOADD g2 2.3 48.8 c",
    "SET t1 hello",
    "SET t2 12",
    "PEXPIRE t2 9000000",
    "PFADD p1 a b c",
    "PFADD p2 c d",
];

const LINES: &[&str] = &[
    "LCS T T",
    "LCS T T LEN",
    "LCS T T IDX MINMATCHLEN N WITHMATCHLEN",
    "BITCOUNT T",
    "BITCOUNT T N N BIT",
    "BITFIELD T GET u8 N",
    "BITFIELD T SET u8 N N GET i5 0",
    "BITFIELD T OVERFLOW SAT INCRBY i5 N N",
    "BITFIELD T OVERFLOW WRAP GET u4 0",
    "BITFIELD_RO T GET u8 N",
    "BITOP AND T T T",
    "BITOP not K T",
    "BITPOS T 1",
    "BITPOS T 0 N",
    "GETBIT T N",
    "SETBIT T N 1",
    "PFADD P M M",
    "PFCOUNT P",
    "PFCOUNT P P",
    "PFMERGE P",
    "PFMERGE P P P",
    "COPY K K",
    "COPY K K REPLACE",
    "COPY K K DB 0 REPLACE",
    "DUMP K",
    "OBJECT ENCODING K",
    "OBJECT FREQ K",
    "object idletime K",
    "OBJECT REFCOUNT K",
    "RENAME K K",
    "RENAMENX K K",
    "RESTORE K 0 D",
    "RESTORE K 0 D REPLACE",
    "RESTORE K 90000000 D REPLACE IDLETIME 5",
    "SORT L",
    "SORT L ALPHA DESC",
    "SORT S ALPHA LIMIT 0 2",
    "SORT Z BY nosort GET #",
    "SORT L ALPHA STORE L",
    "SORT L STORE K ALPHA STORE L",
    "SORT L LIMIT 0 1 STORE L DESC",
    "SORT_RO L ALPHA",
    "SORT_RO S BY nosort",
    "MEMORY USAGE K",
    "MEMORY USAGE K SAMPLES N",
    "HGET H M",
    "HSET H M M M N",
    "HGETALL H",
    "HDEL H M M",
    "HEXISTS H M",
    "HINCRBY H M N",
    "HINCRBYFLOAT H M N",
    "HKEYS H",
    "HLEN H",
    "HMGET H M M",
    "HMSET H M N",
    "HRANDFIELD H",
    "HRANDFIELD H N WITHVALUES",
    "HSCAN H 0 MATCH * COUNT 5",
    "HSETNX H M N",
    "HSTRLEN H M",
    "HVALS H",
    "LINDEX L N",
    "LINSERT L BEFORE M M",
    "LLEN L",
    "LMOVE L L LEFT RIGHT",
    "LMPOP 2 L L LEFT",
    "LMPOP 1 L RIGHT COUNT 2",
    "LPOP L",
    "LPOP L N",
    "LPOS L M",
    "LPOS L M RANK N",
    "LPUSH L M M",
    "LPUSHX L M",
    "LRANGE L N N",
    "LREM L N M",
    "LSET L N M",
    "LTRIM L N N",
    "RPOP L",
    "RPOPLPUSH L L",
    "RPUSH L M",
    "RPUSHX L M M",
    "SADD S M M",
    "SCARD S",
    "SDIFF S S",
    "SDIFFSTORE S S S",
    "SINTER S S",
    "SINTERCARD 2 S S LIMIT N",
    "SINTERSTORE K S S",
    "SISMEMBER S M",
    "SMEMBERS S",
    "SMISMEMBER S M M",
    "SMOVE S S M",
    "SPOP S",
    "SPOP S N",
    "SRANDMEMBER S N",
    "SREM S M M",
    "SSCAN S 0",
    "SUNION S S S",
    "SUNIONSTORE S S",
    "ZADD Z N M N M",
    "ZADD Z XX GT CH N M",
    "ZADD Z INCR N M",
    "ZCARD Z",
    "ZCOUNT Z N N",
    "ZDIFF 2 Z Z WITHSCORES",
    "ZDIFFSTORE Z 2 Z Z",
    "ZINCRBY Z N M",
    "ZINTER 2 Z Z WEIGHTS N N",
    "ZINTERCARD 2 Z S",
    "ZINTERSTORE K 2 Z S AGGREGATE MAX",
    "ZLEXCOUNT Z - +",
    "ZMPOP 2 Z Z MIN COUNT 2",
    "ZMSCORE Z M M",
    "ZPOPMAX Z",
    "ZPOPMIN Z N",
    "ZRANDMEMBER Z N",
    "ZRANGE Z N N",
    "ZRANGE Z - + BYLEX LIMIT 0 2",
    "ZRANGEBYLEX Z - +",
    "ZRANGEBYSCORE Z -inf N",
    "ZRANGESTORE Z Z 0 -1",
    "ZRANK Z M",
    "ZREM Z M M",
    "ZREMRANGEBYLEX Z - [M",
    "ZREMRANGEBYRANK Z N N",
    "ZREMRANGEBYSCORE Z N N",
    "ZREVRANGE Z 0 -1 WITHSCORES",
    "ZREVRANGEBYLEX Z + -",
    "ZREVRANGEBYSCORE Z N -inf",
    "ZREVRANK Z M",
    "ZSCAN Z 0",
    "ZSCORE Z M",
    "ZUNION 3 Z Z S",
    "ZUNIONSTORE K 2 Z S WEIGHTS 1 2",
    "GEOADD G 13.5 38 M",
    "GEODIST G a b km",
    "GEOHASH G M M",
    "GEOPOS G M",
    "GEORADIUS G 15 37 300 km",
    "GEORADIUS G 15 37 300 km WITHDIST COUNT 1",
    "GEORADIUS G 15 37 300 km STORE K",
    "GEORADIUS G 15 37 300 km STORE G STOREDIST Z",
    "GEORADIUSBYMEMBER G a 300 km",
    "GEORADIUSBYMEMBER G a 300 km STOREDIST G",
    "GEORADIUS_RO G 15 37 300 km ASC",
    "GEORADIUSBYMEMBER_RO G a 300 km",
    "GEOSEARCH G FROMMEMBER a BYRADIUS 300 km",
    "GEOSEARCHSTORE K G FROMLONLAT 15 37 BYBOX 400 400 km",
    "XACK X a I",
    "XADD X * a b",
    "XADD X MAXLEN N * a b",
    "XAUTOCLAIM X a c 0 0",
    "XCLAIM X a c 0 I",
    "XDEL X I",
    "XGROUP CREATE X M $",
    "XGROUP CREATE X M 0 MKSTREAM",
    "XGROUP CREATECONSUMER X a M",
    "XGROUP DELCONSUMER X a b",
    "XGROUP DESTROY X M",
    "XGROUP SETID X a 0",
    "XINFO CONSUMERS X a",
    "XINFO GROUPS X",
    "XINFO STREAM X FULL",
    "XLEN X",
    "XPENDING X a",
    "XPENDING X a - + 5",
    "XRANGE X - +",
    "XREAD COUNT 1 STREAMS X X 0 I",
    "XREAD STREAMS X $",
    "XREVRANGE X + -",
    "XREADGROUP GROUP a b COUNT 1 STREAMS X X > >",
    "XREADGROUP GROUP a c STREAMS X 0",
    "XREADGROUP COUNT 2 GROUP a STREAMS NOACK STREAMS X >",
    "XREAD BLOCK 10 STREAMS X $",
    "XSETID X 9-9",
    "XTRIM X MAXLEN N",
    "XTRIM X MINID I",
];

/// Words that are put where they do not belong.
const STRAY: &[&str] = &[
    "",
    "0",
    "-1",
    "2",
    "99",
    "x",
    "STORE",
    "STOREDIST",
    "STREAMS",
    "GROUP",
    "COUNT",
    "LIMIT",
    "BY",
    "GET",
    "#",
    "BLOCK",
    "NOACK",
    "store",
    "REPLACE",
    "WITHSCORES",
    "*",
    "99999999999999999999",
];

/// Every key that a line may name.
pub(super) fn keys() -> Vec<Bytes> {
    let named = "lszhxgtp".chars().flat_map(|kind| ["1", "2", "3"].map(|n| format!("{kind}{n}")));
    named.map(Bytes::from).collect()
}

/// The commands that have a line.
pub(super) fn names() -> HashSet<String> {
    let name = |line: &&str| {
        let mut words = line.split(' ').map(str::to_lowercase);
        match (words.next().unwrap(), words.next().unwrap()) {
            (name, sub) if ["object", "memory", "xgroup", "xinfo"].contains(&name.as_str()) => {
                format!("{name}|{sub}")
            }
            (name, _) => name,
        }
    };
    LINES.iter().map(name).collect()
}

/// A command line.
pub(super) fn random(random: &mut StdRng) -> Vec<Bytes> {
    let template = LINES[random.random_range(0..LINES.len())];
    let mut line: Vec<Bytes> = template.split(' ').map(|word| fill(word, random)).collect();
    if random.random_range(0..6) == 0 {
        let at = random.random_range(1..line.len());
        let stray = STRAY[random.random_range(0..STRAY.len())];
        match random.random_range(0..4) {
            0 => drop(line.remove(at)),
            1 => line[at] = Bytes::from_static(stray.as_bytes()),
            2 => line.insert(at, Bytes::from_static(stray.as_bytes())),
            _ => line.push(Bytes::from_static(stray.as_bytes())),
        }
    }
    line
}

fn fill(word: &'static str, random: &mut StdRng) -> Bytes {
    let mut one_of = |choices: &[&'static str]| choices[random.random_range(0..choices.len())];
    let text = match word {
        "N" => one_of(&["0", "1", "2", "3", "-1", "-2"]),
        "M" => one_of(&["a", "b", "c", "1", "STORE"]),
        "I" => one_of(&["0", "1-1", "2-1", "3-1", "9"]),
        "D" => return Bytes::from_static(b"\x00\xc0\x0c\n\x00<*\xf8Q\\\x04\xbc\xd5"),
        "L" | "S" | "Z" | "H" | "X" | "G" | "T" | "P"
            if one_of(&["of its type", "of its type", "of its type", "of any"])
                == "of its type" =>
        {
            return Bytes::from(word.to_lowercase() + one_of(&["1", "1", "2", "3"]));
        }
        "L" | "S" | "Z" | "H" | "X" | "G" | "T" | "P" | "K" => {
            let kind = one_of(&["l", "s", "z", "h", "x", "g", "t", "p"]);
            return Bytes::from(kind.to_owned() + one_of(&["1", "2", "3"]));
        }
        other => other,
    };
    Bytes::from_static(text.as_bytes())
}
