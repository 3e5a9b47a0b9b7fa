//! Warnings of many threads, in a stable order, and not more of a kind than a person reads.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::json;

use crate::importer::{Severity, Text, Warning};

/// Units named of one kind of warning; the rest is counted.
const NAMED: usize = 200;

/// Collects warnings; the order of arrival does not show.
#[derive(Default)]
pub(super) struct Warnings {
    by_code_and_unit: Mutex<BTreeMap<(String, String), Warning>>,
}

impl Warnings {
    pub(super) fn add(&self, warning: Warning) {
        // A poisoned lock holds whole warnings all the same.
        let mut all = self.by_code_and_unit.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry((warning.code.clone(), warning.unit.clone())).or_insert(warning);
    }

    /// By code, then by unit; past 200 of a code one warning says how many more there are.
    pub(super) fn into_list(self) -> Vec<Warning> {
        let all = self.by_code_and_unit.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut out: Vec<Warning> = Vec::new();
        let (mut of_code, mut code) = (0, String::new());
        let mut left_out: BTreeMap<String, (Severity, usize)> = BTreeMap::new();
        for ((kind, _), warning) in all {
            if kind != code {
                (of_code, code) = (0, kind);
            }
            of_code += 1;
            if of_code <= NAMED {
                out.push(warning);
            } else {
                left_out.entry(code.clone()).or_insert((warning.severity, 0)).1 += 1;
            }
        }
        for (code, (severity, count)) in left_out {
            let text = Text::new(format!("同类问题还有 {count} 处"), format!("and {count} more of the same kind"));
            let mut warning = Warning::new(&code, severity, "", text);
            warning.figures = json!({ "more": count });
            out.push(warning);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::Warnings;
    use crate::importer::{Severity, Text, Warning};

    #[test]
    fn many_warnings_of_a_kind_are_named_up_to_a_point_and_then_counted() {
        let warnings = Warnings::default();
        for number in (0..250).rev() {
            warnings.add(Warning::new("a", Severity::Skipped, format!("{number:03}"), Text::default()));
        }
        warnings.add(Warning::new("b", Severity::Note, "x", Text::default()));
        warnings.add(Warning::new("b", Severity::Note, "x", Text::default()));
        let list = warnings.into_list();
        assert_eq!(list.len(), 202);
        assert_eq!((list[0].unit.as_str(), list[199].unit.as_str()), ("000", "199"));
        assert_eq!((list[200].code.as_str(), &list[201].figures["more"]), ("b", &serde_json::json!(50)));
    }
}
