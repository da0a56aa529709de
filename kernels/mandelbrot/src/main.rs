//! A kernel that draws the Mandelbrot set: a tile in each task, one picture in
//! the fold.
//!
//! A tile is a PNG of its own, so that it can be shown before the rest is done.

mod colour;
mod orbit;
mod palette;
mod picture;
mod tile;
mod view;

use std::io::Write;

use skep_kernel::{Description, Failure, Fold, Kernel, Plan, Results, Split, Task};

use palette::Palette;
use view::View;

skep_kernel::parameters! {
    /// Which part of the plane, how large, and in which colours.
    pub(crate) struct Parameters {
        /// Width of the picture in pixels.
        width: integer = 1920 in 1..=32_768,
        /// Height of the picture in pixels.
        height: integer = 1080 in 1..=32_768,
        /// Steps after which a point counts as inside the set.
        max_iterations: integer = 5000 in 1..=100_000_000,
        /// Real part of the middle.
        centre_re: number = -0.65 in -4.0..=4.0,
        /// Imaginary part of the middle.
        centre_im: number = 0.0 in -4.0..=4.0,
        /// Magnification: at 1 the shorter side shows 2.6 units of the plane.
        zoom: number = 1.0 in 0.01..=1e14,
        /// The colours.
        palette: choice = "honey" of ["honey", "lagoon", "ember", "aurora", "ink"],
    }
}

struct Mandelbrot;

impl Kernel for Mandelbrot {
    type Parameters = Parameters;
    const DESCRIPTION: Description = Description {
        title: "Mandelbrot set",
        help: "Draws a part of the Mandelbrot set as one PNG.",
        result: "image/png",
        split: Split::Plan,
        fold: Fold::Kernel { associative: false },
        batch: true,
    };

    fn plan(parameters: &Parameters, _given: Option<u64>) -> Result<Plan, Failure> {
        let view = View::of(parameters);
        let grid = view.grid();
        let plan = Plan::grid(u64::from(grid.columns), u64::from(grid.rows));
        if view.is_beyond_precision() {
            return Ok(
                plan.note("at this zoom a pixel is finer than the numbers: it will look blocky")
            );
        }
        Ok(plan)
    }

    fn run(parameters: &Parameters, task: &Task) -> Result<Vec<u8>, Failure> {
        let view = View::of(parameters);
        let place = view.grid().tile(task.index).ok_or_else(|| {
            Failure::Wrong(format!(
                "there is no tile {}: the picture has {}",
                task.index,
                view.grid().tiles()
            ))
        })?;
        let pixels = tile::draw(&view, &Palette::named(&parameters.palette)?, place);
        Ok(picture::tile_png(place, &pixels)?)
    }

    fn fold(
        parameters: &Parameters,
        results: &mut Results<'_>,
        output: &mut dyn Write,
    ) -> Result<(), Failure> {
        Ok(picture::stitch(&View::of(parameters), results, output)?)
    }
}

skep_kernel::main!(Mandelbrot);
