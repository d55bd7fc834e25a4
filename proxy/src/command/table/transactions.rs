//! Transactions.

macro_rules! transaction_rows {
    ($next:ident $($more:ident)*; $($rows:tt)*) => {
        $next! { $($more)*; $($rows)*

            Multi "multi" 1 [] "noscript loading stale fast allow_busy"
                "@fast @transaction" ""
                "transactions" "1.2.0" "O(1)" "Begins a transaction." {}
            Exec "exec" 1 [] "noscript loading stale skip_slowlog"
                "@slow @transaction" ""
                "transactions" "1.2.0" "O(1)" "Runs the commands queued since MULTI, all or none." {}
            Discard "discard" 1 [] "noscript loading stale fast allow_busy"
                "@fast @transaction" ""
                "transactions" "2.0.0" "O(N)" "Drops the commands queued since MULTI." {}
            Watch "watch" -2 [range(1, -1, 1, "RO")] "noscript loading stale fast allow_busy"
                "@fast @transaction" ""
                "transactions" "2.2.0" "O(1)" "Lets the next EXEC do nothing if one of the keys has changed by then." {}
            Unwatch "unwatch" 1 [] "noscript loading stale fast allow_busy"
                "@fast @transaction" ""
                "transactions" "2.2.0" "O(1)" "Forgets the keys that are watched." {}
        }
    };
}
