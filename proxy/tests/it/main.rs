//! Black-box tests: a real `hopperkv` process, real Redis children, real storage; one file per promise.

mod clients;
mod packaging;
mod replay;
mod support;
