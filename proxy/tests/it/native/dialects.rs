//! Replies of commands that Redis computes are typed as Redis types them, in either dialect, cached or not.

use super::{evict_all, raw};
use crate::support::{Proxy, StockRedis};

const SETUP: &str = "
    HSET h f v
    HSET h1 f v
    SADD s m
    SADD s2 m
    ZADD z 1.5 a
    ZADD z2 inf b
    GEOADD g 13.361389 38.115556 p 15.087269 37.502669 q
    RPUSH l a b
    XADD x 1-1 f v
    XGROUP CREATE x grp 0
    SET str text
    SET str2 test
    ZINCRBY z 0.25 a
    HINCRBYFLOAT h n 1.5";

const READS: &str = "
    HGETALL h
    HGET h f
    HGET h none
    HRANDFIELD h1 1 WITHVALUES
    HSCAN h 0
    HGETALL none
    SMEMBERS s
    SMISMEMBER s m n
    SINTER s s2
    SUNION s none
    SDIFF none s
    ZRANGE z 0 -1 WITHSCORES
    ZSCORE z a
    ZMSCORE z a none
    ZRANK z none
    ZUNION 2 z z2 WITHSCORES
    GEOPOS g p none
    GEODIST g p q
    GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHDIST
    LRANGE l 0 -1
    LPOS l none
    XRANGE x - +
    XINFO STREAM x FULL
    OBJECT ENCODING z
    GET str
    GET none
    GETRANGE str 0 1
    TYPE h
    LCS str str2 IDX
    BITFIELD_RO str GET u8 0
    DUMP none
    GET h
    SCARD l";

const WRITES: &str = "
    ZADD z INCR 0.5 a
    ZADD z XX INCR 1 none
    SPOP none
    HINCRBYFLOAT h n 0
    ZPOPMIN none
    LPOP none
    LPOP none 1
    XADD none NOMKSTREAM * f v";

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

#[test]
fn replies_are_those_of_redis_byte_for_byte() {
    let (proxy, stock) = (Proxy::start(), StockRedis::start());
    let (mut ours, mut theirs) = (proxy.client(), stock.client());
    for line in lines(SETUP) {
        assert_eq!(ours.cmd(line), theirs.cmd(line), "{line}");
    }
    for protocol in ["3", "2", "3"] {
        for client in [&mut ours, &mut theirs] {
            client.cmd(&format!("HELLO {protocol}"));
        }
        for is_cached in [true, false] {
            for line in lines(READS) {
                if !is_cached {
                    evict_all(&proxy);
                }
                let what = format!("{line}, RESP{protocol}, cached: {is_cached}");
                assert_eq!(raw(&mut ours, line), raw(&mut theirs, line), "{what}");
            }
        }
        for line in lines(WRITES) {
            assert_eq!(raw(&mut ours, line), raw(&mut theirs, line), "{line}, RESP{protocol}");
        }
    }
}
