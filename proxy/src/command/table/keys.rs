//! Keys of any type.

macro_rules! key_rows {
    ($next:ident $($more:ident)*; $($rows:tt)*) => {
        $next! { $($more)*; $($rows)*

            Del "del" -2 [range(1, -1, 1, "RM delete")] "write"
                "@keyspace @write @slow" "request_policy:multi_shard response_policy:agg_sum"
                "generic" "1.0.0" "O(N)" "Deletes keys." {}
            Exists "exists" -2 [range(1, -1, 1, "RO")] "readonly fast"
                "@keyspace @read @fast" "request_policy:multi_shard response_policy:agg_sum"
                "generic" "1.0.0" "O(N)" "Counts which of the keys exist." {}
            Expire "expire" -3 [one(1, "RW update")] "write fast"
                "@keyspace @write @fast" ""
                "generic" "1.0.0" "O(1)" "Lets a key expire after seconds." {}
            PExpire "pexpire" -3 [one(1, "RW update")] "write fast"
                "@keyspace @write @fast" ""
                "generic" "2.6.0" "O(1)" "Lets a key expire after milliseconds." {}
            Ttl "ttl" 2 [one(1, "RO access")] "readonly fast"
                "@keyspace @read @fast" "nondeterministic_output"
                "generic" "1.0.0" "O(1)" "Returns the seconds until a key expires." {}
            PTtl "pttl" 2 [one(1, "RO access")] "readonly fast"
                "@keyspace @read @fast" "nondeterministic_output"
                "generic" "2.6.0" "O(1)" "Returns the milliseconds until a key expires." {}
            Unlink "unlink" -2 [range(1, -1, 1, "RM delete")] "write fast"
                "@keyspace @write @fast" "request_policy:multi_shard response_policy:agg_sum"
                "generic" "4.0.0" "O(N)" "Deletes keys." {}
            Touch "touch" -2 [range(1, -1, 1, "RO")] "readonly fast"
                "@keyspace @read @fast" "request_policy:multi_shard response_policy:agg_sum"
                "generic" "3.2.1" "O(N)" "Counts which of the keys exist and marks them used." {}
            Type "type" 2 [one(1, "RO")] "readonly fast"
                "@keyspace @read @fast" ""
                "generic" "1.0.0" "O(1)" "Returns the type of a key's value." {}
            ExpireTime "expiretime" 2 [one(1, "RO access")] "readonly fast"
                "@keyspace @read @fast" ""
                "generic" "7.0.0" "O(1)" "Returns when a key expires, in Unix seconds." {}
            PExpireTime "pexpiretime" 2 [one(1, "RO access")] "readonly fast"
                "@keyspace @read @fast" ""
                "generic" "7.0.0" "O(1)" "Returns when a key expires, in Unix milliseconds." {}
            ExpireAt "expireat" -3 [one(1, "RW update")] "write fast"
                "@keyspace @write @fast" ""
                "generic" "1.2.0" "O(1)" "Lets a key expire at a Unix time in seconds." {}
            PExpireAt "pexpireat" -3 [one(1, "RW update")] "write fast"
                "@keyspace @write @fast" ""
                "generic" "2.6.0" "O(1)" "Lets a key expire at a Unix time in milliseconds." {}
            Persist "persist" 2 [one(1, "RW update")] "write fast"
                "@keyspace @write @fast" ""
                "generic" "2.2.0" "O(1)" "Removes the expiry of a key." {}
            Rename "rename" 3 [one(1, "RW access delete"), one(2, "OW update")] "write"
                "@keyspace @write @slow" ""
                "generic" "1.0.0" "O(1)" "Renames a key." {}
            Copy "copy" -3 [one(1, "RO access"), one(2, "OW update")] "write denyoom"
                "@keyspace @write @slow" ""
                "generic" "6.2.0" "O(N)" "Copies a key's value and expiry to another key." {}
            Dump "dump" 2 [one(1, "RO access")] "readonly"
                "@keyspace @read @slow" "nondeterministic_output"
                "generic" "2.6.0" "O(1)" "Returns a key's value in serialized form." {}
            Keys "keys" 2 [] "readonly"
                "@keyspace @read @slow @dangerous" "request_policy:all_shards nondeterministic_output_order"
                "generic" "1.0.0" "O(N)" "Lists the keys that match a pattern." {}
            Object "object" -2 [] ""
                "@slow" ""
                "generic" "2.2.3" "O(1)" "Commands about how a value is held." {
                ObjectEncoding "object|encoding" 3 [one(2, "RO")] "readonly"
                    "@keyspace @read @slow" "nondeterministic_output"
                    "generic" "2.2.3" "O(1)" "Names the encoding of a value.";
                ObjectFreq "object|freq" 3 [one(2, "RO")] "readonly"
                    "@keyspace @read @slow" "nondeterministic_output"
                    "generic" "4.0.0" "O(1)" "Returns how often a key is used.";
                ObjectHelp "object|help" 2 [] "loading stale"
                    "@keyspace @slow" ""
                    "generic" "6.2.0" "O(1)" "Lists the subcommands.";
                ObjectIdleTime "object|idletime" 3 [one(2, "RO")] "readonly"
                    "@keyspace @read @slow" "nondeterministic_output"
                    "generic" "2.2.3" "O(1)" "Returns the seconds since a key was last used.";
                ObjectRefCount "object|refcount" 3 [one(2, "RO")] "readonly"
                    "@keyspace @read @slow" "nondeterministic_output"
                    "generic" "2.2.3" "O(1)" "Returns how many references a value has.";
            }
            RandomKey "randomkey" 1 [] "readonly"
                "@keyspace @read @slow" "request_policy:all_shards nondeterministic_output"
                "generic" "1.0.0" "O(1)" "Returns some key." {}
            RenameNx "renamenx" 3 [one(1, "RW access delete"), one(2, "OW insert")] "write fast"
                "@keyspace @write @fast" ""
                "generic" "1.0.0" "O(1)" "Renames a key unless the new name is taken." {}
            Restore "restore" -4 [one(1, "OW update")] "write denyoom"
                "@keyspace @write @slow @dangerous" ""
                "generic" "2.6.0" "O(1)" "Creates a key from a serialized value." {}
            Scan "scan" -2 [] "readonly"
                "@keyspace @read @slow" "nondeterministic_output request_policy:special"
                "generic" "2.8.0" "O(1)" "Lists the keys, part by part." {}
            Sort "sort" -2 [one(1, "RO access"), unknown("RO access"), unknown("OW update")]
                "write denyoom movablekeys"
                "@write @set @sortedset @list @slow @dangerous" ""
                "generic" "1.0.0" "O(N+M*log(M))" "Sorts the elements of a list, set or sorted set, and may store them." {}
            SortRo "sort_ro" -2 [one(1, "RO access"), unknown("RO access")] "readonly movablekeys"
                "@read @set @sortedset @list @slow @dangerous" ""
                "generic" "7.0.0" "O(N+M*log(M))" "Sorts the elements of a list, set or sorted set." {}
            Wait "wait" 3 [] "noscript"
                "@slow @connection" "request_policy:all_shards response_policy:agg_min"
                "generic" "3.0.0" "O(1)" "Returns how many replicas have the writes; there are none." {}
        }
    };
}
