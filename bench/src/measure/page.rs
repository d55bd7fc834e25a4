//! The generated part of a Markdown file: between two markers, one piece per section.
//!
//! What is outside of the markers is kept as it is, and so are pieces of sections that were not measured this time.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::LoadError;

const BEGIN: &str = "<!-- bench:begin -->";
const END: &str = "<!-- bench:end -->";
const PIECE: &str = "<!-- bench:section ";

/// A file with a generated part.
#[derive(Debug)]
pub(super) struct Page {
    path: PathBuf,
    before: String,
    after: String,
    pieces: Vec<(String, String)>,
}

impl Page {
    /// Reads the file; one that does not exist is an empty one with both markers.
    ///
    /// # Errors
    /// If it cannot be read, or a marker is missing.
    pub(super) fn open(path: &Path) -> Result<Self, LoadError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => format!("{BEGIN}\n{END}\n"),
            Err(source) => return Err(LoadError::File { path: path.to_owned(), source }),
        };
        let parts = text.split_once(BEGIN).and_then(|(before, rest)| {
            rest.split_once(END).map(|(inside, after)| (before, inside, after))
        });
        let Some((before, inside, after)) = parts else {
            return Err(LoadError::Usage(format!(
                "{} lacks the lines {BEGIN} and {END}, in this order; the results go between them",
                path.display()
            )));
        };
        Ok(Self {
            path: path.to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
            pieces: pieces(inside),
        })
    }

    /// Puts a piece in the place of the one with the same name, or else behind the last.
    pub(super) fn put(&mut self, name: &str, text: &str) {
        let text = text.trim().to_owned();
        match self.pieces.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = text,
            None => self.pieces.push((name.to_owned(), text)),
        }
    }

    /// Writes the file, pieces in the order of `names`; unknown ones come last.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn write(&mut self, names: &[&str]) -> Result<(), LoadError> {
        let place =
            |name: &str| names.iter().position(|known| *known == name).unwrap_or(usize::MAX);
        self.pieces.sort_by_key(|(name, _)| place(name));
        fs::write(&self.path, self.text())
            .map_err(|source| LoadError::File { path: self.path.clone(), source })
    }

    fn text(&self) -> String {
        let Self { before, after, .. } = self;
        let pieces =
            self.pieces.iter().map(|(name, text)| format!("{PIECE}{name} -->\n\n{text}\n\n"));
        format!("{before}{BEGIN}\n{}{END}{after}", pieces.collect::<String>())
    }
}

fn pieces(inside: &str) -> Vec<(String, String)> {
    let parts = inside.split(PIECE).skip(1).filter_map(|part| part.split_once("-->"));
    parts.map(|(name, text)| (name.trim().to_owned(), text.trim().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::Page;
    use std::fs;

    #[test]
    fn only_what_was_measured_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("page.md");
        fs::write(&path, "# By hand\n\n<!-- bench:begin -->\nold\n<!-- bench:end -->\n\nmore\n")
            .unwrap();
        let names = ["hits", "near"];
        let write = |name: &str, text: &str| {
            let mut page = Page::open(&path).unwrap();
            page.put(name, text);
            page.write(&names).unwrap();
            fs::read_to_string(&path).unwrap()
        };
        write("near", "N1\n");
        write("hits", "H1\n");
        let text = write("near", "N2");
        let expected = "# By hand\n\n<!-- bench:begin -->\n<!-- bench:section hits -->\n\nH1\n\n\
            <!-- bench:section near -->\n\nN2\n\n<!-- bench:end -->\n\nmore\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_new_file_is_made_and_one_without_markers_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new.md");
        let mut page = Page::open(&path).unwrap();
        page.put("hits", "H");
        page.write(&[]).unwrap();
        assert!(fs::read_to_string(&path).unwrap().contains("\nH\n"));
        fs::write(&path, "<!-- bench:end -->\n<!-- bench:begin -->\n").unwrap();
        let error = Page::open(&path).unwrap_err().to_string();
        assert!(error.contains("new.md") && error.contains("bench:begin"), "{error}");
    }
}
