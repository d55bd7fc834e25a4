//! Passwords that the proxy makes up, and bodies that ask for one.

use rand::RngExt as _;
use rand::distr::Alphanumeric;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::config::RawTenant;

/// Characters of a generated password: 190 bits.
const PASSWORD_CHARS: usize = 32;
/// In place of a password: one is to be generated.
const GENERATE: &str = "generate";

/// A tenant, or changes of one, as a request has it.
#[derive(Debug)]
pub(in super::super) struct Asked {
    /// What is said of the tenant; without a password if one is to be generated.
    pub(super) tenant: RawTenant,
    /// A password is to be generated.
    pub(super) generate_password: bool,
}

impl<'de> Deserialize<'de> for Asked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = serde_json::Map::deserialize(deserializer)?;
        let wanted = match fields.remove("generate_password") {
            None => false,
            Some(Value::Bool(wanted)) => wanted,
            Some(_) => return Err(D::Error::custom("generate_password is to be true or false")),
        };
        let has_password = fields.get("password").is_some_and(|password| !password.is_null());
        let says_so = fields.get("password").is_some_and(|password| password == GENERATE);
        if wanted && has_password && !says_so {
            return Err(D::Error::custom("give a password, or generate_password, not both"));
        }
        if says_so {
            fields.remove("password");
        }
        let tenant = serde_json::from_value(Value::Object(fields)).map_err(D::Error::custom)?;
        Ok(Self { tenant, generate_password: wanted || says_so })
    }
}

/// A password that nobody can guess.
pub(super) fn new_password() -> String {
    rand::rng().sample_iter(Alphanumeric).take(PASSWORD_CHARS).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::{Asked, new_password};

    fn asked(body: &str) -> Result<Asked, serde_json::Error> {
        serde_json::from_str(body)
    }

    #[test]
    fn a_password_is_generated_where_that_is_asked_for() {
        for body in [
            r#"{"name": "a", "password": "generate"}"#,
            r#"{"name": "a", "generate_password": true}"#,
            r#"{"name": "a", "password": "generate", "generate_password": true}"#,
            r#"{"name": "a", "password": null, "generate_password": true}"#,
        ] {
            let asked = asked(body).unwrap();
            assert!(asked.generate_password && asked.tenant.password.is_none(), "{body}");
        }
        let own = asked(r#"{"password": "mine", "generate_password": false}"#).unwrap();
        assert!(!own.generate_password && own.tenant.password.is_some());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (body, named) in [
            (r#"{"password": "mine", "generate_password": true}"#, "not both"),
            (r#"{"generate_password": 1}"#, "true or false"),
            (r#"{"cach": "1MB"}"#, "`cach`"),
        ] {
            let error = asked(body).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn no_two_passwords_are_alike() {
        let (one, other) = (new_password(), new_password());
        assert_eq!((one.len(), other.len()), (32, 32));
        assert_ne!(one, other);
    }
}
