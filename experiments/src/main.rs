//! `hopperkv-experiments`.

fn main() {}
