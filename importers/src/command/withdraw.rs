//! `withdraw`: records that a revision no longer counts, and says which projects relied on it.
//!
//! Nothing is removed: the revision stays readable by its own address, and whoever asks what was known before today
//! still gets it. What has to happen next is people's business, so the projects are named.

use catalog::{Catalog, CatalogError, ProjectQuery, ProjectRow, RevisionId, Slug};
use chrono::{DateTime, Utc};
use importers::importer::Text;
use serde_json::{Value, json};

use super::add::{catalog_failure, runtime};
use super::args::WithdrawArgs;
use super::{Exit, WrongCall, report};

/// Projects named at most; the rest are counted.
const MOST_PROJECTS: u32 = 10_000;

/// What withdrawing came to.
enum Withdrawn {
    /// It counts no more; these projects relied on it, of so many.
    Now(u64, Vec<ProjectRow>),
    /// It did not count any more already.
    Before(DateTime<Utc>),
}

/// Runs the command.
pub(crate) fn run(args: &WithdrawArgs) -> Result<Exit, WrongCall> {
    let named = args
        .revision
        .split_once('@')
        .and_then(|(slug, revision)| Some((Slug::parse(slug).ok()?, RevisionId::parse(revision).ok()?)));
    let Some((slug, revision)) = named else {
        return Err(WrongCall(Text::new(
            format!("请写 数据集@版本,如 farmland@20240101-000000-0001:{}", args.revision),
            format!("write dataset@revision, like farmland@20240101-000000-0001: {}", args.revision),
        )));
    };
    let reason = args.reason.trim();
    if reason.is_empty() {
        return Err(WrongCall(Text::new("--reason 不能为空", "--reason must say why")));
    }
    if !args.data.join("catalog.sqlite").is_file() {
        return Err(WrongCall(Text::new(
            format!("{} 不是数据目录", args.data.display()),
            format!("{} is not the folder of a catalogue", args.data.display()),
        )));
    }
    let operator = args.operator.as_deref().unwrap_or_default();
    let withdrawn = runtime()?.block_on(async {
        let catalog = Catalog::open(&args.data).await?;
        let withdrawn = withdraw(&catalog, (&slug, &revision), operator, reason).await;
        catalog.close().await;
        withdrawn
    });
    match withdrawn {
        Ok(Withdrawn::Now(count, projects)) => {
            say(args, count, &projects);
            Ok(Exit::Done)
        }
        Ok(Withdrawn::Before(at)) => Err(WrongCall(Text::new(
            format!("{} 已于 {} 撤回", args.revision, at.to_rfc3339()),
            format!("{} was withdrawn at {}", args.revision, at.to_rfc3339()),
        ))),
        Err(error) => {
            let mut failure = catalog_failure(&args.data, &error);
            failure.text = Text::new("未撤回", "nothing was withdrawn");
            if args.json {
                report::print_json(&json!({ "failed": failure }));
            } else {
                let mut lines = report::Lines::default();
                lines.failure(&failure);
                report::print(&lines.0);
            }
            Ok(if matches!(error, CatalogError::RevisionMissing { .. }) { Exit::Refused } else { Exit::Failed })
        }
    }
}

async fn withdraw(
    catalog: &Catalog,
    (slug, revision): (&Slug, &RevisionId),
    operator: &str,
    reason: &str,
) -> Result<Withdrawn, CatalogError> {
    let known = catalog.revision_list(slug).await?;
    if let Some(at) = known.iter().find(|one| one.id == *revision).and_then(|one| one.withdrawn) {
        return Ok(Withdrawn::Before(at));
    }
    catalog.revision_withdraw(slug, revision, operator, reason, Utc::now()).await?;
    let relied_on = Some((slug.to_string(), revision.to_string()));
    let question = ProjectQuery { relied_on, limit: MOST_PROJECTS, ..ProjectQuery::default() };
    let (count, projects) = catalog.project_list(&question).await?;
    Ok(Withdrawn::Now(count, projects))
}

fn say(args: &WithdrawArgs, count: u64, projects: &[ProjectRow]) {
    if args.json {
        let projects: Vec<Value> = projects
            .iter()
            .map(|row| json!({ "id": row.id, "code": row.code, "name": row.name, "state": row.state }))
            .collect();
        let told = json!({ "withdrawn": args.revision, "relied_on_by": count, "projects": projects });
        return report::print_json(&told);
    }
    let mut lines = report::Lines::default();
    lines.add(format_args!("✓ {} 已撤回 · withdrawn", args.revision));
    match count {
        0 => lines.add(format_args!("  没有项目以它为依据 · no project relied on it")),
        _ => lines
            .add(format_args!("  {count} 个项目曾以它为依据,请复核 · projects relied on it and need another look:")),
    }
    for row in projects {
        lines.add(format_args!("    {}  {}", row.code, row.name));
    }
    report::print(&lines.0);
}
