//! The families of commands as templates; `draw.rs` says how they are read.

/// Commands that make values of every type and take them away, so that families meet other types.
pub(super) const OTHERS: &str = "
    9 DEL <key>
    2 SET <key> <value>
    1 HSET <key> <field> <value>
    1 RPUSH <key> {+ <member> }
    1 SADD <key> {+ <member> }
    1 ZADD <key> <score> <member>
    1 XADD <key> <new-id> <field> <value>
    1 PFADD <key> <element>
    1 TYPE <key>
    1 EXPIRE <key> <lifetime>
    1 PERSIST <key>
    1 TTL <key>
    1 RENAME <key> <key>
    1 COPY <key> <key> REPLACE
";

pub(super) const STRINGS: &str = "
    8 GET <key>
    10 SET <key> <value> { ( NX | XX | GET | KEEPTTL | EX <lifetime> | PX <lifetime> | EXAT <instant-s> | PXAT <instant-ms> ) }
    2 SETEX <key> <lifetime> <value>
    2 PSETEX <key> <lifetime> <value>
    2 SETNX <key> <value>
    2 GETSET <key> <value>
    2 GETDEL <key>
    3 GETEX <key> [ ( PERSIST | EX <lifetime> | PX <lifetime> | EXAT <instant-s> | PXAT <instant-ms> ) ] [ PERSIST ]
    4 MGET {+ <key> }
    3 MSET {+ <key> <value> }
    2 MSETNX {+ <key> <value> }
    3 STRLEN <key>
    4 APPEND <key> <value>
    3 GETRANGE <key> <int> <int>
    2 SUBSTR <key> <index> <index>
    4 SETRANGE <key> <offset> <value>
    3 INCR <key>
    3 DECR <key>
    3 INCRBY <key> <int>
    3 DECRBY <key> <int>
    4 INCRBYFLOAT <key> <float>
    4 LCS <key> <key> { ( LEN | IDX | MINMATCHLEN <count> | WITHMATCHLEN ) }
";

pub(super) const GENERIC: &str = "
    3 EXISTS {+ <key> }
    3 TOUCH {+ <key> }
    3 DEL {+ <key> }
    2 UNLINK {+ <key> }
    3 TYPE <key>
    3 TTL <key>
    3 PTTL <key>
    2 EXPIRETIME <key>
    2 PEXPIRETIME <key>
    4 EXPIRE <key> <lifetime> { ( NX | XX | GT | LT ) }
    3 PEXPIRE <key> <lifetime> { ( NX | XX | GT | LT ) }
    3 EXPIREAT <key> <instant-s> { ( NX | XX | GT | LT ) }
    3 PEXPIREAT <key> <instant-ms> { ( NX | XX | GT | LT ) }
    4 PERSIST <key>
    5 RENAME <key> <key>
    5 RENAMENX <key> <key>
    6 COPY <key> <key> { ( REPLACE | DB ( 0 | x ) ) }
    4 DUMP <key>
    6 RESTORE <key> ( 0 | <lifetime> ) <payload> { ( REPLACE | REPLACE | IDLETIME <count> | FREQ <count> ) }
    2 RESTORE <key> <instant-ms> <payload> REPLACE ABSTTL
    2 OBJECT ENCODING <key>
    2 OBJECT IDLETIME <key>
    1 OBJECT FREQ <key>
    2 MEMORY USAGE <key> [ SAMPLES <count> ]
    4 SORT <key> { ( ASC | DESC | ALPHA | LIMIT <index> <count> ) } [ STORE <key> ]
    3 SORT_RO <key> { ( ASC | DESC | ALPHA | LIMIT <index> <count> ) }
    2 SORT <key> ALPHA [ DESC ] STORE <key>
    3 KEYS <pattern>
    2 DBSIZE
    2 RANDOMKEY
    3 SCAN 0 [ MATCH <pattern> ] [ COUNT <count> ] [ TYPE ( string | hash | list | set | zset | stream | x ) ]
    3 SET <key> <value> [ EX <lifetime> ]
    3 HSET <key> {+ <field> <value> }
    3 RPUSH <key> {+ <member> }
    3 RPUSH <key> {+ <score> }
    3 SADD <key> {+ <member> }
    3 SADD <key> {+ <score> }
    3 ZADD <key> {+ <score> <member> }
    3 XADD <key> <new-id> <field> <value>
";

pub(super) const BITMAPS: &str = "
    8 SETBIT <key> <bit-offset> <bit>
    5 GETBIT <key> <bit-offset>
    5 BITCOUNT <key> [ <index> <index> [ ( BYTE | BIT ) ] ]
    5 BITPOS <key> <bit> [ <index> [ <index> [ ( BYTE | BIT ) ] ] ]
    6 BITOP ( AND | OR | XOR | NOT ) <key> <key> { <key> }
    9 BITFIELD <key> {+ ( GET <bit-type> <bit-field-offset> | SET <bit-type> <bit-field-offset> <int> | INCRBY <bit-type> <bit-field-offset> <int> | OVERFLOW ( WRAP | SAT | FAIL | x ) ) }
    4 BITFIELD_RO <key> {+ GET <bit-type> <bit-field-offset> }
    1 BITFIELD_RO <key> SET <bit-type> <bit-field-offset> <int>
    3 GET <key>
    2 SET <key> <value>
    1 APPEND <key> <value>
    1 STRLEN <key>
";

pub(super) const HASHES: &str = "
    9 HSET <key> {+ <field> <value> }
    3 HSETNX <key> <field> <value>
    3 HMSET <key> {+ <field> <value> }
    6 HGET <key> <field>
    4 HMGET <key> {+ <field> }
    4 HGETALL <key>
    3 HKEYS <key>
    3 HVALS <key>
    3 HLEN <key>
    3 HEXISTS <key> <field>
    3 HSTRLEN <key> <field>
    5 HDEL <key> {+ <field> }
    6 HINCRBY <key> <field> <int>
    6 HINCRBYFLOAT <key> <field> <float>
    4 HRANDFIELD <key> [ <count> [ WITHVALUES ] ]
    3 HSCAN <key> 0 [ MATCH <pattern> ] [ COUNT <count> ]
";

pub(super) const LISTS: &str = "
    6 LPUSH <key> {+ <member> }
    8 RPUSH <key> {+ <member> }
    3 LPUSHX <key> {+ <member> }
    3 RPUSHX <key> {+ <member> }
    5 LPOP <key> [ <count> ]
    5 RPOP <key> [ <count> ]
    3 LLEN <key>
    5 LINDEX <key> <index>
    4 LSET <key> <index> <value>
    7 LRANGE <key> <index> <index>
    4 LTRIM <key> <index> <index>
    4 LINSERT <key> ( BEFORE | AFTER ) <member> <member>
    4 LREM <key> <count> <member>
    6 LPOS <key> <member> { ( RANK <count> | COUNT <count> | MAXLEN <count> ) }
    4 RPOPLPUSH <key> <key>
    5 LMOVE <key> <key> ( LEFT | RIGHT ) ( LEFT | RIGHT )
    4 LMPOP <keys> ( LEFT | RIGHT ) [ COUNT <count> ]
    2 SORT <key> ALPHA [ LIMIT <index> <count> ]
";

pub(super) const SETS: &str = "
    9 SADD <key> {+ <member> }
    4 SADD <key> {+ <int> }
    5 SREM <key> {+ <member> }
    3 SCARD <key>
    4 SISMEMBER <key> <member>
    4 SMISMEMBER <key> {+ <member> }
    4 SMEMBERS <key>
    4 SPOP <key> [ <count> ]
    4 SRANDMEMBER <key> [ <count> ]
    4 SMOVE <key> <key> <member>
    3 SINTER {+ <key> }
    3 SUNION {+ <key> }
    3 SDIFF {+ <key> }
    3 SINTERSTORE <key> {+ <key> }
    3 SUNIONSTORE <key> {+ <key> }
    3 SDIFFSTORE <key> {+ <key> }
    3 SINTERCARD <keys> [ LIMIT <count> ]
    3 SSCAN <key> 0 [ MATCH <pattern> ] [ COUNT <count> ]
    1 OBJECT ENCODING <key>
";

/// Ranges by name are asked of sets whose members have one score; of others Redis's answer hangs on the random heights of
/// its skip list.
pub(super) const SORTED_SETS: &str = "
    12 ZADD <key> {+ <score> <member> }
    6 ZADD <key> { ( NX | XX | GT | LT | CH | INCR ) } {+ <score> <member> }
    4 ZINCRBY <key> <score> <member>
    4 ZREM <key> {+ <member> }
    6 ZADD <lex-key> {+ 0 <member> }
    1 ZREM <lex-key> <member>
    1 DEL <lex-key>
    2 ZCARD <key>
    4 ZSCORE <key> <member>
    3 ZMSCORE <key> {+ <member> }
    3 ZRANK <key> <member>
    3 ZREVRANK <key> <member>
    4 ZCOUNT <key> <bound> <bound>
    3 ZLEXCOUNT <lex-key> <lex> <lex>
    4 ZRANGE <key> <index> <index> { ( REV | WITHSCORES ) }
    4 ZRANGE <key> <bound> <bound> BYSCORE [ REV ] [ LIMIT <index> <count> ] [ WITHSCORES ]
    3 ZRANGE <lex-key> <lex> <lex> BYLEX [ REV ] [ LIMIT <index> <count> ] [ WITHSCORES ]
    3 ZREVRANGE <key> <index> <index> [ WITHSCORES ]
    3 ZRANGEBYSCORE <key> <bound> <bound> [ WITHSCORES ] [ LIMIT <index> <count> ]
    3 ZREVRANGEBYSCORE <key> <bound> <bound> [ WITHSCORES ] [ LIMIT <index> <count> ]
    3 ZRANGEBYLEX <lex-key> <lex> <lex> [ LIMIT <index> <count> ]
    3 ZREVRANGEBYLEX <lex-key> <lex> <lex> [ LIMIT <index> <count> ]
    2 ZRANGESTORE <key> <key> <index> <index> [ REV ]
    2 ZRANGESTORE <key> <key> <bound> <bound> BYSCORE [ LIMIT <index> <count> ]
    2 ZREMRANGEBYRANK <key> <index> <index>
    2 ZREMRANGEBYSCORE <key> <bound> <bound>
    2 ZREMRANGEBYLEX <lex-key> <lex> <lex>
    3 ZPOPMIN <key> [ <count> ]
    3 ZPOPMAX <key> [ <count> ]
    3 ZMPOP <keys> ( MIN | MAX ) [ COUNT <count> ]
    3 ZUNION <keys-weights> [ AGGREGATE ( SUM | MIN | MAX ) ] [ WITHSCORES ]
    3 ZINTER <keys-weights> [ AGGREGATE ( SUM | MIN | MAX ) ] [ WITHSCORES ]
    3 ZDIFF <keys> [ WITHSCORES ]
    2 ZUNIONSTORE <key> <keys-weights> [ AGGREGATE ( SUM | MIN | MAX ) ]
    2 ZINTERSTORE <key> <keys-weights> [ AGGREGATE ( SUM | MIN | MAX ) ]
    2 ZDIFFSTORE <key> <keys>
    2 ZINTERCARD <keys> [ LIMIT <count> ]
    3 ZRANDMEMBER <key> [ <count> [ WITHSCORES ] ]
    3 ZSCAN <key> 0 [ MATCH <pattern> ] [ COUNT <count> ]
    2 SADD <key> {+ <member> }
";

pub(super) const STREAMS: &str = "
    9 XADD <key> [ NOMKSTREAM ] [ ( MAXLEN | MINID ) ( = | ~ ) <count> [ LIMIT <count> ] ] <new-id> {+ <field> <value> }
    1 XADD <key> <odd-id> {+ <field> <value> }
    4 XADD <key> * {+ <field> <value> }
    1 XADD <key> ( 2100000000000-* | 60-* | x-* ) <field> <value>
    3 XLEN <key>
    6 XRANGE <key> <id> <id> [ COUNT <count> ]
    4 XRANGE <key> - + [ COUNT <count> ]
    5 XREVRANGE <key> <id> <id> [ COUNT <count> ]
    3 XDEL <key> {+ <full-id> }
    3 XTRIM <key> MAXLEN [ = ] <count>
    2 XTRIM <key> MINID [ = ] <full-id>
    2 XSETID <key> <full-id> [ ENTRIESADDED <count> ] [ MAXDELETEDID <full-id> ]
    4 XREAD [ COUNT <count> ] STREAMS <key> <id>
    3 XREAD STREAMS <key> <key> <id> ( <id> | $ )
    7 XGROUP CREATE <key> <group> ( $ | 0 | <full-id> ) [ MKSTREAM ] [ ENTRIESREAD <count> ]
    2 XGROUP SETID <key> <group> ( $ | 0 | <full-id> )
    2 XGROUP CREATECONSUMER <key> <group> <consumer>
    1 XGROUP DELCONSUMER <key> <group> <consumer>
    1 XGROUP DESTROY <key> <group>
    8 XREADGROUP GROUP <group> <consumer> [ COUNT <count> ] [ NOACK ] STREAMS <key> ( > | > | 0 | <full-id> )
    4 XACK <key> <group> {+ <full-id> }
    5 XPENDING <key> <group> [ [ IDLE <idle> ] <id> <id> <count> [ <consumer> ] ]
    4 XPENDING <key> <group> - + 10 [ <consumer> ]
    4 XCLAIM <key> <group> <consumer> <idle> {+ <full-id> } { ( IDLE <count> | RETRYCOUNT <count> | FORCE | JUSTID | TIME <instant-ms> ) }
    4 XAUTOCLAIM <key> <group> <consumer> <idle> <id> [ COUNT <count> ] [ JUSTID ]
    3 XINFO STREAM <key> [ FULL [ COUNT <count> ] ]
    3 XINFO GROUPS <key>
    3 XINFO CONSUMERS <key> <group>
";

pub(super) const HYPERLOGLOGS: &str = "
    9 PFADD <key> { <element> }
    4 PFADD <key> {+ <value> }
    6 PFCOUNT {+ <key> }
    5 PFMERGE <key> { <key> }
    2 GET <key>
    2 STRLEN <key>
";

pub(super) const GEO: &str = "
    9 GEOADD <key> { ( NX | XX | CH ) } {+ <longitude> <latitude> <place> }
    6 GEOADD <key> {+ <longitude> <latitude> <place> }
    5 GEOPOS <key> { <place> }
    4 GEOHASH <key> { <place> }
    5 GEODIST <key> <place> <place> [ <unit> ]
    6 GEOSEARCH <key> ( FROMMEMBER <place> | FROMLONLAT <longitude> <latitude> ) ( BYRADIUS <distance> <unit> | BYBOX <distance> <distance> <unit> ) [ ( ASC | DESC ) ] [ COUNT <count> [ ANY ] ] { ( WITHCOORD | WITHDIST | WITHHASH ) }
    4 GEOSEARCHSTORE <key> <key> ( FROMMEMBER <place> | FROMLONLAT <longitude> <latitude> ) ( BYRADIUS <distance> <unit> | BYBOX <distance> <distance> <unit> ) [ ( ASC | DESC ) ] [ COUNT <count> ] [ STOREDIST ]
    4 GEORADIUS <key> <longitude> <latitude> <distance> <unit> { ( WITHCOORD | WITHDIST | WITHHASH | ASC | DESC | COUNT <count> ) } [ ( STORE | STOREDIST ) <key> ]
    3 GEORADIUS_RO <key> <longitude> <latitude> <distance> <unit> { ( WITHCOORD | WITHDIST | WITHHASH | ASC | DESC | COUNT <count> ) }
    3 GEORADIUSBYMEMBER <key> <place> <distance> <unit> { ( WITHCOORD | WITHDIST | ASC | COUNT <count> ) } [ STORE <key> ]
    2 GEORADIUSBYMEMBER_RO <key> <place> <distance> <unit> { ( WITHCOORD | WITHDIST | ASC ) }
    3 ZRANGE <key> 0 -1 WITHSCORES
    2 ZREM <key> <place>
";

/// Commands of several types inside of MULTI, and outside of it on other connections. What is watched is changed by
/// commands that never leave a value as it was: a write that does ends a watcher's transaction in Redis only.
pub(super) const TRANSACTIONS: &str = "
    14 MULTI
    16 EXEC
    2 DISCARD
    6 WATCH {+ <watched> }
    2 UNWATCH
    3 INCR <watched>
    2 APPEND <watched> 1
    2 STRLEN <watched>
    5 SET <key> <value> [ ( NX | XX | GET ) ]
    5 GET <key>
    4 INCR <key>
    3 APPEND <key> <value>
    2 MSETNX {+ <key> <value> }
    2 MGET {+ <key> }
    3 DEL {+ <key> }
    3 EXISTS {+ <key> }
    2 EXPIRE <key> <lifetime>
    2 PEXPIREAT <key> <instant-ms>
    2 PERSIST <key>
    2 TTL <key>
    3 RENAME <key> <key>
    2 COPY <key> <key> REPLACE
    4 HSET <key> {+ <field> <value> }
    3 HINCRBY <key> <field> <int>
    3 HGETALL <key>
    4 RPUSH <key> {+ <member> }
    2 LPOP <key>
    3 LRANGE <key> 0 -1
    3 LMOVE <key> <key> LEFT RIGHT
    4 SADD <key> {+ <member> }
    2 SMEMBERS <key>
    2 SUNIONSTORE <key> {+ <key> }
    4 ZADD <key> {+ <score> <member> }
    2 ZRANGE <key> 0 -1 WITHSCORES
    2 XADD <key> <new-id> <field> <value>
    2 XRANGE <key> - +
    2 PFADD <key> <element>
    2 SETBIT <key> <bit-offset> <bit>
    2 TYPE <key>
    1 PING
    1 ECHO <value>
    1 NOSUCHCOMMAND <key>
    1 OBJECT ENCODING <key>
    2 STRLEN <key>
";

/// All families.
pub(super) const ALL: &[&str] = &[
    STRINGS,
    GENERIC,
    BITMAPS,
    HASHES,
    LISTS,
    SETS,
    SORTED_SETS,
    STREAMS,
    HYPERLOGLOGS,
    GEO,
    TRANSACTIONS,
];
