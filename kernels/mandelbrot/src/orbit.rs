//! What becomes of points of the plane under z² + c: four at a time.
//!
//! Beside z the derivative of z by c is followed. It gives the distance to the
//! set, which says how fine the picture is there, and the slope that light
//! falls on.

use wide::f64x4;

/// Square of the radius at which a point has escaped: far out, so that the
/// smooth count has no steps to be seen.
const ESCAPE: f64 = 65536.0;

/// Steps between two looks at whether an orbit repeats: a multiple of the
/// periods that are common, so one comparison finds them all.
const PERIODS: u32 = 840;

/// Two points of an orbit that are this near, in units of the plane, are the same.
const SAME: f64 = 1e-15;

/// Points that are followed at the same time.
const LANES: usize = 4;

/// Some ten reports a tile: enough for a bar, nothing beside the orbits.
const POINTS_BETWEEN_REPORTS: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Orbit {
    /// Not escaped after the most steps allowed.
    Inside,
    Outside {
        /// Steps until the escape, with a fraction that makes it continuous.
        steps: f64,
        /// Estimate of the distance to the set, in units of the plane.
        distance: f64,
        /// Direction away from the set, of length 1.
        outwards: (f64, f64),
    },
}

/// Follows each point for at most `max_iterations` steps; the orbits are in the
/// order of the points. `begun` hears now and then how many points it reached.
pub(crate) fn trace(
    points: &[(f64, f64)],
    max_iterations: u32,
    begun: &mut dyn FnMut(usize),
) -> Vec<Orbit> {
    let mut orbits = vec![Orbit::Inside; points.len()];
    let mut waiting = (0..points.len())
        .inspect(|at| {
            if at % POINTS_BETWEEN_REPORTS == 0 {
                begun(*at);
            }
        })
        .filter(|at| !is_in_a_large_bulb(points[*at]));
    let mut lanes = Lanes::new(max_iterations);
    for lane in 0..LANES {
        lanes.load(lane, &mut waiting, points);
    }
    while lanes.any_busy() {
        let (escaped, due) = lanes.step();
        if due {
            for lane in 0..LANES {
                if lanes.is_over(lane) {
                    lanes.load(lane, &mut waiting, points);
                }
            }
            lanes.plan_next_look();
        }
        if escaped != 0 {
            for lane in (0..LANES).filter(|lane| escaped & (1 << lane) != 0) {
                if let Some((at, orbit)) = lanes.outcome(lane) {
                    orbits[at] = orbit;
                }
                lanes.load(lane, &mut waiting, points);
            }
            lanes.plan_next_look();
        }
    }
    orbits
}

/// The heart-shaped body and the disc beside it: most of the inside, known
/// without a step.
fn is_in_a_large_bulb((re, im): (f64, f64)) -> bool {
    let im2 = im * im;
    let q = (re - 0.25) * (re - 0.25) + im2;
    q * (q + re - 0.25) <= 0.25 * im2 || (re + 1.0) * (re + 1.0) + im2 <= 0.0625
}

/// Four orbits under way. When one ends its lane takes the next point, so all
/// four are busy until there are no more points.
struct Lanes {
    c_re: f64x4,
    c_im: f64x4,
    z_re: f64x4,
    z_im: f64x4,
    d_re: f64x4,
    d_im: f64x4,
    /// Steps taken by whatever is in the lanes.
    now: u64,
    /// When a lane's orbit is next looked at without having escaped.
    look: u64,
    lane: [Lane; LANES],
    max_iterations: u32,
}

/// What a lane knows that does not change with each step.
#[derive(Clone, Copy)]
struct Lane {
    /// Which point, or none: the lane idles.
    point: Option<usize>,
    started: u64,
    /// When it is compared with `seen` or ends.
    look: u64,
    seen: (f64, f64),
}

impl Lanes {
    fn new(max_iterations: u32) -> Self {
        let zero = f64x4::ZERO;
        let idle = Lane {
            point: None,
            started: 0,
            look: u64::MAX,
            seen: (0.0, 0.0),
        };
        Self {
            c_re: zero,
            c_im: zero,
            z_re: zero,
            z_im: zero,
            d_re: zero,
            d_im: zero,
            now: 0,
            look: u64::MAX,
            lane: [idle; LANES],
            max_iterations,
        }
    }

    fn any_busy(&self) -> bool {
        self.lane.iter().any(|lane| lane.point.is_some())
    }

    /// Steps until something happened: the lanes that escaped, as bits, and
    /// whether a lane is due to be looked at.
    #[inline]
    fn step(&mut self) -> (u32, bool) {
        let (c_re, c_im, escape) = (self.c_re, self.c_im, f64x4::splat(ESCAPE));
        let (mut z_re, mut z_im, mut d_re, mut d_im) = (self.z_re, self.z_im, self.d_re, self.d_im);
        let mut now = self.now;
        // Only z and z' live from one step to the next: with c they fill the
        // registers of the smallest machines, and more would go through memory.
        let escaped = loop {
            let (re2, im2) = (z_re * z_re, z_im * z_im);
            let far = (re2 + im2).simd_gt(escape).to_bitmask();
            if far != 0 || now == self.look {
                break far;
            }
            let (twice_re, twice_im) = (z_re + z_re, z_im + z_im);
            (d_re, d_im) = (
                twice_re * d_re - twice_im * d_im + f64x4::ONE,
                twice_re * d_im + twice_im * d_re,
            );
            (z_re, z_im) = (re2 - im2 + c_re, twice_re * z_im + c_im);
            now += 1;
        };
        (self.z_re, self.z_im, self.d_re, self.d_im) = (z_re, z_im, d_re, d_im);
        self.now = now;
        (escaped, now == self.look)
    }

    /// Whether a lane that is due has come to the end of its steps or repeats.
    /// If not, it is looked at again later.
    fn is_over(&mut self, lane: usize) -> bool {
        let z = (self.z_re.to_array()[lane], self.z_im.to_array()[lane]);
        let now = self.now;
        let state = &mut self.lane[lane];
        if state.point.is_none() || state.look != now || z.0 * z.0 + z.1 * z.1 > ESCAPE {
            return false;
        }
        if now - state.started >= u64::from(self.max_iterations) {
            return true;
        }
        if (z.0 - state.seen.0).abs() < SAME && (z.1 - state.seen.1).abs() < SAME {
            return true;
        }
        state.seen = z;
        state.look = (now + u64::from(PERIODS)).min(state.started + u64::from(self.max_iterations));
        false
    }

    fn plan_next_look(&mut self) {
        self.look = self
            .lane
            .iter()
            .map(|lane| lane.look)
            .min()
            .unwrap_or(u64::MAX);
    }

    /// The point in a lane that has escaped, and its orbit; `None` for a lane
    /// that idles.
    fn outcome(&self, lane: usize) -> Option<(usize, Orbit)> {
        let state = self.lane[lane];
        let point = state.point?;
        let (z_re, z_im) = (self.z_re.to_array()[lane], self.z_im.to_array()[lane]);
        let (d_re, d_im) = (self.d_re.to_array()[lane], self.d_im.to_array()[lane]);
        let size2 = z_re * z_re + z_im * z_im;
        let slope2 = d_re * d_re + d_im * d_im;
        let steps = (self.now - state.started) as f64 - (size2.ln() / ESCAPE.ln()).log2();
        let distance = 0.5 * (size2 / slope2).sqrt() * size2.ln();
        // z / z′, of which only the direction matters.
        let (re, im) = (z_re * d_re + z_im * d_im, z_im * d_re - z_re * d_im);
        let length = (re * re + im * im).sqrt();
        let outwards = if length > 0.0 && length.is_finite() {
            (re / length, im / length)
        } else {
            (0.0, 0.0)
        };
        Some((
            point,
            Orbit::Outside {
                steps,
                distance,
                outwards,
            },
        ))
    }

    fn load(
        &mut self,
        lane: usize,
        waiting: &mut impl Iterator<Item = usize>,
        points: &[(f64, f64)],
    ) {
        let next = waiting.next();
        // An idle lane stays at 0, which never escapes.
        let (re, im) = next.map_or((0.0, 0.0), |at| points[at]);
        put(&mut self.c_re, lane, re);
        put(&mut self.c_im, lane, im);
        for part in [
            &mut self.z_re,
            &mut self.z_im,
            &mut self.d_re,
            &mut self.d_im,
        ] {
            put(part, lane, 0.0);
        }
        let first_look = u64::from(PERIODS.min(self.max_iterations));
        self.lane[lane] = Lane {
            point: next,
            started: self.now,
            look: if next.is_some() {
                self.now + first_look
            } else {
                u64::MAX
            },
            seen: (0.0, 0.0),
        };
        self.look = self.look.min(self.lane[lane].look);
    }
}

fn put(into: &mut f64x4, lane: usize, value: f64) {
    let mut values = into.to_array();
    values[lane] = value;
    *into = f64x4::from(values);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, one point at a time and nothing clever.
    fn steps_by_definition((re, im): (f64, f64), max_iterations: u32) -> Option<u32> {
        let (mut z_re, mut z_im) = (0.0_f64, 0.0_f64);
        for step in 1..=max_iterations {
            (z_re, z_im) = (z_re * z_re - z_im * z_im + re, 2.0 * z_re * z_im + im);
            if z_re * z_re + z_im * z_im > ESCAPE {
                return Some(step);
            }
        }
        None
    }

    fn points() -> Vec<(f64, f64)> {
        (0..60_u8)
            .flat_map(|y| {
                (0..90_u8).map(move |x| (-2.2 + f64::from(x) / 30.0, -1.2 + f64::from(y) / 25.0))
            })
            .collect()
    }

    #[test]
    fn every_orbit_is_as_defined() {
        for max_iterations in [1, 5, 839, 840, 841, 3000] {
            let points = points();
            for (point, orbit) in points
                .iter()
                .zip(trace(&points, max_iterations, &mut |_| ()))
            {
                match (steps_by_definition(*point, max_iterations), orbit) {
                    (None, Orbit::Inside) => {}
                    (Some(whole), Orbit::Outside { steps, .. }) => {
                        // The fraction takes away less than what one more squaring can add.
                        let less = f64::from(whole) - steps;
                        assert!(
                            (0.0..=1.01).contains(&less),
                            "{point:?}: {whole} steps, smooth {steps}"
                        );
                    }
                    (by_definition, traced) => {
                        panic!(
                            "{point:?} after {max_iterations}: {by_definition:?}, but traced {traced:?}"
                        )
                    }
                }
            }
        }
    }

    #[test]
    fn steps_are_smooth() {
        // Away from the set, where the count itself is calm.
        let line: Vec<_> = (0..2000_u16)
            .map(|x| (0.45 + f64::from(x) * 5e-4, 0.6))
            .collect();
        let steps: Vec<f64> = trace(&line, 1000, &mut |_| ())
            .into_iter()
            .map(|orbit| match orbit {
                Orbit::Outside { steps, .. } => steps,
                Orbit::Inside => panic!("the line is outside"),
            })
            .collect();
        assert!(
            steps[0] - steps[1999] > 2.0,
            "the line crosses no whole step"
        );
        for pair in steps.windows(2) {
            // A count of whole steps would jump by 1.
            assert!((pair[0] - pair[1]).abs() < 0.2, "a jump of {pair:?}");
        }
    }

    #[test]
    fn distance_is_near_where_it_is_known() {
        // Left of −2 on the real axis, the set's nearest point is −2.
        for far in [0.001, 0.01, 0.1, 1.0] {
            let Orbit::Outside {
                distance, outwards, ..
            } = trace(&[(-2.0 - far, 0.0)], 10_000, &mut |_| ())[0]
            else {
                panic!("outside");
            };
            assert!(
                distance > far / 4.0 && distance < far * 4.0,
                "{far}: estimated {distance}"
            );
            assert!(
                (outwards.0 + 1.0).abs() < 1e-9 && outwards.1.abs() < 1e-9,
                "{outwards:?}"
            );
        }
    }
}
