//! The server's admin API, as far as the demo, the measurements and experiments need it. Every HTTP call is in this file.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ureq::Agent;
use ureq::http::Request;

use crate::error::LoadError;

/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A client of the admin API.
#[derive(Debug, Clone)]
pub struct Admin {
    agent: Agent,
    base: String,
    token: String,
}

/// The four quotas of a tenant, as in force.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quota {
    /// Cache.
    pub cache_bytes: u64,
    /// Read units per second.
    pub read_units_per_s: f64,
    /// Write units per second.
    pub write_units_per_s: f64,
    /// Bytes per second, client and storage side together.
    pub net_bytes_per_s: f64,
}

/// Counters of a tenant since the server started.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Requests {
    /// Reads answered by the cache.
    pub hits: u64,
    /// Reads that went to storage.
    pub misses: u64,
    /// Thousandths of read units consumed.
    #[serde(default)]
    pub milli_read_units: u64,
    /// Thousandths of write units consumed.
    #[serde(default)]
    pub milli_write_units: u64,
    /// Key and value bytes of reads.
    #[serde(default)]
    pub read_bytes: u64,
    /// Key and value bytes of writes.
    #[serde(default)]
    pub written_bytes: u64,
    /// Bytes moved to and from storage.
    #[serde(default)]
    pub storage_bytes: u64,
}

/// A tenant's miss-ratio curve.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Curve {
    /// Cache sizes; empty before anything was learned.
    pub bytes: Vec<u64>,
    /// Miss ratio at each.
    pub miss_ratio: Vec<f64>,
}

#[derive(Debug, Deserialize)]
struct Stats {
    requests: Requests,
}

#[derive(Debug, Deserialize)]
struct CacheStats {
    requests: Requests,
    cache: CacheView,
}

#[derive(Debug, Deserialize)]
struct CacheView {
    interruptions: u64,
}

#[derive(Debug, Deserialize)]
struct Runs {
    runs: Vec<Run>,
}

/// The allocator's setting; what is left out stays as it is.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Allocator {
    /// A policy's name.
    pub policy: &'static str,
    /// Whether the epoch loop decides.
    pub enabled: bool,
    /// How decisions are put in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apply: Option<&'static str>,
}

impl Allocator {
    /// Switched on, with this policy.
    pub fn of(policy: &'static str) -> Self {
        Self { policy, enabled: true, apply: None }
    }
}

/// One decision of the allocator.
#[derive(Debug, Clone, Deserialize)]
pub struct Run {
    /// Counts up with every run.
    pub id: u64,
    /// Predicted rise of everybody's throughput: 0.7 is 70 %.
    pub improve_ratio: f64,
    /// Gain over base predicted for the tenant that gains least: 0.5 is 50 %.
    #[serde(default)]
    pub improvement: f64,
    /// When, in milliseconds since 1970.
    #[serde(default)]
    pub at_ms: u64,
    /// Whether quotas were changed, or a gradual change was begun.
    pub applied: bool,
    /// Why it was applied or not, for programs and for people.
    pub reason_code: String,
    /// For people.
    pub reason: String,
    /// What it means to each tenant.
    #[serde(default)]
    pub tenants: Vec<RunTenant>,
}

/// What a decision means to one tenant.
#[derive(Debug, Clone, Deserialize)]
pub struct RunTenant {
    /// Its name.
    pub name: String,
    /// Predicted throughput over that of the base share: 1.7 is 70 % more.
    pub predicted_gain: f64,
    /// The same with what it had.
    #[serde(default)]
    pub current_gain: f64,
    /// What it should have.
    #[serde(default)]
    pub share: Option<Quota>,
}

impl Run {
    /// The throughput predicted for a tenant, over that of its base share.
    pub fn predicted_gain(&self, tenant: &str) -> f64 {
        let found = self.tenants.iter().find(|entry| entry.name == tenant);
        found.map_or(1.0 + self.improve_ratio, |entry| entry.predicted_gain)
    }
}

impl Admin {
    /// A client for the API at `address` (`host:port`).
    pub fn new(address: &str, token: &str) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(CALL_TIMEOUT))
            .http_status_as_error(false)
            .proxy(None)
            .build();
        let base = format!("http://{address}");
        Self { agent: Agent::new_with_config(config), base, token: token.to_owned() }
    }

    /// Whether the server says that storage and every cache are reachable.
    pub async fn is_ready(&self) -> bool {
        self.send("GET", "/readyz", None).await.is_ok()
    }

    /// A tenant's counters.
    pub async fn requests(&self, tenant: &str) -> Result<Requests, LoadError> {
        let stats: Stats = self.get(&format!("/v1/tenants/{tenant}/stats")).await?;
        Ok(stats.requests)
    }

    /// A tenant's counters, and how often its Redis was lost, or may have held something stale.
    ///
    /// # Errors
    /// If the API does not answer as it should.
    pub async fn requests_and_interruptions(
        &self,
        tenant: &str,
    ) -> Result<(Requests, u64), LoadError> {
        let stats: CacheStats = self.get(&format!("/v1/tenants/{tenant}/stats")).await?;
        Ok((stats.requests, stats.cache.interruptions))
    }

    /// A tenant's quotas.
    pub async fn quota(&self, tenant: &str) -> Result<Quota, LoadError> {
        self.get(&format!("/v1/tenants/{tenant}/quota")).await
    }

    /// Sets a tenant's quotas without pinning them: the allocator may move them on.
    pub async fn set_quota(&self, tenant: &str, quota: &Quota) -> Result<(), LoadError> {
        let path = format!("/v1/tenants/{tenant}/quota");
        let mut body = json(quota)?;
        if let Some(fields) = body.as_object_mut() {
            fields.insert(String::from("pinned"), serde_json::Value::Bool(false));
        }
        self.send("PUT", &path, Some(body)).await.map(drop)
    }

    /// Chooses the policy and switches the epoch loop on or off.
    pub async fn set_allocator(&self, allocator: &Allocator) -> Result<(), LoadError> {
        self.send("PUT", "/v1/allocator", Some(json(allocator)?)).await.map(drop)
    }

    /// Runs one epoch now.
    pub async fn allocate_now(&self) -> Result<Run, LoadError> {
        let path = "/v1/allocator/runs";
        parse(path, &self.send("POST", path, Some(Value::Object(serde_json::Map::new()))).await?)
    }

    /// The last runs, newest first.
    pub async fn runs(&self) -> Result<Vec<Run>, LoadError> {
        let runs: Runs = self.get("/v1/allocator/runs?limit=8").await?;
        Ok(runs.runs)
    }

    /// The last runs, as many as are kept, newest first.
    ///
    /// # Errors
    /// If the API does not answer as it should.
    pub async fn all_runs(&self) -> Result<Vec<Run>, LoadError> {
        let runs: Runs = self.get("/v1/allocator/runs?limit=256").await?;
        Ok(runs.runs)
    }

    /// A tenant's miss-ratio curve.
    ///
    /// # Errors
    /// If the API does not answer as it should.
    pub async fn curve(&self, tenant: &str) -> Result<Curve, LoadError> {
        self.get(&format!("/v1/tenants/{tenant}/curve")).await
    }

    /// Adds a tenant; `fields` are those of the configuration file.
    ///
    /// # Errors
    /// If the API refuses it or does not answer.
    pub async fn add_tenant(&self, fields: Value) -> Result<(), LoadError> {
        self.send("POST", "/v1/tenants", Some(fields)).await.map(drop)
    }

    /// Removes a tenant.
    ///
    /// # Errors
    /// If the API refuses it or does not answer.
    pub async fn remove_tenant(&self, tenant: &str) -> Result<(), LoadError> {
        self.send("DELETE", &format!("/v1/tenants/{tenant}"), None).await.map(drop)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, LoadError> {
        parse(path, &self.send("GET", path, None).await?)
    }

    async fn send(
        &self,
        method: &'static str,
        path: &str,
        body: Option<Value>,
    ) -> Result<String, LoadError> {
        let (agent, url) = (self.agent.clone(), format!("{}{path}", self.base));
        let authorization = format!("Bearer {}", self.token);
        let call = move || -> Result<(u16, String), ureq::Error> {
            let request = Request::builder()
                .method(method)
                .uri(url)
                .header("authorization", authorization)
                .header("content-type", "application/json")
                .body(body.map(|body| body.to_string()).unwrap_or_default())?;
            let mut response = agent.run(request)?;
            Ok((response.status().as_u16(), response.body_mut().read_to_string()?))
        };
        let failed = |problem: String| LoadError::Server(format!("{method} {path}: {problem}"));
        let answered = tokio::task::spawn_blocking(call)
            .await
            .map_err(|error| failed(error.to_string()))?
            .map_err(|error| failed(error.to_string()))?;
        match answered {
            (200..=299, text) => Ok(text),
            (status, text) => Err(failed(format!("status {status}: {text}"))),
        }
    }
}

fn json(body: &impl Serialize) -> Result<Value, LoadError> {
    serde_json::to_value(body).map_err(|error| LoadError::Server(error.to_string()))
}

fn parse<T: DeserializeOwned>(path: &str, text: &str) -> Result<T, LoadError> {
    serde_json::from_str(text)
        .map_err(|error| LoadError::Server(format!("{path} answered {text}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::{Quota, Requests, Run, Stats};

    #[test]
    fn answers_are_understood_with_fields_the_demo_does_not_need() {
        let stats: Stats = serde_json::from_str(
            r#"{"requests":{"reads":5,"hits":3,"misses":2,"writes":1,"throttled":0,"errors":0},
                "latency":{}}"#,
        )
        .unwrap();
        let Requests { hits, misses, .. } = stats.requests;
        assert_eq!((hits, misses), (3, 2));
        let run: Run = serde_json::from_str(
            r#"{"id":3,"improve_ratio":0.7,"applied":true,"reason_code":"improves","reason":"","at":1,
                "tenants":[{"name":"alpha","predicted_gain":1.7,"share":{"cache_bytes":1,"read_units_per_s":2,"write_units_per_s":3,"net_bytes_per_s":4}}]}"#,
        )
        .unwrap();
        assert!((run.predicted_gain("alpha") - 1.7).abs() < 1e-9);
        assert!((run.predicted_gain("beta") - 1.7).abs() < 1e-9, "falls back to the ratio");
        let quota: Quota = serde_json::from_str(
            r#"{"cache_bytes":1,"read_units_per_s":2,"write_units_per_s":3.5,
                "net_bytes_per_s":4.0,"pinned":false}"#,
        )
        .unwrap();
        assert_eq!(quota.cache_bytes, 1);
    }
}
