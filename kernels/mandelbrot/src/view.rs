//! Where a picture lies in the plane, and where its tiles lie in the picture.

use crate::Parameters;

/// Units of the plane along the shorter side at zoom 1: the set is 2.24 high
/// and 2.47 wide.
const SHORTER_SIDE: f64 = 2.6;

/// Size of a tile in pixels, as near as the grid allows: small enough that the
/// first is soon there, large enough that a task is worth sending. It makes 16
/// by 16 of 1920 by 1080.
const TILE_WIDTH: u32 = 120;
const TILE_HEIGHT: u32 = 68;

/// Most columns and most rows: larger pictures have larger tiles instead.
const GRID_SIDE_MAX: u32 = 128;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct View {
    /// In pixels.
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) max_iterations: u32,
    /// Units of the plane from one pixel to the next.
    pub(crate) pixel: f64,
    centre: (f64, f64),
}

/// The tiles of a picture, row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) columns: u32,
    pub(crate) rows: u32,
    width: u32,
    height: u32,
}

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rect {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl View {
    pub(crate) fn of(parameters: &Parameters) -> Self {
        // The ranges of the parameters fit: nothing saturates here.
        let whole = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
        let (width, height) = (whole(parameters.width), whole(parameters.height));
        Self {
            width,
            height,
            max_iterations: whole(parameters.max_iterations),
            pixel: SHORTER_SIDE / (parameters.zoom * f64::from(width.min(height))),
            centre: (parameters.centre_re, parameters.centre_im),
        }
    }

    /// The point of the plane at (x, y) pixels from the picture's upper left
    /// corner; the middle of the first pixel is (0.5, 0.5).
    pub(crate) fn point(&self, x: f64, y: f64) -> (f64, f64) {
        (
            self.centre.0 + (x - f64::from(self.width) / 2.0) * self.pixel,
            self.centre.1 - (y - f64::from(self.height) / 2.0) * self.pixel,
        )
    }

    pub(crate) fn grid(&self) -> Grid {
        Grid {
            columns: self.width.div_ceil(TILE_WIDTH).min(GRID_SIDE_MAX),
            rows: self.height.div_ceil(TILE_HEIGHT).min(GRID_SIDE_MAX),
            width: self.width,
            height: self.height,
        }
    }

    /// Whether two neighbours may be the same number.
    pub(crate) fn is_beyond_precision(&self) -> bool {
        let largest = self.centre.0.abs().max(self.centre.1.abs());
        self.pixel < 2.0 * f64::EPSILON * largest
    }
}

impl Grid {
    pub(crate) fn tiles(&self) -> u64 {
        u64::from(self.columns) * u64::from(self.rows)
    }

    pub(crate) fn tile(&self, index: u64) -> Option<Rect> {
        if index >= self.tiles() {
            return None;
        }
        let column = (index % u64::from(self.columns)) as u32;
        let row = (index / u64::from(self.columns)) as u32;
        // Of a side that does not divide evenly, tiles differ by one pixel.
        let edge =
            |side: u32, of: u32, at: u32| (u64::from(side) * u64::from(at) / u64::from(of)) as u32;
        let (left, right) = (
            edge(self.width, self.columns, column),
            edge(self.width, self.columns, column + 1),
        );
        let (top, bottom) = (
            edge(self.height, self.rows, row),
            edge(self.height, self.rows, row + 1),
        );
        Some(Rect {
            left,
            top,
            width: right - left,
            height: bottom - top,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(width: i64, height: i64) -> View {
        View::of(&Parameters {
            width,
            height,
            ..Parameters::default()
        })
    }

    #[test]
    fn full_hd_is_256_tiles() {
        let grid = view(1920, 1080).grid();
        assert_eq!((grid.columns, grid.rows, grid.tiles()), (16, 16, 256));
    }

    #[test]
    fn tiles_cover_every_pixel_once() {
        for (width, height) in [(1, 1), (7, 300), (121, 69), (1920, 1080), (2000, 137)] {
            let grid = view(width, height).grid();
            let mut covered = vec![0_u8; (width * height) as usize];
            for index in 0..grid.tiles() {
                let tile = grid.tile(index).expect("an index of the grid");
                assert!(
                    tile.width > 0 && tile.height > 0,
                    "{width}×{height}, tile {index} is empty"
                );
                for y in tile.top..tile.top + tile.height {
                    for x in tile.left..tile.left + tile.width {
                        covered[y as usize * width as usize + x as usize] += 1;
                    }
                }
            }
            assert!(covered.iter().all(|times| *times == 1), "{width}×{height}");
            assert_eq!(grid.tile(grid.tiles()), None);
        }
    }

    #[test]
    fn the_largest_picture_has_a_bounded_grid() {
        assert_eq!(view(32_768, 32_768).grid().tiles(), 128 * 128);
    }

    #[test]
    fn the_middle_of_the_picture_is_the_centre() {
        let view = view(300, 200);
        assert_eq!(view.point(150.0, 100.0), (-0.65, 0.0));
        let (_, top) = view.point(0.0, 0.0);
        assert!(
            (top - SHORTER_SIDE / 2.0).abs() < 1e-12,
            "the imaginary axis points up: {top}"
        );
    }

    #[test]
    fn a_zoom_beyond_the_numbers_is_noticed() {
        let at = |zoom| {
            View::of(&Parameters {
                zoom,
                ..Parameters::default()
            })
            .is_beyond_precision()
        };
        assert!(!at(1e11) && at(1e14));
    }
}
