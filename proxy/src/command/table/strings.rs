//! Strings, bitmaps and HyperLogLogs: all are strings to storage.

macro_rules! string_rows {
    ($next:ident $($more:ident)*; $($rows:tt)*) => {
        $next! { $($more)*; $($rows)*

            Get "get" 2 [one(1, "RO access")] "readonly fast"
                "@read @string @fast" ""
                "string" "1.0.0" "O(1)" "Returns the value of a key." {}
            Set "set" -3 [one(1, "RW access update variable_flags")] "write denyoom"
                "@write @string @slow" ""
                "string" "1.0.0" "O(1)" "Stores a value, with conditions and an expiry if asked." {}
            MGet "mget" -2 [range(1, -1, 1, "RO access")] "readonly fast"
                "@read @string @fast" "request_policy:multi_shard"
                "string" "1.0.0" "O(N)" "Returns the values of several keys." {}
            MSet "mset" -3 [range(1, -1, 2, "OW update")] "write denyoom"
                "@write @string @slow" "request_policy:multi_shard response_policy:all_succeeded"
                "string" "1.0.1" "O(N)" "Stores several keys." {}
            Incr "incr" 2 [one(1, "RW access update")] "write denyoom fast"
                "@write @string @fast" ""
                "string" "1.0.0" "O(1)" "Adds one to an integer." {}
            IncrBy "incrby" 3 [one(1, "RW access update")] "write denyoom fast"
                "@write @string @fast" ""
                "string" "1.0.0" "O(1)" "Adds to an integer." {}
            SetEx "setex" 4 [one(1, "OW update")] "write denyoom"
                "@write @string @slow" ""
                "string" "2.0.0" "O(1)" "Stores a value that expires after seconds." {}
            PSetEx "psetex" 4 [one(1, "OW update")] "write denyoom"
                "@write @string @slow" ""
                "string" "2.6.0" "O(1)" "Stores a value that expires after milliseconds." {}
            SetNx "setnx" 3 [one(1, "OW insert")] "write denyoom fast"
                "@write @string @fast" ""
                "string" "1.0.0" "O(1)" "Stores a value if the key does not exist." {}
            GetSet "getset" 3 [one(1, "RW access update")] "write denyoom fast"
                "@write @string @fast" ""
                "string" "1.0.0" "O(1)" "Stores a value and returns the old one." deprecated "6.2.0" {}
            GetDel "getdel" 2 [one(1, "RW access delete")] "write fast"
                "@write @string @fast" ""
                "string" "6.2.0" "O(1)" "Returns the value of a key and deletes it." {}
            GetEx "getex" -2 [one(1, "RW access update")] "write fast"
                "@write @string @fast" ""
                "string" "6.2.0" "O(1)" "Returns the value of a key and changes its expiry." {}
            MSetNx "msetnx" -3 [range(1, -1, 2, "OW insert")] "write denyoom"
                "@write @string @slow" "request_policy:multi_shard response_policy:agg_min"
                "string" "1.0.1" "O(N)" "Stores several keys if none of them exists." {}
            StrLen "strlen" 2 [one(1, "RO")] "readonly fast"
                "@read @string @fast" ""
                "string" "2.2.0" "O(1)" "Returns the length of a value." {}
            Append "append" 3 [one(1, "RW insert")] "write denyoom fast"
                "@write @string @fast" ""
                "string" "2.0.0" "O(1)" "Appends to a value." {}
            GetRange "getrange" 4 [one(1, "RO access")] "readonly"
                "@read @string @slow" ""
                "string" "2.4.0" "O(N)" "Returns a part of a value." {}
            Substr "substr" 4 [one(1, "RO access")] "readonly"
                "@read @string @slow" ""
                "string" "1.0.0" "O(N)" "Returns a part of a value." deprecated "2.0.0" {}
            SetRange "setrange" 4 [one(1, "RW update")] "write denyoom"
                "@write @string @slow" ""
                "string" "2.2.0" "O(1)" "Overwrites a part of a value." {}
            Decr "decr" 2 [one(1, "RW access update")] "write denyoom fast"
                "@write @string @fast" ""
                "string" "1.0.0" "O(1)" "Subtracts one from an integer." {}
            DecrBy "decrby" 3 [one(1, "RW access update")] "write denyoom fast"
                "@write @string @fast" ""
                "string" "1.0.0" "O(1)" "Subtracts from an integer." {}
            IncrByFloat "incrbyfloat" 3 [one(1, "RW access update")] "write denyoom fast"
                "@write @string @fast" ""
                "string" "2.6.0" "O(1)" "Adds to a floating-point number." {}
            Lcs "lcs" -3 [range(1, 1, 1, "RO access")] "readonly"
                "@read @string @slow" ""
                "string" "7.0.0" "O(N*M)" "Finds the longest subsequence that two values share." {}
            BitCount "bitcount" -2 [one(1, "RO access")] "readonly"
                "@read @bitmap @slow" ""
                "bitmap" "2.6.0" "O(N)" "Counts the set bits of a value or a part of it." {}
            BitField "bitfield" -2 [one(1, "RW access update variable_flags")] "write denyoom"
                "@write @bitmap @slow" ""
                "bitmap" "3.2.0" "O(1)" "Reads and changes integers of any width inside a value." {}
            BitFieldRo "bitfield_ro" -2 [one(1, "RO access")] "readonly fast"
                "@read @bitmap @fast" ""
                "bitmap" "6.0.0" "O(1)" "Reads integers of any width inside a value." {}
            BitOp "bitop" -4 [one(2, "OW update"), range(3, -1, 1, "RO access")] "write denyoom"
                "@write @bitmap @slow" ""
                "bitmap" "2.6.0" "O(N)" "Combines values bit by bit and stores the result." {}
            BitPos "bitpos" -3 [one(1, "RO access")] "readonly"
                "@read @bitmap @slow" ""
                "bitmap" "2.8.7" "O(N)" "Finds the first bit that is set, or clear." {}
            GetBit "getbit" 3 [one(1, "RO access")] "readonly fast"
                "@read @bitmap @fast" ""
                "bitmap" "2.2.0" "O(1)" "Returns one bit of a value." {}
            SetBit "setbit" 4 [one(1, "RW access update")] "write denyoom"
                "@write @bitmap @slow" ""
                "bitmap" "2.2.0" "O(1)" "Sets or clears one bit of a value and returns the old one." {}
            PfAdd "pfadd" -2 [one(1, "RW insert")] "write denyoom fast"
                "@write @hyperloglog @fast" ""
                "hyperloglog" "2.8.9" "O(1)" "Counts elements in a HyperLogLog." {}
            PfCount "pfcount" -2 [range(1, -1, 1, "RW access")] "readonly"
                "@read @hyperloglog @slow" ""
                "hyperloglog" "2.8.9" "O(1)" "Estimates how many different elements HyperLogLogs have seen." {}
            PfMerge "pfmerge" -2 [one(1, "RW access insert"), range(2, -1, 1, "RO access")] "write denyoom"
                "@write @hyperloglog @slow" ""
                "hyperloglog" "2.8.9" "O(N)" "Joins HyperLogLogs into one." {}
        }
    };
}
