//! What a county sets: limits, reminders, what lateness means, the calendar. A TOML document with version and author.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::calendar::{MAX_DAYS, WorkCalendar, WrittenCalendar};

/// The document that is shipped.
pub const SHIPPED_WORKFLOW: &str = include_str!("../rules/workflow.toml");
/// The name under which a county's own versions are kept.
pub const WORKFLOW_NAME: &str = "workflow";

/// The settings of the review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewSettings {
    /// Version of the document.
    pub version: String,
    /// Working days a department has unless the officer says otherwise.
    pub default_days: u32,
    /// 逾期视同无意见.
    pub overdue_counts_as_no_opinion: bool,
    /// Working days before the last one at which reminders begin.
    pub remind_days_before: u32,
    /// Whether a new red line in 补正 makes every department be asked again.
    pub ask_again_after_new_red_line: bool,
    /// Working days.
    pub calendar: WorkCalendar,
}

/// A settings document that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// It is not the TOML it should be.
    #[error("审查设置无法读取：请检查字段名与格式；the settings of the review cannot be read: look at names and form")]
    Unreadable {
        /// What the reader said.
        #[source]
        source: toml::de::Error,
    },
    /// An entry means nothing.
    #[error("审查设置中的“{entry}”无效；the entry `{entry}` of the review's settings is not valid")]
    Entry {
        /// The entry.
        entry: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    document: Head,
    default_days: u32,
    overdue_counts_as_no_opinion: bool,
    remind_days_before: u32,
    ask_again_after_new_red_line: bool,
    calendar: WrittenCalendar,
}

/// What a document says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    title: String,
    version: String,
    author: String,
    effective_from: NaiveDate,
}

impl ReviewSettings {
    /// Reads a document; its version is the one it was taken in by, or what it says itself.
    pub fn read(text: &str, taken_in_by: Option<&str>) -> Result<Self, SettingsError> {
        let written: Written = toml::from_str(text).map_err(|source| SettingsError::Unreadable { source })?;
        for (name, days) in [("default_days", written.default_days), ("remind_days_before", written.remind_days_before)]
        {
            if days > MAX_DAYS {
                return Err(SettingsError::Entry { entry: format!("{name} = {days}") });
            }
        }
        Ok(Self {
            version: taken_in_by.map_or(written.document.version, str::to_owned),
            default_days: written.default_days,
            overdue_counts_as_no_opinion: written.overdue_counts_as_no_opinion,
            remind_days_before: written.remind_days_before,
            ask_again_after_new_red_line: written.ask_again_after_new_red_line,
            calendar: WorkCalendar::read(&written.calendar).map_err(|entry| SettingsError::Entry { entry })?,
        })
    }

    /// The settings that are shipped.
    ///
    /// # Panics
    /// Never: a test reads the shipped document.
    #[must_use]
    pub fn shipped() -> Self {
        Self::read(SHIPPED_WORKFLOW, None).expect("a test reads the shipped document")
    }
}
