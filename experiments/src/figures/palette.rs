//! How policies and tenants look: Okabe and Ito's colours, and besides them dashes, markers and hatches, so that figures can
//! be read in grey and by everybody.

use plotters::prelude::RGBColor;

use crate::spec::Policy;

/// A mark on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    None,
    Circle,
    Square,
    Triangle,
    Diamond,
    Cross,
}

/// Lines over the fill of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hatch {
    None,
    Rising,
    Falling,
    Upright,
    Level,
}

/// How one series looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) color: RGBColor,
    /// Pixels drawn and left out; `None` is a line without gaps.
    pub(super) dash: Option<(i32, i32)>,
    pub(super) marker: Marker,
    pub(super) hatch: Hatch,
    /// Of its line, in pixels.
    pub(super) width: u32,
}

const BLACK: RGBColor = RGBColor(0x33, 0x33, 0x33);
const ORANGE: RGBColor = RGBColor(0xe6, 0x9f, 0x00);
const SKY: RGBColor = RGBColor(0x56, 0xb4, 0xe9);
const GREEN: RGBColor = RGBColor(0x00, 0x9e, 0x73);
const YELLOW: RGBColor = RGBColor(0xf0, 0xe4, 0x42);
const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xb2);
const VERMILION: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
const PURPLE: RGBColor = RGBColor(0xcc, 0x79, 0xa7);
const MINT: RGBColor = RGBColor(0xc5, 0xea, 0xd3);
const BROWN: RGBColor = RGBColor(0x7a, 0x45, 0x2b);

/// Tenants that have a fill of their own.
pub(super) const TENANTS: usize = 9;

/// The look of a policy, the same in every figure.
pub(super) fn of_policy(policy: Policy) -> Look {
    let look = |color, dash, marker, hatch, width| Look { color, dash, marker, hatch, width };
    match policy {
        Policy::Static => look(BLACK, Some((6, 6)), Marker::None, Hatch::None, 3),
        Policy::NonPartitioned => look(PURPLE, Some((4, 10)), Marker::Cross, Hatch::Upright, 4),
        Policy::Drf => look(ORANGE, Some((22, 10)), Marker::Triangle, Hatch::Rising, 4),
        Policy::Memshare => look(SKY, Some((12, 8)), Marker::Square, Hatch::Falling, 4),
        Policy::Hare => look(VERMILION, Some((34, 8)), Marker::Diamond, Hatch::Level, 4),
        Policy::Ours => look(BLUE, None, Marker::Circle, Hatch::None, 5),
    }
}

/// Fill of the area of a tenant, one of [`TENANTS`]; neighbours differ in lightness too.
pub(super) fn of_tenant(number: usize) -> RGBColor {
    const FILLS: [RGBColor; TENANTS] =
        [BLUE, ORANGE, GREEN, YELLOW, VERMILION, SKY, PURPLE, MINT, BROWN];
    FILLS[number % TENANTS]
}

/// Fill of the area of all who have none of their own.
pub(super) const OF_OTHERS: RGBColor = RGBColor(0xbb, 0xbb, 0xbb);
