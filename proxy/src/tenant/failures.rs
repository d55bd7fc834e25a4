//! The last requests of a tenant that were not served, for those who ask why.

use std::collections::VecDeque;

use parking_lot::Mutex;

/// Failures kept.
const KEPT: usize = 50;
/// Bytes of a text that are kept.
const TEXT_BYTES: usize = 300;

/// A request that was not served, or several of one client in a row that ended alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    /// When the last of them was, in epoch ms.
    pub(crate) at_ms: u64,
    /// What the client was answered, without the code.
    pub(crate) text: String,
    /// The first word of the answer.
    pub(crate) code: String,
    /// `CLIENT ID`.
    pub(crate) client: u64,
    /// How many.
    pub(crate) count: u64,
}

/// The last failures, at most 50.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    last: Mutex<VecDeque<Failed>>,
}

impl Failures {
    /// Notes what a client was answered: a code, a blank, a text.
    pub(crate) fn note(&self, at_ms: u64, client: u64, answer: &str) {
        let (code, text) = answer.split_once(' ').unwrap_or((answer, ""));
        let text = &text[..text.floor_char_boundary(TEXT_BYTES)];
        let mut last = self.last.lock();
        if let Some(same) = last.back_mut()
            && (same.client, same.code.as_str(), same.text.as_str()) == (client, code, text)
        {
            (same.at_ms, same.count) = (at_ms, same.count + 1);
            return;
        }
        if last.len() >= KEPT {
            last.pop_front();
        }
        let (code, text) = (code.to_owned(), text.to_owned());
        last.push_back(Failed { at_ms, text, code, client, count: 1 });
    }

    /// The last ones, newest first.
    pub(crate) fn newest(&self) -> Vec<Failed> {
        self.last.lock().iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Failures, KEPT, TEXT_BYTES};

    #[test]
    fn what_comes_again_in_a_row_is_counted() {
        let failures = Failures::default();
        failures.note(1, 7, "THROTTLED orders read_units");
        failures.note(2, 7, "THROTTLED orders read_units");
        failures.note(3, 8, "THROTTLED orders read_units");
        failures.note(4, 8, "UNAVAILABLE storage");
        let newest = failures.newest();
        let seen: Vec<_> =
            newest.iter().map(|f| (f.at_ms, f.client, f.code.as_str(), f.count)).collect();
        assert_eq!(
            seen,
            [(4, 8, "UNAVAILABLE", 1), (3, 8, "THROTTLED", 1), (2, 7, "THROTTLED", 2)]
        );
        assert_eq!(newest[1].text, "orders read_units");
    }

    #[test]
    fn only_the_last_are_kept_and_long_texts_are_cut() {
        let failures = Failures::default();
        for client in 0..200 {
            failures.note(1, client, &format!("ERR {}", "ä".repeat(400)));
        }
        let newest = failures.newest();
        assert_eq!((newest.len(), newest[0].client), (KEPT, 199));
        assert!(newest.iter().all(|failed| failed.text.len() <= TEXT_BYTES));
    }
}
