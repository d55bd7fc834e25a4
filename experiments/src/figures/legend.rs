//! What the lines, bars and areas of a figure mean, in rows above its axes, where no data is.

use plotters::element::DashedPathElement;
use plotters::prelude::{Color, PathElement};

use super::canvas::{
    Anchor, Area, DrawError, INK, TEXT, WIDTH, fitting, style, text_width, write_at,
};
use super::palette::{Look, of_policy};
use super::plot::{marker, swatch};
use crate::spec::Policy;

const ROW: i32 = 44;
const KEY: i32 = 108;
const LEFT: i32 = 24;
const LONGEST: i32 = 520;

/// How an entry's key is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// A line, with its marker.
    Line,
    /// A marker alone.
    Marker,
    /// A piece of a bar or an area.
    Fill,
}

/// Entries in order.
#[derive(Debug, Default)]
pub(super) struct Legend {
    entries: Vec<(String, Look, Key)>,
}

impl Legend {
    /// One entry for each policy.
    pub(super) fn of(policies: &[Policy], key: Key) -> Self {
        let mut legend = Self::default();
        for policy in policies {
            legend.add(policy.name(), of_policy(*policy), key);
        }
        legend
    }

    pub(super) fn add(&mut self, text: &str, look: Look, key: Key) {
        self.entries.push((fitting(text, LONGEST, TEXT), look, key));
    }

    /// Height of all rows.
    pub(super) fn height(&self) -> i32 {
        self.places().last().map_or(0, |(_, y)| y + ROW)
    }

    /// Where each entry begins, from the upper left corner.
    fn places(&self) -> Vec<(i32, i32)> {
        let (mut x, mut y) = (LEFT, 0);
        let mut places = Vec::new();
        for (text, _, _) in &self.entries {
            let width = KEY + 12 + text_width(text, TEXT) + 36;
            if x > LEFT && x + width > WIDTH {
                (x, y) = (LEFT, y + ROW);
            }
            places.push((x, y));
            x += width;
        }
        places
    }

    /// Draws it at `top`.
    pub(super) fn draw(&self, area: &Area<'_>, top: i32) -> Result<(), DrawError> {
        for ((text, look, key), (x, y)) in self.entries.iter().zip(self.places()) {
            let (y, middle) = (top + y, top + y + TEXT / 2);
            match key {
                Key::Line => {
                    let stroke = look.color.stroke_width(look.width);
                    let path = vec![(x, middle), (x + KEY, middle)];
                    match look.dash {
                        None => area.draw(&PathElement::new(path, stroke))?,
                        Some((drawn, gap)) => {
                            area.draw(&DashedPathElement::new(path, drawn, gap, stroke))?;
                        }
                    }
                    marker(area, (x + KEY / 2, middle), *look)?;
                }
                Key::Marker => marker(area, (x + KEY - 16, middle), *look)?,
                Key::Fill => swatch(area, (x + 40, y - 2), (x + KEY, y + TEXT + 4), *look)?,
            }
            write_at(area, text, (x + KEY + 12, y), style(TEXT, INK, Anchor::Left))?;
        }
        Ok(())
    }
}
