//! `basemap`: registers a layer of Tianditu as a live, proxied basemap.
//!
//! Nothing is fetched and no key is kept: the server holds the key and asks the service tile by
//! tile. There is no download of areas, which the service forbids.

use catalog::{Catalog, DatasetKind, LiveSource, NewDataset, Slug, TiandituLayer, TiandituSource};
use chrono::Utc;
use importers::importer::Text;
use serde_json::json;

use super::add::catalog_failure;
use super::args::BasemapArgs;
use super::{Exit, WrongCall, report};

/// Runs the command.
pub(crate) fn run(args: &BasemapArgs) -> Result<Exit, WrongCall> {
    let slug = Slug::parse(&args.dataset).map_err(|error| WrongCall(Text::new(error.to_string(), "--dataset")))?;
    let layer = TiandituLayer::from_name(&args.layer).ok_or_else(|| {
        WrongCall(Text::new(
            format!("天地图没有图层 {},可选 vec、cva、img、cia、ter、cta", args.layer),
            format!("Tianditu has no layer {}; choose vec, cva, img, cia, ter or cta", args.layer),
        ))
    })?;
    let mut source = TiandituSource::public(layer);
    if let Some(base_url) = &args.base_url {
        let example = base_url.replace("{s}", "0");
        let good =
            url::Url::parse(&example).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !good {
            return Err(WrongCall(Text::new(
                format!("--base-url 应为 http(s)://主机:{base_url}"),
                format!("--base-url must be http(s)://host: {base_url}"),
            )));
        }
        source.base_url.clone_from(base_url);
    }
    if let Some(budget) = args.daily_budget {
        source.daily_budget = budget;
    }
    source.map_approval_number.clone_from(&args.map_approval_number);
    if let Some([west, south, east, north]) = args.bounds.as_deref() {
        source.bounds_lon_lat_deg = [*west, *south, *east, *north];
    }
    let (zh, en) = layer.titles();
    let mut dataset = NewDataset::new(slug, DatasetKind::Basemap);
    dataset.title = Some(args.title.clone().unwrap_or_else(|| zh.to_owned()));
    dataset.title_en = Some(en.to_owned());

    let runtime = super::add::runtime()?;
    let registered = runtime.block_on(async {
        let catalog = Catalog::open(&args.data).await?;
        let registered = catalog.live_register(&dataset, &LiveSource::Tianditu(source), Utc::now()).await;
        catalog.close().await;
        registered
    });
    if let Err(error) = registered {
        let failure = catalog_failure(&args.data, &error);
        if args.json {
            report::print_json(&json!({ "failed": failure }));
        } else {
            let mut lines = report::Lines::default();
            lines.failure(&failure);
            report::print(&lines.0);
        }
        return Ok(Exit::Failed);
    }
    if args.json {
        report::print_json(&json!({ "registered": dataset.slug, "layer": layer.as_str() }));
    } else {
        report::print(&format!(
            "✓ {} 已登记为在线底图;服务启动时须提供天地图密钥\n  registered as a live basemap; give the server a Tianditu key\n",
            dataset.slug
        ));
    }
    Ok(Exit::Done)
}
