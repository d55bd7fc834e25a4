//! What was changed at run time and must survive a restart: `data_dir/state.json`.
//!
//! The configuration file says how a proxy starts for the first time; from then on what an operator changed at run time
//! wins, tenant by tenant:
//! - a tenant created or changed at run time is taken from here, whole, even if the file has one of that name;
//! - a tenant removed at run time stays removed as long as the file lists it, until it is created again;
//! - a pinned quota holds until it is released;
//! - after the first `PUT /v1/allocator` the options here replace the file's `[allocator]`.
//!
//! To go back to the file, stop the proxy and delete the entry, or the whole state file: it holds no data of clients.

mod file;

pub(crate) use file::{StateError, StateFile};

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hare::Resources;
use serde::{Deserialize, Serialize};

use crate::config::{AllocatorConfig, Config, RawAllocator, RawTenant, TenantConfig};
use crate::tenant::Tenants;

/// Name of the state file in the data directory.
pub(crate) const FILE: &str = "state.json";
/// Version of the file's format.
const VERSION: u32 = 1;

/// What was changed at run time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedState {
    version: u32,
    /// Tenants created or changed at run time.
    #[serde(default)]
    tenants: BTreeMap<String, RawTenant>,
    /// Tenants of the configuration file that were removed at run time.
    #[serde(default)]
    removed: BTreeSet<String>,
    /// Quotas that operators set.
    #[serde(default)]
    pinned: BTreeMap<String, Resources>,
    /// The allocator's options, once they were changed.
    #[serde(default)]
    allocator: Option<RawAllocator>,
}

impl SavedState {
    /// Reads what an earlier run left in `data_dir`; nothing if there was none.
    ///
    /// # Errors
    /// A file that cannot be read or is not ours.
    pub(crate) fn load(data_dir: &Path) -> Result<Self, StateError> {
        let path = data_dir.join(FILE);
        let Some(text) = file::read(&path)? else {
            return Ok(Self { version: VERSION, ..Self::default() });
        };
        let state: Self = serde_json::from_str(&text)
            .map_err(|source| StateError::Corrupt { path: path.clone(), source })?;
        if state.version != VERSION {
            return Err(StateError::Version { path, found: state.version, known: VERSION });
        }
        Ok(state)
    }

    /// Changes a configuration to what it was at the end of the earlier run.
    ///
    /// # Errors
    /// A saved tenant or option that no longer fits the configuration.
    pub(crate) fn apply_to(&self, config: &mut Config) -> Result<(), StateError> {
        let path = config.server.data_dir.join(FILE);
        if let Some(raw) = &self.allocator {
            let raw = raw.clone().without_former();
            config.allocator = raw.validate(&config.allocator).map_err(|source| {
                StateError::Unfit { path: path.clone(), what: String::from("allocator"), source }
            })?;
        }
        config.tenants.retain(|tenant| {
            !self.removed.contains(&tenant.name) && !self.tenants.contains_key(&tenant.name)
        });
        for (name, raw) in &self.tenants {
            let tenant = raw.validate(&config.tenant_rules(), &|_| None, &config.tenants);
            config.tenants.push(tenant.map_err(|source| StateError::Unfit {
                path: path.clone(),
                what: format!("tenants.{name}"),
                source,
            })?);
        }
        // The demo's passwords are shown at start; those that were changed are not known any more.
        config.demo_logins.retain(|login| {
            !self.removed.contains(&login.tenant) && !self.tenants.contains_key(&login.tenant)
        });
        Ok(())
    }

    /// One line about what was changed at run time; nothing if nothing was.
    pub(crate) fn summary(&self, data_dir: &Path) -> Option<String> {
        let parts = [
            (self.tenants.len(), "tenants created or changed"),
            (self.removed.len(), "tenants removed"),
            (self.pinned.len(), "quotas pinned"),
            (usize::from(self.allocator.is_some()), "allocator options set"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts.map(|(count, what)| format!("{count} {what}")).collect();
        let path = data_dir.join(FILE);
        (!parts.is_empty()).then(|| {
            format!(
                "changes made at run time are in force ({}): {}",
                path.display(),
                parts.join(", ")
            )
        })
    }

    /// Puts pinned quotas back. Rates hold at once, cache sizes when the allocator starts.
    pub(crate) fn restore_quotas(&self, tenants: &Tenants) {
        for (name, quota) in &self.pinned {
            if let Some(tenant) = tenants.get(name) {
                tenant.set_quota(*quota);
                tenant.set_pinned(true);
            }
        }
    }

    /// Notes a tenant that was created or changed.
    pub(crate) fn keep_tenant(&mut self, tenant: &TenantConfig) {
        self.removed.remove(&tenant.name);
        self.tenants.insert(tenant.name.clone(), tenant.to_raw());
    }

    /// Notes that a tenant was removed; `configured` if the configuration file has it.
    pub(crate) fn remove_tenant(&mut self, name: &str, configured: bool) {
        self.tenants.remove(name);
        self.pinned.remove(name);
        if configured {
            self.removed.insert(name.to_owned());
        }
    }

    /// Notes a pinned quota, or with `None` that it was released.
    pub(crate) fn pin(&mut self, name: &str, quota: Option<Resources>) {
        match quota {
            Some(quota) => self.pinned.insert(name.to_owned(), quota),
            None => self.pinned.remove(name),
        };
    }

    /// Notes the allocator's options.
    pub(crate) fn keep_allocator(&mut self, options: &AllocatorConfig) {
        self.allocator = Some(options.to_raw());
    }
}

#[cfg(test)]
mod tests {
    use super::{FILE, SavedState, StateFile, VERSION};
    use crate::config::{AllocatorConfig, Config, Policy, Salt, Terms};

    fn config(data_dir: &std::path::Path) -> Config {
        let mut config = Config::demo();
        config.server.data_dir = data_dir.to_owned();
        config
    }

    #[tokio::test]
    async fn changes_survive_and_win_over_the_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let fresh = SavedState::load(dir.path()).unwrap();
        assert_eq!(fresh, SavedState { version: VERSION, ..SavedState::default() });
        let file = StateFile::new(dir.path(), fresh);

        let mut changed = config(dir.path()).tenants[0].clone();
        changed.cache_bytes = 128 << 20;
        changed.terms.weight = 2.0;
        changed.terms.bounds.min.cache_bytes = 16 << 20;
        let options = AllocatorConfig { policy: Policy::Drf, ..AllocatorConfig::default() };
        let update = |state: &mut SavedState| {
            state.keep_tenant(&changed);
            state.remove_tenant("catalog", true);
            state.keep_allocator(&options);
        };
        file.update(update).await.unwrap();

        let mut restored = config(dir.path());
        SavedState::load(dir.path()).unwrap().apply_to(&mut restored).unwrap();
        let names: Vec<_> = restored.tenants.iter().map(|tenant| tenant.name.as_str()).collect();
        assert_eq!(names, ["sessions", "orders"]);
        assert_eq!(restored.tenants[1], changed);
        assert_eq!(restored.allocator, options);
        let logins: Vec<_> = restored.demo_logins.iter().map(|l| l.tenant.as_str()).collect();
        assert_eq!(logins, ["sessions"], "changed passwords are not shown");
    }

    #[test]
    fn what_an_earlier_release_saved_still_loads() {
        let dir = tempfile::tempdir().unwrap();
        let saved = r#"{"version": 1, "tenants": {"carts": {"name": "carts", "password": null, "table": "carts",
            "cache": "24MiB", "read_units": "777", "write_units": "1k", "net": "1MB/s", "port": null, "redis": null,
            "max_wait": "2s"}}, "removed": [], "pinned": {}, "allocator": {"enabled": true, "policy": "hare",
            "interval": "45s", "apply": "gradual", "threshold": 0.25, "salt": 0.01, "smoothing": 3,
            "gradual_step": "16MiB", "min_cache": "10MiB", "curve_max": 4.0, "sample_one_in": 32}}"#;
        std::fs::write(dir.path().join(FILE), saved).unwrap();
        let mut config = config(dir.path());
        SavedState::load(dir.path()).unwrap().apply_to(&mut config).unwrap();
        let carts = config.tenants.iter().find(|tenant| tenant.name == "carts").unwrap();
        assert_eq!((carts.cache_bytes, carts.terms), (24 << 20, Terms::default()));
        let expected = AllocatorConfig {
            policy: Policy::Hare,
            interval: std::time::Duration::from_secs(45),
            threshold: 0.25,
            salt: Salt::Fixed(0.01),
            ..AllocatorConfig::default()
        };
        assert_eq!(config.allocator, expected);
    }

    #[tokio::test]
    async fn the_file_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let file = StateFile::new(dir.path(), SavedState::load(dir.path()).unwrap());
        file.update(|state| state.pin("orders", Some(hare::Resources::default()))).await.unwrap();
        let mode = std::fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_damaged_file_is_named_with_the_fix() {
        let dir = tempfile::tempdir().unwrap();
        let say = |text: &str| {
            std::fs::write(dir.path().join(FILE), text).unwrap();
            let mut config = config(dir.path());
            let loaded = SavedState::load(dir.path());
            loaded.and_then(|state| state.apply_to(&mut config)).unwrap_err().to_string()
        };
        for text in ["", "{", "[]", r#"{"version":1,"tenant":{}}"#, r#"{"version":99}"#] {
            let error = say(text);
            assert!(error.contains("state.json") && error.contains("delete"), "{error}");
        }
        let error = say(r#"{"version":1,"tenants":{"x":{"name":"x","cache":"1MB"}}}"#);
        assert!(error.contains("tenants.x") && error.contains("cache"), "{error}");
    }
}
