//! The report: what the experiments were to show and what came of them, told twice with the same words. `report.html` is one
//! file with everything in it; `report.md` has its figures beside it in `figures/`, and `gains.csv` has every tenant.
//!
//! It is made of specs and outcomes alone, so that it can be made anew at any time, and of whatever there is: what is missing
//! is said. Reading order: `document` (what it is made of), `overview`, `section`, `validation` (what it says), `html`,
//! `markdown` (how it is written).

mod document;
mod html;
mod listing;
mod markdown;
mod overview;
mod section;
mod validation;
mod wording;

#[cfg(test)]
mod robustness;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use document::{Block, Document};

use crate::outcome::Outcome;
use crate::results::Experiment;
use crate::spec::Spec;

/// Directory of the figures, beside the Markdown file.
const FIGURES: &str = "figures";

/// A report that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file or directory cannot be written.
    #[error("cannot write {}: {source}; is there space, and may you write there?", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}

/// Writes the report of `outcomes` into the directory `out`, which is made if it is missing, and returns the path of the HTML
/// file. Chapters are in the order of `specs`; a spec without outcomes is said to have none.
///
/// # Errors
/// If a file cannot be written.
pub fn write(specs: &[Spec], outcomes: &[Outcome], out: &Path) -> Result<PathBuf, ReportError> {
    let experiments: Vec<Experiment<'_>> =
        specs.iter().flat_map(|spec| Experiment::of(spec, outcomes)).collect();
    let document = document_of(specs, outcomes, &experiments);
    let figures = out.join(FIGURES);
    fs::create_dir_all(&figures)
        .map_err(|source| ReportError::Write { path: figures.clone(), source })?;
    let mut written = BTreeSet::new();
    for block in &document.blocks {
        if let Block::Figure(figure) = block {
            let name = format!("{}.svg", figure.id);
            save(&figures.join(&name), &figure.svg)?;
            written.insert(name);
        }
    }
    remove_older(&figures, &written)?;
    save(&out.join("gains.csv"), &listing::of(&experiments))?;
    save(&out.join("report.md"), &markdown::render(&document, FIGURES))?;
    let html = out.join("report.html");
    save(&html, &html::render(&document))?;
    Ok(html)
}

/// Removes the figures of an earlier report that this one does not have; files with other names than figures have stay.
fn remove_older(figures: &Path, written: &BTreeSet<String>) -> Result<(), ReportError> {
    let failed = |source| ReportError::Write { path: figures.to_owned(), source };
    for entry in fs::read_dir(figures).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if crate::figures::is_figure_file(&name) && !written.contains(&name) {
            let path = entry.path();
            fs::remove_file(&path).map_err(|source| ReportError::Write { path, source })?;
        }
    }
    Ok(())
}

fn save(path: &Path, text: &str) -> Result<(), ReportError> {
    fs::write(path, text).map_err(|source| ReportError::Write { path: path.to_owned(), source })
}

fn document_of(specs: &[Spec], outcomes: &[Outcome], experiments: &[Experiment<'_>]) -> Document {
    let mut document =
        Document { title: "HopperKV: what sharing gives".to_owned(), ..Document::default() };
    overview::write(&mut document, specs, experiments);
    validation::write(&mut document, experiments);
    strangers(&mut document, specs, outcomes);
    for spec in specs {
        chapter(&mut document, spec, experiments);
    }
    document
}

/// Outcomes that no spec asks for are not told of, but counted.
fn strangers(document: &mut Document, specs: &[Spec], outcomes: &[Outcome]) {
    let known: BTreeSet<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    let unknown: BTreeSet<&str> = outcomes
        .iter()
        .map(|outcome| outcome.spec.as_str())
        .filter(|name| !known.contains(name))
        .collect();
    if !unknown.is_empty() {
        let names: Vec<&str> = unknown.into_iter().collect();
        document.warning(format!("Results without a spec are left out: {}.", names.join(", ")));
    }
}

fn chapter(document: &mut Document, spec: &Spec, experiments: &[Experiment<'_>]) {
    let of_spec: Vec<&Experiment<'_>> =
        experiments.iter().filter(|experiment| experiment.spec.name == spec.name).collect();
    let heading = format!("{}: {}", spec.name, spec.title);
    document.heading(2, &format!("spec-{}", spec.name), heading);
    let source = match &spec.paper {
        Some(figure) => format!("What the paper's experiment shows ({figure}): "),
        None => "Our own experiment; what it is to show: ".to_owned(),
    };
    document.paragraph(format!("{source}{}", spec.shows));
    if of_spec.is_empty() {
        document.warning(format!(
            "No results: it was not run, or no run ended. `hopperkv-experiments run {}` makes them.",
            spec.name
        ));
    }
    for experiment in of_spec {
        section::write(document, experiment);
    }
}
