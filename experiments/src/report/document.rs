//! What a report says, apart from how it is written: headings, paragraphs, tables, figures. HTML and Markdown are both made
//! of this, so that they say the same.

use crate::figures::Figure;

/// A report.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) title: String,
    pub(super) blocks: Vec<Block>,
}

/// A piece of a report.
#[derive(Debug)]
pub(super) enum Block {
    /// Begins a section; level 2 and 3, and the anchor it is linked by.
    Heading {
        level: u8,
        id: String,
        text: String,
    },
    Paragraph(String),
    /// What a reader takes home.
    Headline(String),
    /// What is missing or wrong.
    Warning(String),
    Table(Table),
    Figure(Figure),
}

/// A table; the first cell of a row names it.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) caption: String,
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<Cell>>,
}

/// A cell, which may be one that a reader must see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) text: String,
    /// Marked by a sign in the text too: not everybody sees colours.
    pub(super) is_bad: bool,
}

impl Document {
    pub(super) fn heading(&mut self, level: u8, id: &str, text: impl Into<String>) {
        let (id, text) = (id.to_owned(), text.into());
        self.blocks.push(Block::Heading { level, id, text });
    }

    pub(super) fn paragraph(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Paragraph(text.into()));
    }

    pub(super) fn headline(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Headline(text.into()));
    }

    pub(super) fn warning(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Warning(text.into()));
    }

    pub(super) fn table(&mut self, table: Table) {
        if !table.rows.is_empty() {
            self.blocks.push(Block::Table(table));
        }
    }
}

impl Table {
    pub(super) fn new<'a>(caption: &str, head: impl IntoIterator<Item = &'a str>) -> Self {
        let head = head.into_iter().map(str::to_owned).collect();
        Self { caption: caption.to_owned(), head, rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }
}

impl Cell {
    /// Starts with a sign and stands out if it is bad.
    pub(super) fn marked(text: impl Into<String>, is_bad: bool) -> Self {
        let text = text.into();
        Self { text: if is_bad { format!("▼ {text}") } else { text }, is_bad }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), is_bad: false }
    }
}
