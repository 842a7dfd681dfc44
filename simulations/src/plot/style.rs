//! Colours, dashes and markers. Colours are those of Okabe and Ito (2008), which people with any colour
//! vision tell apart; yellow is left out, for it fades on white. Dash and marker differ too, for grey print.

/// Colours on white, by place of the series.
pub(super) const COLOURS: [&str; 7] =
    ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"];

/// The same hues on a dark ground.
const DARK: [&str; 7] =
    ["#5AB4F0", "#F58A4B", "#3CC9A0", "#E3A5CB", "#F2BC4A", "#A5DBFA", "#F2F2F2"];

/// Dashes, in points; their number and that of the colours have no common factor.
pub(super) const DASHES: [&str; 5] = ["", "5 2", "1.5 1.5", "6 2 1.5 2", "3 1.5"];

/// Markers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    Cross,
}

const MARKERS: [Marker; 5] =
    [Marker::Circle, Marker::Square, Marker::Triangle, Marker::Diamond, Marker::Cross];

pub(super) const fn colour(place: usize) -> usize {
    place % COLOURS.len()
}

pub(super) const fn dash(place: usize) -> &'static str {
    DASHES[place % DASHES.len()]
}

pub(super) const fn marker(place: usize) -> Marker {
    MARKERS[place % MARKERS.len()]
}

/// Rules that do not depend on the theme.
const RULES: &str = ".lf text{font-family:Helvetica,Arial,'Liberation Sans',sans-serif;font-size:8px;stroke:none}\
.lf .t{font-size:7px}.lf .l{fill:none;stroke-width:1.3;stroke-linejoin:round}.lf .b{stroke:none;fill-opacity:.18}\
.lf .w{fill:none;stroke-width:.9}.lf .a{fill:none;stroke-width:.7}.lf .g{fill:none;stroke-width:.4}\
.lf .r{fill:none;stroke-width:.7;stroke-dasharray:2.5 2}";

fn theme(out: &mut String, scope: &str, ink: &str, grid: &str, ground: &str, colours: &[&str; 7]) {
    use std::fmt::Write as _;
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "{scope} .lf text{{fill:{ink}}}{scope} .lf .a,{scope} .lf .r{{stroke:{ink}}}\
         {scope} .lf .g{{stroke:{grid}}}{scope} .lf .h{{fill:{ground}}}\
         {scope} .lf .o{{stroke:{ground};stroke-width:2.2;paint-order:stroke}}"
    );
    for (place, colour) in colours.iter().enumerate() {
        let _ = write!(
            out,
            "{scope} .lf .s{place}{{stroke:{colour}}}{scope} .lf .p{place}{{fill:{colour}}}"
        );
    }
}

/// Style of a file of its own.
pub(super) fn of_file() -> String {
    let mut out = RULES.to_owned();
    theme(&mut out, "", "#1A1A1A", "#DDDDDD", "#FFFFFF", &COLOURS);
    out
}

/// Style sheet that a page with inline figures needs once, for light and dark.
pub static PAGE_STYLE: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
    let mut out = RULES.to_owned();
    theme(&mut out, ":root", "#1A1A1A", "#DDDDDD", "#FFFFFF", &COLOURS);
    out.push_str("@media (prefers-color-scheme:dark){");
    theme(&mut out, ":root", "#E6E6E6", "#3A3F46", "#15181C", &DARK);
    out.push('}');
    out
});
