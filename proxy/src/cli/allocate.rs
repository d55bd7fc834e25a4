//! `hopperkv allocate`: the allocator's decisions, offline from a file or live as a dry run.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use hare::{Instance, Policy};
use serde_json::Value;
use ureq::http::Method;

use super::remote::{AdminArgs, AdminClient};
use super::stats::{amount, bytes, number, plain};
use super::{Failure, output};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["file", "dry_run"]), after_help = "\
Offline, each line of the file is one problem (params, tenants with demand_if_miss, net_alpha, base and mrc), and each
line printed is its solution: id, improve_ratio, rounds, alloc. A line that is wrong ends the run with exit code 2 and
its number; the solutions before it have been printed.

Examples:
  hopperkv allocate --file instances.jsonl
  hopperkv allocate --file - --policy drf < instances.jsonl
  hopperkv allocate --dry-run --policy hare")]
pub(super) struct AllocateArgs {
    /// Problems, one JSON object a line; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Ask a running proxy what it would decide now; nothing is changed.
    #[arg(long)]
    dry_run: bool,
    /// optimum, hare, hare_nonconserving, drf, memshare or static. Default: optimum; for --dry-run, the proxy's own.
    #[arg(long, value_name = "NAME")]
    policy: Option<Policy>,
    /// With --dry-run: print the whole run as JSON.
    #[arg(long, requires = "dry_run")]
    json: bool,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Solves a file's problems, or asks a running proxy.
///
/// # Errors
/// A line that is no problem, or a proxy that does not answer.
pub(super) fn run(args: &AllocateArgs) -> Result<(), Failure> {
    let Some(path) = &args.file else { return dry_run(args) };
    let policy = args.policy.unwrap_or_default();
    let out = BufWriter::new(io::stdout().lock());
    if path == Path::new("-") {
        return solve_all("standard input", io::stdin().lock(), policy, out);
    }
    let name = path.display().to_string();
    let file =
        File::open(path).map_err(|error| Failure::input(format!("cannot read {name}: {error}")))?;
    solve_all(&name, BufReader::new(file), policy, out)
}

fn solve_all(
    name: &str,
    problems: impl BufRead,
    policy: Policy,
    mut out: impl Write,
) -> Result<(), Failure> {
    for (number, line) in (1..).zip(problems.lines()) {
        let solved = line.map_err(|error| error.to_string()).and_then(|line| solve(&line, policy));
        let written = match solved {
            Ok(Some(solution)) => writeln!(out, "{solution}"),
            Ok(None) => Ok(()),
            Err(problem) => {
                // What was solved so far is whole lines; a reader that is gone does not matter now.
                let _ = out.flush();
                return Err(Failure::input(format!("{name}:{number}: {problem}")));
            }
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(Failure::failed(format!("cannot write: {error}"))),
            Ok(()) => {}
        }
    }
    match out.flush() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("cannot write: {error}")))
        }
        _ => Ok(()),
    }
}

/// The solution of one line; nothing for an empty one.
fn solve(line: &str, policy: Policy) -> Result<Option<String>, String> {
    if line.trim().is_empty() {
        return Ok(None);
    }
    let instance: Instance = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let solution = hare::solve(&instance, policy).map_err(|error| error.to_string())?;
    serde_json::to_string(&solution).map(Some).map_err(|error| error.to_string())
}

fn dry_run(args: &AllocateArgs) -> Result<(), Failure> {
    let policy = args.policy.map_or_else(String::new, |policy| format!("&policy={policy}"));
    let path = format!("/v1/allocator/runs?dry_run=true{policy}");
    let client = args.admin.client();
    let run = client.call(Method::POST, &path, None)?;
    if args.json {
        output::line(&format!("{run:#}"));
        return Ok(());
    }
    let text = |field: &str| run.get(field).and_then(Value::as_str).unwrap_or("?");
    output::line(&format!("{}: {}", text("policy"), text("reason")));
    let weights = weights(&client)?;
    let mut rows = vec![
        [
            "tenant",
            "role",
            "weight",
            "gain",
            "now",
            "cache",
            "was",
            "read units/s",
            "was",
            "net B/s",
            "was",
        ]
        .map(String::from)
        .to_vec(),
    ];
    for tenant in run.get("tenants").and_then(Value::as_array).into_iter().flatten() {
        let word =
            |field: &str| tenant.get(field).and_then(Value::as_str).unwrap_or("?").to_owned();
        let at = |path| number(tenant, path);
        let gain = |path| at(path).map_or_else(|| String::from("-"), |gain| format!("{gain:.2}x"));
        rows.push(vec![
            word("name"),
            word("role"),
            weights.get(&word("name")).map_or_else(|| String::from("-"), Clone::clone),
            gain("/predicted_gain"),
            gain("/current_gain"),
            bytes(at("/share/cache_bytes")),
            bytes(at("/current/cache_bytes")),
            amount(at("/share/read_units_per_s")),
            amount(at("/current/read_units_per_s")),
            amount(at("/share/net_bytes_per_s")),
            amount(at("/current/net_bytes_per_s")),
        ]);
    }
    output::table(&rows);
    Ok(())
}

/// Every tenant's weight.
fn weights(client: &AdminClient) -> Result<HashMap<String, String>, Failure> {
    let answer = client.get("/v1/tenants")?;
    let tenants = answer.get("tenants").and_then(Value::as_array).into_iter().flatten();
    let weight = |tenant: &Value| {
        Some((tenant.get("name")?.as_str()?.to_owned(), plain(number(tenant, "/weight"))))
    };
    Ok(tenants.filter_map(weight).collect())
}

#[cfg(test)]
mod tests {
    use hare::Policy;

    use super::solve_all;

    const PROBLEM: &str = r#"{"id": 7, "params": {"cache_delta": 1, "min_cache_size": 1}, "tenants": [
        {"demand_if_miss": {"rcu": 1, "wcu": 0, "net": 1}, "base": {"cache": 1, "rcu": 1, "wcu": 1, "net": 1},
         "mrc": {"bytes": [1, 2], "miss_ratio": [0.5, 0.25]}}]}"#;

    #[test]
    fn solutions_are_printed_up_to_the_line_that_is_wrong() {
        let good = PROBLEM.replace('\n', " ");
        let mut out = Vec::new();
        let text = format!("{good}\n\n{{\"id\": 8}}\n{good}\n");
        let failure = solve_all("x.jsonl", text.as_bytes(), Policy::Hare, &mut out).unwrap_err();
        assert!(failure.message.starts_with("x.jsonl:3: "), "{}", failure.message);
        assert_eq!(failure.code, 2);
        let printed = String::from_utf8(out).unwrap();
        assert_eq!(printed.lines().count(), 1);
        let solution: serde_json::Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(solution["id"], 7);
        assert!(solution["alloc"].is_array());
    }
}
