//! Where in a command line the keys are, as Redis describes it to clients: where to begin, and how
//! to go on from there.

/// Some of a command's keys.
#[derive(Debug, Clone, Copy)]
pub struct KeySpec {
    /// How the command uses them, in Redis's words, separated by blanks.
    pub flags: &'static str,
    /// Where they begin.
    pub begin: SearchFrom,
    /// Which words from there on are keys.
    pub find: FindKeys,
}

/// Where keys begin.
#[derive(Debug, Clone, Copy)]
pub enum SearchFrom {
    /// At this position, the command's name being 0.
    Index(i32),
    /// Behind the first mention of a word.
    Keyword {
        /// The word, in any case.
        word: &'static str,
        /// The first position where it may stand.
        from: i32,
    },
    /// It cannot be said in these terms.
    Unknown,
}

/// Which words are keys, from where they begin.
#[derive(Debug, Clone, Copy)]
pub enum FindKeys {
    /// Every `step`th word up to `last`.
    Range {
        /// The last, relative to the first; negative: from the end of the line.
        last: i32,
        /// The distance between two keys.
        step: i32,
        /// If `last` is -1, only the first `1 / limit` of the words; 0: all.
        limit: i32,
    },
    /// The first word tells how many keys follow it.
    Counted,
    /// It cannot be said in these terms.
    Unknown,
}

/// One key at a position.
pub(super) const fn one(position: i32, flags: &'static str) -> KeySpec {
    range(position, 0, 1, flags)
}

/// Keys from a position to another; see [`FindKeys::Range`].
pub(super) const fn range(first: i32, last: i32, step: i32, flags: &'static str) -> KeySpec {
    let find = FindKeys::Range { last, step, limit: 0 };
    KeySpec { flags, begin: SearchFrom::Index(first), find }
}

/// Keys behind their number, which stands at a position.
pub(super) const fn counted(position: i32, flags: &'static str) -> KeySpec {
    KeySpec { flags, begin: SearchFrom::Index(position), find: FindKeys::Counted }
}

/// One key behind a word that stands at a position or later.
pub(super) const fn after(word: &'static str, from: i32, flags: &'static str) -> KeySpec {
    let find = FindKeys::Range { last: 0, step: 1, limit: 0 };
    KeySpec { flags, begin: SearchFrom::Keyword { word, from }, find }
}

/// Keys behind STREAMS, as many as IDs behind them.
pub(super) const fn streams(from: i32, flags: &'static str) -> KeySpec {
    let find = FindKeys::Range { last: -1, step: 1, limit: 2 };
    KeySpec { flags, begin: SearchFrom::Keyword { word: "STREAMS", from }, find }
}

/// Keys that a command may have anywhere.
pub(super) const fn unknown(flags: &'static str) -> KeySpec {
    KeySpec { flags, begin: SearchFrom::Unknown, find: FindKeys::Unknown }
}

/// First, last and step of the keys at fixed positions, as far as they adjoin.
pub(super) const fn legacy_range(specs: &[KeySpec]) -> [i32; 3] {
    let mut keys = [0; 3];
    let mut index = 0;
    while index < specs.len() {
        if let (SearchFrom::Index(at), FindKeys::Range { last, step, .. }) =
            (specs[index].begin, specs[index].find)
            && (keys[0] == 0 || keys[1] == at - 1)
        {
            keys = [
                if keys[0] == 0 { at } else { keys[0] },
                if last < 0 { last } else { at + last },
                step,
            ];
        }
        index += 1;
    }
    keys
}
