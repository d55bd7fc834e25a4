//! One pair of axes, and what can be drawn between them.

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::{
    Cartesian2d, Circle, Color, PathElement, Polygon, RGBColor, Rectangle, SVGBackend, ShapeStyle,
};

use super::axis::Axis;
use super::canvas::{
    Anchor, Area, DrawError, FAINT_INK, GRID, INK, SMALL, TEXT, fitting, pixels, style, write_at,
    write_upwards,
};
use super::palette::{Hatch, Look, Marker};

type Chart<'b> = ChartContext<'b, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Room left of a plot for numbers and the name of the axis.
pub(super) const LEFT_ROOM: i32 = 150;
/// Room above a plot for its title.
pub(super) const TOP_ROOM: i32 = 46;
/// Room below a plot for numbers and the name of the axis.
pub(super) const BOTTOM_ROOM: i32 = 84;

/// Where the axes of a plot are, in pixels of the page; titles, numbers and names stand around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) width: i32,
    pub(super) height: i32,
}

/// Axes that are drawn, ready for data.
pub(super) struct Plot<'a, 'b> {
    area: &'a Area<'b>,
    chart: Chart<'b>,
    x: (f64, f64),
    y: (f64, f64),
    pub(super) frame: Frame,
}

impl<'a, 'b> Plot<'a, 'b> {
    /// Draws axes, grid and labels.
    pub(super) fn open(
        area: &'a Area<'b>,
        frame: Frame,
        title: &str,
        (x, y): (&Axis, &Axis),
    ) -> Result<Self, DrawError> {
        let Frame { left, top, width, height } = frame;
        let inner = area.clone().shrink((left, top), (width.unsigned_abs(), height.unsigned_abs()));
        let chart = ChartBuilder::on(&inner).build_cartesian_2d(x.from..x.to, y.from..y.to)?;
        let plot = Self { area, chart, x: (x.from, x.to), y: (y.from, y.to), frame };
        // Its own mesh places labels by a guess of their width, which shows; ours are anchored.
        for (at, _) in &x.ticks {
            plot.upright(*at, GRID, None)?;
        }
        for (at, _) in &y.ticks {
            plot.level(*at, GRID, None)?;
        }
        plot.upright(x.from, FAINT_INK, None)?;
        plot.level(y.from, FAINT_INK, None)?;
        plot.labels(title, x, y)?;
        Ok(plot)
    }

    fn labels(&self, title: &str, x: &Axis, y: &Axis) -> Result<(), DrawError> {
        let Frame { left, top, width, height } = self.frame;
        let (bottom, middle) = (top + height, left + width / 2);
        let title_style = style(TEXT, INK, Anchor::Left);
        write_at(self.area, &fitting(title, width, TEXT), (left, top - 36), title_style)?;
        let room = width / i32::try_from(x.ticks.len().max(1)).unwrap_or(1) - 8;
        for (at, label) in &x.ticks {
            let label = fitting(label, room, SMALL);
            let at = (self.at(*at, y.from).0, bottom + 10);
            write_at(self.area, &label, at, style(SMALL, FAINT_INK, Anchor::Middle))?;
        }
        for (at, label) in &y.ticks {
            let at = (left - 12, self.at(x.from, *at).1 - SMALL / 2);
            write_at(self.area, label, at, style(SMALL, FAINT_INK, Anchor::Right))?;
        }
        if !x.name.is_empty() {
            let name = fitting(&x.name, width, TEXT);
            write_at(self.area, &name, (middle, bottom + 42), style(TEXT, INK, Anchor::Middle))?;
        }
        if !y.name.is_empty() {
            let at = (left - LEFT_ROOM + 8, top + height / 2);
            write_upwards(self.area, &fitting(&y.name, height + 40, TEXT), at, TEXT)?;
        }
        Ok(())
    }

    /// Pixels of a value; one outside of the axes is at their edge.
    pub(super) fn at(&self, x: f64, y: f64) -> (i32, i32) {
        let within = |value: f64, (from, to): (f64, f64)| value.max(from).min(to);
        self.chart.backend_coord(&(within(x, self.x), within(y, self.y)))
    }

    /// A line through the points; what is no number interrupts it.
    pub(super) fn line(&self, points: &[(f64, f64)], look: Look) -> Result<(), DrawError> {
        let stroke = look.color.stroke_width(look.width);
        for stretch in points.split(|(x, y)| !(x.is_finite() && y.is_finite())) {
            let mut path: Vec<(i32, i32)> = stretch.iter().map(|(x, y)| self.at(*x, *y)).collect();
            path.dedup();
            match look.dash {
                _ if path.len() < 2 => {}
                None => self.area.draw(&PathElement::new(path, stroke))?,
                Some((drawn, gap)) => {
                    self.area.draw(&DashedPathElement::new(path, drawn, gap, stroke))?;
                }
            }
        }
        Ok(())
    }

    /// A marker on every point.
    pub(super) fn markers(&self, points: &[(f64, f64)], look: Look) -> Result<(), DrawError> {
        let known = points.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
        for (x, y) in known {
            marker(self.area, self.at(*x, *y), look)?;
        }
        Ok(())
    }

    /// A bar from 0 to `value`, between two places.
    pub(super) fn bar(&self, from: f64, to: f64, value: f64, look: Look) -> Result<(), DrawError> {
        let (left, top) = self.at(from, value);
        let (right, bottom) = self.at(to, 0.0);
        swatch(self.area, (left, top), (right - 1, bottom), look)
    }

    /// A line from bottom to top.
    pub(super) fn upright(
        &self,
        x: f64,
        color: RGBColor,
        dash: Option<(i32, i32)>,
    ) -> Result<(), DrawError> {
        let x = self.at(x, 0.0).0;
        let Frame { top, height, .. } = self.frame;
        segment(self.area, (x, top), (x, top + height), color, dash)
    }

    /// A line from left to right.
    pub(super) fn level(
        &self,
        y: f64,
        color: RGBColor,
        dash: Option<(i32, i32)>,
    ) -> Result<(), DrawError> {
        let y = self.at(0.0, y).1;
        let Frame { left, width, .. } = self.frame;
        segment(self.area, (left, y), (left + width, y), color, dash)
    }

    /// The area between two lines over the same places: place, lower and upper value.
    pub(super) fn band(&self, points: &[(f64, f64, f64)], fill: RGBColor) -> Result<(), DrawError> {
        let upper = points.iter().map(|(x, _, upper)| self.at(*x, *upper));
        let lower = points.iter().rev().map(|(x, lower, _)| self.at(*x, *lower));
        let outline: Vec<(i32, i32)> = upper.clone().chain(lower).collect();
        if points.len() < 2 {
            return Ok(());
        }
        self.area.draw(&Polygon::new(outline, fill.filled()))?;
        let edge: Vec<(i32, i32)> = upper.collect();
        self.area.draw(&PathElement::new(edge, INK.stroke_width(2)))
    }
}

/// A straight line between two pixels.
pub(super) fn segment(
    area: &Area<'_>,
    from: (i32, i32),
    to: (i32, i32),
    color: RGBColor,
    dash: Option<(i32, i32)>,
) -> Result<(), DrawError> {
    let stroke = color.stroke_width(2);
    match dash {
        None => area.draw(&PathElement::new(vec![from, to], stroke)),
        Some((drawn, gap)) => {
            area.draw(&DashedPathElement::new(vec![from, to], drawn, gap, stroke))
        }
    }
}

/// A marker around a pixel, with a light edge that parts it from what it lies on.
pub(super) fn marker(area: &Area<'_>, (x, y): (i32, i32), look: Look) -> Result<(), DrawError> {
    const R: i32 = 9;
    let fill: ShapeStyle = look.color.filled();
    let polygon = |corners: &[(i32, i32)]| {
        let corners: Vec<(i32, i32)> = corners.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
        area.draw(&Polygon::new(corners, fill))
    };
    match look.marker {
        Marker::None => Ok(()),
        Marker::Circle => area.draw(&Circle::new((x, y), R, fill)),
        Marker::Square => area.draw(&Rectangle::new([(x - R, y - R), (x + R, y + R)], fill)),
        Marker::Triangle => polygon(&[(0, -R - 3), (R + 2, R - 1), (-R - 2, R - 1)]),
        Marker::Diamond => polygon(&[(0, -R - 4), (R + 4, 0), (0, R + 4), (-R - 4, 0)]),
        Marker::Cross => {
            let stroke = look.color.stroke_width(4);
            area.draw(&PathElement::new(vec![(x - R, y - R), (x + R, y + R)], stroke))?;
            area.draw(&PathElement::new(vec![(x - R, y + R), (x + R, y - R)], stroke))
        }
    }
}

/// A filled rectangle, hatched and outlined: bars, and their keys in legends.
pub(super) fn swatch(
    area: &Area<'_>,
    (left, top): (i32, i32),
    (right, bottom): (i32, i32),
    look: Look,
) -> Result<(), DrawError> {
    const GAP: i32 = 12;
    const STEP: usize = 12;
    if right <= left || bottom <= top {
        return Ok(());
    }
    area.draw(&Rectangle::new([(left, top), (right, bottom)], look.color.filled()))?;
    // plotters has no patterns to fill with: lines, cut at the edges.
    let white = RGBColor(0xff, 0xff, 0xff).stroke_width(3);
    let (width, height) = (right - left, bottom - top);
    let cut = |line: Vec<(i32, i32)>| area.draw(&PathElement::new(line, white));
    match look.hatch {
        Hatch::None => {}
        Hatch::Level => {
            for y in (top + 6..bottom).step_by(STEP) {
                cut(vec![(left, y), (right, y)])?;
            }
        }
        Hatch::Upright => {
            for x in (left + 5..right).step_by(STEP) {
                cut(vec![(x, top), (x, bottom)])?;
            }
        }
        Hatch::Rising | Hatch::Falling => {
            for sum in (GAP / 2..width + height).step_by(STEP) {
                let (x1, y1) = (sum.min(width), sum - sum.min(width));
                let (x2, y2) = (sum - sum.min(height), sum.min(height));
                let x = |x: i32| if look.hatch == Hatch::Rising { left + x } else { right - x };
                cut(vec![(x(x1), top + y1), (x(x2), top + y2)])?;
            }
        }
    }
    area.draw(&Rectangle::new([(left, top), (right, bottom)], look.color.stroke_width(2)))
}

/// The difference of two values as pixels of a page's width.
pub(super) fn part(width: i32, number: usize, of: usize) -> i32 {
    pixels(f64::from(width) * number as f64 / of.max(1) as f64)
}
