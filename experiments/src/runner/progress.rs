//! How far a run of many jobs is: a bar with the time that is left on a terminal, a line for each job elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::plan::Job;

/// How long costs are believed against what jobs took, in seconds of jobs.
const TRUST_S: f64 = 10.0;

/// Shows how far the jobs are.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    begun: Instant,
    jobs: usize,
    done: usize,
    /// What all jobs are thought to take, those that are done, and those of these that were there already.
    cost_s: f64,
    done_s: f64,
    there_s: f64,
}

impl Progress {
    /// Nothing done yet of these jobs; `quiet` shows nothing.
    #[must_use]
    pub fn new(jobs: &[Job], quiet: bool) -> Self {
        let cost_s: f64 = jobs.iter().map(|job| job.cost_s).sum();
        let bar = (!quiet && io::stderr().is_terminal()).then(|| {
            let style = "{elapsed_precise} [{wide_bar}] {msg}  {prefix}";
            let style = ProgressStyle::with_template(style);
            let bar = ProgressBar::new(ticks(cost_s));
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(500));
            bar
        });
        let begun = Instant::now();
        let lines = if quiet { 0 } else { jobs.len() };
        let progress = Self { bar, begun, jobs: lines, done: 0, cost_s, done_s: 0.0, there_s: 0.0 };
        if let Some(bar) = &progress.bar {
            bar.set_prefix(progress.left());
        }
        progress
    }

    /// A job begins.
    pub fn begin(&self, job: &Job) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}/{} {}", self.done + 1, self.jobs, job.label()));
        }
    }

    /// A job is done, in so many seconds; `None`: it was there already.
    pub fn end(&mut self, job: &Job, took_s: Option<f64>) {
        self.done += 1;
        self.done_s += job.cost_s;
        if took_s.is_none() {
            self.there_s += job.cost_s;
        }
        let left = self.left();
        if let Some(bar) = &self.bar {
            bar.set_position(ticks(self.done_s));
            bar.set_prefix(left);
        } else if self.jobs > 0 {
            let took =
                took_s.map_or_else(|| "there already".into(), |took_s| format!("{took_s:.1} s"));
            let _ = writeln!(
                io::stderr(),
                "[{}/{}] {}: {took}{left}",
                self.done,
                self.jobs,
                job.label()
            );
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// What is left, by what the jobs so far took for what they were thought to take.
    fn left(&self) -> String {
        let left_s = self.left_s(self.begun.elapsed().as_secs_f64());
        match left_s {
            none if none <= 0.0 => String::new(),
            short if short < 90.0 => format!(", about {short:.0} s left"),
            long => format!(", about {:.0} min left", long / 60.0),
        }
    }

    fn left_s(&self, elapsed_s: f64) -> f64 {
        let (worked_s, to_do_s) = (self.done_s - self.there_s, self.cost_s - self.done_s);
        to_do_s.max(0.0) * (elapsed_s + TRUST_S) / (worked_s + TRUST_S)
    }
}

/// A bar's position is a whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positive, and far below 2^64 milliseconds; the cast saturates"
)]
fn ticks(seconds: f64) -> u64 {
    (seconds * 1e3) as u64
}

#[cfg(test)]
mod tests {
    use super::Progress;
    use crate::runner::{Settings, plan, shipped};
    use crate::spec::{Engine, Scale};

    #[test]
    fn the_time_left_is_right_from_the_first_job_on() {
        let specs: Vec<_> =
            ["6a", "8"].map(|name| std::sync::Arc::new(shipped::open(name, None).unwrap())).into();
        let settings = Settings { scale: Scale::FULL, seed: 1 };
        let jobs = plan::jobs(&specs, &plan::Only::default(), &settings, Engine::Sim).unwrap();
        let mut progress = Progress::new(&jobs, true);
        // Machines differ; 6a and 8 take 25 and 234 s on the one that costs were measured on.
        progress.end(&jobs[0], Some(0.2));
        let early_s = progress.left_s(0.2);
        assert!((130.0..520.0).contains(&early_s), "{early_s}");
        // What was there already says nothing of how long the rest takes.
        for job in &jobs[1..35] {
            progress.end(job, None);
        }
        let late_s = progress.left_s(0.3);
        assert!((120.0..470.0).contains(&late_s), "{late_s}");
        for job in &jobs[35..] {
            progress.end(job, Some(40.0));
        }
        assert!(progress.left_s(240.0) < 1e-6);
    }
}
