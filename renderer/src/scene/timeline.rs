//! The moments at which the data change: where the time slider can stop.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime};

use crate::service::Dataset;

/// The moments at which some dataset got a new revision, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    moments: Vec<(DateTime<FixedOffset>, String)>,
}

impl Timeline {
    /// Collects the beginnings of validity of all revisions.
    #[must_use]
    pub fn of(datasets: &[Dataset]) -> Self {
        let revisions = datasets.iter().flat_map(|dataset| dataset.revisions.iter());
        let mut moments: Vec<_> = revisions
            .filter_map(|revision| revision.valid_from.as_deref())
            .filter_map(|text| Some((parse(text)?, text.to_owned())))
            .collect();
        moments.sort();
        moments.dedup_by_key(|(moment, _)| *moment);
        Self { moments }
    }

    /// How many moments there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.moments.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.moments.is_empty()
    }

    /// A moment as the server wrote it, ready for `datetime=`.
    #[must_use]
    pub fn moment(&self, index: usize) -> Option<&str> {
        self.moments.get(index).map(|(_, text)| text.as_str())
    }

    /// A moment's date for people, `2024-03-15`.
    #[must_use]
    pub fn date(&self, index: usize) -> Option<String> {
        self.moments.get(index).map(|(moment, _)| moment.format("%Y-%m-%d").to_string())
    }

    /// The last moment not after the one given (RFC 3339 or a date); the last of all when nothing is given.
    #[must_use]
    pub fn index_at(&self, datetime: Option<&str>) -> Option<usize> {
        let Some(wanted) = datetime.and_then(parse) else { return self.moments.len().checked_sub(1) };
        self.moments.iter().rposition(|(moment, _)| *moment <= wanted)
    }
}

/// Since when the revision of a dataset that answers is valid.
#[must_use]
pub fn valid_from(dataset: &Dataset) -> Option<DateTime<FixedOffset>> {
    parse(dataset.revision.as_ref()?.valid_from.as_deref()?)
}

/// Reads RFC 3339, or a date meant in China's time.
fn parse(text: &str) -> Option<DateTime<FixedOffset>> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment);
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    date.and_time(NaiveTime::MIN).and_local_timezone(FixedOffset::east_opt(8 * 3_600)?).single()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Revision;

    fn dataset(from: &[&str]) -> Dataset {
        let revisions =
            from.iter().map(|from| Revision { valid_from: Some((*from).to_owned()), ..Revision::default() });
        Dataset { revisions: revisions.collect(), ..Dataset::default() }
    }

    #[test]
    fn moments_are_sorted_and_each_is_there_once() {
        let timeline =
            Timeline::of(&[dataset(&["2024-03-15", "2020-01-01"]), dataset(&["2024-03-15T00:00:00+08:00", "no date"])]);
        assert_eq!(
            (timeline.len(), timeline.date(0).as_deref(), timeline.date(1).as_deref()),
            (2, Some("2020-01-01"), Some("2024-03-15"))
        );
        assert_eq!(timeline.index_at(Some("2023-06-01")), Some(0));
        assert_eq!(timeline.index_at(Some("2019-06-01")), None);
        assert_eq!(timeline.index_at(None), Some(1));
    }
}
