//! Figures of an experiment, as SVG: text is text in the reader's own sans-serif font, the background is white, and colours,
//! dashes, markers and hatches tell policies apart together.
//!
//! Which figures an experiment gets follows from its shape:
//!
//! | shape | figures |
//! |---|---|
//! | something is varied, at most four tenants | throughput and shares over it |
//! | something is varied, more tenants | smallest and largest gain over it |
//! | nothing is varied, or at most four points and more than four tenants | bars of normalised throughput (up to 32 tenants) |
//! | more than four tenants | distribution of normalised throughput |
//! | decisions are periodic | timeline of throughput, and one of shares for each policy |
//! | there are curves | curves with base and final cache |

mod axis;
mod bars;
mod canvas;
mod curves;
mod distribution;
mod legend;
mod palette;
mod plot;
mod shares;
mod timeline;
mod varied;

#[cfg(test)]
mod tests;

use std::fmt;

pub(crate) use canvas::{bytes, escaped, number, plain, thousands};

use crate::results::Experiment;
use crate::spec::Engine;

/// More tenants than these have no column of their own where something is varied.
const MOST_COLUMNS: usize = 4;
/// Up to so many points have figures of their own.
const FEW_POINTS: usize = 4;

/// A drawn figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// Unique among the figures of all experiments; names its file too.
    pub id: String,
    /// One line.
    pub title: String,
    /// What is drawn, for those who cannot see it and as a caption.
    pub description: String,
    /// A whole SVG document.
    pub svg: String,
}

/// A figure that could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("figure {figure}: {problem}; please report this with the results it was made of")]
pub struct FigureError {
    /// Its id.
    pub figure: String,
    /// What the drawing library said.
    pub problem: String,
}

/// A figure before it is drawn.
struct Draft {
    kind: String,
    title: String,
    description: String,
}

impl Draft {
    fn new(kind: &str, title: impl fmt::Display, description: String) -> Self {
        Self { kind: kind.to_owned(), title: title.to_string(), description }
    }

    /// Draws it: `draw` gets the page, whose title ends at `canvas::TITLE_HEIGHT`.
    fn finish(
        self,
        experiment: &Experiment<'_>,
        height: i32,
        draw: impl FnOnce(&canvas::Area<'_>) -> Result<(), canvas::DrawError>,
    ) -> Result<Figure, FigureError> {
        let id = format!("{}-{}", id_of(experiment), self.kind);
        let heading =
            canvas::Heading { id: &id, title: &self.title, description: &self.description };
        match canvas::page(&heading, height, draw) {
            Ok(svg) => Ok(Figure { id, title: self.title, description: self.description, svg }),
            Err(error) => Err(FigureError { figure: id, problem: error.to_string() }),
        }
    }
}

/// A name for an experiment that files and anchors can have.
#[must_use]
pub(crate) fn id_of(experiment: &Experiment<'_>) -> String {
    let Experiment { spec, engine, scale, seed, .. } = experiment;
    let inverse = (1.0 / scale).round();
    let scale = if (1.0..1e6).contains(&inverse) && (1.0 / inverse).total_cmp(scale).is_eq() {
        format!("1-{inverse}")
    } else {
        format!("{scale:e}").replace('.', "_")
    };
    format!("{}-{engine}-{scale}-seed{seed}", spec.name)
}

/// Whether a file's name is one that a figure of some experiment has.
#[must_use]
pub(crate) fn is_figure_file(name: &str) -> bool {
    let engines = [Engine::Live, Engine::Sim];
    let is_of = |engine: &Engine| {
        let rest = name.split_once(&format!("-{engine}-"));
        rest.is_some_and(|(_, rest)| rest.contains("-seed") && rest.ends_with(".svg"))
    };
    engines.iter().any(is_of)
}

/// All figures of an experiment; one that cannot be drawn does not keep the others back.
#[must_use]
pub fn of(experiment: &Experiment<'_>) -> Vec<Result<Figure, FigureError>> {
    let mut figures = Vec::new();
    figures.extend(varied::draw(experiment).transpose());
    figures.extend(bars::draw(experiment));
    figures.extend(distribution::draw(experiment));
    figures.extend(timeline::draw(experiment));
    figures.extend(shares::draw(experiment));
    figures.extend(curves::draw(experiment).transpose());
    figures
}

/// Kind of a figure of one point; most experiments with such figures vary nothing.
fn kind(kind: &str, point: usize) -> String {
    if point == 0 { kind.to_owned() } else { format!("{kind}-{point}") }
}

/// What a title says of the point: ` at 4m`, or nothing if nothing is varied.
fn at_point(experiment: &Experiment<'_>, point: usize) -> String {
    match experiment.point_label(point) {
        "" => String::new(),
        label => format!(" at {label}"),
    }
}

/// Grid of plots: columns side by side, rows below each other, under title and legend.
#[derive(Debug, Clone, Copy)]
struct Grid {
    columns: usize,
    top: i32,
    plot_height: i32,
    row_height: i32,
}

impl Grid {
    fn new(columns: usize, legend_height: i32, plot_height: i32) -> Self {
        let top = canvas::TITLE_HEIGHT + legend_height + 12;
        let row_height = plot_height + plot::TOP_ROOM + plot::BOTTOM_ROOM;
        Self { columns: columns.max(1), top, plot_height, row_height }
    }

    fn height(&self, plots: usize) -> i32 {
        let rows = i32::try_from(plots.div_ceil(self.columns).max(1)).unwrap_or(1);
        self.top + rows * self.row_height
    }

    fn frame(&self, number: usize) -> plot::Frame {
        let (row, column) = (number / self.columns, number % self.columns);
        let cell = plot::part(canvas::WIDTH, 1, self.columns);
        plot::Frame {
            left: plot::part(canvas::WIDTH, column, self.columns) + plot::LEFT_ROOM,
            top: self.top + i32::try_from(row).unwrap_or(0) * self.row_height + plot::TOP_ROOM,
            width: cell - plot::LEFT_ROOM - 36,
            height: self.plot_height,
        }
    }
}
