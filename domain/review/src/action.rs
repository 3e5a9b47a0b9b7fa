//! What people can do to a project, and by whom and in which states each of it may be done: one table.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::person::Role;
use crate::project::{OpinionVerdict, ProjectState};

/// A department to be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// The department.
    pub id: String,
    /// Working days; by default what the settings say.
    #[serde(default)]
    pub days: Option<u32>,
}

/// Something done to a project. `unit` is for who acts for every unit; others speak for their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// 征求意见; again, to ask further departments.
    Send {
        /// Whom.
        units: Vec<Invitation>,
    },
    /// 反馈: drafts the department's opinion.
    Opinion {
        /// For which department.
        #[serde(default)]
        unit: Option<String>,
        /// What.
        verdict: OpinionVerdict,
        /// Why, or on which condition.
        #[serde(default)]
        text: String,
        /// Marked-up geometry.
        #[serde(default)]
        geometry: Option<Value>,
        /// Attachments.
        #[serde(default)]
        attachments: Vec<String>,
    },
    /// 负责人签发.
    Sign {
        /// For which department.
        #[serde(default)]
        unit: Option<String>,
    },
    /// 负责人退回修改: the draft goes back to the officer.
    SendBack {
        /// For which department.
        #[serde(default)]
        unit: Option<String>,
        /// Why.
        text: String,
    },
    /// 要求补正.
    AskSupplement {
        /// For which department.
        #[serde(default)]
        unit: Option<String>,
        /// What is to be mended.
        text: String,
    },
    /// 补正后重新提交, or taking up a returned project.
    Resubmit {
        /// What was mended.
        text: String,
    },
    /// 汇总.
    Summarise {
        /// The summary.
        text: String,
    },
    /// 协调会.
    Meet {
        /// The minutes.
        text: String,
    },
    /// 生成 or 退回.
    Decide {
        /// Which.
        approve: bool,
        /// Why.
        text: String,
    },
    /// 撤回.
    Withdraw {
        /// Why.
        #[serde(default)]
        text: String,
    },
    /// 移交: the project to another officer of the lead unit, or a department's part to another of its officers.
    HandOver {
        /// To whom.
        account: String,
    },
    /// Records a number of 选址意见书, 许可证 and the like.
    Number {
        /// What it is the number of.
        kind: String,
        /// The number.
        number: String,
        /// Its date.
        date: NaiveDate,
    },
}

/// Who, in relation to the project, may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Of the lead unit.
    Lead,
    /// Of a department that was asked.
    Asked,
}

/// A line of the table: with that role and standing, in those states.
#[derive(Debug, Clone, Copy)]
pub struct Right {
    /// The action.
    pub action: &'static str,
    /// The role.
    pub role: Role,
    /// The standing.
    pub standing: Standing,
    /// The states.
    pub states: &'static [ProjectState],
}

use ProjectState::{Approved, Checked, Consulting, Meeting, Registered, Returned, Summarised, Supplementing};

const RUNNING: &[ProjectState] = &[Registered, Checked, Consulting, Supplementing, Summarised, Meeting];
const EDITABLE: &[ProjectState] = &[Registered, Checked, Supplementing];

/// Who may do what, when. What has no line here may not be done.
pub const RIGHTS: &[Right] = &[
    Right { action: "edit", role: Role::LeadOfficer, standing: Standing::Lead, states: EDITABLE },
    Right { action: "red_line", role: Role::LeadOfficer, standing: Standing::Lead, states: EDITABLE },
    Right { action: "check", role: Role::LeadOfficer, standing: Standing::Lead, states: RUNNING },
    Right { action: "send", role: Role::LeadOfficer, standing: Standing::Lead, states: &[Checked, Consulting] },
    Right { action: "opinion", role: Role::Officer, standing: Standing::Asked, states: &[Consulting, Supplementing] },
    Right { action: "sign", role: Role::Head, standing: Standing::Asked, states: &[Consulting, Supplementing] },
    Right { action: "send_back", role: Role::Head, standing: Standing::Asked, states: &[Consulting, Supplementing] },
    Right {
        action: "ask_supplement",
        role: Role::Officer,
        standing: Standing::Asked,
        states: &[Consulting, Supplementing],
    },
    Right {
        action: "ask_supplement",
        role: Role::LeadOfficer,
        standing: Standing::Lead,
        states: &[Consulting, Supplementing],
    },
    Right { action: "resubmit", role: Role::LeadOfficer, standing: Standing::Lead, states: &[Supplementing, Returned] },
    Right { action: "summarise", role: Role::LeadOfficer, standing: Standing::Lead, states: &[Consulting] },
    Right { action: "meet", role: Role::LeadOfficer, standing: Standing::Lead, states: &[Summarised, Meeting] },
    Right { action: "decide", role: Role::Head, standing: Standing::Lead, states: &[Summarised, Meeting] },
    Right { action: "withdraw", role: Role::LeadOfficer, standing: Standing::Lead, states: RUNNING },
    Right { action: "hand_over", role: Role::LeadOfficer, standing: Standing::Lead, states: RUNNING },
    Right { action: "hand_over", role: Role::Head, standing: Standing::Lead, states: RUNNING },
    Right { action: "hand_over", role: Role::Officer, standing: Standing::Asked, states: &[Consulting, Supplementing] },
    Right { action: "hand_over", role: Role::Head, standing: Standing::Asked, states: &[Consulting, Supplementing] },
    Right { action: "number", role: Role::LeadOfficer, standing: Standing::Lead, states: &[Approved] },
];

impl Action {
    /// The name in JSON and in the table.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Send { .. } => "send",
            Self::Opinion { .. } => "opinion",
            Self::Sign { .. } => "sign",
            Self::SendBack { .. } => "send_back",
            Self::AskSupplement { .. } => "ask_supplement",
            Self::Resubmit { .. } => "resubmit",
            Self::Summarise { .. } => "summarise",
            Self::Meet { .. } => "meet",
            Self::Decide { .. } => "decide",
            Self::Withdraw { .. } => "withdraw",
            Self::HandOver { .. } => "hand_over",
            Self::Number { .. } => "number",
        }
    }

    /// The department the actor says to speak for.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        match self {
            Self::Opinion { unit, .. }
            | Self::Sign { unit }
            | Self::SendBack { unit, .. }
            | Self::AskSupplement { unit, .. } => unit.as_deref(),
            _ => None,
        }
    }
}
