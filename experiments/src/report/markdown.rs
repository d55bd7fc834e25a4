//! A document as Markdown, its figures as files beside it.

use std::fmt::Write as _;

use super::document::{Block, Cell, Document, Table};
use crate::figures::plain;

/// The whole file; figures are in `directory`, relative to it.
pub(super) fn render(document: &Document, directory: &str) -> String {
    let mut text = format!("# {}\n", literal(&document.title));
    for block in &document.blocks {
        // Writing to a String cannot fail.
        let _ = match block {
            Block::Heading { level, text: heading, .. } => {
                writeln!(text, "\n{} {}", "#".repeat(usize::from(*level)), literal(heading))
            }
            Block::Paragraph(paragraph) => writeln!(text, "\n{}", literal(paragraph)),
            Block::Headline(headline) => writeln!(text, "\n**{}**", literal(headline)),
            Block::Warning(warning) => writeln!(text, "\n> **Note:** {}", literal(warning)),
            Block::Table(table) => {
                write_table(&mut text, table);
                Ok(())
            }
            Block::Figure(figure) => writeln!(
                text,
                "\n![{}]({directory}/{}.svg)\n\n{}",
                literal(&figure.title),
                figure.id,
                literal(&figure.description)
            ),
        };
    }
    text
}

fn write_table(text: &mut String, table: &Table) {
    let _ = writeln!(text, "\n{}:\n", literal(&table.caption));
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    text.push_str(&line(table.head.iter().map(|head| literal(head)).collect()));
    text.push_str(&format!("|{}\n", "---|".repeat(table.head.len())));
    let cell = |cell: &Cell| {
        let text = literal(&cell.text);
        if cell.is_bad { format!("**{text}**") } else { text }
    };
    for row in &table.rows {
        text.push_str(&line(row.iter().map(cell).collect()));
    }
}

/// Text that Markdown leaves as it is.
fn literal(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in plain(text).chars() {
        if matches!(
            character,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '&'
        ) {
            safe.push('\\');
        }
        safe.push(character);
    }
    safe
}
