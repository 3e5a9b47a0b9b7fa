//! Who acts: people in units (州/县 > 部门), what they may do by role.
//!
//! An account has one unit and one or more roles. The administrator administers and decides nothing: business rights come
//! only with business roles. Where rights later come from elsewhere (OIDC, a second factor, graded data), that place
//! makes an [`Actor`] too; nothing behind it asks how the person was recognised.

use serde::{Deserialize, Serialize};

/// What an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// 系统管理员: accounts, units, rules; no say in projects.
    Admin,
    /// 牵头单位经办: registers projects, sends them round, sums up.
    LeadOfficer,
    /// 部门经办: drafts the opinion of a department.
    Officer,
    /// 部门负责人: countersigns the opinion of a department; that of the lead unit decides.
    Head,
    /// 只读: sees.
    Viewer,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [Self::Admin, Self::LeadOfficer, Self::Officer, Self::Head, Self::Viewer];

    /// The name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::LeadOfficer => "lead_officer",
            Self::Officer => "officer",
            Self::Head => "head",
            Self::Viewer => "viewer",
        }
    }

    /// What people call it.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Admin => "系统管理员",
            Self::LeadOfficer => "牵头单位经办",
            Self::Officer => "部门经办",
            Self::Head => "部门负责人",
            Self::Viewer => "只读",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// A thing with an identifier and the name it had when it was written down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Identifier.
    pub id: String,
    /// Name for people.
    pub name: String,
}

impl Named {
    /// Of these words.
    #[must_use]
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { id: id.into(), name: name.into() }
    }
}

/// Who acts now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Actor {
    /// The account, with the person's own name.
    pub account: Named,
    /// The unit the person speaks for.
    pub unit: Named,
    /// Roles.
    pub roles: Vec<Role>,
    /// Acts for every unit: the demonstration without accounts. Never true of a person with an account.
    pub every_unit: bool,
}

impl Actor {
    /// The actor of a demonstration without accounts.
    #[must_use]
    pub fn demonstration() -> Self {
        Self {
            account: Named::new("demo", "演示"),
            unit: Named::new("demo", "演示单位"),
            roles: Role::ALL.to_vec(),
            every_unit: true,
        }
    }

    /// Whether the actor has the role.
    #[must_use]
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether the actor speaks for that unit in that role.
    #[must_use]
    pub fn is_of(&self, role: Role, unit: &str) -> bool {
        self.is(role) && (self.every_unit || self.unit.id == unit)
    }
}
