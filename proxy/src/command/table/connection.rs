//! The connection.

macro_rules! connection_rows {
    ($next:ident $($more:ident)*; $($rows:tt)*) => {
        $next! { $($more)*; $($rows)*

            Ping "ping" -1 [] "fast"
                "@fast @connection" "request_policy:all_shards response_policy:all_succeeded"
                "connection" "1.0.0" "O(1)" "Answers PONG, or what it was sent." {}
            Echo "echo" 2 [] "loading stale fast"
                "@fast @connection" ""
                "connection" "1.0.0" "O(1)" "Answers what it was sent." {}
            Hello "hello" -1 [] "noscript loading stale fast no_auth allow_busy"
                "@fast @connection" ""
                "connection" "6.0.0" "O(1)" "Chooses the protocol version and authenticates." {}
            Auth "auth" -2 [] "noscript loading stale fast no_auth allow_busy"
                "@fast @connection" ""
                "connection" "1.0.0" "O(N)" "Authenticates the connection." {}
            Quit "quit" -1 [] "noscript loading stale fast no_auth allow_busy"
                "@fast @connection" ""
                "connection" "1.0.0" "O(1)" "Closes the connection." {}
            Reset "reset" 1 [] "noscript loading stale fast no_auth allow_busy"
                "@fast @connection" ""
                "connection" "6.2.0" "O(1)" "Returns the connection to its first state." {}
            Select "select" 2 [] "loading stale fast"
                "@fast @connection" ""
                "connection" "1.0.0" "O(1)" "Chooses the database; there is only 0." {}
            Client "client" -2 [] ""
                "@slow" ""
                "connection" "2.4.0" "O(1)" "Commands about connections." {
                ClientId "client|id" 2 [] "noscript loading stale"
                    "@slow @connection" ""
                    "connection" "5.0.0" "O(1)" "Returns the connection's number.";
                ClientGetName "client|getname" 2 [] "noscript loading stale"
                    "@slow @connection" ""
                    "connection" "2.6.9" "O(1)" "Returns the connection's name.";
                ClientSetName "client|setname" 3 [] "noscript loading stale"
                    "@slow @connection" ""
                    "connection" "2.6.9" "O(1)" "Names the connection.";
                ClientInfo "client|info" 2 [] "noscript loading stale"
                    "@slow @connection" "nondeterministic_output"
                    "connection" "6.2.0" "O(1)" "Describes the connection.";
                ClientList "client|list" -2 [] "admin noscript loading stale"
                    "@admin @slow @dangerous @connection" "nondeterministic_output"
                    "connection" "2.4.0" "O(N)" "Describes the tenant's connections.";
                ClientNoEvict "client|no-evict" 3 [] "admin noscript loading stale"
                    "@admin @slow @dangerous @connection" ""
                    "connection" "7.0.0" "O(1)" "Accepted; connections are not evicted.";
                ClientKill "client|kill" -3 [] "admin noscript loading stale"
                    "@admin @slow @dangerous @connection" ""
                    "connection" "2.4.0" "O(N)" "Closes connections of the tenant.";
                ClientHelp "client|help" 2 [] "loading stale"
                    "@slow @connection" ""
                    "connection" "5.0.0" "O(1)" "Lists the subcommands.";
                ClientSetInfo "client|setinfo" 4 [] "noscript loading stale"
                    "@slow @connection" ""
                    "connection" "7.2.0" "O(1)" "Records the client library's name or version.";
                ClientNoTouch "client|no-touch" 3 [] "noscript loading stale"
                    "@slow @connection" ""
                    "connection" "7.2.0" "O(1)" "Accepted; reads do not mark keys used.";
            }
        }
    };
}
