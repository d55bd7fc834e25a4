//! Passwords and tokens, kept as digests.
//!
//! Only a SHA-256 digest stays in memory and in the saved state, so neither a log line nor a
//! state file gives a password away. The digest is plain and fast, because clients authenticate
//! on the request path: it protects long random passwords, not short guessable ones.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What printed configurations show in place of a secret.
pub(super) const MASK: &str = "***";

const HEX_PREFIX: &str = "sha256:";

/// The SHA-256 digest of a password or token. `Debug` and `Display` show `***`.
#[derive(Clone)]
pub struct Secret {
    digest: [u8; 32],
}

impl Secret {
    /// Digests a plain text.
    pub fn from_plain(plain: &[u8]) -> Self {
        Self { digest: Sha256::digest(plain).into() }
    }

    /// Whether `candidate` is the plain text; takes the same time wherever they differ.
    pub fn verify(&self, candidate: &[u8]) -> bool {
        let digest: [u8; 32] = Sha256::digest(candidate).into();
        self.digest.ct_eq(&digest).into()
    }

    /// `sha256:` and the digest in hex: the form the configuration and the saved state take.
    pub fn to_setting(&self) -> String {
        let hex: String = self.digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{HEX_PREFIX}{hex}")
    }

    /// Reads a literal or `sha256:<hex>`.
    pub(super) fn from_setting(text: &str) -> Result<Self, &'static str> {
        match text.strip_prefix(HEX_PREFIX) {
            Some(hex) => digest_from_hex(hex)
                .map(|digest| Self { digest })
                .ok_or("after \"sha256:\" come 64 hexadecimal digits"),
            None if text.is_empty() => Err("must not be empty; write a password or remove it"),
            None if text == MASK => {
                Err("is the mask that stands for a secret in printed output; write the real one")
            }
            None => Ok(Self::from_plain(text.as_bytes())),
        }
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.digest.ct_eq(&other.digest).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

fn digest_from_hex(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = [0; 32];
    for (i, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn verifies_and_hides() {
        let secret = Secret::from_plain(b"abc");
        assert!(secret.verify(b"abc"));
        assert!(!secret.verify(b"abd"));
        assert!(!secret.verify(b""));
        assert_eq!(format!("{secret:?} {secret}"), "*** ***");
        let setting = secret.to_setting();
        assert_eq!(
            setting,
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(Secret::from_setting(&setting), Ok(secret));
    }

    #[test]
    fn refuses_what_is_not_a_secret() {
        assert!(Secret::from_setting("").is_err());
        assert!(Secret::from_setting("***").is_err());
        assert!(Secret::from_setting("sha256:12").is_err());
        assert!(Secret::from_setting(&format!("sha256:{}", "g".repeat(64))).is_err());
    }
}
