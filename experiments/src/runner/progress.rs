//! How far a run of many jobs is: a bar with the time that is left on a terminal, a line for each job elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::plan::Job;

/// Shows how far the jobs are.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    begun: Instant,
    jobs: usize,
    done: usize,
    /// What all jobs cost, those that are done, and those of these that were there already.
    cost: u64,
    cost_done: u64,
    cost_there: u64,
}

impl Progress {
    /// Nothing done yet of these jobs; `quiet` shows nothing.
    #[must_use]
    pub fn new(jobs: &[Job], quiet: bool) -> Self {
        let cost = jobs.iter().map(|job| job.cost).sum();
        let bar = (!quiet && io::stderr().is_terminal()).then(|| {
            let style = "{elapsed_precise} [{wide_bar}] {msg}  {prefix}";
            let style = ProgressStyle::with_template(style);
            let bar = ProgressBar::new(cost);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(500));
            bar
        });
        let begun = Instant::now();
        let lines = if quiet { 0 } else { jobs.len() };
        Self { bar, begun, jobs: lines, done: 0, cost, cost_done: 0, cost_there: 0 }
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
        self.cost_done += job.cost;
        if took_s.is_none() {
            self.cost_there += job.cost;
        }
        let left = self.left();
        if let Some(bar) = &self.bar {
            bar.set_position(self.cost_done);
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

    /// What is left, by what the jobs so far took for what they cost.
    fn left(&self) -> String {
        let (worked, to_do) = (self.cost_done - self.cost_there, self.cost - self.cost_done);
        if worked == 0 || to_do == 0 {
            return String::new();
        }
        let left_s = self.begun.elapsed().as_secs_f64() * to_do as f64 / worked as f64;
        if left_s < 90.0 {
            format!(", about {left_s:.0} s left")
        } else {
            format!(", about {:.0} min left", left_s / 60.0)
        }
    }
}
