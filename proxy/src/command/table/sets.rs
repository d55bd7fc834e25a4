//! Sets.

macro_rules! set_rows {
    ($next:ident $($more:ident)*; $($rows:tt)*) => {
        $next! { $($more)*; $($rows)*

            SAdd "sadd" -3 [one(1, "RW insert")] "write denyoom fast"
                "@write @set @fast" ""
                "set" "1.0.0" "O(N)" "Adds members to a set." {}
            SMembers "smembers" 2 [one(1, "RO access")] "readonly"
                "@read @set @slow" "nondeterministic_output_order"
                "set" "1.0.0" "O(N)" "Returns all members of a set." {}
            SCard "scard" 2 [one(1, "RO")] "readonly fast"
                "@read @set @fast" ""
                "set" "1.0.0" "O(1)" "Counts the members of a set." {}
            SDiff "sdiff" -2 [range(1, -1, 1, "RO access")] "readonly"
                "@read @set @slow" "nondeterministic_output_order"
                "set" "1.0.0" "O(N)" "Returns the members of the first set that are in none of the others." {}
            SDiffStore "sdiffstore" -3 [one(1, "OW update"), range(2, -1, 1, "RO access")] "write denyoom"
                "@write @set @slow" ""
                "set" "1.0.0" "O(N)" "Stores the members of the first set that are in none of the others." {}
            SInter "sinter" -2 [range(1, -1, 1, "RO access")] "readonly"
                "@read @set @slow" "nondeterministic_output_order"
                "set" "1.0.0" "O(N*M)" "Returns the members that all sets share." {}
            SInterCard "sintercard" -3 [counted(1, "RO access")] "readonly movablekeys"
                "@read @set @slow" ""
                "set" "7.0.0" "O(N*M)" "Counts the members that all sets share." {}
            SInterStore "sinterstore" -3 [one(1, "RW update"), range(2, -1, 1, "RO access")] "write denyoom"
                "@write @set @slow" ""
                "set" "1.0.0" "O(N*M)" "Stores the members that all sets share." {}
            SIsMember "sismember" 3 [one(1, "RO")] "readonly fast"
                "@read @set @fast" ""
                "set" "1.0.0" "O(1)" "Tells whether a set has a member." {}
            SMIsMember "smismember" -3 [one(1, "RO access")] "readonly fast"
                "@read @set @fast" ""
                "set" "6.2.0" "O(N)" "Tells of several members whether a set has them." {}
            SMove "smove" 4 [one(1, "RW access delete"), one(2, "RW insert")] "write fast"
                "@write @set @fast" ""
                "set" "1.0.0" "O(1)" "Moves a member from one set to another." {}
            SPop "spop" -2 [one(1, "RW access delete")] "write fast"
                "@write @set @fast" "nondeterministic_output"
                "set" "1.0.0" "O(1)" "Removes members picked by chance and returns them." {}
            SRandMember "srandmember" -2 [one(1, "RO access")] "readonly"
                "@read @set @slow" "nondeterministic_output"
                "set" "1.0.0" "O(1)" "Returns members picked by chance." {}
            SRem "srem" -3 [one(1, "RW delete")] "write fast"
                "@write @set @fast" ""
                "set" "1.0.0" "O(N)" "Removes members from a set." {}
            SScan "sscan" -3 [one(1, "RO access")] "readonly"
                "@read @set @slow" "nondeterministic_output"
                "set" "2.8.0" "O(1)" "Returns the members of a set, part by part." {}
            SUnion "sunion" -2 [range(1, -1, 1, "RO access")] "readonly"
                "@read @set @slow" "nondeterministic_output_order"
                "set" "1.0.0" "O(N)" "Returns the members of all sets together." {}
            SUnionStore "sunionstore" -3 [one(1, "OW update"), range(2, -1, 1, "RO access")] "write denyoom"
                "@write @set @slow" ""
                "set" "1.0.0" "O(N)" "Stores the members of all sets together." {}
        }
    };
}
