//! `hopperkv-load tenants`.

use std::path::PathBuf;

use clap::Args;

use crate::error::LoadError;
use crate::stop::Stop;
use crate::tenants::observe::{TenantsFiles, TenantsLine};
use crate::tenants::summary::TenantsSummary;
use crate::tenants::{TenantsObserver, TenantsPlan, run};

#[derive(Debug, Args)]
pub(super) struct TenantsArgs {
    /// TOML file with the tenants (see above).
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write the summaries as JSON (`-`: to standard output, instead of the text).
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the summaries as CSV, one row per tenant and one of totals.
    #[arg(long, value_name = "FILE")]
    summary_csv: Option<PathBuf>,
    /// Write one row per second and tenant, with quantiles.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write every second's latencies as an HdrHistogram log, tagged with the tenant.
    #[arg(long, value_name = "FILE")]
    hdr: Option<PathBuf>,
    /// No progress line.
    #[arg(long)]
    quiet: bool,
}

impl TenantsArgs {
    pub(super) async fn run(self, stop: Stop) -> Result<u8, LoadError> {
        let plan = TenantsPlan::read(&self.file)?;
        let mut observers: Vec<Box<dyn TenantsObserver>> = Vec::new();
        if !self.quiet {
            observers.push(Box::new(TenantsLine::new(&plan)));
        }
        let files = TenantsFiles::create(&plan, self.csv.as_deref(), self.hdr.as_deref())?;
        observers.push(Box::new(files));
        let ended = run(&plan, stop, observers).await?;
        let summary = TenantsSummary::new(&plan, ended);
        if self.json.as_ref().is_none_or(|path| path.as_os_str() != "-") {
            summary.print();
        }
        if let Some(path) = &self.json {
            summary.write_json(path)?;
        }
        if let Some(path) = &self.summary_csv {
            summary.write_csv(path)?;
        }
        Ok(summary.total.exit_code)
    }
}
