//! Where this program prints, so that nothing else does.
//!
//! A reader that went away (`| head`) is no error.

use std::io::{self, Write as _};

/// A line on standard output.
pub(super) fn line(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Lines on standard output, as they are.
pub(super) fn text(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

/// A line on standard error that says what is wrong.
pub(super) fn problem(text: &str) {
    let _ = writeln!(io::stderr(), "hopperkv: {text}");
}

/// A table on standard output: the first column to the left, the others to the right.
pub(super) fn table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width_of = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width_of(column).unwrap_or(0)).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        line(cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}
