//! Which revision answers a question about time. Pure, so that it can be held against a second statement of the rule.
//!
//! Of the revisions known at `recorded` (told by then, and not withdrawn by then) and valid at `datetime`,
//! the one whose validity began last wins; among equals the one told last; then the greater identifier.
//! So a newer survey supersedes an older one, a correction of the same date supersedes what it corrects,
//! and an old survey that arrives late does not hide a newer one.

use chrono::{DateTime, Utc};

use crate::RevisionSummary;

/// Whether the revision counted at `recorded` (`None`: by all we know).
pub(crate) fn is_known(revision: &RevisionSummary, recorded: Option<DateTime<Utc>>) -> bool {
    match recorded {
        Some(then) => revision.recorded <= then && revision.withdrawn.is_none_or(|withdrawn| withdrawn > then),
        None => revision.withdrawn.is_none(),
    }
}

/// The revision that answers; `datetime` `None` asks for the newest, and so does `or_newest` where none was valid.
pub(crate) fn pick(
    revisions: &[RevisionSummary],
    datetime: Option<DateTime<Utc>>,
    recorded: Option<DateTime<Utc>>,
    or_newest: bool,
) -> Option<&RevisionSummary> {
    let newest = |valid_at: Option<DateTime<Utc>>| {
        revisions
            .iter()
            .filter(|revision| is_known(revision, recorded))
            .filter(|revision| {
                valid_at.is_none_or(|at| revision.valid_from <= at && revision.valid_to.is_none_or(|to| at < to))
            })
            .max_by(|a, b| (a.valid_from, a.recorded, &a.id).cmp(&(b.valid_from, b.recorded, &b.id)))
    };
    newest(datetime).or_else(|| if or_newest { newest(None) } else { None })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::RevisionId;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + minute * 60, 0).expect("a valid instant")
    }

    fn revisions() -> impl Strategy<Value = Vec<RevisionSummary>> {
        let one = (0..12_i64, proptest::option::of(1..8_i64), 0..12_i64, proptest::option::of(0..8_i64));
        proptest::collection::vec(one, 0..7).prop_map(|drafts| {
            drafts
                .into_iter()
                .enumerate()
                .map(|(index, (from, length, told, gone))| RevisionSummary {
                    id: RevisionId::parse(&format!("r{index}")).expect("well formed"),
                    valid_from: at(from),
                    valid_to: length.map(|length| at(from + length)),
                    recorded: at(told),
                    withdrawn: gone.map(|gone| at(told + gone)),
                })
                .collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        /// Replays history minute by minute, as a clerk with a ledger would, and asks the clerk.
        #[test]
        fn the_answer_is_what_a_clerk_replaying_the_journal_gives(all in revisions(), asked in 0..14_i64, known in 0..22_i64) {
            let mut ledger: Vec<&RevisionSummary> = Vec::new();
            for minute in 0..=known {
                ledger.extend(all.iter().filter(|r| r.recorded == at(minute)));
                ledger.retain(|r| r.withdrawn != Some(at(minute)));
            }
            let mut answer: Option<&RevisionSummary> = None;
            for candidate in ledger {
                let covers = (0..30).any(|m| {
                    at(m) == at(asked) && candidate.valid_from <= at(m) && candidate.valid_to.is_none_or(|to| to > at(m))
                });
                let better = answer.is_none_or(|best| {
                    candidate.valid_from > best.valid_from
                        || candidate.valid_from == best.valid_from
                            && (candidate.recorded > best.recorded
                                || candidate.recorded == best.recorded && candidate.id > best.id)
                });
                if covers && better {
                    answer = Some(candidate);
                }
            }
            prop_assert_eq!(pick(&all, Some(at(asked)), Some(at(known)), false), answer);
        }

        /// What we knew on a day does not depend on what we were told later.
        #[test]
        fn later_records_never_change_earlier_answers(all in revisions(), asked in 0..14_i64, known in 0..12_i64) {
            let told_by_then: Vec<_> = all
                .iter()
                .filter(|r| r.recorded <= at(known))
                .map(|r| RevisionSummary { withdrawn: r.withdrawn.filter(|w| *w <= at(known)), ..r.clone() })
                .collect();
            let with_hindsight = pick(&all, Some(at(asked)), Some(at(known)), true).map(|r| &r.id);
            prop_assert_eq!(with_hindsight, pick(&told_by_then, Some(at(asked)), None, true).map(|r| &r.id));
        }

        /// Ends of intervals are exclusive: two that meet never both hold.
        #[test]
        fn the_end_of_validity_is_exclusive(from in 0..5_i64, length in 1..5_i64) {
            let one = [RevisionSummary {
                id: RevisionId::parse("r").expect("well formed"),
                valid_from: at(from),
                valid_to: Some(at(from + length)),
                recorded: at(0),
                withdrawn: None,
            }];
            prop_assert!(pick(&one, Some(at(from)), None, false).is_some());
            prop_assert!(pick(&one, Some(at(from + length)), None, false).is_none());
            prop_assert!(pick(&one, Some(at(from + length)), None, true).is_some());
        }
    }
}
