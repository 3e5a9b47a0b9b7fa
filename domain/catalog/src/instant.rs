//! Dates as people write them: a year, a month, a day or an RFC 3339 instant.
//!
//! A bare date is a span of UTC; the two readings take its first or its last millisecond.
//! `valid_from` wants the first; a question ("what held on that day", "what did we know on that day") wants the last,
//! so that something dated within the day is found. Give an offset (`+08:00`) where the hours matter.

use chrono::{DateTime, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::CatalogError;

/// Years outside this range are typing mistakes, and would overflow four-digit years elsewhere.
const YEARS: std::ops::RangeInclusive<i32> = 1000..=9998;

/// First instant of the date, or the instant itself.
pub fn instant_at_start(text: &str) -> Result<DateTime<Utc>, CatalogError> {
    span(text).map(|(start, _)| start)
}

/// Last millisecond of the date, or the instant itself.
pub fn instant_at_end(text: &str) -> Result<DateTime<Utc>, CatalogError> {
    span(text).map(|(_, end)| end)
}

fn span(text: &str) -> Result<(DateTime<Utc>, DateTime<Utc>), CatalogError> {
    let text = text.trim();
    read(text).ok_or_else(|| CatalogError::BadInstant { text: text.chars().take(40).collect() })
}

fn read(text: &str) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        let instant = instant.to_utc();
        return YEARS.contains(&chrono::Datelike::year(&instant)).then_some((instant, instant));
    }
    let parts: Vec<&str> = text.split('-').collect();
    if parts.len() > 3 || parts.iter().any(|p| p.is_empty() || !p.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let year = parts.first().filter(|p| p.len() == 4)?.parse().ok().filter(|y| YEARS.contains(y))?;
    let month = parts.get(1).map_or(Some(1), |p| p.parse().ok())?;
    let day = parts.get(2).map_or(Some(1), |p| p.parse().ok())?;
    let first = NaiveDate::from_ymd_opt(year, month, day)?;
    let next = match parts.len() {
        1 => first.checked_add_months(Months::new(12))?,
        2 => first.checked_add_months(Months::new(1))?,
        _ => first.checked_add_days(Days::new(1))?,
    };
    let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc();
    Some((midnight(first), midnight(next) - TimeDelta::milliseconds(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_spans_and_instants_are_themselves() {
        let check = |text: &str, start: &str, end: &str| {
            let form = |t: DateTime<Utc>| t.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
            assert_eq!(form(instant_at_start(text).expect(text)), start);
            assert_eq!(form(instant_at_end(text).expect(text)), end);
        };
        check("2024", "2024-01-01T00:00:00.000Z", "2024-12-31T23:59:59.999Z");
        check("2024-02", "2024-02-01T00:00:00.000Z", "2024-02-29T23:59:59.999Z");
        check("2024-12-31", "2024-12-31T00:00:00.000Z", "2024-12-31T23:59:59.999Z");
        check("2024-05-01T08:00:00+08:00", "2024-05-01T00:00:00.000Z", "2024-05-01T00:00:00.000Z");
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "",
            "24",
            "2024-13",
            "2024-02-30",
            "2024-05-01T08:00",
            "latest",
            "-2024",
            "2024-",
            "2024-1-1-1",
            "99999",
            "0001",
        ] {
            assert!(instant_at_start(bad).is_err(), "{bad}");
        }
    }
}
