//! The same county every time, compared before any file format has a say.

use crate::made;
use samples::delivery::{Scope, make};

#[test]
fn two_runs_make_the_same_content() {
    let first = &made().content;
    let nowhere = made().folder.path().join("nowhere");
    let second = make(&nowhere, Scope::Nothing, &mut |_| {}).expect("the county can be made again");
    assert!(!nowhere.exists(), "a run without files touches none");
    assert!(first.fingerprints.len() > 30, "{:?}", first.fingerprints.keys());
    let differing: Vec<&String> = first
        .fingerprints
        .iter()
        .filter(|(name, print)| second.fingerprints.get(*name) != Some(print))
        .map(|(name, _)| name)
        .collect();
    assert!(differing.is_empty(), "made differently the second time: {differing:?}");
    assert_eq!(*first, second);
}
