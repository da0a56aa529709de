//! Small pictures of results: decoded here, within limits, so that a page
//! never decodes what a module wrote.

use crate::limits::{
    INTERLACED_PIXELS_MAX, PICTURE_BYTES_MAX, PICTURE_MEMORY_MAX, PICTURE_PIXELS_MAX,
    THUMBNAIL_PIXELS_MAX,
};
use api::{Error, ErrorCode};
use png::{BitDepth, ColorType, Decoder, DecodingError, Encoder, Limits, Reader, Transformations};
use std::io::Cursor;

/// Why there is no thumbnail.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ThumbnailError {
    #[error("the result is no PNG: {0}")]
    NotPng(DecodingError),
    #[error("the picture has {width} x {height} pixels, which is more than is decoded")]
    TooManyPixels { width: u32, height: u32 },
    #[error("the result has {0} bytes, which is more than is decoded")]
    TooManyBytes(u64),
    #[error("a thumbnail has 1 to {THUMBNAIL_PIXELS_MAX} pixels, not {0}")]
    Size(u32),
    #[error("the thumbnail could not be written: {0}")]
    Unwritten(png::EncodingError),
}

impl From<ThumbnailError> for Error {
    fn from(error: ThumbnailError) -> Error {
        let message = error.to_string();
        match error {
            ThumbnailError::NotPng(_)
            | ThumbnailError::TooManyPixels { .. }
            | ThumbnailError::TooManyBytes(_) => Error::new(ErrorCode::NotAnImage, message)
                .hint("save the result and open it with a program for it"),
            ThumbnailError::Size(_) => Error::new(ErrorCode::Usage, message),
            ThumbnailError::Unwritten(_) => Error::new(ErrorCode::Internal, message),
        }
    }
}

/// Refuses what is too large before any of it is read.
pub(crate) fn check(bytes: u64, pixels: u32) -> Result<(), ThumbnailError> {
    if !(1..=THUMBNAIL_PIXELS_MAX).contains(&pixels) {
        return Err(ThumbnailError::Size(pixels));
    }
    if bytes > PICTURE_BYTES_MAX {
        return Err(ThumbnailError::TooManyBytes(bytes));
    }
    Ok(())
}

/// A PNG that fits `pixels` x `pixels`, as large as the picture at most.
pub(crate) fn thumbnail(picture: &[u8], pixels: u32) -> Result<Vec<u8>, ThumbnailError> {
    check(picture.len() as u64, pixels)?;
    let limits = Limits {
        bytes: PICTURE_MEMORY_MAX,
    };
    let mut decoder = Decoder::new_with_limits(Cursor::new(picture), limits);
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(ThumbnailError::NotPng)?;
    let (width, height) = reader.info().size();
    let interlaced = reader.info().interlaced;
    let most = if interlaced {
        INTERLACED_PIXELS_MAX
    } else {
        PICTURE_PIXELS_MAX
    };
    if u64::from(width) * u64::from(height) > most {
        return Err(ThumbnailError::TooManyPixels { width, height });
    }
    let mut small = Shrinking::new((width, height), pixels);
    if interlaced {
        whole(&mut reader, &mut small)
    } else {
        by_line(&mut reader, &mut small)
    }
    .map_err(ThumbnailError::NotPng)?;
    small.write().map_err(ThumbnailError::Unwritten)
}

type Picture<'p> = Reader<Cursor<&'p [u8]>>;

fn by_line(reader: &mut Picture<'_>, small: &mut Shrinking) -> Result<(), DecodingError> {
    let (colour, _) = reader.output_color_type();
    let mut y = 0;
    while let Some(line) = reader.next_row()? {
        small.add(y, line.data(), colour);
        y += 1;
    }
    Ok(())
}

fn whole(reader: &mut Picture<'_>, small: &mut Shrinking) -> Result<(), DecodingError> {
    let bytes = reader
        .output_buffer_size()
        .ok_or(DecodingError::LimitsExceeded)?;
    let mut all = vec![0; bytes];
    let frame = reader.next_frame(&mut all)?;
    for (y, line) in (0..).zip(all.chunks_exact(frame.line_size.max(1))) {
        small.add(y, line, frame.color_type);
    }
    Ok(())
}

/// Sums of the pixels that become one: red, green and blue weighted by alpha,
/// alpha, and how many there are.
type Sum = [u64; 5];

/// A picture that is made smaller line by line.
struct Shrinking {
    from: (u32, u32),
    to: (u32, u32),
    sums: Vec<Sum>,
}

impl Shrinking {
    fn new(from: (u32, u32), pixels: u32) -> Shrinking {
        let longest = from.0.max(from.1).max(1);
        let fit = |side: u32| {
            let side = if longest > pixels {
                u64::from(side) * u64::from(pixels) / u64::from(longest)
            } else {
                u64::from(side)
            };
            u32::try_from(side).unwrap_or(pixels).max(1)
        };
        let to = (fit(from.0), fit(from.1));
        Shrinking {
            from,
            to,
            sums: vec![[0; 5]; to.0 as usize * to.1 as usize],
        }
    }

    /// Adds a line of pixels of 8 bits a sample.
    fn add(&mut self, y: u32, line: &[u8], colour: ColorType) {
        let Some(row) = place(y, self.from.1, self.to.1) else {
            return;
        };
        let row = row * self.to.0 as usize;
        for (x, pixel) in (0..).zip(line.chunks_exact(colour.samples())) {
            let (rgb, alpha) = match *pixel {
                [grey] => ([grey; 3], 255),
                [grey, alpha] => ([grey; 3], alpha),
                [red, green, blue] => ([red, green, blue], 255),
                [red, green, blue, alpha] => ([red, green, blue], alpha),
                _ => continue,
            };
            let Some(column) = place(x, self.from.0, self.to.0) else {
                continue;
            };
            let sum = &mut self.sums[row + column];
            for (sum, sample) in sum.iter_mut().zip(rgb) {
                *sum += u64::from(sample) * u64::from(alpha);
            }
            sum[3] += u64::from(alpha);
            sum[4] += 1;
        }
    }

    fn write(self) -> Result<Vec<u8>, png::EncodingError> {
        let mut pixels = Vec::with_capacity(self.sums.len() * 4);
        for [red, green, blue, alpha, count] in self.sums {
            for sample in [red, green, blue] {
                pixels.push(rounded(sample, alpha));
            }
            pixels.push(rounded(alpha, count));
        }
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, self.to.0, self.to.1);
        encoder.set_color(ColorType::Rgba);
        encoder.set_depth(BitDepth::Eight);
        encoder.write_header()?.write_image_data(&pixels)?;
        Ok(file)
    }
}

/// Which of `to` places the `at`th of `from` goes to.
fn place(at: u32, from: u32, to: u32) -> Option<usize> {
    (at < from).then(|| (u64::from(at) * u64::from(to) / u64::from(from)) as usize)
}

fn rounded(sum: u64, weight: u64) -> u8 {
    let mean = (sum + weight / 2).checked_div(weight).unwrap_or(0);
    u8::try_from(mean).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::{ThumbnailError, thumbnail};
    use png::{BitDepth, ColorType, Decoder, Encoder};
    use std::io::Cursor;

    fn picture(size: (u32, u32), colour: ColorType, depth: BitDepth, data: &[u8]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, size.0, size.1);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        if colour == ColorType::Indexed {
            encoder.set_palette(vec![255, 0, 0, 0, 0, 255]);
        }
        encoder
            .write_header()
            .unwrap()
            .write_image_data(data)
            .unwrap();
        file
    }

    fn pixels(file: &[u8]) -> ((u32, u32), Vec<u8>) {
        let mut reader = Decoder::new(Cursor::new(file)).read_info().unwrap();
        let mut all = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut all).unwrap();
        assert_eq!(frame.color_type, ColorType::Rgba);
        ((frame.width, frame.height), all)
    }

    #[test]
    fn a_large_picture_shrinks_to_the_mean_of_its_areas() {
        // Left half white, right half black.
        let line: Vec<u8> = (0..400).map(|x| if x < 200 { 255 } else { 0 }).collect();
        let data = line.repeat(100);
        let file = picture((400, 100), ColorType::Grayscale, BitDepth::Eight, &data);
        let (size, small) = pixels(&thumbnail(&file, 4).unwrap());
        assert_eq!(size, (4, 1));
        assert_eq!(
            small,
            [[255; 4], [255; 4], [0, 0, 0, 255], [0, 0, 0, 255]].concat()
        );
        let (size, small) = pixels(&thumbnail(&file, 1).unwrap());
        assert_eq!((size, small), ((1, 1), vec![128, 128, 128, 255]));
    }

    #[test]
    fn what_cannot_be_seen_has_no_colour_in_the_mean() {
        let data = [[255, 0, 0, 255], [0, 255, 0, 0]].concat();
        let file = picture((2, 1), ColorType::Rgba, BitDepth::Eight, &data);
        assert_eq!(pixels(&thumbnail(&file, 1).unwrap()).1, [255, 0, 0, 128]);
    }

    #[test]
    fn every_kind_of_png_is_read_and_a_small_one_stays() {
        let files = [
            picture((2, 1), ColorType::Indexed, BitDepth::One, &[0b0100_0000]),
            picture(
                (2, 1),
                ColorType::Rgb,
                BitDepth::Sixteen,
                &[255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255],
            ),
        ];
        for file in files {
            let (size, small) = pixels(&thumbnail(&file, 96).unwrap());
            assert_eq!(size, (2, 1));
            assert_eq!(small, [[255, 0, 0, 255], [0, 0, 255, 255]].concat());
        }
    }

    #[test]
    fn what_is_no_picture_or_too_large_a_one_is_refused() {
        let refused = |file: &[u8], pixels| thumbnail(file, pixels).unwrap_err();
        assert!(matches!(refused(b"", 9), ThumbnailError::NotPng(_)));
        assert!(matches!(refused(b"<svg/>", 9), ThumbnailError::NotPng(_)));
        let whole = picture((2, 2), ColorType::Grayscale, BitDepth::Eight, &[1; 4]);
        for cut in 0..whole.len() - 12 {
            assert!(matches!(
                refused(&whole[..cut], 9),
                ThumbnailError::NotPng(_)
            ));
        }
        assert!(matches!(refused(&whole, 0), ThumbnailError::Size(0)));
        // A header that promises more than anybody decodes, and nothing after it.
        let mut header = whole.clone();
        header[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        let sum = crc(&header[12..29]);
        header[29..33].copy_from_slice(&sum.to_be_bytes());
        assert!(matches!(
            refused(&header, 9),
            ThumbnailError::TooManyPixels {
                width: 65_536,
                height: 65_536
            }
        ));
    }

    /// CRC-32 of a chunk, bit by bit.
    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ (0xEDB8_8320 & 0_u32.wrapping_sub(crc & 1))
            })
        })
    }
}
