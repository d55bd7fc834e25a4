//! The server.

macro_rules! server_rows {
    ($next:ident $($more:ident)*; $($rows:tt)*) => {
        $next! { $($more)*; $($rows)*

            Info "info" -1 [] "loading stale"
                "@slow @dangerous" "nondeterministic_output request_policy:all_shards response_policy:special"
                "server" "1.0.0" "O(1)" "Returns facts about the server." {}
            Time "time" 1 [] "loading stale fast"
                "@fast" "nondeterministic_output"
                "server" "2.6.0" "O(1)" "Returns the server's clock." {}
            Command "command" -1 [] "loading stale"
                "@slow @connection" "nondeterministic_output_order"
                "server" "2.8.13" "O(N)" "Commands about commands." {
                CommandCount "command|count" 2 [] "loading stale"
                    "@slow @connection" ""
                    "server" "2.8.13" "O(1)" "Counts the commands.";
                CommandInfo "command|info" -2 [] "loading stale"
                    "@slow @connection" "nondeterministic_output_order"
                    "server" "2.8.13" "O(N)" "Describes commands to client libraries.";
                CommandList "command|list" -2 [] "loading stale"
                    "@slow @connection" "nondeterministic_output_order"
                    "server" "7.0.0" "O(N)" "Lists the commands.";
                CommandDocs "command|docs" -2 [] "loading stale"
                    "@slow @connection" "nondeterministic_output_order"
                    "server" "7.0.0" "O(N)" "Documents commands.";
                CommandGetKeys "command|getkeys" -4 [] "loading stale"
                    "@slow @connection" ""
                    "server" "2.8.13" "O(N)" "Returns the keys in a command line.";
                CommandHelp "command|help" 2 [] "loading stale"
                    "@slow @connection" ""
                    "server" "5.0.0" "O(1)" "Lists the subcommands.";
                CommandGetKeysAndFlags "command|getkeysandflags" -4 [] "loading stale"
                    "@slow @connection" ""
                    "server" "7.0.0" "O(N)" "Returns the keys in a command line and how it uses them.";
            }
            Config "config" -2 [] ""
                "@slow" ""
                "server" "2.0.0" "O(1)" "Commands about the configuration." {
                ConfigGet "config|get" -3 [] "admin noscript loading stale"
                    "@admin @slow @dangerous" ""
                    "server" "2.0.0" "O(N)" "Returns settings that match patterns.";
                ConfigHelp "config|help" 2 [] "loading stale"
                    "@slow" ""
                    "server" "5.0.0" "O(1)" "Lists the subcommands.";
                ConfigSet "config|set" -4 [] "admin noscript loading stale"
                    "@admin @slow @dangerous" "request_policy:all_nodes response_policy:all_succeeded"
                    "server" "2.0.0" "O(N)" "Refused, unless it changes nothing.";
                ConfigResetStat "config|resetstat" 2 [] "admin noscript loading stale"
                    "@admin @slow @dangerous" ""
                    "server" "2.0.0" "O(1)" "Sets the counters of INFO back to zero.";
                ConfigRewrite "config|rewrite" 2 [] "admin noscript loading stale"
                    "@admin @slow @dangerous" ""
                    "server" "2.8.0" "O(1)" "Refused; the configuration file is not written by clients.";
            }
            Acl "acl" -2 [] ""
                "@slow" ""
                "server" "6.0.0" "O(1)" "Commands about users; a tenant is one." {
                AclWhoAmI "acl|whoami" 2 [] "noscript loading stale"
                    "@slow" ""
                    "server" "6.0.0" "O(1)" "Names the user, that is the tenant.";
                AclHelp "acl|help" 2 [] "loading stale"
                    "@slow" ""
                    "server" "6.0.0" "O(1)" "Lists the subcommands.";
            }
            DbSize "dbsize" 1 [] "readonly fast"
                "@keyspace @read @fast" "request_policy:all_shards response_policy:agg_sum"
                "server" "1.0.0" "O(1)" "Counts the keys." {}
            Debug "debug" -2 [] "admin noscript loading stale"
                "@admin @slow @dangerous" ""
                "server" "1.0.0" "O(1)" "Refused, as by a Redis that does not enable it." {}
            FlushAll "flushall" -1 [] "write"
                "@keyspace @write @slow @dangerous" "request_policy:all_shards response_policy:all_succeeded"
                "server" "1.0.0" "O(N)" "Deletes all keys." {}
            FlushDb "flushdb" -1 [] "write"
                "@keyspace @write @slow @dangerous" "request_policy:all_shards response_policy:all_succeeded"
                "server" "1.0.0" "O(N)" "Deletes all keys." {}
            Latency "latency" -2 [] ""
                "@slow" ""
                "server" "2.8.13" "O(1)" "Commands about latency events, of which none are recorded." {
                LatencyDoctor "latency|doctor" 2 [] "admin noscript loading stale"
                    "@admin @slow @dangerous" "nondeterministic_output request_policy:all_nodes response_policy:special"
                    "server" "2.8.13" "O(1)" "Says where latencies are to be seen.";
                LatencyGraph "latency|graph" 3 [] "admin noscript loading stale"
                    "@admin @slow @dangerous" "nondeterministic_output request_policy:all_nodes response_policy:special"
                    "server" "2.8.13" "O(1)" "Draws the history of an event; there is none.";
                LatencyHelp "latency|help" 2 [] "loading stale"
                    "@slow" ""
                    "server" "2.8.13" "O(1)" "Lists the subcommands.";
                LatencyHistogram "latency|histogram" -2 [] "admin noscript loading stale"
                    "@admin @slow @dangerous" "nondeterministic_output request_policy:all_nodes response_policy:special"
                    "server" "7.0.0" "O(N)" "Returns latencies by command; none are kept.";
                LatencyHistory "latency|history" 3 [] "admin noscript loading stale"
                    "@admin @slow @dangerous" "nondeterministic_output request_policy:all_nodes response_policy:special"
                    "server" "2.8.13" "O(1)" "Returns the history of an event; there is none.";
                LatencyLatest "latency|latest" 2 [] "admin noscript loading stale"
                    "@admin @slow @dangerous" "nondeterministic_output request_policy:all_nodes response_policy:special"
                    "server" "2.8.13" "O(1)" "Returns the latest events; there are none.";
                LatencyReset "latency|reset" -2 [] "admin noscript loading stale"
                    "@admin @slow @dangerous" "request_policy:all_nodes response_policy:all_succeeded"
                    "server" "2.8.13" "O(1)" "Forgets events, of which there are none.";
            }
            Memory "memory" -2 [] ""
                "@slow" ""
                "server" "4.0.0" "O(1)" "Commands about memory." {
                MemoryHelp "memory|help" 2 [] "loading stale"
                    "@slow" ""
                    "server" "4.0.0" "O(1)" "Lists the subcommands.";
                MemoryUsage "memory|usage" -3 [one(2, "RO")] "readonly"
                    "@read @slow" ""
                    "server" "4.0.0" "O(N)" "Estimates the bytes that a key takes in the cache.";
            }
            SlowLog "slowlog" -2 [] ""
                "@slow" ""
                "server" "2.2.12" "O(1)" "Commands about slow commands, of which none are recorded." {
                SlowLogGet "slowlog|get" -2 [] "admin loading stale"
                    "@admin @slow @dangerous" "request_policy:all_nodes nondeterministic_output"
                    "server" "2.2.12" "O(N)" "Returns the slow commands; there are none.";
                SlowLogHelp "slowlog|help" 2 [] "loading stale"
                    "@slow" ""
                    "server" "6.2.0" "O(1)" "Lists the subcommands.";
                SlowLogLen "slowlog|len" 2 [] "admin loading stale"
                    "@admin @slow @dangerous" "request_policy:all_nodes response_policy:agg_sum nondeterministic_output"
                    "server" "2.2.12" "O(1)" "Counts the slow commands; there are none.";
                SlowLogReset "slowlog|reset" 2 [] "admin loading stale"
                    "@admin @slow @dangerous" "request_policy:all_nodes response_policy:all_succeeded"
                    "server" "2.2.12" "O(N)" "Forgets the slow commands.";
            }
            SwapDb "swapdb" 3 [] "write fast"
                "@keyspace @write @fast @dangerous" ""
                "server" "4.0.0" "O(N)" "Swaps two databases; there is only 0." {}
        }
    };
}
