//! A person's pause: until a time on the wall, or until they end it. It is
//! kept with the records, so that it survives the end of this process.

use crate::clock::wall_ms;
use crate::limits::PAUSE_MAX;
use api::{Error, ErrorCode, PauseUntil};
use jiff::{ToSpan, Zoned};
use pool::policy::{Pause, WeekMinute};
use std::time::Duration;

/// The hour at which "tomorrow" begins, where the machine stands.
const MORNING: i8 = 6;
/// A night that is nearly over is not what "until tomorrow" means.
const NIGHT_HOURS_MIN: i64 = 4;

/// How a pause ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PausedUntil {
    /// Milliseconds since 1970.
    Wall(i64),
    Resumed,
    /// As `Resumed`, once what runs has ended.
    Finished,
}

/// How long a pause takes, of so many milliseconds. `hint` says how it takes
/// longer.
///
/// # Errors
/// Of no length, or longer than [`PAUSE_MAX`].
pub(crate) fn span(ms: u64, hint: &str) -> Result<Duration, Error> {
    let span = Duration::from_millis(ms);
    if span.is_zero() || span > PAUSE_MAX {
        let days = PAUSE_MAX.as_secs() / 86_400;
        let message = format!("a pause takes from a second to {days} days");
        return Err(Error::new(ErrorCode::Usage, message).hint(hint));
    }
    Ok(span)
}

impl PausedUntil {
    /// When it ends by itself, milliseconds since 1970; `None`: by hand.
    #[must_use]
    pub fn ends_ms(self) -> Option<i64> {
        match self {
            PausedUntil::Wall(ms) => Some(ms),
            PausedUntil::Resumed | PausedUntil::Finished => None,
        }
    }

    pub(crate) fn is_over(self) -> bool {
        self.ends_ms().is_some_and(|ends| ends <= wall_ms())
    }

    /// # Errors
    /// Of no length, or longer than [`PAUSE_MAX`].
    pub(crate) fn of(request: &PauseUntil, now: &Zoned) -> Result<PausedUntil, Error> {
        match request {
            PauseUntil::For { ms } => {
                span(
                    *ms,
                    "skep contribute pause, without a time, lasts until you resume",
                )?;
                let ms = i64::try_from(*ms).unwrap_or(i64::MAX);
                Ok(PausedUntil::Wall(
                    now.timestamp().as_millisecond().saturating_add(ms),
                ))
            }
            PauseUntil::Tomorrow => morning(now)
                .map(|morning| PausedUntil::Wall(morning.timestamp().as_millisecond()))
                .map_err(|error| Error::new(ErrorCode::Internal, error.to_string())),
            PauseUntil::Resumed => Ok(PausedUntil::Resumed),
            PauseUntil::Finished => Ok(PausedUntil::Finished),
        }
    }

    /// As the policy sees it; `None` once it is over.
    pub(crate) fn seen_from(self, now: &Zoned) -> Option<Pause> {
        let ends = match self {
            PausedUntil::Resumed => return Some(Pause::UntilResumed),
            PausedUntil::Finished => return Some(Pause::WhenFinished),
            PausedUntil::Wall(ends) => ends,
        };
        let left = ends.checked_sub(now.timestamp().as_millisecond())?;
        let left = Duration::from_millis(u64::try_from(left).ok().filter(|left| *left > 0)?);
        let wall = jiff::Timestamp::from_millisecond(ends).ok()?;
        Some(Pause::Until {
            left,
            ends: week_minute(&wall.to_zoned(now.time_zone().clone())),
        })
    }

    /// As a number in the store: 0 is no pause. Of what runs nothing is left
    /// after a restart, so that one that waited for it waits no more.
    pub(crate) fn to_row(pause: Option<PausedUntil>) -> i64 {
        match pause {
            None => 0,
            Some(PausedUntil::Wall(ends)) => ends,
            Some(PausedUntil::Resumed | PausedUntil::Finished) => i64::MAX,
        }
    }

    pub(crate) fn from_row(row: i64) -> Option<PausedUntil> {
        match row {
            ..=0 => None,
            i64::MAX => Some(PausedUntil::Resumed),
            ends => Some(PausedUntil::Wall(ends)),
        }
    }
}

pub(crate) fn week_minute(at: &Zoned) -> WeekMinute {
    let number = |n: i8| u8::try_from(n).unwrap_or(0);
    let day = number(at.weekday().to_monday_zero_offset());
    WeekMinute::new(day, number(at.hour()), number(at.minute()))
}

/// The next morning that has a night before it.
fn morning(now: &Zoned) -> Result<Zoned, jiff::Error> {
    let earliest = now.checked_add(NIGHT_HOURS_MIN.hours())?;
    let mut morning = now
        .with()
        .hour(MORNING)
        .minute(0)
        .second(0)
        .subsec_nanosecond(0)
        .build()?;
    while morning < earliest {
        morning = morning.checked_add(1.day())?;
    }
    Ok(morning)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Zoned {
        format!("{text}[Europe/Berlin]").parse().unwrap()
    }

    fn tomorrow(from: &str) -> String {
        let PausedUntil::Wall(ends) = PausedUntil::of(&PauseUntil::Tomorrow, &at(from)).unwrap()
        else {
            panic!()
        };
        let ends = jiff::Timestamp::from_millisecond(ends).unwrap();
        ends.to_zoned(at(from).time_zone().clone())
            .strftime("%F %R")
            .to_string()
    }

    #[test]
    fn tomorrow_is_the_next_morning_after_a_night() {
        assert_eq!(tomorrow("2026-03-10T15:00"), "2026-03-11 06:00");
        assert_eq!(tomorrow("2026-03-10T00:30"), "2026-03-10 06:00");
        assert_eq!(tomorrow("2026-03-10T05:50"), "2026-03-11 06:00");
        // The night in which clocks go forward.
        assert_eq!(tomorrow("2026-03-28T23:00"), "2026-03-29 06:00");
    }

    #[test]
    fn a_pause_ends_by_the_wall() {
        let now = at("2026-03-10T23:50");
        let hour = PauseUntil::For { ms: 3_600_000 };
        let pause = PausedUntil::of(&hour, &now).unwrap();
        assert_eq!(
            pause.seen_from(&now),
            Some(Pause::Until {
                left: Duration::from_secs(3600),
                ends: WeekMinute::new(2, 0, 50),
            })
        );
        assert_eq!(pause.seen_from(&at("2026-03-11T00:50")), None);
        let forever = PausedUntil::of(&PauseUntil::Resumed, &now).unwrap();
        assert_eq!(forever.seen_from(&now), Some(Pause::UntilResumed));
        for wrong in [0, u64::MAX, 31 * 86_400_000] {
            assert!(PausedUntil::of(&PauseUntil::For { ms: wrong }, &now).is_err());
        }
    }

    #[test]
    fn a_row_keeps_it() {
        for pause in [
            None,
            Some(PausedUntil::Resumed),
            Some(PausedUntil::Wall(17)),
        ] {
            assert_eq!(PausedUntil::from_row(PausedUntil::to_row(pause)), pause);
        }
    }
}
