//! Working days, and clocks that count them.
//!
//! The day on which something begins is not counted (民法典, art. 201), and the last day runs to its end. When a clock is
//! stopped, that day is still left; the day on which it goes on is again not counted. A limit of 0 days ends at once.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// More working days than any limit has: three years' worth.
pub const MAX_DAYS: u32 = 750;
/// More days than a calendar of holidays can name.
const MAX_SPAN_DAYS: usize = 4_000;
/// Days looked through for working days: also a calendar of nothing but holidays comes to an end.
const MAX_LOOK: u32 = MAX_DAYS * 8 + MAX_SPAN_DAYS as u32;

/// Which days are working days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkCalendar {
    utc_offset: TimeDelta,
    weekend: BTreeSet<u32>,
    holidays: BTreeSet<NaiveDate>,
    make_up_days: BTreeSet<NaiveDate>,
}

/// A calendar as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenCalendar {
    utc_offset_hours: i64,
    weekend: Vec<u32>,
    #[serde(default)]
    holidays: Vec<String>,
    #[serde(default)]
    make_up_days: Vec<String>,
}

impl WorkCalendar {
    /// Working days of a written calendar; says which entry cannot be read.
    pub(crate) fn read(written: &WrittenCalendar) -> Result<Self, String> {
        if !(-12..=14).contains(&written.utc_offset_hours) {
            return Err(format!("utc_offset_hours = {}", written.utc_offset_hours));
        }
        let weekend: BTreeSet<u32> = written.weekend.iter().copied().collect();
        if weekend.len() > 6 || weekend.iter().any(|day| !(1..=7).contains(day)) {
            return Err(format!("weekend = {:?}", written.weekend));
        }
        Ok(Self {
            utc_offset: TimeDelta::hours(written.utc_offset_hours),
            weekend,
            holidays: dates(&written.holidays)?,
            make_up_days: dates(&written.make_up_days)?,
        })
    }

    /// The date where the people are.
    #[must_use]
    pub fn local_date(&self, at: DateTime<Utc>) -> NaiveDate {
        (at + self.utc_offset).date_naive()
    }

    /// Whether people work on that date.
    #[must_use]
    pub fn is_working(&self, date: NaiveDate) -> bool {
        self.make_up_days.contains(&date)
            || !(self.weekend.contains(&date.weekday().number_from_monday()) || self.holidays.contains(&date))
    }

    /// The last second of the `days`-th working day after the day of `since`; `since` itself for 0 days.
    #[must_use]
    pub fn due(&self, since: DateTime<Utc>, days: u32) -> DateTime<Utc> {
        if days == 0 {
            return since;
        }
        let mut date = self.local_date(since);
        let mut left = days.min(MAX_DAYS);
        for _ in 0..MAX_LOOK {
            let Some(next) = date.checked_add_days(Days::new(1)) else { break };
            date = next;
            left -= u32::from(self.is_working(date));
            if left == 0 {
                break;
            }
        }
        let last_second = NaiveTime::from_hms_opt(23, 59, 59).unwrap_or_default();
        date.and_time(last_second).and_utc() - self.utc_offset
    }

    /// Working days left at `at` of a limit of `days` since `since`: the day of `at` counts, the day of `since` does not.
    #[must_use]
    pub fn left(&self, since: DateTime<Utc>, days: u32, at: DateTime<Utc>) -> u32 {
        let first = self.local_date(since);
        let today = self.local_date(at);
        let last = self.local_date(self.due(since, days));
        if days == 0 {
            return 0;
        }
        let from = if today > first { today } else { first.checked_add_days(Days::new(1)).unwrap_or(first) };
        let count = from.iter_days().take_while(|date| *date <= last).filter(|date| self.is_working(*date)).count();
        u32::try_from(count).unwrap_or(MAX_DAYS)
    }
}

fn dates(texts: &[String]) -> Result<BTreeSet<NaiveDate>, String> {
    let mut found = BTreeSet::new();
    for text in texts {
        let (first, last) = text.split_once('/').unwrap_or((text, text));
        let day = |text: &str| text.trim().parse::<NaiveDate>().map_err(|_unreadable| text.to_owned());
        let (first, last) = (day(first)?, day(last)?);
        if last < first || found.len() + (last - first).num_days().unsigned_abs() as usize > MAX_SPAN_DAYS {
            return Err(text.clone());
        }
        found.extend(first.iter_days().take_while(|date| *date <= last));
    }
    Ok(found)
}

/// A limit that runs, or stands still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// When it was last set going.
    pub since: DateTime<Utc>,
    /// Working days it had then.
    pub days: u32,
    /// Whether it stands still.
    pub stopped: bool,
}

impl Clock {
    /// A clock set going.
    #[must_use]
    pub fn start(since: DateTime<Utc>, days: u32) -> Self {
        Self { since, days, stopped: false }
    }

    /// When time is up; never while it stands still.
    #[must_use]
    pub fn due(&self, calendar: &WorkCalendar) -> Option<DateTime<Utc>> {
        (!self.stopped).then(|| calendar.due(self.since, self.days))
    }

    /// Whether time is up.
    #[must_use]
    pub fn is_over(&self, calendar: &WorkCalendar, now: DateTime<Utc>) -> bool {
        self.due(calendar).is_some_and(|due| now > due || self.days == 0 && now == due)
    }

    /// Stands still from `now` on, if time is not up already.
    #[must_use]
    pub fn stop(&self, calendar: &WorkCalendar, now: DateTime<Utc>) -> Self {
        if self.stopped || self.is_over(calendar, now) {
            return self.clone();
        }
        Self { since: now, days: calendar.left(self.since, self.days, now), stopped: true }
    }

    /// Goes on from `now`.
    #[must_use]
    pub fn resume(&self, now: DateTime<Utc>) -> Self {
        if self.stopped { Self::start(now, self.days) } else { self.clone() }
    }
}
