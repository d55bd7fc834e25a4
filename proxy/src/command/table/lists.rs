//! Lists; those that block are not served.

macro_rules! list_rows {
    ($next:ident $($more:ident)*; $($rows:tt)*) => {
        $next! { $($more)*; $($rows)*

            LIndex "lindex" 3 [one(1, "RO access")] "readonly"
                "@read @list @slow" ""
                "list" "1.0.0" "O(N)" "Returns the element at a position of a list." {}
            LInsert "linsert" 5 [one(1, "RW insert")] "write denyoom"
                "@write @list @slow" ""
                "list" "2.2.0" "O(N)" "Inserts an element before or after another." {}
            LLen "llen" 2 [one(1, "RO")] "readonly fast"
                "@read @list @fast" ""
                "list" "1.0.0" "O(1)" "Counts the elements of a list." {}
            LMove "lmove" 5 [one(1, "RW access delete"), one(2, "RW insert")] "write denyoom"
                "@write @list @slow" ""
                "list" "6.2.0" "O(1)" "Moves an element from an end of one list to an end of another." {}
            LMPop "lmpop" -4 [counted(1, "RW access delete")] "write movablekeys"
                "@write @list @slow" ""
                "list" "7.0.0" "O(N+M)" "Takes elements off the first list that has any." {}
            LPop "lpop" -2 [one(1, "RW access delete")] "write fast"
                "@write @list @fast" ""
                "list" "1.0.0" "O(N)" "Takes elements off the head of a list." {}
            LPos "lpos" -3 [one(1, "RO access")] "readonly"
                "@read @list @slow" ""
                "list" "6.0.6" "O(N)" "Finds the positions of an element." {}
            LPush "lpush" -3 [one(1, "RW insert")] "write denyoom fast"
                "@write @list @fast" ""
                "list" "1.0.0" "O(1)" "Puts elements at the head of a list." {}
            LPushX "lpushx" -3 [one(1, "RW insert")] "write denyoom fast"
                "@write @list @fast" ""
                "list" "2.2.0" "O(1)" "Puts elements at the head of a list that exists." {}
            LRange "lrange" 4 [one(1, "RO access")] "readonly"
                "@read @list @slow" ""
                "list" "1.0.0" "O(S+N)" "Returns a range of elements." {}
            LRem "lrem" 4 [one(1, "RW delete")] "write"
                "@write @list @slow" ""
                "list" "1.0.0" "O(N+M)" "Removes elements equal to a value." {}
            LSet "lset" 4 [one(1, "RW update")] "write denyoom"
                "@write @list @slow" ""
                "list" "1.0.0" "O(N)" "Replaces the element at a position." {}
            LTrim "ltrim" 4 [one(1, "RW delete")] "write"
                "@write @list @slow" ""
                "list" "1.0.0" "O(N)" "Keeps a range of elements and removes the others." {}
            RPop "rpop" -2 [one(1, "RW access delete")] "write fast"
                "@write @list @fast" ""
                "list" "1.0.0" "O(N)" "Takes elements off the tail of a list." {}
            RPopLPush "rpoplpush" 3 [one(1, "RW access delete"), one(2, "RW insert")] "write denyoom"
                "@write @list @slow" ""
                "list" "1.2.0" "O(1)" "Moves the last element of one list to the head of another." deprecated "6.2.0" {}
            RPush "rpush" -3 [one(1, "RW insert")] "write denyoom fast"
                "@write @list @fast" ""
                "list" "1.0.0" "O(1)" "Puts elements at the tail of a list." {}
            RPushX "rpushx" -3 [one(1, "RW insert")] "write denyoom fast"
                "@write @list @fast" ""
                "list" "2.2.0" "O(1)" "Puts elements at the tail of a list that exists." {}
        }
    };
}
