//! Every tenant of every run, for those who want to calculate themselves.

use crate::results::{Experiment, TenantGain};

const HEAD: [&str; 14] = [
    "spec",
    "engine",
    "scale",
    "seed",
    "point",
    "value",
    "policy",
    "tenant",
    "throughput_per_s",
    "hit_ratio",
    "gain",
    "predicted_gain",
    "delivered_gain",
    "off_by",
];

/// As CSV; what is not known is empty.
pub(super) fn of(experiments: &[Experiment<'_>]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Rows of equal length in memory cannot fail.
    let _ = writer.write_record(HEAD);
    for experiment in experiments {
        for run in experiment.runs() {
            let gains = experiment.gains(run.point, run.policy);
            for (tenant, gain) in run.tenants.iter().zip(gains) {
                let known = |value: Option<f64>| value.map_or(String::new(), |v| format!("{v:.4}"));
                let TenantGain { gain: over_base, predicted, delivered, .. } = gain;
                let _ = writer.write_record([
                    experiment.spec.name.clone(),
                    experiment.engine.to_string(),
                    experiment.scale.to_string(),
                    experiment.seed.to_string(),
                    run.point.to_string(),
                    run.point_label.clone(),
                    run.policy.to_string(),
                    tenant.name.clone(),
                    tenant.throughput_per_s.to_string(),
                    tenant.hit_ratio.to_string(),
                    known(over_base),
                    known(predicted),
                    known(delivered),
                    known(gain.off_by()),
                ]);
            }
        }
    }
    let written = writer.into_inner().unwrap_or_default();
    String::from_utf8(written).unwrap_or_default()
}
