//! Streams; reads that block are not served.

macro_rules! stream_rows {
    ($next:ident $($more:ident)*; $($rows:tt)*) => {
        $next! { $($more)*; $($rows)*

            XAck "xack" -4 [one(1, "RW update")] "write fast"
                "@write @stream @fast" ""
                "stream" "5.0.0" "O(1)" "Tells a consumer group that entries are dealt with." {}
            XAdd "xadd" -5 [one(1, "RW update")] "write denyoom fast"
                "@write @stream @fast" "nondeterministic_output"
                "stream" "5.0.0" "O(1)" "Appends an entry to a stream." {}
            XAutoClaim "xautoclaim" -6 [one(1, "RW delete")] "write fast"
                "@write @stream @fast" "nondeterministic_output"
                "stream" "6.2.0" "O(1)" "Takes over whatever entries have been pending for long." {}
            XClaim "xclaim" -6 [one(1, "RW update")] "write fast"
                "@write @stream @fast" "nondeterministic_output"
                "stream" "5.0.0" "O(logN)" "Takes over pending entries." {}
            XDel "xdel" -3 [one(1, "RW delete")] "write fast"
                "@write @stream @fast" ""
                "stream" "5.0.0" "O(1)" "Removes entries from a stream." {}
            XGroup "xgroup" -2 [] ""
                "@slow" ""
                "stream" "5.0.0" "O(1)" "Commands about consumer groups." {
                XGroupCreate "xgroup|create" -5 [one(2, "RW insert")] "write denyoom"
                    "@write @stream @slow" ""
                    "stream" "5.0.0" "O(1)" "Creates a consumer group.";
                XGroupCreateConsumer "xgroup|createconsumer" 5 [one(2, "RW insert")] "write denyoom"
                    "@write @stream @slow" ""
                    "stream" "6.2.0" "O(1)" "Adds a consumer to a group.";
                XGroupDelConsumer "xgroup|delconsumer" 5 [one(2, "RW delete")] "write"
                    "@write @stream @slow" ""
                    "stream" "5.0.0" "O(1)" "Removes a consumer from a group.";
                XGroupDestroy "xgroup|destroy" 4 [one(2, "RW delete")] "write"
                    "@write @stream @slow" ""
                    "stream" "5.0.0" "O(N)" "Removes a consumer group.";
                XGroupHelp "xgroup|help" 2 [] "loading stale"
                    "@stream @slow" ""
                    "stream" "5.0.0" "O(1)" "Lists the subcommands.";
                XGroupSetId "xgroup|setid" -5 [one(2, "RW update")] "write"
                    "@write @stream @slow" ""
                    "stream" "5.0.0" "O(1)" "Moves the position of a consumer group.";
            }
            XInfo "xinfo" -2 [] ""
                "@slow" ""
                "stream" "5.0.0" "O(1)" "Commands that describe streams." {
                XInfoConsumers "xinfo|consumers" 4 [one(2, "RO access")] "readonly"
                    "@read @stream @slow" "nondeterministic_output"
                    "stream" "5.0.0" "O(1)" "Describes the consumers of a group.";
                XInfoGroups "xinfo|groups" 3 [one(2, "RO access")] "readonly"
                    "@read @stream @slow" ""
                    "stream" "5.0.0" "O(1)" "Describes the consumer groups of a stream.";
                XInfoHelp "xinfo|help" 2 [] "loading stale"
                    "@stream @slow" ""
                    "stream" "5.0.0" "O(1)" "Lists the subcommands.";
                XInfoStream "xinfo|stream" -3 [one(2, "RO access")] "readonly"
                    "@read @stream @slow" ""
                    "stream" "5.0.0" "O(1)" "Describes a stream.";
            }
            XLen "xlen" 2 [one(1, "RO")] "readonly fast"
                "@read @stream @fast" ""
                "stream" "5.0.0" "O(1)" "Counts the entries of a stream." {}
            XPending "xpending" -3 [one(1, "RO access")] "readonly"
                "@read @stream @slow" "nondeterministic_output"
                "stream" "5.0.0" "O(N)" "Describes the entries given to consumers and not yet acknowledged." {}
            XRange "xrange" -4 [one(1, "RO access")] "readonly"
                "@read @stream @slow" ""
                "stream" "5.0.0" "O(N)" "Returns a range of entries." {}
            XRead "xread" -4 [streams(1, "RO access")] "readonly blocking movablekeys"
                "@read @stream @slow @blocking" ""
                "stream" "5.0.0" "O(N)" "Returns the entries of streams after given ones; does not wait for any." {}
            XReadGroup "xreadgroup" -7 [streams(4, "RO access")] "write blocking movablekeys"
                "@write @stream @slow @blocking" ""
                "stream" "5.0.0" "O(M)" "Gives a consumer its next entries; does not wait for any." {}
            XRevRange "xrevrange" -4 [one(1, "RO access")] "readonly"
                "@read @stream @slow" ""
                "stream" "5.0.0" "O(N)" "Returns a range of entries, newest first." {}
            XSetId "xsetid" -3 [one(1, "RW update")] "write denyoom fast"
                "@write @stream @fast" ""
                "stream" "5.0.0" "O(1)" "Sets the last ID of a stream." {}
            XTrim "xtrim" -4 [one(1, "RW delete")] "write"
                "@write @stream @slow" "nondeterministic_output"
                "stream" "5.0.0" "O(N)" "Removes the oldest entries of a stream." {}
        }
    };
}
