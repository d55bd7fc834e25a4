//! The text of a configuration file: its structure, its misspelt names, and where things stand.
//!
//! Names and nesting are checked here, on the parsed document, because it knows lines and columns
//! and because a misspelt name need not hide the other problems of the file.

use std::collections::HashMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::problem::{ConfigError, Place, Problem};
use super::raw::{RawConfig, Shape, shapes};
use super::section::{Finding, Spot};
use super::tenant;
use super::terms::RawBound;

/// A parsed file: what it says, where it says it, and which of its names are not ours.
#[derive(Debug)]
pub(super) struct Source<'a> {
    file: &'a str,
    text: &'a str,
    spans: HashMap<Spot, Range<usize>>,
}

impl<'a> Source<'a> {
    /// Parses `text`; unknown names are left out of the result and added to `findings`.
    ///
    /// # Errors
    /// Text that is not TOML.
    pub(super) fn parse(
        file: &'a str,
        text: &'a str,
        findings: &mut Vec<Finding>,
    ) -> Result<(Self, RawConfig), ConfigError> {
        let mut source = Self { file, text, spans: HashMap::new() };
        let mut document = DeTable::parse(text).map_err(|error| source.not_toml(&error))?;
        source.survey(document.get_mut(), findings);
        let raw = RawConfig::deserialize(toml::Deserializer::from(document))
            .map_err(|error| source.not_toml(&error))?;
        Ok((source, raw))
    }

    /// Turns findings into problems with line and column.
    pub(super) fn locate(&self, findings: Vec<Finding>) -> ConfigError {
        let problems = findings.into_iter().map(|finding| Problem {
            place: Some(self.place(self.span(&finding.spot))),
            field: finding.spot.field,
            message: finding.message,
        });
        ConfigError::new(problems.collect())
    }

    /// The span of a field, else of its section, else nothing.
    fn span(&self, spot: &Spot) -> Option<Range<usize>> {
        let section = Spot { field: None, ..spot.clone() };
        self.spans.get(spot).or_else(|| self.spans.get(&section)).cloned()
    }

    fn place(&self, span: Option<Range<usize>>) -> Place {
        let line = span.map(|span| {
            let before = self.text.get(..span.start).unwrap_or(self.text);
            let start = before.rfind('\n').map_or(0, |at| at + 1);
            (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
        });
        Place { file: self.file.to_owned(), line }
    }

    fn not_toml(&self, error: &toml::de::Error) -> ConfigError {
        let place = Some(self.place(error.span()));
        let message = format!("not valid TOML: {}", error.message().replace('\n', "; "));
        ConfigError::new(vec![Problem { place, field: None, message }])
    }

    fn survey(&mut self, document: &mut DeTable<'_>, findings: &mut Vec<Finding>) {
        let shapes = shapes();
        keep_if(document, |key, value| {
            let name: &str = key.get_ref();
            let Some(shape) = shapes.iter().find(|shape| shape.section == name) else {
                let spot = Spot::section("", None).with(name);
                self.spans.insert(spot.clone(), key.span());
                findings.push(Finding { spot, message: unknown_section(name, value, &shapes) });
                return false;
            };
            let span = value.span();
            let is_list = shape.section == tenant::SECTION;
            match value.get_mut() {
                DeValue::Table(fields) if !is_list => {
                    let spot = Spot::section(shape.section, None);
                    self.survey_section(spot, span, fields, &shapes, findings);
                    true
                }
                DeValue::Array(tables) if is_list => {
                    self.survey_tenants(tables.iter_mut(), &shapes, findings)
                }
                _ => {
                    let spot = Spot::section(shape.section, None);
                    self.spans.insert(spot.clone(), span);
                    let head = if is_list { "[[tenant]]" } else { &format!("[{name}]") };
                    let message = format!("{name} must be written as a section: {head}");
                    findings.push(Finding { spot, message });
                    false
                }
            }
        });
    }

    fn survey_tenants<'t, 'd: 't>(
        &mut self,
        tables: impl Iterator<Item = &'t mut Spanned<DeValue<'d>>>,
        shapes: &[Shape],
        findings: &mut Vec<Finding>,
    ) -> bool {
        for (index, table) in tables.enumerate() {
            let span = table.span();
            let spot = Spot::section(tenant::SECTION, Some(index));
            let DeValue::Table(fields) = table.get_mut() else {
                self.spans.insert(spot.clone(), span);
                let message = "tenant must be written as sections: [[tenant]]".to_owned();
                findings.push(Finding { spot, message });
                return false;
            };
            self.survey_section(spot, span, fields, shapes, findings);
        }
        true
    }

    fn survey_section(
        &mut self,
        section: Spot,
        span: Range<usize>,
        fields: &mut DeTable<'_>,
        shapes: &[Shape],
        findings: &mut Vec<Finding>,
    ) {
        let known = shapes.iter().find(|shape| shape.section == section.section);
        keep_if(fields, |key, value| {
            let name: &str = key.get_ref();
            let spot = section.with(name);
            if known.is_some_and(|shape| shape.bounds.contains(&name)) {
                return self.survey_bound(&section, name, value, findings);
            }
            let is_known = known.is_some_and(|shape| {
                shape.fields.iter().any(|f| f == name) || shape.former.contains(&name)
            });
            let span = if is_known { value.span() } else { key.span() };
            self.spans.insert(spot.clone(), span);
            if !is_known {
                let message = unknown_field(&section, name, shapes);
                findings.push(Finding { spot, message });
            }
            is_known
        });
        self.spans.insert(section, span);
    }

    /// A table within a section, such as `min = { cache = "64MiB" }`.
    fn survey_bound(
        &mut self,
        section: &Spot,
        name: &str,
        value: &mut Spanned<DeValue<'_>>,
        findings: &mut Vec<Finding>,
    ) -> bool {
        let spot = section.with(name);
        self.spans.insert(spot.clone(), value.span());
        let DeValue::Table(fields) = value.get_mut() else {
            let message = format!("{name} must be a table: {name} = {}", RawBound::EXAMPLE);
            findings.push(Finding { spot, message });
            return false;
        };
        keep_if(fields, |key, value| {
            let inner: &str = key.get_ref();
            let spot = section.with(&format!("{name}.{inner}"));
            let is_known = RawBound::FIELDS.contains(&inner);
            let span = if is_known { value.span() } else { key.span() };
            self.spans.insert(spot.clone(), span);
            if !is_known {
                let fix = suggestion(inner, RawBound::FIELDS.into_iter());
                let message = format!("unknown field {inner:?} in {name}; {fix}");
                findings.push(Finding { spot, message });
            }
            is_known
        });
        true
    }
}

/// Drops the entries that `keep` turns down.
fn keep_if<'d>(
    table: &mut DeTable<'d>,
    mut keep: impl FnMut(&Spanned<DeString<'d>>, &mut Spanned<DeValue<'d>>) -> bool,
) {
    *table = std::mem::take(table)
        .into_iter()
        .filter_map(|(key, mut value)| keep(&key, &mut value).then_some((key, value)))
        .collect();
}

fn unknown_section(name: &str, value: &Spanned<DeValue<'_>>, shapes: &[Shape]) -> String {
    let kind =
        if value.get_ref().is_table() || value.get_ref().is_array() { "section" } else { "field" };
    let sections = shapes.iter().map(|shape| shape.section);
    let fix = if let Some(near) = nearest(name, sections.clone()) {
        format!("did you mean {}?", bracketed(near))
    } else if let Some(home) = home_of(name, shapes) {
        format!("it belongs in {}", bracketed(home))
    } else {
        let all: Vec<_> = sections.map(bracketed).collect();
        format!("the sections are {}", all.join(", "))
    };
    format!("unknown {kind} {name:?}; {fix}")
}

fn unknown_field(section: &Spot, name: &str, shapes: &[Shape]) -> String {
    let empty = Vec::new();
    let fields = shapes
        .iter()
        .find(|shape| shape.section == section.section)
        .map_or(&empty, |shape| &shape.fields);
    let fix = if let Some(home) = home_of(name, shapes) {
        format!("it belongs in {}", bracketed(home))
    } else {
        suggestion(name, fields.iter().map(String::as_str))
    };
    format!("unknown field {name:?} in {}; {fix}", bracketed(section.section))
}

/// The field that was meant, else all there are.
fn suggestion<'n>(name: &str, fields: impl Iterator<Item = &'n str> + Clone) -> String {
    match nearest(name, fields.clone()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("its fields are {}", fields.collect::<Vec<_>>().join(", ")),
    }
}

/// The section that has a field of exactly this name.
fn home_of(name: &str, shapes: &[Shape]) -> Option<&'static str> {
    shapes.iter().find(|shape| shape.fields.iter().any(|f| f == name)).map(|shape| shape.section)
}

fn bracketed(section: &str) -> String {
    if section == tenant::SECTION { format!("[[{section}]]") } else { format!("[{section}]") }
}

/// The name a typing error away, if one is near enough to be worth suggesting.
pub(super) fn nearest<'n>(
    name: &str,
    candidates: impl Iterator<Item = &'n str>,
) -> Option<&'n str> {
    let lower = name.to_lowercase().replace('-', "_");
    candidates
        .map(|candidate| (strsim::jaro_winkler(&lower, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.83)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
