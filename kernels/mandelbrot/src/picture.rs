//! PNG: of one tile, and of the whole picture from its tiles.

use std::io::{Cursor, Write};

use png::{BitDepth, ColorType, Compression, Decoder, Encoder};
use skep_kernel::{FrameError, Results};

use crate::view::{Rect, View};

/// Bytes of a pixel: red, green, blue.
const PIXEL_BYTES: usize = 3;

#[derive(Debug, thiserror::Error)]
pub(crate) enum StitchError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("expected tile {expected}, found {found}")]
    Order { expected: u64, found: u64 },
    #[error("there are {found} tiles of {expected}")]
    Missing { expected: u64, found: u64 },
    #[error("tile {index} cannot be read: {source}")]
    Tile {
        index: u64,
        source: png::DecodingError,
    },
    #[error("tile {index} is not {width} by {height} pixels of three bytes")]
    Shape { index: u64, width: u32, height: u32 },
    #[error("the picture cannot be written: {0}")]
    Write(#[from] png::EncodingError),
    #[error("the picture cannot be written: {0}")]
    Output(#[from] std::io::Error),
}

/// One tile as a PNG, packed quickly: it is unpacked again soon.
pub(crate) fn tile_png(place: Rect, pixels: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = encoder(&mut bytes, place.width, place.height);
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}

/// Writes the picture as its tiles arrive: only one row of them is in memory.
pub(crate) fn stitch(
    view: &View,
    tiles: &mut Results<'_>,
    output: &mut dyn Write,
) -> Result<(), StitchError> {
    let grid = view.grid();
    let mut encoder = encoder(output, view.width, view.height);
    encoder.set_compression(Compression::Balanced);
    let mut picture = encoder.write_header()?;
    let mut rows = picture.stream_writer()?;

    let mut band = Vec::new();
    let mut found = 0;
    for tile in tiles {
        let (index, png) = tile?;
        if index != found {
            return Err(StitchError::Order {
                expected: found,
                found: index,
            });
        }
        let place = grid.tile(index).ok_or(StitchError::Order {
            expected: grid.tiles(),
            found: index,
        })?;
        band.resize(view.width as usize * place.height as usize * PIXEL_BYTES, 0);
        paste(
            &mut band,
            view.width,
            place,
            &read_tile(index, place, &png)?,
        );
        if place.left + place.width == view.width {
            rows.write_all(&band)?;
        }
        found += 1;
    }
    if found != grid.tiles() {
        return Err(StitchError::Missing {
            expected: grid.tiles(),
            found,
        });
    }
    rows.finish()?;
    picture.finish()?;
    Ok(())
}

fn encoder<W: Write>(to: W, width: u32, height: u32) -> Encoder<'static, W> {
    let mut encoder = Encoder::new(to, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder
}

/// The pixels of a tile, which came from a machine: its shape is not believed.
fn read_tile(index: u64, place: Rect, png: &[u8]) -> Result<Vec<u8>, StitchError> {
    let unreadable = |source| StitchError::Tile { index, source };
    let mut reader = Decoder::new(Cursor::new(png))
        .read_info()
        .map_err(unreadable)?;
    let info = reader.info();
    let is_as_expected = (info.width, info.height) == (place.width, place.height)
        && (info.color_type, info.bit_depth) == (ColorType::Rgb, BitDepth::Eight);
    if !is_as_expected {
        return Err(StitchError::Shape {
            index,
            width: place.width,
            height: place.height,
        });
    }
    let mut pixels = vec![0; place.width as usize * place.height as usize * PIXEL_BYTES];
    reader.next_frame(&mut pixels).map_err(unreadable)?;
    Ok(pixels)
}

/// Copies a tile to its place in the row of tiles.
fn paste(band: &mut [u8], width: u32, place: Rect, pixels: &[u8]) {
    let row_bytes = place.width as usize * PIXEL_BYTES;
    for (y, row) in pixels.chunks_exact(row_bytes).enumerate() {
        let start = (y * width as usize + place.left as usize) * PIXEL_BYTES;
        band[start..start + row_bytes].copy_from_slice(row);
    }
}

#[cfg(test)]
mod tests {
    use skep_kernel::write_frame;

    use super::*;
    use crate::Parameters;

    fn view() -> View {
        View::of(&Parameters {
            width: 250,
            height: 150,
            ..Parameters::default()
        })
    }

    /// A colour for each pixel that says where it is.
    fn pixel(x: u32, y: u32) -> [u8; 3] {
        [x as u8, y as u8, (x / 7 + y / 5) as u8]
    }

    fn tiles() -> Vec<Vec<u8>> {
        let grid = view().grid();
        (0..grid.tiles())
            .map(|index| {
                let place = grid.tile(index).expect("an index of the grid");
                let pixels: Vec<u8> = (place.top..place.top + place.height)
                    .flat_map(|y| {
                        (place.left..place.left + place.width).flat_map(move |x| pixel(x, y))
                    })
                    .collect();
                tile_png(place, &pixels).expect("packed")
            })
            .collect()
    }

    fn stitched<'a>(
        tiles: impl IntoIterator<Item = (u64, &'a [u8])>,
    ) -> Result<Vec<u8>, StitchError> {
        let mut frames = Vec::new();
        for (index, tile) in tiles {
            write_frame(&mut frames, index, tile).expect("memory takes every byte");
        }
        let mut output = Vec::new();
        stitch(
            &view(),
            &mut Results::new(&mut frames.as_slice()),
            &mut output,
        )
        .map(|()| output)
    }

    #[test]
    fn every_pixel_is_where_its_tile_had_it() {
        let tiles = tiles();
        let picture = stitched((0..).zip(tiles.iter().map(Vec::as_slice))).expect("stitched");
        let mut reader = Decoder::new(Cursor::new(picture))
            .read_info()
            .expect("a PNG");
        assert_eq!((reader.info().width, reader.info().height), (250, 150));
        let mut pixels = vec![0; 250 * 150 * 3];
        reader.next_frame(&mut pixels).expect("all of it");
        for (at, found) in (0_u32..).zip(pixels.chunks_exact(3)) {
            assert_eq!(
                found,
                pixel(at % 250, at / 250),
                "at {}, {}",
                at % 250,
                at / 250
            );
        }
    }

    #[test]
    fn what_is_not_the_tile_expected_is_refused() {
        let tiles = tiles();
        let all: Vec<(u64, &[u8])> = (0..).zip(tiles.iter().map(Vec::as_slice)).collect();
        let refusal = |tiles: Vec<(u64, &[u8])>| stitched(tiles).expect_err("refused").to_string();

        assert_eq!(refusal(all[..8].to_vec()), "there are 8 tiles of 9");
        assert_eq!(refusal(all[1..].to_vec()), "expected tile 0, found 1");
        let mut more = all.clone();
        more.push((9, more[0].1));
        assert_eq!(refusal(more), "expected tile 9, found 9");
        let mut wrong = all.clone();
        wrong[0].1 = b"not a picture";
        assert!(refusal(wrong).starts_with("tile 0 cannot be read: "));
        let other = tile_png(
            Rect {
                left: 0,
                top: 0,
                width: 2,
                height: 1,
            },
            &[0; 6],
        )
        .expect("packed");
        let mut shape = all;
        shape[0].1 = &other;
        assert_eq!(
            refusal(shape),
            "tile 0 is not 83 by 50 pixels of three bytes"
        );
    }
}
