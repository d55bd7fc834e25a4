//! The one table of commands: what each is called, how many arguments it takes, where its keys
//! are. Lookup, argument checks, key extraction and every COMMAND reply come from it.
//!
//! Numbers and flags are those of Redis 7.0 (7.2 for the two CLIENT subcommands new there), so that
//! client libraries route and retry as they would with Redis.
//!
//! The rows stand in one file per group, each a macro that hands its rows on to the next; the last,
//! `commands`, makes the table and the list of verbs of them all. A row is
//! `Verb "name" arity [key specs] "flags" "categories" "tips" "group" "since" "complexity"
//! "summary" { subcommands }`, with `deprecated "since"` before the brace where it applies.

#[macro_use]
mod connection;
#[macro_use]
mod geo;
#[macro_use]
mod hashes;
#[macro_use]
mod keys;
#[macro_use]
mod lists;
#[macro_use]
mod scripting;
#[macro_use]
mod server;
#[macro_use]
mod sets;
#[macro_use]
mod sorted_sets;
#[macro_use]
mod streams;
#[macro_use]
mod strings;
#[macro_use]
mod transactions;
mod key_spec;
mod lookup;

use std::fmt;

pub use key_spec::{FindKeys, KeySpec, SearchFrom};
pub use lookup::lookup;

use key_spec::{after, counted, legacy_range, one, range, streams, unknown};

/// One command or subcommand.
#[derive(Debug)]
pub struct CommandSpec {
    /// Which command, for dispatch.
    pub verb: Verb,
    /// Its name in lower case; `client|id` for a subcommand.
    pub name: &'static str,
    /// Words it takes, its own name included; negative: at least so many.
    pub arity: i32,
    /// Where its keys are and how it uses them.
    pub key_specs: &'static [KeySpec],
    /// Position of the first key, or 0; of the last key (negative: from the end); distance between:
    /// what can be said of the keys in three numbers, for clients that know no more.
    pub keys: [i32; 3],
    /// Redis's command flags, separated by blanks.
    pub flags: &'static str,
    /// Redis's ACL categories, separated by blanks.
    pub categories: &'static str,
    /// Redis's command tips, separated by blanks.
    pub tips: &'static str,
    /// Redis's documentation group.
    pub group: &'static str,
    /// The Redis version that brought it.
    pub since: &'static str,
    /// The Redis version that advised against it, if any.
    pub deprecated_since: Option<&'static str>,
    /// Time complexity.
    pub complexity: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// Its subcommands.
    pub subcommands: &'static [CommandSpec],
}

impl CommandSpec {
    /// Every command, and every subcommand.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        COMMANDS.iter().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands))
    }

    /// Whether it may run before the connection has authenticated.
    pub fn allows_no_auth(&self) -> bool {
        self.has_flag("no_auth")
    }

    /// Whether it may change data. (PFCOUNT may: it notes its estimate in the HyperLogLog; and a script may. One that
    /// changes nothing goes the same way: its text is known there.)
    pub fn is_write(&self) -> bool {
        self.has_flag("write")
            || matches!(self.verb, Verb::PfCount | Verb::EvalSha | Verb::EvalShaRo)
    }

    /// Whether it carries this Redis command flag.
    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags.split(' ').any(|own| own == flag)
    }

    /// Whether a command line of `count` words, name included, is long enough and not too long.
    pub fn accepts_count(&self, count: usize) -> bool {
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        if self.arity < 0 { count >= -self.arity } else { count == self.arity }
    }

    /// The subcommand of that name, in any case.
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static CommandSpec> {
        self.subcommands.iter().find(|spec| spec.short_name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The name without that of the container command.
    pub fn short_name(&self) -> &'static str {
        self.name.split_once('|').map_or(self.name, |(_, short)| short)
    }
}

impl fmt::Display for CommandSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! optional {
    () => {
        None
    };
    ($value:literal) => {
        Some($value)
    };
}

macro_rules! commands {
    (; $($verb:ident $name:literal $arity:literal $key_specs:tt $flags:literal
        $categories:literal $tips:literal
        $group:literal $since:literal $complexity:literal $summary:literal
        $(deprecated $deprecated:literal)?
        { $($sub_verb:ident $sub_name:literal $sub_arity:literal $sub_key_specs:tt
            $sub_flags:literal $sub_categories:literal $sub_tips:literal
            $sub_group:literal $sub_since:literal $sub_complexity:literal $sub_summary:literal;)* }
    )*) => {
        /// Every command served, by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Verb {
            $(#[doc = $summary] $verb, $(#[doc = $sub_summary] $sub_verb,)*)*
        }

        /// Every command served, by group.
        pub static COMMANDS: &[CommandSpec] = &[$(CommandSpec {
            verb: Verb::$verb, name: $name, arity: $arity, key_specs: &$key_specs,
            keys: legacy_range(&$key_specs), flags: $flags, categories: $categories, tips: $tips,
            group: $group, since: $since, deprecated_since: optional!($($deprecated)?),
            complexity: $complexity, summary: $summary,
            subcommands: &[$(CommandSpec {
                verb: Verb::$sub_verb, name: $sub_name, arity: $sub_arity,
                key_specs: &$sub_key_specs, keys: legacy_range(&$sub_key_specs),
                flags: $sub_flags, categories: $sub_categories, tips: $sub_tips,
                group: $sub_group, since: $sub_since, deprecated_since: None, complexity: $sub_complexity,
                summary: $sub_summary, subcommands: &[],
            }),*],
        }),*];

        /// The names of [`COMMANDS`], in their order.
        const NAMES: &[&str] = &[$($name),*];
    };
}

string_rows! { key_rows hash_rows list_rows set_rows sorted_set_rows geo_rows stream_rows
transaction_rows scripting_rows connection_rows server_rows commands; }
