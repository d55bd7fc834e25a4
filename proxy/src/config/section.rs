//! Reads one section's raw fields into checked values and notes everything that is wrong.
//!
//! A reader never stops at the first problem: it notes it, returns the field's default, and the
//! caller goes on. Only if nothing was noted is the result used.

use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::choice::Choice;
use super::problem::{ConfigError, Problem};
use super::quantity::{Bytes, Count, Number, Period, Quantity};
use super::raw::RawSecret;
use super::scalar::Scalar;
use super::secret::Secret;
use super::source::nearest;

/// Looks up an environment variable, for values written as `env:NAME`.
pub type Env<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Which field of which section.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Spot {
    pub(super) section: &'static str,
    pub(super) index: Option<usize>,
    pub(super) field: Option<String>,
}

impl Spot {
    pub(super) fn section(section: &'static str, index: Option<usize>) -> Self {
        Self { section, index, field: None }
    }

    pub(super) fn with(&self, field: &str) -> Self {
        Self { field: Some(field.to_owned()), ..self.clone() }
    }
}

/// Something wrong, before its line is known.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) spot: Spot,
    pub(super) message: String,
}

impl Finding {
    /// Problems of input that is not a file.
    pub(super) fn unplaced(findings: Vec<Self>) -> ConfigError {
        let problems = findings.into_iter().map(|finding| Problem {
            place: None,
            field: finding.spot.field,
            message: finding.message,
        });
        ConfigError::new(problems.collect())
    }
}

/// One section being read.
pub(super) struct Section<'a> {
    spot: Spot,
    label: String,
    env: Env<'a>,
    findings: &'a mut Vec<Finding>,
}

impl<'a> Section<'a> {
    /// A reader whose messages begin with `label`.
    pub(super) fn new(
        spot: Spot,
        label: String,
        env: Env<'a>,
        findings: &'a mut Vec<Finding>,
    ) -> Self {
        Self { spot, label, env, findings }
    }

    /// A section that occurs once; its messages begin with its header.
    pub(super) fn named(name: &'static str, env: Env<'a>, findings: &'a mut Vec<Finding>) -> Self {
        Self::new(Spot::section(name, None), format!("[{name}]"), env, findings)
    }

    /// Notes that a field is wrong, without showing its value.
    pub(super) fn reject(&mut self, field: &str, what: impl fmt::Display) {
        self.note(field, format!("{} {field}: {what}", self.label));
    }

    /// Notes that a field's value is wrong.
    pub(super) fn reject_value(
        &mut self,
        field: &str,
        value: impl fmt::Display,
        what: impl fmt::Display,
    ) {
        self.note(field, format!("{} {field} = {value}: {what}", self.label));
    }

    /// Notes every one of `fields` that was given although `kind` does not take it.
    pub(super) fn reject_foreign(
        &mut self,
        kind: &str,
        owner: &str,
        fields: &[(&str, &Option<Scalar>)],
    ) {
        for (field, value) in fields {
            if value.is_some() {
                let what =
                    format!("belongs to kind \"{owner}\", but kind is \"{kind}\"; remove it");
                self.reject(field, what);
            }
        }
    }

    /// A quantity within bounds.
    pub(super) fn quantity<Q: Quantity>(
        &mut self,
        field: &str,
        raw: Option<&Scalar>,
        default: Q,
        bounds: RangeInclusive<Q>,
    ) -> Q {
        self.read(field, raw, default, |value| {
            let text = value.quantity_text().ok_or("must be a number or a text in quotes")?;
            let quantity: Q = text.parse().map_err(|error| format!("{error}"))?;
            if quantity < *bounds.start() {
                return Err(format!("is too small; the least is {}", bounds.start()));
            }
            if quantity > *bounds.end() {
                return Err(format!("is too large; the most is {}", bounds.end()));
            }
            Ok(quantity)
        })
    }

    /// A number of bytes.
    pub(super) fn bytes(
        &mut self,
        field: &str,
        raw: Option<&Scalar>,
        default: u64,
        bounds: RangeInclusive<u64>,
    ) -> u64 {
        let bounds = Bytes(*bounds.start())..=Bytes(*bounds.end());
        self.quantity(field, raw, Bytes(default), bounds).0
    }

    /// A whole number within bounds.
    pub(super) fn count<T: TryFrom<u64> + Copy + Into<u64>>(
        &mut self,
        field: &str,
        raw: Option<&Scalar>,
        default: T,
        bounds: RangeInclusive<T>,
    ) -> T {
        let bounds = Count((*bounds.start()).into())..=Count((*bounds.end()).into());
        let count = self.quantity(field, raw, Count(default.into()), bounds).0;
        T::try_from(count).unwrap_or(default)
    }

    /// A whole number from 1 to `most`.
    pub(super) fn size(
        &mut self,
        field: &str,
        raw: Option<&Scalar>,
        default: usize,
        most: u32,
    ) -> usize {
        let Some(raw) = raw else { return default };
        let count: u32 = self.count(field, Some(raw), 1, 1..=most);
        usize::try_from(count).unwrap_or(default)
    }

    /// A number without a unit.
    pub(super) fn number(
        &mut self,
        field: &str,
        raw: Option<&Scalar>,
        default: f64,
        bounds: RangeInclusive<f64>,
    ) -> f64 {
        let bounds = Number(*bounds.start())..=Number(*bounds.end());
        self.quantity(field, raw, Number(default), bounds).0
    }

    /// A length of time.
    pub(super) fn period(
        &mut self,
        field: &str,
        raw: Option<&Scalar>,
        default: Duration,
        bounds: RangeInclusive<Duration>,
    ) -> Duration {
        let bounds = Period(*bounds.start())..=Period(*bounds.end());
        self.quantity(field, raw, Period(default), bounds).0
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, field: &str, raw: Option<&Scalar>, default: bool) -> bool {
        self.read(field, raw, default, |value| match value {
            Scalar::Bool(flag) => Ok(*flag),
            _ => Err("must be true or false, without quotes".to_owned()),
        })
    }

    /// A text that is not empty and passes `check`, which returns what is wrong with it.
    pub(super) fn text(
        &mut self,
        field: &str,
        raw: Option<&Scalar>,
        default: &str,
        check: impl FnOnce(&str) -> Result<(), String>,
    ) -> String {
        self.read(field, raw, default.to_owned(), |value| match value {
            Scalar::Text(text) if text.trim().is_empty() => Err("must not be empty".to_owned()),
            Scalar::Text(text) => check(text).map(|()| text.clone()),
            _ => Err("must be a text in quotes".to_owned()),
        })
    }

    /// [`Section::text`] for a field without a default.
    pub(super) fn optional_text(
        &mut self,
        field: &str,
        raw: Option<&Scalar>,
        check: impl FnOnce(&str) -> Result<(), String>,
    ) -> Option<String> {
        raw?;
        Some(self.text(field, raw, "", check))
    }

    /// One of a fixed set of names.
    pub(super) fn choice<C: Choice>(&mut self, field: &str, raw: Option<&Scalar>, default: C) -> C {
        self.read(field, raw, default, |value| {
            let names = C::names();
            let all = names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
            let Scalar::Text(text) = value else {
                return Err(format!("must be one of {all}"));
            };
            C::from_name(text).ok_or_else(|| match nearest(text, C::names()) {
                Some(near) => format!("did you mean \"{near}\"? It takes {all}"),
                None => format!("must be one of {all}"),
            })
        })
    }

    /// An IP address and port. `localhost` stands for 127.0.0.1.
    pub(super) fn address(
        &mut self,
        field: &str,
        raw: Option<&Scalar>,
        default: SocketAddr,
    ) -> SocketAddr {
        self.read(field, raw, default, |value| {
            let fix = format!("write an IP address and a port, e.g. \"{default}\"");
            let Scalar::Text(text) = value else { return Err(fix) };
            let numeric = match text.strip_prefix("localhost:") {
                Some(port) => format!("127.0.0.1:{port}"),
                None => text.clone(),
            };
            numeric.parse().map_err(|_| fix)
        })
    }

    /// A password or token: a literal, `env:NAME` or `sha256:<hex>`. Never shown.
    pub(super) fn secret(&mut self, field: &str, raw: Option<&RawSecret>) -> Option<Secret> {
        let text = self.sensitive(field, raw)?;
        Secret::from_setting(&text).map_err(|what| self.reject(field, what)).ok()
    }

    /// A text that may hold a password; `env:NAME` is replaced by the variable's value.
    pub(super) fn sensitive(&mut self, field: &str, raw: Option<&RawSecret>) -> Option<String> {
        let Scalar::Text(text) = &raw?.0 else {
            self.reject(field, "must be a text in quotes");
            return None;
        };
        let Some(variable) = text.strip_prefix("env:") else { return Some(text.clone()) };
        let value = (self.env)(variable);
        if value.as_ref().is_none_or(String::is_empty) {
            let state = if value.is_some() { "empty" } else { "not set" };
            let what = format!("the environment variable {variable} is {state}; export it");
            self.reject(field, what);
            return None;
        }
        value
    }

    /// Notes that a field without a default was left out.
    pub(super) fn missing(&mut self, field: &str, example: &str) {
        self.reject(field, format!("is missing; add for example {field} = {example}"));
    }

    /// Findings so far, of all sections: to see whether something was found meanwhile.
    pub(super) fn findings(&self) -> usize {
        self.findings.len()
    }

    fn note(&mut self, field: &str, message: String) {
        self.findings.push(Finding { spot: self.spot.with(field), message });
    }

    fn read<T>(
        &mut self,
        field: &str,
        raw: Option<&Scalar>,
        default: T,
        parse: impl FnOnce(&Scalar) -> Result<T, String>,
    ) -> T {
        let Some(value) = raw else { return default };
        match parse(value) {
            Ok(parsed) => parsed,
            Err(what) => {
                self.reject_value(field, value, what);
                default
            }
        }
    }
}
