//! The hours of a week in which a machine may work.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

const HOURS: u16 = 24;
const DAYS: u16 = 7;
const MINUTES: u16 = 60;
const WEEK_MINUTES: u16 = DAYS * HOURS * MINUTES;
const DAY_NAMES: [&str; DAYS as usize] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const ALWAYS: &str = "always";

/// A minute of the week as the wall shows it, Monday 00:00 first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct WeekMinute(u16);

/// Whole hours of a week; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// One bit an hour, midnight lowest, Monday first.
    days: [u32; DAYS as usize],
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    #[error("'{0}' is not a day: mon to sun, or two of them as in mon-fri")]
    Day(String),
    #[error("'{0}' is not hours: two numbers from 0 to 24, as in 18-24")]
    Hours(String),
    #[error("'{0}' names no hours: a day is followed by them, as in sat-sun 0-24")]
    NoHours(String),
    #[error("a schedule without hours would never work; contribute.on false says that")]
    Empty,
}

impl WeekMinute {
    /// `day` counts from Monday 0; anything beyond a week starts again.
    #[must_use]
    pub fn new(day: u8, hour: u8, minute: u8) -> WeekMinute {
        let minutes = (u32::from(day) * u32::from(HOURS) + u32::from(hour)) * u32::from(MINUTES)
            + u32::from(minute);
        WeekMinute(u16::try_from(minutes % u32::from(WEEK_MINUTES)).unwrap_or(0))
    }

    /// So much later, a new week starting after Sunday.
    #[must_use]
    pub fn after(self, span: Duration) -> WeekMinute {
        let minutes = span.as_secs() / u64::from(MINUTES) + u64::from(self.0);
        WeekMinute(u16::try_from(minutes % u64::from(WEEK_MINUTES)).unwrap_or(0))
    }

    /// As people say it: the time alone where it is within a day.
    pub(super) fn seen_from(self, now: WeekMinute, left: Duration) -> String {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        if left < DAY && self.day() == now.day() {
            let (hour, minute) = self.time();
            format!("{hour:02}:{minute:02}")
        } else {
            self.to_string()
        }
    }

    fn day(self) -> u16 {
        self.0 / (HOURS * MINUTES)
    }

    fn time(self) -> (u16, u16) {
        (self.0 / MINUTES % HOURS, self.0 % MINUTES)
    }
}

impl fmt::Display for WeekMinute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute) = self.time();
        let day = DAY_NAMES[usize::from(self.day())];
        write!(f, "{day} {hour:02}:{minute:02}")
    }
}

impl Schedule {
    #[must_use]
    pub fn always() -> Schedule {
        Schedule {
            days: [(1 << HOURS) - 1; DAYS as usize],
            text: ALWAYS.to_owned(),
        }
    }

    #[must_use]
    pub fn is_open(&self, at: WeekMinute) -> bool {
        self.is_open_hour(at.0 / MINUTES)
    }

    /// How long until it opens or closes; `None` where it never does.
    pub(super) fn changes_in(&self, at: WeekMinute) -> Option<Duration> {
        let hour = at.0 / MINUTES;
        let open = self.is_open_hour(hour);
        let hours = (1..DAYS * HOURS)
            .find(|ahead| self.is_open_hour((hour + ahead) % (DAYS * HOURS)) != open)?;
        let minutes = hours * MINUTES - at.0 % MINUTES;
        Some(Duration::from_secs(u64::from(minutes) * u64::from(MINUTES)))
    }

    fn is_open_hour(&self, hour: u16) -> bool {
        self.days[usize::from(hour / HOURS)] >> (hour % HOURS) & 1 == 1
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `always`, or days with their hours: `mon-fri 18-24, sat-sun 0-24`. Hours
/// that end before they begin go on into the next day: `mon-sun 22-6`.
impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Schedule, ScheduleError> {
        let text = text.trim();
        if text == ALWAYS {
            return Ok(Schedule::always());
        }
        let mut schedule = Schedule {
            days: [0; DAYS as usize],
            text: text.to_owned(),
        };
        for entry in text.split(',') {
            let mut words = entry.split_whitespace();
            let Some(days) = words.next() else {
                return Err(ScheduleError::Empty);
            };
            let (first, count) = days_of(days)?;
            let mut hours = words.peekable();
            if hours.peek().is_none() {
                return Err(ScheduleError::NoHours(entry.trim().to_owned()));
            }
            for hours in hours {
                let (from, to) = hours_of(hours)?;
                for day in first..first + count {
                    schedule.open(day % DAYS, from, to);
                }
            }
        }
        Ok(schedule)
    }
}

impl Schedule {
    fn open(&mut self, day: u16, from: u16, to: u16) {
        let length = if to > from {
            to - from
        } else {
            to + HOURS - from
        };
        for hour in from..from + length {
            let day = (day + hour / HOURS) % DAYS;
            self.days[usize::from(day)] |= 1 << (hour % HOURS);
        }
    }
}

/// The first day and how many.
fn days_of(text: &str) -> Result<(u16, u16), ScheduleError> {
    let wrong = || ScheduleError::Day(text.to_owned());
    let day = |name: &str| {
        DAY_NAMES
            .iter()
            .position(|day| day.eq_ignore_ascii_case(name))
            .and_then(|at| u16::try_from(at).ok())
            .ok_or_else(wrong)
    };
    match text.split_once('-') {
        Some((first, last)) => {
            let (first, last) = (day(first)?, day(last)?);
            Ok((first, (last + DAYS - first) % DAYS + 1))
        }
        None => Ok((day(text)?, 1)),
    }
}

fn hours_of(text: &str) -> Result<(u16, u16), ScheduleError> {
    let wrong = || ScheduleError::Hours(text.to_owned());
    let (from, to) = text.split_once('-').ok_or_else(wrong)?;
    let hour = |text: &str| text.parse::<u16>().ok().filter(|hour| *hour <= HOURS);
    match (hour(from), hour(to)) {
        (Some(from), Some(to)) if from < HOURS && from != to => Ok((from, to)),
        (_, _) => Err(wrong()),
    }
}
