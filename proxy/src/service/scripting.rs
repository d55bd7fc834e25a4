//! Scripts: EVALSHA runs a loaded script on the items that it is given, as Redis computes any other change.
//!
//! SCRIPT LOAD: the tenant's Redis reads the text and names its hash, or says what is wrong with it -> the text is kept
//! with the tenant ([`crate::tenant::Scripts`]). EVALSHA: locks of the keys -> items -> the text with a guard before it on
//! staged copies -> commit ([`super::change`]). A script that is not known here is not known at all: what Redis remembers of
//! others is not asked.
//!
//! **The guard** is a piece of Lua on the first line of the text. A script could reach for keys that it was not given:
//! in the staging database they do not exist, so it would read nothing and what it wrote would be lost. The guard asks
//! Redis (COMMAND GETKEYS) what each call names, and refuses all but the given keys and the few commands without any.
//!
//! **A script that does not end** keeps the tenant's Redis from everything else. It is lost like a Redis that hangs, and the
//! keeper of that Redis ends the script. The client is told; nothing else runs it again, as another Redis would
//! hang as well. Least of all the spare one, which all tenants share: it runs no script whose last run took too long.

use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::native::COMPUTE_TRIES;
use super::{Failure, Service};
use crate::cache::{StageError, Staged};
use crate::command::{Item, ScriptCommand};
use crate::resp::{Protocol, Reply};

/// The hash of no script, sent in place of one that is not known.
const NO_SCRIPT: &[u8] = b"0000000000000000000000000000000000000000";

/// A Redis that is lost after so long may have been lost by the script.
const SUSPICIOUS: Duration = Duration::from_secs(1);

/// Shadows `redis` and the ways to the true one; one line, so that the line numbers in errors stay.
const GUARD: &str = include_str!("script_guard.lua");

impl Service {
    /// Runs a command about loaded scripts.
    ///
    /// # Errors
    /// Redis could not be asked.
    pub(super) async fn script(
        self: &Rc<Self>,
        command: ScriptCommand,
        protocol: Protocol,
    ) -> Result<Reply, Failure> {
        let scripts = &self.tenant.scripts;
        Ok(match command {
            ScriptCommand::Load(text) => {
                self.pay(text.len()).await?;
                let reply = self.upstream(protocol).load_script(&text).await?;
                if let Some(hash) = reply.strip_prefix(b"$40\r\n").and_then(|r| r.get(..40)) {
                    scripts.keep(hash, text);
                }
                Reply::Encoded(reply)
            }
            ScriptCommand::Exists(hashes) => Reply::Array(
                hashes.iter().map(|hash| Reply::Int(scripts.text(hash).is_some().into())).collect(),
            ),
            ScriptCommand::Flush => {
                scripts.forget();
                Reply::Ok
            }
        })
    }

    /// A command as Redis is to run it: the text of a loaded script instead of its hash.
    pub(super) fn with_script(&self, words: &[Bytes]) -> Vec<Bytes> {
        let mut words = words.to_vec();
        if hash_in(&words).is_none() {
            return words;
        }
        let reads = words.first().is_some_and(|name| name.eq_ignore_ascii_case(b"evalsha_ro"));
        let known = words.get(1).and_then(|hash| self.tenant.scripts.text(hash));
        match (known, words.as_mut_slice()) {
            (Some(text), [name, script, ..]) => {
                *name = Bytes::from_static(if reads { b"EVAL_RO" } else { b"EVAL" });
                let mut guarded = BytesMut::with_capacity(GUARD.len() + text.len());
                guarded.extend_from_slice(GUARD.trim_end().as_bytes());
                guarded.extend_from_slice(b" ");
                guarded.extend_from_slice(&text);
                *script = guarded.freeze();
            }
            (None, [_, script, ..]) if script.len() == NO_SCRIPT.len() => {
                *script = Bytes::from_static(NO_SCRIPT);
            }
            _ => {}
        }
        words
    }

    /// Computes commands, one of which runs a script, on copies of `items`.
    ///
    /// # Errors
    /// Why no Redis computed; nothing was changed.
    pub(super) async fn compute_scripts(
        &self,
        keys: &[Bytes],
        items: &[Option<Item>],
        commands: &[Vec<Bytes>],
        protocol: Protocol,
    ) -> Result<Staged, Failure> {
        let scripts = &self.tenant.scripts;
        let hashes: Vec<&Bytes> = commands.iter().filter_map(|words| hash_in(words)).collect();
        let is_slow = hashes.iter().any(|hash| scripts.is_slow(hash));
        let guarded: Vec<_> = commands.iter().map(|words| self.with_script(words)).collect();
        for _ in 0..COMPUTE_TRIES {
            let own = self.upstream(protocol);
            let engine =
                if is_slow { own.is_usable().then_some(own) } else { self.engine(protocol).await };
            let Some(engine) = engine else { break };
            let begun = Instant::now();
            let computed = engine.stage(keys, items, &guarded).await;
            let too_long = begun.elapsed() >= SUSPICIOUS;
            if too_long || is_slow {
                hashes.iter().for_each(|hash| scripts.note_slow(hash, too_long));
            }
            match computed {
                Err(StageError::Lost) if too_long => return Err(Failure::ScriptTooLong),
                Err(StageError::Lost) => {}
                computed => return Ok(computed?),
            }
        }
        Err(Failure::CacheNeeded)
    }
}

/// The hash of the script that a command runs.
pub(super) fn hash_in(words: &[Bytes]) -> Option<&Bytes> {
    let (name, rest) = words.split_first()?;
    let runs = [b"evalsha".as_slice(), b"evalsha_ro"];
    rest.first().filter(|_| runs.iter().any(|runs| name.eq_ignore_ascii_case(runs)))
}
