//! The one table of commands: what each is called, how many arguments it takes, where its keys
//! are. Lookup, argument checks and every COMMAND reply come from it.
//!
//! Numbers and flags are those of Redis 7.0 (7.2 for the two CLIENT subcommands new there), so that
//! client libraries route and retry as they would with Redis.

use std::fmt;

/// One command or subcommand.
#[derive(Debug)]
pub struct CommandSpec {
    /// Which command, for dispatch.
    pub verb: Verb,
    /// Its name in lower case; `client|id` for a subcommand.
    pub name: &'static str,
    /// Words it takes, its own name included; negative: at least so many.
    pub arity: i32,
    /// Position of the first key, or 0; of the last key (negative: from the end); distance between.
    pub keys: [i32; 3],
    /// Redis's command flags, separated by blanks.
    pub flags: &'static str,
    /// Redis's ACL categories, separated by blanks.
    pub categories: &'static str,
    /// How it uses its keys, in Redis's key-spec flags, separated by blanks.
    pub key_flags: &'static str,
    /// Redis's command tips, separated by blanks.
    pub tips: &'static str,
    /// Redis's documentation group.
    pub group: &'static str,
    /// The Redis version that brought it.
    pub since: &'static str,
    /// Time complexity.
    pub complexity: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// Its subcommands.
    pub subcommands: &'static [CommandSpec],
}

impl CommandSpec {
    /// Whether it may run before the connection has authenticated.
    pub fn allows_no_auth(&self) -> bool {
        self.has_flag("no_auth")
    }

    /// Whether it changes data.
    pub fn is_write(&self) -> bool {
        self.has_flag("write")
    }

    /// Whether it carries this Redis command flag.
    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags.split(' ').any(|own| own == flag)
    }

    /// Whether a command line of `count` words, name included, is long enough and not too long.
    pub fn accepts_count(&self, count: usize) -> bool {
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        if self.arity < 0 { count >= -self.arity } else { count == self.arity }
    }

    /// The subcommand of that name, in any case.
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static CommandSpec> {
        self.subcommands.iter().find(|spec| spec.short_name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The name without that of the container command.
    pub fn short_name(&self) -> &'static str {
        self.name.split_once('|').map_or(self.name, |(_, short)| short)
    }
}

impl fmt::Display for CommandSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Finds a command by name, in any case, without allocating.
#[inline]
pub fn lookup(name: &[u8]) -> Option<&'static CommandSpec> {
    let key = packed(name)?;
    KEYS.iter().position(|known| *known == key).and_then(|index| COMMANDS.get(index))
}

/// A name of up to 15 bytes in lower case, as one number to compare; the leading 1 keeps names
/// that begin with zero bytes apart.
#[inline]
const fn packed(name: &[u8]) -> Option<u128> {
    if name.len() > 15 {
        return None;
    }
    let mut key = 1_u128;
    let mut index = 0;
    while index < name.len() {
        key = key << 8 | name[index].to_ascii_lowercase() as u128;
        index += 1;
    }
    Some(key)
}

const KEYS: [u128; COMMANDS.len()] = {
    let mut keys = [0; COMMANDS.len()];
    let mut index = 0;
    while index < keys.len() {
        if let Some(key) = packed(COMMANDS[index].name.as_bytes()) {
            keys[index] = key;
        }
        index += 1;
    }
    keys
};

/// Builds the table and the list of verbs from rows of
/// `Verb "name" arity [first last step] "flags" "categories" "key flags" "tips" "group" "since"
/// "complexity" "summary" { subcommands }`.
macro_rules! commands {
    ($($verb:ident $name:literal $arity:literal $keys:tt $flags:literal
        $categories:literal $key_flags:literal $tips:literal
        $group:literal $since:literal $complexity:literal $summary:literal
        { $($sub_verb:ident $sub_name:literal $sub_arity:literal $sub_keys:tt $sub_flags:literal
            $sub_categories:literal $sub_key_flags:literal $sub_tips:literal
            $sub_group:literal $sub_since:literal $sub_complexity:literal $sub_summary:literal;)* }
    )*) => {
        /// Every command served, by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Verb {
            $(#[doc = $summary] $verb, $(#[doc = $sub_summary] $sub_verb,)*)*
        }

        /// Every command served, the frequent ones first.
        pub const COMMANDS: &[CommandSpec] = &[$(CommandSpec {
            verb: Verb::$verb, name: $name, arity: $arity, keys: keys!($keys), flags: $flags,
            categories: $categories, key_flags: $key_flags, tips: $tips, group: $group,
            since: $since, complexity: $complexity, summary: $summary,
            subcommands: &[$(CommandSpec {
                verb: Verb::$sub_verb, name: $sub_name, arity: $sub_arity, keys: keys!($sub_keys),
                flags: $sub_flags, categories: $sub_categories, key_flags: $sub_key_flags,
                tips: $sub_tips, group: $sub_group, since: $sub_since,
                complexity: $sub_complexity, summary: $sub_summary, subcommands: &[],
            }),*],
        }),*];
    };
}

macro_rules! keys {
    ([$first:literal $last:literal $step:literal]) => {
        [$first, $last, $step]
    };
}

commands! {
    Get "get" 2 [1 1 1] "readonly fast"
        "@read @string @fast" "RO access" ""
        "string" "1.0.0" "O(1)" "Returns the value of a key." {}
    Set "set" -3 [1 1 1] "write denyoom"
        "@write @string @slow" "RW access update variable_flags" ""
        "string" "1.0.0" "O(1)" "Stores a value, with conditions and an expiry if asked." {}
    MGet "mget" -2 [1 -1 1] "readonly fast"
        "@read @string @fast" "RO access" "request_policy:multi_shard"
        "string" "1.0.0" "O(N)" "Returns the values of several keys." {}
    MSet "mset" -3 [1 -1 2] "write denyoom"
        "@write @string @slow" "OW update" "request_policy:multi_shard response_policy:all_succeeded"
        "string" "1.0.1" "O(N)" "Stores several keys." {}
    Del "del" -2 [1 -1 1] "write"
        "@keyspace @write @slow" "RM delete" "request_policy:multi_shard response_policy:agg_sum"
        "generic" "1.0.0" "O(N)" "Deletes keys." {}
    Exists "exists" -2 [1 -1 1] "readonly fast"
        "@keyspace @read @fast" "RO" "request_policy:multi_shard response_policy:agg_sum"
        "generic" "1.0.0" "O(N)" "Counts which of the keys exist." {}
    Incr "incr" 2 [1 1 1] "write denyoom fast"
        "@write @string @fast" "RW access update" ""
        "string" "1.0.0" "O(1)" "Adds one to an integer." {}
    IncrBy "incrby" 3 [1 1 1] "write denyoom fast"
        "@write @string @fast" "RW access update" ""
        "string" "1.0.0" "O(1)" "Adds to an integer." {}
    Expire "expire" -3 [1 1 1] "write fast"
        "@keyspace @write @fast" "RW update" ""
        "generic" "1.0.0" "O(1)" "Lets a key expire after seconds." {}
    PExpire "pexpire" -3 [1 1 1] "write fast"
        "@keyspace @write @fast" "RW update" ""
        "generic" "2.6.0" "O(1)" "Lets a key expire after milliseconds." {}
    Ttl "ttl" 2 [1 1 1] "readonly fast"
        "@keyspace @read @fast" "RO access" "nondeterministic_output"
        "generic" "1.0.0" "O(1)" "Returns the seconds until a key expires." {}
    PTtl "pttl" 2 [1 1 1] "readonly fast"
        "@keyspace @read @fast" "RO access" "nondeterministic_output"
        "generic" "2.6.0" "O(1)" "Returns the milliseconds until a key expires." {}
    SetEx "setex" 4 [1 1 1] "write denyoom"
        "@write @string @slow" "OW update" ""
        "string" "2.0.0" "O(1)" "Stores a value that expires after seconds." {}
    PSetEx "psetex" 4 [1 1 1] "write denyoom"
        "@write @string @slow" "OW update" ""
        "string" "2.6.0" "O(1)" "Stores a value that expires after milliseconds." {}
    SetNx "setnx" 3 [1 1 1] "write denyoom fast"
        "@write @string @fast" "OW insert" ""
        "string" "1.0.0" "O(1)" "Stores a value if the key does not exist." {}
    GetSet "getset" 3 [1 1 1] "write denyoom fast"
        "@write @string @fast" "RW access update" ""
        "string" "1.0.0" "O(1)" "Stores a value and returns the old one." {}
    GetDel "getdel" 2 [1 1 1] "write fast"
        "@write @string @fast" "RW access delete" ""
        "string" "6.2.0" "O(1)" "Returns the value of a key and deletes it." {}
    GetEx "getex" -2 [1 1 1] "write fast"
        "@write @string @fast" "RW access update" ""
        "string" "6.2.0" "O(1)" "Returns the value of a key and changes its expiry." {}
    MSetNx "msetnx" -3 [1 -1 2] "write denyoom"
        "@write @string @slow" "OW insert" "request_policy:multi_shard response_policy:agg_min"
        "string" "1.0.1" "O(N)" "Stores several keys if none of them exists." {}
    Unlink "unlink" -2 [1 -1 1] "write fast"
        "@keyspace @write @fast" "RM delete" "request_policy:multi_shard response_policy:agg_sum"
        "generic" "4.0.0" "O(N)" "Deletes keys." {}
    Touch "touch" -2 [1 -1 1] "readonly fast"
        "@keyspace @read @fast" "RO" "request_policy:multi_shard response_policy:agg_sum"
        "generic" "3.2.1" "O(N)" "Counts which of the keys exist and marks them used." {}
    Type "type" 2 [1 1 1] "readonly fast"
        "@keyspace @read @fast" "RO" ""
        "generic" "1.0.0" "O(1)" "Returns the type of a key's value." {}
    ExpireTime "expiretime" 2 [1 1 1] "readonly fast"
        "@keyspace @read @fast" "RO access" ""
        "generic" "7.0.0" "O(1)" "Returns when a key expires, in Unix seconds." {}
    PExpireTime "pexpiretime" 2 [1 1 1] "readonly fast"
        "@keyspace @read @fast" "RO access" ""
        "generic" "7.0.0" "O(1)" "Returns when a key expires, in Unix milliseconds." {}
    ExpireAt "expireat" -3 [1 1 1] "write fast"
        "@keyspace @write @fast" "RW update" ""
        "generic" "1.2.0" "O(1)" "Lets a key expire at a Unix time in seconds." {}
    PExpireAt "pexpireat" -3 [1 1 1] "write fast"
        "@keyspace @write @fast" "RW update" ""
        "generic" "2.6.0" "O(1)" "Lets a key expire at a Unix time in milliseconds." {}
    Persist "persist" 2 [1 1 1] "write fast"
        "@keyspace @write @fast" "RW update" ""
        "generic" "2.2.0" "O(1)" "Removes the expiry of a key." {}
    StrLen "strlen" 2 [1 1 1] "readonly fast"
        "@read @string @fast" "RO" ""
        "string" "2.2.0" "O(1)" "Returns the length of a value." {}
    Append "append" 3 [1 1 1] "write denyoom fast"
        "@write @string @fast" "RW insert" ""
        "string" "2.0.0" "O(1)" "Appends to a value." {}
    GetRange "getrange" 4 [1 1 1] "readonly"
        "@read @string @slow" "RO access" ""
        "string" "2.4.0" "O(N)" "Returns a part of a value." {}
    Substr "substr" 4 [1 1 1] "readonly"
        "@read @string @slow" "RO access" ""
        "string" "1.0.0" "O(N)" "Returns a part of a value." {}
    SetRange "setrange" 4 [1 1 1] "write denyoom"
        "@write @string @slow" "RW update" ""
        "string" "2.2.0" "O(1)" "Overwrites a part of a value." {}
    Decr "decr" 2 [1 1 1] "write denyoom fast"
        "@write @string @fast" "RW access update" ""
        "string" "1.0.0" "O(1)" "Subtracts one from an integer." {}
    DecrBy "decrby" 3 [1 1 1] "write denyoom fast"
        "@write @string @fast" "RW access update" ""
        "string" "1.0.0" "O(1)" "Subtracts from an integer." {}
    IncrByFloat "incrbyfloat" 3 [1 1 1] "write denyoom fast"
        "@write @string @fast" "RW access update" ""
        "string" "2.6.0" "O(1)" "Adds to a floating-point number." {}
    Ping "ping" -1 [0 0 0] "fast"
        "@fast @connection" "" "request_policy:all_shards response_policy:all_succeeded"
        "connection" "1.0.0" "O(1)" "Answers PONG, or what it was sent." {}
    Echo "echo" 2 [0 0 0] "loading stale fast"
        "@fast @connection" "" ""
        "connection" "1.0.0" "O(1)" "Answers what it was sent." {}
    Hello "hello" -1 [0 0 0] "noscript loading stale fast no_auth allow_busy"
        "@fast @connection" "" ""
        "connection" "6.0.0" "O(1)" "Chooses the protocol version and authenticates." {}
    Auth "auth" -2 [0 0 0] "noscript loading stale fast no_auth allow_busy"
        "@fast @connection" "" ""
        "connection" "1.0.0" "O(N)" "Authenticates the connection." {}
    Quit "quit" -1 [0 0 0] "noscript loading stale fast no_auth allow_busy"
        "@fast @connection" "" ""
        "connection" "1.0.0" "O(1)" "Closes the connection." {}
    Reset "reset" 1 [0 0 0] "noscript loading stale fast no_auth allow_busy"
        "@fast @connection" "" ""
        "connection" "6.2.0" "O(1)" "Returns the connection to its first state." {}
    Select "select" 2 [0 0 0] "loading stale fast"
        "@fast @connection" "" ""
        "connection" "1.0.0" "O(1)" "Chooses the database; there is only 0." {}
    Info "info" -1 [0 0 0] "loading stale"
        "@slow @dangerous" "" "nondeterministic_output request_policy:all_shards response_policy:special"
        "server" "1.0.0" "O(1)" "Returns facts about the server." {}
    Time "time" 1 [0 0 0] "loading stale fast"
        "@fast" "" "nondeterministic_output"
        "server" "2.6.0" "O(1)" "Returns the server's clock." {}
    Client "client" -2 [0 0 0] ""
        "@slow" "" ""
        "connection" "2.4.0" "O(1)" "Commands about connections." {
        ClientId "client|id" 2 [0 0 0] "noscript loading stale"
            "@slow @connection" "" ""
            "connection" "5.0.0" "O(1)" "Returns the connection's number.";
        ClientGetName "client|getname" 2 [0 0 0] "noscript loading stale"
            "@slow @connection" "" ""
            "connection" "2.6.9" "O(1)" "Returns the connection's name.";
        ClientSetName "client|setname" 3 [0 0 0] "noscript loading stale"
            "@slow @connection" "" ""
            "connection" "2.6.9" "O(1)" "Names the connection.";
        ClientInfo "client|info" 2 [0 0 0] "noscript loading stale"
            "@slow @connection" "" "nondeterministic_output"
            "connection" "6.2.0" "O(1)" "Describes the connection.";
        ClientList "client|list" -2 [0 0 0] "admin noscript loading stale"
            "@admin @slow @dangerous @connection" "" "nondeterministic_output"
            "connection" "2.4.0" "O(N)" "Describes the tenant's connections.";
        ClientNoEvict "client|no-evict" 3 [0 0 0] "admin noscript loading stale"
            "@admin @slow @dangerous @connection" "" ""
            "connection" "7.0.0" "O(1)" "Accepted; connections are not evicted.";
        ClientKill "client|kill" -3 [0 0 0] "admin noscript loading stale"
            "@admin @slow @dangerous @connection" "" ""
            "connection" "2.4.0" "O(N)" "Closes connections of the tenant.";
        ClientHelp "client|help" 2 [0 0 0] "loading stale"
            "@slow @connection" "" ""
            "connection" "5.0.0" "O(1)" "Lists the subcommands.";
        ClientSetInfo "client|setinfo" 4 [0 0 0] "noscript loading stale"
            "@slow @connection" "" ""
            "connection" "7.2.0" "O(1)" "Records the client library's name or version.";
        ClientNoTouch "client|no-touch" 3 [0 0 0] "noscript loading stale"
            "@slow @connection" "" ""
            "connection" "7.2.0" "O(1)" "Accepted; reads do not mark keys used.";
    }
    Command "command" -1 [0 0 0] "loading stale"
        "@slow @connection" "" "nondeterministic_output_order"
        "server" "2.8.13" "O(N)" "Commands about commands." {
        CommandCount "command|count" 2 [0 0 0] "loading stale"
            "@slow @connection" "" ""
            "server" "2.8.13" "O(1)" "Counts the commands.";
        CommandInfo "command|info" -2 [0 0 0] "loading stale"
            "@slow @connection" "" "nondeterministic_output_order"
            "server" "2.8.13" "O(N)" "Describes commands to client libraries.";
        CommandList "command|list" -2 [0 0 0] "loading stale"
            "@slow @connection" "" "nondeterministic_output_order"
            "server" "7.0.0" "O(N)" "Lists the commands.";
        CommandDocs "command|docs" -2 [0 0 0] "loading stale"
            "@slow @connection" "" "nondeterministic_output_order"
            "server" "7.0.0" "O(N)" "Documents commands.";
        CommandGetKeys "command|getkeys" -4 [0 0 0] "loading stale"
            "@slow @connection" "" ""
            "server" "2.8.13" "O(N)" "Returns the keys in a command line.";
        CommandHelp "command|help" 2 [0 0 0] "loading stale"
            "@slow @connection" "" ""
            "server" "5.0.0" "O(1)" "Lists the subcommands.";
    }
    Config "config" -2 [0 0 0] ""
        "@slow" "" ""
        "server" "2.0.0" "O(1)" "Commands about the configuration." {
        ConfigGet "config|get" -3 [0 0 0] "admin noscript loading stale"
            "@admin @slow @dangerous" "" ""
            "server" "2.0.0" "O(N)" "Returns settings that match patterns.";
        ConfigHelp "config|help" 2 [0 0 0] "loading stale"
            "@slow" "" ""
            "server" "5.0.0" "O(1)" "Lists the subcommands.";
    }
}

#[cfg(test)]
mod tests {
    use super::{COMMANDS, lookup};

    #[test]
    fn finds_every_command_in_any_case() {
        for spec in COMMANDS {
            assert_eq!(lookup(spec.name.as_bytes()).unwrap().name, spec.name);
            assert_eq!(lookup(spec.name.to_uppercase().as_bytes()).unwrap().name, spec.name);
        }
        for unknown in [&b""[..], b"ge", b"gett", b"\0get", b"get ", b"a name of over 15"] {
            assert!(lookup(unknown).is_none());
        }
    }
}
