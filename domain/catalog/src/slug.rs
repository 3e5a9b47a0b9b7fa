//! The two names that appear in every URL: the dataset's slug and the revision's identifier.
//!
//! Both are `[a-z0-9][a-z0-9-]{0,62}`, so that they need no escaping in a path, a file name or SQL,
//! and `{slug}@{revision}` splits in one way only. Titles in any language are elsewhere.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::CatalogError;

/// Longest slug or revision identifier, in bytes.
const MAX_BYTES: usize = 63;

fn is_well_formed(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= MAX_BYTES
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

macro_rules! url_name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the form `[a-z0-9][a-z0-9-]{0,62}`.
            pub fn parse(text: &str) -> Result<Self, CatalogError> {
                if is_well_formed(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(CatalogError::BadName { what: $what, text: text.chars().take(80).collect() })
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = CatalogError;

            fn try_from(text: String) -> Result<Self, CatalogError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

url_name!(
    /// A dataset's name in URLs.
    Slug,
    "数据集标识 / dataset slug"
);

url_name!(
    /// A revision's name in URLs; unique within its dataset.
    RevisionId,
    "版本标识 / revision id"
);

impl RevisionId {
    /// An identifier that sorts by time and reads as a date: `20240501-083000-9f3a6c21`.
    /// `random` keeps two imports of one second apart; the caller owns both clock and randomness.
    #[must_use]
    pub fn from_time(now: DateTime<Utc>, random: u32) -> Self {
        Self(format!("{}-{random:08x}", now.format("%Y%m%d-%H%M%S")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_need_escaping_are_refused() {
        for good in ["a", "0", "dlg-2024", &"a".repeat(63)] {
            assert_eq!(Slug::parse(good).expect(good).as_str(), good);
        }
        for bad in ["", "-a", "A", "a_b", "a/b", "..", "a@b", "地类", "a b", &"a".repeat(64)] {
            assert!(Slug::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn identifiers_made_from_time_are_well_formed_and_sort_by_time() {
        let early = DateTime::from_timestamp(1_700_000_000, 0).expect("a valid instant");
        let late = DateTime::from_timestamp(1_700_000_001, 0).expect("a valid instant");
        let (a, b) = (RevisionId::from_time(early, u32::MAX), RevisionId::from_time(late, 0));
        assert!(a < b);
        assert_eq!(RevisionId::parse(a.as_str()).expect("well formed"), a);
        assert_eq!(a.as_str(), "20231114-221320-ffffffff");
    }
}
