//! Why Tianditu gave no tile, understood from status and body, and what to tell the client and ourselves.

use axum::http::StatusCode;
use chrono::TimeDelta;
use serde::Deserialize;

use crate::problem::Problem;

/// A reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// 403 with the service's code: 1 the key is invalid, 7 wrong domain, 12 and 18 wrong type of key.
    Key(u32),
    /// 418: taken for an attack.
    Attack,
    /// 429, or our own budget.
    Budget,
    /// 404 or 204.
    NoTile,
    /// Anything else that is no picture.
    NoPicture,
    /// No answer.
    Unreachable,
}

/// The body of a 403.
#[derive(Debug, Deserialize)]
struct Body {
    code: serde_json::Value,
}

impl Refusal {
    /// Understands an answer that is not a tile.
    pub(super) fn of_answer(status: u16, body: &[u8]) -> Self {
        let code = serde_json::from_slice::<Body>(body).ok().and_then(|body| match body.code {
            serde_json::Value::Number(number) => number.as_u64(),
            serde_json::Value::String(text) => text.trim().parse().ok(),
            _ => None,
        });
        tracing::warn!(status, code, "Tianditu refused a tile");
        match (status, code) {
            (418, _) => Self::Attack,
            (429, _) => Self::Budget,
            (404 | 204, _) => Self::NoTile,
            (401 | 403, code) => Self::Key(code.and_then(|code| u32::try_from(code).ok()).unwrap_or(0)),
            // Some nodes refuse with 200 and the same body.
            (_, Some(code)) => Self::Key(u32::try_from(code).unwrap_or(0)),
            _ => Self::NoPicture,
        }
    }

    /// No answer, with the reason for the log. The error must not hold the URL.
    pub(super) fn unreachable(error: &reqwest::Error) -> Self {
        tracing::warn!(%error, "Tianditu cannot be reached");
        Self::Unreachable
    }

    /// How long to leave the service in peace. Asking on with a bad key, or after an alarm, gets an address blocked.
    pub(super) fn pause(&self) -> Option<TimeDelta> {
        match self {
            Self::Attack => Some(TimeDelta::minutes(30)),
            Self::Key(_) | Self::Budget => Some(TimeDelta::minutes(10)),
            Self::Unreachable => Some(TimeDelta::seconds(5)),
            Self::NoTile | Self::NoPicture => None,
        }
    }

    /// What the client is told.
    pub(super) fn problem(&self) -> Problem {
        let gateway = |zh: &str, en: &str| Problem::new(StatusCode::BAD_GATEWAY, zh, en);
        match self {
            Self::Key(1) => gateway(
                "天地图拒绝：密钥非法（代码 1），请管理员检查密钥",
                "Tianditu refused: the key is invalid (code 1).",
            ),
            Self::Key(7) => gateway(
                "天地图拒绝：域名不匹配（代码 7），请换用服务端密钥",
                "Tianditu refused: the key is bound to a domain (code 7); use a server key.",
            ),
            Self::Key(12 | 18) => gateway(
                "天地图拒绝：密钥类型不对（代码 12/18），请换用服务端密钥",
                "Tianditu refused: wrong type of key (code 12 or 18); use a server key.",
            ),
            Self::Key(_) => gateway(
                "天地图拒绝了密钥或权限（403），请管理员检查密钥",
                "Tianditu refused the key or its rights (403).",
            ),
            Self::Attack => gateway(
                "天地图把请求判为疑似攻击（418），已暂停请求；请管理员检查密钥是否含空格或地址是否被封",
                "Tianditu took the request for an attack (418); requests are paused.",
            ),
            Self::Budget => Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "天地图当日配额已用完，请明日再试或提高该图层的 daily budget",
                "Today's Tianditu quota is used up.",
            ),
            Self::NoTile => Problem::missing("天地图在此没有瓦片", "Tianditu has no tile here."),
            Self::NoPicture => gateway("天地图返回的不是图片", "Tianditu's answer is no picture."),
            Self::Unreachable => {
                gateway("无法连接天地图，请稍后再试", "Tianditu cannot be reached; try again later.").retry_after(5)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bodies_of_refusals_are_understood() {
        let check =
            |status, body: &str, expected| assert_eq!(Refusal::of_answer(status, body.as_bytes()), expected, "{body}");
        check(403, r#"{"msg":"非法Key","resolve":"请检查","code":1}"#, Refusal::Key(1));
        check(403, r#"{"msg":"权限类型错误","resolve":"","code":"12"}"#, Refusal::Key(12));
        check(403, "<html>", Refusal::Key(0));
        check(200, r#"{"msg":"域名不匹配","code":7}"#, Refusal::Key(7));
        check(418, "", Refusal::Attack);
        check(429, "", Refusal::Budget);
        check(404, "", Refusal::NoTile);
        check(500, "oops", Refusal::NoPicture);
    }
}
