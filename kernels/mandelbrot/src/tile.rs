//! Draws one tile: every pixel once, and those where the picture is finer than
//! a pixel several times.

use crate::colour::Light;
use crate::orbit::{Orbit, trace};
use crate::palette::Palette;
use crate::view::{Rect, View};

/// Pixels from the set below which one point is not enough.
const FINE: f64 = 3.0;

/// Where the further points of a pixel lie, from its middle: a rotated grid, so
/// that edges near the axes get as many shades as there are points.
const FURTHER: [(f64, f64); 4] = [
    (-0.125, -0.375),
    (0.375, -0.125),
    (0.125, 0.375),
    (-0.375, 0.125),
];

/// The pixels of a tile, row by row, three bytes each.
pub(crate) fn draw(view: &View, palette: &Palette, place: Rect) -> Vec<u8> {
    let first = Sampled::of(view, place);
    let fine: Vec<(u32, u32)> = place
        .pixels()
        .filter(|at| first.is_fine(*at, view.pixel))
        .collect();

    let points: Vec<(f64, f64)> = fine
        .iter()
        .flat_map(|(x, y)| {
            let (x, y) = (
                f64::from(place.left + x) + 0.5,
                f64::from(place.top + y) + 0.5,
            );
            FURTHER.map(|(right, down)| view.point(x + right, y + down))
        })
        .collect();
    let further = trace(&points, view.max_iterations, &mut |begun| {
        tell_progress(1, begun, points.len())
    });

    let mut pixels = vec![0; place.width as usize * place.height as usize * 3];
    let mut put = |(x, y): (u32, u32), light: Light| {
        let at = (y as usize * place.width as usize + x as usize) * 3;
        pixels[at..at + 3].copy_from_slice(&light.to_srgb());
    };
    for at in place.pixels() {
        put(at, palette.light(first.at(at), view.pixel));
    }
    for (at, orbits) in fine.iter().zip(further.chunks_exact(FURTHER.len())) {
        let sum = orbits
            .iter()
            .map(|orbit| palette.light(orbit, view.pixel))
            .fold(palette.light(first.at(*at), view.pixel), |sum, light| {
                sum + light
            });
        put(*at, sum * (1.0 / (FURTHER.len() + 1) as f32));
    }
    pixels
}

/// The two passes over a tile count half each.
fn tell_progress(pass: usize, begun: usize, of: usize) {
    let per_mille = pass * 500 + begun * 500 / of;
    skep_kernel::progress(u16::try_from(per_mille).expect("at most 1000"));
}

/// One orbit for the middle of each pixel, and for a border of one around the
/// tile: what a pixel looks like must not depend on where the tiles end.
struct Sampled {
    orbits: Vec<Orbit>,
    stride: usize,
}

impl Sampled {
    fn of(view: &View, place: Rect) -> Self {
        let points: Vec<(f64, f64)> = (0..place.height + 2)
            .flat_map(|y| (0..place.width + 2).map(move |x| (x, y)))
            .map(|(x, y)| {
                view.point(
                    f64::from(place.left + x) - 0.5,
                    f64::from(place.top + y) - 0.5,
                )
            })
            .collect();
        Self {
            orbits: trace(&points, view.max_iterations, &mut |begun| {
                tell_progress(0, begun, points.len())
            }),
            stride: place.width as usize + 2,
        }
    }

    /// The orbit of the pixel at (x, y) of the tile.
    fn at(&self, (x, y): (u32, u32)) -> &Orbit {
        &self.orbits[(y as usize + 1) * self.stride + x as usize + 1]
    }

    /// Whether one point does not tell what a pixel looks like: near the set
    /// outside, or inside with a neighbour that is not.
    fn is_fine(&self, (x, y): (u32, u32), pixel: f64) -> bool {
        match self.at((x, y)) {
            Orbit::Outside { distance, .. } => *distance < FINE * pixel,
            Orbit::Inside => (0..3).any(|down| {
                let start = (y as usize + down) * self.stride + x as usize;
                self.orbits[start..start + 3]
                    .iter()
                    .any(|orbit| *orbit != Orbit::Inside)
            }),
        }
    }
}

impl Rect {
    /// Its pixels, row by row, counted from its own corner.
    fn pixels(self) -> impl Iterator<Item = (u32, u32)> {
        (0..self.height).flat_map(move |y| (0..self.width).map(move |x| (x, y)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parameters;

    fn view() -> View {
        View::of(&Parameters {
            width: 60,
            height: 40,
            max_iterations: 300,
            centre_re: -0.7453,
            centre_im: 0.1127,
            zoom: 40.0,
            ..Parameters::default()
        })
    }

    #[test]
    fn a_picture_does_not_depend_on_its_tiles() {
        let (view, palette) = (view(), Palette::named("honey").expect("a palette"));
        let whole = draw(
            &view,
            &palette,
            Rect {
                left: 0,
                top: 0,
                width: 60,
                height: 40,
            },
        );
        for (left, top, width, height) in [
            (0, 0, 1, 1),
            (13, 7, 20, 11),
            (59, 39, 1, 1),
            (0, 39, 60, 1),
        ] {
            let part = draw(
                &view,
                &palette,
                Rect {
                    left,
                    top,
                    width,
                    height,
                },
            );
            for y in 0..height {
                let row = ((top + y) * 60 + left) as usize * 3;
                let expected = &whole[row..row + width as usize * 3];
                let start = (y * width) as usize * 3;
                assert_eq!(
                    &part[start..start + width as usize * 3],
                    expected,
                    "{width}×{height} at {left}, {top}"
                );
            }
        }
    }

    #[test]
    fn the_inside_is_dark_and_the_outside_is_not_one_colour() {
        let parameters = Parameters {
            width: 60,
            height: 40,
            ..Parameters::default()
        };
        let view = View::of(&parameters);
        let palette = Palette::named(&parameters.palette).expect("a palette");
        let pixels = draw(
            &view,
            &palette,
            Rect {
                left: 0,
                top: 0,
                width: 60,
                height: 40,
            },
        );
        let middle = (20 * 60 + 30) * 3;
        assert_eq!(
            pixels[middle..middle + 3],
            palette.light(&Orbit::Inside, 1.0).to_srgb()
        );
        let colours: std::collections::HashSet<&[u8]> = pixels.chunks_exact(3).collect();
        assert!(colours.len() > 200, "only {} colours", colours.len());
    }
}
