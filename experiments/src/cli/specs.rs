//! `list`, `show` and `check`: specs without running them.

use std::path::PathBuf;

use clap::Args;

use super::{CliError, say};
use crate::runner::shipped::{self, OpenError};
use crate::spec::{Scale, Spec, Traffic};

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Its name, as `list` has it.
    spec: String,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Names, as `list` has them, or files.
    #[arg(required = true, value_name = "SPEC")]
    specs: Vec<String>,
    /// Sizes and rates are those of the spec times this.
    #[arg(long, default_value = "1")]
    scale: Scale,
    /// Directory that the traces named by specs are relative to [default: that of the spec].
    #[arg(long, value_name = "DIR")]
    traces: Option<PathBuf>,
}

pub(super) fn list() -> Result<u8, CliError> {
    for name in shipped::names() {
        let spec = shipped::open(name, None)?;
        say(format!("{:14}{}", spec.name, spec.title))?;
    }
    Ok(0)
}

pub(super) fn show(args: &ShowArgs) -> Result<u8, CliError> {
    let Some(text) = shipped::text(&args.spec) else {
        return Err(OpenError::Unknown { name: args.spec.clone() }.into());
    };
    say(text.trim_end())?;
    Ok(0)
}

pub(super) fn check(args: &CheckArgs) -> Result<u8, CliError> {
    for name in &args.specs {
        describe(&shipped::open(name, args.traces.as_deref())?, args.scale)?;
    }
    Ok(0)
}

fn describe(spec: &Spec, scale: Scale) -> Result<(), CliError> {
    let at = |point| spec.at(point, scale).map_err(OpenError::from);
    let tenants = at(0)?;
    for point in 1..spec.points() {
        at(point)?;
    }
    say(format!("{}: {}", spec.name, spec.title))?;
    if let Some(paper) = &spec.paper {
        say(format!("  after       {paper}"))?;
    }
    let policies: Vec<&str> = spec.policies.iter().map(|policy| policy.name()).collect();
    say(format!("  policies    {}", policies.join(", ")))?;
    if let Some(vary) = &spec.vary {
        say(format!("  varies      {} = {}", vary.name, vary.values.join(", ")))?;
    }
    let runs = spec.points() * policies.len();
    let length_s = spec.length(&tenants).as_secs_f64();
    say(format!("  runs        {runs}, each {length_s} s of its own time, at scale {scale}"))?;
    say(format!("  tenants     {}", tenants.len()))?;
    const SHOWN: usize = 16;
    for tenant in tenants.iter().take(SHOWN) {
        let traffic = match (&tenant.traffic, &tenant.stands_in_for) {
            (Traffic::Workload(workload), None) => workload.to_string(),
            (Traffic::Workload(workload), Some(trace)) => {
                format!("{workload} (a stand-in: there is no {})", trace.display())
            }
            (Traffic::Trace(path), _) => path.display().to_string(),
        };
        say(format!("    {:20} {traffic}", tenant.name))?;
    }
    if tenants.len() > SHOWN {
        say(format!("    ... and {} more", tenants.len() - SHOWN))?;
    }
    Ok(())
}
