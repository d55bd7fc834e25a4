//! What is kept of forwarded requests until Redis answers them: a queue of bytes in one piece, so that neither keeping
//! nor finding them again copies more than once.

use std::ops::Range;

/// Answered bytes that may lie in front before they are cleared away.
const MAX_ANSWERED_BYTES: usize = 64 * 1024;

/// The kept bytes, oldest first.
#[derive(Debug, Default)]
pub(super) struct Asked {
    bytes: Vec<u8>,
    answered: usize,
}

impl Asked {
    /// Keeps bytes of the newest request.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Where the oldest `len` bytes that are not answered lie; they count as answered from now on, and stay until
    /// [`Asked::clear_answered`].
    pub(super) fn answer(&mut self, len: usize) -> Range<usize> {
        let start = self.answered;
        self.answered += len;
        start..self.answered
    }

    /// All bytes, which the ranges refer to.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets what is answered, now or when that is worth the copying.
    pub(super) fn clear_answered(&mut self) {
        if self.answered == self.bytes.len() {
            self.bytes.clear();
            self.bytes.shrink_to(MAX_ANSWERED_BYTES);
            self.answered = 0;
        } else if self.answered > MAX_ANSWERED_BYTES && self.answered > self.bytes.len() / 2 {
            self.bytes.drain(..self.answered);
            self.answered = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Asked;

    #[test]
    fn requests_are_found_in_order_whatever_is_cleared_between() {
        let mut asked = Asked::default();
        let requests: Vec<Vec<u8>> =
            (0..5_000).map(|i: u16| i.to_le_bytes().repeat(usize::from(i % 47))).collect();
        let mut pending = requests.iter();
        for (i, request) in requests.iter().enumerate() {
            asked.keep(request);
            // Half as many answers as requests, then all the rest.
            let answers = if i + 1 == requests.len() { usize::MAX } else { i % 2 };
            for expected in pending.by_ref().take(answers) {
                let range = asked.answer(expected.len());
                assert_eq!(&asked.bytes()[range], expected);
            }
            asked.clear_answered();
        }
        assert!(asked.bytes().is_empty());
    }
}
