//! Finds a command by its name, which clients write in any case.
//!
//! A hash table with open addressing, laid out at compile time: a look-up hashes the name once and
//! compares it with one or two names of the table.

use super::{COMMANDS, CommandSpec, NAMES};

/// Places of the hash table: a power of two, several per command.
const PLACES: usize = 1024;

/// For each place, the index of the command whose name hashes there, or to a place before it, plus 1; or 0.
static TABLE: [u16; PLACES] = {
    let mut table = [0; PLACES];
    let mut index = 0;
    while index < NAMES.len() {
        let mut place = hash(NAMES[index].as_bytes());
        while table[place] != 0 {
            place = (place + 1) % PLACES;
        }
        index += 1;
        #[expect(clippy::cast_possible_truncation, reason = "fewer commands than places")]
        {
            table[place] = index as u16;
        }
    }
    table
};

const LONGEST: usize = {
    let (mut longest, mut index) = (0, 0);
    while index < NAMES.len() {
        if NAMES[index].len() > longest {
            longest = NAMES[index].len();
        }
        index += 1;
    }
    longest
};

/// Finds a command by name, in any case, without allocating.
#[inline]
pub fn lookup(name: &[u8]) -> Option<&'static CommandSpec> {
    if name.len() > LONGEST {
        return None;
    }
    let mut place = hash(name);
    loop {
        let index = usize::from(TABLE[place]).checked_sub(1)?;
        if NAMES[index].as_bytes().eq_ignore_ascii_case(name) {
            return COMMANDS.get(index);
        }
        place = (place + 1) % PLACES;
    }
}

/// The place where a name belongs: FNV-1a over its lower-case letters, folded.
#[inline]
const fn hash(name: &[u8]) -> usize {
    let mut hash = 0x811c_9dc5_u32;
    let mut index = 0;
    while index < name.len() {
        hash = (hash ^ name[index].to_ascii_lowercase() as u32).wrapping_mul(0x0100_0193);
        index += 1;
    }
    (hash ^ hash >> 16) as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::{COMMANDS, LONGEST, lookup};

    #[test]
    fn finds_every_command_in_any_case() {
        for spec in COMMANDS {
            assert_eq!(lookup(spec.name.as_bytes()).unwrap().name, spec.name);
            assert_eq!(lookup(spec.name.to_uppercase().as_bytes()).unwrap().name, spec.name);
        }
        let long = "g".repeat(LONGEST + 1);
        for unknown in [&b""[..], b"ge", b"gett", b"\0get", b"get\0", b"get ", long.as_bytes()] {
            assert!(lookup(unknown).is_none());
        }
    }
}
