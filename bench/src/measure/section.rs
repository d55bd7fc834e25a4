//! One section of the report: a table, all rounds, and which bars were met; Markdown that also reads well on a terminal.

use std::fmt::Write;

/// What a number had to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bar {
    what: String,
    value: f64,
    limit: f64,
    unit: &'static str,
    at_least: bool,
}

/// A table with a head.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

/// One section.
#[derive(Debug, Clone)]
pub(super) struct Section {
    /// How `--only` calls it.
    pub(super) name: &'static str,
    title: &'static str,
    /// What was done.
    method: String,
    tables: Vec<Table>,
    /// All rounds, a line each.
    rounds: Vec<String>,
    bars: Vec<Bar>,
}

impl Bar {
    /// `value` has to be `limit` or more.
    pub(super) fn at_least(
        what: impl Into<String>,
        value: f64,
        limit: f64,
        unit: &'static str,
    ) -> Self {
        Self { what: what.into(), value, limit, unit, at_least: true }
    }

    /// `value` has to be `limit` or less.
    pub(super) fn at_most(
        what: impl Into<String>,
        value: f64,
        limit: f64,
        unit: &'static str,
    ) -> Self {
        Self { what: what.into(), value, limit, unit, at_least: false }
    }

    /// Whether it was met.
    pub(super) fn is_met(&self) -> bool {
        if self.at_least { self.value >= self.limit } else { self.value <= self.limit }
    }

    /// In words: `-P 1: 0.97x, at least 0.95x: met`.
    pub(super) fn text(&self) -> String {
        let Self { what, value, limit, unit, .. } = self;
        let bound = if self.at_least { "at least" } else { "at most" };
        let verdict = if self.is_met() {
            String::from("met")
        } else {
            format!("**missed by {}{unit}**", digits((value - limit).abs()))
        };
        format!("{what}: {}{unit}, {bound} {}{unit}: {verdict}", digits(*value), digits(*limit))
    }
}

impl Table {
    /// With this head.
    pub(super) fn new<const N: usize>(head: [&str; N]) -> Self {
        Self { rows: vec![head.map(str::to_owned).to_vec()] }
    }

    /// Adds a row.
    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }

    fn markdown(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(3)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            let cells = widths.iter().enumerate().map(|(column, &width)| {
                format!("{:<width$}", row.get(column).map_or("", String::as_str))
            });
            let _ = writeln!(text, "| {} |", cells.collect::<Vec<_>>().join(" | "));
            if index == 0 {
                let rules = widths.iter().map(|&width| "-".repeat(width));
                let _ = writeln!(text, "| {} |", rules.collect::<Vec<_>>().join(" | "));
            }
        }
        text
    }
}

impl Section {
    /// An empty one.
    pub(super) fn new(name: &'static str, title: &'static str, method: impl Into<String>) -> Self {
        Self {
            name,
            title,
            method: method.into(),
            tables: Vec::new(),
            rounds: Vec::new(),
            bars: Vec::new(),
        }
    }

    /// Adds a table.
    pub(super) fn table(&mut self, table: Table) {
        self.tables.push(table);
    }

    /// Adds the rounds of something.
    pub(super) fn rounds(&mut self, what: &str, numbers: impl IntoIterator<Item = f64>) {
        let numbers: Vec<String> = numbers.into_iter().map(digits).collect();
        self.rounds.push(format!("{what}: {}", numbers.join(" ")));
    }

    /// Adds a remark.
    pub(super) fn remark(&mut self, text: impl Into<String>) {
        self.rounds.push(text.into());
    }

    /// Adds a bar.
    pub(super) fn bar(&mut self, bar: Bar) {
        self.bars.push(bar);
    }

    /// Its bars.
    pub(super) fn bars(&self) -> &[Bar] {
        &self.bars
    }

    /// All of it; `stamp` says when and where, `command` what gives it again.
    pub(super) fn markdown(&self, stamp: &str, command: &str) -> String {
        let mut text = format!("### {}\n\n{}\n\n`{command}`, {stamp}\n", self.title, self.method);
        for table in &self.tables {
            let _ = write!(text, "\n{}", table.markdown());
        }
        for (head, lines) in [
            ("Bars:", self.bars.iter().map(Bar::text).collect::<Vec<_>>()),
            ("Rounds:", self.rounds.clone()),
        ] {
            if !lines.is_empty() {
                let _ = write!(text, "\n{head}\n\n");
                for line in lines {
                    let _ = writeln!(text, "- {line}");
                }
            }
        }
        text
    }
}

/// Three significant digits or so, thousands whole.
pub(super) fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 1_000.0 => grouped(value),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Whole, with commas: `1,234,567`.
pub(super) fn grouped(value: f64) -> String {
    let plain = format!("{:.0}", value.abs());
    let mut text = String::from(if value < -0.5 { "-" } else { "" });
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (plain.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Bar, Section, Table, digits};

    #[test]
    fn numbers_are_short() {
        let shown = [0.951, 9.996, 61.04, 999.4, 1_234_567.0, -1_500.0].map(digits);
        assert_eq!(shown, ["0.95", "10.00", "61.0", "999", "1,234,567", "-1,500"]);
    }

    #[test]
    fn bars_say_by_how_much_they_were_missed() {
        let bar = Bar::at_least("-P 1", 0.91, 0.95, "x");
        assert_eq!(bar.text(), "-P 1: 0.91x, at least 0.95x: **missed by 0.04x**");
        assert!(!bar.is_met());
        let bar = Bar::at_most("p50", 1.9, 2.0, "x");
        assert_eq!(bar.text(), "p50: 1.90x, at most 2.00x: met");
    }

    #[test]
    fn a_section_is_markdown() {
        let mut section = Section::new("hits", "Hits", "All hits.");
        let mut table = Table::new(["", "ratio"]);
        table.row(["-P 16".to_owned(), "0.95".to_owned()]);
        section.table(table);
        section.rounds("direct", [1.0, 2.5]);
        section.bar(Bar::at_least("-P 16", 0.95, 0.95, "x"));
        let expected = "### Hits\n\nAll hits.\n\n`cmd`, today.\n\n\
            |       | ratio |\n| ----- | ----- |\n| -P 16 | 0.95  |\n\n\
            Bars:\n\n- -P 16: 0.95x, at least 0.95x: met\n\n\
            Rounds:\n\n- direct: 1.00 2.50\n";
        assert_eq!(section.markdown("today.", "cmd"), expected);
    }
}
