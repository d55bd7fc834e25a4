//! The answer as a table.

use std::fmt::Write;

use super::Answer;

/// What is to be read on a terminal.
#[must_use]
pub fn render(answer: &Answer) -> String {
    let mut text = String::from("What the traces say:\n\n");
    let width = answer.tenants.iter().map(|tenant| tenant.name.len()).max().unwrap_or(0).max(6);
    let _ = writeln!(
        text,
        "  {:<width$} {:>12} {:>7} {:>10} {:>9}  per request if all missed",
        "tenant", "requests", "writes", "keys", "miss at"
    );
    let _ =
        writeln!(text, "  {:<width$} {:>12} {:>7} {:>10} {:>9}", "", "", "", "in reach", "base");
    for tenant in &answer.tenants {
        let learned = &tenant.learned;
        let writes = 1.0 - learned.reads as f64 / learned.requests.max(1) as f64;
        let demand = &learned.demand;
        let _ = writeln!(
            text,
            "  {:<width$} {:>12} {:>6.1}% {:>10} {:>9.3}  {:.2} read units, {:.2} write units, {:.0} B",
            tenant.name,
            learned.requests,
            writes * 100.0,
            learned.keys,
            learned.curve.miss_ratio_at(tenant.base.0.cache_bytes),
            demand.read_units,
            demand.write_units,
            demand.net_bytes,
        );
    }
    notes(&mut text, answer);
    let simulated = answer.policies.iter().flat_map(|told| &told.tenants);
    let is_simulated = simulated.clone().any(|tenant| tenant.simulated_gain.is_some());
    let _ = write!(
        text,
        "\nWhat each policy would give:\n\n  {:<16} {:<width$} {:>10} {:>9} {:>9} {:>10} {:>7} {:>11} {:>6}",
        "policy", "tenant", "cache", "rcu", "wcu", "net", "miss", "requests/s", "gain"
    );
    text.push_str(if is_simulated { "  simulated\n" } else { "\n" });
    for told in &answer.policies {
        for (place, (tenant, told_tenant)) in answer.tenants.iter().zip(&told.tenants).enumerate() {
            let share = &told_tenant.share;
            let per_s = told_tenant
                .throughput_per_s
                .map_or("no limit".into(), |per_s| format!("{per_s:.0}"));
            let _ = write!(
                text,
                "  {:<16} {:<width$} {:>10} {:>9.1} {:>9.1} {:>10} {:>7.3} {per_s:>11} {:>5.2}x",
                if place == 0 { told.policy.name() } else { "" },
                tenant.name,
                bytes(share.cache_bytes as f64),
                share.read_units_per_s,
                share.write_units_per_s,
                bytes(share.net_bytes_per_s) + "/s",
                told_tenant.miss_ratio,
                told_tenant.gain,
            );
            match told_tenant.simulated_gain {
                Some(gain) => drop(writeln!(text, "  {gain:>8.2}x")),
                None => text.push('\n'),
            }
        }
    }
    text
}

/// What has to be known of the traces.
fn notes(text: &mut String, answer: &Answer) {
    for tenant in &answer.tenants {
        let (trace, notes) = (tenant.trace.display(), &tenant.notes);
        if let Some(first) = &notes.first_malformed {
            let _ = writeln!(
                text,
                "\n  {trace}: {} malformed lines left out, the first: {first}",
                notes.malformed
            );
        }
        if notes.skipped_ops > 0 {
            let _ = writeln!(
                text,
                "\n  {trace}: {} operations without a counterpart left out",
                notes.skipped_ops
            );
        }
        if tenant.learned.watched < 1.0 {
            let _ = writeln!(
                text,
                "\n  {trace}: too many keys to watch all; its curve is from {:.1} % of them",
                tenant.learned.watched * 100.0
            );
        }
    }
}

fn bytes(bytes: f64) -> String {
    const UNITS: [(&str, f64); 3] =
        [("GiB", 1_073_741_824.0), ("MiB", 1_048_576.0), ("KiB", 1024.0)];
    let unit = UNITS.iter().find(|(_, size)| bytes >= *size);
    unit.map_or(format!("{bytes:.0}B"), |(name, size)| format!("{:.1}{name}", bytes / size))
}
