//! Places: sorted sets whose scores are geohashes.

macro_rules! geo_rows {
    ($next:ident $($more:ident)*; $($rows:tt)*) => {
        $next! { $($more)*; $($rows)*

            GeoAdd "geoadd" -5 [one(1, "RW update")] "write denyoom"
                "@write @geo @slow" ""
                "geo" "3.2.0" "O(log(N))" "Adds places, by longitude and latitude." {}
            GeoDist "geodist" -4 [one(1, "RO access")] "readonly"
                "@read @geo @slow" ""
                "geo" "3.2.0" "O(log(N))" "Returns the distance of two places." {}
            GeoHash "geohash" -2 [one(1, "RO access")] "readonly"
                "@read @geo @slow" ""
                "geo" "3.2.0" "O(log(N))" "Returns the geohashes of places." {}
            GeoPos "geopos" -2 [one(1, "RO access")] "readonly"
                "@read @geo @slow" ""
                "geo" "3.2.0" "O(N)" "Returns the longitude and latitude of places." {}
            GeoRadius "georadius" -6 [one(1, "RO access"), after("STORE", 6, "OW update"), after("STOREDIST", 6, "OW update")]
                "write denyoom movablekeys"
                "@write @geo @slow" ""
                "geo" "3.2.0" "O(N+log(M))" "Finds places around a point, and may store them." deprecated "6.2.0" {}
            GeoRadiusRo "georadius_ro" -6 [one(1, "RO access")] "readonly"
                "@read @geo @slow" ""
                "geo" "3.2.10" "O(N+log(M))" "Finds places around a point." deprecated "6.2.0" {}
            GeoRadiusByMember "georadiusbymember" -5 [one(1, "RO access"), after("STORE", 5, "OW update"), after("STOREDIST", 5, "OW update")]
                "write denyoom movablekeys"
                "@write @geo @slow" ""
                "geo" "3.2.0" "O(N+log(M))" "Finds places around another, and may store them." deprecated "6.2.0" {}
            GeoRadiusByMemberRo "georadiusbymember_ro" -5 [one(1, "RO access")] "readonly"
                "@read @geo @slow" ""
                "geo" "3.2.10" "O(N+log(M))" "Finds places around another." deprecated "6.2.0" {}
            GeoSearch "geosearch" -7 [one(1, "RO access")] "readonly"
                "@read @geo @slow" ""
                "geo" "6.2.0" "O(N+log(M))" "Finds places in a circle or a box." {}
            GeoSearchStore "geosearchstore" -8 [one(1, "OW update"), one(2, "RO access")] "write denyoom"
                "@write @geo @slow" ""
                "geo" "6.2.0" "O(N+log(M))" "Stores the places found in a circle or a box." {}
        }
    };
}
