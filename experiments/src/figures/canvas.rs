//! A page to draw on: size, background, title and description, text that fits.
//!
//! plotters keeps whole pixels only, so that figures are drawn at twice the size that they are shown at.

use std::fmt::Write as _;

use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::{
    Color, DrawingArea, IntoDrawingArea, IntoFont, RGBColor, SVGBackend, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, FontTransform, TextStyle};

/// Where figures are drawn, in pixels from the upper left corner.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// What drawing may fail with.
pub(super) type DrawError = DrawingAreaErrorKind<std::io::Error>;

/// Width of every figure.
pub(super) const WIDTH: i32 = 1800;
/// Size of ordinary text.
pub(super) const TEXT: i32 = 26;
/// Size of numbers at axes and of marks.
pub(super) const SMALL: i32 = 23;
/// Space for a figure's title.
pub(super) const TITLE_HEIGHT: i32 = 56;

/// Nearly black.
pub(super) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
/// Of words that are no data.
pub(super) const FAINT_INK: RGBColor = RGBColor(0x55, 0x55, 0x55);
/// Of grid lines.
pub(super) const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);

/// plotters divides sizes of fonts by this for SVG.
const FONT_FACTOR: f64 = 1.24;
/// Width of a character over its size in common sans-serif fonts, on average and rounded up.
const CHARACTER_WIDTH: f64 = 0.58;

/// Where a text's position is in relation to it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Left,
    Middle,
    Right,
}

/// What a page is called.
pub(super) struct Heading<'a> {
    /// Unique among all pages; letters, digits, `-` and `_`.
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    /// For those who cannot see it.
    pub(super) description: &'a str,
}

/// Draws a page of `height` and returns the SVG; `draw` begins below the title.
pub(super) fn page(
    heading: &Heading<'_>,
    height: i32,
    draw: impl FnOnce(&Area<'_>) -> Result<(), DrawError>,
) -> Result<String, DrawError> {
    let mut drawn = String::new();
    {
        let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
        let area = SVGBackend::with_string(&mut drawn, size).into_drawing_area();
        area.fill(&RGBColor(0xff, 0xff, 0xff))?;
        let title = fitting(heading.title, WIDTH - 40, TEXT + 6);
        bold(&area, &title, (20, 14), TEXT + 4)?;
        draw(&area)?;
        area.present()?;
    }
    // Its own opening tag has neither title nor role, and a fixed size.
    let body = drawn.split_once('>').map_or("", |(_, body)| body.trim_start());
    let Heading { id, title, description } = heading;
    let (title, description) = (escaped(title), escaped(description));
    let (shown_width, shown_height) = (WIDTH / 2, height / 2);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{shown_width}\" \
         height=\"{shown_height}\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\n\
         <title id=\"{id}-title\">{title}</title>\n<desc id=\"{id}-desc\">{description}</desc>\n{body}"
    ))
}

/// Replaces what XML and HTML may not contain, and what has a meaning in them.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in plain(text).chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// Replaces characters that XML has no way to write, and line breaks.
pub(crate) fn plain(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\r' | '\t' => ' ',
        c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => '\u{fffd}',
        c => c,
    };
    text.chars().map(shown).collect()
}

/// Shortens a text to what `width` pixels hold.
pub(super) fn fitting(text: &str, width: i32, size: i32) -> String {
    let text = plain(text);
    let most = (f64::from(width.max(0)) / (f64::from(size) * CHARACTER_WIDTH)).floor();
    let length = text.chars().count();
    if length as f64 <= most {
        return text;
    }
    // The end of a name is where names of one kind differ: keep some of it.
    let keep = length.min(characters(most).saturating_sub(1));
    let (head, tail) = (keep - keep / 3, keep / 3);
    let mut short: String = text.chars().take(head).collect();
    short.push('…');
    short.extend(text.chars().skip(length - tail));
    short
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small, positive number of characters"
)]
fn characters(most: f64) -> usize {
    most.clamp(0.0, 1e4) as usize
}

/// Width of a text, about.
pub(super) fn text_width(text: &str, size: i32) -> i32 {
    let characters = i32::try_from(text.chars().count()).unwrap_or(i32::MAX / 256).min(1 << 16);
    pixels(f64::from(characters) * f64::from(size) * CHARACTER_WIDTH)
}

/// Rounds to whole pixels, within what a page can have.
#[expect(clippy::cast_possible_truncation, reason = "clamped")]
pub(super) fn pixels(length: f64) -> i32 {
    if length.is_nan() {
        return 0;
    }
    length.clamp(-1e6, 1e6).round() as i32
}

/// The style of a text.
pub(super) fn style(size: i32, color: RGBColor, anchor: Anchor) -> TextStyle<'static> {
    let horizontal = match anchor {
        Anchor::Left => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::Right => HPos::Right,
    };
    let font = ("sans-serif", f64::from(size) * FONT_FACTOR).into_font();
    let color = color.to_backend_color();
    TextStyle { font, color, pos: Pos::new(horizontal, VPos::Top) }
}

/// Writes a text below `at`.
pub(super) fn write_at(
    area: &Area<'_>,
    text: &str,
    at: (i32, i32),
    style: TextStyle<'_>,
) -> Result<(), DrawError> {
    area.draw(&Text::new(plain(text), at, style))
}

/// Writes a bold text below `at`, to its right.
pub(super) fn bold(
    area: &Area<'_>,
    text: &str,
    at: (i32, i32),
    size: i32,
) -> Result<(), DrawError> {
    let font = ("sans-serif", f64::from(size) * FONT_FACTOR, FontStyle::Bold).into_font();
    let style = TextStyle::from(font).color(&INK).pos(Pos::new(HPos::Left, VPos::Top));
    write_at(area, text, at, style)
}

/// Writes a text upwards, its middle at `at`.
pub(super) fn write_upwards(
    area: &Area<'_>,
    text: &str,
    at: (i32, i32),
    size: i32,
) -> Result<(), DrawError> {
    write_at(area, text, at, upright(size, HPos::Center))
}

/// Writes a text upwards, its start at `at`.
pub(super) fn write_along(
    area: &Area<'_>,
    text: &str,
    at: (i32, i32),
    size: i32,
) -> Result<(), DrawError> {
    write_at(area, text, at, upright(size, HPos::Left))
}

fn upright(size: i32, horizontal: HPos) -> TextStyle<'static> {
    let font = ("sans-serif", f64::from(size) * FONT_FACTOR).into_font();
    let font = font.transform(FontTransform::Rotate270);
    let color = INK.to_backend_color();
    TextStyle { font, color, pos: Pos::new(horizontal, VPos::Top) }
}

/// A number without more digits than it needs.
pub(crate) fn number(value: f64) -> String {
    let (part, unit) = match value.abs() {
        large if large >= 1e12 => return format!("{value:.1e}"),
        large if large >= 1e9 => (value / 1e9, " G"),
        large if large >= 1e6 => (value / 1e6, " M"),
        large if large >= 1e3 => return thousands(&format!("{value:.0}")),
        _ => (value, ""),
    };
    format!("{}{unit}", trimmed(part))
}

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        let follow = digits.len() - index;
        if index > 0 && follow.is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes with a unit.
pub(crate) fn bytes(value: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut part, mut unit) = (value, 0);
    while part.abs() >= 1024.0 && unit + 1 < UNITS.len() {
        part /= 1024.0;
        unit += 1;
    }
    format!("{} {}", trimmed(part), UNITS[unit])
}

fn trimmed(value: f64) -> String {
    let digits = match value.abs() {
        large if large >= 100.0 => 0,
        middle if middle >= 10.0 => 1,
        small if small >= 1.0 || small == 0.0 => 2,
        _ => 3,
    };
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write!(text, "{value:.digits$}");
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    text
}
