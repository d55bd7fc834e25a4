//! Sorted sets; those that block are not served.

macro_rules! sorted_set_rows {
    ($next:ident $($more:ident)*; $($rows:tt)*) => {
        $next! { $($more)*; $($rows)*

            ZAdd "zadd" -4 [one(1, "RW update")] "write denyoom fast"
                "@write @sortedset @fast" ""
                "sorted-set" "1.2.0" "O(log(N))" "Adds members to a sorted set or changes their scores." {}
            ZCard "zcard" 2 [one(1, "RO")] "readonly fast"
                "@read @sortedset @fast" ""
                "sorted-set" "1.2.0" "O(1)" "Counts the members of a sorted set." {}
            ZCount "zcount" 4 [one(1, "RO access")] "readonly fast"
                "@read @sortedset @fast" ""
                "sorted-set" "2.0.0" "O(log(N))" "Counts the members whose scores are in a range." {}
            ZDiff "zdiff" -3 [counted(1, "RO access")] "readonly movablekeys"
                "@read @sortedset @slow" ""
                "sorted-set" "6.2.0" "O(L+(N-K)log(N))" "Returns the members of the first sorted set that are in none of the others." {}
            ZDiffStore "zdiffstore" -4 [one(1, "OW update"), counted(2, "RO access")] "write denyoom movablekeys"
                "@write @sortedset @slow" ""
                "sorted-set" "6.2.0" "O(L+(N-K)log(N))" "Stores the members of the first sorted set that are in none of the others." {}
            ZIncrBy "zincrby" 4 [one(1, "RW access update")] "write denyoom fast"
                "@write @sortedset @fast" ""
                "sorted-set" "1.2.0" "O(log(N))" "Adds to the score of a member." {}
            ZInter "zinter" -3 [counted(1, "RO access")] "readonly movablekeys"
                "@read @sortedset @slow" ""
                "sorted-set" "6.2.0" "O(N*K) + O(M*log(M))" "Returns the members that all sorted sets share." {}
            ZInterCard "zintercard" -3 [counted(1, "RO access")] "readonly movablekeys"
                "@read @sortedset @slow" ""
                "sorted-set" "7.0.0" "O(N*K)" "Counts the members that all sorted sets share." {}
            ZInterStore "zinterstore" -4 [one(1, "OW update"), counted(2, "RO access")] "write denyoom movablekeys"
                "@write @sortedset @slow" ""
                "sorted-set" "2.0.0" "O(N*K) + O(M*log(M))" "Stores the members that all sorted sets share." {}
            ZLexCount "zlexcount" 4 [one(1, "RO access")] "readonly fast"
                "@read @sortedset @fast" ""
                "sorted-set" "2.8.9" "O(log(N))" "Counts the members in a range of names." {}
            ZMPop "zmpop" -4 [counted(1, "RW access delete")] "write movablekeys"
                "@write @sortedset @slow" ""
                "sorted-set" "7.0.0" "O(K) + O(M*log(N))" "Takes the lowest or highest members off the first sorted set that has any." {}
            ZMScore "zmscore" -3 [one(1, "RO access")] "readonly fast"
                "@read @sortedset @fast" ""
                "sorted-set" "6.2.0" "O(N)" "Returns the scores of several members." {}
            ZPopMax "zpopmax" -2 [one(1, "RW access delete")] "write fast"
                "@write @sortedset @fast" ""
                "sorted-set" "5.0.0" "O(log(N)*M)" "Takes off the members with the highest scores." {}
            ZPopMin "zpopmin" -2 [one(1, "RW access delete")] "write fast"
                "@write @sortedset @fast" ""
                "sorted-set" "5.0.0" "O(log(N)*M)" "Takes off the members with the lowest scores." {}
            ZRandMember "zrandmember" -2 [one(1, "RO access")] "readonly"
                "@read @sortedset @slow" "nondeterministic_output"
                "sorted-set" "6.2.0" "O(N)" "Returns members picked by chance." {}
            ZRange "zrange" -4 [one(1, "RO access")] "readonly"
                "@read @sortedset @slow" ""
                "sorted-set" "1.2.0" "O(log(N)+M)" "Returns a range of members by rank, score or name." {}
            ZRangeByLex "zrangebylex" -4 [one(1, "RO access")] "readonly"
                "@read @sortedset @slow" ""
                "sorted-set" "2.8.9" "O(log(N)+M)" "Returns a range of members by name." deprecated "6.2.0" {}
            ZRangeByScore "zrangebyscore" -4 [one(1, "RO access")] "readonly"
                "@read @sortedset @slow" ""
                "sorted-set" "1.0.5" "O(log(N)+M)" "Returns a range of members by score." deprecated "6.2.0" {}
            ZRangeStore "zrangestore" -5 [one(1, "OW update"), one(2, "RO access")] "write denyoom"
                "@write @sortedset @slow" ""
                "sorted-set" "6.2.0" "O(log(N)+M)" "Stores a range of members of another sorted set." {}
            ZRank "zrank" 3 [one(1, "RO access")] "readonly fast"
                "@read @sortedset @fast" ""
                "sorted-set" "2.0.0" "O(log(N))" "Returns the rank of a member, counted from the lowest score." {}
            ZRem "zrem" -3 [one(1, "RW delete")] "write fast"
                "@write @sortedset @fast" ""
                "sorted-set" "1.2.0" "O(M*log(N))" "Removes members from a sorted set." {}
            ZRemRangeByLex "zremrangebylex" 4 [one(1, "RW delete")] "write"
                "@write @sortedset @slow" ""
                "sorted-set" "2.8.9" "O(log(N)+M)" "Removes a range of members by name." {}
            ZRemRangeByRank "zremrangebyrank" 4 [one(1, "RW delete")] "write"
                "@write @sortedset @slow" ""
                "sorted-set" "2.0.0" "O(log(N)+M)" "Removes a range of members by rank." {}
            ZRemRangeByScore "zremrangebyscore" 4 [one(1, "RW delete")] "write"
                "@write @sortedset @slow" ""
                "sorted-set" "1.2.0" "O(log(N)+M)" "Removes a range of members by score." {}
            ZRevRange "zrevrange" -4 [one(1, "RO access")] "readonly"
                "@read @sortedset @slow" ""
                "sorted-set" "1.2.0" "O(log(N)+M)" "Returns a range of members by rank, highest scores first." deprecated "6.2.0" {}
            ZRevRangeByLex "zrevrangebylex" -4 [one(1, "RO access")] "readonly"
                "@read @sortedset @slow" ""
                "sorted-set" "2.8.9" "O(log(N)+M)" "Returns a range of members by name, last names first." deprecated "6.2.0" {}
            ZRevRangeByScore "zrevrangebyscore" -4 [one(1, "RO access")] "readonly"
                "@read @sortedset @slow" ""
                "sorted-set" "2.2.0" "O(log(N)+M)" "Returns a range of members by score, highest first." deprecated "6.2.0" {}
            ZRevRank "zrevrank" 3 [one(1, "RO access")] "readonly fast"
                "@read @sortedset @fast" ""
                "sorted-set" "2.0.0" "O(log(N))" "Returns the rank of a member, counted from the highest score." {}
            ZScan "zscan" -3 [one(1, "RO access")] "readonly"
                "@read @sortedset @slow" "nondeterministic_output"
                "sorted-set" "2.8.0" "O(1)" "Returns the members of a sorted set, part by part." {}
            ZScore "zscore" 3 [one(1, "RO access")] "readonly fast"
                "@read @sortedset @fast" ""
                "sorted-set" "1.2.0" "O(1)" "Returns the score of a member." {}
            ZUnion "zunion" -3 [counted(1, "RO access")] "readonly movablekeys"
                "@read @sortedset @slow" ""
                "sorted-set" "6.2.0" "O(N) + O(M*log(M))" "Returns the members of all sorted sets together." {}
            ZUnionStore "zunionstore" -4 [one(1, "OW update"), counted(2, "RO access")] "write denyoom movablekeys"
                "@write @sortedset @slow" ""
                "sorted-set" "2.0.0" "O(N) + O(Mlog(M))" "Stores the members of all sorted sets together." {}
        }
    };
}
