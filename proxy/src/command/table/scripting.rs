//! Scripts that were loaded beforehand.

macro_rules! scripting_rows {
    ($next:ident $($more:ident)*; $($rows:tt)*) => {
        $next! { $($more)*; $($rows)*

            EvalSha "evalsha" -3 [counted(2, "RW access update")] "noscript stale skip_monitor no_mandatory_keys movablekeys"
                "@slow @scripting" ""
                "scripting" "2.6.0" "depends on the script" "Runs a loaded script, on the keys that it is given." {}
            EvalShaRo "evalsha_ro" -3 [counted(2, "RO access")] "readonly noscript stale skip_monitor no_mandatory_keys movablekeys"
                "@slow @scripting" ""
                "scripting" "7.0.0" "depends on the script" "Runs a loaded script that changes nothing." {}
            Script "script" -2 [] ""
                "@slow" ""
                "scripting" "2.6.0" "O(1)" "Commands about scripts." {
                ScriptExists "script|exists" -3 [] "noscript"
                    "@slow @scripting" "request_policy:all_shards response_policy:agg_logical_and"
                    "scripting" "2.6.0" "O(N)" "Says which scripts are loaded.";
                ScriptFlush "script|flush" -2 [] "noscript"
                    "@slow @scripting" "request_policy:all_nodes response_policy:all_succeeded"
                    "scripting" "2.6.0" "O(N)" "Forgets all scripts.";
                ScriptHelp "script|help" 2 [] "loading stale"
                    "@slow @scripting" ""
                    "scripting" "5.0.0" "O(1)" "Lists the subcommands.";
                ScriptLoad "script|load" 3 [] "noscript stale"
                    "@slow @scripting" "request_policy:all_nodes response_policy:all_succeeded"
                    "scripting" "2.6.0" "O(N)" "Loads a script.";
            }
        }
    };
}
