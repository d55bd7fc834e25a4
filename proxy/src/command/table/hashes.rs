//! Hashes.

macro_rules! hash_rows {
    ($next:ident $($more:ident)*; $($rows:tt)*) => {
        $next! { $($more)*; $($rows)*

            HGet "hget" 3 [one(1, "RO access")] "readonly fast"
                "@read @hash @fast" ""
                "hash" "2.0.0" "O(1)" "Returns a field of a hash." {}
            HSet "hset" -4 [one(1, "RW update")] "write denyoom fast"
                "@write @hash @fast" ""
                "hash" "2.0.0" "O(N)" "Sets fields of a hash." {}
            HGetAll "hgetall" 2 [one(1, "RO access")] "readonly"
                "@read @hash @slow" "nondeterministic_output_order"
                "hash" "2.0.0" "O(N)" "Returns all fields of a hash." {}
            HDel "hdel" -3 [one(1, "RW delete")] "write fast"
                "@write @hash @fast" ""
                "hash" "2.0.0" "O(N)" "Removes fields from a hash." {}
            HExists "hexists" 3 [one(1, "RO")] "readonly fast"
                "@read @hash @fast" ""
                "hash" "2.0.0" "O(1)" "Tells whether a hash has a field." {}
            HIncrBy "hincrby" 4 [one(1, "RW access update")] "write denyoom fast"
                "@write @hash @fast" ""
                "hash" "2.0.0" "O(1)" "Adds to an integer in a field." {}
            HIncrByFloat "hincrbyfloat" 4 [one(1, "RW access update")] "write denyoom fast"
                "@write @hash @fast" ""
                "hash" "2.6.0" "O(1)" "Adds to a floating-point number in a field." {}
            HKeys "hkeys" 2 [one(1, "RO access")] "readonly"
                "@read @hash @slow" "nondeterministic_output_order"
                "hash" "2.0.0" "O(N)" "Returns the names of all fields." {}
            HLen "hlen" 2 [one(1, "RO")] "readonly fast"
                "@read @hash @fast" ""
                "hash" "2.0.0" "O(1)" "Counts the fields of a hash." {}
            HMGet "hmget" -3 [one(1, "RO access")] "readonly fast"
                "@read @hash @fast" ""
                "hash" "2.0.0" "O(N)" "Returns the values of several fields." {}
            HMSet "hmset" -4 [one(1, "RW update")] "write denyoom fast"
                "@write @hash @fast" ""
                "hash" "2.0.0" "O(N)" "Sets several fields of a hash." deprecated "4.0.0" {}
            HRandField "hrandfield" -2 [one(1, "RO access")] "readonly"
                "@read @hash @slow" "nondeterministic_output"
                "hash" "6.2.0" "O(N)" "Returns fields picked by chance." {}
            HScan "hscan" -3 [one(1, "RO access")] "readonly"
                "@read @hash @slow" "nondeterministic_output"
                "hash" "2.8.0" "O(1)" "Returns the fields of a hash, part by part." {}
            HSetNx "hsetnx" 4 [one(1, "RW insert")] "write denyoom fast"
                "@write @hash @fast" ""
                "hash" "2.0.0" "O(1)" "Sets a field if the hash does not have it." {}
            HStrLen "hstrlen" 3 [one(1, "RO")] "readonly fast"
                "@read @hash @fast" ""
                "hash" "3.2.0" "O(1)" "Returns the length of a field's value." {}
            HVals "hvals" 2 [one(1, "RO access")] "readonly"
                "@read @hash @slow" "nondeterministic_output_order"
                "hash" "2.0.0" "O(N)" "Returns the values of all fields." {}
        }
    };
}
