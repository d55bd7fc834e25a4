//! The configurations that are measured.

use std::fmt::Write;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::error::LoadError;

/// A proxy's configuration, as far as measurements differ. Rates are beyond reach: limits are charged, not felt.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    /// Lines of `[storage]`.
    pub(super) storage: String,
    /// Cache of the one tenant.
    pub(super) cache: &'static str,
    /// Further lines of its section.
    pub(super) tenant: String,
    /// Lines of `[server]`.
    pub(super) server: String,
    /// Further sections, before the tenant's.
    pub(super) sections: String,
    /// All other sections; empty: one tenant, who serves connections that do not log in.
    pub(super) others: String,
}

/// The one tenant, and the default one.
pub(super) const TENANT: &str = "bench";
/// Rates that nothing here reaches.
pub(super) const RATES: &str = "read_units = \"10m\"\nwrite_units = \"10m\"\nnet = \"10GB/s\"\n";
/// Cache of the one tenant, and memory of the Redis that it is compared with.
pub(super) const CACHE: &str = "512MiB";

impl Setup {
    /// Synthetic storage that answers after `latency`.
    pub(super) fn synthetic(latency: &str) -> Self {
        Self::with(&format!("kind = \"synthetic\"\nlatency = \"{latency}\"\n"))
    }

    /// Embedded storage.
    pub(super) fn embedded() -> Self {
        Self::with("kind = \"embedded\"\n")
    }

    fn with(storage: &str) -> Self {
        Self {
            storage: storage.to_owned(),
            cache: CACHE,
            tenant: String::new(),
            server: String::new(),
            sections: String::new(),
            others: String::new(),
        }
    }

    /// With these tenants, sections of their own, instead of the one.
    pub(super) fn tenants(mut self, sections: String) -> Self {
        self.others = sections;
        self
    }

    /// With further lines for the tenant.
    pub(super) fn tenant(mut self, lines: &str) -> Self {
        self.tenant.push_str(lines);
        self
    }

    /// With time for a disk that is slow to flush: what is measured is speed, not patience.
    pub(super) fn patient(mut self) -> Self {
        self.sections.push_str("[cache]\nfence = \"5m\"\n");
        self.storage("attempt_timeout = \"1m\"\noperation_timeout = \"2m\"\n")
    }

    /// With further lines for `[storage]`.
    pub(super) fn storage(mut self, lines: &str) -> Self {
        self.storage.push_str(lines);
        self
    }

    /// With further lines for `[server]`.
    pub(super) fn server(mut self, lines: &str) -> Self {
        self.server.push_str(lines);
        self
    }

    /// The file.
    pub(super) fn text(&self, data_dir: &Path) -> String {
        let Self { storage, cache, tenant, server, sections, others } = self;
        let mut text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\ndata_dir = \"{}\"\n{server}",
            data_dir.display()
        );
        if others.is_empty() {
            let _ = write!(text, "default_tenant = \"{TENANT}\"\n[storage]\n{storage}");
            let _ = write!(
                text,
                "{sections}[allocator]\nenabled = false\nmin_cache = \"2MiB\"\n\
                 [[tenant]]\nname = \"{TENANT}\"\ncache = \"{cache}\"\n{RATES}{tenant}"
            );
        } else {
            let _ = write!(text, "[storage]\n{storage}{others}");
        }
        text
    }

    /// Whether this `hopperkv` knows every field of it.
    ///
    /// # Errors
    /// If the program or the file for it is not to be had.
    pub(super) async fn is_known_to(&self, program: &Path) -> Result<bool, LoadError> {
        let dir = tempfile::tempdir()
            .map_err(|source| LoadError::File { path: std::env::temp_dir(), source })?;
        let path = dir.path().join("hopperkv.toml");
        std::fs::write(&path, self.text(&dir.path().join("data")))
            .map_err(|source| LoadError::File { path: path.clone(), source })?;
        let checked = Command::new(program)
            .args(["check".as_ref(), "--config".as_ref(), path.as_os_str()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await;
        let status =
            checked.map_err(|source| LoadError::File { path: program.to_owned(), source })?;
        Ok(status.success())
    }
}

#[cfg(test)]
mod tests {
    use super::Setup;
    use std::path::Path;

    #[test]
    fn lines_stand_in_their_sections() {
        let setup = Setup::synthetic("5ms").storage("batch = true\n").tenant("near = 1\n");
        let text = setup.server("workers = 1\n").text(Path::new("/d"));
        let place = |part: &str| text.find(part).unwrap_or_else(|| unreachable!("{part}: {text}"));
        assert!(place("data_dir = \"/d\"") < place("workers = 1"));
        assert!(place("workers = 1") < place("default_tenant"));
        assert!(
            place("[storage]") < place("batch = true")
                && place("batch = true") < place("[allocator]")
        );
        assert!(place("[[tenant]]") < place("near = 1"));
    }
}
