//! The program as its users run it: bad input, resuming, stopping, failing, every shipped spec, and a small live run.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod live;
mod resume;
mod shipped;
mod stop;
mod tool;
mod what_if;
